"""`embedding.json`: where songs lie, in few bytes; and the study of teaching for the card."""

import json

import keras
import numpy as np
import pytest

from model_training.errors import TrainingError
from model_training.experiment import load_experiment
from model_training.landing.embedding_file import (
    describe_songs,
    read_taught,
    write_embedding,
)
from model_training.stores.store import open_store
from model_training.training.embedding import add_embedding, song_embeddings
from webapp.inference.embedding import LARGEST_EMBEDDING

from ..conftest import GENRES


@pytest.fixture(scope="module")
def spec(experiment_file):
    return load_experiment(experiment_file).feature_spec


@pytest.fixture(scope="module")
def model(spec):
    keras.utils.set_random_seed(1)
    inputs = keras.layers.Input(spec.shape, name="mfcc")
    x = keras.layers.Dense(6, activation="relu", name="hidden")(keras.layers.Flatten()(inputs))
    answer = keras.layers.Dense(3, activation="softmax", name="genre")(x)
    return add_embedding(keras.Model(inputs, answer), "hidden")


FINAL = {"validation": None, "embedding": {"spread": 1.75}}


def test_the_file_tells_where_the_songs_trained_on_lie(model, store, spec):
    opened = open_store(store)
    content = json.loads(json.dumps(describe_songs(model, FINAL, opened, spec, "v10")))
    assert content.keys() == {
        "format", "version", "size", "standardisation", "genres", "covariance", "spread",
    }  # fmt: skip
    assert (content["format"], content["version"], content["size"]) == (1, "v10", 6)
    assert content["spread"] == 1.75
    tracks = opened.load(spec, opened.split("train") + opened.split("validation"))
    values = song_embeddings(model, tracks, spec)
    z = values - content["standardisation"]["mean"]
    z /= content["standardisation"]["scale"]
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    assert [genre["name"] for genre in content["genres"]] == list(GENRES)
    residuals = z.copy()
    for label, genre in enumerate(content["genres"]):
        own = tracks.labels == label
        assert genre["songs"] == own.sum() == 8
        np.testing.assert_allclose(genre["mean"], z[own].mean(axis=0), atol=1e-5)
        residuals[own] -= genre["mean"]
    covariance = residuals.T @ residuals / (24 - 3)
    # The upper triangle, row by row, with the diagonal.
    wanted = [covariance[row, column] for row in range(6) for column in range(row, 6)]
    np.testing.assert_allclose(content["covariance"], wanted, atol=1e-5)


def test_a_run_with_validation_tracks_measures_its_own_spread(model, store, spec):
    record = {"validation": {"n_tracks": 6}}
    content = describe_songs(model, record, open_store(store), spec, "v10")
    assert [genre["songs"] for genre in content["genres"]] == [6, 6, 6]
    assert content["spread"] > 0
    assert content["spread"] != 1.75


def content_of(size, n_genres=10):
    rng = np.random.default_rng(0)
    numbers = rng.normal(0, 0.1, size * (size + 1) // 2).tolist()
    genres = [
        {"name": f"genre {n}", "songs": n, "mean": rng.normal(0, 1, size).tolist()}
        for n in range(n_genres)
    ]
    return {"size": size, "covariance": numbers, "genres": genres, "spread": 1.0}


@pytest.mark.parametrize(("size", "tolerance"), [(128, 1e-5), (256, 1e-3)])
def test_the_numbers_fit_into_the_file(size, tolerance, tmp_path):
    content = content_of(size)
    write_embedding(tmp_path / "embedding.json", content)
    assert (tmp_path / "embedding.json").stat().st_size <= LARGEST_EMBEDDING
    read = json.loads((tmp_path / "embedding.json").read_text())
    np.testing.assert_allclose(read["covariance"], content["covariance"], rtol=tolerance)
    assert read["genres"][3]["songs"] == 3
    assert read["size"] == size


def test_too_many_numbers_are_a_sentence(tmp_path):
    with pytest.raises(TrainingError, match=r"embedding.json would take [\d,]+ bytes, more than"):
        write_embedding(tmp_path / "embedding.json", content_of(256, n_genres=300))
    assert not list(tmp_path.iterdir())


# --- the study ----------------------------------------------------------------------------------


@pytest.fixture
def record():
    return {
        "experiment": {"embedding": {"layer": "hidden", "decimals": 4}},
        "data_digest": "abc",
        "teacher_sha256": None,
    }


@pytest.fixture
def study(tmp_path, record):
    found = {"recipe": {**record, "k": 3}, "taught": {"examples": 10}}
    (tmp_path / "teaching.json").write_text(json.dumps(found))
    return tmp_path


def test_a_study_of_the_same_recipe_is_taken(study, record):
    assert read_taught(record, study) == {"examples": 10}
    assert read_taught(record, None) is None


@pytest.mark.parametrize("key", ["data_digest", "teacher_sha256", "experiment"])
def test_a_study_of_another_recipe_is_refused(study, record, key):
    other = {"embedding": {"layer": "other"}} if key == "experiment" else "other"
    with pytest.raises(TrainingError, match="another experiment or of other data"):
        read_taught({**record, key: other}, study)


def test_a_study_that_is_not_there_or_for_nothing_is_refused(tmp_path, record):
    with pytest.raises(TrainingError, match="no finished study of teaching there"):
        read_taught(record, tmp_path)
    record["experiment"]["embedding"]["layer"] = ""
    with pytest.raises(TrainingError, match="--teaching is for experiments with"):
        read_taught(record, tmp_path)
