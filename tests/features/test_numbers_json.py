"""`numbers_json` writes the text that json writes of the rounded numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.numbers_json import numbers_json


def one_by_one(values: np.ndarray, decimals: int) -> str:
    """The same text by json: rounded in float64, and -0.0 made 0.0."""
    rounded = np.round(values.astype(np.float64), decimals) + 0.0
    return json.dumps(rounded.tolist(), separators=(",", ":"), allow_nan=False)


@pytest.mark.parametrize("decimals", range(7))
@pytest.mark.parametrize("scale", [1e-5, 0.01, 1.0, 60.0, 99_999.0, 1e9, 1e30])
@pytest.mark.parametrize("shape", [(7,), (1, 1), (64, 20), (5, 1), (0,), (3, 0)])
def test_text_is_that_of_json(decimals: int, scale: float, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(decimals)
    values = (random.normal(size=shape) * scale).astype(np.float32)
    assert numbers_json(values, decimals) == one_by_one(values, decimals)


@pytest.mark.parametrize("decimals", range(5))
def test_every_pattern_of_digits_has_its_text(decimals: int) -> None:
    steps = np.concatenate([np.arange(-11_000, 11_000), 10 ** np.arange(9), -(10 ** np.arange(9))])
    values = np.append(steps / 10.0**decimals, [-0.0, 0.0005, -0.0005, 0.25, 0.5, 1.5, 2.5])
    assert numbers_json(values, decimals) == one_by_one(values, decimals)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        numbers_json(np.array([1.0, value], dtype=np.float32), 3)
