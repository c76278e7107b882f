"""Experiments: defaults, and a sentence for every mistake."""

from pathlib import Path

import pytest

from model_training.errors import TrainingError
from model_training.experiment import load_experiment

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
        ('title = "x"\n[feature_spec]\nstatistics = ["rms"]', "statistics"),
        ('title = "x"\n[training]\noptimizer = "sgd"', "adamw, adam"),
        ('title = "x"\n[training]\nschedule = 3', "cosine, constant, plateau"),
        ('title = "x"\n[training]\nkeep = "first"', "last, best"),
        ('title = "x"\n[training]\nmixed_precision = 1', "true or false"),
        ('title = "x"\n[training]\nepochs = 0', "at least 1"),
        ('title = "x"\n[training]\nlabel_smoothing = 1.0', "label_smoothing"),
        ('title = "x"\n[training]\nl2 = -1e-4', "negative"),
        ('title = "x"\n[embedding]\nlayer = 3', "must be text"),
        ('title = "x"\n[embedding]\nlayers = "x"', "it knows layer, decimals"),
        ('title = "x"\n[embedding]\ndecimals = 4.0', "whole"),
        ('title = "x"\n[embedding]\ndecimals = 7', "decimals must be from 0 to 6"),
        (
            'title = "x"\n[embedding]\nlayer = "embedding"\n[training]\nmembers = 2',
            "members = 1: the units of different networks mean different things",
        ),
        ('title = "x"\nnote = 3', "note"),
        ('title = "x"\ntune = 3', "tune"),
    ],
)
def test_mistakes_are_named(tmp_path, text, word):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(TrainingError, match=word) as caught:
        load_experiment(path)
    assert "wrong.toml" in str(caught.value)


def test_the_text_is_kept_beside_the_values():
    path = EXPERIMENTS / "log_mel_cnn.toml"
    experiment = load_experiment(path)
    assert experiment.source == path.read_text(encoding="utf-8")
    assert experiment.training.needs_validation
    assert not experiment.augmentation.disturbs


def test_missing_file(tmp_path):
    with pytest.raises(TrainingError, match="cannot be read"):
        load_experiment(tmp_path / "none.toml")
