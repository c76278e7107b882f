"""A teacher's tags as a second target beside the genre.

A network that was trained on far more music names its tags ("guitar", "female vocalists", ...) for
short windows of our training tracks; the student learns them beside the genre (distillation:
Hinton, Vinyals and Dean, 2015) and so learns more from the same few clips. The head that learns the
tags is taken off after training.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features import FeatureSpec

from ..errors import TrainingError
from ..experiment import Distillation
from ..files import sha256, undamaged
from ..stores.tracks import Floats, Tracks

# Points within a segment at which the teacher's tags are read.
POINTS_PER_SEGMENT = 3
ADVICE = "put the teacher's tags beside the data, or leave [distillation] out."


@dataclasses.dataclass(frozen=True)
class TeacherTags:
    """Tags of some of the tracks.

    Attributes
    ----------
    values : float32 (n_tracks, n_windows, n_tags), between 0 and 1; zero for tracks without.
    known : bool (n_tracks,), which tracks have tags.
    window_s, hop_s : seconds that the teacher hears at a time, and from one window to the next.
    """

    values: Floats
    known: npt.NDArray[np.bool_]
    window_s: float
    hop_s: float

    @property
    def n_tags(self) -> int:
        """Tags per window."""
        return self.values.shape[2]

    def during(
        self,
        rows: npt.NDArray[np.int64],
        start_s: npt.NDArray[np.float64],
        end_s: npt.NDArray[np.float64],
    ) -> tuple[Floats, Floats]:
        """Mean tags (batch, n_tags) of the tracks `rows` from `start_s` to `end_s` (batch,).

        Between windows they are interpolated. The second value (batch,) is 1 where tags are known
        and 0 elsewhere.
        """
        last = self.values.shape[1] - 1
        total = np.zeros((len(rows), self.n_tags), dtype=np.float32)
        # Windows that lie within the segment begin between its start and its end less a window.
        latest = np.maximum(end_s - self.window_s, start_s)
        for point in np.linspace(0, 1, POINTS_PER_SEGMENT):
            position = np.clip((start_s * (1 - point) + latest * point) / self.hop_s, 0, last)
            low = np.minimum(position.astype(np.int64), max(0, last - 1))
            weight = (position - low)[:, None].astype(np.float32)
            high = np.minimum(low + 1, last)
            total += (1 - weight) * self.values[rows, low]
            total += weight * self.values[rows, high]
        total /= POINTS_PER_SEGMENT
        return total, self.known[rows].astype(np.float32)


def teacher_digest(folder: Path, options: Distillation) -> str | None:
    """The sha256 of the teacher's file; None when the experiment has no teacher.

    Raises
    ------
    TrainingError : when the file cannot be read.
    """
    if not options.active:
        return None
    try:
        return sha256(folder / options.teacher)
    except OSError as error:
        raise TrainingError(
            f"{folder / options.teacher}: cannot be read ({error.strerror}); {ADVICE}"
        ) from error


def load_teacher(
    folder: Path, options: Distillation, tracks: Tracks, spec: FeatureSpec
) -> TeacherTags | None:
    """The teacher's tags of `tracks`; None when the experiment has no teacher.

    The file holds `track` and `window` (n,) and `tags` (n, n_tags): the activations of window
    number `window`, which begins `window * hop_s` seconds into the track.

    Raises
    ------
    TrainingError : when the file is missing or damaged, or does not fit the tracks.
    """
    if not options.active:
        return None
    if spec.kind == "statistics":
        raise TrainingError("[distillation] needs segments in time; statistics have none.")
    if len(tracks.excerpt_track) != len(tracks):
        raise TrainingError(
            "[distillation] needs tracks of one excerpt each: windows are counted from its start."
        )
    path = folder / options.teacher
    names, window, tags = _read(path)
    row_of = {name: row for row, name in enumerate(tracks.names)}
    rows = np.array([row_of.get(name, -1) for name in names])
    mine = rows >= 0
    if not mine.any():
        raise TrainingError(f"{path}: knows none of the training tracks.")
    values = np.full((len(tracks), int(window.max()) + 1, tags.shape[1]), np.nan, np.float32)
    values[rows[mine], window[mine]] = tags[mine]
    counted = np.isfinite(values[:, :, 0])
    # Tracks differ by a window in length: the last one stands for those that follow.
    for number in range(1, values.shape[1]):
        missing = ~counted[:, number]
        values[missing, number] = values[missing, number - 1]
    last = counted.shape[1] - counted[:, ::-1].argmax(axis=1)
    known: npt.NDArray[np.bool_] = counted.sum(axis=1) > 0
    if (counted.sum(axis=1) != last)[known].any() or mine.sum() != counted.sum():
        raise TrainingError(f"{path}: a track lacks a window between others, or has one twice.")
    return TeacherTags(np.nan_to_num(values), known, options.window_s, options.hop_s)


def _read(path: Path) -> tuple[list[str], npt.NDArray[np.int64], Floats]:
    """Track, window and tags of a teacher's file, each of the same length."""
    if not path.is_file():
        raise TrainingError(f"{path}: not there; {ADVICE}")
    with undamaged(path), np.load(path) as file:
        names, window, tags = file["track"], file["window"], file["tags"]
    if not (
        names.ndim == window.ndim == 1
        and tags.ndim == 2
        and len(names) == len(window) == len(tags) > 0
        and tags.shape[1] > 0
        and window.dtype.kind in "iu"
        and tags.dtype.kind == "f"
        # More windows than rows cannot be counted from 0.
        and 0 <= int(window.min()) <= int(window.max()) < len(window)
        and np.isfinite(tags).all()
    ):
        raise TrainingError(f"{path}: track, window and tags do not fit together.")
    if tags.min() < 0 or tags.max() > 1:
        raise TrainingError(f"{path}: tags must lie between 0 and 1.")
    return [str(name) for name in names], window.astype(np.int64), tags.astype(np.float32)
