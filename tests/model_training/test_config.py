"""Experiments: defaults, and a sentence for every mistake."""

from pathlib import Path

import pytest

from model_training.config import load_experiment
from model_training.errors import TrainingError

EXPERIMENTS = Path(__file__).resolve().parents[2] / "model_training" / "experiments"


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.toml")), ids=lambda path: path.name)
def test_tracked_experiments_load(path):
    experiment = load_experiment(path)
    assert experiment.to_json()["feature_spec"]["id"] == experiment.feature_spec.id


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "title"),
        ('title = ""', "title"),
        ("title = ", "TOML"),
        ('title = "x"\n[traning]', "traning"),
        ('title = "x"\n[training]\nepoch = 3', "epochs"),
        ('title = "x"\n[training]\nepochs = "3"', "number"),
        ('title = "x"\n[training]\nepochs = 3.5', "whole"),
        ('title = "x"\n[training]\nepochs = true', "number"),
        ('title = "x"\n[training]\nepochs = -1', "negative"),
        ('title = "x"\ntraining = 3', "table"),
        ('title = "x"\n[feature_spec]\nn_mfcc = 500', "n_mfcc"),
        ('title = "x"\n[feature_spec]\nfmin = -5.0', "fmin"),
    ],
)
def test_mistakes_are_named(tmp_path, text, word):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(TrainingError, match=word) as caught:
        load_experiment(path)
    assert "wrong.toml" in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(TrainingError, match="cannot be read"):
        load_experiment(tmp_path / "none.toml")
