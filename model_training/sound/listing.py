"""Sound files of folders: which are taken, and how many are left out."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from pathlib import Path

from .kinds import SUFFIXES, is_transport_stream

LeftOut = collections.Counter[str]
Visits = collections.Counter[Path]
Refused = Callable[[Path, OSError], object]
HIDDEN = "hidden"
CIRCLES = "links in a circle"
# Links between folders that all link to each other would lead on for hours.
MOST_VISITS = 100
NAMELESS = "without an ending"
# Endings that a sentence names; the others are counted together.
MOST_NAMED = 8


def is_hidden(path: Path) -> bool:
    """Whether a name is hidden or a system's own (such as macOS' copies of attributes)."""
    return path.name.startswith(".") or path.name == "__MACOSX"


def sound_files(
    folder: Path,
    *,
    deep: bool = True,
    left_out: LeftOut | None = None,
    above: Path | None = None,
    refused: Refused | None = None,
) -> Iterator[Path]:
    """Sound files in a folder, sorted, by their names' endings; nothing hidden.

    Parameters
    ----------
    deep : those of all folders below too. Links to folders are followed, but never to one that the
        link lies in, and to each one `MOST_VISITS` times at most.
    left_out : gets the number of files that were left out, by their ending, or as `HIDDEN` (a
        hidden folder counts as one) and `CIRCLES`.
    above : a folder that no link is followed to either.
    refused : gets each folder that cannot be read, and why; the others are walked all the same.

    Raises
    ------
    OSError : for a folder that cannot be read, without `refused`.
    """
    inside = {folder.resolve(), *([above.resolve()] if above else [])}
    found = LeftOut() if left_out is None else left_out
    yield from _walk(folder, deep, found, inside, collections.Counter(), refused)


def _walk(
    folder: Path,
    deep: bool,
    left_out: LeftOut,
    inside: set[Path],
    visits: Visits,
    refused: Refused | None,
) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        if refused is None:
            raise
        refused(folder, error)
        return
    for entry in entries:
        if is_hidden(entry):
            left_out[HIDDEN] += 1
        elif entry.is_dir():
            if not deep:
                continue
            real = entry.resolve()
            visits[real] += 1
            if real in inside or visits[real] > MOST_VISITS:
                left_out[CIRCLES] += 1
            else:
                yield from _walk(entry, deep, left_out, inside | {real}, visits, refused)
        elif _is_sound(entry):
            yield entry
        else:
            left_out[entry.suffix.lower() or NAMELESS] += 1


def _is_sound(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in SUFFIXES and (suffix != ".ts" or is_transport_stream(path))


def left_out_text(left_out: LeftOut) -> list[str]:
    """The numbers in one sentence; none when nothing was left out."""
    if not left_out:
        return []
    named = left_out.most_common(MOST_NAMED)
    rest = left_out.total() - sum(count for _, count in named)
    counts = ", ".join(f"{count} {what}" for what, count in named)
    others = f", {rest} others" if rest else ""
    return [f"Left out, as no sound by name: {counts}{others}."]
