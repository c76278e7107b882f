"""Searches of the three kinds on a small store: what they try, keep, choose and refuse."""

import dataclasses
import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.experiment import load_experiment
from model_training.stores.store import open_store
from model_training.tuning import search as tuning
from model_training.tuning.space import Choices, Range, changed, read_space

EXPERIMENT = """# What I think of it.
title = "Small"

[feature_spec]
kind = "statistics"
statistics = ["rms", "tempo"]
hop_length = 512
n_mels = 128
fmax = 11025.0
n_frames = 1292
standardise = false

[architecture]
name = "dense_statistics"
options = { units = [8] }

[training]
epochs = 3  # enough here
batch_size = 8
warmup_epochs = 0.5
learning_rate = 0.01

[tune]
"""
SPACE = """
training.learning_rate = [0.001, 0.1]
architecture.options.dropout = [0.0, 0.5]
"""


@pytest.fixture
def written(tmp_path: Path):
    """A function that writes an experiment with a search space; returns the arguments of main."""

    def write(space: str = SPACE, *more: str, text: str = EXPERIMENT) -> list[str]:
        path = tmp_path / "mine.toml"
        path.write_text(text + space)
        return ["tune", str(path), "--out", str(tmp_path / "out"), *more]

    return write


class Trained(list[dict[str, Any]]):
    """Options of every network that a search trains, as they come."""

    stops_after: int | None = None


@pytest.fixture
def trained(monkeypatch) -> Trained:
    """The options of every network that is trained; training itself is faked.

    The accuracy of a network depends on its learning rate, epochs and seed.
    """
    seen = Trained()

    def played_fit(experiment, tracks, seed, validation=None, **options):
        if len(seen) == seen.stops_after:
            raise KeyboardInterrupt
        about = dataclasses.asdict(experiment.training)
        seen.append({**about, **experiment.architecture.options, "seed": seed})
        return seen[-1], {}

    def played_predict(model, tracks, spec):
        rng = np.random.default_rng([model["seed"], model["epochs"]])
        noise = rng.dirichlet(np.ones(len(tracks.genres)), len(tracks))
        right = np.eye(len(tracks.genres))[tracks.labels]
        share = 0.5 / (1 + abs(math.log10(model["learning_rate"]) + 2))
        return share * right + (1 - share) * noise, np.arange(len(tracks))

    monkeypatch.setattr(tuning, "fit_whole", played_fit)
    monkeypatch.setattr(tuning, "predict_tracks", played_predict)
    # Slow, and there is nothing to clear.
    monkeypatch.setattr(keras.backend, "clear_session", lambda: None)
    return seen


def trials_of(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "trials.json").read_text())["trials"]


def test_a_search_is_told_kept_and_gives_an_experiment_that_train_takes(
    written, store, tmp_path, capsys, watch_loading
):
    opened: set[str] = set()
    watch_loading(opened.update)
    space = """
training.learning_rate = { min = 1e-3, max = 1e-1, log = true }
training.batch_size = { min = 4, max = 8 }
architecture.options.units = [[8], [16, 4]]
"""
    assert main([*written(space, "--trials", "3"), "--data", str(store)]) == 0
    told = capsys.readouterr()
    trials = trials_of(tmp_path / "out")
    assert len(trials) == 4
    assert trials[0]["values"] == {
        "training.learning_rate": 0.01,
        "training.batch_size": 8,
        "architecture.options.units": [8],
    }
    for trial in trials[1:]:
        values = trial["values"]
        assert 1e-3 <= values["training.learning_rate"] <= 1e-1
        assert len(f"{values['training.learning_rate']:.10g}".lstrip("0.")) <= 4
        assert values["training.batch_size"] in range(4, 9)
        assert values["architecture.options.units"] in ([8], [16, 4])
    assert len({json.dumps(trial["values"]) for trial in trials}) == 4

    # The test tracks are never loaded.
    assert opened == set(open_store(store).split("train") + open_store(store).split("validation"))

    best = min(trials, key=lambda trial: trial["loss"])
    text = (tmp_path / "out" / "best.toml").read_text()
    assert "Chosen by: python -m model_training tune " in text
    assert "lowest loss" in text
    assert "# What I think of it." in text
    assert "# enough here" in text
    chosen = tomllib.loads(text)
    assert chosen["training"]["learning_rate"] == best["values"]["training.learning_rate"]
    assert (
        chosen["architecture"]["options"]["units"] == best["values"]["architecture.options.units"]
    )

    # Trained anew, the best is as good as the search said.
    run = tmp_path / "run"
    words = ["train", str(tmp_path / "out" / "best.toml"), "--data", str(store), "--out", str(run)]
    assert main(words) == 0
    record = json.loads((run / "run.json").read_text())
    assert record["validation"]["track"]["accuracy"]["value"] == best["accuracy"]
    assert record["experiment"]["training"]["batch_size"] == best["values"]["training.batch_size"]

    assert "1: accuracy" in told.out
    table = [line.split() for line in told.out.split("\n\n")[1].splitlines()]
    assert table[0] == ["rank", "accuracy", "loss", "learning_rate", "batch_size", "units"]
    assert sum(row[0:2] == ["as", "is"] for row in table) == 1
    assert float(table[1][-4]) == pytest.approx(best["loss"], abs=1e-3)
    # With six tracks the error is large, even if all are right.
    assert float(re.search(r"a standard error of ([\d.]+) points", told.out)[1]) > 10  # type: ignore[index]
    for chatter in ("Search:", "Reloading", "Traceback", "Value  "):
        assert chatter not in told.out + told.err


def test_a_grid_tries_every_combination_once(written, store, tmp_path, trained):
    assert main([*written(SPACE, "--method", "grid"), "--data", str(store)]) == 0
    # The experiment as it stands comes first; it is none of the four combinations.
    assert len(trained) == 5
    tried = {(run["learning_rate"], run.get("dropout")) for run in trained[1:]}
    assert tried == {(0.001, 0.0), (0.001, 0.5), (0.1, 0.0), (0.1, 0.5)}
    assert {run["seed"] for run in trained} == {1}
    assert main([*written(SPACE, "--method", "grid"), "--data", str(store)]) == 0
    assert len(trained) == 5


def test_hyperband_gives_few_epochs_to_many_and_many_to_few(
    written, store, tmp_path, trained, capsys
):
    space = "training.learning_rate = { min = 1e-4, max = 1e-1, log = true }"
    assert main([*written(space, "--method", "hyperband"), "--data", str(store)]) == 0
    epochs = [run["epochs"] for run in trained]
    assert epochs[0] == 3
    assert epochs.count(1) == 3
    assert epochs.count(3) == 1 + 1 + 2
    short = {run["learning_rate"] for run in trained if run["epochs"] == 1}
    long = {run["learning_rate"] for run in trained[1:] if run["epochs"] == 3}
    assert len(short & long) == 1
    trials = trials_of(tmp_path / "out")
    survivor = min(
        (trial for trial in trials if trial["values"]["training.epochs"] == 1),
        key=lambda trial: trial["loss"],
    )
    assert short & long == {survivor["values"]["training.learning_rate"]}
    best = min(trials, key=lambda trial: trial["loss"])
    chosen = load_experiment(tmp_path / "out" / "best.toml")
    assert chosen.training.epochs == best["values"]["training.epochs"]
    assert "epochs" in capsys.readouterr().out


@pytest.mark.parametrize("method", ["random", "grid", "hyperband"])
def test_a_stopped_search_goes_on(method, written, store, tmp_path, capsys, trained):
    words = written(SPACE, "--method", method, "--data", str(store), "--trials", "3")
    trained.stops_after = 2
    assert main(words) == 130
    trained.stops_after = None
    assert "2 trials are done and kept" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["trials.json"]
    assert len(trials_of(tmp_path / "out")) == 2
    assert main(words) == 0
    assert "2 trials were done by an earlier run." in capsys.readouterr().out
    assert len(trained) == 4
    resumed = trials_of(tmp_path / "out")

    # Nothing but the time it took differs from a search that was never stopped.
    assert main([*words, "--out", str(tmp_path / "whole")]) == 0
    for one, other in zip(resumed, trials_of(tmp_path / "whole"), strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}


def test_more_trials_go_on_where_fewer_ended(written, store, tmp_path, trained):
    space = "training.learning_rate = { min = 1e-3, max = 1e-1, log = true }"
    words = [*written(space), "--data", str(store), "--trials"]
    assert main([*words, "1"]) == 0
    assert len(trained) == 2
    assert main([*words, "3"]) == 0
    assert len(trained) == 4
    assert len({run["learning_rate"] for run in trained}) == 4


def test_the_mean_of_several_seeds_counts(written, store, tmp_path, trained):
    words = [*written("training.mixup = [0.4]", "--method", "grid"), "--data", str(store)]
    losses = []
    for seed in (5, 6):
        assert main([*words, "--seed", str(seed), "--out", str(tmp_path / f"{seed}")]) == 0
        losses.append(trials_of(tmp_path / f"{seed}")[1]["loss"])
    assert main([*words, "--seed", "5", "--repeats", "2"]) == 0
    assert [run["seed"] for run in trained] == [5, 5, 6, 6, 5, 6, 5, 6]
    mean = trials_of(tmp_path / "out")[1]["loss"]
    assert mean == pytest.approx(sum(losses) / 2, abs=1e-3)


def test_accuracy_can_decide_and_the_loss_breaks_ties(written, store, tmp_path, trained):
    words = [
        *written("training.epochs = [1, 2, 3, 4, 5]", "--method", "grid"),
        "--data",
        str(store),
    ]
    assert main([*words, "--objective", "accuracy"]) == 0
    trials = trials_of(tmp_path / "out")
    best = max(trials, key=lambda trial: (trial["accuracy"], -trial["loss"]))
    chosen = load_experiment(tmp_path / "out" / "best.toml")
    assert chosen.training.epochs == best["values"]["training.epochs"]
    assert "highest accuracy" in (tmp_path / "out" / "best.toml").read_text()


def test_values_that_do_not_go_together_cost_one_trial(written, store, tmp_path, capsys):
    space = """
training.learning_rate = [0.01, 1e30]
training.crops_per_track = [4]
"""
    assert main([*written(space, "--method", "grid"), "--data", str(store)]) == 0
    trials = trials_of(tmp_path / "out")
    assert [bool(trial["fault"]) for trial in trials] == [False, False, True]
    assert "grew without bounds" in trials[2]["fault"]
    assert "failed" in capsys.readouterr().out
    assert load_experiment(tmp_path / "out" / "best.toml").training.learning_rate == 0.01


def test_features_can_be_searched_as_far_as_the_store_serves(written, store, tmp_path, capsys):
    words = [*written('feature_spec.statistics = [["rms"], ["tempo"]]', "--method", "grid")]
    assert main([*words, "--data", str(store)]) == 0
    assert len(trials_of(tmp_path / "out")) == 3
    words = [*written('feature_spec.statistics = [["rms"], ["chroma"]]', "--method", "grid")]
    assert main([*words, "--data", str(store), "--out", str(tmp_path / "other")]) == 2
    error = capsys.readouterr().err
    assert "[tune] feature_spec.statistics = ['chroma']: " in error
    assert not (tmp_path / "other").exists()


RATE = "training.learning_rate = "


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ("", "no table [tune]"),
        ("training.speed = [1, 2]", "[training] has no speed; it has epochs, batch_size"),
        ("learning_rate = [1e-3]", "is none of training.*"),
        ("audio_augmentation.copies = [1]", "when it was extracted"),
        ("architecture.name = ['lstm']", "architecture.options.units"),
        ("architecture.options.filters = [1]", "dense_statistics has no such option"),
        (RATE + "0.1", "must be a list of values or a range"),
        (RATE + "[]", "the list is empty"),
        (RATE + "[0.1, 0.1]", "names a value twice"),
        (RATE + "[0.1, 1979-05-27]", "holds a date"),
        (RATE + "['fast']", "learning_rate must be a number, not 'fast'"),
        (RATE + "{ min = -1, max = 1 }", "learning_rate must not be negative"),
        (RATE + "{ min = 0.1 }", "max is missing"),
        (RATE + "{ max = 0.1 }", "min is missing"),
        (RATE + "{ min = 0.1, max = 0.1 }", "must be less than max"),
        (RATE + "{ min = 'a', max = 1 }", "min must be a number, not 'a'"),
        (RATE + "{ min = 0.1, max = inf }", "max must be finite"),
        (RATE + "{ min = 0.0, max = 0.1, log = true }", "above zero"),
        (RATE + "{ min = 0.1, max = 0.2, log = 1 }", "log must be true or false"),
        (RATE + "{ min = 0.1, max = 0.2, step = 0 }", "step must be above zero"),
        (RATE + "{ min = 0.1, max = 0.2, step = 1, log = true }", "factor above 1"),
        (RATE + "{ min = 0.1, max = 0.2, step = 1e-9 }", "too many"),
        (RATE + "{ min = 0.1, max = 0.2, sampling = 'log' }", "a range has no sampling"),
        ("training.epochs = { min = 1.5, max = 2 }", "epochs must be a whole number"),
        ("training.epochs = { min = 1, max = 3, step = 0.5 }", "step must be a whole number"),
        ("training.schedule = { min = 1, max = 2 }", "give a list of values"),
        ("training.schedule = ['linear']", "schedule must be one of cosine"),
        ("architecture.options.units = [[8], [-1]]", "architecture.options.units = [-1]: "),
    ],
)
def test_a_wrong_table_is_one_sentence(space, sentence, written, store, tmp_path, capsys):
    assert main([*written(space), "--data", str(store)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert sentence in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--method", "grid"], "a grid needs a list of values, or a range with step"),
        (["--method", "hyperband"], "Hyperband chooses the epochs itself"),
        (["--trials", "0"], "--trials 0: must be 1 or more"),
        (["--repeats", "0"], "--repeats 0: must be 1 or more"),
        (["--seed", "-1"], "--seed must not be negative"),
        (["--data", "nowhere"], "nowhere: no feature store there"),
    ],
)
def test_a_wrong_option_is_one_sentence(more, sentence, written, store, tmp_path, capsys):
    space = "training.epochs = { min = 1, max = 3 }"
    assert main([*written(space, "--data", str(store)), *more]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_refused(written, store, tmp_path, capsys):
    words = [*written(SPACE, "--trials", "1"), "--data", str(store)]
    out = tmp_path / "out"
    out.mkdir()
    (out / "song.txt").write_text("mine")
    assert main(words) == 2
    assert "holds something else" in capsys.readouterr().err
    (out / "song.txt").unlink()
    assert main(words) == 0
    before = (out / "trials.json").read_text()
    for other in ([*words, "--seed", "2"], [*words, "--repeats", "2"]):
        assert main(other) == 2
        assert "another experiment, data, seed" in capsys.readouterr().err
    written("training.mixup = [0.1]")
    assert main(words) == 2
    assert (out / "trials.json").read_text() == before
    (out / "trials.json").write_text("[")
    assert main(words) == 2
    assert "is damaged" in capsys.readouterr().err


# --- the table ----------------------------------------------------------------------------------


def space_of(tmp_path: Path, space: str) -> list[Choices | Range]:
    path = tmp_path / "experiment.toml"
    path.write_text(EXPERIMENT + space)
    return read_space(load_experiment(path))


def test_steps_end_where_they_should(tmp_path):
    [shares, factors, whole] = space_of(
        tmp_path,
        """
training.mixup = { min = 0, max = 0.3, step = 0.1 }
training.learning_rate = { min = 1e-4, max = 1e-2, step = 10, log = true }
training.epochs = { min = 50, max = 150, step = 50 }
""",
    )
    assert shares == Choices("training.mixup", (0.0, 0.1, 0.2, 0.3))
    assert factors == Choices("training.learning_rate", (1e-4, 1e-3, 1e-2))
    assert whole == Choices("training.epochs", (50, 100, 150))
    assert [type(value) for value in whole.values] == [int, int, int]


def test_keys_with_dots_and_tables_in_tables_are_the_same(tmp_path):
    dotted = space_of(tmp_path, "training.l2 = [0.0, 1e-4]\n'training.l1' = [0.0, 1e-5]")
    tables = space_of(tmp_path, "[tune.training]\nl2 = [0.0, 1e-4]\nl1 = [0.0, 1e-5]")
    assert dotted == tables


def test_numbers_of_a_range_are_short_and_within_it():
    shares = Range("training.mixup", 0.12356, 0.98754, log=False)
    assert shares.rounded(0.123561) == 0.1236
    assert shares.rounded(0.12354) == 0.12356
    assert shares.rounded(0.987539) == 0.9875
    assert shares.rounded(0.98756) == 0.98754
    assert shares.rounded(0.333333) == 0.3333
    assert Range("training.epochs", 10, 2000000, log=True).rounded(123456) == 123456


def test_a_changed_experiment_keeps_its_text_and_is_checked(tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text('title = "Mine" # my own\n')
    experiment = load_experiment(path)
    made = changed(
        experiment, {"training.l2": 0.001, "architecture.options.stem": 8, "training.epochs": 7}
    )
    assert made.training == dataclasses.replace(experiment.training, l2=0.001, epochs=7)
    assert made.architecture.options == {"stem": 8}
    assert made.source.startswith('title = "Mine" # my own\n')
    with pytest.raises(TrainingError, match="must be a number"):
        changed(experiment, {"training.l2": "much"})
