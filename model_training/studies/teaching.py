"""Teaching: how well a genre that the network never learned is told from a few examples.

Each genre is left out of training in turn. Songs of a fold that was held out then teach all genres
anew, the left-out one among them: the embeddings of some are the examples, other artists' songs are
asked.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import metrics as sk

from ..errors import TrainingError
from ..experiment import Experiment, Unfamiliar
from ..files import write_json
from ..paths import TEACHING
from ..stores.splits import check_fold
from ..stores.store import Data, merged_groups
from ..stores.tracks import Tracks
from ..training.embedding import Space, Wide, nearest, song_embeddings
from ..training.ensemble import fit_whole
from ..training.runs import library_versions
from ..training.start import refuse_heard, refuse_learned
from .study import Rows, finished_part, folds_by_group, open_without_test, recipe_of

# Examples of a genre at most, and how often they are drawn.
EXAMPLES = 10
DRAWS = 5
# Orders of the artists that a draw tries: not in each do all genres get their examples.
TRIES = 200

# Measures of the left-out genre, and over all genres, in the order in which the card has them.
MEASURES = ("balanced_accuracy", "recall", "precision")


def measure_teaching(
    experiment: Experiment, data: Data, seed: int, k: int, out: Path, command: str
) -> dict[str, Any]:
    """How well the songs of the first of k folds are told by examples; returns what is written.

    `taught` is what the card tells: means over draws, and over the genres left out of training.
    Of a genre with few songs in the fold at most half are examples; `examples` are those that it
    had at least.

    Raises
    ------
    TrainingError : when the experiment gives no embedding, a genre has too few groups, or `out`
        holds another study.
    """
    if not experiment.embedding.layer:
        raise TrainingError(
            "The experiment gives no embedding to teach with: name its layer in [embedding] layer."
        )
    needs_validation = experiment.training.needs_validation
    if needs_validation and k < 3:
        raise TrainingError(
            "--folds must be at least 3 here: one fold is taught and asked, one "
            "chooses the weights, and the rest trains."
        )
    store, plain, copies = open_without_test(experiment, data)
    if len(plain.genres) < 3:
        raise TrainingError("Without one of two genres nothing can be trained; three are needed.")
    refuse_heard(experiment, plain)
    refuse_learned(experiment, plain.genres)
    folds = folds_by_group(store, plain, k, seed)
    chosen_on = folds[1] if needs_validation else folds[0][:0]
    rest = np.setdiff1d(np.arange(len(plain)), np.concatenate([folds[0], chosen_on]))
    check_fold(
        (plain.genres[label] for label in set(plain.labels) - set(plain.labels[rest])),
        "another seed or more folds",
    )
    taught = plain.take(folds[0])
    merged = merged_groups(store)
    groups = [merged[name] for name in taught.names]
    rng = np.random.default_rng(seed)
    # The same for every genre left out.
    draws = [draw_examples(taught.labels, groups, plain.genres, rng) for _ in range(DRAWS)]
    # One network for each genre; the score for unfamiliar sounds would be fitted for nothing.
    alone = dataclasses.replace(experiment.distillation, elders=0)
    once = dataclasses.replace(experiment, unfamiliar=Unfamiliar(), distillation=alone)
    recipe = recipe_of(experiment, store, data, seed, k=k, examples=EXAMPLES, draws=DRAWS)

    def teach(left_out: int) -> dict[str, Any]:
        model, _ = fit_whole(
            once,
            _without(copies.take(rest), left_out),
            seed,
            _without(plain.take(chosen_on), left_out) if needs_validation else None,
            data=data,
        )
        trained = _without(plain.take(rest), left_out)
        known = song_embeddings(model, trained, experiment.feature_spec)
        space = Space.of(known, trained.labels, len(trained.genres))
        z = space.place(song_embeddings(model, taught, experiment.feature_spec))
        rows = [_judge(z, taught.labels, draw, left_out, space.covariance()) for draw in draws]
        return {
            "n_training_tracks": len(trained),
            "n_asked": [len(draw.asked) for draw in draws],
            "draws": rows,
            **{name: _mean([row[name] for row in rows]) for name in MEASURES},
            "examples": min(draw.count(taught.labels, left_out) for draw in draws),
        }

    by_genre = {}
    for number, genre in enumerate(plain.genres):
        part = finished_part(
            # Names of genres need not be names of files.
            out / f"genre-{number + 1}.json",
            recipe | {"left_out": genre},
            functools.partial(teach, number),
        )
        by_genre[genre] = {name: part[name] for name in (*MEASURES, "examples")}
        print(
            f"without {genre}: {part['recall']:.1%} of its songs found by {part['examples']} "
            f"examples, {part['balanced_accuracy']:.1%} of all genres",
            flush=True,
        )
    result = {
        "recipe": recipe,
        "command": command,
        "libraries": library_versions(),
        "taught": {
            "examples": max(part["examples"] for part in by_genre.values()),
            "draws": DRAWS,
            **{name: _mean([part[name] for part in by_genre.values()]) for name in MEASURES},
            "by_genre": by_genre,
        },
    }
    write_json(out / TEACHING, result)
    return result


@dataclasses.dataclass(frozen=True)
class Draw:
    """Rows of the songs that are examples, and of those that are asked; no group has both."""

    examples: Rows
    asked: Rows

    def count(self, labels: Rows, genre: int) -> int:
        """Examples of a genre."""
        return int((labels[self.examples] == genre).sum())


def draw_examples(
    labels: Rows, groups: Sequence[str], genres: Sequence[str], rng: np.random.Generator
) -> Draw:
    """Examples of every genre, EXAMPLES at most, and the songs of the other groups.

    Parameters
    ----------
    labels, groups : (n,) genre and group of every song; a group may have several genres.
    genres : names of the genres, of which each has songs.

    Raises
    ------
    TrainingError : when a genre's groups cannot be parted.
    """
    sizes = np.bincount(labels, minlength=len(genres))
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    contents = np.zeros((len(names), len(genres)), dtype=np.int64)
    np.add.at(contents, (group_of, labels), 1)
    wanted = np.minimum(EXAMPLES, sizes // 2)
    best, fewest_missing = np.zeros(len(names), dtype=bool), np.inf
    for _ in range(TRIES):
        chosen = np.zeros(len(names), dtype=bool)
        have = np.zeros(len(genres), dtype=np.int64)
        for group in rng.permutation(len(names)):
            lacking = (have < wanted) & (contents[group] > 0)
            if lacking.any() and (have + contents[group] <= sizes // 2).all():
                chosen[group] = True
                have += contents[group]
        # A genre without an example is worse than all others with fewer.
        missing = (wanted - np.minimum(have, wanted)).sum() + len(labels) * (have == 0).sum()
        if missing < fewest_missing:
            best, fewest_missing = chosen, missing
        if not missing:
            break
    side = best[group_of]
    examples = np.concatenate(
        [
            rng.permutation(np.flatnonzero(side & (labels == genre)))[:EXAMPLES]
            for genre in range(len(genres))
        ]
    )
    have = np.bincount(labels[examples], minlength=len(genres))
    if not have.all():
        raise TrainingError(
            f"The songs of {genres[int(have.argmin())]!r} in the first fold cannot be parted into "
            "examples and others by other artists: take fewer folds or another seed, or add "
            "recordings of other artists."
        )
    return Draw(np.sort(examples), np.flatnonzero(~side))


def _without(tracks: Tracks, left_out: int) -> Tracks:
    """The tracks of all genres but one, which is gone from the genres, too."""
    kept = tracks.take(np.flatnonzero(tracks.labels != left_out))
    return dataclasses.replace(
        kept,
        labels=kept.labels - (kept.labels > left_out),
        genres=tuple(name for label, name in enumerate(tracks.genres) if label != left_out),
    )


def _judge(z: Wide, labels: Rows, draw: Draw, left_out: int, prior: Wide) -> dict[str, float]:
    """MEASURES of one draw; `z` (n_songs, size), `prior` as in `nearest`."""
    right = labels[draw.asked]
    answers = nearest(z[draw.examples], labels[draw.examples], z[draw.asked], prior)
    told = {"labels": [left_out], "average": "macro", "zero_division": 0.0}
    measured = (
        sk.balanced_accuracy_score(right, answers),
        sk.recall_score(right, answers, **told),
        sk.precision_score(right, answers, **told),
    )
    return {name: round(float(value), 4) for name, value in zip(MEASURES, measured, strict=True)}


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)
