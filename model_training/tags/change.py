"""Change the genre of a file: on a copy beside it, which takes its place when all else is the same.

What a file keeps: its sound, sample for sample, and all other tags (both are compared before the
copy takes its place), permissions, owner and extended attributes. The time of its last change
becomes that of the change, unless it is to be kept: players and backups tell by it that there is
something new, and the size often stays.
"""

from __future__ import annotations

import dataclasses
import hashlib
import mmap
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..errors import TrainingError
from ..files import replacing
from ..sound.audio import decode
from ..sound.kinds import kind_of
from ..sound.lengths import mp3_frames
from .form import Form, Genre, TagError
from .id3 import Id3
from .mp4 import Mp4
from .vorbis import Vorbis

FORMS: dict[str, Form] = {
    "mp3": Id3("mp3"),
    "wav": Id3("wav"),
    "aiff": Id3("aiff"),
    "flac": Vorbis("flac"),
    "ogg": Vorbis("ogg"),
    "mp4": Mp4(),
}
KINDS = "mp3, flac, ogg, opus, m4a, wav and aiff"


@dataclasses.dataclass(frozen=True)
class Tagged:
    """A file with a tag that can be changed.

    Attributes
    ----------
    path : the file itself, no link to it.
    kind : a key of `FORMS`.
    """

    path: Path
    kind: str
    genre: Genre


def read_tag(path: Path) -> Tagged:
    """The genre in the tags of a file; links are followed.

    Raises
    ------
    TagError : for a file of another kind, and one whose tag is damaged.
    """
    real = path.resolve()
    kind = _kind(real, path)
    return Tagged(real, kind, FORMS[kind].read(real))


def _kind(real: Path, path: Path) -> str:
    """The kind of a file by its content, not by its name."""
    try:
        with real.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is empty"
        raise TagError(f"{path}: cannot be read ({why}).") from error
    with content:
        name = kind_of(content, real.name).name
        if not name and mp3_frames(content):
            name = "mp3"
    if name not in FORMS:
        raise TagError(f"{path}: tags of its kind are not written here; those of {KINDS} are.")
    return name


def write_genre(tagged: Tagged, names: Sequence[str], *, keep_time: bool = False) -> None:
    """Write genres into a file, unless its genre is no longer the one that `tagged` tells.

    Raises
    ------
    TrainingError : naming the file and why it is left as it is.
    """
    form = FORMS[tagged.kind]
    if form.read(tagged.path) != tagged.genre:
        raise TagError(f"{tagged.path}: its genre was changed meanwhile; it is left as it is.")

    def apply(copy: Path) -> None:
        form.write(copy, names)
        # An ID3 tag reads 17 as rock, and a damaged list of chunks may hide what was written.
        if (found := form.read(copy).names) != tuple(names):
            wanted, read = ", ".join(names), ", ".join(found) or "nothing"
            raise TagError(
                f"{tagged.path}: would tell {read} instead of {wanted}; it is left as it is."
            )

    _change(tagged, apply, keep_time)


def restore_genre(tagged: Tagged, genre: Genre, *, keep_time: bool = False) -> None:
    """Put the genre of a file back as it stood.

    Raises
    ------
    TrainingError : naming the file and why it is left as it is.
    """
    form = FORMS[tagged.kind]

    def apply(copy: Path) -> None:
        try:
            form.restore(copy, genre)
        except (KeyError, TypeError, ValueError) as error:
            raise TagError(
                f"{tagged.path}: its old genre is told in no form of its tag."
            ) from error
        if form.read(copy) != genre:
            raise TagError(
                f"{tagged.path}: would not have its old genre in the same form; it is left as it "
                "is."
            )

    _change(tagged, apply, keep_time)


def _change(tagged: Tagged, apply: Callable[[Path], None], keep_time: bool) -> None:
    path, form = tagged.path, FORMS[tagged.kind]
    before = _status(path)
    try:
        others, sound = form.others(path), _checksum(path)
        with replacing(path) as copy:
            shutil.copyfile(path, copy)
            apply(copy)
            if form.others(copy) != others:
                raise TagError(
                    f"{path}: other tags of it would not stay as they are; it is left as it is."
                )
            if _checksum(copy) != sound:
                raise TagError(f"{path}: its sound would not stay as it is; it is left as it is.")
            _dress(path, copy, before, keep_time)
            now = path.stat()
            if _version(now) != _version(before):
                raise TagError(
                    f"{path}: was changed while its tag was written; it is left as it is now."
                )
    except TrainingError as error:
        # The copy has a name that nobody knows.
        raise TagError(_named(str(error), path)) from error


def _status(path: Path) -> os.stat_result:
    try:
        status = path.stat()
    except OSError as error:
        raise TagError(f"{path}: cannot be read ({error.strerror}).") from error
    if not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(
        path, os.W_OK
    ):
        raise TagError(f"{path}: may not be written to; allow it first.")
    if status.st_nlink > 1:
        raise TagError(
            f"{path}: has {status.st_nlink} names (hard links), which writing would part; it is "
            "left as it is."
        )
    return status


def _version(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _checksum(path: Path) -> tuple[str, int, tuple[int, ...]]:
    """Of the decoded sound: its samples, rate and shape."""
    sound = decode(path)
    digest = hashlib.sha256(np.ascontiguousarray(sound.samples).data).hexdigest()
    return digest, sound.sample_rate, sound.samples.shape


def _dress(path: Path, copy: Path, before: os.stat_result, keep_time: bool) -> None:
    """Bring the copy to the disk, and give it what the file has beside its content."""
    # Windows refuses this to a handle that only reads.
    with copy.open("r+b") as file:
        os.fsync(file.fileno())
    written = copy.stat()
    shutil.copystat(path, copy)
    if (written.st_uid, written.st_gid) != (before.st_uid, before.st_gid):
        try:
            shutil.chown(copy, before.st_uid, before.st_gid)
        except (OSError, LookupError) as error:
            raise TagError(
                f"{path}: belongs to another user or group, which writing would change; it is left "
                "as it is."
            ) from error
        # A change of owner takes some permissions away.
        copy.chmod(stat.S_IMODE(before.st_mode))
    if not keep_time:
        os.utime(copy)


def _named(sentence: str, path: Path) -> str:
    """The sentence about the file, where it names the copy."""
    name, colon, rest = sentence.partition(": ")
    return f"{path}{colon}{rest}" if name.endswith(".part") else sentence
