"""Own genres: what examples tell when they are left out and asked.

How probable answers are, what is none of the genres, how well each genre is recognised, and which
examples look misfiled.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .own_genres import Floats, Labels, OwnGenres, Recognised

# Examples below which nothing is said of how well a genre is recognised.
FEW = 5
# Temperatures that are looked at, first in so many steps, and the one that counts as if this many
# left-out songs had it.
TEMPERATURES = (0.2, 500.0)
N_STEPS = 20
USUAL_TEMPERATURE = 20.0
USUAL_WEIGHT = 1.0
# Share of the left-out songs that are no farther from their nearest genre than the threshold, and
# the squared distance for each number of an embedding where none was left out.
FAMILIAR_SHARE = 0.95
USUAL_DISTANCE = 2.0
# A left-out example looks misfiled where another genre is so much more probable than its own.
MISFILED = 0.8
# A genre overlaps another to which this share of its examples goes.
OVERLAP = 1 / 3
# The interval of a genre's recall: its probability as a quantile of the normal distribution, and
# the share of its examples that counts, since songs of one artist are no independent trials.
INTERVAL_Z = 1.2816
INDEPENDENT = 0.35


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Answers to examples by what the others teach.

    Attributes
    ----------
    genres : as in `Answers`.
    judged : bool (n_examples,); not, where nothing is known of a genre without the example.
    distances : (n_examples, n_genres) squared Mahalanobis distances; NaN where not judged.
    probabilities : (n_examples, n_genres); NaN where not judged.
    """

    genres: tuple[str, ...]
    judged: npt.NDArray[np.bool_]
    distances: Floats
    probabilities: Floats


@dataclasses.dataclass(frozen=True)
class GenreReport:
    """How well a genre is recognised.

    Attributes
    ----------
    few : fewer than `FEW` examples.
    taken_for, taken_share : the other genre to which most of its left-out examples go, and their
        share of all; None and 0 when all are recognised.
    overlaps : that genre, when the share is at least `OVERLAP` and the examples are not few.
    """

    few: bool
    taken_for: str | None
    taken_share: float
    overlaps: str | None


def find_temperature(distances: Floats, labels: Labels, base: OwnGenres | None) -> float:
    """The temperature at which the left-out songs' own genres (n,) are most probable.

    By their squared distances (n, n_genres); the usual temperature counts as some songs more, that
    of the base as all of its songs.
    """
    usual = math.log(base.temperature if base else USUAL_TEMPERATURE)
    weight = USUAL_WEIGHT + (sum(genre.songs for genre in base.genres) if base else 0)

    def loss(log_temperature: float) -> float:
        scores = distances / (-2 * math.exp(log_temperature))
        highest = scores.max(axis=1)
        total = np.log(np.exp(scores - highest[:, None]).sum(axis=1)) + highest
        own = scores[np.arange(len(labels)), labels]
        return float((total - own).sum() + weight * (log_temperature - usual) ** 2)

    return math.exp(_minimum(loss, math.log(TEMPERATURES[0]), math.log(TEMPERATURES[1])))


def _minimum(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where a function is smallest: by golden sections, in the lowest of its valleys."""
    step = (high - low) / N_STEPS
    lowest = min((low + step * number for number in range(N_STEPS + 1)), key=loss)
    low, high = max(low, lowest - step), min(high, lowest + step)
    ratio = (math.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = loss(a), loss(b)
    while high - low > 1e-4:
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = loss(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = loss(b)
    return (low + high) / 2


def find_threshold(nearest: Floats, size: int, base: OwnGenres | None) -> float:
    """The squared distance beyond which a song is none of these.

    By the left-out songs' squared distances (n,) to their nearest genres, z having `size` numbers.
    """
    usual = base.threshold if base else USUAL_DISTANCE * size
    if not len(nearest):
        return usual
    found = float(np.quantile(nearest, FAMILIAR_SHARE, method="higher"))
    n_before = sum(genre.songs for genre in base.genres) if base else 0
    return (n_before * usual + len(nearest) * found) / (n_before + len(nearest))


def recall_interval(hits: float, n: int) -> Recognised:
    """The recall of `hits` of `n` left-out examples, with its 80 % interval (Wilson, 1927).

    Only a share of the examples counts, since those of one artist are no independent trials.
    """
    value = hits / n
    trials = max(1.0, INDEPENDENT * n)
    square = INTERVAL_Z**2 / trials
    middle = (value + square / 2) / (1 + square)
    half = (
        INTERVAL_Z / (1 + square) * math.sqrt(value * (1 - value) / trials + square / (4 * trials))
    )
    # The interval holds the value, but for rounding.
    low, high = min(value, middle - half), max(value, middle + half)
    return Recognised(value, max(0.0, low), min(1.0, high))


def report_genres(
    left_out: LeftOut, labels: Labels, n_own: int, base: OwnGenres | None
) -> tuple[tuple[GenreReport, ...], list[Recognised | None]]:
    """How well each of the first `n_own` genres is recognised, by examples of genres (n_examples,).

    What is known of a genre of the base counts as much as its songs.
    """
    reports: list[GenreReport] = []
    recognised: list[Recognised | None] = []
    winners = np.where(left_out.judged, np.nan_to_num(left_out.distances, nan=np.inf).argmin(1), -1)
    for row in range(n_own):
        mine = winners[(labels == row) & left_out.judged]
        n, hits = len(mine), float((mine == row).sum())
        counts = np.bincount(mine, minlength=len(left_out.genres))
        counts[row] = 0
        taken = int(counts.argmax())
        share = float(counts[taken] / n) if n else 0.0
        before = base.genres[row] if base and row < len(base.genres) else None
        if before and before.recognised:
            n, hits = n + before.songs, hits + before.songs * before.recognised.value
        few = n < FEW
        recognised.append(None if few else recall_interval(hits, n))
        name = left_out.genres[taken] if share > 0 else None
        reports.append(
            GenreReport(few, name, share, name if share >= OVERLAP and not few else None)
        )
    return tuple(reports), recognised


def find_misfiled(left_out: LeftOut, labels: Labels) -> npt.NDArray[np.bool_]:
    """Whether each example of genres (n_examples,) looks as if it belonged to another genre."""
    probabilities = np.nan_to_num(left_out.probabilities)
    highest = probabilities.max(axis=1)
    own = probabilities[np.arange(len(labels)), labels]
    return left_out.judged & (highest - own >= MISFILED)
