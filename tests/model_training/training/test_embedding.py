"""The embedding: an output of the network, and how songs lie in it."""

import dataclasses

import keras
import numpy as np
import pytest

from model_training.errors import TrainingError
from model_training.experiment import Embedding, Unfamiliar, load_experiment
from model_training.judging.answers import predict_outputs
from model_training.judging.genre_bias import add_bias
from model_training.stores.gtzan_store import GtzanStore
from model_training.training.embedding import (
    Space,
    add_embedding,
    embedding_size,
    measure_spread,
    nearest,
    song_embeddings,
    squared_distances,
)
from model_training.training.ensemble import combine, fit_members
from model_training.training.unfamiliarity import add_score


@pytest.fixture(scope="module")
def experiment(experiment_file):
    return load_experiment(experiment_file)


@pytest.fixture(scope="module")
def tracks(store, experiment):
    opened = GtzanStore(store)
    return opened.load(experiment.feature_spec, opened.split("train"))


def small(experiment, *, units=(5,)):
    """A network of few numbers with named layers, flat or not."""
    keras.utils.set_random_seed(1)
    inputs = keras.layers.Input(experiment.feature_spec.shape, name="mfcc")
    x = keras.layers.Reshape((*experiment.feature_spec.shape, 1))(inputs)
    x = keras.layers.Conv2D(2, 3, name="block1")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    for number, n in enumerate(units):
        x = keras.layers.Dense(n, activation="relu", name=f"hidden{number}")(x)
    x = keras.layers.Dense(4)(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="genre")(x))


def test_the_embedding_is_the_last_output(experiment, tracks):
    spec = experiment.feature_spec
    model = small(experiment)
    scored = add_score(model, "block1", tracks, spec)
    wanted = predict_outputs(scored, tracks, spec)[0]
    hidden = keras.Model(model.input, model.get_layer("hidden0").output)
    (activations,), track = predict_outputs(hidden, tracks, spec)
    both = add_embedding(scored, "hidden0")
    alone = add_embedding(model, "hidden0")
    assert [output.shape[1] for output in both.outputs] == [3, 1, 5]
    assert [output.shape[1] for output in alone.outputs] == [3, 5]
    biased = add_bias(both, np.array([0.5, 0.0, -0.5]))
    assert [output.shape[1] for output in combine([biased], "one").outputs] == [3, 1, 5]
    for network, n_others in ((both, 2), (alone, 1)):
        outputs, _ = predict_outputs(network, tracks, spec)
        np.testing.assert_allclose(outputs[-1], activations, atol=1e-6)
        for got, other in zip(outputs[:-1], wanted[:n_others], strict=True):
            np.testing.assert_allclose(got, other, atol=1e-6)
    songs = song_embeddings(both, tracks, spec)
    mean = [activations[track == row].mean(axis=0) for row in range(len(tracks))]
    np.testing.assert_allclose(songs, mean, atol=1e-6)


def test_layers_that_are_no_embedding_are_refused(experiment):
    model = small(experiment, units=(300, 3, 1))
    made_up = model.layers[-2].name
    for layer in ("nobody", "block1", "mfcc", made_up):
        with pytest.raises(TrainingError, match="has pooled, hidden0, hidden1, hidden2, genre"):
            add_embedding(model, layer)
    for layer, n in (("hidden0", 300), ("hidden2", 1)):
        with pytest.raises(TrainingError, match=f"{n} units; an embedding has from 2 to 256"):
            embedding_size(model, layer)
    for layer in ("hidden1", "genre"):
        with pytest.raises(TrainingError, match=r"as many units as there are genres \(3\)"):
            embedding_size(model, layer)
    assert embedding_size(model, "pooled") == 2


def test_a_wrong_layer_is_told_before_training(experiment, tracks, tmp_path, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError("trained")

    monkeypatch.setattr("model_training.training.ensemble.fit", never)
    wrong = dataclasses.replace(experiment, embedding=Embedding("nobody"))
    with pytest.raises(TrainingError, match="this network has genre"):
        fit_members(wrong, tracks, 1, data=tmp_path)


def test_members_have_score_and_embedding(experiment, tracks, tmp_path, monkeypatch):
    options = Embedding("hidden0"), Unfamiliar("block1")
    experiment = dataclasses.replace(experiment, embedding=options[0], unfamiliar=options[1])
    for name in ("build", "fit"):
        monkeypatch.setattr(
            f"model_training.training.ensemble.{name}",
            lambda *arguments, name=name, **_: (
                small(experiment) if name == "build" else (small(experiment), {"loss": [1.0]})
            ),
        )
    members, _ = fit_members(experiment, tracks, 1, data=tmp_path)
    assert [output.shape[1] for output in members[0].outputs] == [3, 1, 5]


# --- among songs --------------------------------------------------------------------------------


def songs(n=60, size=4, n_genres=3, seed=0):
    """Embeddings and genres of songs that lie around their genre's centre."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_genres
    centres = np.random.default_rng(1).normal(0, 3, (n_genres, size))
    return 7 + 2 * (centres[labels] + rng.normal(0, 1, (n, size))), labels


def test_means_and_covariance_are_those_of_standardised_songs():
    values, labels = songs()
    space = Space.of(values, labels, 3)
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    np.testing.assert_allclose(space.place(values), z)
    np.testing.assert_allclose(space.centres[1], z[labels == 1].mean(axis=0))
    assert space.counts.tolist() == [20, 20, 20]
    within = sum(19 * np.cov(z[labels == genre].T) for genre in range(3)) / 57
    np.testing.assert_allclose(space.covariance(), within)


def test_units_that_hardly_change_do_not_drown_the_others():
    values, labels = songs()
    values[:, 1] = 5.0
    values[:, 2] *= 1e-4
    space = Space.of(values, labels, 3)
    middle = np.median(values.std(axis=0)[[0, 2, 3]])
    np.testing.assert_allclose(space.scale[[1, 2]], middle / 10)
    assert np.isfinite(measure_spread(space, values, labels))
    assert np.isfinite(space.place(values + 1)).all()
    dead = Space.of(np.ones((6, 3)), np.arange(6) % 3, 3)
    assert dead.scale.tolist() == [1, 1, 1]
    assert measure_spread(dead, np.ones((2, 3)), np.array([0, 1])) == 1


def test_distances_are_those_of_mahalanobis():
    rng = np.random.default_rng(0)
    differences, mixing = rng.normal(0, 1, (5, 2, 3)), rng.normal(0, 1, (3, 3))
    covariance = mixing @ mixing.T + np.eye(3)
    wanted = np.einsum("nki,ij,nkj->nk", differences, np.linalg.inv(covariance), differences)
    np.testing.assert_allclose(squared_distances(differences, covariance), wanted)


def test_spread_tells_how_much_farther_other_songs_lie():
    values, labels = songs(300)
    space = Space.of(values, labels, 3)
    assert measure_spread(space, values, labels) == 1
    others, their_labels = songs(300, seed=2)
    assert measure_spread(space, others, their_labels) == pytest.approx(1, abs=0.15)
    # Twice as far from the centre.
    centres = values.mean(axis=0) + space.centres * space.scale
    far = centres[labels] + 2 * (values - centres[labels])
    assert measure_spread(space, far, labels) == pytest.approx(4, rel=1e-3)
    # With fewer songs than units there is a distance, too, and new songs are farther.
    few, few_labels = songs(12, size=40)
    spread = measure_spread(Space.of(few, few_labels, 3), *songs(30, size=40, seed=3))
    assert 1 < spread < 20


def test_the_nearest_genre_takes_the_directions_into_account():
    # Songs differ much along the first axis, and genres a little along the second.
    prior = np.diag([100.0, 0.01])
    examples, labels = np.array([[0.0, 0.0], [9.0, 1.0]]), np.array([0, 1])
    asked = np.array([[9.0, 0.0], [0.0, 1.0]])
    by_itself = nearest(examples, labels, asked, np.eye(2))
    assert by_itself.tolist() == [1, 0]
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    examples = np.stack([rng.normal(4.5, 10, 400), labels + rng.normal(0, 0.1, 400)], axis=1)
    assert nearest(examples, labels, asked, prior).tolist() == [0, 1]
    # Of one example each, by units that never changed before.
    assert nearest(examples[:2], labels[:2], examples[:2], np.zeros((2, 2))).tolist() == [0, 1]
