"""The table of docs/files.md, and what became of a file, in the words of this table."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .file_kinds import Kind
from .site import ROOT

TABLE = ROOT / "docs" / "files.md"
VERSION = "v9"
PATIENCE_S = 60
# Of a piece of the version's grid.
PIECE_S = 64 * 1711 / 22050
# How a page decodes every song bit by bit: songs over so many minutes are long ones.
ALL_LONG = 0.01

# Keeps the answers to the page's requests, in every browser.
KEEP_ANSWERS = """() => {
  // An element of the page has this name, too.
  if (Array.isArray(window.kept)) return;
  const real = window.fetch;
  window.kept = [];
  window.fetch = async (...parts) => {
    const response = await real(...parts);
    const answered = response.ok && response.url.includes('/predictions');
    if (answered) kept.push(await response.clone().json());
    return response;
  };
}"""
EMPTY = """() => {
  const clear = document.getElementById('clear');
  if (clear.checkVisibility()) clear.click();
  window.kept = [];
}"""
# null: not answered yet.
LOOK = """(name) => {
  const song = document.querySelector(`article.song[data-name=${JSON.stringify(name)}]`);
  if (!['done', 'failed'].includes(song?.dataset.state)) return null;
  const status = song.querySelector('[role=status]').textContent;
  if (song.dataset.state === 'failed') return { said: status, answers: [] };
  if (song.classList.contains('folded')) song.querySelector('.song-toggle').click();
  if (!kept.length) return null;
  const weak = song.querySelector('.weak');
  return { said: weak.hidden ? '' : weak.textContent, answers: kept };
}"""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes
    ----------
    said : the remark about a song that was heard, or the sentence of one that was refused.
    end : end of the last piece, in seconds; 0 for a file that was refused.
    probabilities : (n_pieces, n_genres) of a song that was heard.
    took : seconds from the choice of the file, where they were measured.
    """

    said: str = ""
    end: float = 0.0
    probabilities: npt.NDArray[np.float64] | None = None
    took: float = 0.0

    @property
    def heard(self) -> bool:
        return self.probabilities is not None


def outcome_of(answers: list[dict[str, Any]], said: str, took: float = 0.0) -> Outcome:
    """Return what became of a song, by the answers to all its requests; none: it was refused."""
    pieces = [piece for answer in answers for piece in answer["segments"]]
    if not pieces:
        return Outcome(said, took=took)
    probabilities = np.array([piece["probabilities"] for piece in pieces])
    return Outcome(said, max(piece["end"] for piece in pieces), probabilities, took)


def on_page(
    kinds: list[Kind], run: Callable[..., Any], choose: Callable[[Path], None]
) -> dict[str, Outcome]:
    """Let an open page hear files, one after the other, so that none waits for another.

    Parameters
    ----------
    run : runs a function of JavaScript, given as text, with the arguments that follow.
    choose : chooses a file.
    """
    run(KEEP_ANSWERS)
    found = {}
    for kind in kinds:
        run(EMPTY)
        began = time.monotonic()
        choose(kind.path)
        while not (seen := run(LOOK, kind.path.name)):
            if time.monotonic() > began + PATIENCE_S:
                seen = {"said": "", "answers": []}
                break
            time.sleep(0.02)
        found[kind.row] = outcome_of(seen["answers"], seen["said"], time.monotonic() - began)
    return found


def on_command_line(kinds: list[Kind], path: str) -> dict[str, Outcome]:
    """Let `predict` hear files, with this search path for programs."""
    command = [
        sys.executable, "-m", "model_training", "predict", "--version", VERSION, "--json",
        *(str(kind.path) for kind in kinds),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * PATIENCE_S,
    )
    answers = {Path(answer["file"]): answer for answer in map(json.loads, done.stdout.splitlines())}
    lines = [line.partition(": ") for line in done.stderr.splitlines()]
    said = {Path(name): text for name, _, text in lines}
    found = {}
    for kind in kinds:
        answer = answers.get(kind.path)
        remark = '"narrow": true' if answer and answer["narrow"] else said.get(kind.path, "")
        found[kind.row] = outcome_of([answer] if answer else [], remark)
    return found


def tables() -> tuple[dict[str, dict[str, str]], list[tuple[str, str]], dict[str, float]]:
    """Return the three tables.

    Returns
    -------
    The rows, each by the heads of its cells; words with their sentences; by some rows the largest
    difference between the shares of a piece on the page and on the command line.
    """
    found: list[list[list[str]]] = [[]]
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    (head, _, *rows), (_, _, *sentences), (_, _, *apart) = (table for table in found if table)
    return (
        {name: dict(zip(head[1:], cells, strict=True)) for name, *cells in rows},
        [(word, sentence) for word, sentence in sentences],
        {name: float(most) for name, most, _ in apart},
    )


def word_for(said: str, sentences: list[tuple[str, str]]) -> str:
    """Return the word for a sentence; "…" in those of the table stands for any text."""
    for word, sentence in sentences:
        pattern = ".+".join(re.escape(part) for part in sentence.split("…"))
        if re.fullmatch(pattern, said):
            return word
    return f'"{said}"'


def cell(kind: Kind, outcome: Outcome, sentences: list[tuple[str, str]]) -> str:
    """Return what the table says of such an outcome."""
    if not outcome.heard:
        return f"refused: {word_for(outcome.said, sentences)}" if outcome.said else "no answer"
    whole = kind.seconds - PIECE_S < outcome.end < kind.seconds + 0.5
    remark = f", remark: {word_for(outcome.said, sentences)}" if outcome.said else ""
    return f"heard{'' if whole else f' up to {outcome.end:.1f} s'}{remark}"


def check_column(kinds: list[Kind], column: str, found: dict[str, Outcome]) -> None:
    """Check all cells of a column at once."""
    rows, sentences, _ = tables()
    assert [kind.row for kind in kinds] == list(rows)
    seen = {kind.row: cell(kind, found[kind.row], sentences) for kind in kinds}
    wrong = [
        f"{row}: the table says {cells[column]!r}, seen: {seen[row]!r}"
        for row, cells in rows.items()
        if cells[column] != seen[row]
    ]
    assert not wrong, "\n".join(wrong)
