"""The answer for a song, made of the answers for its segments.

The page does the same with the answers to a long song, which come in several requests:
`combined` in `static/js/server/requests.js` says why, and one table tests both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt


class Unfamiliar(TypedDict):
    """How far a song is from the training music; flagged when the score is above the threshold."""

    score: float
    threshold: float
    flag: bool


def soft_vote(probabilities: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Mean of the segments' probabilities: (..., n_segments, n_genres) to (..., n_genres)."""
    mean: npt.NDArray[np.float64] = probabilities.mean(axis=-2, dtype=np.float64)
    return mean


def mean_embedding(embeddings: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """The embedding of a song: the mean of its segments' (n_segments, size), as (size,)."""
    mean: npt.NDArray[np.float64] = embeddings.mean(axis=0, dtype=np.float64)
    return mean


def vote_counts(winners: npt.NDArray[np.integer[Any]], genres: Sequence[str]) -> dict[str, int]:
    """Segments won by each genre; `winners` (n_segments,) are indices into `genres`."""
    counts = np.bincount(winners, minlength=len(genres))
    return {genre: int(count) for genre, count in zip(genres, counts, strict=True)}


def judge_familiarity(scores: npt.NDArray[np.floating[Any]], threshold: float) -> Unfamiliar:
    """The answer for a song by the mean of its segments' unfamiliarity scores (n_segments,)."""
    score = float(scores.mean(dtype=np.float64))
    return {"score": score, "threshold": threshold, "flag": score > threshold}
