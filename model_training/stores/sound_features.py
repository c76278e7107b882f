"""Features of one sound as a feature store keeps them: the task that extraction repeats."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features import AudioError, FeatureSpec
from features.segments import (
    excerpt_bounds,
    excerpt_features,
    excerpt_log_mel,
    segment_times,
    sounding_excerpt,
)
from features.statistics import statistics

from ..datasets.replicas import Fingerprint, fingerprint
from ..errors import TrainingError
from ..experiment import AudioAugmentation
from ..files import replacing
from ..sound.audio import AudioFileError, Sound, load_audio
from .levels import to_levels
from .store_writer import Excerpts

Samples = npt.NDArray[np.float32]
EXCERPT_FIELDS = tuple(field.name for field in dataclasses.fields(Excerpts))


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what the features of a sound are.

    Attributes
    ----------
    spec : of the features.
    max_excerpts : at most this many excerpts of a track, spread evenly; None for all, as the site.
    copies : augmented copies of every track, made with `augmentation` and `seed`.
    table : spec of the statistics of whole tracks, for the table; None for no table.
    fingerprints : whether recordings that occur twice are to be found by their sound.
    """

    spec: FeatureSpec
    max_excerpts: int | None = None
    copies: int = 0
    augmentation: AudioAugmentation = dataclasses.field(default_factory=AudioAugmentation)
    seed: int = 1
    table: FeatureSpec | None = None
    fingerprints: bool = True

    def __post_init__(self) -> None:
        for name, least in (("max_excerpts", 1), ("copies", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                option = name.replace("_", "-")
                raise TrainingError(f"--{option} {value}: must be at least {least}.")
        if self.copies > np.iinfo(np.int16).max:
            raise TrainingError(f"--copies {self.copies}: that is more than a store can number.")

    def options(self) -> dict[str, Any]:
        """The part of the recipe that `store.json` holds beside the spec."""
        found: dict[str, Any] = {}
        if self.max_excerpts is not None:
            found["max_excerpts"] = self.max_excerpts
        if self.copies:
            augmentation = dataclasses.asdict(self.augmentation)
            found["copies"] = {"n": self.copies, "seed": self.seed, "augmentation": augmentation}
        return found


@dataclasses.dataclass(frozen=True)
class Extracted:
    """The result of one sound.

    Attributes
    ----------
    excerpts : the features.
    seconds : length of the whole sound.
    digest : of the decoded samples; equal ones are the same recording.
    table : float32 (n,), statistics of the whole track, empty without a table.
    fingerprint : see `datasets.replicas.fingerprint`; None for a sound without one.
    """

    excerpts: Excerpts
    seconds: float
    digest: str
    table: Samples
    fingerprint: Fingerprint | None

    def save(self, path: Path) -> None:
        """Write to `path` in one step."""
        arrays: dict[str, Any] = {field: getattr(self.excerpts, field) for field in EXCERPT_FIELDS}
        arrays |= {"seconds": self.seconds, "digest": self.digest, "table": self.table}
        if self.fingerprint is not None:
            arrays["fingerprint"] = self.fingerprint
        with replacing(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Extracted:
        """Read a file that `save` wrote."""
        with np.load(path) as arrays:
            excerpts = Excerpts(**{field: arrays[field] for field in EXCERPT_FIELDS})
            return cls(
                excerpts=excerpts,
                seconds=float(arrays["seconds"]),
                digest=str(arrays["digest"]),
                table=arrays["table"],
                fingerprint=arrays.get("fingerprint"),
            )


def excerpts_of(
    samples: Samples, spec: FeatureSpec, max_excerpts: int | None = None, copy: int = 0
) -> Excerpts:
    """Features of the excerpts that the site would hear of mono `samples` (n,).

    Raises
    ------
    AudioError : "empty", "silent" or "not_finite", as `features.extract_segments`.
    """
    if not len(samples):
        raise AudioError("empty")
    bounds = excerpt_bounds(len(samples), spec)
    if max_excerpts is not None and len(bounds) > max_excerpts:
        # The middles of equal stretches: one excerpt is the middle of the song.
        step = len(bounds) / max_excerpts
        bounds = [bounds[int((number + 0.5) * step)] for number in range(max_excerpts)]
    values: list[npt.NDArray[Any]] = []
    start: list[float] = []
    for first, last in bounds:
        excerpt = sounding_excerpt(samples, first, last, spec)
        if excerpt is None:
            continue
        if spec.kind == "statistics":
            times = segment_times([(first, last)], spec)
            for number, row in excerpt_features(excerpt, spec):
                values.append(row[None])
                start.append(times[number][0])
        else:
            values.append(to_levels(excerpt_log_mel(excerpt, spec), spec.top_db))
            start.append(first / spec.sample_rate)
    if not values:
        raise AudioError("silent")
    return Excerpts(
        values=np.concatenate(values),
        start=np.array(start, dtype=np.float64),
        columns=np.array([len(rows) for rows in values], dtype=np.int32),
        copy=np.full(len(values), copy, dtype=np.int16),
    )


def extract_sound(samples: Samples, track: str, recipe: Recipe) -> Extracted:
    """All that `recipe` asks for of mono `samples` (n,) at the spec's rate.

    Raises
    ------
    AudioError : for a sound without features.
    """
    spec = recipe.spec
    found = [excerpts_of(samples, spec, recipe.max_excerpts)]
    for copy in range(1, recipe.copies + 1):
        from ..sound.audio_augmentation import augment

        changed = augment(
            samples, spec.sample_rate, recipe.augmentation, seed=recipe.seed, track=track, copy=copy
        )
        found.append(excerpts_of(changed, spec, recipe.max_excerpts, copy))
    table = np.empty(0, dtype=np.float32)
    if recipe.table is not None:
        heard = samples[excerpt_bounds(len(samples), spec)[0][0] :]
        table = statistics(heard, recipe.table)
    return Extracted(
        excerpts=Excerpts(
            **{
                field: np.concatenate([getattr(excerpts, field) for excerpts in found])
                for field in EXCERPT_FIELDS
            }
        ),
        seconds=len(samples) / spec.sample_rate,
        digest=hashlib.sha256(samples.tobytes()).hexdigest(),
        table=table,
        fingerprint=(
            fingerprint(Sound(samples[:, None], spec.sample_rate)) if recipe.fingerprints else None
        ),
    )


def extract_file(number: int, path: str, track: str, recipe: Recipe) -> tuple[int, Extracted | str]:
    """The task of one track: its number, and its features or why there are none.

    Only names and numbers go in and arrays come out, so it runs in another process or on another
    machine that sees the same file.
    """
    try:
        return number, extract_sound(load_audio(Path(path), recipe.spec.sample_rate), track, recipe)
    except AudioFileError as error:
        return number, error.reason
    except AudioError as error:
        return number, str(error)
    except MemoryError:
        return number, "is too long for the memory of this machine."
