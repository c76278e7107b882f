"""Files and folders that are there whole or not at all; JSON; checksums."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .errors import TrainingError

LOCKED_BYTE = 2**40

# --- writing ----------------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden name beside the file `path`, renamed to it when the block ends well, else removed.

    Raises
    ------
    TrainingError : when the file cannot be written.
    """
    unfinished = _hidden(path)
    with _writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield unfinished
            unfinished.replace(path)
        finally:
            with contextlib.suppress(OSError):  # renamed, or never made
                unfinished.unlink()


@contextlib.contextmanager
def replacing_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """An empty folder of the same name in a hidden one, moved to `folder` when the block ends well.

    Parameters
    ----------
    overwrite : replace a folder that is there. It goes only when the new one stands, and comes
        back when that fails. Without `overwrite`, a folder with something in it is not touched.

    Raises
    ------
    TrainingError : when the folder cannot be written.
    """
    work = _hidden(folder)
    made, old = work / "new" / folder.name, work / "old" / folder.name
    with _writing(folder):
        try:
            made.mkdir(parents=True)
            yield made
            if overwrite and folder.is_dir():
                old.parent.mkdir()
                folder.rename(old)
            made.rename(folder)
        finally:
            # If even this fails, the old folder is still in the hidden one, which then stays.
            if old.exists() and not folder.exists():
                old.rename(folder)
            shutil.rmtree(work, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    r"""Write a file in UTF-8, whole or not at all.

    File names of foreign systems can hold letters that UTF-8 cannot; they are written out (\udc80).

    Raises
    ------
    TrainingError : when it cannot be written.
    """
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: Any) -> None:
    """Write a file of JSON, whole or not at all.

    Raises
    ------
    TrainingError : when it cannot be written.
    """
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises
    ------
    TrainingError : when it cannot be made.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def require_writable(path: Path) -> None:
    """Refuse a place where nothing can be written: before hours of work, not after them.

    Raises
    ------
    TrainingError : when no folder can be made beside `path`.
    """
    probe = _hidden(path)
    with _writing(path):
        probe.mkdir(parents=True)
        probe.rmdir()


def refuse_existing(path: Path) -> None:
    """Refuse to write over anything.

    Raises
    ------
    TrainingError : when there is something under that name.
    """
    if path.exists():
        raise TrainingError(f"{path}: exists already; choose another --out or remove it.")


def hold(file: IO[bytes], path: Path) -> None:
    """Keep other runs from an open file until it is closed, or this program ends in any way.

    A file system without locks lets both write.

    Raises
    ------
    TrainingError : when another run holds it.
    """
    try:
        _lock(file.fileno())
    except (BlockingIOError, PermissionError) as error:
        raise TrainingError(
            f"{path}: another run is writing to it; wait for its end, or name another file."
        ) from error
    except OSError:
        pass


def _lock(descriptor: int) -> None:
    """Take the lock of an open file.

    Raises
    ------
    BlockingIOError, PermissionError : when another has it; on Windows the latter.
    OSError : where there are no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        # Others cannot read what is locked there, so it is a byte behind the content.
        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{uuid.uuid4().hex}.part")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written ({error}).") from error


# --- reading ----------------------------------------------------------------------------------


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Put it in a sentence when the block cannot read `path`, or finds no UTF-8 in it.

    Raises
    ------
    TrainingError : naming the file and the reason.
    """
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise TrainingError(f"{path}: cannot be read ({why}).") from error


@contextlib.contextmanager
def undamaged(path: Path, advice: str = "") -> Iterator[None]:
    """Put it in a sentence when the content of `path` is not what the block expects.

    Raises
    ------
    TrainingError : naming the file, the reason and, where given, the advice.
    """
    try:
        yield
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{path}: is damaged ({error}){advice}.") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises
    ------
    OSError, ValueError : for a file that cannot be read, or holds no JSON.
    """
    return json.loads(path.read_bytes())


def as_json(content: Any) -> Any:
    """Plain data as a JSON file gives it back: tuples are lists."""
    return json.loads(json.dumps(content))


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal digits.

    Raises
    ------
    OSError : for a file that cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(content: Any) -> str:
    """The sha256 of plain data, written as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
