"""How good a model is: per segment, per track, with intervals and calibration.

Conventions: `labels` int64 (n_tracks,); `probabilities` (n_tracks, n_segments, n_genres), rows sum
to one. A track's answer is the soft vote: the mean over its segments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sk

from webapp.inference.aggregation import soft_vote
from webapp.inference.calibration import calibrate

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]

BOOTSTRAP_ROUNDS = 10_000
CALIBRATION_BINS = 15


def bootstrap_interval(correct: Floats, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of `correct` (n_tracks,), percentile bootstrap over tracks.

    For segments pass each track's share of right segments: segments of a track are not
    independent.
    """
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(correct), (BOOTSTRAP_ROUNDS, len(correct)))
    low, high = np.percentile(correct[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def expected_calibration_error(probabilities: Floats, labels: Labels) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al., 2017).

    `probabilities` (n, n_genres), `labels` (n,).
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(correct[bins == b].sum() - confidence[bins == b].sum()) for b in range(CALIBRATION_BINS)
    ]
    return float(sum(gaps) / len(labels))


def negative_log_likelihood(probabilities: Floats, labels: Labels) -> float:
    """Mean of -log p(right genre); `probabilities` (n, n_genres)."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def fit_temperature(probabilities: Floats, labels: Labels) -> float:
    """The temperature with which the tracks' soft votes are most likely right.

    Fitted on the song's answer, since that is what people read. Searched on a fine grid: the curve
    is flat around its only minimum.
    """
    grid = np.geomspace(0.3, 3.0, 231)
    losses = [negative_log_likelihood(soft_vote(calibrate(probabilities, t)), labels) for t in grid]
    return round(float(grid[int(np.argmin(losses))]), 4)


def majority_vote(probabilities: Floats) -> Labels:
    """Most frequent segment winner of each track; ties go to the larger soft vote."""
    n_genres = probabilities.shape[-1]
    winners = probabilities.argmax(axis=-1)
    votes = np.stack([(winners == genre).sum(axis=1) for genre in range(n_genres)], axis=1)
    return (votes + 0.5 * soft_vote(probabilities)).argmax(axis=1)


def _accuracy(correct: Floats) -> dict[str, float]:
    low, high = bootstrap_interval(correct)
    return {
        "value": round(float(correct.mean()), 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def evaluate(
    probabilities: Floats, labels: Labels, genres: tuple[str, ...], temperature: float
) -> dict[str, Any]:
    """The full report of one set of tracks, ready for a model card.

    Parameters
    ----------
    probabilities : (n_tracks, n_segments, n_genres), before calibration.
    temperature : fitted on other tracks than these (or say so).
    """
    calibrated = calibrate(probabilities, temperature)
    tracks = soft_vote(calibrated)
    winners = tracks.argmax(axis=1)
    index = list(range(len(genres)))
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        labels, winners, labels=index, zero_division=0.0
    )
    one_hot = np.eye(len(genres))[labels]
    auc = {
        genre: round(float(sk.roc_auc_score(one_hot[:, i], tracks[:, i])), 4)
        for i, genre in enumerate(genres)
        if 0 < support[i] < len(labels)
    }
    right_segments = calibrated.argmax(axis=2) == labels[:, None]
    return {
        "n_tracks": len(labels),
        "n_segments": int(right_segments.size),
        "track": {
            "accuracy": _accuracy((winners == labels).astype(float)),
            "majority_vote_accuracy": round(float((majority_vote(calibrated) == labels).mean()), 4),
            "macro_f1": round(float(f1.mean()), 4),
            "per_genre": {
                genre: {
                    "precision": round(float(precision[i]), 4),
                    "recall": round(float(recall[i]), 4),
                    "f1": round(float(f1[i]), 4),
                    "support": int(support[i]),
                }
                for i, genre in enumerate(genres)
            },
            "confusion_matrix": sk.confusion_matrix(labels, winners, labels=index).tolist(),
            "roc_auc": {**auc, "macro": round(float(np.mean(list(auc.values()))), 4)},
            "calibration_error": round(expected_calibration_error(tracks, labels), 4),
            "calibration_error_before": round(
                expected_calibration_error(soft_vote(probabilities), labels), 4
            ),
        },
        "segment": {
            "accuracy": _accuracy(right_segments.mean(axis=1)),
            "calibration_error": round(
                expected_calibration_error(
                    calibrated.reshape(-1, len(genres)), np.repeat(labels, calibrated.shape[1])
                ),
                4,
            ),
        },
    }
