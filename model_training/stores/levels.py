"""The 256 levels in which stores keep log-mel.

A level is one of 256 equal steps of dB from -range_db to 0, `range_db` being the spec's `top_db`
or, in GTZAN's arrays, that of each clip. It stands for the middle of its step, so a value comes
back at most range_db / 512 dB off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

COUNT = 256

Floats = npt.NDArray[np.floating[Any]]


def step_db(range_db: float | Floats) -> float | Floats:
    """Height of one step in dB, of one range or of an array of them."""
    return range_db / COUNT


def to_levels(log_mel: npt.NDArray[np.float32], range_db: float) -> npt.NDArray[np.uint8]:
    """Levels of log-mel in dB, of the same shape; values out of range take the nearest level."""
    level = np.floor((log_mel / np.float32(range_db) + 1) * COUNT)
    return np.clip(level, 0, COUNT - 1).astype(np.uint8)


def to_db(levels: npt.NDArray[Any], range_db: float | Floats) -> Floats:
    """Log-mel in dB, of the same shape: float32 of uint8 levels, float64 of float64 means of them.

    Parameters
    ----------
    range_db : one for all, or an array that is broadcast against `levels`.
    """
    return -range_db * (1 - (levels + np.float32(0.5)) / np.float32(COUNT))
