"""Songs per second of `extract`, on one and two processes and on a Dask cluster of two workers.

Sixty stereo clips of 30 s at 44,100 Hz, half wav, half mp3. The peer is the usual loop with
librosa: load, mel spectrogram, MFCC, with the same parameters, in one process. `extract` does more:
it finds replicas by fingerprints and writes a store. Time counts from the moment when processes and
workers are running.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed
import librosa
import numpy as np

from features import FeatureSpec
from model_training.datasets import Dataset, open_dataset
from model_training.stores.extraction import extract
from model_training.stores.sound_features import Recipe
from tests.model_training import music

from .setting import median_row, row

GENRES = ("chaabi", "gnawa", "malhun")
CLIPS_PER_GENRE = 20
CLIP_S = 30
SPEC = FeatureSpec()


def write_clips(folder: Path) -> None:
    """Write the clips, a folder per genre."""
    for number in range(CLIPS_PER_GENRE * len(GENRES)):
        path = folder / GENRES[number % len(GENRES)] / f"song {number}"
        left = np.repeat(music.tune(CLIP_S, seed=number), 2, axis=0)
        sound = np.concatenate([left, np.roll(left, 40, axis=0)], axis=1)
        music.write(path.with_suffix((".wav", ".mp3")[number // len(GENRES) % 2]), sound, 44100)


def librosa_loop(dataset: Dataset) -> None:
    """The peer: load, mel spectrogram, dB and MFCC of every clip."""
    for clip in dataset.clips:
        samples, _ = librosa.load(clip.path, sr=SPEC.sample_rate)
        power = librosa.feature.melspectrogram(
            y=samples,
            sr=SPEC.sample_rate,
            n_fft=SPEC.n_fft,
            hop_length=SPEC.hop_length,
            n_mels=SPEC.n_mels,
            fmin=SPEC.fmin,
            fmax=SPEC.fmax,
        )
        log_mel = librosa.power_to_db(power, ref=np.max, top_db=SPEC.top_db)
        librosa.feature.mfcc(S=log_mel, n_mfcc=SPEC.n_mfcc)


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    with tempfile.TemporaryDirectory() as folder:
        write_clips(Path(folder) / "songs")
        dataset = open_dataset("folder", Path(folder) / "songs")
        few = dataclasses.replace(dataset, clips=_first_of_each_genre(dataset))
        stores = (Path(folder) / f"store {number}" for number in range(10**6))
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster:
            ways = dict(_ways(stores, cluster.scheduler_address))
            speeds: dict[str, list[float]] = {name: [] for name in ways}
            busy: dict[str, list[float]] = {name: [] for name in ways}
            for action in ways.values():
                action(few)
            for _ in range(rounds):
                # In turn, so that other work on the machine slows all of them alike.
                for name, action in ways.items():
                    started, worked = time.perf_counter(), time.process_time()
                    action(dataset)
                    speeds[name].append(len(dataset.clips) / (time.perf_counter() - started))
                    busy[name].append((time.process_time() - worked) / len(dataset.clips) * 1e3)
    peer, one, two, dask = speeds
    rows = [median_row(name, found, "songs/s", 1) for name, found in speeds.items()]
    for above, below in ((one, peer), (two, one), (dask, one)):
        ratio = np.median(np.divide(speeds[above], speeds[below]))
        rows.append(row(f"{above} / {below}", float(ratio), "x", 2))
    # Processor time, too: other work on the machine hardly changes it.
    rows += [
        median_row(f"processor time: {name}", busy[name], "ms/song", 1) for name in (peer, one)
    ]
    ratio = np.median(np.divide(busy[peer], busy[one]))
    return [*rows, row(f"processor time: {peer} / {one}", float(ratio), "x", 2)]


def _ways(
    stores: Iterator[Path], scheduler: str
) -> Iterator[tuple[str, Callable[[Dataset], object]]]:
    recipe = Recipe(SPEC)
    yield "librosa's loop, 1 process", librosa_loop
    yield "extract, 1 process", lambda data: extract(data, recipe, next(stores), jobs=1)
    yield "extract, 2 processes", lambda data: extract(data, recipe, next(stores), jobs=2)
    yield (
        "extract, Dask, 2 workers",
        lambda data: extract(data, recipe, next(stores), scheduler=scheduler),
    )


def _first_of_each_genre(dataset: Dataset) -> list[Any]:
    # As few clips as a data set may have, for the run before the measured ones.
    return [
        clip
        for genre in GENRES
        for clip in [clip for clip in dataset.clips if clip.genre == genre][:4]
    ]
