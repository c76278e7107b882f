"""Cross-validation, learning curves and the leak, on a small store."""

import json

import pytest

from model_training.__main__ import main
from model_training.stores.gtzan_store import GtzanStore
from model_training.studies.studies import cross_validate

STATISTICS = """\
title = "Dense"
[feature_spec]
kind = "statistics"
statistics = ["rms", "tempo"]
standardise = false
hop_length = 512
n_mels = 128
fmax = 11025.0
n_frames = 1292
[architecture]
name = "dense_statistics"
options = { units = [8] }
[training]
epochs = 2
batch_size = 4
crops_per_track = 1
"""


@pytest.fixture
def dense(tmp_path):
    path = tmp_path / "dense.toml"
    path.write_text(STATISTICS)
    return path


@pytest.fixture
def never_the_test(store, watch_loading):
    """Fail when a study loads a test track."""
    tested = set(GtzanStore(store).split("test"))

    def refuse_tested(names):
        assert not tested.intersection(names)

    watch_loading(refuse_tested)


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


def test_a_learning_curve_grows(dense, store, tmp_path, never_the_test):
    out = tmp_path / "curve"
    assert main(["learning-curve", str(dense), "--data", str(store), "--out", str(out)]) == 0
    points = json.loads((out / "learning_curve.json").read_text())["points"]
    counts = [point["n_tracks"] for point in points]
    assert counts == sorted(counts)
    assert counts[0] == 6
    assert counts[-1] == 18
    assert {"value", "low", "high"} == points[0]["validation"].keys()
    assert (out / "learning_curve.svg").read_text().startswith("<svg")


def test_the_leak_splits_by_track_and_by_segment(
    experiment_file, store, tmp_path, never_the_test, capsys
):
    out = tmp_path / "leak"
    words = ["leak", str(experiment_file), "--data", str(store), "--out", str(out)]
    assert main(words) == 0
    result = json.loads((out / "leak.json").read_text())
    by_track, by_segment = result["by_track"], result["by_segment"]
    assert by_track["segments_of_trained_recordings"] == 0
    assert by_segment["segments_of_trained_recordings"] > 0.9
    assert by_track["n_segments"] == by_segment["n_segments"]
    assert by_track["n_training_segments"] == by_segment["n_training_segments"]
    assert "split by segment" in capsys.readouterr().out


def test_too_many_folds_are_a_sentence(dense, store, tmp_path, capsys):
    words = ["cross-validate", str(dense), "--data", str(store), "--folds", "30"]
    assert main([*words, "--out", str(tmp_path / "cv")]) == 2
    assert "The genre 'chaabi' has 7 groups, too few for 30 folds" in capsys.readouterr().err
    assert not (tmp_path / "cv").exists()
