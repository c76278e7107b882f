"""Few examples: how well own genres are learned, by networks that never heard the songs.

Unlike `teaching`, nothing is trained here, and what is measured is what the page and `teach` do:
the groups of a store are parted into two halves, a few songs of each genre of one half are the
examples, and all songs of the other are asked. Every way of learning gets the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from features.own_genres import TeachingError
from webapp.inference import Card

from ..errors import TrainingError
from ..files import as_json, reading, sha256
from ..stores.store import Store, digest, open_store
from ..terminal import table
from ..training.embedding import Wide
from ..training.runs import library_versions
from .learning_checks import judge_doubts, judge_intervals, judge_left_out
from .study import Rows, finished_part
from .taught_songs import Songs, Task, make_tasks, songs_of
from .unheard import Source
from .ways import (
    Way,
    centroid_way,
    kept_activations,
    logistic_way,
    own_way,
    version_activations,
)

RESULT = "few_examples.json"
# Examples of a genre with which every draw is judged a second time.
VERY_FEW = 3
# Further draws, which tell how often the interval of a genre's recall holds it.
FURTHER_DRAWS = 200
BOOTSTRAP_ROUNDS = 10_000
# Names of the two ways of answering.
OWN, BESIDE = "own genres", "beside the model's"

# A way of learning from values of all songs that are asked.
Others = dict[str, tuple[Wide, Callable[[Wide, Rows], Way]]]


def measure_examples(
    source: Source,
    asked: Path,
    out: Path,
    command: str,
    *,
    n_examples: int,
    n_draws: int,
    seed: int,
    beside: Card | None = None,
    activations: Path | None = None,
) -> dict[str, Any]:
    """How well few examples teach a store's genres; returns what is written.

    Parameters
    ----------
    source : the networks, and the songs of `asked` that they never heard.
    beside : a version from whose activations logistic regression learns.
    activations : file of a teacher's activations, from which the nearest centroid learns.

    Raises
    ------
    TrainingError : when the version has heard the songs, there are too few songs or groups to draw
        from, or `out` holds another study.
    """
    if n_examples < 1 or n_draws < 2:
        raise TrainingError("--examples must be at least 1, and --draws at least 2.")
    store = open_store(asked)
    songs = songs_of(source, store)

    def work() -> dict[str, Any]:
        others = _others(songs, store, beside, activations)
        try:
            tasks = make_tasks(source, songs, store, n_examples, (n_draws, FURTHER_DRAWS), seed)
            ways = [_ways(task, others) for task in tasks]
            numbers = sorted({n_examples, min(VERY_FEW, n_examples)}, reverse=True)
            return {
                "command": command,
                "libraries": library_versions(),
                "n_songs": len(songs.names),
                "genres": _describe_genres(tasks, songs),
                "ways": {str(n): _judge_ways(tasks, ways, songs, n) for n in numbers},
                "interval": judge_intervals(tasks),
                "left_out": judge_left_out(tasks),
                "none_of_these": judge_doubts(tasks),
                "draws": {
                    task.network: [task.told(songs, draw) for draw in task.draws] for task in tasks
                },
            }
        except TeachingError as error:
            raise TrainingError(f"{asked}: {error}") from error

    recipe = {
        "experiment": source.experiment,
        "data": source.store.name,
        "data_digest": digest(source.store),
        "networks_sha256": [_sha256(network.path) for network in source.networks],
        "spreads": [network.spread for network in source.networks],
        "asked": store.name,
        "asked_digest": digest(store),
        "beside": beside and {beside.version: beside.files["model.keras"]},
        "activations_sha256": activations and _sha256(activations),
        "examples": n_examples,
        "draws": n_draws,
        "seed": seed,
    }
    return finished_part(out / RESULT, as_json(recipe), work)


def _sha256(path: Path) -> str:
    with reading(path):
        return sha256(path)


def _others(songs: Songs, store: Store, beside: Card | None, activations: Path | None) -> Others:
    """The ways that learn from other networks' activations, by name."""
    found: Others = {}
    if beside:
        values = version_activations(beside, store, songs.names)
        found[f"{beside.version}, logistic regression"] = values, logistic_way
    if activations:
        values = kept_activations(activations, songs.names)
        found[f"{activations.stem}, nearest centroid"] = values, centroid_way
    return found


def _ways(task: Task, others: Others) -> dict[str, Way]:
    """All ways of learning, by name."""
    own: dict[str, Way] = {
        OWN: own_way(task.embeddings, task.labels, task.genres, task.model, "own"),
        BESIDE: own_way(task.embeddings, task.labels, task.genres, task.model, "beside"),
    }
    return own | {
        name: learner(values[task.rows], task.labels) for name, (values, learner) in others.items()
    }


def _describe_genres(tasks: Sequence[Task], songs: Songs) -> dict[str, Any]:
    """Of every genre its songs, those that a half had at least, and its examples.

    `not_parted` are the networks for whose songs the genre was left out.
    """
    told = {}
    for place, genre in enumerate(songs.genres):
        mine = [(task, task.genres.index(genre)) for task in tasks if genre in task.genres]
        drawn = [(draw, row) for task, row in mine for draw in task.draws]
        told[genre] = {
            "songs": int((songs.labels == place).sum()),
            "fewest": min((int(draw.fewest[row]) for draw, row in drawn), default=0),
            "examples": round(float(np.mean([len(draw.examples[row]) for draw, row in drawn])), 2)
            if drawn
            else 0,
            "not_parted": [task.network for task in tasks if genre in task.left_out],
        }
    return told


def _judge_ways(
    tasks: Sequence[Task], ways: Sequence[dict[str, Way]], songs: Songs, n_examples: int
) -> dict[str, Any]:
    """What each way gets right by `n_examples` of each genre, or by all where there are fewer.

    The mean over draws of the mean of the genres' recalls, and its deviation over draws. Songs of
    several folds count together. `own_less` is how much more own genres get right.
    """
    n_draws = len(tasks[0].draws)
    right = {name: np.full((n_draws, len(songs.names)), np.nan) for name in ways[0]}
    for task, mine in zip(tasks, ways, strict=True):
        for number, draw in enumerate(task.draws):
            truth = task.labels[draw.asked]
            for name, way in mine.items():
                answers = way(draw.first(n_examples), draw.asked)
                right[name][number, task.rows[draw.asked]] = answers == truth
    places = sorted({place for task in tasks for place in task.places.tolist()})
    recalls = {name: _recalls(table, songs.labels, places) for name, table in right.items()}
    told: dict[str, Any] = {}
    for name, recall in recalls.items():
        told[name] = {
            **_mean_of_draws(recall.mean(axis=1)),
            "recall": {
                songs.genres[place]: round(float(value), 4)
                for place, value in zip(places, recall.mean(axis=0), strict=True)
            },
        }
        if name != OWN:
            ahead = (recalls[OWN] - recall).mean(axis=1)
            low, high = _paired_interval(right[OWN] - right[name], songs, places)
            told[name]["own_less"] = {
                **_mean_of_draws(ahead),
                "low": round(low, 4),
                "high": round(high, 4),
                "draws_ahead": int((ahead > 0).sum()),
            }
    return told


def _mean_of_draws(values: Wide) -> dict[str, float]:
    return {
        "value": round(float(values.mean()), 4),
        "deviation": round(float(values.std(ddof=1)), 4),
    }


def _recalls(right: Wide, labels: Rows, places: Sequence[int]) -> Wide:
    """Recall (n_draws, n_genres) of genres; `right` (n_draws, n_songs) is NaN where not asked."""
    return np.stack([np.nanmean(right[:, labels == place], axis=1) for place in places], axis=1)


def _paired_interval(differences: Wide, songs: Songs, places: Sequence[int]) -> tuple[float, float]:
    """95 % interval of the mean of the genres' mean differences, by bootstrap over groups.

    `differences` (n_draws, n_songs) are NaN where a song was not asked. A group counts with all
    draws in which its songs were asked: draws of the same songs are not independent. Every draw
    counts the same, however many songs it asks.
    """
    asked = np.isfinite(differences)
    weights = np.zeros(differences.shape)
    for place in places:
        mine = asked & (songs.labels == place)
        weights += mine / mine.sum(axis=1, keepdims=True)
    group = np.unique(np.array(songs.groups), return_inverse=True)[1]
    shape = (int(group.max()) + 1, len(songs.genres))
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (group, songs.labels), np.nansum(differences * weights, axis=0))
    np.add.at(count, (group, songs.labels), weights.sum(axis=0))
    rng = np.random.default_rng(0)
    times = rng.multinomial(shape[0], np.full(shape[0], 1 / shape[0]), BOOTSTRAP_ROUNDS)
    weight = (times @ count)[:, places]
    # A genre whose groups were all left out of a round has no part in its mean.
    means: Wide = (times @ total)[:, places] / np.where(weight > 0, weight, np.nan)
    low, high = np.percentile(np.nanmean(means, axis=1), [2.5, 97.5])
    return float(low), float(high)


# --- for people ----------------------------------------------------------------------------------


def examples_text(result: dict[str, Any]) -> str:
    """The result for the terminal: a table of the ways, and what is checked beside."""
    rows = []
    for n, ways in result["ways"].items():
        for name, found in ways.items():
            less = found.get("own_less")
            rows.append(
                [
                    name,
                    n,
                    f"{found['value']:.1%}",
                    f"{found['deviation']:.1%}",
                    f"{less['value']:+.1%} [{less['low']:+.1%}, {less['high']:+.1%}]"
                    if less
                    else "",
                ]
            )
    headers = ["way of learning", "examples", "recall", "deviation", "own genres are ahead"]
    lines = [table(headers, rows)]
    fewest = min(told["fewest"] for told in result["genres"].values() if told["fewest"])
    lines.append(f"Each half of a draw had at least {fewest} songs of every genre.")
    for genre, told in result["genres"].items():
        if told["not_parted"]:
            lines.append(
                f"{genre}: its groups cannot be parted for {', '.join(told['not_parted'])}."
            )
    if interval := result["interval"]:
        lines.append(
            f"The 80 % interval of a genre's share of recognised examples held its recall in "
            f"{interval['covers']:.1%} of {interval['draws']} further draws."
        )
    if left_out := result["left_out"]:
        lines.append(
            "Left-out answers and those of a new fit differ by "
            f"{left_out['largest_difference']:.3f} at most, by {left_out['mean_difference']:.3f} "
            "in the mean; "
            f"{left_out['other_winner']:.1%} have another winner."
        )
    doubts = result["none_of_these"]
    lines.append(f"None of these: {doubts['taught']:.1%} of the songs of taught genres")
    if doubts["untaught"] is not None:
        lines[-1] += f", {doubts['untaught']:.1%} of those whose genre was not taught"
    lines[-1] += "."
    return "\n".join(lines)
