"""`elsewhere`: a sister network asked about a collection that it never heard."""

import json
from pathlib import Path

import numpy as np
import pytest

from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.stores.gtzan_store import GtzanStore
from model_training.stores.store import ExtractedStore

from ..second_store import write_second


@pytest.fixture
def second(tmp_path):
    folder = write_second(tmp_path / "second")
    assert main(["split", str(folder), "--by", "none"]) == 0
    return folder


def ask(experiment, out, data, asked):
    words = ["elsewhere", str(experiment), "--data", str(data), "--asked", str(asked)]
    return main([*words, "--out", str(out)])


def test_only_tracks_of_known_genres_are_asked(
    store, second, experiment_file, tmp_path, watch_loading, capsys
):
    loaded: list[str] = []
    watch_loading(loaded.extend)
    out = tmp_path / "out"
    assert ask(experiment_file, out, store, second) == 0
    assert set(loaded).isdisjoint(GtzanStore(store).split("test"))
    result = json.loads((out / "elsewhere.json").read_text())
    assert result["of"] == "Second"
    assert "trained on GTZAN, fault-filtered split alone" in result["by"]
    assert (result["n_tracks"], result["n_of_unknown_genres"]) == (6, 6)
    assert result["recall"].keys() == {"gnawa"}
    assert result["accuracy"]["value"] == pytest.approx(result["recall"]["gnawa"], abs=1e-4)
    assert f"of all 12: {result['accuracy']['value'] / 2:.1%}" in capsys.readouterr().out


def test_a_finished_study_asks_again_without_training(
    store, second, experiment_file, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    assert ask(experiment_file, out, second, store) == 0
    first = json.loads((out / "elsewhere.json").read_text())
    # Training and validation tracks of gnawa, the one genre of both: 6 and 2 less one.
    assert first["n_tracks"] == len(
        [name for name in _without_test(store) if name.startswith("gnawa")]
    )

    def train_again(*arguments, **options):
        raise AssertionError("trained a second time")

    monkeypatch.setattr("model_training.studies.elsewhere.fit_members", train_again)
    assert ask(experiment_file, out, second, store) == 0
    assert json.loads((out / "elsewhere.json").read_text()) == first


def test_each_store_keeps_its_own_teacher(store, second, experiment_file, tmp_path, monkeypatch):
    tables = "".join(
        f'[[data]]\nfolder = "{folder}"\nteacher = "{name}"\n'
        for folder, name in ((store, "first.npz"), (second, "second.npz"))
    )
    path = tmp_path / "taught.toml"
    path.write_text(experiment_file.read_text() + '[distillation]\nteacher = "any.npz"\n' + tables)
    asked: list[list[Path | None]] = []

    def watch(data, experiment):
        asked.append(
            [folder / each.teacher for folder, each in zip(data, experiment.data, strict=True)]
        )
        raise TrainingError("enough")

    monkeypatch.setattr("model_training.studies.study.teacher_digest", watch)
    assert ask(path, tmp_path / "out", second, store) == 2
    assert asked == [[second / "second.npz"]]


def test_the_asked_collection_is_never_trained_on(store, second, experiment_file, tmp_path, capsys):
    assert ask(experiment_file, tmp_path / "out", second, second) == 2
    assert "would be trained on and asked about" in capsys.readouterr().err
    link = tmp_path / "link"
    link.symlink_to(second)
    assert ask(experiment_file, tmp_path / "out", second, link) == 2
    # Of the experiment's own stores, the asked one is left out.
    path = tmp_path / "both.toml"
    tables = "".join(f'[[data]]\nfolder = "{folder}"\n' for folder in (store, second))
    path.write_text(experiment_file.read_text().replace("epochs = 3", "epochs = 1") + tables)
    words = ["elsewhere", str(path), "--asked", str(link), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    result = json.loads((tmp_path / "out" / "elsewhere.json").read_text())
    assert result["recipe"]["data"] == "GTZAN, fault-filtered split"
    assert result["of"] == "Second"
    path.write_text(experiment_file.read_text() + f'[[data]]\nfolder = "{second}"\n')
    assert main(words) == 2
    assert "--asked names the only store" in capsys.readouterr().err


def test_collections_without_a_common_genre_are_refused(store, experiment_file, tmp_path, capsys):
    other = write_second(tmp_path / "other", genres=("fado", "tango"), name="Other")
    assert main(["split", str(other), "--by", "none"]) == 0
    assert ask(experiment_file, tmp_path / "out", store, other) == 2
    error = capsys.readouterr().err
    assert "has no track of a genre of GTZAN" in error
    assert "chaabi, gnawa, malhun" in error
    assert not (tmp_path / "out").exists()


def test_an_interval_by_group_is_wider_than_by_track(second):
    from model_training.judging.evaluation import accuracy_by_group, accuracy_of

    groups = [ExtractedStore(second).groups[f"rai.{n:05d}"] for n in range(6)] * 5
    right = np.array([group.endswith("0") for group in groups], dtype=float)
    by_group, by_track = accuracy_by_group(right, groups), accuracy_of(right)
    assert by_group["value"] == by_track["value"]
    assert by_group["high"] - by_group["low"] > by_track["high"] - by_track["low"]


def _without_test(store):
    opened = GtzanStore(store)
    return opened.split("train") + opened.split("validation")
