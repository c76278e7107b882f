"""Charts of a model's page: axes, curves and dots with their places in the picture.

The values of the curves come from `webapp/inference/curves.py`; here they get axes and styles.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from .genres import WORDS, colour_classes
from .inference.curves import VALIDATION, Bin, Learning, Points, Roc, value_at
from .language import _
from .numbers import decimal, percent

# Width and margins of a picture in its own units; on a phone a unit is a little less than a pixel.
WIDTH = 360
LEFT, RIGHT, TOP, BOTTOM = 46, 18, 30, 44
# False positive rates for which the table of the ROC curves gives the true positive rate.
FALSE_ALARMS = (0.05, 0.1, 0.2)
# Radius of a dot for all songs of the test, and for none of them.
DOT_LARGEST, DOT_SMALLEST = 14.0, 2.5
# Lines of these genres are dashed: so many colours alone are hard to tell apart.
DASHED = [f"g-{word}" for word in WORDS[len(WORDS) // 2 :]]


@dataclasses.dataclass(frozen=True)
class Tick:
    """A mark on an axis: its coordinate in the picture, and the text of its value."""

    at: float
    text: str


@dataclasses.dataclass(frozen=True)
class Axis:
    """The values from `low` to `high`, drawn from `start` to `end` in the picture."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[Tick, ...] = ()

    def place(self, value: float) -> float:
        """The coordinate of a value in the picture, rounded to a tenth of a unit."""
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
    # area under a ROC curve; None where the card does not hold it
    area: float | None = None

    def value_at(self, x: float) -> float:
        """The value of the curve at `x`; at a vertical step, the last of its values there."""
        return value_at(self.points, x)


@dataclasses.dataclass(frozen=True)
class Dot:
    """A point of the reliability diagram, for the `n` songs of the test in its bin."""

    confidence: float
    accuracy: float
    n: int
    radius: float


@dataclasses.dataclass(frozen=True)
class Chart:
    """A picture of lines. `unit` is that of the y values: "share" or "number"."""

    kind: str
    key: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    unit: str = "share"
    dots: tuple[Dot, ...] = ()
    # the marked value of x: the epoch whose weights were kept
    mark: int | None = None

    @property
    def height(self) -> float:
        """Height of the whole picture."""
        return self.y.start + BOTTOM

    def path(self, line: Line) -> str:
        """The attribute `d` of the SVG path that draws `line`."""
        return "M" + "L".join(f"{self.x.place(x):g} {self.y.place(y):g}" for x, y in line.points)

    def data(self) -> dict[str, Any]:
        """Axes and points for the page's script, which tells values under the pointer."""
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


def roc(curves: Sequence[Roc], genres: Sequence[str]) -> Chart:
    """ROC curves in the colours that `genres` have on the whole page."""
    lines = []
    colours = colour_classes(genres)
    for curve in curves:
        if colour := colours.get(curve.key):
            title, style = curve.key, f"{colour} dashed" if colour in DASHED else colour
        else:
            title, style = _("mean of all genres"), "mean"
        lines.append(Line(curve.key, title, curve.points, style, curve.area))
    return Chart("roc", "roc", *_shares(), lines=tuple(lines))


def reliability(bins: Sequence[Bin]) -> Chart:
    """The reliability diagram: the accuracy over the confidence, with a dot for each bin."""
    dots = []
    for each in bins:
        # the square root, so that areas rather than radii show the shares of the songs
        radius = DOT_SMALLEST + (DOT_LARGEST - DOT_SMALLEST) * math.sqrt(each.share)
        dots.append(Dot(each.confidence, each.accuracy, each.n, round(radius, 1)))
    line = Line("reliability", _("right"), [(dot.confidence, dot.accuracy) for dot in dots])
    return Chart("reliability", "reliability", *_shares(), lines=(line,), dots=tuple(dots))


def history(curves: Sequence[Learning]) -> list[Chart]:
    """One picture for each learning curve."""
    return [_learning(curve) for curve in curves]


def _learning(curve: Learning) -> Chart:
    names = {
        "training": (curve.key, _("training"), "training"),
        "validation": (VALIDATION + curve.key, _("validation"), "validation dashed"),
    }
    lines = []
    for name, values in curve.lines.items():
        key, title, style = names[name]
        points = [(float(n), y) for n, y in enumerate(values, 1)]
        lines.append(Line(key, title, points, style))
    x = Axis(1, curve.epochs, LEFT, WIDTH - RIGHT)
    steps = [n for n in _round_values(1, curve.epochs) if n == int(n)]
    x = x.marked(steps if 1 in steps else [1, *steps], lambda n: decimal(n))
    start, end = 200, 12
    if curve.is_share:
        y = Axis(0, 1, start, end).marked([0, 0.25, 0.5, 0.75, 1], percent)
    else:
        numbers = [value for values in curve.lines.values() for value in values]
        low, high = min(numbers), max(numbers)
        ticks = _round_values(min(0.0, low) if low < high / 2 else low, high, around=True)
        digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
        y = Axis(ticks[0], ticks[-1], start, end)
        y = y.marked(ticks, lambda value: decimal(value, digits))
    unit = "share" if curve.is_share else "number"
    return Chart("history", curve.key, x, y, tuple(lines), unit, mark=curve.kept)


def _shares() -> tuple[Axis, Axis]:
    """The x axis and the y axis of shares, from 0 to 100 % and of equal length."""
    values = [0, 0.2, 0.4, 0.6, 0.8, 1]
    side = WIDTH - LEFT - RIGHT
    x = Axis(0, 1, LEFT, LEFT + side)
    y = Axis(0, 1, TOP + side, TOP)
    return x.marked(values, percent), y.marked(values, percent)


def _round_values(low: float, high: float, around: bool = False) -> list[float]:
    """Round values from `low` to `high`, in steps of 1, 2 or 5 times a power of ten.

    With `around` the first and the last value enclose the range; else all lie within it.
    """
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
