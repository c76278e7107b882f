"""From several channels to one: the table that the page is held to, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.downmix import BLOCK_S, downmix
from features.mel import Float32Array
from webapp.inference import Registry

TABLE = json.loads(
    (Path(__file__).resolve().parents[1] / "data" / "downmix.json").read_text(encoding="utf-8")
)
RATE = TABLE["rate"]
Case = dict[str, Any]


def channel_of(parts: list[tuple[int, str, float]]) -> Float32Array:
    """Return the samples of a channel (n,) of the table."""
    n = np.arange(parts[-1][0] * RATE)
    sources = {
        "a": (n * 7919 % 201 - 100) / 128,
        "b": ((31 * n * n + 17 * n) % 193 - 96) / 128,
        "silence": np.zeros(len(n)),
    }
    channel = np.zeros(len(n), np.float32)
    start = 0
    for until, source, gain in parts:
        channel[start : until * RATE] = gain * sources[source][start : until * RATE]
        start = until * RATE
    return channel


@pytest.mark.parametrize("case", TABLE["cases"], ids=[case["name"] for case in TABLE["cases"]])
def test_channels_become_one_as_the_table_says(case: Case) -> None:
    samples = np.stack([channel_of(parts) for parts in case["channels"]], axis=1)
    total = samples[:, 0].copy()
    for channel in range(1, samples.shape[1]):
        total += samples[:, channel]
    expected = total / np.float32(samples.shape[1])
    start = 0
    for until, taken in case["expected"]:
        block = slice(start * RATE, until * RATE)
        if taken is not None:
            expected[block] = samples[block, taken]
        start = until
    np.testing.assert_array_equal(downmix(samples, RATE), expected)


@pytest.mark.filterwarnings("error")
def test_values_that_are_not_finite_stay_in_the_mean() -> None:
    samples = np.ones((2 * RATE, 2), np.float32)
    samples[:, 1] = -1
    samples[5] = np.nan, 1
    samples[6] = np.inf, 1
    mono = downmix(samples, RATE)
    assert np.isnan(mono[5])
    assert np.isinf(mono[6])


def test_blocks_begin_where_excerpts_of_every_version_do(root: Path) -> None:
    for card in Registry.load(root / "trained_models").cards.values():
        assert card.spec.excerpt_s % BLOCK_S == card.spec.skip_s % BLOCK_S == 0
