"""Tags of m4a and other mp4 files, as iTunes writes them.

The genre is a text (`©gen`), or a number of the list of ID3v1 plus one (`gnre`), or both. A new
one is written as text; atoms that were there are put back byte for byte.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path

from mutagen.id3 import TCON
from mutagen.mp4 import MP4

from ..sound.kinds import boxes
from .form import Genre, whole_tag

TEXT, NUMBER = "\xa9gen", "gnre"
GENRES = {TEXT.encode("latin-1"): TEXT, NUMBER.encode(): NUMBER}
WAY = (b"moov", b"udta", b"meta", b"ilst")
# In front of a value: size, `data`, kind and language of the value.
BEFORE_VALUE = 16
UNKNOWN = "Unknown"


class Mp4:
    """The list of tags of an mp4."""

    def read(self, path: Path) -> Genre:
        """The genres, and their atoms as they stand."""
        with whole_tag(path):
            MP4(path)
            found = _genre_atoms(path.read_bytes())
            names = [name for key, data in found for name in _names(key, data)]
        # The same genre as text and as number is one.
        kept = tuple(dict.fromkeys(name for name in names if name.strip()))
        return Genre(kept, {"atoms": [[key, data.hex()] for key, data in found]})

    def write(self, path: Path, names: Sequence[str]) -> None:
        """Put genres in the place of those that are there."""
        self._save(path, names, [])

    def restore(self, path: Path, genre: Genre) -> None:
        """Put the atoms back."""
        atoms = [(str(key), bytes.fromhex(data)) for key, data in genre.state["atoms"]]
        if not {key for key, _ in atoms} <= {TEXT, NUMBER}:
            raise ValueError("other tags than the genre")
        self._save(path, [], atoms)

    def others(self, path: Path) -> object:
        """All other tags: read by mutagen, and their names as they stand."""
        with whole_tag(path):
            tags = MP4(path).tags or {}
            atoms = _atoms(path.read_bytes())
            names = collections.Counter(name for name, _ in atoms if name not in GENRES)
            return {key: repr(tags[key]) for key in tags if key != TEXT}, names

    def _save(self, path: Path, names: Sequence[str], atoms: Sequence[tuple[str, bytes]]) -> None:
        """Leave these genres in a file: texts, or atoms as they stand."""
        with whole_tag(path):
            sound = MP4(path)
            if sound.tags is None:
                sound.add_tags()
            tags = sound.tags
            assert tags is not None
            tags.pop(TEXT, None)
            # mutagen writes a number as text; what it could not read it writes as it was.
            as_it_was = tags._failed_atoms
            for key in (TEXT, NUMBER):
                as_it_was.pop(key, None)
            if names:
                tags[TEXT] = list(names)
            for key, data in atoms:
                as_it_was.setdefault(key, []).append(data)
            sound.save()


def _atoms(content: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents of the tags as they stand."""
    for step in WAY:
        found = next(((at, size) for name, at, size in boxes(content) if name == step), None)
        if found is None:
            return []
        at, size = found
        # `meta` has four bytes more than others (ISO/IEC 14496-12, 8.11.1).
        content = content[at + _head(content, at) + (4 if step == b"meta" else 0) : at + size]
    return [
        (name, content[at + _head(content, at) : at + size]) for name, at, size in boxes(content)
    ]


def _head(content: bytes, at: int) -> int:
    """Bytes in front of the content of a box."""
    return 16 if int.from_bytes(content[at : at + 4], "big") == 1 else 8


def _genre_atoms(content: bytes) -> list[tuple[str, bytes]]:
    return [(GENRES[name], data) for name, data in _atoms(content) if name in GENRES]


def _names(key: str, data: bytes) -> Iterator[str]:
    """The genres of an atom.

    Raises
    ------
    ValueError : for a text that is no UTF-8.
    """
    for name, at, size in boxes(data):
        if name != b"data":
            continue
        value = data[at + BEFORE_VALUE : at + size]
        if key == TEXT:
            yield value.decode("utf-8")
        elif number := int.from_bytes(value, "big"):
            yield TCON.GENRES[number - 1] if number <= len(TCON.GENRES) else UNKNOWN
