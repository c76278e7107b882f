"""GTZAN in the layouts in which it is passed around, with its known faults."""

import json
from pathlib import Path
from typing import Any

import pytest

from model_training.__main__ import main
from model_training.datasets import Dataset, open_dataset
from model_training.errors import TrainingError
from tests.model_training import music

TRACKS = ("country.00000", "country.00001", "hiphop.00000", "jazz.00053", "jazz.00054")


def lay_out(root: Path, *, suffix: str = ".wav", tracks: tuple[str, ...] = TRACKS) -> None:
    """Write the collection's own tree; the damaged clip has no readable header."""
    for seed, track in enumerate(tracks):
        path = root / track.split(".")[0] / f"{track}{suffix}"
        music.write_tune(path.with_suffix(".wav"), 0.3, seed=seed).rename(path)
        if track == "jazz.00054":
            path.write_bytes(b"RIFF" + b"\0" * 400)


def index_of(*tracks: str) -> dict[str, Any]:
    """An index like mirdata's for these clips, without the annotations that others publish."""
    entry = {"beats": [None, None], "tempo": [None, None]}
    return {
        "version": "1.0",
        "tracks": {
            track: {
                "audio": [f"gtzan_genre/genres/{track.split('.')[0]}/{track}.wav", "0" * 32],
                **entry,
            }
            for track in tracks
        },
    }


def described(dataset: Dataset) -> list[tuple[str, str, str]]:
    return [(clip.track, clip.genre, clip.group) for clip in dataset.clips]


USABLE = [
    ("country.00000", "country", "country.00000"),
    ("country.00001", "country", "country.00001"),
    ("hiphop.00000", "hiphop", "hiphop.00000"),
    ("jazz.00053", "jazz", "jazz.00053"),
]


@pytest.mark.parametrize(
    "root", ["genres_original", "genres", "Data/genres_original", "gtzan_genre/genres", "."]
)
def test_folders_without_an_index(tmp_path, root):
    lay_out(tmp_path / root)
    (tmp_path / root / "jazz" / "notes.wav").touch()
    (tmp_path / "images_original" / "jazz").mkdir(parents=True)
    dataset = open_dataset("gtzan", tmp_path)
    assert described(dataset) == USABLE
    assert all(clip.path.is_file() and clip.split is None for clip in dataset.clips)
    (problem,) = dataset.problems
    assert (problem.track, problem.code) == ("jazz.00054", "known_faulty")
    assert dataset.name == "GTZAN"
    assert "Research use" in dataset.licence
    assert "Tzanetakis" in dataset.citation


def test_the_whole_jazz_00054_of_the_first_edition_stays(tmp_path):
    lay_out(tmp_path / "genres", suffix=".au", tracks=TRACKS[:4])
    music.write_tune(tmp_path / "x.wav", 0.3).rename(tmp_path / "genres/jazz/jazz.00054.au")
    dataset = open_dataset("gtzan", tmp_path)
    assert [clip.track for clip in dataset.clips] == list(TRACKS)
    assert dataset.problems == []


def test_mirdata_with_a_local_index(tmp_path):
    lay_out(tmp_path / "gtzan_genre" / "genres")
    index = tmp_path / "index.json"
    index.write_text(json.dumps(index_of(*TRACKS, "hiphop.00099")))
    dataset = open_dataset("gtzan", tmp_path, index=index)
    # mirdata calls the genre hip-hop; here it stays hiphop
    assert described(dataset) == USABLE
    assert [(problem.track, problem.code) for problem in dataset.problems] == [
        ("hiphop.00099", "missing"), ("jazz.00054", "known_faulty"),
    ]  # fmt: skip


def test_an_index_finds_clips_in_another_layout(tmp_path):
    lay_out(tmp_path / "genres_original")
    index = tmp_path / "index.json"
    index.write_text(json.dumps(index_of("hiphop.00000", "country.00001")))
    assert [clip.track for clip in open_dataset("gtzan", tmp_path, index=index).clips] == [
        "country.00001", "hiphop.00000",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "[]", '{"tracks": {"a.00000": {}}}', '{"tracks": 3}'])
def test_a_file_that_is_no_index_is_refused(tmp_path, text):
    lay_out(tmp_path)
    index = tmp_path / "index.json"
    index.write_text(text)
    with pytest.raises(TrainingError, match=r"index.json: is no index of mirdata's gtzan_genre"):
        open_dataset("gtzan", tmp_path, index=index)
    with pytest.raises(TrainingError, match=r"gone.json: is no index"):
        open_dataset("gtzan", tmp_path, index=tmp_path / "gone.json")


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """The fault-filtered split, replicas and artists, in their published formats."""
    folder = tmp_path / "lists"
    (folder / "splits").mkdir(parents=True)
    (folder / "splits" / "train_filtered.txt").write_text(
        "country/country.00000.wav\njazz/jazz.00054.wav\n"
    )
    (folder / "splits" / "valid_filtered.txt").write_text("hiphop/hiphop.00000.wav\n")
    (folder / "splits" / "test_filtered.txt").write_text("jazz/jazz.00053.wav\n")
    (folder / "replicas.json").write_text('[["country.00000", "country.00001", 0.99]]')
    (folder / "artists.csv").write_text(
        'track,artist,title\ncountry.00000,Willie,"A, b"\njazz.00053,,c\n', encoding="utf-8"
    )
    return folder


def test_lists_give_split_replicas_and_artists(tmp_path, lists):
    lay_out(tmp_path / "genres")
    dataset = open_dataset("gtzan", tmp_path, lists=lists)
    assert {clip.track: clip.split for clip in dataset.clips} == {
        "country.00000": "train",
        "country.00001": None,
        "hiphop.00000": "validation",
        "jazz.00053": "test",
    }
    assert [clip.group for clip in dataset.clips][:2] == ["Willie", "country.00001"]
    assert dataset.replicas == [("country.00000", "country.00001")]
    # lying in the folder itself, they are found without being named
    (tmp_path / "artists.csv").write_text((lists / "artists.csv").read_text())
    assert open_dataset("gtzan", tmp_path).clips[0].group == "Willie"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("splits/test_filtered.txt", None, "not there, while train_filtered.txt is"),
        ("replicas.json", "{", "is no list of"),
        ("replicas.json", '["a"]', "is no list of"),
        ("artists.csv", "name,singer\na,b\n", "has no column 'artist'"),
    ],
)
def test_broken_lists_are_refused(tmp_path, lists, name, text, told):
    lay_out(tmp_path / "genres")
    if text is None:
        (lists / name).unlink()
    else:
        (lists / name).write_text(text)
    with pytest.raises(TrainingError, match=told) as caught:
        open_dataset("gtzan", tmp_path, lists=lists)
    assert Path(name).name in str(caught.value)


@pytest.mark.parametrize("missing", ["path", "lists", "clips"])
def test_missing_folders_and_clips_are_named(tmp_path, missing):
    (tmp_path / "genres" / "jazz").mkdir(parents=True)
    words = {"path": "not there; point at", "lists": "is no folder", "clips": "holds no clip"}
    with pytest.raises(TrainingError, match=words[missing]):
        open_dataset(
            "gtzan",
            tmp_path / "gone" if missing == "path" else tmp_path,
            lists=tmp_path / "gone" if missing == "lists" else None,
        )


def test_validate_names_the_damaged_clip(tmp_path, capsys):
    tracks = tuple(f"{genre}.0000{n}" for genre in ("blues", "pop") for n in range(3))
    lay_out(tmp_path / "genres_original", tracks=(*tracks, "jazz.00054"))
    command = ["validate", "gtzan", str(tmp_path), "--min-seconds", "0.2", "--jobs", "1"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "jazz.00054: known to be damaged in the common copies of GTZAN." in printed
    assert "GTZAN: 6 of 6 clips usable, 2 genres" in printed
