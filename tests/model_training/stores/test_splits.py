"""Splits: by track and group only, stratified, and never one that would make numbers lie."""

import collections
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import FeatureSpec
from model_training.__main__ import main
from model_training.datasets import PARTS
from model_training.errors import TrainingError
from model_training.files import write_text
from model_training.stores.splits import (
    check_split,
    group_folds,
    merge_groups,
    split_tracks,
    write_splits,
)
from model_training.stores.store import check_split as check_stored_split
from model_training.stores.store import open_store
from model_training.stores.store_writer import About, Excerpts, StoredTrack, write_store


@st.composite
def collections_of_tracks(draw):
    """Names, genres, groups and replicas, with artists of several genres and uneven sizes."""
    n_genres = draw(st.integers(2, 4))
    n_artists = draw(st.integers(3, 8))
    sizes = draw(
        st.lists(st.integers(0, 6), min_size=n_genres * n_artists, max_size=n_genres * n_artists)
    )
    names: list[str] = []
    labels, groups = [], []
    for cell, size in enumerate(sizes):
        genre, artist = divmod(cell, n_artists)
        shared = draw(st.booleans())
        for _ in range(size):
            names.append(f"track {len(names)}")
            labels.append(f"genre {genre}")
            groups.append(f"artist {artist}" if shared else f"artist {artist} of genre {genre}")
    pairs = st.tuples(st.integers(0, max(len(names) - 1, 0)), st.integers(0, 40))
    replicas = [
        (names[a], f"track {b}") for a, b in draw(st.lists(pairs, max_size=4)) if a < len(names)
    ]
    return names, labels, groups, replicas


def cannot_be_split(labels: list[str], groups: list[str]) -> bool:
    """A genre has fewer groups than parts, there is one genre, or groups mix genres."""
    groups_of = collections.defaultdict(set)
    genres_of = collections.defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        groups_of[label].add(group)
        genres_of[group].add(label)
    few = len(groups_of) < 2 or min(map(len, groups_of.values())) < 3
    return few or max(map(len, genres_of.values())) > 1


@settings(max_examples=150, deadline=None)
@given(
    collections_of_tracks(),
    st.sampled_from([0.1, 0.2, 0.3]),
    st.sampled_from([0.1, 0.25, 0.4]),
    st.integers(0, 5),
)
def test_no_track_and_no_group_ever_crosses_a_split(tracks, validation, test, seed):
    names, labels, groups, replicas = tracks
    merged = merge_groups(dict(zip(names, groups, strict=True)), replicas)
    refusal = None
    try:
        splits = split_tracks(
            names, labels, [merged[name] for name in names], validation, test, seed
        )
    except TrainingError as error:
        refusal = str(error)
    if refusal is not None:
        assert "genre" in refusal
        assert cannot_be_split(labels, [merged[name] for name in names])
        return
    assert list(splits) == list(PARTS)
    dealt = [name for part in PARTS for name in splits[part]]
    assert sorted(dealt) == sorted(names)
    part_of = {name: part for part in PARTS for name in splits[part]}
    for first in names:
        for second in names:
            if merged[first] == merged[second]:
                assert part_of[first] == part_of[second]
    for first, second in replicas:
        assert second not in part_of or part_of[first] == part_of[second]
    for group in set(groups):
        mine = {part_of[name] for name, other in zip(names, groups, strict=True) if other == group}
        assert len(mine) == 1
    for part in PARTS:
        genre_of = dict(zip(names, labels, strict=True))
        assert {genre_of[name] for name in splits[part]} == set(labels)


@settings(max_examples=60, deadline=None)
@given(collections_of_tracks(), st.integers(2, 4), st.integers(0, 3))
def test_no_group_crosses_a_fold(tracks, k, seed):
    names, labels, groups, replicas = tracks
    merged = merge_groups(dict(zip(names, groups, strict=True)), replicas)
    groups = [merged[name] for name in names]
    if len(set(labels)) < 2:
        return
    refusal = None
    try:
        folds = group_folds(labels, groups, k, seed)
    except TrainingError as error:
        refusal = str(error)
    if refusal is not None:
        assert "genre" in refusal
        return
    assert len(folds) == k
    assert sorted(np.concatenate(folds).tolist()) == list(range(len(names)))
    fold_of = {int(row): number for number, fold in enumerate(folds) for row in fold}
    for group in set(groups):
        assert len({fold_of[row] for row, other in enumerate(groups) if other == group}) == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 60), st.integers(3, 60), st.integers(0, 9))
def test_shares_are_met_to_a_track_when_nothing_is_grouped(n_jazz, n_rock, seed):
    labels = ["jazz"] * n_jazz + ["rock"] * n_rock
    names = [f"{label} {row}" for row, label in enumerate(labels)]
    splits = split_tracks(names, labels, names, 0.2, 0.2, seed)
    for genre, n in (("jazz", n_jazz), ("rock", n_rock)):
        for part, share in (("train", 0.6), ("validation", 0.2), ("test", 0.2)):
            count = sum(name.startswith(genre) for name in splits[part])
            assert abs(count - max(share * n, 1)) <= 1.2


def test_large_artists_are_balanced_by_small_ones():
    groups = ["A"] * 30 + ["B"] * 30 + ["C"] * 20 + ["D"] * 20
    labels = ["rock"] * 100 + ["jazz"] * 100
    names = [f"track {row}" for row in range(200)]
    splits = split_tracks(names, labels, groups + [f"own {row}" for row in range(100)], seed=3)
    counts = {
        part: collections.Counter(labels[names.index(n)] for n in splits[part]) for part in PARTS
    }
    assert counts == {
        "train": {"rock": 60, "jazz": 60},
        "validation": {"rock": 20, "jazz": 20},
        "test": {"rock": 20, "jazz": 20},
    }


def test_the_seed_decides_and_is_enough():
    labels = ["jazz"] * 20 + ["rock"] * 20
    names = [f"{label} {row}" for row, label in enumerate(labels)]
    splits = [split_tracks(names, labels, names, seed=seed) for seed in (1, 1, 2)]
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


def test_replicas_join_the_groups_that_they_lie_in():
    groups = {"a": "X", "b": "X", "c": "Y", "d": "Z", "e": "e"}
    merged = merge_groups(groups, [("b", "c"), ("e", "gone"), ("d", "d")])
    assert merged == {"a": "X", "b": "X", "c": "X", "d": "Z", "e": "e"}
    chain = merge_groups({name: name for name in "abcd"}, [("c", "d"), ("a", "b"), ("b", "c")])
    assert set(chain.values()) == {"a"}


@pytest.mark.parametrize(
    ("labels", "groups", "words"),
    [
        ("rrrr", "abcd", ["at least two genres", "'r'"]),
        ("", "", ["at least two genres"]),
        ("rrrrjj", "abcdef", ["'j' has 2 tracks", "add recordings"]),
        ("rrrrj", "abcde", ["'j' has 1 track,"]),
        ("rrrrjjj", "abcdeef", ["'j' has 2 groups (e, f)", "--by track"]),
    ],
)
def test_a_genre_that_cannot_be_in_every_part_is_refused(labels, groups, words):
    with pytest.raises(TrainingError) as error:
        split_tracks([f"{row}" for row in range(len(labels))], list(labels), list(groups))
    for word in words:
        assert word in str(error.value)


def test_groups_that_hold_two_genres_together_can_make_a_split_impossible():
    # Each genre has three groups, so each part must get one of them. Jazz needs c in the part that
    # has neither a nor b, and rock needs d there, but folk needs c and d in different parts.
    tracks = {"jazz": "aaabbc", "rock": "aaabbd", "folk": "ccdddde"}
    labels = [genre for genre, groups in tracks.items() for _ in groups]
    groups = list("".join(tracks.values()))
    names = [f"{row}" for row in range(len(groups))]
    told = "leaves the genre 'folk' out of the test part, because groups stay whole"
    with pytest.raises(TrainingError, match=told):
        split_tracks(names, labels, groups)
    # A fourth group of folk makes it possible.
    splits = split_tracks([*names, "more"], [*labels, "folk"], [*groups, "f"])
    assert all(splits.values())


@pytest.mark.parametrize(
    ("validation", "test"), [(0.0, 0.2), (0.2, 1.0), (-0.1, 0.2), (0.5, 0.5), (float("nan"), 0.2)]
)
def test_shares_that_leave_a_part_empty_are_refused(validation, test):
    names = [f"{row}" for row in range(20)]
    with pytest.raises(TrainingError, match="--"):
        split_tracks(names, ["a", "b"] * 10, names, validation, test)


def test_a_split_made_by_hand_is_checked():
    genres = dict.fromkeys("abc", "jazz") | dict.fromkeys("xyz", "rock")
    groups = {name: name for name in "abcxyz"}
    good = {"train": ["a", "x"], "validation": ["b", "y"], "test": ["c", "z"]}
    check_split(good, genres, groups)
    for change, words in (
        ({"test": ["c", "z", "a"]}, "'a' is in train and in test"),
        ({"test": ["c", "c", "z"]}, "'c' is twice in test"),
        ({"test": ["z"]}, "genre 'jazz' out of the test"),
        ({"test": ["c", "q", "z"]}, "'q' of the test part is not in the data set"),
    ):
        with pytest.raises(TrainingError, match=words):
            check_split(good | change, genres, groups)
    with pytest.raises(TrainingError, match="group 'x' is on two sides: 'x' is in train, 'y' in"):
        check_split(good, genres, groups | {"y": "x"})


@pytest.mark.parametrize(
    ("labels", "groups", "k", "words"),
    [
        ("jjjrrr", "aabbcc", 3, "'j' has 2 groups"),
        ("jjjrrr", "abcdef", 1, "at least 2"),
        ("jjjrrr", "abcdef", 4, "'j' has 3 groups, too few for 4 folds"),
    ],
)
def test_impossible_folds_are_refused(labels, groups, k, words):
    with pytest.raises(TrainingError, match=words):
        group_folds(list(labels), list(groups), k, 1)


def test_folds_take_numbers_for_labels():
    folds = group_folds(np.array([0, 0, 0, 1, 1, 1]), list("abcdef"), 3, 1)
    assert sorted(np.concatenate(folds).tolist()) == [0, 1, 2, 3, 4, 5]
    assert {fold.dtype for fold in folds} == {np.dtype(np.int64)}


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A store of 40 tracks by 10 artists of 2 genres; artist 3 of jazz and 4 share a recording."""
    spec = FeatureSpec()
    tracks = [
        StoredTrack(
            f"{genre}/song {row}.wav", genre, f"{genre} artist {row // 4}", "", 30.0, f"{row}.wav"
        )
        for genre in ("jazz", "gnawa")
        for row in range(20)
    ]
    excerpts = Excerpts(
        values=np.zeros((64, spec.n_mels), dtype=np.uint8),
        start=np.zeros(1),
        columns=np.array([64], dtype=np.int32),
        copy=np.zeros(1, dtype=np.int16),
    )
    replicas = [("jazz/song 12.wav", "jazz/song 16.wav")]
    about = About(spec, "Small", "CC0", "", "python -m model_training extract", replicas)
    write_store(tmp_path / "store", about, tracks, lambda row: excerpts)
    return tmp_path / "store"


def parts_of(store: Path) -> dict[str, list[str]]:
    return {part: (store / "splits" / f"{part}.txt").read_text().splitlines() for part in PARTS}


def test_split_writes_what_training_reads(stored, capsys):
    assert main(["split", str(stored), "--seed", "4"]) == 0
    assert f"{stored}/splits: 24 train, 8 validation, 8 test" in capsys.readouterr().out
    store = open_store(stored)
    for part in PARTS:
        assert store.split(part) == parts_of(stored)[part]
    check_stored_split(store)
    part_of = {track: part for part, tracks in parts_of(stored).items() for track in tracks}
    assert part_of["jazz/song 12.wav"] == part_of["jazz/song 16.wav"]
    about = json.loads((stored / "splits" / "split.json").read_text())
    assert about["by"] == "group"
    assert about["command"] == f"python -m model_training split {stored} --seed 4"
    assert sorted(path.name for path in stored.iterdir()) == [
        "features.npz",
        "splits",
        "store.json",
        "tracks.csv",
    ]


def test_split_by_track_still_keeps_replicas_together(stored):
    assert main(["split", str(stored), "--by", "track"]) == 0
    parts = parts_of(stored)
    part_of = {track: part for part, tracks in parts.items() for track in tracks}
    assert part_of["jazz/song 12.wav"] == part_of["jazz/song 16.wav"]
    artists = collections.defaultdict(set)
    for track, part in part_of.items():
        artists[open_store(stored).groups[track]].add(part)
    assert max(map(len, artists.values())) > 1


def test_split_by_segment_is_refused_with_the_reason(stored, capsys):
    assert main(["split", str(stored), "--by", "segment"]) == 2
    message = capsys.readouterr().err
    assert "8 to 15 points" in message
    assert "by group" in message
    assert not (stored / "splits").exists()


def test_a_split_is_replaced_only_when_asked(stored, capsys):
    assert main(["split", str(stored)]) == 0
    before = parts_of(stored)
    assert main(["split", str(stored), "--seed", "2"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert parts_of(stored) == before
    assert main(["split", str(stored), "--seed", "2", "--overwrite"]) == 0
    assert parts_of(stored) != before
    assert [path.name for path in stored.iterdir() if path.name.startswith(".")] == []


def test_an_impossible_split_leaves_the_old_one(stored, capsys):
    assert main(["split", str(stored)]) == 0
    before = parts_of(stored)
    words = ["split", str(stored), "--overwrite", "--validation", "0.6", "--test", "0.5"]
    assert main(words) == 2
    assert "leave nothing to train on" in capsys.readouterr().err
    assert parts_of(stored) == before


def test_a_split_that_cannot_be_put_in_its_place_leaves_the_old_one(stored, refuse_move, capsys):
    assert main(["split", str(stored)]) == 0
    before = parts_of(stored)
    refuse_move(stored / "splits")
    assert main(["split", str(stored), "--seed", "2", "--overwrite"]) == 2
    assert "No space" in capsys.readouterr().err
    assert parts_of(stored) == before
    assert [path.name for path in stored.iterdir() if path.name.startswith(".")] == []


def test_splits_are_written_whole_or_not_at_all(stored, monkeypatch):
    def fail_at_test(path: Path, text: str) -> None:
        if path.name == "test.txt":
            raise OSError(28, "No space left on device")
        write_text(path, text)

    monkeypatch.setattr("model_training.stores.splits.write_text", fail_at_test)
    with pytest.raises(TrainingError, match="No space"):
        write_splits(stored, {part: ["a"] for part in PARTS}, {}, overwrite=False)
    assert sorted(path.name for path in stored.iterdir()) == [
        "features.npz",
        "store.json",
        "tracks.csv",
    ]


def test_only_extracted_stores_are_split(store, tmp_path, capsys):
    assert main(["split", str(store)]) == 2
    assert "comes with the split" in capsys.readouterr().err
    assert main(["split", str(tmp_path / "nothing")]) == 2
    assert "no feature store" in capsys.readouterr().err
