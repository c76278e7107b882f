"""The curves of a card as points: ROC curves, the reliability diagram, the values of every epoch.

A card may hold them or not, and they are not checked when it is loaded: a curve that is missing or
makes no sense is left out.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .card import Finite, Share, part

Points = list[tuple[float, float]]

# Key of the mean over all genres, here and in the card's `roc_auc`.
MEAN = "macro"
# In front of the keys of what was measured on validation tracks.
VALIDATION = "val_"


@dataclasses.dataclass(frozen=True)
class Roc:
    """The ROC curve of a genre against all others, or the mean of all.

    Attributes
    ----------
    key : the genre, or `MEAN`.
    points : shares of 1: false alarms, and tracks of the genre that are found.
    area : as the card tells it; None where it does not.
    """

    key: str
    points: Points
    area: float | None

    def found_at(self, false_alarms: float) -> float:
        """Share of the genre that is found, the upper one where the curve is steep."""
        return value_at(self.points, false_alarms)


class _RocPoints(msgspec.Struct):
    fpr: list[Share]
    tpr: list[Share]


class Bin(msgspec.Struct):
    """Test tracks of whose answers the version was about equally sure.

    Attributes
    ----------
    confidence : how sure it was, as a mean.
    accuracy : share of these tracks that it got right.
    share : of all test tracks, how many these are; `n` in numbers.
    """

    confidence: Share
    accuracy: Share
    share: Share
    n: int = 0


@dataclasses.dataclass(frozen=True)
class Learning:
    """One value of every epoch, such as the loss.

    Attributes
    ----------
    key : as in the card.
    lines : what was measured, "training" or "validation", and its values from the first epoch on.
    kept : the epoch whose weights were kept, from 1; None where none was chosen.
    """

    key: str
    lines: dict[str, list[float]]
    kept: int | None = None

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return max(map(len, self.lines.values()))

    @property
    def is_share(self) -> bool:
        """Whether all values are shares of 1."""
        values = [value for line in self.lines.values() for value in line]
        return "accuracy" in self.key and min(values) >= 0 and max(values) <= 1


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
    """Value of a curve at `x`; the first one of several at the same place."""
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


def roc(card: Mapping[str, Any]) -> list[Roc]:
    """ROC curves of the test tracks in the order of the genres; last, if none is missing, the mean.

    `card` is the JSON of a card, here and below.
    """
    track = card["metrics"]["test"]["track"]
    told = part(track.get("roc"), dict[str, Any]) or {}
    areas = part(track.get("roc_auc"), dict[str, Share | None]) or {}
    found = [
        Roc(genre, points, areas.get(genre))
        for genre in card["genres"]
        if (points := _roc_points(told.get(genre)))
    ]
    if len(found) == len(card["genres"]):
        points = mean_curve([curve.points for curve in found])
        found.append(Roc(MEAN, points, areas.get(MEAN)))
    return found


def _roc_points(told: Any) -> Points | None:
    curve = part(told, _RocPoints)
    if curve is None:
        return None
    x, y = curve.fpr, curve.tpr
    whole = len(x) == len(y) > 1 and x[0] == 0 and x[-1] == y[-1] == 1
    rising = x == sorted(x) and y == sorted(y)
    return list(zip(x, y, strict=True)) if whole and rising else None


def reliability(card: Mapping[str, Any]) -> list[Bin]:
    """How sure the version was of its answers to the test tracks, and how many were right."""
    test = card["metrics"]["test"]
    bins = [
        msgspec.structs.replace(each, n=round(each.share * test["n_tracks"]))
        for each in part(test["track"].get("reliability"), list[Bin]) or []
    ]
    return sorted(bins, key=lambda each: each.confidence)


def history(card: Mapping[str, Any]) -> list[Learning]:
    """What a network was trained by and what validation gave, losses before what is right.

    One epoch is no curve.
    """
    told = part(card["training"].get("history"), dict[str, Any]) or {}
    epochs = {key: values for key in told if len(values := part(told[key], list[Finite]) or []) > 1}
    options = part(card["training"].get("options"), dict[str, Any]) or {}
    kept = None
    if options.get("keep") == "best" and (losses := epochs.get(f"{VALIDATION}loss")):
        kept = losses.index(min(losses)) + 1
    found = []
    for key in dict.fromkeys(key.removeprefix(VALIDATION) for key in epochs):
        measured = {"training": epochs.get(key), "validation": epochs.get(VALIDATION + key)}
        lines = {name: values for name, values in measured.items() if values}
        found.append(Learning(key, lines, kept))
    return sorted(found, key=lambda each: each.is_share)
