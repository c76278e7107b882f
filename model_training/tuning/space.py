"""The table [tune] of an experiment: which of its keys a search may change, and to what.

    [tune]
    training.learning_rate = { min = 1e-4, max = 1e-2, log = true }
    training.mixup = [0.0, 0.2, 0.4]
    architecture.options.units = [[256, 128, 64], [128, 64]]

A key is one of the experiment's own, with its table: of [training], [augmentation],
[feature_spec] or the options of [architecture]. A list holds the values to choose from. A range
has `min` and `max`; `log = true` draws small and large values alike; `step` leaves only every
value at that distance from `min` (with `log` it is a factor). Whole numbers stay whole.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ..architectures import BUILDERS, require_known
from ..errors import TrainingError
from ..experiment import Experiment, parse_experiment

SECTIONS = ("training", "augmentation", "feature_spec", "architecture")
OPTIONS = "architecture.options."
RANGE_KEYS = ("min", "max", "step", "log")
# A range is no exact thing: longer numbers would only be harder to read.
DIGITS = 4
# A list of more values was not meant.
MOST_VALUES = 10_000


@dataclasses.dataclass(frozen=True)
class Choices:
    """Values to choose from, in the order of the file."""

    key: str
    values: tuple[Any, ...]

    @property
    def samples(self) -> tuple[Any, ...]:
        """Values that a check should try."""
        return self.values


@dataclasses.dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`; whole ones if both are."""

    key: str
    low: float
    high: float
    log: bool

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def samples(self) -> tuple[float, float]:
        """Values that a check should try."""
        return (self.low, self.high)

    def rounded(self, value: float) -> float:
        """A number of the range with few digits."""
        if self.whole:
            return int(value)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)


Dimension = Choices | Range
Values = dict[str, Any]


def short_name(key: str) -> str:
    """The last part of a key."""
    return key.rpartition(".")[2]


def read_space(experiment: Experiment) -> list[Dimension]:
    """Read the table [tune]; every value is checked as if it stood in the experiment.

    Raises
    ------
    TrainingError : naming the key, and what it could be.
    """
    if not experiment.tune:
        raise TrainingError(
            "The experiment has no table [tune], so there is nothing to search; add one, such as "
            "training.learning_rate = { min = 1e-4, max = 1e-2, log = true }."
        )
    space = [
        _dimension(key, value, base_value(experiment, key)) for key, value in _flat(experiment.tune)
    ]
    for dimension in space:
        for value in dimension.samples:
            changed(experiment, {dimension.key: value})
    return space


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys with dots, and tables within tables, are the same thing."""
    for key, value in table.items():
        whole = f"{prefix}{key}"
        if isinstance(value, Mapping) and not value.keys() & set(RANGE_KEYS):
            yield from _flat(value, f"{whole}.")
        else:
            yield whole, value


def base_value(experiment: Experiment, key: str) -> Any:
    """The value of `key` in the experiment, or the default there.

    Raises
    ------
    TrainingError : when there is no such key.
    """
    section, _, name = key.partition(".")
    if section not in SECTIONS or not name:
        hint = ""
        if section == "audio_augmentation":
            hint = " The copies in a store were made when it was extracted."
        raise TrainingError(
            f"[tune] {key}: is none of training.*, augmentation.*, feature_spec.* and {OPTIONS}*."
            f"{hint}"
        )
    if section == "architecture":
        return _base_option(experiment, key)
    known = {
        field.name: getattr(getattr(experiment, section), field.name)
        for field in dataclasses.fields(getattr(experiment, section))
    }
    if name not in known:
        raise TrainingError(f"[tune] {key}: [{section}] has no {name}; it has {', '.join(known)}.")
    return _plain(known[name])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def base_values(experiment: Experiment, keys: Sequence[str]) -> Values:
    """The value of each key in the experiment; keys without a value there are left out."""
    found = {key: base_value(experiment, key) for key in keys}
    return {key: value for key, value in found.items() if value is not None}


def _base_option(experiment: Experiment, key: str) -> Any:
    network, name = experiment.architecture.name, key.removeprefix(OPTIONS)
    require_known(network)
    defaults = {
        parameter.name: parameter.default
        for parameter in inspect.signature(BUILDERS[network]).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    if name not in defaults or not key.startswith(OPTIONS):
        options = ", ".join(OPTIONS + option for option in defaults)
        raise TrainingError(f"[tune] {key}: {network} has no such option; it has {options}.")
    return _plain(experiment.architecture.options.get(name, defaults[name]))


def _dimension(key: str, value: Any, base: Any) -> Dimension:
    if isinstance(value, list):
        if not value:
            raise TrainingError(f"[tune] {key}: the list is empty; name the values to try.")
        try:
            distinct = {json.dumps(item) for item in value}
        except TypeError as error:
            raise TrainingError(f"[tune] {key}: the list holds a date or a time.") from error
        if len(distinct) < len(value):
            raise TrainingError(f"[tune] {key}: the list names a value twice.")
        return Choices(key, tuple(value))
    if isinstance(value, Mapping):
        return _range(key, value, base)
    raise TrainingError(
        f"[tune] {key}: must be a list of values or a range such as {{ min = 0.1, max = 0.5 }}, "
        f"not {value!r}."
    )


def _range(key: str, table: Mapping[str, Any], base: Any) -> Dimension:
    if unknown := sorted(table.keys() - set(RANGE_KEYS)):
        raise TrainingError(
            f"[tune] {key}: a range has no {unknown[0]}; it has {', '.join(RANGE_KEYS)}."
        )
    numbers = {name: table[name] for name in ("min", "max", "step") if name in table}
    for name in ("min", "max"):
        if name not in numbers:
            raise TrainingError(f"[tune] {key}: a range needs min and max; {name} is missing.")
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise TrainingError(f"[tune] {key}: {name} must be a number, not {number!r}.")
        if not math.isfinite(number):
            raise TrainingError(f"[tune] {key}: {name} must be finite.")
    if isinstance(base, bool) or not isinstance(base, (int, float)):
        raise TrainingError(f"[tune] {key}: is no number, so give a list of values, not a range.")
    log = table.get("log", False)
    if not isinstance(log, bool):
        raise TrainingError(f"[tune] {key}: log must be true or false, not {log!r}.")
    low, high = table["min"], table["max"]
    if not low < high:
        raise TrainingError(f"[tune] {key}: min = {low!r} must be less than max = {high!r}.")
    if log and low <= 0:
        raise TrainingError(f"[tune] {key}: with log = true, min must be above zero.")
    if isinstance(base, float):
        low, high = float(low), float(high)
    if "step" in table:
        return Choices(key, tuple(_steps(key, low, high, table["step"], log)))
    return Range(key, low, high, log)


def _steps(key: str, low: float, high: float, step: float, log: bool) -> list[float]:
    if log and step <= 1:
        raise TrainingError(f"[tune] {key}: with log = true, step is a factor above 1.")
    if not log and step <= 0:
        raise TrainingError(f"[tune] {key}: step must be above zero.")
    whole = isinstance(low, int) and isinstance(high, int)
    if whole and not isinstance(step, int):
        raise TrainingError(f"[tune] {key}: step must be a whole number, as min and max are.")
    span = math.log(high / low, step) if log else (high - low) / step
    # A step that rounding errors hide, such as the third in 0.3 / 0.1, still counts.
    count = math.floor(span + 1e-9) + 1
    if count > MOST_VALUES:
        raise TrainingError(f"[tune] {key}: {count:,} values are too many; make step larger.")
    values = [low * step**number if log else low + number * step for number in range(count)]
    return values if whole else [float(f"{value:.{DIGITS * 3}g}") for value in values]


def changed(experiment: Experiment, values: Mapping[str, Any]) -> Experiment:
    """The experiment with other values for some keys; its file keeps comments and order.

    Raises
    ------
    TrainingError : when a value does not fit its key.
    """
    try:
        document = tomlkit.parse(experiment.source)
        for key, value in values.items():
            *tables, name = key.split(".")
            table: Any = document
            for number, part in enumerate(tables):
                if part not in table:
                    table[part] = tomlkit.inline_table() if number else tomlkit.table()
                table = table[part]
            table[name] = value
    except TOMLKitError as error:
        raise TrainingError(f"[tune] {', '.join(values)}: {error}.") from error
    return parse_experiment(tomlkit.dumps(document), Path("[tune]"))


def check_grid(space: Sequence[Dimension]) -> None:
    """Refuse a range without steps, whose numbers no grid can name.

    Raises
    ------
    TrainingError : naming the key.
    """
    for dimension in space:
        if isinstance(dimension, Range):
            raise TrainingError(
                f"[tune] {dimension.key}: a grid needs a list of values, or a range with step."
            )
