"""Several networks of different seeds as one model.

Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep
ensembles", 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from ..experiment import Experiment
from ..stores.store import Data
from ..stores.tracks import Tracks
from .distillation import load_teacher
from .embedding import add_embedding, embedding_size
from .network import build, fit
from .unfamiliarity import add_score, describe

# Far from the seeds of members.
ELDER_SEEDS = 1_000_000


def fit_members(
    experiment: Experiment,
    tracks: Tracks,
    seed: int,
    validation: Tracks | None = None,
    *,
    data: Data,
    verbose: int | str = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    logs: Path | None = None,
) -> tuple[list[keras.Model], dict[str, list[float]]]:
    """Train all members of an experiment; returns them and the mean of their histories.

    `data` is the store or stores, where the teacher's tags lie, `logs` where TensorBoard's go. With
    a layer for unfamiliar sounds every member has its score as second output, with one for the
    embedding that as its last. Members that stopped early shorten the history to the shortest. With
    `elders` those are trained first, and every member learns their answers too.

    Raises
    ------
    TrainingError : when the options do not fit the data.
    """
    n, layer = experiment.training.members, experiment.unfamiliar.layer
    # Before hours of training, not after them.
    if layer:
        describe(build(experiment, len(tracks.genres)), layer)
    if experiment.embedding.layer:
        embedding_size(build(experiment, len(tracks.genres)), experiment.embedding.layer)
    teacher = load_teacher(data, experiment, tracks)
    elders = None
    if n_elders := experiment.distillation.elders:
        seeds = [ELDER_SEEDS + seed * n_elders + number for number in range(n_elders)]
        trained = [
            fit(experiment, tracks, each, validation, teacher=teacher, verbose=verbose)[0]
            for each in seeds
        ]
        elders = combine(trained, "elders")
    members, histories = [], []
    for number in range(n):
        watching = list(callbacks)
        if logs is not None:
            folder = logs if n == 1 else logs / f"member-{number + 1}"
            watching.append(keras.callbacks.TensorBoard(folder, write_graph=False))
        # Other seeds of the experiment share no member.
        model, history = fit(
            experiment,
            tracks,
            seed if n == 1 else (seed * n) + number,
            validation,
            teacher=teacher,
            elders=elders,
            verbose=verbose,
            callbacks=watching,
        )
        if layer:
            model = add_score(model, layer, tracks, experiment.feature_spec)
        if experiment.embedding.layer:
            model = add_embedding(model, experiment.embedding.layer)
        members.append(model)
        histories.append(history)
    length = min(len(next(iter(history.values()))) for history in histories)
    mean = {
        key: [float(np.mean([h[key][epoch] for h in histories])) for epoch in range(length)]
        for key in histories[0]
    }
    return members, mean


def combine(members: Sequence[keras.Model], name: str) -> keras.Model:
    """One model that averages its members' outputs."""
    if len(members) == 1:
        return members[0]
    inputs = keras.layers.Input(members[0].input_shape[1:], name=members[0].input.name)
    answers = []
    for number, member in enumerate(members, start=1):
        member.name = f"{name}_{number}"
        outputs = member(inputs)
        answers.append(outputs if isinstance(outputs, list) else [outputs])
    means = [keras.layers.Average()(list(same)) for same in zip(*answers, strict=True)]
    return keras.Model(inputs, means[0] if len(means) == 1 else means, name=name)


def fit_whole(
    experiment: Experiment,
    tracks: Tracks,
    seed: int,
    validation: Tracks | None = None,
    *,
    data: Data,
    verbose: int | str = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    logs: Path | None = None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """`fit_members`, combined to the one model that is measured and exported."""
    members, history = fit_members(
        experiment,
        tracks,
        seed,
        validation,
        data=data,
        verbose=verbose,
        callbacks=callbacks,
        logs=logs,
    )
    return combine(members, experiment.architecture.name), history
