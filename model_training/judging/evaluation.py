"""How good a model is: per segment, per track, with intervals and calibration.

Conventions: `labels` int64 (n_tracks,); `probabilities` (n_segments, n_genres) of all segments of
all tracks, rows sum to one; `track` int64 (n_segments,), the track of each segment. A track's
answer is the soft vote: the mean over its segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn import metrics as sk

from webapp.inference.calibration import calibrate

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]

BOOTSTRAP_ROUNDS = 10_000
CALIBRATION_BINS = 15
CALIBRATION_DRAWS = 4000
ROC_POINTS = 50


def per_track(values: Floats, track: Labels, n_tracks: int) -> npt.NDArray[np.float64]:
    """Mean over each track's segments: `values` (n_segments, ...) to (n_tracks, ...).

    Of probabilities it is the soft vote, equal to `webapp.inference.aggregation.soft_vote` of one
    track at a time.
    """
    total = np.zeros((n_tracks, *values.shape[1:]))
    np.add.at(total, track, values)
    counts = np.bincount(track, minlength=n_tracks).reshape(-1, *[1] * (values.ndim - 1))
    return total / counts


def bootstrap_interval(
    correct: Floats, counts: npt.NDArray[np.integer[Any]] | None = None, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the mean of `correct` (n_tracks,), percentile bootstrap over tracks.

    For segments pass each track's share of right segments, and the `counts` (n_tracks,) of its
    segments as weights: segments of a track are not independent. When all tracks are right, or all
    wrong, every draw is the same; then the interval is the exact binomial one (Clopper and Pearson,
    1934).
    """
    if correct.min() == correct.max() and correct[0] in (0, 1):
        exact = binomtest(round(float(correct.sum())), len(correct)).proportion_ci(method="exact")
        return float(exact.low), float(exact.high)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(correct), (BOOTSTRAP_ROUNDS, len(correct)))
    if counts is None or counts.min() == counts.max():
        means = correct[draws].mean(axis=1)
    else:
        means = (correct * counts)[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
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


def calibration_error_if_perfect(probabilities: Floats, seed: int = 0) -> dict[str, float]:
    """What `expected_calibration_error` measures of answers that mean what they say.

    Few songs never fill the bins evenly, so it is above 0. Mean and 95th percentile over draws of
    which answers are right, each with its own confidence; `probabilities` (n, n_genres).
    """
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    rng, one_hot = np.random.default_rng(seed), np.eye(CALIBRATION_BINS)[bins]
    errors = np.empty(CALIBRATION_DRAWS)
    for draw in range(CALIBRATION_DRAWS):
        right = rng.uniform(size=len(confidence)) < confidence
        errors[draw] = np.abs((right - confidence) @ one_hot).sum() / len(confidence)
    return {
        "mean": round(float(errors.mean()), 4),
        "percentile_95": round(float(np.percentile(errors, 95)), 4),
    }


def negative_log_likelihood(
    probabilities: Floats, labels: Labels, weights: Floats | None = None
) -> float:
    """Mean of -log p(right genre), weighted; `probabilities` (n, n_genres), `weights` (n,)."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(np.average(-np.log(np.maximum(right, 1e-12)), weights=weights))


def fit_temperature(
    probabilities: Floats, track: Labels, labels: Labels, weights: Floats | None = None
) -> float:
    """The temperature with which the tracks' soft votes are most likely right.

    `weights` (n_tracks,) tell how much each track counts; by default they count the same. Fitted on
    the song's answer, since that is what people read. Searched on a fine grid: the curve is flat
    around its only minimum.
    """
    grid = np.geomspace(0.3, 3.0, 231)
    losses = [
        negative_log_likelihood(
            per_track(calibrate(probabilities, t), track, len(labels)), labels, weights
        )
        for t in grid
    ]
    return round(float(grid[int(np.argmin(losses))]), 4)


def majority_vote(probabilities: Floats, track: Labels, n_tracks: int) -> Labels:
    """Most frequent segment winner (n_tracks,); ties go to the larger soft vote."""
    n_genres = probabilities.shape[-1]
    winners = np.eye(n_genres)[probabilities.argmax(axis=-1)]
    votes = np.zeros((n_tracks, n_genres))
    np.add.at(votes, track, winners)
    return (votes + 0.5 * per_track(probabilities, track, n_tracks)).argmax(axis=1)


def reliability(probabilities: Floats, labels: Labels) -> list[dict[str, float]]:
    """Confidence, accuracy and share of the tracks of every bin that holds some."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        {
            "confidence": round(float(confidence[bins == b].mean()), 4),
            "accuracy": round(float(correct[bins == b].mean()), 4),
            "share": round(float((bins == b).mean()), 4),
        }
        for b in np.unique(bins)
    ]


def roc_curve(scores: Floats, positive: Floats) -> dict[str, list[float]]:
    """False and true positive rates (at most ROC_POINTS each) of one genre against the rest."""
    false_rate, true_rate, _ = sk.roc_curve(positive, scores)
    index = np.unique(np.linspace(0, len(false_rate) - 1, ROC_POINTS).round().astype(int))
    return {
        "fpr": [round(float(rate), 4) for rate in false_rate[index]],
        "tpr": [round(float(rate), 4) for rate in true_rate[index]],
    }


def accuracy_by_group(correct: Floats, groups: Sequence[str]) -> dict[str, float]:
    """Mean of `correct` (n_tracks,) with its 95 % interval, by bootstrap over whole groups.

    Songs of an artist are right or wrong together; an interval over single songs would be too
    narrow where there are few artists.
    """
    group = np.unique(np.array(groups), return_inverse=True)[1].astype(np.int64)
    return accuracy_of(per_track(correct, group, int(group.max()) + 1), np.bincount(group))


def accuracy_of(
    correct: Floats, counts: npt.NDArray[np.integer[Any]] | None = None
) -> dict[str, float]:
    """Mean of `correct` (n_tracks,), weighted by `counts`, with its 95 % interval."""
    low, high = bootstrap_interval(correct, counts)
    return {
        "value": round(float(np.average(correct, weights=counts)), 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def evaluate(
    probabilities: Floats,
    track: Labels,
    labels: Labels,
    genres: tuple[str, ...],
    temperature: float,
) -> dict[str, Any]:
    """The full report of one set of tracks, ready for a model card.

    Parameters
    ----------
    probabilities : (n_segments, n_genres), before calibration.
    track : (n_segments,), the track of each segment.
    labels : (n_tracks,).
    temperature : fitted on other tracks than these (or say so).
    """
    n_tracks = len(labels)
    calibrated = calibrate(probabilities, temperature)
    answers = per_track(calibrated, track, n_tracks)
    winners = answers.argmax(axis=1)
    index = list(range(len(genres)))
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        labels, winners, labels=index, zero_division=0.0
    )
    one_hot = np.eye(len(genres))[labels]
    judged = [i for i in index if 0 < support[i] < n_tracks]
    auc = {
        genres[i]: round(float(sk.roc_auc_score(one_hot[:, i], answers[:, i])), 4) for i in judged
    }
    right_segments = calibrated.argmax(axis=1) == labels[track]
    majority = majority_vote(calibrated, track, n_tracks)
    before = per_track(probabilities, track, n_tracks)
    return {
        "n_tracks": n_tracks,
        "n_segments": len(track),
        "track": {
            "accuracy": accuracy_of((winners == labels).astype(float)),
            "majority_vote_accuracy": round(float((majority == labels).mean()), 4),
            # A genre that only other collections have cannot be found here.
            "macro_f1": round(float(f1[support > 0].mean()), 4),
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
            "roc_auc": auc and {**auc, "macro": round(float(np.mean(list(auc.values()))), 4)},
            "roc": {genres[i]: roc_curve(answers[:, i], one_hot[:, i]) for i in judged},
            "calibration_error": round(expected_calibration_error(answers, labels), 4),
            "calibration_error_before": round(expected_calibration_error(before, labels), 4),
            "reliability": reliability(answers, labels),
        },
        "segment": {
            "accuracy": accuracy_of(
                per_track(right_segments.astype(float), track, n_tracks),
                np.bincount(track, minlength=n_tracks),
            ),
            "calibration_error": round(expected_calibration_error(calibrated, labels[track]), 4),
        },
    }
