"""ID3v2 tags: in front of mp3 (ID3v2.3 and 2.4), in a chunk of wav and aiff.

The version of a tag stays, and so do an ID3v1 tag behind the sound, byte for byte, and an APEv2
tag. A new tag is an ID3v2.3, which most programs read, and has what an ID3v1 tag told.
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mutagen
from mutagen.aiff import AIFF
from mutagen.apev2 import APENoHeaderError, APEv2
from mutagen.id3 import ID3, TCON, ID3NoHeaderError, ParseID3v1
from mutagen.wave import WAVE

from ..sound.lengths import LAYOUTS, chunks
from .form import Genre, TagError, damaged, whole_tag

HEAD = 10
V1_BYTES = 128
FRAME = "TCON"
NEW_VERSION = 3
# Bits of a tag's head, and codings of a text.
UNSYNCHRONISED, EXTENDED = 0x80, 0x40
LATIN_1, UTF_16, UTF_8 = 0, 1, 3


class Id3:
    """ID3v2 in an mp3, or in a chunk of wav or aiff (`kind`)."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def read(self, path: Path) -> Genre:
        """The genre: of ID3v2, else of another tag beside it."""
        with whole_tag(path):
            tag = self._open(path)
            frame = None if tag is None else tag.get(FRAME)
            state: dict[str, Any] = {"frame": None}
            if frame is not None:
                state["frame"] = {"encoding": int(frame.encoding), "text": list(frame.text)}
            names = [] if frame is None else list(frame.genres)
            if not any(names):
                names = _of_id3v1(path) if self.kind == "mp3" else []
                names = names or self._elsewhere(path)[0]
        if tag is not None and tag.version[1] not in (3, 4):
            raise TagError(
                f"{path}: its tag is of ID3v2.{tag.version[1]}, which is not written here: make it "
                "ID3v2.3 with another program."
            )
        return Genre(tuple(name for name in names if name.strip()), state, bare=tag is None)

    def write(self, path: Path, names: Sequence[str]) -> None:
        """Put genres in the place of those that are there; the version of the tag stays."""
        with whole_tag(path):
            there, place = self._elsewhere(path)
            if there:
                raise TagError(
                    f"{path}: has its genre in {place}, which is not written here; some programs "
                    "would show the old one."
                )
            tag = self._open(path)
            version = NEW_VERSION if tag is None else tag.version[1]
            latin = all(name.isascii() or _is_latin(name) for name in names)
            encoding = LATIN_1 if latin else UTF_16 if version == 3 else UTF_8
            self._save(path, TCON(encoding=encoding, text=list(names)))

    def restore(self, path: Path, genre: Genre) -> None:
        """Put the frame back as it was; a tag that was made for it goes."""
        frame = genre.state["frame"]
        with whole_tag(path):
            _, frames, names = self._frames(path, self._raw(path)[0])
            if genre.bare and self._is_made(path, frames, names):
                if self.kind == "mp3":
                    ID3(path, load_v1=False).delete(path, delete_v1=False)
                else:
                    self._container(path).delete()
                return
            old = None
            if frame is not None:
                old = TCON(encoding=int(frame["encoding"]), text=list(frame["text"]))
            self._save(path, old)

    def others(self, path: Path) -> object:
        """All other frames: read by mutagen, and their names as they stand; what lies behind."""
        with whole_tag(path):
            data, rest = self._raw(path)
            version, frames, names = self._frames(path, data)
            made = self._is_made(path, frames, names)
        return rest if made else (rest, version, frames, names)

    def _frames(
        self, path: Path, data: bytes | None
    ) -> tuple[Any, dict[str, str], collections.Counter[str]]:
        """Version of the tag; its other frames as mutagen reads them; their names in its bytes."""
        tag = self._open(path)
        frames = {} if tag is None else {key: repr(tag[key]) for key in tag if key != FRAME}
        names = collections.Counter() if data is None else _frame_names(path, data)
        return None if tag is None else tag.version, frames, names

    def _is_made(self, path: Path, frames: dict[str, str], names: collections.Counter[str]) -> bool:
        """Whether the genre is all that a tag tells, but for what an ID3v1 tag told."""
        # One that cannot be read has a name all the same.
        known = collections.Counter(key.partition(":")[0] for key in frames)
        if names != known:
            return False
        return not frames or (self.kind == "mp3" and _v1_frames(path) == frames)

    def _elsewhere(self, path: Path) -> tuple[list[str], str]:
        """Genres beside ID3 tags, and where they stand."""
        if self.kind == "mp3":
            return _of_apev2(path), "an APEv2 tag"
        return (_of_info(path) if self.kind == "wav" else []), "a list of texts (RIFF INFO)"

    def _container(self, path: Path) -> Any:
        kind = WAVE if self.kind == "wav" else AIFF
        return kind(path, translate=False, load_v1=False)

    def _open(self, path: Path) -> Any:
        """The tag as it stands, nothing translated; None where there is none."""
        if self.kind != "mp3":
            return self._container(path).tags
        try:
            return ID3(path, translate=False, load_v1=False)
        except ID3NoHeaderError:
            return None

    def _save(self, path: Path, frame: TCON | None) -> None:
        if self.kind != "mp3":
            self._save_in_chunk(path, frame)
            return
        tag = self._open(path)
        if tag is None:
            tag = ID3()
            for each in (_parsed_v1(path) or {}).values():
                tag.add(each)
        version = tag.version[1] if tag.filename else NEW_VERSION
        _set(tag, frame)
        last = _v1_bytes(path)
        # mutagen cannot leave an ID3v1 tag alone: it is updated, and put back.
        tag.save(path, v1=1, v2_version=version, v23_sep=None)
        if last:
            with path.open("r+b") as file:
                file.seek(-V1_BYTES, 2)
                file.write(last)

    def _save_in_chunk(self, path: Path, frame: TCON | None) -> None:
        sound = self._container(path)
        version = NEW_VERSION if sound.tags is None else sound.tags.version[1]
        if sound.tags is None:
            sound.add_tags()
        _set(sound.tags, frame)
        sound.tags.save(path, v2_version=version, v23_sep=None)

    def _raw(self, path: Path) -> tuple[bytes | None, str]:
        """The bytes of the tag, and a checksum of what is not the tag."""
        content = path.read_bytes()
        if self.kind == "mp3":
            end = HEAD + _syncsafe(content[6:HEAD]) if content[:3] == b"ID3" else 0
            end += HEAD if end and content[5] & 0x10 else 0
            return content[:end] or None, hashlib.sha256(content[end:]).hexdigest()
        layout = LAYOUTS[self.kind]
        data = None
        rest = hashlib.sha256()
        for name, at, size in chunks(content, layout, layout.first):
            if name in (b"ID3 ", b"id3 "):
                data = content[at : at + size]
            else:
                rest.update(name + content[at : at + size])
        return data, rest.hexdigest()


def _set(tag: ID3, frame: TCON | None) -> None:
    tag.delall(FRAME)
    if frame is not None:
        tag.add(frame)


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


# --- beside ID3v2 -------------------------------------------------------------------------------


def _v1_bytes(path: Path) -> bytes:
    """The ID3v1 tag at the end of a file; empty where there is none."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - V1_BYTES))
        last = file.read(V1_BYTES)
    return last if len(last) == V1_BYTES and last[:3] == b"TAG" else b""


def _parsed_v1(path: Path) -> Any:
    last = _v1_bytes(path)
    return ParseID3v1(last, NEW_VERSION) if last else None


def _v1_frames(path: Path) -> dict[str, str]:
    found = _parsed_v1(path) or {}
    return {frame.HashKey: repr(frame) for frame in found.values() if frame.FrameID != FRAME}


def _of_id3v1(path: Path) -> list[str]:
    """The genre of an ID3v1 tag."""
    found = (_parsed_v1(path) or {}).get(FRAME)
    return [] if found is None else [name for name in found.genres if name]


def _of_apev2(path: Path) -> list[str]:
    """The genres of an APEv2 tag of an mp3."""
    try:
        tag = APEv2(path)
    except APENoHeaderError:
        return []
    except mutagen.MutagenError:
        return []  # that of ID3v2 is whole
    return str(tag["Genre"]).split("\0") if "Genre" in tag else []


def _of_info(path: Path) -> list[str]:
    """The genre of the list of texts of a wav (RIFF INFO, IGNR)."""
    content = path.read_bytes()
    layout = LAYOUTS["wav"]
    for name, at, size in chunks(content, layout, layout.first):
        if name == b"LIST" and content[at : at + 4] == b"INFO":
            texts = content[at : at + size]
            for text, start, length in chunks(texts, layout, 4):
                if text == b"IGNR":
                    found = texts[start : start + length].rstrip(b"\0")
                    return [found.decode("utf-8", "replace")]
    return []


# --- the frames as they stand -------------------------------------------------------------------


def _syncsafe(data: bytes) -> int:
    """A number of seven bits a byte (ID3v2.4 structure, 6.2)."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def _frame_names(path: Path, data: bytes) -> collections.Counter[str]:
    """Names of the frames of a tag, those of the genre and empty ones left out.

    mutagen leaves out a frame that it cannot read, and says nothing; here it is missed.

    Raises
    ------
    TagError : when the frames do not fill the tag.
    """
    version, flags = data[3], data[5]
    frames = data[HEAD : HEAD + _syncsafe(data[6:HEAD])]
    if version < 4 and flags & UNSYNCHRONISED:
        frames = frames.replace(b"\xff\x00", b"\xff")
    if flags & EXTENDED:
        size = frames[:4]
        frames = frames[_syncsafe(size) if version == 4 else int.from_bytes(size, "big") + 4 :]
    # iTunes once wrote plain sizes into ID3v2.4.
    for plain in (False, True) if version == 4 else (True,):
        if (found := _walk(frames, plain)) is not None:
            return collections.Counter(
                name.decode("latin-1")
                for name, body in found
                if name != FRAME.encode() and not _is_empty(name, body)
            )
    raise damaged(path, "its frames do not fill it")


def _walk(frames: bytes, plain: bool) -> list[tuple[bytes, bytes]] | None:
    found = []
    for name, size, at in _heads(frames, plain):
        if at + size > len(frames) or not name.isalnum():
            return None
        found.append((name, frames[at : at + size]))
    return found


def _heads(frames: bytes, plain: bool) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    while at + HEAD <= len(frames) and frames[at]:
        size = frames[at + 4 : at + 8]
        length = int.from_bytes(size, "big") if plain else _syncsafe(size)
        yield frames[at : at + 4], length, at + HEAD
        at += HEAD + length


def _is_empty(name: bytes, body: bytes) -> bool:
    """Whether a frame says nothing: mutagen does not write it again."""
    return not body or (name[:1] == b"T" and not body[1:].strip(b"\0\xff\xfe"))
