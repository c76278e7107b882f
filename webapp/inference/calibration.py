"""Temperature scaling (Guo et al., "On calibration of modern neural networks", 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def calibrate(
    probabilities: npt.NDArray[np.floating[Any]], temperature: float
) -> npt.NDArray[np.float64]:
    """Probabilities (..., n_genres) with the logits divided by `temperature`.

    Logarithms of softmax outputs are the logits but for a common offset, which softmax ignores; so
    this is exactly temperature scaling. A temperature above 1 makes answers less sure.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-30)) / temperature
    logits -= logits.max(axis=-1, keepdims=True)
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)
