"""Train one network of an experiment.

Only Keras and numpy are used, so any backend of Keras trains (`KERAS_BACKEND=jax`), and a GPU is
used when the backend sees one.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from features import FeatureSpec

from .. import architectures
from ..errors import TrainingError
from ..experiment import Experiment, Training
from ..judging.answers import predict_tracks
from ..judging.evaluation import negative_log_likelihood, per_track
from ..stores.tracks import Tracks
from .augmentation import AugmentedTracks
from .distillation import TeacherTags
from .start import find_start, take_layers


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

    def __init__(self, student: keras.Model, tracks: Tracks, spec: FeatureSpec, options: Training):
        super().__init__()
        # Without the head that learns a teacher's tags.
        self._student = student
        self._tracks, self._spec, self._options = tracks, spec, options
        self._best, self._best_epoch, self._weights = math.inf, 0, None
        self._lowered = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add val_loss and val_accuracy of the tracks; lower the rate or stop when asked."""
        probabilities, track = predict_tracks(self._student, self._tracks, self._spec)
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


def _compile(
    model: keras.Model, options: Training, steps_per_epoch: int, tags_weight: float | None = None
) -> None:
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
    if tags_weight is None:
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
        return
    n_tags = model.output_shape[1][1]
    # Of the tracks whose tags are known; Keras' loss is the mean over the tags.
    tags_loss = keras.losses.BinaryCrossentropy(reduction="mean_with_sample_weight")
    model.compile(
        optimizer,
        ["categorical_crossentropy", tags_loss],
        metrics=[["accuracy"], None],
        loss_weights=[1.0, tags_weight * n_tags],
    )


def _parts(options: Training) -> list[tuple[Training, bool]]:
    """The parts of training, one after the other, and whether only the last layer learns in it."""
    if not options.start_from:
        return [(options, False)]
    rate, frozen_epochs = options.learning_rate, options.frozen_epochs
    parts = (
        (frozen_epochs, rate, True),
        (options.epochs - frozen_epochs, rate * options.freed_rate, False),
    )
    return [
        (
            dataclasses.replace(
                options,
                epochs=epochs,
                learning_rate=own,
                warmup_epochs=min(options.warmup_epochs, epochs / 2),
                frozen_epochs=0,
            ),
            frozen,
        )
        for epochs, own, frozen in parts
        if epochs
    ]


def _with_tags(student: keras.Model, n_tags: int) -> keras.Model:
    """The student with a second head, for a teacher's tags, beside its last layer."""
    tags = keras.layers.Dense(
        n_tags,
        activation="sigmoid",
        # Most tags are seldom right.
        bias_initializer=keras.initializers.Constant(-3.0),
        dtype="float32",
        name="tags",
    )(student.get_layer("genre").input)
    return keras.Model(student.input, [student.output, tags])


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
    if keras.backend.backend() == "torch":
        # Keras lists devices for distribution, which it does not have for PyTorch.
        return bool(importlib.import_module("torch").cuda.is_available())
    return bool(keras.distribution.list_devices("gpu"))


def build(experiment: Experiment, n_genres: int) -> keras.Model:
    """The untrained network of an experiment."""
    architecture = experiment.architecture
    return architectures.build(
        architecture.name, experiment.feature_spec, n_genres, architecture.options
    )


def named_layers(model: keras.Model, n_axes: int) -> list[str]:
    """Names of the layers whose output has so many axes, that of the batch too.

    Without those that Keras makes up: they count on from network to network.
    """
    return [
        layer.name
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
        and len(layer.output.shape) == n_axes
        and re.sub(r"_\d+$", "", layer.name).replace("_", "") != type(layer).__name__.lower()
    ]


def half_precision(options: Training) -> str | None:
    """The Keras policy of half precision that pays here, if any."""
    if not options.mixed_precision:
        return None
    if has_gpu():
        return "mixed_float16"
    flags = Path("/proc/cpuinfo")
    if flags.is_file() and re.search(
        r"\b(avx512_bf16|amx_bf16)\b", flags.read_text(encoding="utf-8")
    ):
        return "mixed_bfloat16"
    return None


def fit(
    experiment: Experiment,
    tracks: Tracks,
    seed: int,
    validation: Tracks | None = None,
    *,
    teacher: TeacherTags | None = None,
    elders: keras.Model | None = None,
    verbose: int | str = 2,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train one network on `tracks`; returns the model and its history.

    `elders` is a network whose answers are part of the target. With `keep = "last"` nothing is
    picked on the validation tracks: they are only watched, and their accuracy stays an honest one.
    With "best", early stopping or "plateau" they choose the weights, and their accuracy is too
    good.

    Raises
    ------
    TrainingError : when the options do not fit the data, or nothing can be started from.
    """
    options, spec = experiment.training, experiment.feature_spec
    start = find_start(experiment)
    if validation is None and options.needs_validation:
        raise TrainingError(
            '[training] keep = "best", early_stopping and "plateau" need validation tracks.'
        )
    half = half_precision(options)
    policy = keras.config.dtype_policy()
    if half:
        keras.config.set_dtype_policy(half)
    try:
        keras.utils.set_random_seed(seed)
        model = build(experiment, len(tracks.genres))
        learner = model if teacher is None else _with_tags(model, teacher.n_tags)
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
            teacher=teacher,
            group_balance=options.group_balance,
            weights=[each.weight for each in experiment.data if each.weight],
            elders=elders,
            elders_weight=experiment.distillation.elders_weight,
        )
        _settle_normalisation(learner, options.epochs * len(batches))
        weight = None if teacher is None else experiment.distillation.weight
        # First, so that the others see its numbers.
        watching = [] if validation is None else [_Validation(model, validation, spec, options)]
        history: dict[str, list[float]] = {}
        taken = [] if start is None else take_layers(model, experiment, start)
        done = 0
        for part, frozen in _parts(options):
            for layer in taken:
                layer.trainable = not frozen
            _compile(learner, part, len(batches), weight)
            found = learner.fit(
                batches,
                initial_epoch=done,
                epochs=done + part.epochs,
                verbose=verbose,
                callbacks=[*watching, *callbacks],
            ).history
            for key, values in found.items():
                history.setdefault(key, []).extend(values)
            done = len(history["loss"])
        for layer in taken:
            layer.trainable = True
    finally:
        keras.config.set_dtype_policy(policy)
    if half:
        # The saved model computes in float32, wherever it runs.
        single = build(experiment, len(tracks.genres))
        single.set_weights(model.get_weights())
        model = single
    if teacher is not None:
        # As without a teacher; beside them the loss of the tags.
        history["loss"] = history.pop("genre_loss")
        history["accuracy"] = history.pop("genre_accuracy")
    return model, history
