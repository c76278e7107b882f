"""Metrics against counting by hand and against scikit-learn."""

import numpy as np
import pytest
from scipy.stats import binom

from model_training.judging.evaluation import (
    bootstrap_interval,
    calibration_error_if_perfect,
    evaluate,
    expected_calibration_error,
    fit_temperature,
    majority_vote,
    negative_log_likelihood,
    per_track,
)
from webapp.inference.aggregation import soft_vote
from webapp.inference.calibration import calibrate

GENRES = ("a", "b", "c")


def test_a_report_counted_by_hand():
    # Four tracks of two segments; the soft vote of the third is wrong.
    probabilities = np.array(
        [
            *([0.8, 0.1, 0.1], [0.4, 0.5, 0.1]),
            *([0.1, 0.8, 0.1], [0.2, 0.7, 0.1]),
            *([0.6, 0.2, 0.2], [0.5, 0.2, 0.3]),
            *([0.1, 0.1, 0.8], [0.1, 0.1, 0.8]),
        ]
    )
    track = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    labels = np.array([0, 1, 2, 2])
    report = evaluate(probabilities, track, labels, GENRES, 1.0)
    assert report["track"]["accuracy"]["value"] == 0.75
    assert report["segment"]["accuracy"]["value"] == 5 / 8
    assert report["track"]["confusion_matrix"] == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert report["track"]["per_genre"]["c"] == {
        "precision": 1.0, "recall": 0.5, "f1": 0.6667, "support": 2,
    }  # fmt: skip
    assert report["track"]["per_genre"]["a"]["precision"] == 0.5
    assert report["track"]["macro_f1"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3, abs=1e-4)
    assert report["track"]["roc_auc"]["b"] == 1.0
    confidences = [0.6, 0.75, 0.55, 0.8]
    gaps = [abs(c - r) for c, r in zip(confidences, [1, 1, 0, 1], strict=True)]
    assert report["track"]["calibration_error"] == pytest.approx(sum(gaps) / 4, abs=1e-4)


def test_a_genre_without_tracks_is_no_error():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    report = evaluate(probabilities, np.array([0, 1]), np.array([0, 1]), GENRES, 1.0)
    assert "c" not in report["track"]["roc_auc"]
    assert report["track"]["per_genre"]["c"]["support"] == 0


def test_interval_has_the_width_of_a_binomial():
    correct = np.array([1.0] * 200 + [0.0] * 90)
    low, high = bootstrap_interval(correct)
    half = 1.96 * np.sqrt(correct.mean() * (1 - correct.mean()) / 290)
    assert low == pytest.approx(correct.mean() - half, abs=0.01)
    assert high == pytest.approx(correct.mean() + half, abs=0.01)
    assert bootstrap_interval(correct) == (low, high)


def test_long_tracks_weigh_more_per_segment():
    # Track 0 has one segment, wrong; track 1 has three, right.
    probabilities = np.array([[0.2, 0.8, 0.0]] + [[0.1, 0.8, 0.1]] * 3)
    report = evaluate(probabilities, np.array([0, 1, 1, 1]), np.array([0, 1]), GENRES, 1.0)
    assert report["segment"]["accuracy"]["value"] == 0.75
    assert report["track"]["accuracy"]["value"] == 0.5


def test_a_perfect_small_test_is_not_certain():
    low, high = bootstrap_interval(np.ones(9))
    assert high == 1
    assert low == pytest.approx(0.025 ** (1 / 9))  # nine of nine would happen in 2.5 % of cases
    assert bootstrap_interval(np.zeros(9)) == pytest.approx((0, 1 - low))


def test_a_test_of_one_genre_has_no_curves():
    report = evaluate(np.array([[0.8, 0.1, 0.1]]), np.array([0]), np.array([0]), GENRES, 1.0)
    assert report["track"]["roc_auc"] == {}
    assert report["track"]["roc"] == {}


def test_calibration_error_of_known_cases():
    sure = np.tile([1.0, 0.0], (10, 1))
    assert expected_calibration_error(sure, np.zeros(10, int)) == 0
    assert expected_calibration_error(sure, np.ones(10, int)) == 1
    assert expected_calibration_error(sure, np.array([0] * 7 + [1] * 3)) == pytest.approx(0.3)


def test_answers_that_mean_what_they_say_still_measure_an_error():
    # One bin: the error is |right - 0.8 n| / n, and of 25 songs it is at most one binomial's.
    same = calibration_error_if_perfect(np.tile([0.8, 0.2], (25, 1)))
    right = np.arange(26)
    share = binom.pmf(right, 25, 0.8)
    gap = np.abs(right / 25 - 0.8)
    assert same["mean"] == pytest.approx(float(share @ gap), abs=0.004)
    assert same["percentile_95"] == pytest.approx(0.16, abs=0.001)
    # More songs, less chance.
    more = calibration_error_if_perfect(np.tile([0.8, 0.2], (2500, 1)))
    assert more["mean"] == pytest.approx(same["mean"] / 10, rel=0.1)


def test_temperature_is_found():
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.ones(5), 4000)
    labels = np.array([rng.choice(5, p=row) for row in true])
    overconfident = calibrate(true, 0.5)
    temperature = fit_temperature(overconfident, np.arange(4000), labels)
    assert temperature == pytest.approx(2.0, rel=0.06)
    before = negative_log_likelihood(overconfident, labels)
    assert negative_log_likelihood(calibrate(overconfident, temperature), labels) < before


def test_majority_vote_and_its_ties():
    track = np.array([0, 0, 1, 1, 2, 2, 2])
    probabilities = np.array(
        [
            *([0.9, 0.1], [0.45, 0.55]),
            *([0.6, 0.4], [0.1, 0.9]),
            *([0.51, 0.49], [0.51, 0.49], [0.0, 1.0]),
        ]
    )
    np.testing.assert_array_equal(majority_vote(probabilities, track, 3), [0, 1, 0])


def test_soft_votes_are_those_of_the_site():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 11)
    track = np.repeat([0, 1, 2], [1, 7, 3])
    votes = per_track(probabilities, track, 3)
    for number in range(3):
        np.testing.assert_array_equal(votes[number], soft_vote(probabilities[track == number]))


def test_curves_and_reliability_stand_for_all_tracks():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 400)
    probabilities = rng.dirichlet(np.ones(3), 400)
    probabilities[np.arange(400), labels] += 0.3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    report = evaluate(probabilities, np.arange(400), labels, GENRES, 1.0)["track"]
    for genre in GENRES:
        curve = report["roc"][genre]
        assert len(curve["fpr"]) == len(curve["tpr"]) <= 50
        assert (curve["fpr"][0], curve["tpr"][0]) == (0, 0)
        assert (curve["fpr"][-1], curve["tpr"][-1]) == (1, 1)
        area = np.trapezoid(curve["tpr"], curve["fpr"])
        assert area == pytest.approx(report["roc_auc"][genre], abs=0.02)
    bins = report["reliability"]
    assert sum(point["share"] for point in bins) == pytest.approx(1, abs=1e-3)
    gap = sum(point["share"] * abs(point["confidence"] - point["accuracy"]) for point in bins)
    assert gap == pytest.approx(report["calibration_error"], abs=1e-3)
