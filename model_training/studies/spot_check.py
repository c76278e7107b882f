"""The original's spot check: some random test tracks, and how little they prove."""

from __future__ import annotations

import secrets
import textwrap
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from webapp.inference import Card
from webapp.inference.sections import compared

from ..errors import TrainingError
from ..reporting.words import interval
from ..stores.store import open_store
from ..terminal import table, width
from .comparison import compute_answers, kept_answers


def spot_check(card: Card, n: int, data: Path | None, seed: int | None) -> str:
    """The answers of a version to `n` random test tracks, as text.

    With the store `data` the model is asked now; without, its kept answers are read.

    Raises
    ------
    TrainingError : when there are fewer tracks, or neither answers nor a store.
    """
    if seed is None:
        seed = secrets.randbelow(10_000)
    if data is not None:
        store = open_store(data)
        names = store.split("test")
        rows = _draw(len(names), n, seed)
        answers = compute_answers(card, store, [names[row] for row in rows])
        rows = np.arange(n)
    else:
        answers = kept_answers(card)
        rows = _draw(len(answers.tracks), n, seed)
    right = answers.right[rows]
    lines = [
        [
            answers.tracks[row],
            answers.truth[row],
            answers.winners[row],
            f"{answers.probabilities[row].max():.1%}",
            "right" if answers.right[row] else "WRONG",
        ]
        for row in rows
    ]
    found = binomtest(int(right.sum()), n).proportion_ci(0.95, "wilson")
    measured = compared(card.to_json()).test
    verdict = (
        f"{right.sum()} of {n} right. This is a spot check, not a measurement: from it alone, "
        f"anything from {found.low:.0%} to {found.high:.0%} is plausible (95 % interval, Wilson). "
        f"Measured on all {measured.n_tracks} test tracks: {interval(measured.accuracy)}."
    )
    return "\n".join(
        [
            f"{card.version}, {n} random test tracks (seed {seed}):",
            table(["track", "is", "called", "sure", ""], lines, words=3),
            textwrap.fill(verdict, width()),
        ]
    )


def _draw(n_tracks: int, n: int, seed: int) -> npt.NDArray[np.int64]:
    if not 1 <= n <= n_tracks:
        raise TrainingError(f"There are {n_tracks} test tracks; ask for 1 to {n_tracks}, not {n}.")
    rows: npt.NDArray[np.int64] = np.random.default_rng(seed).choice(n_tracks, n, replace=False)
    return rows
