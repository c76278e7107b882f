"""Faults of a data set, found before anything is computed from it.

Every clip is decoded once.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from tqdm import tqdm

from features import FeatureSpec
from features.segments import SILENCE_PEAK

from ..errors import TrainingError
from ..files import sha256, write_json
from ..processes import parallel
from ..sound.audio import AudioFileError, Sound, decode
from .clips import FEW_CLIPS, HEARD, Clip, Dataset, Problem, check_clips, relative
from .replicas import NEAR_DUPLICATE, Checked, Replica, find_replicas, fingerprint

# Shorter than one segment of the recommended features: it would have to be repeated to fill one.
LEAST_SECONDS = FeatureSpec().segment_s


@dataclasses.dataclass(frozen=True)
class Report:
    """The findings about a data set.

    Attributes
    ----------
    dataset : what was looked at.
    least_seconds : shorter clips count as a problem.
    checked : one for each clip that the data set promises, in its order.
    replicas : recordings that occur twice.
    problems : those that the data set knew and those that were found.
    usable : clips without a problem, and those that can be used with it (`clips.HEARD`); of
        near-duplicates both, a person has to listen to them.
    refusal : why no model can be made of the usable clips; None when one can.
    """

    dataset: Dataset
    least_seconds: float
    checked: list[Checked]
    replicas: list[Replica]
    problems: list[Problem]
    usable: list[Clip]
    refusal: str | None

    def counts(self) -> dict[str, int]:
        """Number of problems by code, the most frequent first."""
        return dict(collections.Counter(problem.code for problem in self.problems).most_common())

    def genres(self) -> dict[str, dict[str, float]]:
        """Clips, groups and seconds of the usable clips by genre."""
        usable = {clip.track for clip in self.usable}
        found = {}
        for genre in self.dataset.genres:
            mine = [
                one for one in self.checked if one.clip.genre == genre and one.clip.track in usable
            ]
            found[genre] = {
                "clips": len(mine),
                "groups": len({one.clip.group for one in mine}),
                "seconds": round(sum(one.seconds for one in mine), 2),
            }
        return found

    def remarks(self) -> list[str]:
        """Facts that are no problem, but good to know."""
        few = [
            f"{genre} ({about['clips']:.0f})"
            for genre, about in self.genres().items()
            if about["clips"] < FEW_CLIPS
        ]
        if not few:
            return self.dataset.remarks
        return [
            *self.dataset.remarks,
            f"Fewer than {FEW_CLIPS} usable clips, so numbers about them will say little: "
            + ", ".join(few)
            + ".",
        ]

    def replica_tracks(self) -> list[tuple[str, str]]:
        """Names of the tracks of each of `replicas`."""
        return [
            (self.checked[pair.first].clip.track, self.checked[pair.second].clip.track)
            for pair in self.replicas
        ]

    def to_json(self) -> dict[str, Any]:
        """Everything, for machines; paths are told from the data set's folder."""
        return {
            "name": self.dataset.name,
            "folder": str(self.dataset.folder),
            "clips": len(self.dataset.clips),
            "usable": len(self.usable),
            "genres": self.genres(),
            "least_seconds": round(self.least_seconds, 3),
            "near_duplicate_correlation": NEAR_DUPLICATE,
            "counts": self.counts(),
            "problems": [
                {
                    "track": problem.track,
                    "path": relative(problem.path, self.dataset.folder),
                    "code": problem.code,
                    "reason": problem.reason,
                }
                for problem in self.problems
            ],
            "replicas": [
                {
                    "tracks": list(tracks),
                    "identical": pair.identical,
                    "correlation": round(pair.correlation, 4),
                }
                for pair, tracks in zip(self.replicas, self.replica_tracks(), strict=True)
            ],
            "remarks": self.remarks(),
            "refusal": self.refusal,
        }

    def write(self, path: Path) -> None:
        """Write `to_json` to a file.

        Raises
        ------
        TrainingError : when it cannot be written.
        """
        write_json(path, self.to_json())


def check_clip(clip: Clip, least_seconds: float = LEAST_SECONDS) -> Checked:
    """Decode one clip and say what is wrong with it; raises nothing for a bad file."""
    try:
        sound = decode(clip.path)
        digest = sha256(clip.path)
    except AudioFileError as error:
        return Checked(clip, problem=Problem(clip.track, clip.path, error.code, error.reason))
    except OSError as error:
        problem = Problem(clip.track, clip.path, "unreadable", f"cannot be read ({error}).")
        return Checked(clip, problem=problem)
    remark = None
    if sound.remark is not None:
        remark = Problem(clip.track, clip.path, sound.remark.code, sound.remark.reason)
    if found := _wrong_sound(sound, least_seconds):
        problem = Problem(clip.track, clip.path, *found)
        return Checked(clip, sound.seconds, problem, digest, remark=remark)
    return Checked(clip, sound.seconds, None, digest, fingerprint(sound), remark)


def _wrong_sound(sound: Sound, least_seconds: float) -> tuple[str, str] | None:
    peak = float(np.abs(sound.samples).max())
    if not np.isfinite(peak):
        return "not_finite", "holds values that are not numbers; export it again."
    if peak <= SILENCE_PEAK:
        return "silent", "is silent from beginning to end."
    if sound.seconds < least_seconds:
        return "too_short", f"lasts {sound.seconds:.2f} s; at least {least_seconds:.2f} are needed."
    return None


def _twice(checked: list[Checked], replicas: list[Replica]) -> Iterator[Problem]:
    """One problem for each clip that is a replica of an earlier one."""
    told = set()
    for pair in replicas:
        if pair.second in told:
            continue
        told.add(pair.second)
        one, other = checked[pair.second].clip, checked[pair.first].clip
        label = "" if one.genre == other.genre else f", which is labelled {other.genre}"
        if pair.identical:
            linked = one.path.samefile(other.path)
            same = (
                "is by a link the same file as" if linked else "is byte for byte the same file as"
            )
            reason = f"{same} {other.track}{label}."
            yield Problem(one.track, one.path, "duplicate", reason)
        else:
            reason = (
                f"sounds like {other.track}{label} (correlation {pair.correlation:.3f}); listen "
                "to both, and keep one."
            )
            yield Problem(one.track, one.path, "near_duplicate", reason)


def validate(dataset: Dataset, *, least_seconds: float = LEAST_SECONDS, jobs: int = -1) -> Report:
    """Look at every clip of a data set.

    Parameters
    ----------
    least_seconds : shorter clips are a problem.
    jobs : processes; -1 for one per core.
    """
    clips = dataset.clips
    tasks = (joblib.delayed(check_clip)(clip, least_seconds) for clip in clips)
    run = parallel(jobs, "generator")
    # Closed at once when this loop ends early, so that no task is started after that.
    with contextlib.closing(run(tasks)) as results:
        checked = list(tqdm(results, total=len(clips), unit="clip", disable=None))
    replicas = find_replicas(checked)
    found = [
        problem for one in checked for problem in (one.problem, one.remark) if problem is not None
    ]
    problems = [*dataset.problems, *found, *_twice(checked, replicas)]
    wrong = {problem.track for problem in problems if problem.code not in HEARD}
    usable = [clip for clip in clips if clip.track not in wrong]
    refusal = None
    try:
        check_clips(usable, dataset.folder)
    except TrainingError as error:
        refusal = str(error)
    return Report(dataset, least_seconds, checked, replicas, problems, usable, refusal)
