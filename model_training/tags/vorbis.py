"""Vorbis comments: of flac, and in ogg those of Vorbis, Opus, FLAC and Speex.

Comments are lines `NAME=value` in an order, the name in any case. A new genre takes the place and
the name of the first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mutagen.flac import FLAC
from mutagen.ogg import OggPage
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis

from ..sound.kinds import after_tags
from .form import Genre, TagError, damaged, whole_tag

KEY = "genre"
NEW_KEY = "GENRE"
# How the first packet begins, the class, and bytes before the comments in their packet.
CODINGS: tuple[tuple[bytes, Any, int], ...] = (
    (b"\x01vorbis", OggVorbis, 7),
    (b"OpusHead", OggOpus, 8),
    (b"\x7fFLAC", OggFLAC, 4),
    (b"Speex   ", OggSpeex, 0),
)
# Blocks of flac: that of comments, and padding.
COMMENTS, PADDING = 4, 1
BLOCK_HEAD = 4


class Vorbis:
    """Vorbis comments of a flac, or of an ogg."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def read(self, path: Path) -> Genre:
        """The genres, and where they stand among the comments."""
        with whole_tag(path):
            _, tags = self._open(path)
        found = [(i, k, v) for i, (k, v) in enumerate(tags or ()) if k.lower() == KEY]
        names = tuple(value for _, _, value in found if value.strip())
        return Genre(names, {"fields": [list(each) for each in found]}, bare=tags is None)

    def write(self, path: Path, names: Sequence[str]) -> None:
        """Put genres in the place of the first one that is there, or at the end."""
        with whole_tag(path):
            sound, tags = self._open(path)
            if tags is None:
                sound.add_tags()
                tags = sound.tags
            old = [(i, k) for i, (k, _) in enumerate(tags) if k.lower() == KEY]
            at, key = old[0] if old else (len(tags), NEW_KEY)
            kept = [(k, v) for k, v in tags if k.lower() != KEY]
            tags[:] = [*kept[:at], *((key, name) for name in names), *kept[at:]]
            sound.save()

    def restore(self, path: Path, genre: Genre) -> None:
        """Put each genre back where it stood; comments that were made for it go."""
        fields = [(int(at), str(key), str(value)) for at, key, value in genre.state["fields"]]
        with whole_tag(path):
            sound, tags = self._open(path)
            kept = [(k, v) for k, v in tags or () if k.lower() != KEY]
            if genre.bare and not kept:
                sound.delete()
                return
            tags[:] = kept
            for at, key, value in fields:
                tags.insert(at, (key, value))
            sound.save()

    def others(self, path: Path) -> object:
        """Vendor and other comments, byte for byte, and of a flac its other blocks."""
        with whole_tag(path):
            blocks, data = self._raw(path)
            vendor, comments = _comments(data) if data else (b"", [])
        kept = [line for line in comments if line.partition(b"=")[0].lower() != KEY.encode()]
        # Comments that were made for the genre have only that.
        return (blocks, (vendor if kept else b"", kept))

    def _open(self, path: Path) -> tuple[Any, Any]:
        """The file, and its comments; None where it has none."""
        if self.kind == "flac":
            sound = FLAC(path)
            return sound, _refuse_foreign(path, sound.tags)
        sound = _ogg_coding(path)[0](path)
        return sound, _refuse_foreign(path, sound.tags)

    def _raw(self, path: Path) -> tuple[list[bytes], bytes]:
        """Other blocks of a flac; the bytes that begin with the comments."""
        if self.kind == "flac":
            blocks = FLAC(path).metadata_blocks
            kept = [
                bytes([b.code]) + b.write() for b in blocks if b.code not in (COMMENTS, PADDING)
            ]
            return kept, _flac_comments(path.read_bytes())
        return [], _second_packet(path)[_ogg_coding(path)[1] :]


def _flac_comments(content: bytes) -> bytes:
    """What begins with the comments of a flac; empty where it has none (RFC 9639, 8)."""
    at = after_tags(content) + len(b"fLaC")
    last = False
    while not last and at + BLOCK_HEAD <= len(content):
        last, code = bool(content[at] & 0x80), content[at] & 0x7F
        size = int.from_bytes(content[at + 1 : at + BLOCK_HEAD], "big")
        at += BLOCK_HEAD
        if code == COMMENTS:
            return content[at:]
        at += size
    return b""


def _second_packet(path: Path) -> bytes:
    """The packet of an ogg that holds the comments."""
    pages: list[Any] = []
    packets: list[bytes] = []
    with path.open("rb") as file:
        while len(packets) < 2 or (len(packets) == 2 and not pages[-1].complete):
            page = OggPage(file)
            if not pages or page.serial == pages[0].serial:
                pages.append(page)
                packets = OggPage.to_packets(pages)
    return packets[1]


def _ogg_coding(path: Path) -> tuple[Any, int]:
    with path.open("rb") as file:
        first = OggPage(file).packets[0]
    for word, kind, skipped in CODINGS:
        if first.startswith(word):
            return kind, skipped
    raise TagError(f"{path}: is an ogg of a coding whose tags are not written here.")


def _refuse_foreign(path: Path, tags: Any) -> Any:
    """Comments that are UTF-8; mutagen would replace other letters for good."""
    if tags is not None and any("\ufffd" in text for line in tags for text in line):
        raise damaged(path, "its comments are no UTF-8")
    return tags


def _comments(data: bytes) -> tuple[bytes, list[bytes]]:
    """Vendor and comments as they stand (Vorbis I, 5.2.1)."""
    at = 0

    def text() -> bytes:
        nonlocal at
        size = int.from_bytes(data[at : at + 4], "little")
        found = data[at + 4 : at + 4 + size]
        if len(found) < size:
            raise ValueError("its comments end too early")
        at += 4 + size
        return found

    vendor = text()
    count = int.from_bytes(data[at : at + 4], "little")
    at += 4
    return vendor, [text() for _ in range(count)]
