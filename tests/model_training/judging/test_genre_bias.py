"""The genres' bias: found, applied in numpy and inside the network."""

import keras
import numpy as np
import pytest

from model_training.judging.evaluation import negative_log_likelihood, per_track
from model_training.judging.genre_bias import add_bias, apply_bias, fit_bias

GENRES, TRACKS, SEGMENTS = 3, 600, 4


def answers(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right but noisy answers that say the first genre far too seldom."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, GENRES, TRACKS)
    track = np.repeat(np.arange(TRACKS), SEGMENTS)
    logits = 1.5 * np.eye(GENRES)[labels[track]] + rng.normal(0, 1, (len(track), GENRES))
    logits[:, 0] -= 2
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True), track, labels


def accuracy(probabilities: np.ndarray, track: np.ndarray, labels: np.ndarray) -> float:
    return float((per_track(probabilities, track, TRACKS).argmax(axis=1) == labels).mean())


def test_a_genre_that_is_said_too_seldom_is_said_more_often_of_other_tracks():
    bias = fit_bias(*answers(1))
    assert bias.sum() == pytest.approx(0, abs=1e-9)
    assert bias[0] > 0.8
    assert bias[1] == pytest.approx(bias[2], abs=0.2)
    probabilities, track, labels = answers(2)
    biased = apply_bias(probabilities, bias)
    np.testing.assert_allclose(biased.sum(axis=1), 1)
    assert accuracy(biased, track, labels) > accuracy(probabilities, track, labels) + 0.1
    losses = [
        negative_log_likelihood(per_track(p, track, TRACKS), labels)
        for p in (probabilities, biased)
    ]
    assert losses[1] < losses[0] - 0.1


def test_a_network_that_knows_nothing_gets_a_bias_of_moderate_size():
    rng = np.random.default_rng(0)
    labels = np.arange(30) % GENRES
    track = np.repeat(np.arange(30), SEGMENTS)
    logits = rng.normal(0, 0.3, (len(track), GENRES)) - 0.5 * np.eye(GENRES)[labels[track]]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    bias = fit_bias(probabilities, track, labels)
    assert np.abs(bias).max() < 50
    assert np.isfinite(apply_bias(probabilities, 1e6 * bias)).all()


def test_bias_is_added_to_the_logits():
    probabilities = np.array([[0.7, 0.2, 0.1]])
    bias = np.array([0.5, -0.25, -0.25])
    powers = np.exp(np.log(probabilities) + bias)
    np.testing.assert_allclose(apply_bias(probabilities, bias), powers / powers.sum())


@pytest.mark.parametrize("with_score", [False, True])
def test_a_network_with_bias_answers_as_numpy_does(with_score):
    inputs = keras.Input((4,))
    softmax = keras.layers.Dense(GENRES, activation="softmax")(inputs)
    score = keras.layers.Dense(1)(inputs)
    plain = keras.Model(inputs, [softmax, score] if with_score else softmax, name="plain")
    bias = np.array([0.9, -0.3, -0.6])
    model = add_bias(plain, bias)
    values = np.random.default_rng(0).normal(0, 1, (7, 4)).astype(np.float32)
    before, after = plain.predict(values, verbose=0), model.predict(values, verbose=0)
    if with_score:
        np.testing.assert_allclose(after[1], before[1], atol=1e-6)
        before, after = before[0], after[0]
    np.testing.assert_allclose(after, apply_bias(before, bias), atol=1e-6)


def test_a_small_collection_counts_as_much_as_a_large_one():
    """In 180 songs the first genre is said too seldom, in 20 others too often."""
    probabilities = np.tile([0.5, 0.5], (200, 1))
    labels = np.zeros(200, dtype=np.int64)
    labels[135:180] = labels[185:] = 1
    track = np.arange(200)
    by_song = fit_bias(probabilities, track, labels)
    equal = fit_bias(probabilities, track, labels, np.repeat([1 / 180, 1 / 20], [180, 20]))
    assert by_song[0] > 0.2
    assert equal == pytest.approx([0, 0], abs=1e-3)
