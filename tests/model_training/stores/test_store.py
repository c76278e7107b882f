"""Stores that `extract` writes: read back, checked, refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features import FeatureSpec
from model_training.errors import TrainingError
from model_training.stores.levels import to_levels
from model_training.stores.store import check_split, open_store, split_store
from model_training.stores.store_writer import About, Excerpts, StoredTrack, write_store
from model_training.stores.tracks import cut, features_at

SPEC = FeatureSpec(n_frames=8, n_mels=12, n_mfcc=12)
TABLE = FeatureSpec(kind="statistics", statistics=("rms", "tempo"), standardise=False)
GENRES = ("chaabi", "gnawa")


def log_mel_of(row: int) -> np.ndarray:
    """Two excerpts of a track, of 20 and 9 columns."""
    return np.random.default_rng(row).uniform(-80, 0, (29, 12)).astype(np.float32)


def excerpts_of(row: int) -> Excerpts:
    copy = np.clip(log_mel_of(row)[:10] - 3, -80, 0)
    return Excerpts(
        values=to_levels(np.concatenate([log_mel_of(row), copy]), 80.0),
        start=np.array([0.0, 30.0, 0.0]),
        columns=np.array([20, 9, 10], np.int32),
        copy=np.array([0, 0, 1], np.int16),
    )


def statistics_of(row: int) -> Excerpts:
    return Excerpts(
        values=np.array([[row, 0.5, 120], [row + 0.25, 0.5, 121]], np.float32),
        start=np.array([0.0, 30.0]),
        columns=np.ones(2, np.int32),
        copy=np.zeros(2, np.int16),
    )


def rows(n: int) -> list[StoredTrack]:
    return [
        StoredTrack(
            track=f"{GENRES[i % 2]}/{i}", genre=GENRES[i % 2], group=f"artist {i // 4}-{i % 2}",
            split="", seconds=40.0, path=f"{GENRES[i % 2]}/{i}.wav",
        )
        for i in range(n)
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    about = About(spec=SPEC, name="Own", licence="mine", citation="", command="extract")
    write_store(tmp_path / "store", about, rows(24), excerpts_of)
    return tmp_path / "store"


def test_a_written_store_is_read_back(folder):
    store = open_store(folder)
    assert (store.name, store.licence, store.genres) == ("Own", "mine", GENRES)
    tracks = store.load(SPEC, ["gnawa/5", "chaabi/2"])
    assert tracks.labels.tolist() == [1, 0]
    assert tracks.groups == ["artist 1-1", "artist 0-0"]
    assert tracks.excerpt_columns.tolist() == [20, 9, 20, 9]
    np.testing.assert_allclose(
        tracks.values, np.concatenate([log_mel_of(5), log_mel_of(2)]), atol=80 / 512 + 1e-4
    )
    first, track = cut(tracks, SPEC)
    assert first.tolist() == [0, 8, 20, 29, 37, 49]
    assert track.tolist() == [0, 0, 0, 1, 1, 1]


def test_only_training_gets_copies(folder):
    store = open_store(folder)
    tracks = store.load(SPEC, ["chaabi/0"], copies=True)
    assert tracks.excerpt_columns.tolist() == [20, 9, 10]
    assert tracks.excerpt_track.tolist() == [0, 0, 0]


def test_statistics_are_read(tmp_path):
    about = About(spec=TABLE, name="Own", licence="mine", citation="", command="extract")
    write_store(tmp_path / "store", about, rows(4), statistics_of)
    tracks = open_store(tmp_path / "store").load(TABLE, ["gnawa/3", "chaabi/0"])
    first, track = cut(tracks, TABLE)
    assert track.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(features_at(tracks, first, TABLE)[:, 0], [3, 3.25, 0, 0.25])


def test_experiments_may_differ_in_steps_after_the_log_mel(folder):
    store = open_store(folder)
    names = ["chaabi/0"]
    change: dict[str, Any]
    for change in ({"n_mfcc": 5}, {"kind": "log_mel"}, {"standardise": False}, {"n_frames": 4}):
        spec = FeatureSpec(**{**SPEC.__dict__, **change})
        assert store.load(spec, names).values.shape == (29, 12)
    for change in ({"hop_length": 512}, {"n_mels": 20}, {"top_db": 60.0}, {"n_frames": 16}):
        spec = FeatureSpec(**{**SPEC.__dict__, **change})
        with pytest.raises(TrainingError, match=f"feature_spec: {next(iter(change))}"):
            store.load(spec, names)
    with pytest.raises(TrainingError, match="extract it again"):
        store.load(TABLE, names)


def test_a_changed_or_broken_store_is_refused(folder, tmp_path):
    for damage, sentence in (
        (lambda path: (path / "tracks.csv").write_text("track\n"), "checksum"),
        (lambda path: (path / "features.npz").unlink(), "not a complete feature store"),
        (lambda path: (path / "store.json").write_text("{"), "not a complete feature store"),
        (lambda path: (path / "store.json").write_text('{"format": 99}'), "format 99"),
    ):
        damaged = tmp_path / "damaged"
        shutil.copytree(folder, damaged)
        damage(damaged)
        with pytest.raises(TrainingError, match=sentence):
            open_store(damaged)
        shutil.rmtree(damaged)


def test_splits_are_asked_for_and_checked(folder):
    store = open_store(folder)
    with pytest.raises(TrainingError, match="model_training split"):
        store.split("train")
    split_store(folder, seed=1)
    check_split(store)
    train, test = store.split("train"), store.split("test")
    # A track of a training group among the test tracks.
    group = store.groups[train[0]]
    other = next(name for name in train[1:] if store.groups[name] == group)
    for part, names in (("train", [n for n in train if n != other]), ("test", [*test, other])):
        (folder / "splits" / f"{part}.txt").write_text("\n".join(names) + "\n")
    with pytest.raises(TrainingError, match="two sides"):
        check_split(store)
    (folder / "splits" / "test.txt").write_text("nobody\n")
    with pytest.raises(TrainingError, match="no track of this store"):
        store.split("test")
    (folder / "splits" / "test.txt").write_text("")
    with pytest.raises(TrainingError, match="names no track"):
        store.split("test")


def test_a_split_by_track_may_part_artists_but_not_recordings(folder):
    split_store(folder, by="track", seed=3)
    store = open_store(folder)
    parts = {part: {store.groups[name] for name in store.split(part)} for part in ("train", "test")}
    assert parts["train"] & parts["test"]  # groups of two tracks: some are parted
    check_split(store)
    store.replicas = [(store.split("train")[0], store.split("test")[0])]
    with pytest.raises(TrainingError, match="two sides"):
        check_split(store)


def test_the_description_says_how_it_was_made(folder):
    about = json.loads((folder / "store.json").read_text())
    assert about["command"] == "extract"
    assert about["n_tracks"] == 24
    assert about["n_excerpts"] == 72
