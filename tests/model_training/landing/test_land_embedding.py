"""`land` of an experiment with an embedding, of two stores: file, card and model agree."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from features import FeatureSpec
from model_training.__main__ import main
from model_training.architectures import BUILDERS
from model_training.errors import TrainingError
from model_training.landing.card_content import read_elsewhere
from webapp.inference import Predictors, Registry
from webapp.inference.embedding import LARGEST_EMBEDDING

from ..second_store import write_second

EXPERIMENT = """\
title = "Small"
[feature_spec]
n_mfcc = 20
[architecture]
name = "mfcc_cnn"
[training]
epochs = 1
crops_per_track = 2
train_on = "train+validation"
[unfamiliar]
layer = "block1"
[embedding]
layer = "embedding"
decimals = 3
"""


def build(spec: FeatureSpec, n_genres: int) -> keras.Model:
    """A network that trains in a moment, with both layers that an experiment may name."""
    inputs = keras.layers.Input(spec.shape, name=spec.kind)
    x = keras.layers.Reshape((*spec.shape, 1))(inputs)
    x = keras.layers.Conv2D(4, 3, strides=4, activation="relu", name="block1")(x)
    x = keras.layers.Dense(8, activation="relu", name="embedding")(keras.layers.Flatten()(x))
    answer = keras.layers.Dense(n_genres, activation="softmax", name="genre")(x)
    return keras.Model(inputs, answer)


@pytest.fixture(scope="module")
def landed(store, tmp_path_factory) -> Path:
    """The folder in which `land` ran."""
    folder = tmp_path_factory.mktemp("landed")
    (folder / "small.toml").write_text(EXPERIMENT)
    second = write_second(folder / "second", groups=6)
    assert main(["split", str(second), "--by", "none"]) == 0
    stores = ["--data", str(store), "--data", str(second), "--asked", str(second)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model_training.paths.RUNS", folder / "runs")
        patch.setitem(BUILDERS, "mfcc_cnn", build)
        words = ["land", str(folder / "small.toml"), *stores, "--version", "v10"]
        assert main([*words, "--folds", "2", "--models", str(folder / "models")]) == 0
    return folder


@pytest.fixture(scope="module")
def card(landed) -> dict[str, Any]:
    return json.loads((landed / "models" / "v10" / "model.json").read_text())


def test_the_card_tells_the_embedding_and_how_well_it_teaches(card, landed):
    told = card["embedding"]
    assert (told["layer"], told["size"], told["decimals"]) == ("embedding", 8, 3)
    study = json.loads((landed / "runs/small-teaching-seed1/teaching.json").read_text())
    assert told["taught"] == study["taught"]
    assert list(told["taught"]["by_genre"]) == card["genres"]
    assert "embedding.json" in card["files"]


def test_both_stores_are_trained_on_and_told_of(card, landed):
    assert card["genres"] == ["chaabi", "gnawa", "malhun", "rai"]
    assert card["training"]["n_tracks"] == 24 + 12
    assert card["training"]["data"] == "GTZAN, fault-filtered split + Second"
    assert "Second: Second's licence." in card["licence"]
    assert "It learned from GTZAN, fault-filtered split + Second," in card["intended_use"]
    study = json.loads((landed / "runs/small-cv-seed1/cross_validation.json").read_text())
    collections = study["collections"]
    assert [each["n_tracks"] for each in collections] == [24, 12]
    for each in (study["calibration_across_folds"], *collections):
        perfect = each["calibration_error_if_perfect"]
        assert 0 < perfect["mean"] < perfect["percentile_95"]
        assert 0 <= each["calibration_error"] <= 1
    told = card["metrics"]["cross_validation"]
    for key in ("calibration_across_folds", "collections"):
        assert told[key] == study[key]
    heard = card["training"]["heard"]
    assert [each["name"] for each in heard["stores"]] == ["GTZAN, fault-filtered split", "Second"]
    assert len(set(heard["tracks"])) == 24 + 12
    # The test is that of the first store, which has no rai.
    test = card["metrics"]["test"]
    assert test["track"]["per_genre"]["rai"]["support"] == 0
    f1 = [told["f1"] for told in test["track"]["per_genre"].values() if told["support"]]
    assert test["track"]["macro_f1"] == pytest.approx(np.mean(f1), abs=1e-4)


def test_the_card_tells_how_a_sister_network_did_elsewhere(card, landed):
    told = card["metrics"]["elsewhere"]
    study = json.loads((landed / "runs/small-elsewhere-seed1/elsewhere.json").read_text())
    assert study["recipe"]["data"] == "GTZAN, fault-filtered split"
    assert told == {
        **study["accuracy"],
        "n_tracks": 6,
        "of": "Second",
        "by": "a network of the same recipe that was trained on GTZAN, fault-filtered split alone, "
        "without a bias for genres",
    }
    run, asked = landed / "runs/small-seed1", landed / "runs/small-elsewhere-seed1"
    other = json.loads((run / "run.json").read_text())["experiment"]
    other["training"]["epochs"] = 2
    with pytest.raises(TrainingError, match="made by another experiment"):
        read_elsewhere({"experiment": other}, asked)
    with pytest.raises(TrainingError, match="no finished study"):
        read_elsewhere({"experiment": other}, run)


def test_the_file_belongs_to_the_version(card, landed):
    path = landed / "models" / "v10" / "embedding.json"
    assert path.stat().st_size <= LARGEST_EMBEDDING
    content = json.loads(path.read_text())
    assert content["version"] == "v10"
    assert content["size"] == card["embedding"]["size"]
    assert [genre["name"] for genre in content["genres"]] == card["genres"]
    assert sum(genre["songs"] for genre in content["genres"]) == card["training"]["n_tracks"]
    assert len(content["covariance"]) == 8 * 9 // 2
    study = json.loads((landed / "runs/small-cv-seed1/cross_validation.json").read_text())
    assert content["spread"] == pytest.approx(study["embedding"]["spread"], rel=1e-5)


def test_score_and_embedding_keep_their_places(card, landed):
    model = keras.models.load_model(landed / "models/v10/model.keras", compile=False)
    assert [output.shape[1] for output in model.outputs] == [4, 1, 8]
    assert card["unfamiliar"]["sounds"][0]["name"] == "white noise"
    assert 0 <= card["metrics"]["test"]["flagged_share"] <= 1
    registry = Registry.load(landed / "models")
    assert not registry.refused
    spec = registry.get("v10").spec
    features = np.random.default_rng(0).normal(0, 1, (5, *spec.shape)).astype(np.float32)
    answer = Predictors(registry, "litert").get("v10").predict(features)
    assert answer.unfamiliar is not None
    outputs = model.predict(features, verbose=0)
    assert answer.unfamiliar["score"] == pytest.approx(outputs[1].mean(), abs=1e-3)
