"""Starting from the layers of a network that was trained before."""

import dataclasses
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from features import FeatureSpec
from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.experiment import Architecture, Experiment, load_experiment, parse_experiment
from model_training.files import sha256
from model_training.stores.store import open_store
from model_training.training.network import build, fit
from model_training.training.run_record import load_run
from model_training.training.start import (
    describe_heard,
    find_start,
    refuse_heard,
    refuse_learned,
    take_layers,
)
from tests.model_training.second_store import write_second


@pytest.fixture(scope="module")
def trained(store: Path, experiment_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the first store's training tracks."""
    run = tmp_path_factory.mktemp("runs") / "first"
    arguments = ["train", str(experiment_file), "--data", str(store), "--out", str(run)]
    assert main(arguments) == 0
    return run


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of other songs, split."""
    folder = write_second(tmp_path_factory.mktemp("other") / "other", groups=6)
    assert main(["split", str(folder)]) == 0
    return folder


def starting(experiment_file: Path, run: Path, **options) -> Experiment:
    experiment = load_experiment(experiment_file)
    training = dataclasses.replace(experiment.training, start_from=str(run), **options)
    return dataclasses.replace(experiment, training=training)


def written(folder: Path, experiment_file: Path, *lines: str) -> Path:
    """The experiment with more lines in its [training], which is its last table."""
    path = folder / "starting.toml"
    path.write_text(experiment_file.read_text() + "\n".join(lines) + "\n")
    return path


def weights(model: keras.Model, last: bool) -> list[np.ndarray]:
    """Of what can be learned: the last layer's, or all others'."""
    return [
        np.array(weight)
        for layer in model.layers
        if (layer.name == "genre") == last
        for weight in layer.trainable_weights
    ]


def test_a_network_starts_with_the_other_ones_layers_and_a_last_layer_of_its_own(
    trained, other, experiment_file
):
    experiment = starting(experiment_file, trained)
    model = build(experiment, 2)
    start = find_start(experiment)
    assert start is not None
    take_layers(model, experiment, start)
    source = keras.models.load_model(trained / "model.keras", compile=False)
    segments = np.random.default_rng(1).normal(size=(3, 64, 20)).astype(np.float32)

    def before_last(network: keras.Model) -> np.ndarray:
        return np.array(keras.Model(network.input, network.get_layer("genre").input)(segments))

    np.testing.assert_allclose(before_last(model), before_last(source), atol=1e-5)
    assert model.output_shape == (None, 2)
    assert source.output_shape == (None, 3)


def test_a_landed_version_can_be_started_from(store, experiment_file):
    """One with a bias, a score and an embedding behind and beside its last layer."""
    experiment = dataclasses.replace(
        starting(experiment_file, Path("v10")),
        feature_spec=FeatureSpec(n_mfcc=64),
        architecture=Architecture("second_order"),
    )
    start = find_start(experiment)
    assert start is not None
    assert len(start.heard.tracks) == 839
    assert "electronic" in start.heard.genres
    model = build(experiment, 2)
    take_layers(model, experiment, start)
    segments = np.random.default_rng(1).normal(size=(3, 64, 64)).astype(np.float32)
    source = keras.models.load_model(start.model, compile=False)
    here, there = (
        np.array(keras.Model(each.input, each.get_layer("embedding").output)(segments))
        for each in (model, source)
    )
    np.testing.assert_allclose(here, there, atol=1e-5)
    opened = open_store(store)
    refuse_heard(experiment, opened.load(experiment.feature_spec, opened.split("test")))


def test_frozen_layers_stay_and_freed_ones_learn(trained, other, experiment_file):
    opened = open_store(other)
    tracks = opened.load(load_experiment(experiment_file).feature_spec, opened.split("train"))
    source = keras.models.load_model(trained / "model.keras", compile=False)
    frozen = starting(experiment_file, trained, epochs=2, frozen_epochs=2)
    model, history = fit(frozen, tracks, 1, verbose=0)
    assert len(history["loss"]) == 2
    for mine, theirs in zip(weights(model, last=False), weights(source, last=False), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    freed = starting(experiment_file, trained, epochs=3, frozen_epochs=2)
    model, history = fit(freed, tracks, 1, verbose=0)
    assert len(history["loss"]) == len(history["accuracy"]) == 3
    pairs = zip(weights(model, last=False), weights(source, last=False), strict=True)
    moved = [float(np.abs(mine - theirs).max()) for mine, theirs in pairs]
    assert min(moved) > 0
    # A tenth of the rate, 0.01, for the few steps of one epoch.
    assert max(moved) < 0.05


def test_what_a_network_heard_is_known_by_its_sound_not_by_its_name(
    trained, store, experiment_file
):
    experiment = starting(experiment_file, trained)
    opened = open_store(store)
    heard = opened.load(experiment.feature_spec, opened.split("train"))
    unheard = opened.load(experiment.feature_spec, opened.split("test"))
    refuse_heard(experiment, unheard)
    renamed = dataclasses.replace(heard, names=[f"song {n}" for n in range(len(heard))])
    with pytest.raises(TrainingError, match=r"18 of the 18 tracks that would be tested.*song 0"):
        refuse_heard(experiment, renamed)


def test_commands_that_hold_out_songs_refuse_a_start_that_heard_them(
    trained, store, other, experiment_file, tmp_path, capsys
):
    line = f'start_from = "{trained}"'
    path = str(written(tmp_path, experiment_file, line))
    out = tmp_path / "out"
    for command in (
        ["cross-validate", path, "--folds", "2", "--data", str(store)],
        ["leak", path, "--data", str(store)],
        ["learning-curve", path, "--data", str(store)],
        ["elsewhere", path, "--data", str(other), "--asked", str(store)],
    ):
        assert main([*command, "--out", str(out)]) == 2, command
        assert "would be tested" in capsys.readouterr().err
        assert not out.exists()
    # The songs of another store are news to it.
    study = ["cross-validate", path, "--folds", "2", "--data", str(other)]
    assert main([*study, "--out", str(out)]) == 0
    found = json.loads((out / "cross_validation.json").read_text())
    assert found["recipe"]["start_sha256"] == sha256(trained / "model.keras")


def test_training_refuses_a_start_that_heard_its_test_or_validation(
    trained, store, experiment_file, tmp_path, capsys
):
    """The parts of the split change places: what was trained on is tested, or chosen by."""
    parts = ("train", "valid", "test")
    for turned in (("valid", "test", "train"), ("test", "train", "valid")):
        folder = tmp_path / turned[0]
        shutil.copytree(store, folder)
        for part, source in zip(parts, turned, strict=True):
            shutil.copy(
                store / "splits" / f"{source}_filtered.txt",
                folder / "splits" / f"{part}_filtered.txt",
            )
        path = written(tmp_path, experiment_file, f'start_from = "{trained}"')
        run = ["train", str(path), "--data", str(folder), "--out", str(tmp_path / "run")]
        assert main(run) == 2
        assert "would be tested" in capsys.readouterr().err
        assert not (tmp_path / "run").exists()


def test_what_the_start_heard_is_passed_on(trained, store, other, experiment_file, tmp_path):
    """A run that starts from a run that starts from another has heard the songs of all."""
    path = written(tmp_path, experiment_file, f'start_from = "{trained}"')
    run = tmp_path / "run"
    assert main(["train", str(path), "--data", str(other), "--out", str(run)]) == 0
    first, second = load_run(trained)["heard"], load_run(run)["heard"]
    assert set(first["tracks"]) < set(second["tracks"])
    assert [each["name"] for each in second["stores"]] == ["Second", "GTZAN, fault-filtered split"]
    assert second["genres"] == ["chaabi", "gnawa", "malhun", "rai"]
    opened = open_store(store)
    heard = opened.load(load_experiment(experiment_file).feature_spec, opened.split("train"))
    with pytest.raises(TrainingError, match="would be tested"):
        refuse_heard(starting(experiment_file, run), heard)


def test_a_genre_that_the_start_learned_is_not_new(trained, experiment_file):
    experiment = starting(experiment_file, trained)
    refuse_learned(experiment, ["rai", "tango"])
    with pytest.raises(TrainingError, match="learned chaabi, gnawa, which would be called new"):
        refuse_learned(experiment, ["gnawa", "rai", "chaabi"])


def test_copies_for_training_leave_the_fingerprint_as_it_is(store):
    """At GTZAN's full rate the training tracks have excerpts that are never tested."""
    spec = FeatureSpec(hop_length=512, n_frames=64)
    opened = open_store(store)
    names = opened.split("train")
    plain, copies = opened.load(spec, names), opened.load(spec, names, copies=True)
    assert len(copies.excerpt_track) > len(plain.excerpt_track)
    told = describe_heard(starting_nowhere(spec), opened, [plain])
    assert set(told["tracks"]) == set(plain.fingerprints())
    assert len(set(plain.fingerprints())) == len(names)


def starting_nowhere(spec: FeatureSpec) -> Experiment:
    experiment = parse_experiment('title = "Plain"', Path("plain.toml"))
    return dataclasses.replace(experiment, feature_spec=spec)


def test_what_cannot_be_started_from_is_refused_with_a_sentence(
    trained, store, experiment_file, tmp_path, capsys
):
    def refusal(*lines: str, source: Path = experiment_file) -> str:
        path = written(tmp_path, source, *lines)
        arguments = ["train", str(path), "--data", str(store), "--out", str(tmp_path / "run")]
        assert main(arguments) == 2
        assert not (tmp_path / "run").exists()
        return capsys.readouterr().err

    assert "neither a version" in refusal('start_from = "v99"')
    other_spec = tmp_path / "spec.toml"
    other_spec.write_text(experiment_file.read_text().replace("n_mfcc = 20", "n_mfcc = 64"))
    assert "give both one [feature_spec]" in refusal(f'start_from = "{trained}"', source=other_spec)
    # Versions of earlier releases do not.
    assert "does not say which tracks" in refusal('start_from = "v9"', source=other_spec)
    other_layers = tmp_path / "layers.toml"
    other_layers.write_text(experiment_file.read_text().replace("[8, 8]", "[8, 12]"))
    assert "has other layers" in refusal(f'start_from = "{trained}"', source=other_layers)
    (tmp_path / "empty").mkdir()
    assert "no finished run" in refusal(f'start_from = "{tmp_path / "empty"}"')


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("frozen_epochs = 1", "start_from"),
        ('start_from = "v10"\nepochs = 2\nfrozen_epochs = 3', "at most epochs"),
        ('start_from = "v10"\nfreed_rate = 0.0', "more than 0"),
        ('start_from = "v10"\nfreed_rate = 1.5', "at most 1"),
        ("start_from = 10", "must be text"),
    ],
)
def test_options_that_contradict_are_refused(lines, reason):
    with pytest.raises(TrainingError, match=reason):
        parse_experiment(f'title = "Wrong"\n[training]\n{lines}\n', Path("wrong.toml"))
