"""`validate`: what it finds, what it says, and when a data set cannot be used."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model_training.__main__ import main
from model_training.datasets import Clip, Problem, open_dataset
from model_training.datasets.check import check_clip, validate
from model_training.datasets.clips import CODES
from model_training.datasets.replicas import (
    FINGERPRINT_BANDS,
    NEAR_DUPLICATE,
    Checked,
    find_replicas,
    fingerprint,
)
from model_training.sound.audio import Sound, decode

from .. import music


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return music.write_genres(tmp_path_factory.mktemp("good") / "music", {"chaabi": 4, "gnawa": 4})


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "music"))


def spoil(folder: Path) -> None:
    """One of every fault, all in gnawa."""
    gnawa = folder / "gnawa"
    (gnawa / "broken.mp3").write_bytes(b"nothing that sounds")
    (gnawa / "zero.wav").touch()
    music.write_tune(gnawa / "short.flac", 1.5, seed=90)
    soundfile.write(gnawa / "silent.wav", np.zeros(22050 * 6), 22050)
    loud = music.tune(6, seed=91)
    loud[1000] = np.inf
    soundfile.write(gnawa / "inf.wav", loud, 22050, subtype="FLOAT")
    shutil.copy(folder / "chaabi" / "song 0.wav", gnawa / "the same.wav")
    quiet = Sound(0.3 * decode(folder / "gnawa" / "song 1.wav").samples, 22050).resampled(16000)
    music.write(gnawa / "song 1 again.m4a", quiet.samples, 16000)


FOUND = {
    "gnawa/broken.mp3": "unreadable",
    "gnawa/zero.wav": "empty",
    "gnawa/short.flac": "too_short",
    "gnawa/silent.wav": "silent",
    "gnawa/inf.wav": "not_finite",
    "gnawa/the same.wav": "duplicate",
    "gnawa/song 1.wav": "near_duplicate",
}


def test_every_fault_is_found_and_named(folder, tmp_path, capsys):
    spoil(folder)
    report_file = tmp_path / "new" / "report.json"
    words = ["--json", str(report_file), "--jobs", "1"]
    assert main(["validate", "folder", str(folder), *words]) == 0
    report = json.loads(report_file.read_text(encoding="utf-8"))
    assert {problem["track"]: problem["code"] for problem in report["problems"]} == FOUND
    assert report["counts"] == dict.fromkeys(report["counts"], 1)
    assert report["refusal"] is None
    assert report["genres"]["chaabi"] == {"clips": 4, "groups": 4, "seconds": 24.0}
    # the near-duplicate is for a person to judge
    assert report["genres"]["gnawa"]["clips"] == 5
    assert report["replicas"][0]["tracks"] == ["chaabi/song 0.wav", "gnawa/the same.wav"]
    assert report["replicas"][0]["identical"]
    assert report["replicas"][1]["tracks"] == ["gnawa/song 1 again.m4a", "gnawa/song 1.wav"]
    assert not report["replicas"][1]["identical"]
    assert NEAR_DUPLICATE < report["replicas"][1]["correlation"] <= 1
    printed = capsys.readouterr().out
    assert "music: 9 of 15 clips usable, 2 genres" in printed
    assert "7 problems: 1 unreadable, " in printed
    assert "gnawa/the same.wav: is byte for byte the same file as chaabi/song 0.wav, which is" in (
        printed
    )
    assert "gnawa/short.flac: lasts 1.50 s; at least 4.97 are needed." in printed
    assert "Fewer than 20 usable clips" in printed


def test_a_good_folder_has_no_problems_and_processes_agree(good, capsys):
    assert main(["validate", "folder", str(good), "--jobs", "2"]) == 0
    printed = capsys.readouterr().out
    assert "music: 8 of 8 clips usable, 2 genres, 0.01 h" in printed
    assert "0 problems\n" in printed


def test_long_lists_are_cut_short(folder, capsys):
    for number in range(25):
        (folder / "gnawa" / f"{number:02d}.mp3").touch()
    assert main(["validate", "folder", str(folder), "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "25 empty" in printed
    assert printed.count("the file is empty") == 20
    assert "and 5 more; --json FILE writes them all" in printed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("empty", "holds no sound; expected one folder per genre"),
        ("one_genre", "has one genre only (chaabi); a model needs at least 2."),
        ("two_clips", "the genre gnawa has 2 clips; at least 3 are needed"),
        ("all_bad", "the genre gnawa has 2 clips; at least 3 are needed"),
        ("one_artist", "come from Maalem; at least 3 artists or albums are needed"),
        ("no_folder", "not there; point at the data set"),
    ],
)
def test_unusable_data_are_refused(folder, tmp_path, capsys, change, told):
    gnawa = folder / "gnawa"
    report_file = tmp_path / "report.json"
    if change in ("empty", "no_folder"):
        shutil.rmtree(folder)
    if change == "empty":
        folder.mkdir()
    if change == "one_genre":
        shutil.rmtree(gnawa)
    if change == "two_clips":
        (gnawa / "song 0.wav").unlink()
        (gnawa / "song 1.wav").unlink()
    if change == "all_bad":
        (gnawa / "song 0.wav").write_bytes(b"no")
        (gnawa / "song 1.wav").write_bytes(b"no")
    if change == "one_artist":
        files = sorted(gnawa.iterdir())
        (gnawa / "Maalem").mkdir()
        for file in files:
            file.rename(gnawa / "Maalem" / file.name)
    command = ["validate", "folder", str(folder), "--jobs", "1", "--json", str(report_file)]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    if report_file.exists():
        assert told in json.loads(report_file.read_text())["refusal"]
    else:
        assert change in ("empty", "no_folder")
    if change == "one_artist":
        assert main([*command, "--group", "file"]) == 0


def test_genres_that_share_artists_are_refused_as_split_refuses_them(tmp_path, capsys):
    # See `test_groups_that_hold_two_genres_together_can_make_a_split_impossible`.
    folder, report_file = tmp_path / "music", tmp_path / "report.json"
    tracks = {"jazz": "aaabbc", "rock": "aaabbd", "folk": "ccdddde"}
    for seed, (genre, artist) in enumerate((g, a) for g, all_of in tracks.items() for a in all_of):
        music.write_tune(folder / genre / f"Artist {artist}" / f"song {seed}.wav", seed=seed)
    command = ["validate", "folder", str(folder), "--jobs", "1", "--json", str(report_file)]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: The split leaves the genre ")
    assert "because groups stay whole: add recordings of other artists" in told
    assert f"error: {json.loads(report_file.read_text())['refusal']}\n" == told
    store = tmp_path / "store"
    extract = ["extract", "folder", str(folder), "--out", str(store), "--version", "v9"]
    assert main([*extract, "--jobs", "1"]) == 0
    capsys.readouterr()
    assert main(["split", str(store)]) == 2
    assert capsys.readouterr().err == told
    assert main([*command, "--group", "file"]) == 0
    assert json.loads(report_file.read_text())["refusal"] is None


def test_wrong_options_are_refused(good, capsys):
    assert main(["validate", "folder", str(good), "--subset", "small"]) == 2
    assert "The data set folder has no option --subset." in capsys.readouterr().err
    assert main(["validate", "folder", str(good), "--jobs", "0"]) == 2
    assert "--jobs 0: must be 1 or more" in capsys.readouterr().err
    assert main(["validate", "folder", str(good), "--json", str(good)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_names_that_are_no_text_do_not_stop_the_report(folder, tmp_path):
    foreign = bytes(folder / "gnawa") + b"/caf\xe9.wav"
    Path(foreign.decode("utf-8", "surrogateescape")).write_bytes(b"no")
    report = validate(open_dataset("folder", folder), jobs=1)
    report.write(tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text.replace("\\udce9", "?"))["counts"] == {"unreadable": 1}


def test_min_seconds_is_a_choice(folder):
    music.write_tune(folder / "gnawa" / "short.wav", 2, seed=50)
    dataset = open_dataset("folder", folder)
    assert validate(dataset, jobs=1).counts() == {"too_short": 1}
    assert validate(dataset, least_seconds=1.5, jobs=1).counts() == {}


def test_a_file_that_vanishes_is_a_problem(tmp_path):
    found = check_clip(Clip("a", tmp_path / "gone.wav", "gnawa", "a"))
    assert found.problem is not None
    assert found.problem.code == "missing"
    assert (found.seconds, found.sha256, found.fingerprint) == (0, "", None)


def test_the_docs_explain_every_word(root):
    table = (root / "docs" / "data.md").read_text(encoding="utf-8").split("| word |")[1]
    rows = [line.split("|")[1] for line in table.split("\n\n")[0].splitlines()[2:]]
    words = [word.strip() for row in rows for word in row.split(",")]
    assert sorted(words) == sorted(code.replace("_", " ") for code in CODES)
    with pytest.raises(ValueError, match="code: 'odd' is not one of"):
        Problem("a", Path("a"), "odd", "is odd.")


# --- the same recording twice -------------------------------------------------------------------


def checked(sounds: list[Sound]) -> list[Checked]:
    clips = [
        Clip(str(number), Path(str(number)), "x", str(number)) for number in range(len(sounds))
    ]
    return [
        Checked(clip, sound.seconds, None, clip.track, fingerprint(sound))
        for clip, sound in zip(clips, sounds, strict=True)
    ]


def pairs(sounds: list[Sound]) -> set[tuple[int, int]]:
    return {(pair.first, pair.second) for pair in find_replicas(checked(sounds))}


@pytest.mark.parametrize(
    "change",
    [
        lambda sound: Sound(0.1 * sound.samples, 22050),
        lambda sound: sound.resampled(16000),
        lambda sound: Sound(np.repeat(sound.samples, 2, axis=1), 22050),
        lambda sound: Sound(sound.samples[1500:], 22050),
        lambda sound: Sound(np.diff(sound.samples, axis=0), 22050),
        lambda sound: Sound(sound.samples[: 8 * 22050], 22050),
        lambda sound: Sound(sound.samples + 0.01 * music.tune(12, seed=77), 22050),
    ],
    ids=["softer", "resampled", "stereo", "68 ms later", "equalised", "shorter", "noisier"],
)
def test_changed_copies_are_found(change):
    sounds = [Sound(music.tune(12, seed=seed), 22050) for seed in range(6)]
    assert pairs([*sounds, change(sounds[2])]) == {(2, 6)}
    assert pairs([change(sounds[2]), *sounds]) == {(0, 3)}


def test_different_tunes_are_not_called_the_same():
    sounds = [Sound(music.tune(5 + seed % 7, seed=seed), 22050) for seed in range(30)]
    assert pairs(sounds) == set()


def test_three_copies_are_three_pairs_and_two_problems(tmp_path):
    for number in range(3):
        music.write_tune(tmp_path / "gnawa" / f"{number}.wav", seed=number)
        music.write_tune(tmp_path / "chaabi" / f"{number}.wav", seed=3)
    report = validate(open_dataset("folder", tmp_path), jobs=1)
    assert report.counts() == {"duplicate": 2}
    assert [pair.identical for pair in report.replicas] == [True, True]
    assert "the genre chaabi has 1 clip;" in str(report.refusal)


def test_many_clips_are_compared_in_stripes(monkeypatch):
    rng = np.random.default_rng(0)
    courses = rng.normal(size=(600, 20, FINGERPRINT_BANDS)).astype(np.float32)
    courses[555] = 0.5 * courses[300] + 3
    courses[299, :10] = courses[11, :10]
    clips = [Clip(str(number), Path(), "x", str(number)) for number in range(600)]
    made = [
        Checked(clip, 10, None, clip.track, course[:10] if clip.track == "299" else course)
        for clip, course in zip(clips, courses, strict=True)
    ]
    found = find_replicas(made)
    assert [(pair.first, pair.second) for pair in found] == [(11, 299), (300, 555)]
    assert all(pair.correlation == pytest.approx(1, abs=1e-4) for pair in found)


def test_steady_and_very_short_sounds_have_no_fingerprint():
    steady = np.sin(2 * np.pi * 440 * np.arange(22050 * 6) / 22050).astype(np.float32)[:, None]
    assert fingerprint(Sound(steady, 22050)) is None
    assert fingerprint(Sound(music.tune(2), 22050)) is None
    course = fingerprint(Sound(music.tune(60), 22050))
    assert course is not None
    assert course.shape == (64, 16)
