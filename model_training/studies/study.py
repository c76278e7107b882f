"""Tracks, folds, recipe and finished parts of a study on the training and validation tracks.

The test tracks stay closed. Each finished part is kept beside the result, so that a study that was
stopped goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError
from ..experiment import Experiment
from ..files import as_json, read_json, undamaged, write_json
from ..stores.splits import group_folds
from ..stores.store import Data, Store, check_split, digest, merged_groups, open_store
from ..stores.tracks import Tracks
from ..training.distillation import teacher_digest
from ..training.start import start_digest

Rows = npt.NDArray[np.int64]


def open_without_test(experiment: Experiment, data: Data) -> tuple[Store, Tracks, Tracks]:
    """The store and its training and validation tracks together, without and with copies.

    Raises
    ------
    TrainingError : when `data` is no store, or its split does not hold.
    """
    store = open_store(data)
    check_split(store)
    names = store.split("train") + store.split("validation")
    spec = experiment.feature_spec
    return store, store.load(spec, names), store.load(spec, names, copies=True)


def folds_by_group(store: Store, tracks: Tracks, k: int, seed: int) -> list[Rows]:
    """Rows of the tracks of each of k folds; groups and replicas stay in one fold.

    Of several stores each has the folds that it has alone, unless they share a group.

    Raises
    ------
    TrainingError : when a genre has fewer groups than folds.
    """
    merged = merged_groups(store)
    genres = [tracks.genres[label] for label in tracks.labels]
    groups = [merged[name] for name in tracks.names]
    parts = [np.flatnonzero(tracks.collection == n) for n in np.unique(tracks.collection)]
    if sum(len({groups[row] for row in rows}) for rows in parts) > len(set(groups)):
        parts = [np.arange(len(tracks))]
    folds = [
        [
            rows[fold]
            for fold in group_folds(
                [genres[row] for row in rows], [groups[row] for row in rows], k, seed
            )
        ]
        for rows in parts
    ]
    return [np.concatenate(same) for same in zip(*folds, strict=True)]


def finished_part(
    path: Path, recipe: dict[str, Any], work: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The finished part in `path`, or else `work`, kept there.

    Raises
    ------
    TrainingError : when the part was made by another recipe.
    """
    if path.is_file():
        with undamaged(path, "; remove it"):
            found: dict[str, Any] = read_json(path)
            same = found["recipe"] == recipe
        if not same:
            raise TrainingError(
                f"{path}: made by another experiment or seed, another number of folds or of other "
                "data; remove it or choose another folder."
            )
        return found
    made = {"recipe": recipe, **work()}
    write_json(path, made)
    return made


def recipe_of(
    experiment: Experiment, store: Store, data: Data, seed: int, **more: Any
) -> dict[str, Any]:
    """The values that decide a study's result, as JSON; a study goes on only with the same."""
    recipe = {
        "experiment": experiment.to_json(),
        "data": store.name,
        "data_digest": digest(store),
        "teacher_sha256": teacher_digest(data, experiment),
        "seed": seed,
        **({"start_sha256": start} if (start := start_digest(experiment)) else {}),
        **more,
    }
    made: dict[str, Any] = as_json(recipe)
    return made
