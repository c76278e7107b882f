"""`predict` for folders: which files are asked, what is kept, and how a stopped run goes on."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from model_training.files import hold
from model_training.studies.library import Answers, Heard, Stamp, list_files
from model_training.studies.library_files import summary, write_playlists, write_table
from model_training.studies.prediction import predict_file
from tests.browser.sounds import hiss

from ..music import write
from ..own_music import error_lines, predict, sound, teach, write_songs

VERSION = ("--version", "v10")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three songs in folders, and files that are none."""
    folder = tmp_path / "music"
    write_songs(folder / "Band", "band", range(2))
    write_songs(folder / "é tune", "tune", range(1))
    (folder / "cover.jpg").touch()
    (folder / ".hidden").mkdir()
    write_songs(folder / ".hidden", "tune", range(1))
    return folder


NAMES = ["Band/band 0.wav", "Band/band 1.wav", "é tune/tune 0.wav"]


def test_a_folder_is_walked_by_the_rules_of_the_data_sets(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(music, music / NAMES[0], *VERSION) == 0
    said = capsys.readouterr()
    *answers, counted = said.out.splitlines()
    assert [line.split(": ")[0] for line in answers if line[0] != " "] == [
        str(music / name) for name in NAMES
    ]
    assert counted.startswith("3 songs: ")
    assert error_lines(said.err) == ["Left out, as no sound by name: 1 hidden, 1 .jpg."]


def test_a_bad_file_is_a_sentence_and_the_next_one_follows(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (music / "Band" / "a broken.mp3").write_bytes(b"no sound")
    (music / "Band" / "z empty.flac").touch()
    assert predict(music, *VERSION, "--json") == 2
    said = capsys.readouterr()
    assert [json.loads(line)["file"] for line in said.out.splitlines()] == [
        str(music / name) for name in NAMES
    ]
    errors = error_lines(said.err)
    assert errors[1].startswith(f"{music}/Band/a broken.mp3: ")
    assert errors[2] == f"{music}/Band/z empty.flac: the file is empty (0 bytes)."
    assert errors[3] == "error: 2 of 5 files got no answer; see above."


def test_a_folder_without_sound_and_one_that_cannot_be_read(
    music: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = music / "nothing"
    nothing.mkdir()
    assert predict(nothing, *VERSION) == 2
    assert error_lines(capsys.readouterr().err) == [
        f"{nothing}: the folder holds no sound file.",
        "error: No sound file to ask about; name a file, or a folder with some.",
    ]
    iterdir = Path.iterdir

    def refuse(folder: Path) -> Any:
        if folder.name == "Band":
            raise PermissionError(13, "Permission denied", str(folder))
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    said: list[str] = []
    assert list_files([music], said.append) == [music / NAMES[2]]
    reason = "cannot be read (Permission denied); its files are left out."
    assert said[0] == f"{music / 'Band'}: {reason}"


# --- kept answers -----------------------------------------------------------------------------


def count_asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files as they are heard."""
    asked: list[str] = []

    def counted(path: Path, *rest: Any) -> Any:
        asked.append(path.name)
        return predict_file(path, *rest)

    monkeypatch.setattr("model_training.studies.library.predict_file", counted)
    return asked


def test_kept_answers_are_not_asked_again(
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "new folder" / "answers.jsonl"
    asked = count_asked(monkeypatch)
    assert predict(music, *VERSION, "--json") == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    asked.clear()
    assert predict(music, *VERSION, "--out", out) == 0
    kept = lines(out)
    assert [{key: line[key] for key in printed[0]} for line in kept] == printed
    assert {line["seconds"] for line in kept} == {6.0}
    assert capsys.readouterr().out.count("\n") == 1
    before = out.read_bytes()
    assert predict(music, *VERSION, "--out", out) == 0
    assert len(asked) == 3
    assert out.read_bytes() == before
    # Only what is new or changed is asked, and a path has one line.
    write(music / NAMES[0], sound("tune", 5))
    write_songs(music / "new", "tune", range(9, 10))
    assert predict(music, *VERSION, "--out", out) == 0
    assert asked[3:] == ["band 0.wav", "tune 9.wav"]
    assert sorted(line["file"] for line in lines(out)) == sorted(
        str(music / name) for name in [*NAMES, "new/tune 9.wav"]
    )


def test_a_line_that_was_cut_short_is_asked_again(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "answers.jsonl"
    assert predict(music, *VERSION, "--out", out) == 0
    whole = out.read_bytes()
    out.write_bytes(whole[:-40])
    asked = count_asked(monkeypatch)
    assert predict(music, *VERSION, "--out", out) == 0
    assert asked == ["tune 0.wav"]
    assert out.read_bytes() == whole


def test_a_file_of_something_else_is_not_written_to(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "answers.jsonl"
    assert predict(music, "--version", "v1", "--out", out) == 0
    capsys.readouterr()
    before = out.read_bytes()
    assert predict(music, *VERSION, "--out", out) == 2
    said = error_lines(capsys.readouterr().err)[-1]
    assert said.startswith(f"error: {out}: holds answers of 'v1 ")
    assert out.read_bytes() == before
    for text in ("my notes\n", "{}\n", '{"file": "x", "size": 1}\n', "[1]\n"):
        out.write_text(text, encoding="utf-8")
        assert predict(music, *VERSION, "--out", out) == 2
        assert f"{out}: line 1 is no answer" in capsys.readouterr().err
        assert out.read_text(encoding="utf-8") == text
    assert predict(music, *VERSION, "--out", tmp_path) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_stopped_run_leaves_whole_lines_and_goes_on(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    for number in range(40):
        shutil.copy(music / NAMES[0], music / f"{number:02}.wav")
    words = [sys.executable, "-m", "model_training", "predict", str(music), *VERSION]
    command = [*words, "--out", str(out)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not out.exists() or not out.stat().st_size:
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    kept = lines(out)
    assert 0 < len(kept) < 43
    assert f"{len(kept)} answers are in {out}; the same command goes on." in err
    assert predict(music, *VERSION, "--out", out) == 0
    assert len({line["file"] for line in lines(out)}) == len(lines(out)) == 43
    assert lines(out)[: len(kept)] == kept


HOLDS = """
import sys
from pathlib import Path
from model_training.studies.library import Answers
answers = Answers(Path(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


def test_two_runs_never_write_to_one_file(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "answers.jsonl"
    assert predict(music / NAMES[0], *VERSION, "--out", out) == 0
    before = out.read_bytes()
    command = [sys.executable, "-c", HOLDS, str(out), lines(out)[0]["judge"]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        capsys.readouterr()
        assert predict(music, *VERSION, "--out", out) == 2
        assert error_lines(capsys.readouterr().err) == [
            f"error: {out}: another run is writing to it; wait for its end, or name another file."
        ]
        assert out.read_bytes() == before
        other.kill()
    # A crash leaves nothing behind that would have to be removed.
    assert predict(music, *VERSION, "--out", out) == 0
    assert len(lines(out)) == 3


def test_a_file_that_another_run_puts_in_place_is_opened_again(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "answers.jsonl"
    assert predict(music, *VERSION, "--out", out) == 0
    name = lines(out)[0]["judge"]
    first, *_ = out.read_bytes().splitlines(keepends=True)
    held: list[Path] = []

    def late(file: Any, path: Path) -> None:
        hold(file, path)
        if not held:
            (tmp_path / "new").write_bytes(first)
            (tmp_path / "new").replace(out)
        held.append(path)

    monkeypatch.setattr("model_training.studies.library.hold", late)
    answers = Answers(out, name)
    assert len(held) == 2
    assert len(answers.heard) == 1
    answers.add(lines(out)[0])
    answers.close()
    assert out.read_bytes() == first


def test_a_file_that_changes_while_it_is_read_gets_no_answer(
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def touched(path: Path, *rest: Any) -> Any:
        answer = predict_file(path, *rest)
        if path.name == "band 1.wav":
            with path.open("ab") as file:
                file.write(bytes(100))
        if path.name == "tune 0.wav":
            path.unlink()
        return answer

    monkeypatch.setattr("model_training.studies.library.predict_file", touched)
    out = tmp_path / "answers.jsonl"
    assert predict(music, *VERSION, "--out", out) == 2
    reason = "was changed while it was read; ask again when nothing writes to it."
    assert error_lines(capsys.readouterr().err)[1:] == [
        f"{music / NAMES[1]}: {reason}",
        f"{music / NAMES[2]}: {reason}",
        "error: 2 of 3 files got no answer; see above.",
    ]
    assert [line["file"] for line in lines(out)] == [str(music / NAMES[0])]


@pytest.mark.skipif(sys.platform != "linux", reason="others refuse names that are no Unicode")
def test_names_that_are_no_text_come_back_as_they_were(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song = music / b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    (music / NAMES[0]).rename(song)
    out, table, lists = tmp_path / "answers.jsonl", tmp_path / "table.csv", tmp_path / "lists"
    assert predict(song, *VERSION, "--json") == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(song)
    kept = ("--out", out, "--csv", table, "--playlists", lists)
    assert predict(song, *VERSION, *kept) == 0
    assert Path(lines(out)[0]["file"]) == song
    assert "caf\\udce9.wav" in table.read_text(encoding="utf-8-sig")
    assert b"\n../music/caf\xe9.wav\n" in next(lists.iterdir()).read_bytes()


# --- tables and playlists ---------------------------------------------------------------------


def heard(name: str, genre: str = "rock", flag: bool = False, own: Any = None) -> Heard:
    content = {
        "version": "v9",
        "genres": ["pop", "rock"],
        "aggregate": {
            "genre": genre,
            "probabilities": [0.25, 0.75] if genre == "rock" else [0.75, 0.25],
            "unfamiliar": {"flag": flag},
        },
        "seconds": 61.5,
        **({"own": own} if own else {}),
    }
    return Heard(Path(name), Stamp(1, 1), content)


def own(genre: str, unsure: bool = False) -> dict[str, Any]:
    shares = [0.1, 0.9] if genre == "AC/DC" else [0.9, 0.1]
    return {"genres": ["chaabi", "AC/DC"], "probabilities": shares, "genre": genre,
            "unsure": unsure}  # fmt: skip


def test_the_table_has_the_columns_of_the_page(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    songs = [heard('a "b", c.mp3'), heard("=1+1.mp3", "pop", flag=True)]
    write_table(table, songs)
    assert table.read_bytes().startswith(b"\xef\xbb\xbffile,genre,")
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["file", "genre", "probability", "unfamiliar", "seconds", "version", "pop", "rock"],
        ['a "b", c.mp3', "rock", "0.75", "false", "61.50", "v9", "0.25", "0.75"],
        ["'=1+1.mp3", "pop", "0.75", "true", "61.50", "v9", "0.75", "0.25"],
    ]
    write_table(table, [heard("a.mp3", own=own("AC/DC")), heard("b.mp3", own=own("chaabi", True))])
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = [[*row[1:3], *row[6:8]] for row in csv.reader(file)]
    assert rows == [
        ["genre", "probability", "own_genre", "own_probability"],
        ["rock", "0.75", "AC/DC", "0.9"],
        ["rock", "0.75", "", "0.9"],
    ]


def test_a_playlist_for_each_genre_and_one_for_doubt(tmp_path: Path) -> None:
    music = tmp_path / "music"
    folder = tmp_path / "lists"
    songs = [
        heard(str(music / "a.mp3")),
        heard(str(music / "b\nc.mp3")),
        heard(str(folder / "#1.mp3"), "pop"),
        heard(str(music / "noise.mp3"), "pop", flag=True),
    ]
    assert [path.name for path in write_playlists(folder, songs)] == [
        "rock.m3u8",
        "pop.m3u8",
        "not-sure.m3u8",
    ]
    assert (folder / "rock.m3u8").read_text(encoding="utf-8") == (
        "#EXTM3U\n#EXTINF:62,a\n../music/a.mp3\n#EXTINF:62,b c\n../music/b c.mp3\n"
    )
    assert (folder / "pop.m3u8").read_text(encoding="utf-8").endswith("\n./#1.mp3\n")
    assert summary(songs) == "4 songs: rock 2, pop 1, not sure 1."
    songs = [heard("a.mp3", own=own("AC/DC")), heard("b.mp3", own=own("chaabi", True))]
    names = [path.name for path in write_playlists(folder, songs)]
    assert names == ["AC-DC.m3u8", "none-of-these.m3u8"]
    assert summary(songs) == "2 songs: AC/DC 1, none of these 1."


def test_tables_and_playlists_of_a_folder(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, lists = tmp_path / "table.csv", tmp_path / "lists"
    assert predict(music, *VERSION, "--csv", table, "--playlists", lists) == 0
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [str(music / name) for name in NAMES]
    found = {
        (lists / line).resolve()
        for path in lists.iterdir()
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    }
    assert found == {(music / name).resolve() for name in NAMES}
    assert "3 songs: " in capsys.readouterr().out
    # What is there is replaced only if that is said, and nothing is asked before.
    before = table.read_bytes()
    for words, reason in (
        (("--csv", table), f"{table}: exists already"),
        (("--csv", lists), f"{lists}: is a folder"),
        (("--playlists", lists), f"{lists}: holds files already"),
        (("--playlists", table), f"{table}: is a file"),
    ):
        assert predict(music, *VERSION, *words) == 2
        said = error_lines(capsys.readouterr().err)
        assert len(said) == 1
        assert said[0].startswith(f"error: {reason}")
    assert table.read_bytes() == before
    assert predict(music, *VERSION, "--csv", table, "--playlists", lists, "--overwrite") == 0
    assert table.read_bytes() == before


def test_own_genres_and_doubt_of_a_folder(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lessons = tmp_path / "lessons"
    write_songs(lessons / "Band", "band", range(6))
    write_songs(lessons / "tune", "tune", range(6))
    mine, out = tmp_path / "mine.json", tmp_path / "answers.jsonl"
    assert teach(lessons, "--out", mine) == 0
    hiss(music / "rain.wav", 6)
    capsys.readouterr()
    assert predict(music, "--own-genres", mine, "--out", out) == 0
    assert capsys.readouterr().out == "4 songs: Band 2, tune 1, none of these 1.\n"
    # Answers without own genres are others.
    assert predict(music, *VERSION, "--out", out) == 2
    assert f"{out}: holds answers of 'v10 " in capsys.readouterr().err


def test_a_link_is_asked_like_its_file(music: Path) -> None:
    (music / "link.wav").symlink_to(music / NAMES[0])
    (music / "nowhere.wav").symlink_to(music / "gone.wav")
    assert Stamp.of(music / "link.wav") == Stamp.of(music / NAMES[0])
    assert Stamp.of(music / "nowhere.wav") is None
    assert music / "link.wav" in list_files([music], print)


def test_kept_answers_know_a_file_that_was_written_to(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    assert predict(music, *VERSION, "--out", out) == 0
    name = lines(out)[0]["judge"]
    song = music / NAMES[0]
    os.utime(song, ns=(5, 5))
    answers = Answers(out, name)
    assert answers.known(song) is None
    stamp = Stamp.of(song)
    assert stamp is not None
    answers.restamp({str(song): stamp, "another": stamp})
    answers.close()
    assert [line["modified"] == 5 for line in lines(out)] == [True, False, False]
    assert len(lines(out)[0]["segments"]) == 1
