"""Whether what own genres say of themselves is true: intervals, left-out answers, doubts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from features.own_genres import answer, softmax
from features.teaching import ENOUGH_TO_VARY, learn

from ..training.embedding import Wide
from .study import Rows
from .taught_songs import Task


@dataclasses.dataclass
class _Interval:
    """Shares recognised when left out, and recalls of asked songs, of one genre in every draw."""

    recognised: list[float] = dataclasses.field(default_factory=list)
    recall: list[float] = dataclasses.field(default_factory=list)
    below: list[bool] = dataclasses.field(default_factory=list)
    above: list[bool] = dataclasses.field(default_factory=list)

    def told(self) -> dict[str, float]:
        below, above = float(np.mean(self.below)), float(np.mean(self.above))
        return {
            "covers": round(1 - below - above, 4),
            "recall_below": round(below, 4),
            "recall_above": round(above, 4),
            "recognised": round(float(np.mean(self.recognised)), 4),
            "recall": round(float(np.mean(self.recall)), 4),
        }


def judge_intervals(tasks: Sequence[Task]) -> dict[str, Any] | None:
    """How often the interval of a genre's share of recognised examples holds its recall.

    By the further draws, of genres with enough examples for an interval; None without any.
    """
    found: dict[str, _Interval] = {}
    for task in tasks:
        for draw in task.further:
            examples = np.concatenate(draw.examples)
            own = learn(task.embeddings[examples], task.names(examples), task.model).own
            winners = answer(own, task.model, task.embeddings[draw.asked]).winners
            for row, genre in enumerate(own.genres):
                if genre.recognised is None:
                    continue
                recall = float((winners[task.labels[draw.asked] == row] == row).mean())
                told = found.setdefault(task.genres[row], _Interval())
                told.recognised.append(genre.recognised.value)
                told.recall.append(recall)
                told.below.append(recall < genre.recognised.low - 1e-9)
                told.above.append(recall > genre.recognised.high + 1e-9)
    if not found:
        return None
    everything = _Interval(
        *(
            [value for each in found.values() for value in getattr(each, field.name)]
            for field in dataclasses.fields(_Interval)
        )
    )
    return {
        "draws": len(tasks[0].further),
        **everything.told(),
        "by_genre": {genre: each.told() for genre, each in sorted(found.items())},
    }


def judge_left_out(tasks: Sequence[Task]) -> dict[str, Any] | None:
    """Answers to left-out examples beside those of scikit-learn, fitted anew without each.

    Largest and mean difference of a probability of an example, and the share of examples with
    another winner; None where genres have too few examples to tell how their songs vary.
    """
    differences, others = [], []
    for task in tasks:
        for draw in task.draws:
            if min(map(len, draw.examples)) < ENOUGH_TO_VARY:
                continue
            examples = np.concatenate(draw.examples)
            learned = learn(task.embeddings[examples], task.names(examples), task.model)
            told = learned.left_out.probabilities
            z, labels = task.model.place(task.embeddings[examples]), task.labels[examples]
            for row in range(len(examples)):
                refitted = _refit(z, labels, row) / learned.own.temperature
                fresh = softmax(refitted[None])[0]
                differences.append(float(np.abs(fresh - told[row]).max()))
                others.append(bool(fresh.argmax() != told[row].argmax()))
    if not differences:
        return None
    return {
        "n": len(differences),
        "largest_difference": round(max(differences), 4),
        "mean_difference": round(float(np.mean(differences)), 4),
        "other_winner": round(float(np.mean(others)), 4),
    }


def _refit(z: Wide, labels: Rows, row: int) -> Wide:
    """Scores (n_genres,) of a song by a fit without it; a genre's logits, up to a constant."""
    n_genres = int(labels.max()) + 1
    rest = np.delete(np.arange(len(z)), row)
    fit = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage="auto", priors=np.full(n_genres, 1 / n_genres)
    ).fit(z[rest], labels[rest])
    scores = np.asarray(fit.decision_function(z[row : row + 1]), dtype=np.float64).ravel()
    # Of two genres scikit-learn tells the difference.
    return np.array([0.0, scores[0]]) if n_genres == 2 else scores


def judge_doubts(tasks: Sequence[Task]) -> dict[str, Any]:
    """Share of the asked songs that are called none of the genres: taught ones, and others.

    Each genre is left out of the examples in turn; its songs are then `untaught`. With two genres
    that cannot be told.
    """
    taught: dict[str, list[float]] = {}
    untaught: dict[str, list[float]] = {}
    for task in tasks:
        for draw in task.draws:
            _note(taught, task, draw.asked, np.concatenate(draw.examples), range(len(task.genres)))
            for left_out in range(len(task.genres)) if len(task.genres) > 2 else ():
                rest = [rows for row, rows in enumerate(draw.examples) if row != left_out]
                _note(untaught, task, draw.asked, np.concatenate(rest), [left_out])
    return {
        "taught": _mean_of_means(taught),
        "untaught": _mean_of_means(untaught),
        "by_genre": {
            genre: {
                "taught": _mean_of_means({genre: taught[genre]}),
                "untaught": _mean_of_means({genre: untaught.get(genre, [])}),
            }
            for genre in sorted(taught)
        },
    }


def _note(
    shares: dict[str, list[float]], task: Task, asked: Rows, examples: Rows, genres: Sequence[int]
) -> None:
    """Note how many asked songs of these genres are doubted by what the examples teach."""
    own = learn(task.embeddings[examples], task.names(examples), task.model).own
    unsure = answer(own, task.model, task.embeddings[asked]).unsure
    for row in genres:
        share = float(unsure[task.labels[asked] == row].mean())
        shares.setdefault(task.genres[row], []).append(share)


def _mean_of_means(shares: dict[str, list[float]]) -> float | None:
    means = [float(np.mean(values)) for values in shares.values() if values]
    return round(float(np.mean(means)), 4) if means else None
