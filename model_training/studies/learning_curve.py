"""Learning curve: accuracy on the validation tracks against the number of training tracks."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from ..experiment import Experiment
from ..files import write_json, write_text
from ..judging.answers import predict_tracks
from ..judging.evaluation import accuracy_of, per_track
from ..reporting import plots
from ..stores.store import Data, check_split, open_store, require_test
from ..training.ensemble import fit_whole
from ..training.runs import library_versions
from ..training.start import refuse_heard
from .study import Rows, finished_part, recipe_of

# Shares of the training tracks at which the accuracy is measured.
SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)


def learning_curve(
    experiment: Experiment, data: Data, seed: int, out: Path, command: str
) -> dict[str, Any]:
    """Accuracy on the validation tracks when only a share of the training tracks is known.

    Raises
    ------
    TrainingError : when `out` holds another study.
    """
    store, spec = open_store(data), experiment.feature_spec
    require_test(store)
    check_split(store)
    training = store.load(spec, store.split("train"), copies=True)
    plain = store.load(spec, store.split("train"))
    validation = store.load(spec, store.split("validation"))
    # Songs that the start has heard would be known at every share.
    for tracks in (plain, validation):
        refuse_heard(experiment, tracks)
    recipe = recipe_of(experiment, store, data, seed)
    order = np.random.default_rng(seed).permutation(len(training))

    def measure(share: float) -> dict[str, Any]:
        rows = _stratified_share(training.labels, order, share)
        model, _ = fit_whole(experiment, training.take(rows), seed, validation, data=data)
        measured = {}
        for name, tracks in (("validation", validation), ("training", plain.take(rows))):
            probabilities, track = predict_tracks(model, tracks, spec)
            winners = per_track(probabilities, track, len(tracks)).argmax(axis=1)
            measured[name] = accuracy_of((winners == tracks.labels).astype(float))
        return {"n_tracks": len(rows), **measured}

    points = []
    for share in SHARES:
        point = finished_part(
            out / f"share-{share:g}.json",
            recipe | {"share": share},
            functools.partial(measure, share),
        )
        points.append({key: point[key] for key in ("n_tracks", "validation", "training")})
        print(
            f"{point['n_tracks']} training tracks: {point['validation']['value']:.1%} on "
            "validation",
            flush=True,
        )
    result = {
        "recipe": recipe,
        "command": command,
        "libraries": library_versions(),
        "points": points,
    }
    write_json(out / "learning_curve.json", result)
    write_text(out / "learning_curve.svg", plots.learning_curve(points))
    return result


def _stratified_share(labels: Rows, order: Rows, share: float) -> Rows:
    """The first `share` of each genre's tracks, in `order`; at least two of each."""
    chosen = []
    for genre in np.unique(labels):
        rows = order[labels[order] == genre]
        chosen.append(rows[: max(2, round(share * len(rows)))])
    return np.sort(np.concatenate(chosen))
