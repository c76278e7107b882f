"""Search for better values of an experiment's keys: grid, random search and Hyperband.

KerasTuner proposes the values; every trial trains as `train` does and is measured as `train`
measures, on the validation tracks. The test tracks are not opened here.

KerasTuner's proposals follow from the seed and from the results so far. So a stopped search is not
reloaded but repeated: trials that stand in `trials.json` are answered at once. (KerasTuner's own
reload loses its place in a grid.)

Hyperband: Li et al., "Hyperband: a novel bandit-based approach to hyperparameter optimization",
2018. Many trials get few epochs, the best of them get more; each starts anew, since the schedule
of the learning rate belongs to the number of epochs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras_tuner.engine.base_tuner import BaseTuner
from tqdm import tqdm

from webapp.inference.calibration import calibrate

from ..errors import TrainingError
from ..experiment import Experiment
from ..files import write_text
from ..judging.answers import predict_tracks
from ..judging.evaluation import fit_temperature, negative_log_likelihood, per_track
from ..stores.store import Data, Store, check_split, digest, open_store, require_test
from ..stores.tracks import Tracks
from ..training.distillation import teacher_digest
from ..training.ensemble import fit_whole
from ..training.network import build
from ..training.runs import library_versions
from ..training.start import refuse_heard, start_digest
from .space import Choices, Dimension, Values, base_values, changed, check_grid, read_space
from .trials import OBJECTIVES, Outcome, Records, Trial, best_note, identity_of, trial_line

METHODS = ("random", "grid", "hyperband")
RANDOM_TRIALS = 20
BEST_NAME = "best.toml"
EPOCHS = "training.epochs"


class _Data:
    """Training and validation tracks; those of one spec at a time are kept."""

    def __init__(self, store: Store, folders: Data):
        self._store, self.folders = store, folders
        self._kept: dict[str, tuple[Tracks, Tracks]] = {}

    def parts(self, experiment: Experiment) -> tuple[Tracks, Tracks]:
        spec, store = experiment.feature_spec, self._store
        if spec.id not in self._kept:
            self._kept.clear()
            training = store.load(spec, store.split("train"), copies=True)
            self._kept[spec.id] = (training, store.load(spec, store.split("validation")))
        return self._kept[spec.id]


class _Search(BaseTuner):
    """KerasTuner's loop around our training; `answer` gives the score of a set of values."""

    def __init__(self, oracle: Any, folder: str, answer: Callable[[dict[str, Any]], float]):
        self._answer = answer
        super().__init__(oracle=oracle, directory=folder, project_name="search")

    def run_trial(self, trial: Any, **options: Any) -> dict[str, float]:
        try:
            score = self._answer(dict(trial.hyperparameters.values))
        except Exception as error:
            # Anything else would be printed and counted as a bad trial.
            raise keras_tuner.errors.FatalError from error
        return {self.oracle.objective.name: score}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without TensorFlow's advice on building many models: a search builds many."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Epochs(keras.callbacks.Callback):
    """Shows the epoch behind the bar of trials."""

    def __init__(self, bar: Any, epochs: int):
        super().__init__()
        self._bar, self._epochs = bar, epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._bar.set_postfix_str(f"epoch {epoch + 1} of {self._epochs}")


def _measure(experiment: Experiment, values: Values, data: _Data, seeds: range, bar: Any) -> Trial:
    started = time.monotonic()
    accuracies, losses = [], []
    try:
        training, validation = data.parts(experiment)
        refuse_heard(experiment, validation)
        options = experiment.training
        for seed in seeds:
            # Free the memory of earlier trials.
            keras.backend.clear_session()
            model, _ = fit_whole(
                experiment,
                training,
                seed,
                validation if options.needs_validation else None,
                data=data.folders,
                verbose=0,
                callbacks=[_Epochs(bar, options.epochs)],
            )
            probabilities, track = predict_tracks(model, validation, experiment.feature_spec)
            temperature = fit_temperature(probabilities, track, validation.labels)
            answers = per_track(calibrate(probabilities, temperature), track, len(validation))
            accuracies.append(float((answers.argmax(axis=1) == validation.labels).mean()))
            losses.append(negative_log_likelihood(answers, validation.labels))
    except TrainingError as error:
        return Trial.failed(values, str(error))
    return Trial(
        values,
        round(float(np.mean(accuracies)), 4),
        round(float(np.mean(losses)), 4),
        round(time.monotonic() - started, 1),
    )


def _hyperparameters(space: list[Dimension]) -> Any:
    parameters = keras_tuner.HyperParameters()
    for dimension in space:
        if isinstance(dimension, Choices):
            # Lists among them, which KerasTuner does not know.
            parameters.Choice(dimension.key, [json.dumps(value) for value in dimension.values])
            continue
        make = parameters.Int if dimension.whole else parameters.Float
        make(
            dimension.key,
            dimension.low,
            dimension.high,
            sampling="log" if dimension.log else "linear",
        )
    return parameters


def _values(proposed: dict[str, Any], space: list[Dimension]) -> Values:
    values = {}
    for dimension in space:
        value = proposed[dimension.key]
        values[dimension.key] = (
            json.loads(value) if isinstance(dimension, Choices) else dimension.rounded(value)
        )
    if "tuner/epochs" in proposed:
        values[EPOCHS] = proposed["tuner/epochs"]
    return values


def _oracle(
    method: str, space: list[Dimension], epochs: int, trials: int | None, objective: str, seed: int
) -> tuple[Any, int]:
    """KerasTuner's oracle and how many trials it will ask for at most."""
    options = {
        "objective": keras_tuner.Objective(objective, OBJECTIVES[objective]),
        "hyperparameters": _hyperparameters(space),
        # A seed of 0 would be none.
        "seed": seed + 1,
    }
    if method == "random":
        trials = trials or RANDOM_TRIALS
        return keras_tuner.oracles.RandomSearchOracle(max_trials=trials, **options), trials
    if method == "grid":
        check_grid(space)
        size = math.prod(len(d.values) for d in space if isinstance(d, Choices))
        oracle = keras_tuner.oracles.GridSearchOracle(max_trials=trials, **options)
        return oracle, min(size, trials or size)
    oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, **options)
    size = sum(
        oracle._get_size(bracket, number)
        for bracket in range(oracle._get_num_brackets())
        for number in range(oracle._get_num_rounds(bracket))
    )
    oracle.max_trials = trials
    return oracle, min(size, trials or size)


def _check_early(experiment: Experiment, space: list[Dimension], data: _Data, n: int) -> None:
    """Build and load with every value once, before hours are spent on the others.

    Raises
    ------
    TrainingError : naming the key and the value; or see `refuse_heard`.
    """
    if experiment.training.start_from:
        refuse_heard(experiment, data.parts(experiment)[1])
    for dimension in space:
        early = ("architecture.", "feature_spec.", "training.start_from")
        if not dimension.key.startswith(early):
            continue
        for value in dimension.samples:
            candidate = changed(experiment, {dimension.key: value})
            try:
                build(candidate, n)
                refuse_heard(candidate, data.parts(candidate)[1])
            except TrainingError as error:
                raise TrainingError(f"[tune] {dimension.key} = {value!r}: {error}") from error


def tune(
    experiment: Experiment,
    folders: Data,
    *,
    method: str,
    trials: int | None,
    seed: int,
    repeats: int,
    objective: str,
    out: Path,
    command: str,
) -> Outcome:
    """Search, and write `trials.json` and `best.toml` to `out`; a stopped search goes on.

    Parameters
    ----------
    folders : the feature store or stores.
    method : one of METHODS.
    trials : at most so many, besides the experiment as it stands; None for RANDOM_TRIALS, the
        whole grid or all of Hyperband.
    repeats : seeds that each trial is trained with, from `seed` on; their mean counts.
    objective : one of OBJECTIVES.

    Raises
    ------
    TrainingError : for a table [tune] that does not fit, or when `out` holds something else.
    """
    for name, number in (("trials", trials), ("repeats", repeats)):
        if number is not None and number < 1:
            raise TrainingError(f"--{name} {number}: must be 1 or more.")
    space = read_space(experiment)
    keys = [dimension.key for dimension in space]
    if method == "hyperband":
        if EPOCHS in keys:
            raise TrainingError(
                f"[tune] {EPOCHS}: Hyperband chooses the epochs itself, up to those in [training]; "
                "leave the key out or take another method."
            )
        if experiment.training.frozen_epochs or "training.frozen_epochs" in keys:
            raise TrainingError(
                "[training] frozen_epochs: Hyperband gives most trials fewer epochs than the "
                "experiment; leave the key out or take another method."
            )
        keys.append(EPOCHS)
    oracle, most = _oracle(method, space, experiment.training.epochs, trials, objective, seed)
    store = open_store(folders)
    require_test(store)
    check_split(store)
    n_validation = len(store.split("validation"))
    recipe = {
        "experiment": experiment.to_json(),
        "tune": experiment.tune,
        "data": store.name,
        "data_digest": digest(store),
        "teacher_sha256": teacher_digest(folders, experiment),
        **({"start_sha256": start} if (start := start_digest(experiment)) else {}),
        "n_training_tracks": len(store.split("train")),
        "n_validation_tracks": n_validation,
        "seed": seed,
        "repeats": repeats,
    }
    records, data = Records(out, recipe), _Data(store, folders)
    n_known = len(records)
    _check_early(experiment, space, data, len(store.genres))

    def run(values: Values) -> Trial:
        candidate: Experiment | None = None
        fault = ""
        try:
            candidate = changed(experiment, values)
        except TrainingError as error:
            # Each value fits, but these do not fit together.
            fault = str(error)
        identity = identity_of(values if candidate is None else candidate.to_json())
        trial = records.get(identity)
        if trial is None:
            if candidate is None:
                trial = Trial.failed(values, fault)
            else:
                trial = _measure(candidate, values, data, range(seed, seed + repeats), bar)
            records.add(identity, trial)
            bar.write(trial_line(trial, len(records)))
            sys.stdout.flush()
        bar.update()
        return trial

    try:
        # Without a terminal the lines tell the progress.
        with (
            tqdm(total=most + 1, unit="trial", disable=None, leave=False) as bar,
            tempfile.TemporaryDirectory() as scratch,
            _quiet(),
        ):
            baseline = run(base_values(experiment, keys))
            if baseline.fault:
                raise TrainingError(f"The experiment itself cannot be trained: {baseline.fault}")
            search = _Search(
                oracle, scratch, lambda proposed: run(_values(proposed, space)).score(objective)
            )
            search.search(verbose=0)
    except keras_tuner.errors.FatalError as error:
        raise error.__cause__ or error from None
    except KeyboardInterrupt:
        print(
            f"{len(records)} trials are done and kept: the same command goes on from there.",
            file=sys.stderr,
        )
        raise
    outcome = Outcome(records.ranked(objective), baseline, keys, n_validation, n_known)
    records.write(
        command=command,
        method=method,
        objective=objective,
        libraries=library_versions(),
        best=outcome.best.values,
    )
    best = changed(experiment, outcome.best.values).source
    note = "".join(f"# {line}\n" for line in best_note(outcome, command, objective))
    write_text(out / BEST_NAME, f"{note}\n{best}")
    return outcome
