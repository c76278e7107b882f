"""What is wrong with a data set, before anything is computed from it.

Every clip is decoded once. Recordings that occur twice are found in two ways: byte-identical files
by their sha256, others by a fingerprint: the first 30 s as 16 mel bands in blocks of about half a
second, in dB, each band's mean over time taken away, so that loudness, equalisation and coding
count for nothing and the course of the music for everything. Two clips are one recording when their
fingerprints correlate above `NEAR_DUPLICATE`.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from features import FeatureSpec, mel_spectrogram, power_to_db
from features.segments import SILENCE_PEAK

from .audio import AudioFileError, Sound, decode, replacing
from .datasets.clips import (
    FEW_CLIPS,
    Clip,
    Dataset,
    Problem,
    check_clips,
)
from .errors import TrainingError

Fingerprint = npt.NDArray[np.float32]

# Shorter than one segment of the recommended features: it would have to be repeated to fill one.
LEAST_SECONDS = FeatureSpec().segment_s
# On stored log-mel of GTZAN, made coarse like this (999 clips, 498,501 pairs), all 24 listed
# replicas lie above 0.99. Nine more pairs lie above 0.91, each of them one song by its artist and
# title; the next lies at 0.86, and 99.9 % of all pairs below 0.39. Five real songs, started 120 ms
# later, stay above 0.9.
NEAR_DUPLICATE = 0.9

FINGERPRINT_RATE = 11025
FINGERPRINT_S = 30
FINGERPRINT_BANDS = 16
FINGERPRINT_HOP = 1024
FRAMES_PER_BLOCK = 5  # 0.46 s
# What lies deeper than this below the loudest is left to chance by coding.
FINGERPRINT_DB = 40.0
# Fewer blocks (2.3 s) than this say too little to call two clips the same.
LEAST_BLOCKS = 5
# Deviation in dB below which a sound has no course: a steady tone is like any other.
STEADY_DB = 0.1


@dataclasses.dataclass(frozen=True)
class Checked:
    """What decoding one clip told.

    Attributes
    ----------
    clip : the clip.
    seconds : its length; 0 when it cannot be decoded.
    problem : what is wrong with it, or None.
    sha256 : of the file; empty when it cannot be read.
    fingerprint : float32 (n_blocks, FINGERPRINT_BANDS), or None without usable sound.
    """

    clip: Clip
    seconds: float = 0.0
    problem: Problem | None = None
    sha256: str = ""
    fingerprint: Fingerprint | None = None


@dataclasses.dataclass(frozen=True)
class Replica:
    """Two clips of one recording.

    Attributes
    ----------
    first, second : places of the clips in `Report.checked`, ascending.
    identical : whether the files are the same, byte for byte.
    correlation : of the fingerprints; 1 for identical files.
    """

    first: int
    second: int
    identical: bool
    correlation: float


@dataclasses.dataclass(frozen=True)
class Report:
    """All about a data set.

    Attributes
    ----------
    dataset : what was looked at.
    least_seconds : shorter clips count as a problem.
    checked : one for each clip that the data set promises, in its order.
    replicas : recordings that occur twice.
    problems : those that the data set knew and those that were found.
    usable : clips without a problem; of near-duplicates both, a person has to listen to them.
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
        """What is no problem, but good to know."""
        few = [
            f"{genre} ({about['clips']:.0f})"
            for genre, about in self.genres().items()
            if about["clips"] < FEW_CLIPS
        ]
        if not few:
            return []
        return [
            f"Fewer than {FEW_CLIPS} usable clips, so numbers about them will say little: "
            + ", ".join(few)
            + "."
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
                    "tracks": [
                        self.checked[pair.first].clip.track,
                        self.checked[pair.second].clip.track,
                    ],
                    "identical": pair.identical,
                    "correlation": round(pair.correlation, 4),
                }
                for pair in self.replicas
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
        text = json.dumps(self.to_json(), indent=2, ensure_ascii=False)
        with replacing(path) as unfinished:
            # names that are no text (from foreign systems) are written out
            unfinished.write_text(f"{text}\n", encoding="utf-8", errors="backslashreplace")


def relative(path: Path, folder: Path) -> str:
    """A path as told from a folder, where it lies in it."""
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def fingerprint(sound: Sound) -> Fingerprint | None:
    """The course of a sound's first 30 s: float32 (n_blocks, FINGERPRINT_BANDS) in dB.

    None when it is too short or too steady to tell it from others.
    """
    start = Sound(sound.samples[: FINGERPRINT_S * sound.sample_rate], sound.sample_rate)
    samples = start.mono().resampled(FINGERPRINT_RATE).samples[:, 0]
    power = mel_spectrogram(
        samples,
        sample_rate=FINGERPRINT_RATE,
        hop_length=FINGERPRINT_HOP,
        n_mels=FINGERPRINT_BANDS,
    )
    power = power[1:-1]  # frames that reach over the ends hear an edge that is not in the music
    n_blocks = len(power) // FRAMES_PER_BLOCK
    if n_blocks < LEAST_BLOCKS:
        return None
    blocks = power[: n_blocks * FRAMES_PER_BLOCK].reshape(n_blocks, FRAMES_PER_BLOCK, -1)
    course = power_to_db(blocks.mean(axis=1), ref=float(blocks.max()), top_db=FINGERPRINT_DB)
    course -= course.mean(axis=0)
    return None if course.std() < STEADY_DB else course


def check_clip(clip: Clip, least_seconds: float = LEAST_SECONDS) -> Checked:
    """Decode one clip and say what is wrong with it; raises nothing for a bad file."""
    try:
        sound = decode(clip.path)
        digest = _sha256(clip.path)
    except AudioFileError as error:
        return Checked(clip, problem=Problem(clip.track, clip.path, error.code, error.reason))
    except OSError as error:
        problem = Problem(clip.track, clip.path, "unreadable", f"cannot be read ({error}).")
        return Checked(clip, problem=problem)
    if found := _wrong_sound(sound, least_seconds):
        problem = Problem(clip.track, clip.path, *found)
        return Checked(clip, sound.seconds, problem, digest)
    return Checked(clip, sound.seconds, None, digest, fingerprint(sound))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wrong_sound(sound: Sound, least_seconds: float) -> tuple[str, str] | None:
    peak = float(np.abs(sound.samples).max())
    if not np.isfinite(peak):
        return "not_finite", "holds values that are not numbers; export it again."
    if peak <= SILENCE_PEAK:
        return "silent", "is silent from beginning to end."
    if sound.seconds < least_seconds:
        return "too_short", f"lasts {sound.seconds:.2f} s; at least {least_seconds:.2f} are needed."
    return None


def find_replicas(checked: list[Checked]) -> list[Replica]:
    """Pairs of sound clips that are one recording, in order.

    Of clips of different length the common beginning is compared.
    """
    found: list[Replica] = []
    first_with: dict[str, int] = {}
    by_length: dict[int, list[int]] = collections.defaultdict(list)
    for place, one in enumerate(checked):
        if one.problem is not None:
            continue
        first = first_with.setdefault(one.sha256, place)
        if first != place:
            found.append(Replica(first, place, True, 1.0))
        elif one.fingerprint is not None:
            by_length[len(one.fingerprint)].append(place)
    longer: list[int] = []
    for n_blocks in sorted(by_length, reverse=True):
        mine = by_length[n_blocks]
        found += _correlated(checked, mine, [*mine, *longer], n_blocks)
        longer += mine
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def _correlated(
    checked: list[Checked], mine: list[int], others: list[int], n_blocks: int
) -> Iterator[Replica]:
    """Pairs of one of `mine` and one of `others` whose first n_blocks correlate."""
    rows = np.empty((len(others), n_blocks * FINGERPRINT_BANDS), dtype=np.float32)
    for row, place in zip(rows, others, strict=True):
        course = checked[place].fingerprint
        assert course is not None
        start = course[:n_blocks] - course[:n_blocks].mean(axis=0)
        row[:] = start.ravel() / max(float(np.linalg.norm(start)), 1e-9)
    # In stripes, so that a large data set does not need a table of all its pairs at once.
    for begin in range(0, len(mine), 256):
        stripe = rows[begin : min(begin + 256, len(mine))] @ rows.T
        for i, j in zip(*np.nonzero(stripe > NEAR_DUPLICATE), strict=True):
            # The places of `mine` lead both lists: each pair of them comes twice, itself once.
            if j > begin + i:
                first, second = sorted((mine[begin + i], others[j]))
                yield Replica(first, second, False, min(float(stripe[i, j]), 1.0))


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
            reason = f"is byte for byte the same file as {other.track}{label}."
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
    run = joblib.Parallel(n_jobs=jobs, return_as="generator")
    # Closed at once when this loop ends early, so that no task is started after that.
    with contextlib.closing(run(tasks)) as results:
        checked = list(tqdm(results, total=len(clips), unit="clip", disable=None))
    replicas = find_replicas(checked)
    found = [one.problem for one in checked if one.problem is not None]
    problems = [*dataset.problems, *found, *_twice(checked, replicas)]
    wrong = {problem.track for problem in problems if problem.code != "near_duplicate"}
    usable = [clip for clip in clips if clip.track not in wrong]
    refusal = None
    try:
        check_clips(usable, dataset.folder)
    except TrainingError as error:
        refusal = str(error)
    return Report(dataset, least_seconds, checked, replicas, problems, usable, refusal)
