"""`few-examples`: own genres learned of songs that no network heard, on small stores."""

import json
from pathlib import Path

import numpy as np
import pytest

from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.stores.store import open_store
from model_training.studies import few_examples
from model_training.studies.few_examples import BESIDE, OWN, _judge_ways
from model_training.studies.taught_songs import Songs
from model_training.studies.unheard import open_source
from model_training.studies.ways import version_activations
from model_training.versions import open_version

from ..second_store import write_second
from .test_learning_checks import task_of

MODELS = Path(__file__).resolve().parents[3] / "trained_models"
EXPERIMENT = """\
title = "Small"
[feature_spec]
n_mfcc = 20
[architecture]
name = "second_order"
options = { n_coefficients = 8, filters = 2, n_channels = 4, n_bands = 16, hidden = 8 }
[embedding]
layer = "embedding"
[training]
epochs = 1
crops_per_track = 1
"""


@pytest.fixture(autouse=True)
def few_further_draws(monkeypatch):
    monkeypatch.setattr(few_examples, "FURTHER_DRAWS", 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("few")


@pytest.fixture(scope="module")
def experiment(folder):
    path = folder / "small.toml"
    path.write_text(EXPERIMENT)
    return path


@pytest.fixture(scope="module")
def trained(folder, experiment, store):
    """A run on the first store."""
    words = ["train", str(experiment), "--data", str(store)]
    assert main([*words, "--out", str(folder / "run")]) == 0
    return folder / "run"


def unsplit(folder, **options):
    write_second(folder, tracks_per_genre=12, **options)
    assert main(["split", str(folder), "--by", "none"]) == 0
    return folder


@pytest.fixture(scope="module")
def asked(folder):
    """Three genres of twelve songs; all songs of one are of one artist."""
    artists = {"fado": 12, "gnawa": 12, "rai": 1, "tango": 6}
    return unsplit(folder / "asked", genres=tuple(artists), groups=artists, name="Asked")


@pytest.fixture(scope="module")
def folds(folder, experiment):
    """A cross-validation over two stores that kept its networks, and the stores.

    The stores have tracks of the same names, which get their store's name before them.
    """
    data = folder / "folded", folder / "beside"
    write_second(data[0], tracks_per_genre=24, groups=24, name="Folded")
    write_second(data[1], groups=6, name="Beside")
    for store in data:
        assert main(["split", str(store), "--by", "none"]) == 0
    words = ["cross-validate", str(experiment), *_each(data), "--folds", "2"]
    assert main([*words, "--keep-networks", "--out", str(folder / "cv")]) == 0
    return folder / "cv", data


def _each(data):
    return [word for store in data for word in ("--data", str(store))]


def study(source, data, asked, out, *more):
    stores = data if isinstance(data, tuple) else (data,)
    words = ["few-examples", str(source), *_each(stores), "--asked", str(asked)]
    return main([*words, "--draws", "3", "--examples", "5", "--out", str(out), *map(str, more)])


def result_of(out):
    return json.loads((out / "few_examples.json").read_text())


def test_all_ways_learn_from_the_same_draws(trained, store, asked, tmp_path, capsys):
    opened, rng = open_store(asked), np.random.default_rng(0)
    names = [name for name in opened.genre_of for _ in range(2)]
    # What tells the genres at once, and a song of another store.
    known = [opened.genres.index(opened.genre_of[name]) for name in names]
    values = np.eye(5)[[*known, 4]] + rng.normal(0, 0.01, (len(names) + 1, 5))
    np.savez(tmp_path / "tags.npz", track=[*names, "x"], penultimate=values.astype(np.float16))
    more = ("--beside", "v9", "--models", MODELS, "--activations", tmp_path / "tags.npz")
    assert study(trained, store, asked, tmp_path / "out", *more) == 0
    result = result_of(tmp_path / "out")
    ways = result["ways"]["5"]
    assert list(ways) == [OWN, BESIDE, "v9, logistic regression", "tags, nearest centroid"]
    assert list(result["ways"]) == ["5", "3"]
    for found in (*ways.values(), *result["ways"]["3"].values()):
        # The genre of one artist cannot be parted.
        assert list(found["recall"]) == ["fado", "gnawa", "tango"]
        assert found["value"] == pytest.approx(np.mean(list(found["recall"].values())), abs=1e-4)
    assert ways["tags, nearest centroid"]["value"] == 1.0
    assert ways["tags, nearest centroid"]["deviation"] == 0.0
    less = ways["tags, nearest centroid"]["own_less"]
    assert less["value"] == pytest.approx(ways[OWN]["value"] - 1, abs=1e-4)
    assert less["low"] <= less["value"] <= less["high"] <= 0
    assert less["draws_ahead"] == 0
    assert result["genres"]["rai"] == {
        "songs": 12, "fewest": 0, "examples": 0, "not_parted": ["model.keras"],
    }  # fmt: skip
    assert result["genres"]["fado"]["fewest"] == 6
    assert result["genres"]["fado"]["examples"] == 5
    draws = result["draws"]["model.keras"]
    assert len(draws) == 3
    for draw in draws:
        artists = [{opened.groups[name] for name in draw[part]} for part in ("examples", "asked")]
        assert not artists[0] & artists[1]
        assert len(draw["examples"]) == 15
        assert len(draw["asked"]) >= 18
        assert not any(name.startswith("rai") for part in draw.values() for name in part)
    assert result["interval"]["draws"] == 3
    assert result["left_out"]["n"] == 3 * 15
    assert result["none_of_these"]["untaught"] is not None
    assert result["recipe"]["beside"] == {"v9": open_version(MODELS, "v9").files["model.keras"]}
    told = capsys.readouterr().out
    assert "Each half of a draw had at least 6 songs of every genre." in told
    assert "rai: its groups cannot be parted for model.keras." in told
    assert "tags, nearest centroid" in told


def test_the_same_study_is_told_again_and_another_is_refused(
    trained, store, asked, tmp_path, monkeypatch, capsys
):
    assert study(trained, store, asked, tmp_path) == 0
    first, told = result_of(tmp_path), capsys.readouterr().out

    def draw_again(*arguments):
        raise AssertionError("drawn a second time")

    monkeypatch.setattr(few_examples, "make_tasks", draw_again)
    assert study(trained, store, asked, tmp_path) == 0
    assert result_of(tmp_path) == first
    assert told.endswith(capsys.readouterr().out)
    assert study(trained, store, asked, tmp_path, "--seed", "2") == 2
    assert "made by another experiment or seed" in capsys.readouterr().err


def test_songs_that_a_network_heard_are_refused(experiment, asked, store, folder, tmp_path, capsys):
    other = write_second(folder / "other", tracks_per_genre=12, groups=12, name="Other")
    assert main(["split", str(other)]) == 0
    run = tmp_path / "run"
    assert main(["train", str(experiment), "--data", str(other), "--out", str(run)]) == 0
    assert study(run, other, other, tmp_path / "out") == 2
    assert "was trained on Other, and would seem better than it is" in capsys.readouterr().err
    # The same songs under another name.
    copy = unsplit(tmp_path / "copy", groups=12, name="Copy", prefix="copy ")
    assert study(run, other, copy, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "of the 24 tracks that would be asked, such as 'copy " in error
    record = json.loads((run / "run.json").read_text())
    del record["heard"]
    (run / "run.json").write_text(json.dumps(record))
    assert study(run, other, asked, tmp_path / "out") == 2
    assert "does not say which tracks it was trained on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_version_that_heard_the_store_is_refused(store):
    opened = open_store(store)
    # v9 tells no fingerprints: it is known by the name of what it was trained on.
    with pytest.raises(TrainingError, match="v9: was trained on GTZAN, fault-filtered split"):
        version_activations(open_version(MODELS, "v9"), opened, opened.split("train"))


def test_a_run_without_what_the_study_needs_is_a_sentence(
    trained, store, asked, tmp_path, folder, capsys
):
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.keras").write_bytes((trained / "model.keras").read_bytes())
    record = json.loads((trained / "run.json").read_text())

    def refused(changed, *more, data=store):
        (run / "run.json").write_text(json.dumps(changed))
        assert study(run, data, asked, tmp_path / "out", *more) == 2
        return capsys.readouterr().err

    assert "give --spread" in refused(record | {"validation": None})
    bare = record["experiment"] | {"embedding": {"layer": "", "decimals": 4}}
    assert "gives no embedding to learn from" in refused(record | {"experiment": bare})
    assert "was trained on other data" in refused(record, data=asked)
    assert "--draws at least 2" in refused(record, "--draws", "1")
    assert study(tmp_path / "nothing", store, asked, tmp_path / "out") == 2
    assert "neither a run nor a finished cross-validation" in capsys.readouterr().err
    (run / "run.json").write_text(json.dumps(record | {"validation": None}))
    assert study(run, store, asked, tmp_path / "out", "--spread", "1.25") == 0
    assert result_of(tmp_path / "out")["recipe"]["spreads"] == [1.25]


def test_each_fold_is_taught_to_the_network_that_never_heard_it(folds, tmp_path, capsys):
    source, data = folds
    assert study(source, data, data[0], tmp_path) == 0
    result = result_of(tmp_path)
    parts = [json.loads((source / f"fold-{n}.json").read_text()) for n in (1, 2)]
    assert list(result["draws"]) == ["fold-1.keras", "fold-2.keras"]
    for part, draws in zip(parts, result["draws"].values(), strict=True):
        assert len(draws) == 3
        for draw in draws:
            names = {*draw["examples"], *draw["asked"]}
            held_out = {name.removeprefix("Folded/") for name in part["names"]}
            assert len(names) >= 20
            assert names <= held_out
    # Told by the other folds, whose songs this network was trained on.
    assert result["recipe"]["spreads"] == [parts[1]["spread"], parts[0]["spread"]]
    assert result["recipe"]["asked"] == "Folded"
    assert result["n_songs"] == 48
    assert list(result["ways"]["5"][OWN]["recall"]) == ["gnawa", "rai"]
    assert result["none_of_these"]["untaught"] is None
    assert "fold-2.keras: 24 songs that it never heard" in capsys.readouterr().out


def test_the_networks_learned_only_the_other_folds(folds):
    source, data = folds
    networks = open_source(source, data, data[0]).networks
    for network, other in (networks, networks[::-1]):
        assert len(network.asked) == 24
        own = [name for name in network.trained if not name.startswith("Beside/")]
        assert {name.removeprefix("Folded/") for name in own} == set(other.asked)
        assert len(network.trained) > len(own)


def test_a_cross_validation_without_its_networks_is_a_sentence(
    folds, experiment, asked, tmp_path, capsys
):
    source, data = folds
    for part in source.glob("*.json"):
        (tmp_path / part.name).write_bytes(part.read_bytes())
    assert study(tmp_path, data, data[0], tmp_path / "out") == 2
    assert "fold-1.keras: not there; run cross-validate with --keep-net" in capsys.readouterr().err
    assert study(source, data, asked, tmp_path / "out") == 2
    assert "is none of the stores of the cross-validation" in capsys.readouterr().err
    # Nor does a finished study find the networks that it did not keep.
    words = ["cross-validate", str(experiment), *_each(data), "--folds", "2"]
    assert main([*words, "--keep-networks", "--out", str(tmp_path)]) == 2
    assert "fold-1.json: finished without keeping its network" in capsys.readouterr().err


# --- figures ------------------------------------------------------------------------------------


def test_the_lead_of_own_genres_is_paired_song_by_song():
    task = task_of(3, 5.0)
    songs = Songs(
        [f"song {row}" for row in task.rows],
        task.labels,
        [f"group {row}" for row in task.rows],
        ("a", "b", "c"),
    )

    def right(examples, asked):
        return task.labels[asked]

    def half_right(examples, asked):
        return np.where(asked % 2, task.labels[asked], -1)

    found = _judge_ways([task], [{OWN: right, "same": right, "half": half_right}], songs, 10)
    assert found[OWN] == {"value": 1.0, "deviation": 0.0, "recall": {"a": 1.0, "b": 1.0, "c": 1.0}}
    assert found["same"]["own_less"] == {
        "value": 0.0, "deviation": 0.0, "low": 0.0, "high": 0.0, "draws_ahead": 0,
    }  # fmt: skip
    lead = found["half"]["own_less"]
    assert lead["value"] == pytest.approx(0.5, abs=0.1)
    assert 0.3 < lead["low"] < lead["value"] < lead["high"] < 0.7
    assert lead["draws_ahead"] == len(task.draws)
