"""The parameters of features.

A `FeatureSpec` travels inside the model card, so the browser, the server and training always
compute the same numbers. Units: seconds, hertz, samples, dB.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from typing import Any, Literal

from .mel import count_frames

Kind = Literal["mfcc", "log_mel", "statistics"]
KINDS: tuple[Kind, ...] = ("mfcc", "log_mel", "statistics")

# Numbers per frame of each statistic; `mfcc` has n_mfcc. Each becomes a mean and a standard
# deviation over the segment's frames; `tempo` is one number for the whole segment.
STATISTICS: dict[str, int] = {
    "chroma": 12,
    "chroma_all": 1,
    "rms": 1,
    "spectral_centroid": 1,
    "spectral_bandwidth": 1,
    "rolloff": 1,
    "zero_crossing_rate": 1,
    "mfcc": 0,
    "tempo": 0,
}
# Fields younger than the first spec. They are written and hashed only where they are set, so that
# older specs keep their ids.
LATER_FIELDS = {"statistics"}

# Raised whenever a change in this package changes a number that leaves it.
ALGORITHM = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """Parameters of the features of one model version.

    The defaults are the recommended spec: the first 116 of librosa's 128 Slaney mel bands at
    22,050 Hz (nothing above 8 kHz, where browsers' resamplers differ), one frame every 77.6 ms,
    segments of 64 frames (4.97 s).

    Attributes
    ----------
    kind : the numbers of a segment: `"mfcc"` (n_frames, n_mfcc), `"log_mel"` (n_frames, n_mels)
        or `"statistics"`, a flat list of means and standard deviations over the frames.
    sample_rate : in Hz; the sound is mono.
    n_fft, hop_length : in samples; Hann window of n_fft samples, frames centred, zero padding.
    n_mels, fmin, fmax : Slaney mel bands between fmin and fmax Hz.
    n_mfcc : number of coefficients of the orthonormal DCT-II over the bands; log-mel has none.
    top_db : the floor, in dB below the maximum of the excerpt.
    standardise : the log-mel of each segment gets zero mean and unit variance (before the DCT);
        statistics are never standardised.
    n_frames : frames per segment.
    excerpt_s : seconds per excerpt; each has its own dB reference.
    skip_s, skip_longer_than_s : songs longer than the latter lose their first skip_s seconds.
    decimals : digits after the point in the JSON.
    algorithm : `ALGORITHM` when the spec was made.
    statistics : names from `STATISTICS`, in the order in which they are sent; for that kind only.

    Raises
    ------
    ValueError : for parameters of which no feature can be made; the message names the parameter.
    """

    kind: Kind = "mfcc"
    sample_rate: int = 22050
    n_fft: int = 2048
    hop_length: int = 1711
    n_mels: int = 116
    fmin: float = 0.0
    fmax: float = 8012.168965763913
    n_mfcc: int = 64
    top_db: float = 80.0
    standardise: bool = True
    n_frames: int = 64
    excerpt_s: float = 30.0
    skip_s: float = 30.0
    skip_longer_than_s: float = 90.0
    decimals: int = 3
    algorithm: int = ALGORITHM
    statistics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: {self.kind!r} is not one of {', '.join(KINDS)}")
        for name in ("sample_rate", "n_fft", "hop_length", "n_mels", "n_mfcc", "n_frames"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}: {value!r} must be a whole number above zero")
        for name in ("fmin", "fmax", "top_db", "excerpt_s", "skip_s", "skip_longer_than_s"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(f"{name}: {value!r} must be a number")
            if not math.isfinite(value) or value < 0:
                raise ValueError(f"{name}: {value!r} must be finite and not negative")
        if not isinstance(self.standardise, bool):
            raise ValueError(f"standardise: {self.standardise!r} must be true or false")
        if not self.fmin < self.fmax <= self.sample_rate / 2:
            raise ValueError(
                f"fmin, fmax: 0 <= {self.fmin:g} < {self.fmax:g} <= {self.sample_rate / 2:g} "
                "(half the sample rate) must hold"
            )
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc: {self.n_mfcc} is more than n_mels = {self.n_mels}")
        if count_frames(self.excerpt_samples, self.hop_length) < self.n_frames:
            raise ValueError(
                f"excerpt_s: {self.excerpt_s:g} s is shorter than a segment ({self.segment_s:.2f})"
            )
        self._check_statistics()
        if self.skip_s > self.skip_longer_than_s:
            raise ValueError("skip_s: must not be more than skip_longer_than_s")
        if not isinstance(self.decimals, int) or not 0 <= self.decimals <= 10:
            raise ValueError(f"decimals: {self.decimals!r} must be a whole number from 0 to 10")
        if self.algorithm != ALGORITHM:
            raise ValueError(
                f"algorithm: {self.algorithm!r} is unknown here (this copy computes {ALGORITHM}); "
                "update MusiClassify or choose another model version"
            )

    def _check_statistics(self) -> None:
        # Lists come from JSON and TOML; a frozen spec holds a tuple.
        if isinstance(self.statistics, list):
            object.__setattr__(self, "statistics", tuple(self.statistics))
        names = self.statistics
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"statistics: {names!r} must be a list of names")
        if self.kind != "statistics":
            if self.statistics:
                raise ValueError(f"statistics: the kind {self.kind} has none; leave it out")
            return
        if unknown := [name for name in self.statistics if name not in STATISTICS]:
            raise ValueError(f"statistics: {unknown[0]!r} is not one of {', '.join(STATISTICS)}")
        if not self.statistics or len(set(self.statistics)) != len(self.statistics):
            raise ValueError("statistics: name at least one, and each once")
        if self.standardise:
            raise ValueError("standardise: must be false, statistics are sent as they are")

    @property
    def n_coefficients(self) -> int:
        """Numbers per frame; of statistics, numbers per segment."""
        if self.kind == "mfcc":
            return self.n_mfcc
        if self.kind == "log_mel":
            return self.n_mels
        widths = {**STATISTICS, "mfcc": self.n_mfcc}
        return sum(1 if name == "tempo" else 2 * widths[name] for name in self.statistics)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one segment's features: (n_frames, n_coefficients), or flat for statistics."""
        if self.kind == "statistics":
            return (self.n_coefficients,)
        return (self.n_frames, self.n_coefficients)

    @property
    def segment_samples(self) -> int:
        """Samples per segment."""
        return self.n_frames * self.hop_length

    @property
    def segment_s(self) -> float:
        """Seconds per segment."""
        return self.segment_samples / self.sample_rate

    @property
    def excerpt_samples(self) -> int:
        """Samples per excerpt."""
        return round(self.excerpt_s * self.sample_rate)

    def _parameters(self) -> dict[str, Any]:
        parameters = dataclasses.asdict(self)
        for name in LATER_FIELDS:
            if not parameters[name]:
                del parameters[name]
        return parameters

    @property
    def id(self) -> str:
        """A stable name: kind, shape, then a hash of every parameter."""
        canonical = json.dumps(self._parameters(), sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).hexdigest()[:10]
        return f"{self.kind}-{'x'.join(map(str, reversed(self.shape)))}-{digest}"

    def to_json(self) -> dict[str, Any]:
        """All parameters, the id and n_coefficients, ready for a model card."""
        return {
            "id": self.id,
            **self._parameters(),
            "n_coefficients": self.n_coefficients,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FeatureSpec:
        """Rebuild a spec from `to_json`.

        Raises
        ------
        ValueError : for missing, unknown or contradicting keys; the message names them.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        derived = {"id", "n_coefficients"}
        if missing := sorted(names - LATER_FIELDS - data.keys()):
            raise ValueError(f"feature spec: missing {', '.join(missing)}")
        if unknown := sorted(data.keys() - names - derived):
            raise ValueError(f"feature spec: unknown {', '.join(unknown)}")
        numbers = {name: data[name] for name in names & data.keys()}
        for name in ("fmin", "fmax", "top_db", "excerpt_s", "skip_s", "skip_longer_than_s"):
            # JSON written elsewhere may say 0 for 0.0, which would change the id.
            if type(numbers[name]) is int:
                numbers[name] = float(numbers[name])
        spec = cls(**numbers)
        for name in derived & data.keys():
            if data[name] != getattr(spec, name):
                raise ValueError(
                    f"feature spec: {name} is {data[name]!r} but its parameters make "
                    f"{getattr(spec, name)!r}"
                )
        return spec
