"""The leak: how much a split by segment raises the accuracy."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError
from ..experiment import Distillation, Experiment
from ..files import write_json
from ..judging.answers import predict_tracks
from ..judging.evaluation import bootstrap_interval, per_track
from ..stores.store import Data
from ..stores.tracks import segments_as_tracks
from ..training.network import fit
from ..training.runs import library_versions
from ..training.start import refuse_heard
from .study import finished_part, folds_by_group, open_without_test, recipe_of

# The first of these folds is held out by track.
FOLDS = 5


def demonstrate_leak(
    experiment: Experiment, data: Data, seed: int, out: Path, command: str
) -> dict[str, Any]:
    """The same network and the same number of segments, split in two ways.

    Once by artist and track, as everywhere here; once by segment, as in many published projects,
    so that pieces of one recording are trained and tested on. The accuracy is per segment in both.

    Raises
    ------
    TrainingError : when `out` holds another study.
    """
    store, plain, _ = open_without_test(experiment, data)
    if experiment.training.needs_validation:
        raise TrainingError(
            "The leak is shown with an experiment whose weights are not chosen on validation "
            'tracks: keep = "last", a fixed number of epochs.'
        )
    refuse_heard(experiment, plain)
    spec = experiment.feature_spec
    pieces = segments_as_tracks(plain, spec)
    # Each piece is a track here, so one crop of it per epoch shows as much as usual. The leak is
    # that of one network on genres alone.
    once = dataclasses.replace(experiment.training, crops_per_track=1, members=1)
    experiment = dataclasses.replace(experiment, training=once, distillation=Distillation())
    recipe = recipe_of(experiment, store, data, seed)
    row_of = {name: row for row, name in enumerate(plain.names)}
    track_of = np.array([row_of[name.rpartition("@")[0]] for name in pieces.names])
    held_out_tracks = folds_by_group(store, plain, FOLDS, seed)[0]
    by_track = np.isin(track_of, held_out_tracks)
    # As many pieces as by track, drawn from all recordings.
    shuffled = np.random.default_rng(seed).permutation(len(pieces))
    by_segment = np.isin(np.arange(len(pieces)), shuffled[: int(by_track.sum())])

    def measure(held_out: npt.NDArray[np.bool_]) -> dict[str, Any]:
        trained = pieces.take(np.flatnonzero(~held_out))
        tested = pieces.take(np.flatnonzero(held_out))
        model, _ = fit(experiment, trained, seed, verbose=0)
        probabilities, _ = predict_tracks(model, tested, spec)
        correct = (probabilities.argmax(axis=1) == tested.labels).astype(float)
        own = np.unique(track_of[held_out], return_inverse=True)[1]
        shares = per_track(correct, own, int(own.max()) + 1)
        low, high = bootstrap_interval(shares, np.bincount(own))
        shared = np.isin(track_of[held_out], track_of[~held_out])
        return {
            "n_segments": len(tested),
            "n_training_segments": len(trained),
            "segments_of_trained_recordings": round(float(shared.mean()), 4),
            "accuracy": {
                "value": round(float(correct.mean()), 4),
                "low": round(low, 4),
                "high": round(high, 4),
            },
        }

    parts = {}
    for name, held_out in (("by_track", by_track), ("by_segment", by_segment)):
        parts[name] = finished_part(
            out / f"{name}.json",
            recipe | {"split": name},
            functools.partial(measure, held_out),
        )
    result = {
        "recipe": recipe,
        "command": command,
        "libraries": library_versions(),
        **{
            name: {key: value for key, value in part.items() if key != "recipe"}
            for name, part in parts.items()
        },
    }
    write_json(out / "leak.json", result)
    return result
