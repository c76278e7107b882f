"""How often a recipe is right on music from elsewhere: on a collection that it never heard.

Held-out tracks of a collection that was trained on share its time, its sources and what people
meant by a genre's name; somebody else's music does not. So a sister network, of the same recipe, is
trained without a collection and asked about it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from webapp.inference import Card
from webapp.inference.calibration import calibrate

from ..errors import TrainingError
from ..experiment import Experiment
from ..files import write_json
from ..judging.answers import predict_tracks
from ..judging.evaluation import accuracy_by_group, per_track
from ..judging.genre_bias import apply_bias
from ..paths import ELSEWHERE
from ..stores.store import Data, Store, digest, folders_of, merged_groups, open_store
from ..training.ensemble import combine, fit_members
from ..training.runs import library_versions
from ..training.start import refuse_heard, refuse_store
from .comparison import load_tracks, soft_votes
from .cross_validation import cross_validate
from .prediction import load_predictor
from .study import finished_part, open_without_test, recipe_of


def ask_elsewhere(
    experiment: Experiment,
    data: Data,
    asked: Path,
    seed: int,
    out: Path,
    command: str,
    k: int | None = None,
    beside: Sequence[Card] = (),
) -> dict[str, Any]:
    """Train on `data` without its test, ask about the store `asked`; returns what is written.

    Parameters
    ----------
    data : store or stores that are trained on: their training and validation tracks.
    asked : another store; never its test tracks.
    k : folds of a cross-validation over `data` alone, from which the sister network takes a bias
        for genres and a temperature, as the version does from its own; None for neither.
    beside : versions that are asked about the same tracks. That none of them was trained on these
        is the caller's to know.

    Raises
    ------
    TrainingError : when `asked` is among the stores trained on or has no genre of theirs, the
        network that is started from has heard it, the experiment needs validation tracks, or `out`
        holds another study.
    """
    other = open_store(asked)
    if any(asked.samefile(folder) for folder in folders_of(data) if folder.exists()):
        raise TrainingError(
            f"{asked}: would be trained on and asked about; train on other stores with --data."
        )
    if experiment.training.needs_validation:
        raise TrainingError(
            "A sister network is trained for a fixed number of epochs: take an experiment without "
            'keep = "best", early_stopping and "plateau".'
        )
    # Weights and teachers are those of the stores that remain.
    tables = {Path(each.folder): each for each in experiment.data}
    kept = tuple(tables[folder] for folder in folders_of(data) if folder in tables)
    complete = len(kept) == len(folders_of(data))
    experiment = dataclasses.replace(experiment, data=kept if complete else ())
    store, _, copies = open_without_test(experiment, data)
    known = set(store.genres)
    names = [
        name
        for name in other.split("train") + other.split("validation")
        if other.genre_of[name] in known
    ]
    if not names:
        raise TrainingError(
            f"{asked} has no track of a genre of {store.name} ({', '.join(store.genres)})."
        )
    n_unknown = len(other.split("train") + other.split("validation")) - len(names)
    asked_tracks = other.load(experiment.feature_spec, names).relabelled(store.genres)
    refuse_heard(experiment, asked_tracks)
    refuse_store(experiment, other)
    recipe = recipe_of(experiment, store, data, seed, asked=other.name, asked_digest=digest(other))

    def ask() -> dict[str, Any]:
        members, _ = fit_members(experiment, copies, seed, data=data)
        model = combine(members, experiment.architecture.name)
        probabilities, track = predict_tracks(model, asked_tracks, experiment.feature_spec)
        return {
            "probabilities": np.round(probabilities.astype(np.float64), 6).tolist(),
            "segment_track": track.tolist(),
        }

    part = finished_part(out / "sister.json", recipe, ask)
    probabilities = np.array(part["probabilities"])
    settled = {}
    if k:
        study = cross_validate(experiment, data, seed, k, out / "cross-validation", command)
        settled = {key: study[key] for key in ("genre_bias", "temperature")}
        bias = np.array([settled["genre_bias"][genre] for genre in store.genres])
        probabilities = calibrate(apply_bias(probabilities, bias), settled["temperature"])
    votes = per_track(probabilities, np.array(part["segment_track"]), len(names))
    winners = [store.genres[winner] for winner in votes.argmax(axis=1)]
    result = {
        "recipe": recipe,
        "command": command,
        "libraries": library_versions(),
        "of": other.name,
        "by": f"a network of the same recipe that was trained on {store.name} alone"
        + (", without a bias for genres" if experiment.training.is_final and not k else ""),
        "n_tracks": len(names),
        # Songs of further genres cannot be named right.
        "n_of_unknown_genres": n_unknown,
        **settled,
        **_judge(other, names, winners),
        "versions": {
            card.version: _judge(other, names, _winners_of(card, other, names)) for card in beside
        },
    }
    write_json(out / ELSEWHERE, result)
    return result


def _winners_of(card: Card, store: Store, names: list[str]) -> list[str]:
    votes = soft_votes(load_predictor(card), load_tracks(card, store, names))
    return [card.genres[winner] for winner in votes.argmax(axis=1)]


def _judge(store: Store, names: list[str], winners: list[str]) -> dict[str, Any]:
    """Accuracy with its interval by group, and the share of each genre that is found."""
    merged = merged_groups(store)
    truth = np.array([store.genre_of[name] for name in names])
    right: npt.NDArray[np.bool_] = truth == np.array(winners)
    return {
        "accuracy": accuracy_by_group(right.astype(float), [merged[name] for name in names]),
        "recall": {
            genre: round(float(right[truth == genre].mean()), 4) for genre in sorted(set(truth))
        },
    }
