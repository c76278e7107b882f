"""Requests of 1 to 600 segments: how time and the worker's memory grow. On Linux only."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .client import Client, body_with, timed
from .serving import Serving
from .setting import point_row, row

VERSIONS = ("v9", "v1")
SEGMENTS = (1, 2, 5, 10, 30, 60, 120, 300, 600)
X = "segments"
# Small requests are repeated until a round has about so many segments.
SEGMENTS_A_ROUND = 120


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    return [found for version in VERSIONS for found in _measure(version, rounds)]


def _measure(version: str, rounds: int) -> list[dict[str, Any]]:
    rows, medians = [], []
    bodies = {n: body_with(version, n) for n in SEGMENTS}
    with Serving(MODEL=version) as site:
        client = Client(site.port, version)
        before = site.resident()
        for n, body in bodies.items():
            site.forget_peak()
            ask = functools.partial(client.ask, body)
            times = timed(ask, rounds * max(1, SEGMENTS_A_ROUND // n))
            medians.append(float(np.median(times)))
            rows += [
                point_row(f"{version}, request", X, n, medians[-1], "ms", 2),
                point_row(f"{version}, worker at most", X, n, site.peak(), "MB", 1),
                point_row(f"{version}, worker afterwards", X, n, site.resident(), "MB", 1),
            ]
        client.close()
    slope, start, r2 = fit(SEGMENTS, medians)
    large, middle = SEGMENTS.index(600), SEGMENTS.index(30)
    each = [medians[place] / SEGMENTS[place] for place in (large, middle)]
    return [
        *rows,
        row(f"{version}: worker before the first request", before, "MB", 1),
        row(f"{version}: straight line, each segment", slope, "ms", 3),
        row(f"{version}: straight line, each request", start, "ms", 2),
        row(f"{version}: straight line, r2", r2, "", 5),
        row(f"{version}: a segment of 600 / a segment of 30", each[0] / each[1], "x", 2),
    ]


def fit(places: tuple[int, ...], values: list[float]) -> tuple[float, float, float]:
    """Slope, value at 0 and r2 of the straight line through points.

    Least squares of relative errors: otherwise the largest request alone would decide.
    """
    x, y = np.array(places, float), np.array(values)
    slope, start = np.polyfit(x, y, 1, w=1 / y)
    left = ((y - slope * x - start) ** 2).sum()
    return float(slope), float(start), float(1 - left / ((y - y.mean()) ** 2).sum())
