"""Tags of m4a and other mp4 files, as iTunes writes them."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path

from mutagen.mp4 import MP4

from ..sound.kinds import boxes
from .form import Genre, State, whole_tag

ATOM = "\xa9gen"
# The same genre as text, and as a number of an old list, which mutagen reads and writes as text.
GENRES = {b"\xa9gen", b"gnre"}
WAY = (b"moov", b"udta", b"meta", b"ilst")


class Mp4:
    """The list of tags of an mp4."""

    def read(self, path: Path) -> Genre:
        """The genres."""
        with whole_tag(path):
            tags = MP4(path).tags
            values = [str(value) for value in (tags or {}).get(ATOM, [])]
        names = tuple(value for value in values if value.strip())
        return Genre(names, {"values": values})

    def write(self, path: Path, names: Sequence[str]) -> None:
        """Put genres in the place of those that are there."""
        self._set(path, list(names))

    def restore(self, path: Path, state: State) -> None:
        """Put the genres back."""
        self._set(path, [str(value) for value in state["values"]])

    def others(self, path: Path) -> object:
        """All other tags: read by mutagen, and their names as they stand."""
        with whole_tag(path):
            tags = MP4(path).tags or {}
            content = path.read_bytes()
            names = collections.Counter(name for name in _atoms(content) if name not in GENRES)
            return {key: repr(tags[key]) for key in tags if key != ATOM}, names

    def _set(self, path: Path, values: list[str]) -> None:
        with whole_tag(path):
            sound = MP4(path)
            if sound.tags is None:
                sound.add_tags()
            assert sound.tags is not None
            if values:
                sound.tags[ATOM] = values
            else:
                sound.tags.pop(ATOM, None)
            sound.save()


def _atoms(content: bytes) -> list[bytes]:
    """Names of the tags as they stand."""
    for step in WAY:
        found = next(((at, size) for name, at, size in boxes(content) if name == step), None)
        if found is None:
            return []
        at, size = found
        head = 16 if int.from_bytes(content[at : at + 4], "big") == 1 else 8
        # `meta` has four bytes more than others (ISO/IEC 14496-12, 8.11.1).
        content = content[at + head + (4 if step == b"meta" else 0) : at + size]
    return [name for name, _, _ in boxes(content)]
