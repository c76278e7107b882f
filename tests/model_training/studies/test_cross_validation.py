"""`cross-validate`: folds that keep groups whole, and a study that goes on, on a small store."""

import json

import numpy as np
import pytest

from model_training.__main__ import main
from model_training.studies.cross_validation import (
    _foreign_answers,
    _foreign_flags,
    cross_validate,
)

from .conftest import STATISTICS


def test_folds_cover_every_track_once_and_keep_replicas_together(
    dense, store, tmp_path, never_the_test, capsys
):
    out = tmp_path / "cv"
    words = ["cross-validate", str(dense), "--data", str(store), "--folds", "3"]
    assert main([*words, "--out", str(out)]) == 0
    result = json.loads((out / "cross_validation.json").read_text())
    folds = [json.loads((out / f"fold-{n}.json").read_text()) for n in (1, 2, 3)]
    judged = [set(fold["names"]) for fold in folds]
    assert sum(map(len, judged)) == len(set().union(*judged)) == result["n_tracks"] == 24
    assert sum({"chaabi.00000", "chaabi.00001"} <= names for names in judged) == 1
    assert result["accuracy"]["low"] <= result["accuracy"]["value"] <= result["accuracy"]["high"]
    assert len(result["fold_accuracies"]) == 3
    assert "--folds 3" in result["command"]
    assert result["embedding"] is None
    assert "fold 3 of 3" in capsys.readouterr().out


def test_a_stopped_study_goes_on_and_another_one_is_refused(
    dense, store, tmp_path, monkeypatch, capsys
):
    from model_training.experiment import load_experiment
    from model_training.training.network import fit

    out, calls = tmp_path / "cv", []

    def counted(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(*arguments, **options)

    monkeypatch.setattr("model_training.training.ensemble.fit", counted)
    words = ["cross-validate", str(dense), "--data", str(store), "--folds", "3"]
    assert main([*words, "--out", str(out)]) == 130
    assert sorted(path.name for path in out.iterdir()) == ["fold-1.json"]
    assert main([*words, "--out", str(out)]) == 0
    assert len(calls) == 4  # the first fold was not trained again
    assert main([*words, "--seed", "2", "--out", str(out)]) == 2
    assert "another experiment or seed" in capsys.readouterr().err
    experiment = load_experiment(dense)
    again = cross_validate(experiment, store, 1, 3, out, "again")
    assert len(calls) == 4
    assert again["n_tracks"] == 24


def test_weights_chosen_on_validation_get_a_fold_of_their_own(dense, store, tmp_path):
    dense.write_text(STATISTICS + 'keep = "best"\n')
    out = tmp_path / "cv"
    words = ["cross-validate", str(dense), "--data", str(store), "--folds", "3"]
    assert main([*words, "--out", str(out)]) == 0
    fold = json.loads((out / "fold-1.json").read_text())
    second = json.loads((out / "fold-2.json").read_text())
    assert fold["n_training_tracks"] == 24 - fold["n_tracks"] - second["n_tracks"]


def test_every_fold_tells_how_far_songs_lie_that_were_not_trained_on(teachable, store, tmp_path):
    out = tmp_path / "cv"
    words = ["cross-validate", str(teachable), "--data", str(store), "--folds", "3"]
    assert main([*words, "--out", str(out)]) == 0
    result = json.loads((out / "cross_validation.json").read_text())
    folds = [json.loads((out / f"fold-{n}.json").read_text()) for n in (1, 2, 3)]
    spreads = [fold["spread"] for fold in folds]
    assert all(spread > 0 for spread in spreads)
    assert result["embedding"]["fold_spreads"] == spreads
    assert result["embedding"]["spread"] == pytest.approx(sum(spreads) / 3, abs=1e-4)
    # The embedding is no score for unfamiliar sounds.
    assert result["unfamiliar"] is None
    assert folds[0]["unfamiliarity"] is None


def test_too_many_folds_are_a_sentence(dense, store, tmp_path, capsys):
    words = ["cross-validate", str(dense), "--data", str(store), "--folds", "30"]
    assert main([*words, "--out", str(tmp_path / "cv")]) == 2
    assert "The genre 'chaabi' has 7 groups, too few for 30 folds" in capsys.readouterr().err
    assert not (tmp_path / "cv").exists()


def test_each_fold_is_doubted_by_the_threshold_of_the_others():
    scores = np.concatenate([np.linspace(0, 1, 40), np.linspace(2, 3, 40)])
    fold = np.repeat([0, 1], 40)
    flagged = _foreign_flags(scores, np.zeros(80, dtype=np.int64), fold)
    assert not flagged[:40].any()
    assert flagged[40:].all()


def test_each_fold_is_calibrated_by_the_temperature_of_the_others():
    # Fold 0 is always right and could be surer, fold 1 is no better than chance and too sure.
    probabilities = np.tile([0.7, 0.3], (80, 1))
    labels = np.concatenate([np.zeros(40, dtype=np.int64), np.tile([0, 1], 20)])
    track, fold = np.arange(80), np.repeat([0, 1], 40)
    answers = _foreign_answers(probabilities, track, labels, np.ones(80), fold)
    assert (answers[:40, 0] < 0.7).all()
    assert (answers[40:, 0] > 0.7).all()
