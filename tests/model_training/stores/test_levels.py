"""Log-mel comes back from its 256 levels at most half a step off."""

import numpy as np
import pytest

from model_training.stores import levels


@pytest.mark.parametrize("range_db", [80.0, 96.5])
def test_levels_are_the_middles_of_equal_steps(range_db):
    rng = np.random.default_rng(0)
    log_mel = rng.uniform(-range_db, 0, (500, 12)).astype(np.float32)
    stored = levels.to_levels(log_mel, range_db)
    back = levels.to_db(stored, range_db)
    assert stored.dtype == np.uint8
    assert back.dtype == np.float32
    step = range_db / 256
    assert levels.step_db(range_db) == step
    # Half a step, and float32's own steps at 100 dB.
    np.testing.assert_allclose(back, log_mel, rtol=0, atol=step / 2 + 1e-5)
    np.testing.assert_array_equal(levels.to_levels(back, range_db), stored)


def test_all_levels_and_values_out_of_range():
    every = np.arange(256, dtype=np.uint8)
    back = levels.to_db(every, 80.0)
    np.testing.assert_allclose(back, -80 + (np.arange(256) + 0.5) * 80 / 256, atol=1e-5)
    ends = np.array([-np.inf, -1000, -80, 0, 3], dtype=np.float32)
    assert levels.to_levels(ends, 80.0).tolist() == [0, 0, 0, 255, 255]


def test_each_clip_has_its_range():
    range_db = np.array([80, 40], np.float32)[:, None]
    stored = np.array([[0, 255], [0, 255]], np.uint8)
    expected = [[-79.84375, -0.15625], [-39.921875, -0.078125]]
    np.testing.assert_allclose(levels.to_db(stored, range_db), expected)


def test_means_of_levels_are_exact():
    stored = np.random.default_rng(1).integers(0, 256, 1000).astype(np.uint8)
    mean = levels.to_db(stored.mean(dtype=np.float64), 80.0)
    assert mean.dtype == np.float64
    assert mean == pytest.approx(levels.to_db(stored, 80.0).mean(dtype=np.float64), abs=1e-5)
