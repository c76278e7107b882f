"""The straight line that `fit` lays through measured points."""

from __future__ import annotations

import pytest

from bench.growth import SEGMENTS, fit


def test_a_line_is_found_exactly_and_a_parabola_fits_badly() -> None:
    slope, start, r2 = fit(SEGMENTS, [3 + 0.5 * n for n in SEGMENTS])
    assert (slope, start, r2) == pytest.approx((0.5, 3, 1))
    assert fit(SEGMENTS, [float(n * n) for n in SEGMENTS])[2] < 0.9
