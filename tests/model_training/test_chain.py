"""The whole chain on a small store: train, export, list, recommend; and what it refuses."""

import csv
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.landing.export import choose_middle, export, require_builtin_layers
from model_training.stores.store import open_store
from model_training.stores.tracks import cut, features_at
from tests.webapp.judged import add_elsewhere
from webapp.inference import Predictors, Registry

from .cards import write_version


@pytest.fixture(scope="module")
def runs(store: Path, experiment_file: Path, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = [folder / f"seed{seed}" for seed in (1, 2)]
    for seed, run in enumerate(made, start=1):
        words = ["train", str(experiment_file), "--data", str(store), "--out", str(run)]
        assert main([*words, "--seed", str(seed)]) == 0
    return made


@pytest.fixture(scope="module")
def models(runs: list[Path], store: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    words = ["export", *map(str, runs), "--data", str(store), "--models", str(folder)]
    assert main([*words, "--version", "v7"]) == 0
    return folder


def test_a_run_says_how_it_was_made(runs, experiment_file):
    record = json.loads((runs[1] / "run.json").read_text())
    assert record["seed"] == 2
    assert "--seed 2" in record["command"]
    assert {name: len(values) for name, values in record["history"].items()} == {
        "loss": 3, "accuracy": 3, "val_loss": 3, "val_accuracy": 3,
    }  # fmt: skip
    assert (runs[1] / "experiment.toml").read_text() == experiment_file.read_text()
    assert record["n_training_tracks"] == 18
    assert record["n_validation_tracks"] == 6
    assert "test" not in record


def test_training_learns(runs):
    record = json.loads((runs[0] / "run.json").read_text())
    assert record["history"]["loss"][-1] < record["history"]["loss"][0]


def test_the_same_seed_gives_the_same_model(runs, store, experiment_file, tmp_path):
    words = ["train", str(experiment_file), "--data", str(store), "--out", str(tmp_path / "again")]
    assert main([*words, "--seed", "1"]) == 0
    with (
        np.load(runs[0] / "validation.npz") as first,
        np.load(tmp_path / "again" / "validation.npz") as second,
    ):
        np.testing.assert_allclose(first["probabilities"], second["probabilities"], atol=1e-5)


def test_an_exported_version_is_served_with_the_measured_answers(models, store):
    registry = Registry.load(models)
    assert registry.refused == {}
    card = registry.cards["v7"]
    opened = open_store(store)
    test = opened.load(card.spec, opened.split("test"))
    first, track = cut(test, card.spec)
    features = features_at(test, first, card.spec)
    with (models / "v7" / "test.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["track"] for row in table] == test.names
    for engine in ("litert", "keras"):
        predictor = Predictors(registry, engine).get("v7")
        answers = [predictor.predict(features[track == row]) for row in range(len(test))]
        assert [answer.winner for answer in answers] == [row["winner"] for row in table]
        for answer, row in zip(answers, table, strict=True):
            sent = [float(row[genre]) for genre in card.genres]
            np.testing.assert_allclose(answer.aggregate, sent, atol=1e-3)
        right = np.mean([test.genres.index(answer.winner) for answer in answers] == test.labels)
        assert right == pytest.approx(card.metrics["test"]["track"]["accuracy"]["value"], abs=1e-4)
    assert card.metrics["test"]["n_tracks"] == 9
    assert card.metrics["test"]["shared_artists"]["n_tracks"] == 1
    about = card.to_json()
    assert [seed["seed"] for seed in about["training"]["seeds"]] == [1, 2]
    assert "--version v7" in about["training"]["export_command"]
    names = {"model.keras", "model.tflite", "experiment.toml", "test.csv", "report.html"}
    assert set(about["files"]) == names


def test_latency_is_measured_again_and_nothing_else_changes(models, tmp_path, capsys):
    shutil.copytree(models / "v7", tmp_path / "v7")
    before = json.loads((tmp_path / "v7" / "model.json").read_text())
    assert main(["latency", "v7", "--models", str(tmp_path)]) == 0
    after = json.loads((tmp_path / "v7" / "model.json").read_text())
    measured = after["latency"].pop("milliseconds")
    assert f"v7: {measured} ms for 30 segments" in capsys.readouterr().out
    assert before["latency"].pop("milliseconds") > 0
    assert str(measured) in (tmp_path / "v7" / "report.html").read_text()
    del before["files"]["report.html"], after["files"]["report.html"]
    assert after == before
    assert Registry.load(tmp_path).refused == {}


def test_a_run_of_another_split_is_never_tested(runs, store, tmp_path):
    """The run may have been trained on tracks that the other split tests."""
    shutil.copytree(store, tmp_path / "store")
    splits = tmp_path / "store" / "splits"
    validation = (splits / "valid_filtered.txt").read_text()
    (splits / "valid_filtered.txt").write_text((splits / "test_filtered.txt").read_text())
    (splits / "test_filtered.txt").write_text(validation)
    with pytest.raises(TrainingError, match="another split"):
        export(runs[:1], tmp_path / "store", tmp_path / "models", "v1", "export")
    assert not (tmp_path / "models").exists()


def test_list_and_recommend(models, capsys):
    assert main(["recommend", "v7", "--models", str(models)]) == 0
    (models / "broken").mkdir()
    assert main(["list", "--models", str(models)]) == 0
    out = capsys.readouterr().out
    assert "v7 (recommended): Small, 3 genres, test accuracy" in out
    assert "broken: refused" in out
    assert "elsewhere" not in out
    (models / "broken").rmdir()


def test_list_tells_elsewhere_before_the_test(tmp_path, capsys):
    folder = write_version(tmp_path, "v7", {"a": "gnawa", "b": "malhun"}, ["gnawa", "gnawa"]).folder
    card = json.loads((folder / "model.json").read_text())
    add_elsewhere(card)
    (folder / "model.json").write_text(json.dumps(card))
    assert main(["list", "--models", str(tmp_path)]) == 0
    assert (
        "elsewhere 43.0% [35.0%, 51.0%] on 150 tracks of Emotify (a sister network that never "
        "heard them), test accuracy 50.0% ["
    ) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["recommend", "v99", "--models", "{models}"], "v99"),
        (["export", "{run}", "--data", "{store}", "--version", "v7", "--models", "{models}"],
         "exists already"),
        (["export", "{run}", "--data", "{store}", "--version", "../v8", "--models", "{models}"],
         "letters"),
        (["export", "{run}", "{run}", "--data", "{store}", "--version", "v8",
          "--models", "{models}"], "same seed"),
        (["export", "{store}", "--data", "{store}", "--version", "v8", "--models", "{models}"],
         "no finished run"),
        (["train", "{experiment}", "--data", "{models}"], "no feature store there"),
        (["train", "{experiment}", "--data", "{store}", "--out", "{run}"], "exists already"),
        (["train", "nowhere.toml", "--data", "{store}"], "nowhere.toml"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence_and_exit_2(
    words, sentence, models, runs, store, experiment_file, capsys
):
    places = {"models": models, "run": runs[0], "store": store, "experiment": experiment_file}
    before = sorted(path.name for path in models.iterdir())
    assert main([word.format(**places) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert sentence in error
    assert sorted(path.name for path in models.iterdir()) == before


def test_middle_of_three_seeds(runs, tmp_path):
    made = []
    for seed, accuracy in ((1, 0.5), (2, 0.7), (3, 0.6)):
        run = tmp_path / str(seed)
        run.mkdir()
        record = json.loads((runs[0] / "run.json").read_text())
        record["seed"] = seed
        record["validation"]["track"]["accuracy"]["value"] = accuracy
        (run / "run.json").write_text(json.dumps(record))
        made.append(run)
    assert choose_middle(made)[0] == made[2]
    record["experiment"]["title"] = "Other"
    (made[2] / "run.json").write_text(json.dumps(record))
    with pytest.raises(TrainingError, match="different experiments"):
        choose_middle(made)


def test_a_refused_network_leaves_nothing_and_never_sees_the_test(
    runs, store, tmp_path, monkeypatch, watch_loading
):
    opened: list[str] = []
    watch_loading(opened.extend)
    monkeypatch.setattr("model_training.landing.export.ENGINE_TOLERANCE", -1.0)
    with pytest.raises(TrainingError, match="cannot be served"):
        export(runs[:1], store, tmp_path / "models", "v1", "export")
    assert list((tmp_path / "models").iterdir()) == []
    assert opened == open_store(store).split("validation")


def test_overlapping_splits_are_refused(runs, store, tmp_path, experiment_file, capsys):
    shutil.copytree(store, tmp_path / "store")
    splits = tmp_path / "store" / "splits"
    shutil.copy(splits / "train_filtered.txt", splits / "test_filtered.txt")
    with pytest.raises(TrainingError, match="is in train and validation and in test"):
        export(runs[:1], tmp_path / "store", tmp_path / "models", "v1", "export")
    words = ["train", str(experiment_file), "--data", str(tmp_path / "store")]
    assert main([*words, "--out", str(tmp_path / "run")]) == 2
    assert "give it one part" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    shutil.copy(store / "splits" / "test_filtered.txt", splits / "test_filtered.txt")
    shutil.copy(splits / "train_filtered.txt", splits / "valid_filtered.txt")
    assert main([*words, "--out", str(tmp_path / "run")]) == 2
    assert "give it one part" in capsys.readouterr().err


def test_replicas_across_the_splits_are_refused(runs, store, tmp_path):
    shutil.copytree(store, tmp_path / "store")
    (tmp_path / "store" / "replicas.json").write_text('[["chaabi.00000", "chaabi.00008", 0.99]]')
    with pytest.raises(TrainingError, match="two sides"):
        export(runs[:1], tmp_path / "store", tmp_path / "models", "v1", "export")
    assert not (tmp_path / "models").exists()


def test_custom_layers_are_refused():
    inputs = keras.layers.Input((4,))
    with_lambda = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    with pytest.raises(TrainingError, match="Lambda"):
        require_builtin_layers(with_lambda)

    class Own(keras.layers.Dense):
        pass

    with pytest.raises(TrainingError, match="Own"):
        require_builtin_layers(keras.Model(inputs, Own(2)(inputs)))
    require_builtin_layers(keras.Model(inputs, keras.layers.Dense(2)(inputs)))


def test_unknown_architecture_and_option(store, experiment_file, tmp_path, capsys):
    for old, new in (('"mfcc_cnn"', '"perceptron"'), ("stem = 4", "stam = 4")):
        path = tmp_path / "wrong.toml"
        path.write_text(experiment_file.read_text().replace(old, new))
        out = tmp_path / "run"
        assert main(["train", str(path), "--data", str(store), "--out", str(out)]) == 2
        assert "[architecture]" in capsys.readouterr().err
        assert not out.exists()
