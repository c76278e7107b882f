"""Files and folders are written whole or not at all, and a refusal is a sentence."""

import hashlib
import json
import os
import sys
import types
import zipfile

import pytest

from model_training import files
from model_training.errors import TrainingError


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with files.replacing(path) as unfinished:
        unfinished.write_text("half")
        assert not path.exists()
        unfinished.write_text("whole")
    assert path.read_text() == "whole"
    assert names(tmp_path) == ["new", "new/file.txt"]


def test_a_file_is_held_until_it_is_closed(tmp_path):
    path = tmp_path / "file.txt"
    with path.open("a+b") as file, path.open("a+b") as other:
        files.hold(file, path)
        with pytest.raises(TrainingError, match=r"file.txt: another run is writing to it"):
            files.hold(other, path)
        file.close()
        files.hold(other, path)


def test_windows_holds_a_byte_behind_the_content(tmp_path, monkeypatch):
    """Its module stands in; there is no Windows here."""
    asked: list[tuple[int, int, int]] = []
    held: list[int] = []

    def locking(descriptor, mode, count):
        asked.append((os.lseek(descriptor, 0, os.SEEK_CUR), mode, count))
        if held:
            raise PermissionError(13, "Permission denied")
        held.append(descriptor)

    module = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
    path = tmp_path / "file.txt"
    path.write_text("content")
    with path.open("a+b") as file, monkeypatch.context() as windows:
        windows.setitem(sys.modules, "msvcrt", module)
        windows.setattr(sys, "platform", "win32")
        files.hold(file, path)
        with pytest.raises(TrainingError, match="another run is writing to it"):
            files.hold(file, path)
        file.write(b" and more")
    assert asked == [(2**40, 2, 1)] * 2
    assert path.read_text() == "content and more"


def test_a_file_system_without_locks_lets_both_write(tmp_path, monkeypatch):
    def without(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", without)
    with (tmp_path / "file.txt").open("a+b") as file:
        files.hold(file, tmp_path / "file.txt")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_stays_when_the_new_one_breaks_off(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_half() -> None:
        with files.replacing(path) as unfinished:
            unfinished.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_file_stays_when_the_new_one_cannot_be_moved(tmp_path, refuse_move):
    path = tmp_path / "file.txt"
    path.write_text("old")
    refuse_move(path)
    with pytest.raises(TrainingError, match=r"file\.txt: cannot be written \(.*No space"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("name", ["run", "old", "new"])
def test_a_folder_appears_when_it_is_whole(tmp_path, name):
    folder = tmp_path / "runs" / name
    with files.replacing_folder(folder) as made:
        assert made.name == name
        (made / "a").write_text("a")
        assert not folder.exists()
    with files.replacing_folder(folder, overwrite=True) as made:
        (made / "b").write_text("b")
        assert names(folder) == ["a"]
    assert names(tmp_path) == ["runs", f"runs/{name}", f"runs/{name}/b"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_folder_stays_when_the_new_one_breaks_off(tmp_path, error):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a").write_text("a")

    def write_half() -> None:
        with files.replacing_folder(folder, overwrite=True) as made:
            (made / "b").write_text("b")
            raise error

    with pytest.raises(error):
        write_half()
    assert names(tmp_path) == ["run", "run/a"]


def test_a_folder_comes_back_when_the_new_one_cannot_be_moved(tmp_path, refuse_move):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a").write_text("a")
    refuse_move(folder)
    with (
        pytest.raises(TrainingError, match=r"run: cannot be written \(.*No space"),
        files.replacing_folder(folder, overwrite=True) as made,
    ):
        (made / "b").write_text("b")
    assert names(tmp_path) == ["run", "run/a"]


def test_a_folder_that_came_in_the_meantime_is_not_touched(tmp_path):
    folder = tmp_path / "run"

    def write_at_the_same_time() -> None:
        with files.replacing_folder(folder) as made:
            (made / "b").write_text("b")
            folder.mkdir()
            (folder / "a").write_text("a")

    with pytest.raises(TrainingError, match="run: cannot be written"):
        write_at_the_same_time()
    assert names(tmp_path) == ["run", "run/a"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_does_not_replace_a_file(tmp_path, overwrite):
    (tmp_path / "run").write_text("a file")
    with (
        pytest.raises(TrainingError, match="run: cannot be written"),
        files.replacing_folder(tmp_path / "run", overwrite=overwrite),
    ):
        pass
    assert (tmp_path / "run").read_text() == "a file"
    assert names(tmp_path) == ["run"]


def test_json_comes_back_with_names_that_are_no_text(tmp_path):
    # A file name of a foreign system, as Python decodes it.
    content = {"genre": "chaâbi", "path": b"caf\xe9.mp3".decode("utf-8", "surrogateescape")}
    path = tmp_path / "content.json"
    files.write_json(path, content)
    assert files.read_json(path) == content
    assert '"chaâbi"' in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").endswith("\n}\n")
    assert files.as_json({"sizes": (1, 2)}) == {"sizes": [1, 2]}


def test_checksums(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert files.sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
    assert files.digest_of({"b": 1, "a": 2}) == files.digest_of({"a": 2, "b": 1})
    assert files.digest_of({"a": 1}) == hashlib.sha256(b'{"a": 1}').hexdigest()


def test_a_place_is_tried_before_hours_of_work(tmp_path):
    files.require_writable(tmp_path / "runs" / "run")
    assert names(tmp_path) == ["runs"]
    (tmp_path / "file").write_text("in the way")
    for refuse in (files.require_writable, files.make_folder):
        with pytest.raises(TrainingError, match=r"run: cannot be written \("):
            refuse(tmp_path / "file" / "run")
    with pytest.raises(TrainingError, match="runs: exists already; choose another --out"):
        files.refuse_existing(tmp_path / "runs")


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_an_unreadable_file_is_a_sentence(tmp_path, content):
    path = tmp_path / "a.toml"
    if content:
        path.write_bytes(content)
    told = "No such file or directory" if content is None else "'utf-8' codec"
    with (
        pytest.raises(TrainingError, match=rf"^\S*a\.toml: cannot be read \({told}"),
        files.reading(path),
    ):
        path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "error", [KeyError("a"), ValueError("a"), EOFError("a"), zipfile.BadZipFile("a")]
)
def test_a_damaged_file_is_a_sentence(tmp_path, error):
    told = rf"^\S*a\.json: is damaged \({error}\); remove it\.$"
    with (
        pytest.raises(TrainingError, match=told),
        files.undamaged(tmp_path / "a.json", "; remove it"),
    ):
        raise error
    with pytest.raises(json.JSONDecodeError):
        files.read_json(_write(tmp_path / "b.json", "{"))


def _write(path, text):
    path.write_text(text)
    return path
