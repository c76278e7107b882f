"""An experiment: everything that decides what a training run makes, read from one TOML file."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import typing
from pathlib import Path
from typing import Any, Literal

from features import FeatureSpec

from .errors import TrainingError
from .files import reading


@dataclasses.dataclass(frozen=True)
class Training:
    """How the weights are found.

    Attributes
    ----------
    epochs, batch_size : one epoch shows `crops_per_track` random segments of every track.
    group_balance : how much less often tracks of large groups (artists) are shown: 0 shows every
        track as often, 1 every group of a genre, and every genre, as often.
    optimizer : "adamw" or "adam".
    learning_rate : the peak of the schedule.
    schedule : "cosine" (to zero), "constant", or "plateau" (halved after `patience` epochs without
        a lower validation loss).
    warmup_epochs : linear rise to the peak, before "cosine" only.
    weight_decay : AdamW's, decoupled, not on biases and normalisation.
    l1, l2 : penalties on all kernels.
    label_smoothing : share of the target spread evenly over all genres.
    mixup : alpha of the Beta distribution of the mixing weight; 0 for none.
    keep : which weights are the result: "last", or those with the "best" validation loss.
    early_stopping : epochs without a lower validation loss after which training stops; 0 for none.
    patience : see `schedule`.
    mixed_precision : half precision where the machine is faster with it: a GPU (float16) or a
        processor with bfloat16 instructions; ignored elsewhere.
    members : networks of different seeds whose probabilities are averaged, as one model.
    train_on : "train", or "train+validation" for the final training of a recipe that was chosen by
        cross-validation; nothing is left to measure then, so `export` wants that cross-validation.
    start_from : version, or folder of a run, whose layers the network starts from, all but the
        last (`training/start.py`); empty for layers drawn at random.
    frozen_epochs : the first of the epochs, in which only the last layer of such a network learns.
    freed_rate : share of the learning rate at which all its layers learn after those.
    """

    epochs: int = 40
    batch_size: int = 64
    crops_per_track: int = 6
    group_balance: float = 0.0
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = 2e-3
    schedule: Literal["cosine", "constant", "plateau"] = "cosine"
    warmup_epochs: float = 2.0
    weight_decay: float = 0.02
    l1: float = 0.0
    l2: float = 0.0
    label_smoothing: float = 0.05
    mixup: float = 0.3
    keep: Literal["last", "best"] = "last"
    early_stopping: int = 0
    patience: int = 5
    mixed_precision: bool = False
    members: int = 1
    train_on: Literal["train", "train+validation"] = "train"
    start_from: str = ""
    frozen_epochs: int = 0
    freed_rate: float = 0.1

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.crops_per_track, self.members) < 1:
            raise ValueError("epochs, batch_size, crops_per_track and members must be at least 1")
        if self.is_final and self.needs_validation:
            raise ValueError(
                'train_on "train+validation" leaves no tracks for keep = "best", early_stopping or '
                '"plateau"'
            )
        if self.group_balance > 1:
            raise ValueError("group_balance: must be at most 1")
        if self.label_smoothing >= 1:
            raise ValueError("label_smoothing: must be less than 1")
        if self.frozen_epochs and not self.start_from:
            raise ValueError("frozen_epochs is for networks that start from another: start_from")
        if self.frozen_epochs > self.epochs:
            raise ValueError("frozen_epochs: must be at most epochs")
        if not 0 < self.freed_rate <= 1:
            raise ValueError("freed_rate: must be more than 0 and at most 1")

    def to_json(self) -> dict[str, Any]:
        """All values; those of a start only where there is one, as in earlier releases."""
        values = dataclasses.asdict(self)
        if not self.start_from:
            for key in ("start_from", "frozen_epochs", "freed_rate"):
                del values[key]
        return values

    @property
    def is_final(self) -> bool:
        """Whether the validation tracks are trained on too."""
        return self.train_on == "train+validation"

    @property
    def needs_validation(self) -> bool:
        """Whether validation tracks take part in choosing the weights."""
        return self.keep == "best" or self.early_stopping > 0 or self.schedule == "plateau"


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random changes of the log-mel in training; zero switches one off.

    Statistics have no time and no bands: of these, none applies to them.

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

    @property
    def disturbs(self) -> bool:
        """Whether anything changes the levels."""
        return any((self.tilt_db, self.equaliser_db, self.low_pass, self.noise))


@dataclasses.dataclass(frozen=True, kw_only=True)
class AudioAugmentation:
    """Random changes of the sound of a clip's copies; zero switches one off.

    Attributes
    ----------
    probability : each of `speed`, `stretch`, `pitch` and `gain_db` touches a copy with this
        probability.
    speed : played faster or slower by up to this share, the pitch moving along, as a tape does.
    stretch : faster or slower by up to this share at the same pitch.
    pitch : higher or lower by up to this many semitones at the same speed.
    gain_db : louder or softer by up to this many dB. Log-mel and MFCC are relative to the loudest
        value and do not change; statistics such as `rms` do.
    noise, low_pass : probability that white noise 10 to 40 dB below the sound is added, that
        everything above 3 to 8 kHz is cut off.

    Raises
    ------
    ValueError : for a value out of range; the message names it.
    """

    probability: float = 0.5
    speed: float = 0.06
    stretch: float = 0.1
    pitch: float = 2.0
    gain_db: float = 6.0
    noise: float = 0.3
    low_pass: float = 0.3

    def __post_init__(self) -> None:
        for field, most in (
            ("probability", 1.0),
            ("speed", 0.5),
            ("stretch", 0.5),
            ("pitch", 12.0),
            ("gain_db", 40.0),
            ("noise", 1.0),
            ("low_pass", 1.0),
        ):
            value = getattr(self, field)
            # NaN fails every comparison, so it is refused too.
            if not (math.isfinite(value) and 0 <= value <= most):
                raise ValueError(f"{field}: {value!r} must be from 0 to {most:g}")


def _check_file_name(name: str) -> None:
    if Path(name).name != name:
        raise ValueError("teacher must be the name of a file in the data folder")


@dataclasses.dataclass(frozen=True)
class Distillation:
    """Further targets beside the genre: a teacher's tags, and answers of networks of this recipe.

    Attributes
    ----------
    teacher : file in the data folder (its layout: `training/distillation.py`); empty for no
        teacher.
    weight : of the tags' cross-entropy, summed over the tags, beside the genre's; 0 for no
        teacher.
    window_s, hop_s : seconds that the teacher hears at a time, and from one window to the next.
    elders : networks of other seeds that are trained first, on the same tracks; 0 for none.
    elders_weight : share of their mean answer in the genre's target ("Born again neural networks",
        Furlanello et al., 2018).
    """

    teacher: str = ""
    weight: float = 1.0
    window_s: float = 3.0
    hop_s: float = 0.98
    elders: int = 0
    elders_weight: float = 0.6

    def __post_init__(self) -> None:
        if self.elders_weight > 1:
            raise ValueError("elders_weight: must be at most 1")
        if not (self.window_s > 0 and self.hop_s > 0):
            raise ValueError("window_s and hop_s must be more than 0")
        _check_file_name(self.teacher)

    @property
    def active(self) -> bool:
        """Whether there is a teacher to learn from."""
        return bool(self.teacher) and self.weight > 0


@dataclasses.dataclass(frozen=True)
class Collection:
    """One of the stores that are trained on together: a `[[data]]` table, in their order.

    Attributes
    ----------
    folder : of the store; `--data` may name another one.
    weight : how often its tracks are shown beside those of the other stores: shares of the batches
        are in proportion to the weights. 0 in all tables: as their tracks come.
    teacher : file of the teacher's tags in this folder; by default that of `[distillation]`.
    """

    folder: str = ""
    weight: float = 0.0
    teacher: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight):
            raise ValueError(f"weight: {self.weight!r} must be a number")
        _check_file_name(self.teacher)


@dataclasses.dataclass(frozen=True)
class Unfamiliar:
    """Whether the version also says how unlike its training music a sound is.

    Attributes
    ----------
    layer : name of the layer whose activations are compared (`training/unfamiliarity.py`); empty
        for no such score.
    """

    layer: str = ""


@dataclasses.dataclass(frozen=True)
class Embedding:
    """Whether the version also says where a song lies among others, to learn new genres from.

    Attributes
    ----------
    layer : name of the layer whose activations are the embedding (`training/embedding.py`); empty
        for no embedding.
    decimals : digits after the point with which the site sends it.
    """

    layer: str = ""
    decimals: int = 4

    def __post_init__(self) -> None:
        # float32 holds seven digits.
        if not 0 <= self.decimals <= 6:
            raise ValueError("decimals must be from 0 to 6")


@dataclasses.dataclass(frozen=True)
class Architecture:
    """Which network, with its options (`architectures/<name>.py` documents them, dropout too)."""

    name: str = "mfcc_cnn"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One TOML file; every section may leave keys out and then takes the defaults here.

    `note` says in a sentence what a reader of the card must know, `tune` holds the search space of
    the command of that name, `source` the text of the file.
    """

    title: str
    feature_spec: FeatureSpec
    architecture: Architecture
    training: Training
    augmentation: Augmentation
    audio_augmentation: AudioAugmentation
    distillation: Distillation = Distillation()
    unfamiliar: Unfamiliar = Unfamiliar()
    embedding: Embedding = Embedding()
    data: tuple[Collection, ...] = ()
    note: str = ""
    tune: dict[str, Any] = dataclasses.field(default_factory=dict)
    source: str = dataclasses.field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.embedding.layer and self.training.members > 1:
            raise ValueError(
                "[embedding] needs [training] members = 1: the units of different networks mean "
                "different things, and their mean means nothing"
            )

    def to_json(self) -> dict[str, Any]:
        """All values, defaults included."""
        return {
            "title": self.title,
            "note": self.note,
            "feature_spec": self.feature_spec.to_json(),
            "architecture": dataclasses.asdict(self.architecture),
            "training": self.training.to_json(),
            "augmentation": dataclasses.asdict(self.augmentation),
            "audio_augmentation": dataclasses.asdict(self.audio_augmentation),
            "distillation": dataclasses.asdict(self.distillation),
            "unfamiliar": dataclasses.asdict(self.unfamiliar),
            "embedding": dataclasses.asdict(self.embedding),
            **({"data": [dataclasses.asdict(each) for each in self.data]} if self.data else {}),
        }


def _value(key: str, value: Any, field: dataclasses.Field[Any], name: str) -> Any:
    """Check one value against the default's type; whole numbers may stand for floats."""
    default = field.default
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise TrainingError(f"[{name}] {key} must be true or false, not {value!r}.")
        return value
    if isinstance(default, str):
        choices = typing.get_args(typing.get_type_hints((_OWNERS | _LISTS)[name])[key])
        if choices and value not in choices:
            raise TrainingError(f"[{name}] {key} must be one of {', '.join(choices)}.")
        if not isinstance(value, str):
            raise TrainingError(f"[{name}] {key} must be text, not {value!r}.")
        return value
    if not isinstance(default, (int, float)):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TrainingError(f"[{name}] {key} must be a number, not {value!r}.")
    if isinstance(default, int) and not isinstance(value, int):
        raise TrainingError(f"[{name}] {key} must be a whole number, not {value!r}.")
    return type(default)(value)


def _section(data: Any, name: str) -> Any:
    kind = (_OWNERS | _LISTS)[name]
    if not isinstance(data, dict):
        raise TrainingError(f"[{name}] must be a table of keys and values.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(data.keys() - fields.keys()):
        raise TrainingError(
            f"[{name}] has no key {', '.join(unknown)}; it knows {', '.join(fields)}."
        )
    values = {key: _value(key, value, fields[key], name) for key, value in data.items()}
    if kind in (Training, Augmentation, Distillation, Collection):
        for key, value in values.items():
            if isinstance(value, (int, float)) and value < 0:
                raise TrainingError(f"[{name}] {key} must not be negative, but is {value!r}.")
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"[{name}] {error}") from error


_OWNERS: dict[str, Any] = {
    "feature_spec": FeatureSpec,
    "architecture": Architecture,
    "training": Training,
    "augmentation": Augmentation,
    "audio_augmentation": AudioAugmentation,
    "distillation": Distillation,
    "unfamiliar": Unfamiliar,
    "embedding": Embedding,
}
# A list of tables of one kind.
_LISTS: dict[str, Any] = {"data": Collection}


def _collections(tables: Any) -> tuple[Collection, ...]:
    if not isinstance(tables, list):
        raise TrainingError("data must be a list of tables, each headed [[data]].")
    found = tuple(_section(table, "data") for table in tables)
    weighted = [each.weight > 0 for each in found]
    if any(weighted) and not all(weighted):
        raise TrainingError("[[data]] weight: give each store one, or none.")
    return found


def load_experiment(path: Path) -> Experiment:
    """Read an experiment.

    Raises
    ------
    TrainingError : for a file that cannot be read, wrong TOML, unknown keys or wrong values.
    """
    with reading(path):
        source = path.read_text(encoding="utf-8")
    return parse_experiment(source, path)


def parse_experiment(source: str, path: Path) -> Experiment:
    """An experiment from the text of its file; `path` is named in errors.

    Raises
    ------
    TrainingError : for wrong TOML, unknown keys or wrong values.
    """
    try:
        data = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path}: not valid TOML: {error}.") from error
    known = {"title", "note", "tune", *_OWNERS, *_LISTS}
    if unknown := sorted(data.keys() - known):
        raise TrainingError(
            f"{path}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}."
        )
    title = data.get("title")
    if not isinstance(title, str) or not title.strip():
        raise TrainingError(f'{path}: give it a title, such as title = "MFCC CNN".')
    note = data.get("note", "")
    if not isinstance(note, str):
        raise TrainingError(f"{path}: note must be a sentence.")
    tune = data.get("tune", {})
    if not isinstance(tune, dict):
        raise TrainingError(f"{path}: [tune] must be a table of keys and values.")
    try:
        sections = {name: _section(data.get(name, {}), name) for name in _OWNERS}
        sections["data"] = _collections(data.get("data", []))
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error
    try:
        return Experiment(title=title, note=note, tune=tune, source=source, **sections)
    except ValueError as error:
        raise TrainingError(f"{path}: {error}.") from error
