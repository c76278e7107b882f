"""From the answers for the segments to the answer for the song."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def soft_vote(probabilities: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Mean of the segments' probabilities: (..., n_segments, n_genres) to (..., n_genres)."""
    mean: npt.NDArray[np.float64] = probabilities.mean(axis=-2, dtype=np.float64)
    return mean


def vote_counts(winners: npt.NDArray[np.integer[Any]], genres: Sequence[str]) -> dict[str, int]:
    """Segments won by each genre; `winners` (n_segments,) are indices into `genres`."""
    counts = np.bincount(winners, minlength=len(genres))
    return {genre: int(count) for genre, count in zip(genres, counts, strict=True)}
