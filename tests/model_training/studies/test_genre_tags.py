"""`predict --write-genre` and `--undo`: what is written, what is left, and back again."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mutagen.flac
import mutagen.id3
import pytest
import soundfile

from model_training.errors import TrainingError
from model_training.studies.genre_tags import Wishes, plan_changes
from model_training.studies.library import Heard, Stamp
from model_training.tags.change import read_tag, restore_genre
from model_training.tags.form import Genre
from tests.browser.sounds import hiss

from ..own_music import error_lines, predict, teach, write_songs
from ..tagged_music import heard, make, number_genre, tags_of

VERSION = ("--version", "v1")


@pytest.fixture
def music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Songs of several kinds, one with a genre; the working folder is another one."""
    folder = tmp_path / "music"
    for way, genre in (("mp3, ID3v2.3", None), ("flac", None), ("m4a", "Chaabi"), ("opus", None)):
        place = folder / way.partition(",")[0]
        place.mkdir(parents=True)
        make(place, way, genre, seconds=6.0)
    models = Path("trained_models").resolve()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("trained_models").symlink_to(models)
    return folder


def genres(music: Path) -> dict[str, tuple[str, ...]]:
    return {
        path.parent.name: read_tag(path).genre.names
        for path in sorted(music.rglob("*"))
        if path.is_file() and path.suffix != ".jpg"
    }


def write(*words: str | Path) -> int:
    return predict(*words, *VERSION, "--write-genre", "--yes", "--at-least", "0")


def test_written_and_undone(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    songs = [path for path in music.rglob("*") if path.is_file()]
    before = {path: (tags_of(path), heard(path), path.stat().st_mode) for path in songs}
    undo = music.parent / "my undo.json"
    assert write(music, "--undo-file", undo) == 0
    said = capsys.readouterr().out
    assert "genre to write  files" in said
    assert "Left as they are: 1 with a genre already (see --replace)." in said
    assert "3 files got a genre." in said
    assert f"predict --undo '{undo}'" in said
    assert predict(music, *VERSION, "--json") == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {Path(each["file"]): each["aggregate"]["genre"] for each in answers}
    for path, (tags, sound, mode) in before.items():
        kept = path.suffix == ".m4a"
        assert tags_of(path) == (tags if kept else {**tags, "genre": told[path]})
        assert (heard(path), path.stat().st_mode) == (sound, mode)
    # A second time there is nothing to do, and no undo file.
    assert write(music) == 0
    assert "There is no genre to write." in capsys.readouterr().out
    assert list(Path().glob("undo*")) == []
    assert predict("--undo", undo) == 0
    assert "3 files got the old genre back; 0 files had it." in capsys.readouterr().out
    assert {path: (tags_of(path), heard(path), path.stat().st_mode) for path in songs} == before
    assert predict("--undo", undo) == 0
    assert "0 files got the old genre back; 3 files had it." in capsys.readouterr().out


def test_own_words_and_genres_that_are_there(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = read_words(music, capsys)
    mapped = [word for genre in known for word in ("--map", f"{genre}=Ça {genre}")]
    assert write(music, "--replace", *mapped) == 0
    assert all(names[0].startswith("Ça ") for names in genres(music).values())
    (undo,) = Path().glob("undo-genres-*.json")
    assert predict("--undo", undo) == 0
    assert genres(music) == {"mp3": (), "flac": (), "m4a": ("Chaabi",), "opus": ()}


def read_words(music: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert predict(next(music.rglob("song.*")), *VERSION, "--json") == 0
    found: list[str] = json.loads(capsys.readouterr().out)["genres"]
    return found


def test_own_genres_are_written(music: Path, tmp_path: Path) -> None:
    lessons = tmp_path / "lessons"
    for seed, genre in enumerate(("band", "tune")):
        write_songs(lessons / f"{genre.title()} é", genre, range(seed, 8))
    mine = tmp_path / "mine.json"
    assert teach(lessons, "--out", mine) == 0
    shutil.rmtree(music)
    (band, *_) = write_songs(music / "a", "band", range(1))
    (tune, *_) = write_songs(music / "b", "tune", range(1, 2))
    rain = hiss(music / "rain.wav", 6)
    words = ("--own-genres", mine, "--write-genre", "--yes", "--map", "Tune é=Melody")
    assert predict(music, *words) == 0
    assert [read_tag(path).genre.names for path in (band, tune, rain)] == [
        ("Band é",),
        ("Melody",),
        (),
    ]


# --- what is left -------------------------------------------------------------------------------


def song(path: Path, probability: float = 0.75, **wrong: Any) -> Heard:
    content = {
        "genres": ["pop", "rock"],
        "aggregate": {
            "genre": "rock",
            "probabilities": [1 - probability, probability],
            "unfamiliar": {"flag": wrong.get("flag", False)},
        },
        "repeated": wrong.get("repeated", False),
    }
    stamp = Stamp.of(path)
    assert stamp is not None
    return Heard(path, wrong.get("stamp", stamp), content)


def planned(songs: Sequence[Heard], wishes: Wishes) -> tuple[list[str], dict[str, int], list[str]]:
    said: list[str] = []
    plan = plan_changes(songs, wishes, said.append)
    assert plan.failed == len(said)
    return [each.names[0] for each in plan.changes.values()], dict(plan.left), said


def test_only_sure_answers_are_written(tmp_path: Path) -> None:
    path = make(tmp_path, "flac")
    assert planned([song(path)], Wishes(0.75, words={"rock": "Rock"})) == (["Rock"], {}, [])
    for wrong, reason in (
        (song(path, flag=True), "not sure"),
        (song(path, repeated=True), "shorter than one segment"),
        (song(path, 0.7499), "below 75%"),
    ):
        assert planned([wrong], Wishes(0.75, replace=True)) == ([], {reason: 1}, [])
    changed = song(path, stamp=Stamp(1, 1))
    said = f"{path}: was changed after it was heard; ask again."
    assert planned([changed], Wishes(0.5)) == ([], {}, [said])


def test_genres_that_are_there_and_links(tmp_path: Path) -> None:
    path = make(tmp_path, "flac", "rock")
    assert planned([song(path)], Wishes(0.5, True)) == ([], {"with this genre already": 1}, [])
    words = {"rock": "Rock"}
    left = {"with a genre already (see --replace)": 1}
    assert planned([song(path)], Wishes(0.5, words=words)) == ([], left, [])
    link = tmp_path / "link.flac"
    link.symlink_to(path.name)
    left = {"links to one of the others": 1}
    found = planned([song(link), song(path)], Wishes(0.5, True, words))
    assert found == (["Rock"], left, [])


def test_a_number_in_an_m4a_is_a_genre_and_comes_back(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in music.rglob("song.*"):
        if path.suffix != ".m4a":
            path.unlink()
    path = next(music.rglob("*.m4a"))
    number_genre(path, 18)
    tags, atoms = tags_of(path), read_tag(path)
    assert tags["genre"] == "Rock"
    assert atoms.genre.names == ("Rock",)
    assert write(music) == 0
    assert "1 with a genre already (see --replace)." in capsys.readouterr().out
    assert read_tag(path) == atoms
    mapped = [word for genre in read_words(music, capsys) for word in ("--map", f"{genre}=Gnawa")]
    assert write(music, "--replace", *mapped, "--undo-file", "mine.json") == 0
    assert tags_of(path) == {**tags, "genre": "Gnawa"}
    assert b"gnre" not in path.read_bytes()
    assert predict("--undo", "mine.json") == 0
    assert "1 file got the old genre back" in capsys.readouterr().out
    assert tags_of(path) == tags
    assert read_tag(path) == atoms
    assert b"gnre" in path.read_bytes()


def test_a_file_that_changes_while_the_question_waits_is_left(
    music: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = next(music.rglob("*.flac"))

    def answered_late(_: str) -> str:
        with other.open("ab") as file:
            file.write(b"more")
        return "y"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answered_late)
    assert predict(music, *VERSION, "--write-genre", "--at-least", "0") == 2
    said = capsys.readouterr()
    assert f"{other}: was changed after it was heard; ask again." in error_lines(said.err)
    assert "2 files got a genre." in said.out
    assert read_tag(other).genre.names == ()


def test_undo_leaves_tags_that_came_after_the_genre(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(music)
    music.mkdir()
    mp3 = make(music, "mp3, ID3v2.3", tagged=False, seconds=6.0)
    flac = make(music, "flac", tagged=False, seconds=6.0)
    mutagen.id3.delete(mp3)
    mutagen.flac.delete(flac)
    assert write(music, "--undo-file", "mine.json") == 0
    for path in (mp3, flac):
        tag = mutagen.File(path, easy=True)
        tag["title"] = "Later"
        tag.save()
    assert predict("--undo", "mine.json") == 0
    assert [tags_of(path) for path in (mp3, flac)] == [{"title": "Later"}, {"title": "Later"}]
    capsys.readouterr()
    assert predict("--undo", "mine.json") == 0
    assert "0 files got the old genre back; 2 files had it." in capsys.readouterr().out


def test_words_that_would_be_read_as_others_are_refused(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapped = [word for genre in read_words(music, capsys) for word in ("--map", f"{genre}=80")]
    assert write(music, *mapped) == 2
    said = capsys.readouterr()
    path = next(music.rglob("*.mp3"))
    assert error_lines(said.err)[0] == (
        f"{path}: would tell Folk instead of 80; it is left as it is."
    )
    assert genres(music) == {"mp3": (), "flac": ("80",), "m4a": ("Chaabi",), "opus": ("80",)}


def test_a_bad_file_is_a_sentence_and_the_next_one_follows(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = next(music.rglob("*.mp3"))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:14] + b"\x00\x7f\xff\xff" + whole[18:])
    closed = next(music.rglob("*.opus"))
    closed.chmod(0o444)
    (music / "z.au").write_bytes(b".snd" + bytes(20))
    other = next(iter(write_songs(music, "tune", range(1))))
    unwritable = other.with_suffix(".au")
    soundfile.write(unwritable, soundfile.read(other)[0], 22050)
    other.unlink()
    assert write(music) == 2
    said = capsys.readouterr()
    errors = dict(line.split(": ", 1) for line in error_lines(said.err))
    assert set(errors) == {
        *map(str, (music / "z.au", damaged, unwritable, closed)),
        "error",
    }
    assert "its tag is damaged" in errors[str(damaged)]
    assert "tags of its kind are not written here" in errors[str(unwritable)]
    assert "may not be written to" in errors[str(closed)]
    assert errors["error"] == (
        "1 of 6 files got no answer and 3 tags could not be read or written; see above."
    )
    assert "1 file got a genre." in said.out
    assert read_tag(music / "flac" / "song.flac").genre.names


def test_kept_answers_stand_for_files_with_a_new_genre(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    assert predict(music, *VERSION, "--out", out) == 0
    words = [line.split('"size"')[0] for line in out.read_text(encoding="utf-8").splitlines()]
    assert write(music, "--out", out) == 0
    kept = out.read_text(encoding="utf-8").splitlines()
    assert [line.split('"size"')[0] for line in kept] == words
    for line in kept:
        found = json.loads(line)
        assert Stamp(found["size"], found["modified"]) == Stamp.of(Path(found["file"]))


# --- the question -------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "written"), [("y", 3), ("YES", 3), ("", 0), ("no", 0)])
def test_the_question(
    answer: str,
    written: int,
    music: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = []

    def told(prompt: str) -> str:
        asked.append(prompt)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", told)
    assert predict(music, *VERSION, "--write-genre", "--at-least", "0") == 0
    assert asked == ["Write the genre into 3 files? [y/N] "]
    found = genres(music)
    assert sum(bool(names) for names in found.values()) == written + 1
    assert len(list(Path().glob("undo-genres-*.json"))) == bool(written)
    assert ("Nothing was written." in capsys.readouterr().out) == (not written)


def test_ctrl_c_at_the_question_writes_nothing(
    music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", stopped)
    assert predict(music, *VERSION, "--write-genre", "--at-least", "0") == 130
    assert sum(bool(names) for names in genres(music).values()) == 1
    assert list(Path().glob("undo-genres-*.json")) == []


def test_the_undo_file_is_there_before_the_first_tag(
    music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        assert len(json.loads(Path("mine.json").read_bytes())["files"]) == 3
        raise KeyboardInterrupt

    monkeypatch.setattr("model_training.studies.genre_tags.write_genre", stopped)
    assert write(music, "--undo-file", "mine.json") == 130
    assert predict("--undo", "mine.json") == 0


# --- undoing ------------------------------------------------------------------------------------


def test_a_genre_that_was_changed_since_is_left(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(music, "--undo-file", "mine.json") == 0
    flac, mp3 = next(music.rglob("*.flac")), next(music.rglob("*.mp3"))
    sound = mutagen.flac.FLAC(flac)
    sound["genre"] = "Gnawa"
    sound.save()
    mp3.unlink()
    capsys.readouterr()
    assert predict("--undo", "mine.json") == 2
    said = capsys.readouterr()
    assert "1 file got the old genre back; 0 files had it." in said.out
    assert set(error_lines(said.err)) == {
        f"{flac}: its genre was changed since, to Gnawa; it is left as it is.",
        f"{mp3}: cannot be read (No such file or directory).",
        "error: 2 of 3 files are left as they are; see above.",
    }


def test_other_files_are_no_undo_files(music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = os.fspath(next(music.rglob("*.flac")))
    old = {"names": [], "state": {"fields": []}, "bare": False}
    entry = {"file": place, "kind": "flac", "before": old, "after": []}
    for content in (
        "no JSON",
        "[]",
        "null",
        '{"format": 1, "files": []}',
        json.dumps({"format": 2, "files": [{**entry, "kind": "exe"}]}),
        json.dumps({"format": 2, "files": [{**entry, "file": "song.flac"}]}),
        json.dumps({"format": 2, "files": [{**entry, "after": "Rock"}]}),
        json.dumps({"format": 2, "files": [{"file": place}]}),
        "[" * 100_000,
    ):
        Path("mine.json").write_text(content, encoding="utf-8")
        assert predict("--undo", "mine.json") == 2
        said = error_lines(capsys.readouterr().err)
        assert said[0].startswith("error: mine.json: is no undo file of --write-genre")
    Path("mine.json").write_bytes(b"\xff")
    assert predict("--undo", "mine.json") == 2
    assert predict("--undo", "nowhere.json") == 2
    assert "error: nowhere.json: cannot be read (No such file" in capsys.readouterr().err
    # A state of another kind of tag.
    wrong = {**entry, "before": {**old, "state": {"frame": None}}, "after": ["Rock"]}
    Path("mine.json").write_text(json.dumps({"format": 2, "files": [wrong]}), encoding="utf-8")
    sound = mutagen.flac.FLAC(place)
    sound["genre"] = "Rock"
    sound.save()
    before = Path(place).read_bytes()
    assert predict("--undo", "mine.json") == 2
    assert Path(place).read_bytes() == before
    assert f"{place}: " in capsys.readouterr().err


# --- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Name a sound file or a folder of them."),
        (["{song}", "--undo", "x.json"], "--undo takes no files"),
        (["{song}", "--yes"], "--yes goes with --write-genre only."),
        (["{song}", "--replace"], "--replace goes with --write-genre only."),
        (["{song}", "--map", "a=b"], "--map goes with --write-genre only."),
        (["{song}", "--at-least", "0"], "--at-least goes with --write-genre only."),
        (["{song}", "--undo-file", "x"], "--undo-file goes with --write-genre only."),
        (["{song}", "--keep-time"], "--keep-time goes with --write-genre only."),
        (["{song}", "--write-genre"], "there is no terminal to answer: add --yes."),
        (["{write}", "--at-least", "60"], "--at-least: a share between 0 and 1 is needed"),
        (["{write}", "--at-least", "nan"], "--at-least: a share between 0 and 1 is needed"),
        (["{write}", "--map", "rock"], "--map 'rock': GENRE=WORDS is needed"),
        (["{write}", "--map", "rock="], "--map 'rock=': GENRE=WORDS is needed"),
        (["{write}", "--map", "rock=a\0b"], "GENRE=WORDS is needed"),
        (["{write}", "--map", "Rock=Rock"], "--map: 'Rock' is none of the genres: blues, "),
        (["{write}", "--undo-file", "trained_models"], "exists already; name another --undo-file"),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_is_touched(
    words: list[str],
    sentence: str,
    music: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    song = next(music.rglob("*.flac"))
    before = song.read_bytes()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    given = [
        part
        for word in words
        for part in ([str(song), "--write-genre", "--yes"] if word == "{write}" else [word])
    ]
    assert predict(*(word.replace("{song}", str(song)) for word in given)) == 2
    said = error_lines(capsys.readouterr().err)
    assert len(said) == 1
    assert said[0].startswith("error: ")
    assert sentence in said[0]
    assert song.read_bytes() == before


def test_without_mutagen_a_sentence_says_what_to_install(
    music: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "mutagen" else find(name)
    )
    for words in ([music, "--write-genre", "--yes"], ["--undo", "mine.json"]):
        assert predict(*words) == 2
        assert "package mutagen, which writes tags, is not installed" in capsys.readouterr().err


def test_states_of_other_kinds_are_errors(tmp_path: Path) -> None:
    path = make(tmp_path, "flac")
    with pytest.raises(TrainingError, match="flac: "):
        restore_genre(read_tag(path), Genre((), {"fields": 3}))
