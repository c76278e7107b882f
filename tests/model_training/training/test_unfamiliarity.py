"""The score for sounds unlike the training music."""

import dataclasses

import keras
import numpy as np
import pytest

from features import FeatureSpec, extract_segments
from model_training.errors import TrainingError
from model_training.experiment import Unfamiliar, load_experiment
from model_training.judging.answers import predict_outputs
from model_training.stores.gtzan_store import GtzanStore
from model_training.training.ensemble import combine, fit_members
from model_training.training.network import build
from model_training.training.unfamiliarity import (
    add_score,
    choose_threshold,
    made_sounds,
    whitening,
)


@pytest.fixture(scope="module")
def untrained(experiment_file):
    keras.utils.set_random_seed(1)
    return build(load_experiment(experiment_file), 3)


@pytest.fixture(scope="module")
def spec(experiment_file) -> FeatureSpec:
    return load_experiment(experiment_file).feature_spec


@pytest.fixture(scope="module")
def tracks(store, spec):
    opened = GtzanStore(store)
    return opened.load(spec, opened.split("train"))


@pytest.fixture(scope="module")
def scored(untrained, tracks, spec):
    return add_score(untrained, "block1", tracks, spec)


def test_white_values_have_no_correlation_and_unit_variance():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (500, 4)) @ rng.normal(0, 1, (4, 6)) + 7
    kernel, bias = whitening(values, 48)
    # Six values that span four directions.
    assert kernel.shape == (6, 4)
    white = values @ kernel + bias
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(white.T, ddof=0), np.eye(4), atol=1e-3)
    assert whitening(values, 2)[0].shape == (6, 2)


def test_values_that_never_change_are_no_direction():
    values = np.random.default_rng(0).normal(0, 1, (100, 3))
    values[:, 1] = 5
    kernel, bias = whitening(values, 48)
    assert np.isfinite(kernel).all()
    assert np.isfinite(bias).all()
    assert (np.abs(kernel[1]) < 1e-6).all()


def test_the_score_is_the_log_of_the_mean_squared_distance(scored, untrained, tracks, spec):
    outputs, _ = predict_outputs(scored, tracks, spec)
    probabilities, score = outputs
    np.testing.assert_allclose(
        probabilities, predict_outputs(untrained, tracks, spec)[0][0], atol=1e-6
    )
    assert score.shape == (len(probabilities), 1)
    # Over the very segments that it was fitted to, the mean squared distance is one.
    assert np.expm1(score).mean() == pytest.approx(1, abs=0.01)


def test_noise_and_tones_are_farther_than_the_training_music(scored, tracks, spec):
    own, _ = predict_outputs(scored, tracks, spec)
    threshold = choose_threshold(own[1][:, 0])["threshold"]
    for name, samples in made_sounds(spec).items():
        features = np.stack([each.values for each in extract_segments(samples, spec)])
        score = scored.predict(features, verbose=0)[1]
        assert np.isfinite(score).all()
        assert score.mean() > threshold, name


def test_members_are_averaged(scored, untrained, tracks, spec):
    other = add_score(keras.models.clone_model(untrained), "block2", tracks, spec)
    both = combine([scored, other], "both")
    together, _ = predict_outputs(both, tracks, spec)
    single = [predict_outputs(member, tracks, spec)[0] for member in (scored, other)]
    for number in (0, 1):
        mean = (single[0][number] + single[1][number]) / 2
        np.testing.assert_allclose(together[number], mean, atol=1e-5)


def test_a_layer_that_has_no_time_and_frequency_is_refused(untrained, tracks, spec):
    made_up = next(each.name for each in untrained.layers if each.name.startswith("conv2d"))
    for layer in ("genre", "nobody", made_up):
        with pytest.raises(TrainingError, match="this network has block1, block2"):
            add_score(untrained, layer, tracks, spec)


def test_a_wrong_layer_is_told_before_training(experiment_file, tracks, tmp_path, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError("trained")

    monkeypatch.setattr("model_training.training.ensemble.fit", never)
    experiment = load_experiment(experiment_file)
    experiment = dataclasses.replace(experiment, unfamiliar=Unfamiliar("nobody"))
    with pytest.raises(TrainingError, match="block1"):
        fit_members(experiment, tracks, 1, data=tmp_path)


@pytest.mark.parametrize("n", [2, 9, 24, 100, 639])
def test_the_threshold_flags_less_than_one_in_twenty(n):
    scores = np.random.default_rng(n).normal(1, 0.3, n)
    chosen = choose_threshold(scores)
    assert chosen["flagged_share"] <= 0.05
    assert chosen["flagged_share"] == pytest.approx((scores > chosen["threshold"]).mean(), abs=1e-4)
    # A threshold above all scores would flag nothing.
    assert chosen["flagged_share"] > 0.03 or n < 40


def test_silence_has_a_finite_score(scored, spec):
    score = scored.predict(np.zeros((1, *spec.shape), np.float32), verbose=0)[1]
    assert np.isfinite(score).all()


def test_few_segments_are_enough(untrained, tracks, spec):
    few = dataclasses.replace(
        tracks, excerpt_track=tracks.excerpt_track[:1], excerpt_first=tracks.excerpt_first[:1],
        excerpt_columns=tracks.excerpt_columns[:1],
    )  # fmt: skip
    model = add_score(keras.models.clone_model(untrained), "block1", few, spec)
    assert np.isfinite(predict_outputs(model, tracks, spec)[0][1]).all()


def test_no_collection_is_doubted_more_than_another_allows():
    # The songs of a small collection score higher than those of a large one.
    scores = np.concatenate([np.linspace(0, 1, 900), np.linspace(0.5, 2, 100)])
    collection = np.repeat([0, 1], [900, 100])
    together, each = choose_threshold(scores), choose_threshold(scores, collection)
    assert (scores[900:] > together["threshold"]).mean() > 0.4
    assert (scores[900:] > each["threshold"]).mean() <= 0.05
    assert (scores[:900] > each["threshold"]).sum() == 0
    assert each["flagged_share"] < 0.05
