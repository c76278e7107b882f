"""GTZAN as ready-made arrays, with the fault-filtered split.

The clips themselves are not public; these arrays, made of them once, are what the published
versions were trained on. The folder holds

- `logmel30s.npz`: `level` uint8 (n_tracks, 128, n_columns), `track` and `genre` (n_tracks,),
  `range_db` float32 (n_tracks,): dB below the clip's maximum is
  `-range_db * (1 - (level + 0.5) / 256)`. It is librosa's 128-band Slaney log-mel at 22,050 Hz,
  n_fft 2048, hop 512, `top_db` 80, at every 3.34th frame: one column every 77.6 ms. The stores
  that `extract` writes follow the same layout, with columns of all excerpts in one array.
- `first3s.npz`: `logmel` float16 (n_tracks, 116, 130), `track`: every frame (hop 512) of the first
  3 seconds, standardised by mean and deviation of the whole clip.
- `excerpts30s.npz`: `logmel` float16 (n, 116, 1292), `track`: every frame of the whole clip, in dB
  below its maximum, for some training and validation tracks.
- `statistics30s.csv`: the widely used table of 30 s statistics (`<name>_mean`, `<name>_var`).
- `splits/{train,valid,test}_filtered.txt`: one `genre/track.wav` per line (Kereliuk, Sturm and
  Larsen, "Deep learning and music adversaries", 2015).
- `artists.csv` (`track,artist,...`) and `replicas.json` (`[track, track, correlation]`).

GTZAN (Tzanetakis and Cook, "Musical genre classification of audio signals", 2002) has 10 genres of
100 clips of 30 s. Its clips carry no permission of their owners: research use.
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features import FeatureSpec
from features.mel import mel_edges
from features.statistics import statistics_names

from ..datasets import gtzan
from ..datasets.clips import Part
from ..errors import TrainingError
from ..files import undamaged
from . import levels
from .tracks import Floats, Tracks, of_equal_length

MAIN = "logmel30s.npz"
STORED_BANDS = 128
NYQUIST = 11025.0
# One stored column every 77.6 ms, to the sample.
COARSE_HOP = 1711
FINE_HOP = 512
FINE_BANDS = 116
SAME = {"sample_rate": 22050, "n_fft": 2048, "fmin": 0.0, "top_db": 80.0}


def _require(spec: FeatureSpec, wanted: dict[str, Any], what: str) -> None:
    for name, stored in wanted.items():
        value = getattr(spec, name)
        same = np.isclose(value, stored) if isinstance(stored, float) else value == stored
        if not same:
            raise TrainingError(
                f"feature_spec: {name} = {value!r}, but {what} of this store need {stored!r}."
            )


def check_spec(spec: FeatureSpec) -> None:
    """Refuse a spec whose features the store does not hold.

    Raises
    ------
    TrainingError : naming the parameter that differs.
    """
    if spec.kind == "statistics":
        whole_clip = {"hop_length": 512, "n_mels": 128, "fmax": NYQUIST, "n_frames": 1292}
        _require(spec, SAME | whole_clip, "the statistics")
        return
    if spec.hop_length not in (COARSE_HOP, FINE_HOP):
        raise TrainingError(
            f"feature_spec: hop_length = {spec.hop_length}, but this store holds log-mel at "
            f"{COARSE_HOP} (whole clips) and {FINE_HOP} (the first 3 s of each)."
        )
    # One dB reference per stored clip of half a minute, as the site has one per excerpt.
    _require(spec, {"excerpt_s": 30.0}, "the stored clips")
    if spec.hop_length == COARSE_HOP and spec.n_frames > 387:
        raise TrainingError("feature_spec: n_frames must be at most 387 at hop_length 1711.")
    if spec.n_mels > STORED_BANDS:
        raise TrainingError(f"feature_spec: n_mels must be at most {STORED_BANDS}.")
    edges = mel_edges(STORED_BANDS, 0.0, NYQUIST)
    _require(spec, SAME | {"fmax": float(edges[spec.n_mels + 1])}, f"{spec.n_mels} mel bands")
    if spec.hop_length == FINE_HOP:
        _require(spec, {"n_mels": FINE_BANDS, "standardise": True}, "columns at hop_length 512")
        if spec.n_frames > 130:
            raise TrainingError("feature_spec: n_frames must be at most 130 at hop_length 512.")


class GtzanStore:
    """The arrays of GTZAN; see `stores.protocol.Store` for what every store offers."""

    name = "GTZAN, fault-filtered split"
    licence = (
        "GTZAN's clips carry no permission of their owners; data and models are for research use."
    )
    # 22 test tracks of the published split share an artist with training, 35 with training and
    # validation: reported, not refused.
    groups_may_cross = True
    train_only = False

    def __init__(self, folder: Path):
        """Read the list of tracks.

        Raises
        ------
        TrainingError : when the folder is not such a store.
        """
        self.folder = folder
        self.folders: tuple[Path, ...] = (folder,)
        main = self._file(MAIN)
        with undamaged(main), np.load(main) as store:
            tracks = [str(track) for track in store["track"]]
            self.genre_of = dict(zip(tracks, map(str, store["genre"]), strict=True))
        self._row_of = {track: row for row, track in enumerate(tracks)}
        self.genres = tuple(sorted(set(self.genre_of.values())))
        artists = gtzan.read_artists(folder)
        self.groups = {track: artists.get(track, track) for track in tracks}
        self.replicas = gtzan.read_replicas(folder)
        self._splits = gtzan.read_splits(folder)

    def _file(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise TrainingError(f"{path}: not there; point --data at the arrays of GTZAN.")
        return path

    def split(self, which: Part) -> list[str]:
        """Tracks of "train", "validation" or "test", in the list's order, as far as stored."""
        if not self._splits:
            raise TrainingError(f"{self.folder}: has no splits/ with the fault-filtered lists.")
        names = [track for track in self._splits[which] if track in self._row_of]
        if not names:
            raise TrainingError(f"{self.folder}: the {which} list names none of the tracks stored.")
        return names

    def load(self, spec: FeatureSpec, names: list[str], copies: bool = False) -> Tracks:
        """Features of these tracks.

        With `copies` (for training), a spec at hop_length 512 gets the whole clips where they are
        stored beside the first 3 seconds.

        Raises
        ------
        TrainingError : when the spec does not fit or a file is missing.
        """
        check_spec(spec)
        labels = np.array([self.genres.index(self.genre_of[name]) for name in names])
        groups = [self.groups[name] for name in names]
        if spec.kind == "statistics":
            return of_equal_length(
                names, labels, groups, self.genres, self._statistics(spec, names)[:, None]
            )
        if spec.hop_length == COARSE_HOP:
            values = self._log_mel(names, spec.n_mels)
            return of_equal_length(names, labels, groups, self.genres, values)
        tracks = of_equal_length(names, labels, groups, self.genres, self._first_seconds(names))
        return self._with_whole_clips(tracks) if copies else tracks

    def _log_mel(self, names: list[str], n_mels: int) -> Floats:
        rows = [self._row_of[name] for name in names]
        with np.load(self._file(MAIN)) as store:
            level = store["level"][rows][:, :n_mels].transpose(0, 2, 1)
            range_db = store["range_db"][rows][:, None, None]
        return levels.to_db(level, range_db).astype(np.float32, copy=False)

    @functools.cached_property
    def _moments(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Mean and deviation (n_tracks,) of each whole clip's log-mel, all 128 bands."""
        with np.load(self._file(MAIN)) as store:
            level, range_db = store["level"], store["range_db"]
        # Of the levels, so that not all clips are in memory as floats.
        mean = np.array([clip.mean(dtype=np.float64) for clip in level])
        deviation = np.array([clip.std(dtype=np.float64) for clip in level])
        return (
            levels.to_db(mean, range_db).astype(np.float32),
            (levels.step_db(range_db) * deviation).astype(np.float32),
        )

    def _first_seconds(self, names: list[str]) -> Floats:
        with np.load(self._file("first3s.npz")) as store:
            row_of = {str(track): row for row, track in enumerate(store["track"])}
            stored = store["logmel"][[row_of[name] for name in names]].astype(np.float32)
        # Back to dB, so that augmentation in dB means the same everywhere.
        rows = [self._row_of[name] for name in names]
        mean, deviation = (moment[rows][:, None, None] for moment in self._moments)
        return np.ascontiguousarray((stored * deviation + mean).transpose(0, 2, 1))

    def _with_whole_clips(self, tracks: Tracks) -> Tracks:
        row_of = {name: row for row, name in enumerate(tracks.names)}
        with np.load(self._file("excerpts30s.npz")) as store:
            stored = [str(track) for track in store["track"]]
            chosen = [row for row, track in enumerate(stored) if track in row_of]
            whole = store["logmel"][chosen].astype(np.float32).transpose(0, 2, 1)
        n, columns, width = whole.shape
        track = np.concatenate([tracks.excerpt_track, [row_of[stored[row]] for row in chosen]])
        first = np.concatenate([tracks.excerpt_first, len(tracks.values) + np.arange(n) * columns])
        length = np.concatenate([tracks.excerpt_columns, np.full(n, columns)])
        order = np.argsort(track, kind="stable")
        return Tracks(
            names=tracks.names,
            labels=tracks.labels,
            groups=tracks.groups,
            genres=tracks.genres,
            values=np.concatenate([tracks.values, whole.reshape(n * columns, width)]),
            excerpt_track=track[order].astype(np.int64),
            excerpt_first=first[order].astype(np.int64),
            excerpt_columns=length[order].astype(np.int64),
            excerpt_start_s=np.zeros(len(order)),
            collection=tracks.collection,
        )

    def _statistics(self, spec: FeatureSpec, names: list[str]) -> Floats:
        path = self._file("statistics30s.csv")
        with path.open(encoding="utf-8", newline="") as file:
            row_of = {row["filename"].removesuffix(".wav"): row for row in csv.DictReader(file)}
        columns = [_table_column(name) for name in statistics_names(spec)]
        try:
            table = np.array(
                [[float(row_of[name][column]) for column, _ in columns] for name in names]
            )
        except KeyError as error:
            raise TrainingError(
                f"{path}: has no {error}; choose among the statistics of this table."
            ) from error
        is_variance = np.array([variance for _, variance in columns])
        return np.where(is_variance, np.sqrt(np.maximum(table, 0)), table).astype(np.float32)


def _table_column(name: str) -> tuple[str, bool]:
    """The table's column of one of our statistics, and whether it holds a variance."""
    name = name.replace("chroma_all", "chroma_stft")
    if name.endswith("_std"):
        return name.removesuffix("_std") + "_var", True
    return name, False
