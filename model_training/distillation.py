"""A teacher's tags as a second target beside the genre.

A network that was trained on far more music names its tags ("guitar", "female vocalists", ...) for
short windows of our training tracks; the student learns them beside the genre (distillation:
Hinton, Vinyals and Dean, 2015) and so learns of what music is made, from the same few clips. The
head that learns the tags is taken off after training.
"""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features import FeatureSpec

from .config import Distillation
from .errors import TrainingError
from .tracks import Floats, Tracks

# Points within a segment at which the teacher's tags are read.
POINTS = 3


@dataclasses.dataclass(frozen=True)
class TeacherTags:
    """Tags of some of the tracks.

    Attributes
    ----------
    values : float32 (n_tracks, n_windows, n_tags), between 0 and 1; zero for tracks without.
    known : bool (n_tracks,), which tracks have tags.
    window_s, hop_s : what the teacher hears at a time, and from one window to the next.
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
        for point in np.linspace(0, 1, POINTS):
            position = np.clip((start_s * (1 - point) + latest * point) / self.hop_s, 0, last)
            low = np.minimum(position.astype(np.int64), max(0, last - 1))
            weight = (position - low)[:, None].astype(np.float32)
            high = np.minimum(low + 1, last)
            total += (1 - weight) * self.values[rows, low]
            total += weight * self.values[rows, high]
        total /= POINTS
        return total, self.known[rows].astype(np.float32)


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
    if not options.teacher:
        return None
    if spec.kind == "statistics":
        raise TrainingError("[distillation] needs segments in time; statistics have none.")
    if len(tracks.excerpt_track) != len(tracks):
        raise TrainingError(
            "[distillation] needs tracks of one excerpt each: windows are counted from its start."
        )
    path = folder / options.teacher
    try:
        with np.load(path) as file:
            names, window = file["track"], file["window"].astype(np.int64)
            tags = file["tags"].astype(np.float32)
    except FileNotFoundError as error:
        raise TrainingError(
            f"{path}: not there; put the teacher's tags beside the data, or leave [distillation] "
            "out."
        ) from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{path}: is damaged ({error}).") from error
    sizes_fit = len(names) == len(window) == len(tags) > 0 and tags.ndim == 2
    if not sizes_fit or window.min() < 0 or not np.isfinite(tags).all():
        raise TrainingError(f"{path}: track, window and tags do not fit together.")
    if tags.min() < 0 or tags.max() > 1:
        raise TrainingError(f"{path}: tags must lie between 0 and 1.")
    row_of = {name: row for row, name in enumerate(tracks.names)}
    rows = np.array([row_of.get(str(name), -1) for name in names])
    mine = rows >= 0
    if not mine.any():
        raise TrainingError(f"{path}: knows none of the training tracks.")
    values = np.full((len(tracks), int(window.max()) + 1, tags.shape[1]), np.nan, np.float32)
    values[rows[mine], window[mine]] = tags[mine]
    known = np.isfinite(values[:, 0, 0])
    # Tracks differ by a window in length: the last one stands for what follows it.
    for number in range(1, values.shape[1]):
        missing = np.isnan(values[:, number, 0])
        values[missing, number] = values[missing, number - 1]
    return TeacherTags(np.nan_to_num(values), known, options.window_s, options.hop_s)
