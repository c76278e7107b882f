"""`land`: an ensemble that is trained on all but the test, with all that its card tells."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.experiment import parse_experiment
from model_training.stores.gtzan_store import GtzanStore
from model_training.studies.robustness import DISTURBANCES
from model_training.training.augmentation import shown_share
from webapp.inference import Predictors, Registry

FINAL = """\
members = 2
group_balance = 0.5
train_on = "train+validation"
[distillation]
teacher = "teacher.npz"
weight = 0.5
[unfamiliar]
layer = "block1"
"""


@pytest.fixture(scope="module")
def data(store, tmp_path_factory) -> Path:
    """The store with tags of some of its training tracks."""
    folder = tmp_path_factory.mktemp("data") / "store"
    shutil.copytree(store, folder)
    names = GtzanStore(store).split("train")[:12]
    tags = np.random.default_rng(0).uniform(0, 1, (12 * 28, 4))
    np.savez(
        folder / "teacher.npz",
        track=np.repeat(names, 28),
        window=np.tile(np.arange(28), 12),
        tags=tags,
    )
    return folder


@pytest.fixture(scope="module")
def landed(data, experiment_file, tmp_path_factory) -> Path:
    """The folder in which `land` ran."""
    folder = tmp_path_factory.mktemp("landed")
    source = experiment_file.read_text().replace("epochs = 3", "epochs = 1")
    (folder / "final.toml").write_text(source + FINAL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model_training.paths.RUNS", folder / "runs")
        assert land(folder, data, "v9") == 0
    return folder


def land(folder: Path, data: Path, version: str) -> int:
    words = ["land", str(folder / "final.toml"), "--data", str(data), "--version", version]
    return main([*words, "--folds", "2", "--models", str(folder / "models")])


@pytest.fixture(scope="module")
def card(landed) -> dict[str, Any]:
    return json.loads((landed / "models" / "v9" / "model.json").read_text())


def test_the_card_tells_what_was_trained_and_measured(card):
    assert card["training"]["n_tracks"] == 24
    assert card["training"]["n_validation_tracks"] == 0
    assert "training and validation tracks" in card["training"]["method"]
    assert "cross-validation over 2 folds" in card["training"]["method"]
    assert "2 networks" in card["training"]["method"]
    assert card["training"]["distillation"]["teacher"] == "teacher.npz"
    assert len(card["training"]["distillation"]["teacher_sha256"]) == 64
    assert card["training"]["precision"] == "float32"
    assert set(card["metrics"]) == {"cross_validation", "test"}
    study = card["metrics"]["cross_validation"]
    assert study["n_tracks"] == 24
    assert np.array(study["member_accuracies"]).shape == (2, 2)
    assert card["metrics"]["test"]["n_tracks"] == 9
    assert "held-out" in card["calibration"]["fitted_on"]
    assert "land" in card["training"]["command"]
    assert card["training"]["command"] == card["training"]["export_command"]


def test_the_card_tells_how_robust_it_is(card, landed):
    for part in card["metrics"].values():
        rows = part["disturbances"]
        assert [row["name"] for row in rows] == ["clean", *DISTURBANCES]
        assert all(0 <= row["changed"] <= 1 for row in rows)
    test = card["metrics"]["test"]
    assert test["disturbances"][0]["accuracy"] == test["track"]["accuracy"]["value"]
    folds = [
        json.loads((landed / f"runs/final-cv-seed1/fold-{n}.json").read_text()) for n in (1, 2)
    ]
    for number, row in enumerate(card["metrics"]["cross_validation"]["disturbances"]):
        wanted = np.average(
            [fold["disturbances"][number]["changed"] for fold in folds],
            weights=[fold["n_tracks"] for fold in folds],
        )
        assert row["changed"] == pytest.approx(wanted, abs=1e-4)


def test_the_card_tells_what_is_unfamiliar(card):
    unfamiliar = card["unfamiliar"]
    assert unfamiliar["method"] == "mahalanobis"
    assert unfamiliar["flagged_share"] <= 0.05
    assert unfamiliar["layer"] == "block1"
    assert "the threshold on held-out" in unfamiliar["fitted_on"]
    assert unfamiliar["sounds"][0]["name"] == "white noise"
    assert 0 <= card["metrics"]["test"]["flagged_share"] <= 1


def test_the_site_serves_it_with_both_engines(landed):
    registry = Registry.load(landed / "models")
    assert not registry.refused
    spec = registry.get("v9").spec
    features = np.random.default_rng(0).normal(0, 1, (5, *spec.shape)).astype(np.float32)
    answers = [
        Predictors(registry, engine).get("v9").predict(features) for engine in ("litert", "keras")
    ]
    np.testing.assert_allclose(answers[0].probabilities, answers[1].probabilities, atol=1e-4)
    scores = [answer.unfamiliar["score"] for answer in answers if answer.unfamiliar is not None]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


@pytest.fixture
def never_trains(landed, monkeypatch) -> None:
    """Fail when something is trained; the runs of `land` are still there."""
    monkeypatch.setattr("model_training.paths.RUNS", landed / "runs")

    def never(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr("model_training.training.ensemble.fit", never)


def test_landing_again_uses_what_is_there(landed, data, never_trains, monkeypatch, capsys):
    calls: list[tuple[Any, ...]] = []
    v9 = Registry.load(landed / "models").get("v9")

    def played(*arguments):
        calls.append(arguments)
        return v9

    monkeypatch.setattr("model_training.landing.export.export", played)
    assert land(landed, data, "v10") == 0
    runs, study = calls[0][0], calls[0][5]
    assert [run.name for run in runs] == ["final-seed1"]
    assert study.name == "final-cv-seed1"
    assert land(landed, data, "v9") == 2
    assert "never overwritten" in capsys.readouterr().err
    assert land(landed, data, "a/b") == 2
    assert "name is made of" in capsys.readouterr().err


def test_a_changed_recipe_needs_other_folders(landed, data, never_trains, tmp_path, capsys):
    source = (landed / "final.toml").read_text()
    (tmp_path / "final.toml").write_text(source.replace("weight = 0.5", "weight = 0.6"))
    assert land(tmp_path, data, "v11") == 2
    assert "made by another experiment; remove it" in capsys.readouterr().err


def test_sounds_that_cannot_be_judged_are_told_at_once(landed, data, tmp_path, capsys):
    (tmp_path / "plain.toml").write_text('title = "x"\n')
    words = ["--data", str(data), "--version", "v1", "--models", str(tmp_path / "models")]
    missing = ["--sounds", str(tmp_path / "whale.ogg")]
    assert main(["land", str(landed / "final.toml"), *words, *missing]) == 2
    assert "there is no such sound file" in capsys.readouterr().err
    assert main(["land", str(tmp_path / "plain.toml"), *words, *missing]) == 2
    assert "[unfamiliar] layer" in capsys.readouterr().err
    assert main(["land", str(tmp_path / "plain.toml"), *words, "--folds", "3"]) == 2
    assert "--folds is for" in capsys.readouterr().err


def test_a_final_run_is_not_exported_without_its_cross_validation(landed, data, tmp_path, capsys):
    run = str(landed / "runs" / "final-seed1")
    words = ["export", run, "--data", str(data), "--version", "v1", "--models", str(tmp_path)]
    assert main(words) == 2
    assert "give its folder as --cross-validation" in capsys.readouterr().err
    assert main([*words, "--cross-validation", str(tmp_path)]) == 2
    assert "no finished cross-validation" in capsys.readouterr().err
    study = tmp_path / "study"
    study.mkdir()
    found = json.loads((landed / "runs/final-cv-seed1/cross_validation.json").read_text())
    found["recipe"]["teacher_sha256"] = "other"
    (study / "cross_validation.json").write_text(json.dumps(found))
    assert main([*words, "--cross-validation", str(study)]) == 2
    assert "of other data" in capsys.readouterr().err
    other = tmp_path / "other-seed"
    shutil.copytree(run, other)
    record = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(record | {"seed": 2}))
    assert main(["export", run, str(other), *words[2:]]) == 2
    assert "give one run" in capsys.readouterr().err
    assert not (tmp_path / "v1").exists()


def test_an_ordinary_run_measures_its_own_threshold(
    data, experiment_file, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("model_training.paths.RUNS", tmp_path / "runs")
    source = experiment_file.read_text().replace("epochs = 3", "epochs = 1")
    path = tmp_path / "plain.toml"
    path.write_text(source + '[unfamiliar]\nlayer = "block2"\n')
    words = ["--data", str(data), "--version", "v1", "--models", str(tmp_path / "models")]
    assert main(["land", str(path), *words]) == 0
    card = json.loads((tmp_path / "models" / "v1" / "model.json").read_text())
    assert "the threshold on the validation tracks" in card["unfamiliar"]["fitted_on"]
    assert set(card["metrics"]) == {"validation", "test"}
    run = str(tmp_path / "runs" / "plain-seed1")
    words[3] = "v2"
    assert main(["export", run, *words, "--cross-validation", str(tmp_path)]) == 2
    assert "measured them itself" in capsys.readouterr().err


def test_a_run_of_an_older_release_is_told(landed, data, tmp_path, capsys):
    shutil.copytree(landed / "runs" / "final-seed1", tmp_path / "old")
    record = json.loads((tmp_path / "old" / "run.json").read_text())
    del record["experiment"]["distillation"]
    (tmp_path / "old" / "run.json").write_text(json.dumps(record))
    words = ["--data", str(data), "--version", "v1", "--models", str(tmp_path)]
    assert main(["export", str(tmp_path / "old"), *words]) == 2
    assert "older release; train again" in capsys.readouterr().err


def test_the_members_differ(landed):
    model = keras.models.load_model(landed / "runs/final-seed1/model.keras", compile=False)
    members = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    assert len(members) == 2
    kernels = [member.get_layer("genre").get_weights()[0] for member in members]
    assert not np.allclose(*kernels)


def test_large_groups_are_shown_less_often(store):
    opened = GtzanStore(store)
    names = opened.split("train")
    tracks = opened.load(parse_experiment('title = "x"', Path("x.toml")).feature_spec, names)
    groups = list(tracks.groups)
    groups[:4] = ["A"] * 4
    share = shown_share(dataclasses.replace(tracks, groups=groups), 1.0)
    assert share.sum() == pytest.approx(1)
    # Four tracks of one artist together count as much as one of another.
    assert share[:4].sum() == pytest.approx(share[4])
    assert share[tracks.labels == 0].sum() == pytest.approx(1 / 3)


def test_final_training_leaves_nothing_to_choose_weights_on():
    source = 'title = "x"\n[training]\ntrain_on = "train+validation"\nkeep = "best"\n'
    with pytest.raises(TrainingError, match="leaves no tracks"):
        parse_experiment(source, Path("x.toml"))


def test_a_teacher_is_named_by_a_file_in_the_data_folder():
    with pytest.raises(TrainingError, match="must be text"):
        parse_experiment('title = "x"\n[distillation]\nteacher = 3\n', Path("x.toml"))
    with pytest.raises(TrainingError, match="name of a file in the data folder"):
        parse_experiment('title = "x"\n[distillation]\nteacher = "a/b.npz"\n', Path("x.toml"))
