"""The curves of a model's page: what of a card can be drawn, and where each point lies.

A card may hold ROC curves, the values of every epoch and a reliability diagram, or not; these
parts of it are not checked when it is loaded. What is missing or does not make sense is not drawn.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _

from .numbers import decimal, percent

Points = list[tuple[float, float]]

# Of the picture, in its own units: on a phone one unit is a little less than a pixel.
WIDTH = 360
LEFT, RIGHT, TOP, BOTTOM = 46, 18, 30, 44
# Rates of false alarms at which the table tells how much is found.
FALSE_ALARMS = (0.05, 0.1, 0.2)
VALIDATION = "val_"
# How large the dot of all songs would be, and that of none.
DOT_LARGEST, DOT_SMALLEST = 14.0, 2.5


@dataclasses.dataclass(frozen=True)
class Tick:
    """A value on an axis: where it lies in the picture, and its text."""

    at: float
    text: str


@dataclasses.dataclass(frozen=True)
class Axis:
    """From which value to which an axis goes, and from where to where in the picture."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[Tick, ...] = ()

    def place(self, value: float) -> float:
        """Where a value lies."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def marked(self, values: Sequence[float], text: Callable[[float], str]) -> Axis:
        """The same axis with ticks at `values`."""
        ticks = tuple(Tick(self.place(value), text(value)) for value in values)
        return dataclasses.replace(self, ticks=ticks)


@dataclasses.dataclass(frozen=True)
class Line:
    """A curve: its key in the card, its name for people, and its points in the card's units."""

    key: str
    title: str
    points: Points
    style: str = ""
    # of a ROC curve; None where the card does not tell it
    area: float | None = None

    def found_at(self, x: float) -> float:
        """Its value at `x`, the upper one where it rises steeply."""
        return value_at(self.points, x)


@dataclasses.dataclass(frozen=True)
class Dot:
    """A point of the reliability diagram; `n` songs of the test belong to it."""

    confidence: float
    accuracy: float
    n: int
    radius: float


@dataclasses.dataclass(frozen=True)
class Chart:
    """A picture of lines. `unit` is that of the values: "share" or "number"."""

    kind: str
    key: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    unit: str = "share"
    dots: tuple[Dot, ...] = ()
    # an x that is marked: the epoch whose weights were kept
    mark: int | None = None

    @property
    def height(self) -> float:
        """Of the whole picture."""
        return self.y.start + BOTTOM

    def path(self, line: Line) -> str:
        """A line for the `d` of an SVG path."""
        return "M" + "L".join(f"{self.x.place(x):g} {self.y.place(y):g}" for x, y in line.points)

    def data(self) -> dict[str, Any]:
        """What the page's script needs in order to read values from the picture."""
        data: dict[str, Any] = {
            "kind": self.kind,
            "unit": self.unit,
            "x": [self.x.low, self.x.high, self.x.start, self.x.end],
            "y": [self.y.low, self.y.high, self.y.start, self.y.end],
            "lines": [{"title": line.title, "points": line.points} for line in self.lines],
        }
        if self.dots:
            data["counts"] = [dot.n for dot in self.dots]
        return data


def value_at(points: Points, x: float) -> float:
    """Value of a curve at `x`; the last one of several at the same place."""
    after = bisect.bisect_right(points, x, key=lambda point: point[0])
    if after == 0:
        return points[0][1]
    x0, y0 = points[after - 1]
    if after == len(points) or x0 == x:
        return y0
    x1, y1 = points[after]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _value_before(points: Points, x: float) -> float:
    """What a curve comes from at `x`: the first of several values at the same place."""
    at = bisect.bisect_left(points, x, key=lambda point: point[0])
    return points[at][1] if at < len(points) and points[at][0] == x else value_at(points, x)


def mean_curve(curves: Sequence[Points]) -> Points:
    """The mean of curves at every x where one of them bends, steps included.

    The area under it is the mean of their areas.
    """
    mean: Points = []
    for x in sorted({x for points in curves for x, _y in points}):
        for value in (_value_before, value_at):
            y = sum(value(points, x) for points in curves) / len(curves)
            point = (round(x, 4), round(y, 4))
            if not mean or mean[-1] != point:
                mean.append(point)
    return mean


def roc(card: Mapping[str, Any]) -> Chart | None:
    """ROC curves of the test songs, one per genre, and their mean if no genre lacks one."""
    track = card["metrics"]["test"]["track"]
    told = track.get("roc")
    areas = track.get("roc_auc")
    areas = areas if isinstance(areas, Mapping) else {}
    lines = []
    for index, genre in enumerate(card["genres"]):
        points = _roc_points(told.get(genre)) if isinstance(told, Mapping) else None
        if points:
            # the second five are dashed: colours alone would not do
            style = f"g{index % 10}{' dashed' if index % 10 > 4 else ''}"
            lines.append(Line(genre, genre, points, style, _share(areas.get(genre))))
    if not lines:
        return None
    if len(lines) == len(card["genres"]):
        points = mean_curve([line.points for line in lines])
        area = _share(areas.get("macro"))
        lines.append(Line("macro", _("mean of all genres"), points, "mean", area))
    return Chart("roc", "roc", *_shares(), lines=tuple(lines))


def reliability(card: Mapping[str, Any]) -> Chart | None:
    """How sure the version was of its answers to the test songs, and how many were right."""
    test = card["metrics"]["test"]
    told = test["track"].get("reliability")
    dots = []
    for point in told if isinstance(told, list) else []:
        shares = [_share(point.get(key)) for key in ("confidence", "accuracy", "share")]
        if None in shares:
            return None
        confidence, accuracy, share = shares
        radius = DOT_SMALLEST + (DOT_LARGEST - DOT_SMALLEST) * math.sqrt(share)
        dots.append(Dot(confidence, accuracy, round(share * test["n_tracks"]), round(radius, 1)))
    if not dots:
        return None
    dots.sort(key=lambda dot: dot.confidence)
    line = Line("reliability", _("right"), [(dot.confidence, dot.accuracy) for dot in dots])
    return Chart("reliability", "reliability", *_shares(), lines=(line,), dots=tuple(dots))


def history(card: Mapping[str, Any]) -> list[Chart]:
    """Learning curves: what a network was trained by, and what validation gave, by epoch."""
    told = card["training"].get("history")
    if not isinstance(told, Mapping):
        return []
    epochs = {key: values for key in told if len(values := _numbers(told[key])) > 1}
    options = card["training"].get("options")
    keep = options.get("keep") if isinstance(options, Mapping) else None
    mark = None
    if keep == "best" and (losses := epochs.get(f"{VALIDATION}loss")):
        mark = losses.index(min(losses)) + 1
    charts = []
    for name in dict.fromkeys(key.removeprefix(VALIDATION) for key in epochs):
        lines = tuple(
            Line(key, title, [(float(n), y) for n, y in enumerate(epochs[key], 1)], style)
            for key, title, style in (
                (name, _("training"), "training"),
                (VALIDATION + name, _("validation"), "validation dashed"),
            )
            if key in epochs
        )
        charts.append(_history_chart(name, lines, mark))
    # losses together, as the card orders them, before what is right
    return sorted(charts, key=lambda chart: chart.unit == "share")


def _history_chart(name: str, lines: tuple[Line, ...], mark: int | None) -> Chart:
    last = max(line.points[-1][0] for line in lines)
    values = [y for line in lines for _x, y in line.points]
    is_share = "accuracy" in name and min(values) >= 0 and max(values) <= 1
    x = Axis(1, last, LEFT, WIDTH - RIGHT)
    steps = [n for n in _round_values(1, last) if n == int(n)]
    x = x.marked(steps if 1 in steps else [1, *steps], lambda n: decimal(n))
    start, end = 200, 12
    if is_share:
        y = Axis(0, 1, start, end).marked([0, 0.25, 0.5, 0.75, 1], percent)
    else:
        low = min(0.0, *values) if min(values) < max(values) / 2 else min(values)
        ticks = _round_values(low, max(values), around=True)
        digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
        y = Axis(ticks[0], ticks[-1], start, end)
        y = y.marked(ticks, lambda value: decimal(value, digits))
    return Chart("history", name, x, y, lines, "share" if is_share else "number", mark=mark)


def _shares() -> tuple[Axis, Axis]:
    """Both axes from 0 to 100 %, as long as each other."""
    values = [0, 0.2, 0.4, 0.6, 0.8, 1]
    side = WIDTH - LEFT - RIGHT
    x = Axis(0, 1, LEFT, LEFT + side)
    y = Axis(0, 1, TOP + side, TOP)
    return x.marked(values, percent), y.marked(values, percent)


def _round_values(low: float, high: float, around: bool = False) -> list[float]:
    """Multiples of 1, 2 or 5 within the range; `around` it instead: none of it lies outside."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= span / 5.001)
    first, last = low / step, high / step
    if around:
        start, end = math.floor(first + 1e-9), math.ceil(last - 1e-9)
        end = max(end, start + 1)
    else:
        start, end = math.ceil(first - 1e-9), math.floor(last + 1e-9)
    return [round(n * step, 10) for n in range(start, end + 1)]


def _share(value: Any) -> Any:
    """`value` if it is a number from 0 to 1, else None."""
    return value if _is_number(value) and 0 <= value <= 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(value: Any) -> list[float]:
    """`value` if it is a list of numbers, else nothing."""
    is_list = isinstance(value, list) and all(_is_number(inner) for inner in value)
    return value if is_list else []


def _roc_points(told: Any) -> Points | None:
    if not isinstance(told, Mapping):
        return None
    x, y = _numbers(told.get("fpr")), _numbers(told.get("tpr"))
    whole = len(x) == len(y) > 1 and x[0] == 0 and x[-1] == y[-1] == 1
    rising = x == sorted(x) and y == sorted(y) and y[:1] >= [0]
    return list(zip(x, y, strict=True)) if whole and rising else None
