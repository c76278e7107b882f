"""Train one network of an experiment and measure it on the validation tracks.

A run is a folder: `model.keras`, `experiment.toml`, `run.json` (experiment, seed, history,
validation report, versions) and `validation.npz` (probabilities). Only Keras and numpy are used,
so any backend of Keras trains (`KERAS_BACKEND=jax`), and a GPU is used when the backend sees one.
The test tracks are not opened here.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from features import FeatureSpec
from webapp.inference.engines import batch_size

from . import architectures
from .augmentation import AugmentedTracks
from .config import Experiment, Training
from .errors import TrainingError
from .evaluation import evaluate, fit_temperature, negative_log_likelihood, per_track
from .store import check_split, digest, open_store
from .tracks import Index, Tracks, cut, features_at

EXPERIMENT_NAME = "experiment.toml"
LIBRARIES = ("keras", "tensorflow", "torch", "jax", "numpy", "scikit-learn", "ai-edge-litert")
# Numbers whose features are made at once: 64 MB.
PREDICT_VALUES = 2**24


def library_versions() -> dict[str, str]:
    """Versions of everything installed that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def predict_tracks(
    model: keras.Model, tracks: Tracks, spec: FeatureSpec
) -> tuple[npt.NDArray[np.float32], Index]:
    """Probabilities (n_segments, n_genres) of the site's segments, and each one's track.

    Raises
    ------
    TrainingError : when they are not finite.
    """
    first, track = cut(tracks, spec)
    step = max(1, PREDICT_VALUES // math.prod(spec.shape))
    # Features of a large set do not fit in memory at once.
    parts = [
        model.predict(
            features_at(tracks, first[begin : begin + step], spec),
            batch_size=batch_size(spec.shape),
            verbose=0,
        )
        for begin in range(0, len(first), step)
    ]
    probabilities = np.concatenate(parts)
    if not np.isfinite(probabilities).all():
        raise TrainingError(
            "The weights grew without bounds: lower [training] learning_rate, or leave "
            "mixed_precision."
        )
    return probabilities, track


class _WarmCosine(keras.optimizers.schedules.CosineDecay):
    """Keras' cosine decay with linear warm-up, in epochs."""

    def __init__(self, peak: float, epochs: int, warmup_epochs: float, steps_per_epoch: int):
        warmup = max(1, round(warmup_epochs * steps_per_epoch))
        super().__init__(
            initial_learning_rate=peak / 100,
            decay_steps=max(1, epochs * steps_per_epoch - warmup),
            warmup_target=peak,
            warmup_steps=warmup,
        )


class _Validation(keras.callbacks.Callback):
    """Measures the validation tracks after every epoch; keeps the best weights when asked."""

    def __init__(self, tracks: Tracks, spec: FeatureSpec, options: Training):
        super().__init__()
        self._tracks, self._spec, self._options = tracks, spec, options
        self._best, self._best_epoch, self._weights = math.inf, 0, None
        self._lowered = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add val_loss and val_accuracy of the tracks; lower the rate or stop when asked."""
        probabilities, track = predict_tracks(self.model, self._tracks, self._spec)
        answers = per_track(probabilities, track, len(self._tracks))
        loss = negative_log_likelihood(answers, self._tracks.labels)
        if logs is not None:
            logs["val_loss"] = loss
            logs["val_accuracy"] = float((answers.argmax(axis=1) == self._tracks.labels).mean())
        if loss < self._best:
            self._best, self._best_epoch = loss, epoch
            if self._options.keep == "best":
                self._weights = self.model.get_weights()
        options, waited = self._options, epoch - self._best_epoch
        if options.early_stopping and waited >= options.early_stopping:
            self.model.stop_training = True
        since = epoch - max(self._best_epoch, self._lowered)
        if options.schedule == "plateau" and since >= options.patience:
            rate = self.model.optimizer.learning_rate
            self.model.optimizer.learning_rate = float(keras.ops.convert_to_numpy(rate)) / 2
            self._lowered = epoch

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Take the best weights back."""
        if self._weights is not None:
            self.model.set_weights(self._weights)


def _compile(model: keras.Model, options: Training, steps_per_epoch: int) -> None:
    rate: Any = options.learning_rate
    if options.schedule == "cosine":
        rate = _WarmCosine(rate, options.epochs, options.warmup_epochs, steps_per_epoch)
    if options.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=options.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    else:
        optimizer = keras.optimizers.Adam(rate)
    if options.l1 or options.l2:
        for variable in model.trainable_variables:
            if variable.name.endswith("kernel"):
                variable.regularizer = keras.regularizers.L1L2(options.l1, options.l2)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])


def _settle_normalisation(model: keras.Model, n_steps: int) -> None:
    """Let the moving statistics of batch normalisation forget the start within the run.

    Of a handful of clips there are too few steps for the usual momentum, and the network would
    meet other numbers on the site than in training.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = max(0.5, min(layer.momentum, 1 - 10 / n_steps))


def has_gpu() -> bool:
    """Whether the Keras backend sees a GPU."""
    return bool(keras.distribution.list_devices("gpu"))


def build(experiment: Experiment, n_genres: int) -> keras.Model:
    """The untrained network of an experiment."""
    architecture = experiment.architecture
    return architectures.build(
        architecture.name, experiment.feature_spec, n_genres, architecture.options
    )


def fit(
    experiment: Experiment,
    tracks: Tracks,
    seed: int,
    validation: Tracks | None = None,
    *,
    verbose: int | str = 2,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train on `tracks`; returns the model and its history.

    With `keep = "last"` nothing is picked on the validation tracks: they are only watched, and
    their accuracy stays an honest one. With "best", early stopping or "plateau" they choose the
    weights, and their accuracy is too good.

    Raises
    ------
    TrainingError : when the options do not fit the data.
    """
    options, spec = experiment.training, experiment.feature_spec
    if validation is None and options.needs_validation:
        raise TrainingError(
            '[training] keep = "best", early_stopping and "plateau" need validation tracks.'
        )
    half = options.mixed_precision and has_gpu()
    policy = keras.config.dtype_policy()
    if half:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        keras.utils.set_random_seed(seed)
        model = build(experiment, len(tracks.genres))
        smooth = options.label_smoothing
        targets = np.eye(len(tracks.genres), dtype=np.float32)[tracks.labels]
        batches = AugmentedTracks(
            tracks,
            targets * (1 - smooth) + smooth / len(tracks.genres),
            spec,
            experiment.augmentation,
            # Of a few clips an epoch is shorter than the usual batch.
            batch_size=min(options.batch_size, len(tracks) * options.crops_per_track),
            crops_per_track=options.crops_per_track,
            mixup=options.mixup,
            seed=seed,
        )
        _settle_normalisation(model, options.epochs * len(batches))
        _compile(model, options, len(batches))
        # First, so that the others see its numbers.
        watching = [] if validation is None else [_Validation(validation, spec, options)]
        history = model.fit(
            batches, epochs=options.epochs, verbose=verbose, callbacks=[*watching, *callbacks]
        )
    finally:
        keras.config.set_dtype_policy(policy)
    if half:
        # The saved model computes in float32, wherever it runs.
        single = build(experiment, len(tracks.genres))
        single.set_weights(model.get_weights())
        model = single
    return model, history.history


def train(
    experiment: Experiment,
    data: Path,
    seed: int,
    run: Path,
    command: str,
    tensorboard: Path | None = None,
) -> dict[str, Any]:
    """Train, measure on validation, write the run folder; returns what `run.json` holds.

    Raises
    ------
    TrainingError : when the folder exists already or the data do not fit.
    """
    if run.exists():
        raise TrainingError(f"{run}: exists already; choose another --out or remove it.")
    spec, store = experiment.feature_spec, open_store(data)
    check_split(store)
    training = store.load(spec, store.split("train"), copies=True)
    validation = store.load(spec, store.split("validation"))
    for part, tracks in (("training", training), ("validation", validation)):
        if missing := set(range(len(store.genres))) - set(tracks.labels.tolist()):
            raise TrainingError(
                f"The {part} split has no track of {store.genres[min(missing)]!r}; split anew."
            )
    # Before hours of training, not after them.
    run.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.parent, prefix=".run-"):
        pass
    callbacks = []
    if tensorboard is not None:
        callbacks.append(keras.callbacks.TensorBoard(tensorboard / run.name, write_graph=False))
    started = time.monotonic()
    model, history = fit(experiment, training, seed, validation, callbacks=callbacks)
    seconds = time.monotonic() - started
    probabilities, track = predict_tracks(model, validation, spec)
    temperature = fit_temperature(probabilities, track, validation.labels)
    record = {
        "experiment": experiment.to_json(),
        "genres": list(training.genres),
        "data_digest": digest(store),
        "seed": seed,
        "command": command,
        "libraries": library_versions(),
        "backend": keras.backend.backend(),
        "n_parameters": int(model.count_params()),
        "n_training_tracks": len(training),
        "n_validation_tracks": len(validation),
        "training_seconds": round(seconds),
        "history": {name: [round(float(v), 5) for v in values] for name, values in history.items()},
        "temperature": temperature,
        "validation": evaluate(
            probabilities, track, validation.labels, training.genres, temperature
        ),
    }
    # Written beside and renamed at the end, so that a broken run leaves nothing half-written.
    with tempfile.TemporaryDirectory(dir=run.parent, prefix=".run-") as folder:
        made = Path(folder) / "run"
        made.mkdir()
        model.save(made / "model.keras")
        np.savez_compressed(
            made / "validation.npz",
            probabilities=probabilities,
            segment_track=track,
            track=np.array(validation.names),
            label=validation.labels,
        )
        (made / EXPERIMENT_NAME).write_text(experiment.source, encoding="utf-8")
        (made / "run.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        shutil.move(made, run)
    return record


def load_run(run: Path) -> dict[str, Any]:
    """Read a run's record.

    Raises
    ------
    TrainingError : when the folder is no finished run.
    """
    try:
        record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{run}: no finished run there ({error}).") from error
    if not isinstance(record, dict) or "validation" not in record:
        raise TrainingError(f"{run}/run.json: not a run's record.")
    return record
