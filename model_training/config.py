"""An experiment: everything that decides what a training run makes, read from one TOML file."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from features import FeatureSpec

from .errors import TrainingError


@dataclasses.dataclass(frozen=True)
class Training:
    """How the weights are found.

    Attributes
    ----------
    epochs, batch_size : one epoch shows `crops_per_track` random segments of every track.
    learning_rate : peak of AdamW's rate; linear warm-up over `warmup_epochs`, cosine to zero.
    weight_decay : decoupled, not on biases and normalisation.
    label_smoothing : share of the target spread evenly over all genres.
    mixup : alpha of the Beta distribution of the mixing weight; 0 for none.
    """

    epochs: int = 40
    batch_size: int = 64
    crops_per_track: int = 6
    learning_rate: float = 2e-3
    warmup_epochs: float = 2.0
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    mixup: float = 0.3


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random changes of the log-mel in training; zero switches one off.

    Attributes
    ----------
    stretch : time stretch by up to this share, faster or slower.
    shift_bands : shift along frequency by up to this many mel bands.
    tilt_db : slope of an equaliser over the whole band, up to this many dB at each end.
    equaliser_db : smooth random curve (three cosines), deviation in dB.
    low_pass, noise : probability that everything above 3 to 8 kHz is cut off, that a floor of
        noise 15 to 50 dB below the loudest value is added.
    time_mask, band_mask : SpecAugment: two masks each of up to this many frames and bands.
    """

    stretch: float = 0.1
    shift_bands: float = 3.0
    tilt_db: float = 6.0
    equaliser_db: float = 2.0
    low_pass: float = 0.2
    noise: float = 0.2
    time_mask: int = 10
    band_mask: int = 16


@dataclasses.dataclass(frozen=True)
class Architecture:
    """Which network, with its options (`architectures/<name>.py` documents them)."""

    name: str = "mfcc_cnn"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One TOML file; every section may leave keys out and then takes the defaults here."""

    title: str
    feature_spec: FeatureSpec
    architecture: Architecture
    training: Training
    augmentation: Augmentation

    def to_json(self) -> dict[str, Any]:
        """All values, defaults included."""
        return {
            "title": self.title,
            "feature_spec": self.feature_spec.to_json(),
            "architecture": dataclasses.asdict(self.architecture),
            "training": dataclasses.asdict(self.training),
            "augmentation": dataclasses.asdict(self.augmentation),
        }


def _section(kind: type, data: Any, name: str) -> Any:
    if not isinstance(data, dict):
        raise TrainingError(f"[{name}] must be a table of keys and values.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(data.keys() - fields.keys()):
        raise TrainingError(
            f"[{name}] has no key {', '.join(unknown)}; it knows {', '.join(fields)}."
        )
    values = {}
    for key, value in data.items():
        default = fields[key].default
        if isinstance(default, bool) or not isinstance(default, (int, float)):
            values[key] = value
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TrainingError(f"[{name}] {key} must be a number, not {value!r}.")
        if isinstance(default, int) and not isinstance(value, int):
            raise TrainingError(f"[{name}] {key} must be a whole number, not {value!r}.")
        if kind is not FeatureSpec and value < 0:
            raise TrainingError(f"[{name}] {key} must not be negative, but is {value!r}.")
        values[key] = type(default)(value)
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"[{name}] {error}") from error


def load_experiment(path: Path) -> Experiment:
    """Read an experiment.

    Raises
    ------
    TrainingError : for a file that cannot be read, wrong TOML, unknown keys or wrong values.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: not valid TOML: {error}.") from error
    sections = {"title", "feature_spec", "architecture", "training", "augmentation"}
    if unknown := sorted(data.keys() - sections):
        raise TrainingError(
            f"{path}: unknown {', '.join(unknown)}; known are {', '.join(sorted(sections))}."
        )
    title = data.get("title")
    if not isinstance(title, str) or not title.strip():
        raise TrainingError(f'{path}: give it a title, such as title = "MFCC CNN".')
    try:
        return Experiment(
            title=title,
            feature_spec=_section(FeatureSpec, data.get("feature_spec", {}), "feature_spec"),
            architecture=_section(Architecture, data.get("architecture", {}), "architecture"),
            training=_section(Training, data.get("training", {}), "training"),
            augmentation=_section(Augmentation, data.get("augmentation", {}), "augmentation"),
        )
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error
