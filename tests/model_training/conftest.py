"""A small feature store in GTZAN's layout, with genres that can be told apart."""

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features import FeatureSpec
from model_training.stores.gtzan_store import GtzanStore
from model_training.stores.tracks import Tracks

Watcher = Callable[[list[str]], object]

GENRES = ("chaabi", "gnawa", "malhun")
TRACKS_PER_GENRE = {"train": 6, "valid": 2, "test": 3}


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    (folder / "splits").mkdir()
    rng = np.random.default_rng(0)
    tracks, genres, levels = [], [], []
    lines: dict[str, list[str]] = {split: [] for split in TRACKS_PER_GENRE}
    for index, genre in enumerate(GENRES):
        bands = np.arange(128)[:, None]
        shape = 60 * np.exp(-(((bands - 20 - 35 * index) / 12.0) ** 2))
        number = 0
        for split, count in TRACKS_PER_GENRE.items():
            for _ in range(count):
                name = f"{genre}.{number:05d}"
                number += 1
                tracks.append(name)
                genres.append(genre)
                levels.append(np.clip(150 + shape + rng.normal(0, 20, (128, 387)), 0, 255))
                lines[split].append(f"{genre}/{name}.wav")
    decibels = -80 * (1 - (np.array(levels) + 0.5) / 256)
    np.savez(
        folder / "logmel30s.npz",
        level=np.array(levels, dtype=np.uint8),
        track=np.array(tracks),
        genre=np.array(genres),
        range_db=np.full(len(tracks), 80, np.float32),
    )
    # The other arrays are of the same clips: the first seconds at a finer grid, whole clips of
    # two training tracks, and a table of statistics.
    whole = decibels.repeat(4, axis=2)[:, :, :1292]
    mean = decibels.mean(axis=(1, 2), keepdims=True)
    z = (whole - mean) / decibels.std(axis=(1, 2), keepdims=True)
    np.savez(
        folder / "first3s.npz", logmel=z[:, :116, :130].astype(np.float16), track=np.array(tracks)
    )
    np.savez(
        folder / "excerpts30s.npz",
        logmel=whole[[1, 2]][:, :116].astype(np.float16),
        track=np.array(tracks)[[1, 2]],
    )
    table = ["filename,rms_mean,rms_var,tempo,label"]
    for number, (track, genre) in enumerate(zip(tracks, genres, strict=True)):
        table.append(f"{track}.wav,{0.1 + GENRES.index(genre)},0.25,{90 + number},{genre}")
    (folder / "statistics30s.csv").write_text("\n".join(table) + "\n")
    for split, names in lines.items():
        # One track that the store lacks, as the unreadable one of the real list.
        names.append(f"{GENRES[0]}/{GENRES[0]}.99999.wav")
        (folder / "splits" / f"{split}_filtered.txt").write_text("\n".join(names) + "\n")
    (folder / "splits" / "valid_filtered.txt").write_text("\n".join(lines["valid"][:-1]) + "\n")
    (folder / "splits" / "test_filtered.txt").write_text("\n".join(lines["test"][:-1]) + "\n")
    artists = ["track,artist,title", "chaabi.00000,A,x", "chaabi.00008,A,y", "gnawa.00009,B,z"]
    (folder / "artists.csv").write_text("\n".join(artists) + "\n")
    (folder / "replicas.json").write_text(json.dumps([["chaabi.00000", "chaabi.00001", 1.0]]))
    return folder


@pytest.fixture(scope="session")
def experiment_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("experiment") / "small.toml"
    path.write_text(
        """title = "Small"
[feature_spec]
n_mfcc = 20
[architecture]
name = "mfcc_cnn"
options = { n_bands = 16, stem = 4, filters = [8, 8] }
[training]
epochs = 3
batch_size = 8
crops_per_track = 4
warmup_epochs = 0.5
learning_rate = 0.01
"""
    )
    return path


@pytest.fixture
def watch_loading(monkeypatch: pytest.MonkeyPatch) -> Callable[[Watcher], None]:
    """Call a function with the names of the tracks before each loading from GTZAN's store."""
    load = GtzanStore.load

    def watch(watcher: Watcher) -> None:
        def watched(
            self: GtzanStore, spec: FeatureSpec, names: list[str], copies: bool = False
        ) -> Tracks:
            watcher(names)
            return load(self, spec, names, copies)

        monkeypatch.setattr(GtzanStore, "load", watched)

    return watch


@pytest.fixture
def refuse_move(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Let the first move to a place fail, as on a full disk."""

    def refuse(place: Path) -> None:
        refused: list[Any] = []

        def guarded(move: Callable[..., None], source: Any, target: Any) -> None:
            if Path(target) == place and not refused:
                refused.append(source)
                raise OSError(28, "No space left on device")
            move(source, target)

        for name in ("rename", "replace"):
            monkeypatch.setattr(os, name, functools.partial(guarded, getattr(os, name)))

    return refuse
