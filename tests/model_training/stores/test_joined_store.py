"""Several stores as one: names, genres, splits and folds, and stores that do not go together."""

import dataclasses
import json
import re

import numpy as np
import pytest

from features import FeatureSpec
from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.experiment import Collection, Distillation, load_experiment
from model_training.files import sha256
from model_training.stores.gtzan_store import GtzanStore
from model_training.stores.joined_store import JoinedStore
from model_training.stores.store import check_split, digest, merged_groups, open_store
from model_training.studies.study import folds_by_group
from model_training.training.augmentation import shown_share
from model_training.training.distillation import load_teacher, teacher_digest
from model_training.training.run_record import load_run

from ..second_store import SPEC, write_second


@pytest.fixture
def second(tmp_path):
    """The second store, all for training."""
    folder = write_second(tmp_path / "second")
    assert main(["split", str(folder), "--by", "none"]) == 0
    return folder


def test_genres_of_both_and_each_track_with_its_own(store, second):
    joined = open_store([store, second])
    assert isinstance(joined, JoinedStore)
    assert joined.genres == ("chaabi", "gnawa", "malhun", "rai")
    assert joined.name == "GTZAN, fault-filtered split + Second"
    assert "Second: Second's licence." in joined.licence
    # Both have a track of this name.
    assert joined.genre_of["Second/gnawa.00001"] == "gnawa"
    assert joined.genre_of["GTZAN, fault-filtered split/gnawa.00001"] == "gnawa"
    assert joined.genre_of["rai.00003"] == "rai"
    names = ["rai.00003", "malhun.00002", "Second/gnawa.00001", "chaabi.00000"]
    tracks = joined.load(SPEC, names)
    assert tracks.names == names
    assert [tracks.genres[label] for label in tracks.labels] == ["rai", "malhun", "gnawa", "chaabi"]
    assert tracks.collection.tolist() == [1, 0, 1, 0]
    assert tracks.excerpt_track.tolist() == [0, 0, 1, 2, 2, 3]
    assert tracks.excerpt_start_s.tolist() == [0, 30, 0, 0, 30, 0]
    alone = open_store(second).load(SPEC, ["rai.00003"])
    first = tracks.excerpt_first[0]
    np.testing.assert_array_equal(tracks.values[first : first + 200], alone.values)
    own = GtzanStore(store).load(SPEC, ["malhun.00002"])
    first = tracks.excerpt_first[2]
    np.testing.assert_array_equal(tracks.values[first : first + 387], own.values)


def test_one_folder_in_a_list_is_that_store(store):
    assert isinstance(open_store([store]), GtzanStore)
    assert digest(open_store([store])) == digest(open_store(store))


def test_all_of_a_store_without_a_test_is_trained_on(store, second):
    joined = open_store([store, second])
    check_split(joined)
    alone = GtzanStore(store)
    assert len(joined.split("train")) == len(alone.split("train")) + 12
    assert len(joined.split("test")) == len(alone.split("test"))
    assert not joined.train_only
    check_split(open_store(second))


def test_nothing_is_left_to_measure_of_a_store_for_training_alone(
    second, experiment_file, tmp_path, capsys
):
    assert run_train(experiment_file, tmp_path / "run", second) == 2
    assert "second: all its tracks are for training" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_folds_are_those_that_each_store_has_alone(store, second):
    def folds_of(data):
        opened = open_store(data)
        names = opened.split("train") + opened.split("validation")
        tracks = opened.load(SPEC, names)
        found = folds_by_group(opened, tracks, 3, 1)
        groups = merged_groups(opened)
        for fold in found:
            rest = np.setdiff1d(np.arange(len(tracks)), fold)
            held = {groups[tracks.names[row]] for row in fold}
            assert held.isdisjoint(groups[tracks.names[row]] for row in rest)
        return [
            {
                tracks.names[row].removeprefix("Second/")
                for row in fold[tracks.collection[fold] == 1]
            }
            if isinstance(opened, JoinedStore)
            else {tracks.names[row] for row in fold}
            for fold in found
        ]

    assert folds_of([store, second]) == folds_of(second)


@pytest.mark.parametrize("spelled", ["artist", "ARTIST", "-artist "])
def test_an_artist_of_both_stores_stays_in_one_fold(tmp_path, spelled):
    folders = [
        write_second(tmp_path / name, name=name, prefix=f"{name} ", artist=artist)
        for name, artist in (("first", "artist"), ("second", spelled))
    ]
    joined = open_store(folders)
    tracks = joined.load(SPEC, sorted(joined.genre_of))
    folds = folds_by_group(joined, tracks, 3, 1)
    assert sorted(np.concatenate(folds).tolist()) == list(range(24))
    assert len(set(tracks.groups)) == 6
    for fold in folds:
        artists = {tracks.groups[row] for row in fold}
        assert sum(group in artists for group in tracks.groups) == len(fold)


def test_a_test_artist_is_not_trained_on_in_another_store(tmp_path, second):
    other = write_second(tmp_path / "other", name="Other", prefix="other ", groups=6)
    assert main(["split", str(other)]) == 0
    with pytest.raises(TrainingError, match=r"group '.* artist \d' is on two sides"):
        check_split(open_store([other, second]))


def test_stores_of_one_name_keep_their_tracks_apart(tmp_path):
    folders = [write_second(tmp_path / name / "music", name="music") for name in ("a", "b")]
    joined = open_store(folders)
    assert joined.name == "music (1) + music (2)"
    assert {"music (1)/rai.00000", "music (2)/rai.00000"} <= joined.genre_of.keys()
    assert len(joined.genre_of) == 24


def test_what_does_not_go_together_is_refused(store, second, tmp_path):
    with pytest.raises(TrainingError, match="given twice"):
        open_store([store, second, second])
    spelled = write_second(tmp_path / "spelled", genres=("Gnawa", "rai"), name="Spelled")
    with pytest.raises(TrainingError, match=r"'gnawa' of .* is spelled 'Gnawa' in Spelled"):
        open_store([store, spelled])
    finer = write_second(tmp_path / "finer", spec=FeatureSpec(hop_length=512), name="Finer")
    joined = open_store([store, finer])
    with pytest.raises(TrainingError, match=r"hop_length = 1711, but the store .*finer"):
        joined.load(SPEC, ["rai.00000"])
    lines = (second / "tracks.csv").read_text().splitlines()
    lines[1] = lines[1].replace("gnawa artist 0", "")
    (second / "tracks.csv").write_text("\n".join(lines) + "\n")
    about = json.loads((second / "store.json").read_text())
    about["files"]["tracks.csv"] = sha256(second / "tracks.csv")
    (second / "store.json").write_text(json.dumps(about))
    with pytest.raises(TrainingError, match=r"'gnawa.00000' has no group"):
        open_store(second)


# --- the commands -------------------------------------------------------------------------------


def run_train(experiment, out, *stores):
    words = [word for folder in stores for word in ("--data", str(folder))]
    return main(["train", str(experiment), *words, "--out", str(out)])


def test_a_final_training_takes_both(store, second, experiment_file, tmp_path):
    final = tmp_path / "final.toml"
    tables = "".join(f'[[data]]\nfolder = "{folder}"\nweight = 1\n' for folder in (store, second))
    text = experiment_file.read_text().replace("epochs = 3", "epochs = 1")
    final.write_text(text + 'train_on = "train+validation"\n' + tables)
    # The stores are those of the experiment.
    assert run_train(final, tmp_path / "run") == 0
    record = load_run(tmp_path / "run")
    assert record["genres"] == ["chaabi", "gnawa", "malhun", "rai"]
    assert record["n_training_tracks"] == 24 + 12
    assert [each["weight"] for each in record["experiment"]["data"]] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("tables", "n_stores", "words"),
    [
        ("", 0, "No feature store"),
        ("[[data]]\nweight = 1\n", 2, "has 1 tables"),
        ("[[data]]\nweight = 1\n", 0, "name it there"),
        ("[[data]]\nweight = 1\n[[data]]\n", 2, "give each store one, or none"),
        ("[[data]]\nweight = -1\n", 1, "must not be negative"),
        ("[[data]]\nshare = 1\n", 1, "has no key share"),
        ("[data]\nweight = 1\n", 1, r"each headed \[\[data\]\]"),
        ('[[data]]\nteacher = "a/b"\n', 1, "name of a file"),
    ],
)
def test_mistakes_are_one_sentence(
    store, second, experiment_file, tmp_path, capsys, tables, n_stores, words
):
    path = tmp_path / "wrong.toml"
    path.write_text(experiment_file.read_text() + tables)
    assert run_train(path, tmp_path / "run", *(store, second)[:n_stores]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert re.search(words, lines[0])
    assert not (tmp_path / "run").exists()


def test_weights_are_shares_of_what_is_shown(store, second, experiment_file):
    joined = open_store([store, second])
    tracks = joined.load(SPEC, joined.split("train"))
    share = shown_share(tracks, 0.3, [3.0, 1.0])
    assert share.sum() == pytest.approx(1)
    assert share[tracks.collection == 1].sum() == pytest.approx(0.25)
    for number in (0, 1):
        mine = tracks.take(np.flatnonzero(tracks.collection == number))
        np.testing.assert_allclose(
            share[tracks.collection == number] / (0.75, 0.25)[number], shown_share(mine, 0.3)
        )


def test_a_teacher_may_lie_in_either_store(store, second, experiment_file, tmp_path):
    experiment = load_experiment(experiment_file)
    experiment = dataclasses.replace(experiment, distillation=Distillation(teacher="tags.npz"))
    joined = open_store([store, second])
    tracks = joined.load(experiment.feature_spec, joined.split("train"))
    with pytest.raises(TrainingError, match="nor in another store"):
        load_teacher([store, second], experiment, tracks)
    # Its own names: the joined store puts the store's before that of gnawa.
    np.savez(
        second / "tags.npz",
        track=np.repeat(["gnawa.00001", "rai.00000"], 3),
        start=np.tile([0.0, 2.0, 4.0], 2),
        tags=np.tile([[0.2, 0.4]], (6, 1)),
    )
    teacher = load_teacher([store, second], experiment, tracks)
    assert teacher is not None
    known = {tracks.names[row] for row in np.flatnonzero(teacher.known)}
    assert known == {"Second/gnawa.00001", "rai.00000"}
    alone = teacher_digest([store, second], experiment)
    named = dataclasses.replace(experiment, data=(Collection(), Collection(teacher="other.npz")))
    with pytest.raises(TrainingError, match=r"other\.npz: not there"):
        teacher_digest([store, second], named)
    (second / "tags.npz").rename(second / "other.npz")
    assert teacher_digest([store, second], named) == alone
