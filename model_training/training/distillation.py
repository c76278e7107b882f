"""A teacher's tags as a second target beside the genre.

A network that was trained on far more music names its tags ("guitar", "female vocalists", ...) for
short windows of our training tracks; the student learns them beside the genre (distillation:
Hinton, Vinyals and Dean, 2015) and so learns more from the same few clips. The head that learns the
tags is taken off after training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError
from ..experiment import Distillation, Experiment
from ..files import sha256, undamaged
from ..stores.store import Data, folders_of
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
    hop_s : (n_tracks,), seconds from one of a track's windows to the next.
    window_s : seconds that the teacher hears at a time.
    """

    values: Floats
    known: npt.NDArray[np.bool_]
    hop_s: npt.NDArray[np.float64]
    window_s: float

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
        and 0 elsewhere, also where the times are NaN.
        """
        last = self.values.shape[1] - 1
        total = np.zeros((len(rows), self.n_tags), dtype=np.float32)
        timed = np.isfinite(start_s)
        start_s, end_s = np.where(timed, start_s, 0.0), np.where(timed, end_s, 0.0)
        # Windows that lie within the segment begin between its start and its end less a window.
        latest = np.maximum(end_s - self.window_s, start_s)
        for point in np.linspace(0, 1, POINTS_PER_SEGMENT):
            second = start_s * (1 - point) + latest * point
            position = np.clip(second / self.hop_s[rows], 0, last)
            low = np.minimum(position.astype(np.int64), max(0, last - 1))
            weight = (position - low)[:, None].astype(np.float32)
            high = np.minimum(low + 1, last)
            total += (1 - weight) * self.values[rows, low]
            total += weight * self.values[rows, high]
        total /= POINTS_PER_SEGMENT
        return total, (self.known[rows] & timed).astype(np.float32)


def teacher_files(data: Data, experiment: Experiment) -> list[Path | None]:
    """The file of the teacher's tags of each store in `data`; None for one without.

    Raises
    ------
    TrainingError : when the experiment has a teacher and no file is there, or not the one that a
        `[[data]]` table names.
    """
    folders = folders_of(data)
    if not experiment.distillation.active:
        return [None] * len(folders)
    named = [each.teacher for each in experiment.data] or [""] * len(folders)
    files = [
        folder / (name or experiment.distillation.teacher)
        for folder, name in zip(folders, named, strict=True)
    ]
    for path, name in zip(files, named, strict=True):
        if not path.is_file() and (name or len(files) == 1):
            raise TrainingError(f"{path}: not there; {ADVICE}")
    found = [path if path.is_file() else None for path in files]
    if not any(found):
        raise TrainingError(f"{files[0]}: not there, nor in another store; {ADVICE}")
    return found


def teacher_digest(data: Data, experiment: Experiment) -> str | None:
    """The sha256 of the teacher's file, of several one after the other; None without a teacher.

    Raises
    ------
    TrainingError : when a file is missing or cannot be read.
    """
    found = [path for path in teacher_files(data, experiment) if path]
    try:
        return " ".join(sha256(path) for path in found) or None
    except OSError as error:
        raise TrainingError(
            f"{error.filename}: cannot be read ({error.strerror}); {ADVICE}"
        ) from error


def load_teacher(data: Data, experiment: Experiment, tracks: Tracks) -> TeacherTags | None:
    """The teacher's tags of `tracks`; None when the experiment has no teacher.

    Each store's file holds `track` (n,), `tags` (n, n_tags), and either `window` (n,), the number
    of the window, which begins `window * hop_s` seconds into the track, or `start` (n,) in seconds,
    which must be evenly spaced from 0.

    Raises
    ------
    TrainingError : when a file is missing or damaged, or does not fit the tracks.
    """
    options = experiment.distillation
    if not options.active:
        return None
    if experiment.feature_spec.kind == "statistics":
        raise TrainingError("[distillation] needs segments in time; statistics have none.")
    parts = []
    for number, path in enumerate(teacher_files(data, experiment)):
        rows = np.flatnonzero(tracks.collection == number)
        if path and len(rows):
            parts.append((rows, *_of_tracks(path, [tracks.names[row] for row in rows], options)))
    if len({values.shape[2] for _, values, _, _ in parts}) > 1:
        raise TrainingError("[distillation] the stores' teachers have different numbers of tags.")
    n_windows = max(values.shape[1] for _, values, _, _ in parts)
    whole = np.zeros((len(tracks), n_windows, parts[0][1].shape[2]), np.float32)
    known = np.zeros(len(tracks), dtype=np.bool_)
    hop_s = np.full(len(tracks), options.hop_s)
    for rows, values, mine, hop in parts:
        missing = n_windows - values.shape[1]
        whole[rows] = np.pad(values, ((0, 0), (0, missing), (0, 0)), mode="edge")
        known[rows], hop_s[rows] = mine, hop
    return TeacherTags(whole, known, hop_s, options.window_s)


def _of_tracks(
    path: Path, names: Sequence[str], options: Distillation
) -> tuple[Floats, npt.NDArray[np.bool_], float]:
    """Tags (n_tracks, n_windows, n_tags), which tracks have some, and seconds between windows."""
    found, window, hop_s, tags = _read(path, options.hop_s)
    known_names = set(found)
    # Of two stores' tracks of one name, each has its store's name before it.
    own = [name if name in known_names else name.partition("/")[2] for name in names]
    row_of = {name: row for row, name in enumerate(own)}
    rows = np.array([row_of.get(name, -1) for name in found])
    mine = rows >= 0
    if not mine.any():
        raise TrainingError(f"{path}: knows none of the training tracks.")
    values = np.full((len(names), int(window.max()) + 1, tags.shape[1]), np.nan, np.float32)
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
    return np.nan_to_num(values), known, hop_s


def _read(path: Path, hop_s: float) -> tuple[list[str], npt.NDArray[np.int64], float, Floats]:
    """Track and window of each row of a teacher's file, seconds between windows, and tags."""
    with undamaged(path), np.load(path) as file:
        names, tags = file["track"], file["tags"]
        by_start = "start" in file
        window = file["start" if by_start else "window"]
    fault = TrainingError(f"{path}: track, window and tags do not fit together.")
    if not (
        names.ndim == window.ndim == 1
        and tags.ndim == 2
        and len(names) == len(window) == len(tags) > 0
        and tags.shape[1] > 0
        and tags.dtype.kind == "f"
        and np.isfinite(tags).all()
        and np.isfinite(window).all()
    ):
        raise fault
    if by_start:
        window, hop_s = _windows_of(window.astype(np.float64), path)
    # More windows than rows cannot be counted from 0.
    if window.dtype.kind not in "iu" or not 0 <= int(window.min()) <= int(window.max()) < len(
        window
    ):
        raise fault
    if tags.min() < 0 or tags.max() > 1:
        raise TrainingError(f"{path}: tags must lie between 0 and 1.")
    return [str(name) for name in names], window.astype(np.int64), hop_s, tags.astype(np.float32)


def _windows_of(
    start_s: npt.NDArray[np.float64], path: Path
) -> tuple[npt.NDArray[np.int64], float]:
    """Number of the windows that begin at these seconds, and the seconds between two."""
    later = start_s[start_s > 0]
    hop_s = float(later.min()) if len(later) else 1.0
    window = np.round(start_s / hop_s)
    if start_s.min() < 0 or np.abs(start_s - window * hop_s).max() > 0.01 * hop_s:
        raise TrainingError(f"{path}: start must be evenly spaced seconds from 0.")
    return window.astype(np.int64), hop_s
