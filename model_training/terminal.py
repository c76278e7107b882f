"""Plain tables for the terminal: no lines, no colours, never wider than 100 columns."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

WIDEST = 100
NARROWEST = 60
GAP = "  "


def width() -> int:
    """Columns to use: those of the terminal, within reason; WIDEST where there is none."""
    columns = shutil.get_terminal_size((WIDEST, 24)).columns
    return max(NARROWEST, min(WIDEST, columns))


def shorten(text: str, columns: int) -> str:
    """A text on one line and at most so many columns wide; letters of Chinese take two."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    if cell_len(text) <= columns:
        return text
    return set_cell_size(text, columns - 1).rstrip() + "…"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """A table as text without a line break at its end.

    The first `words` columns are aligned left and, the first of them, shortened when there is too
    little room; the others hold numbers, aligned right.
    """
    lines = [list(headers), *map(list, rows)]
    sizes = [max(cell_len(line[i]) for line in lines) for i in range(len(headers))]
    room = width() - sum(sizes[1:]) - len(GAP) * (len(sizes) - 1)
    sizes[0] = min(sizes[0], max(room, 8))
    printed = []
    for line in lines:
        cells = []
        for i, (cell, size) in enumerate(zip(line, sizes, strict=True)):
            cell = shorten(cell, size)
            pad = " " * (size - cell_len(cell))
            cells.append(cell + pad if i < words else pad + cell)
        printed.append(GAP.join(cells).rstrip())
    return "\n".join(printed)


def printable(text: str) -> str:
    r"""A text that UTF-8 takes: what it lacks, of file names, is written out (\udc80)."""
    return text.encode("utf-8", "backslashreplace").decode()
