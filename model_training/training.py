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
import re
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
from .datasets.clips import Part
from .distillation import TeacherTags, load_teacher
from .errors import TrainingError
from .evaluation import evaluate, fit_temperature, negative_log_likelihood, per_track
from .store import check_split, digest, open_store
from .tracks import Index, Tracks, cut, features_at
from .unfamiliarity import add_score, choose_threshold

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


def predict_outputs(
    model: keras.Model, tracks: Tracks, spec: FeatureSpec
) -> tuple[list[npt.NDArray[np.float32]], Index]:
    """Every output (n_segments, ...) for the site's segments, and each one's track.

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
    if not isinstance(parts[0], list):
        parts = [[part] for part in parts]
    outputs = [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
    if not all(np.isfinite(output).all() for output in outputs):
        raise TrainingError(
            "The weights grew without bounds: lower [training] learning_rate, or leave "
            "mixed_precision."
        )
    return outputs, track


def predict_tracks(
    model: keras.Model, tracks: Tracks, spec: FeatureSpec
) -> tuple[npt.NDArray[np.float32], Index]:
    """Probabilities (n_segments, n_genres) of the site's segments, and each one's track.

    Raises
    ------
    TrainingError : when they are not finite.
    """
    outputs, track = predict_outputs(model, tracks, spec)
    return outputs[0], track


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
    model: keras.Model, options: Training, steps_per_epoch: int, tags_weight: float = 0.0
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
    if not tags_weight:
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


def _with_tags(student: keras.Model, n_tags: int) -> keras.Model:
    """The student with a second head, for a teacher's tags, beside its last layer."""
    tags = keras.layers.Dense(
        n_tags,
        activation="sigmoid",
        # Most tags are seldom right.
        bias_initializer=keras.initializers.Constant(-3.0),
        dtype="float32",
        name="tags",
    )(student.layers[-1].input)
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
    return bool(keras.distribution.list_devices("gpu"))


def build(experiment: Experiment, n_genres: int) -> keras.Model:
    """The untrained network of an experiment."""
    architecture = experiment.architecture
    return architectures.build(
        architecture.name, experiment.feature_spec, n_genres, architecture.options
    )


def _precision(options: Training) -> str | None:
    """The Keras policy of half precision that pays here, if any."""
    if not options.mixed_precision:
        return None
    if has_gpu():
        return "mixed_float16"
    flags = Path("/proc/cpuinfo")
    if flags.is_file() and re.search(r"\b(avx512_bf16|amx_bf16)\b", flags.read_text()):
        return "mixed_bfloat16"
    return None


def fit(
    experiment: Experiment,
    tracks: Tracks,
    seed: int,
    validation: Tracks | None = None,
    *,
    teacher: TeacherTags | None = None,
    verbose: int | str = 2,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train one network on `tracks`; returns the model and its history.

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
    half = _precision(options)
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
        )
        _settle_normalisation(learner, options.epochs * len(batches))
        weight = 0.0 if teacher is None else experiment.distillation.weight
        _compile(learner, options, len(batches), weight)
        # First, so that the others see its numbers.
        watching = [] if validation is None else [_Validation(model, validation, spec, options)]
        history = learner.fit(
            batches, epochs=options.epochs, verbose=verbose, callbacks=[*watching, *callbacks]
        ).history
    finally:
        keras.config.set_dtype_policy(policy)
    if half:
        # The saved model computes in float32, wherever it runs.
        single = build(experiment, len(tracks.genres))
        single.set_weights(model.get_weights())
        model = single
    if teacher is not None:
        history["accuracy"] = history.pop("genre_accuracy")
    return model, history


def fit_members(
    experiment: Experiment,
    tracks: Tracks,
    seed: int,
    validation: Tracks | None = None,
    *,
    data: Path,
    verbose: int | str = 2,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[list[keras.Model], dict[str, list[float]]]:
    """Train all members of an experiment; returns them and the mean of their histories.

    `data` is where the teacher's tags lie. With a layer for
    unfamiliar sounds every member has its score as second output.

    Raises
    ------
    TrainingError : when the options do not fit the data.
    """
    n, layer = experiment.training.members, experiment.unfamiliar.layer
    teacher = load_teacher(data, experiment.distillation, tracks, experiment.feature_spec)
    members, histories = [], []
    for number in range(n):
        # Other seeds of the experiment share no member.
        model, history = fit(
            experiment,
            tracks,
            seed if n == 1 else (seed * n) + number,
            validation,
            teacher=teacher,
            verbose=verbose,
            callbacks=callbacks,
        )
        if layer:
            model = add_score(model, layer, tracks, experiment.feature_spec)
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
    data: Path,
    verbose: int | str = 2,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, dict[str, list[float]]]:
    """`fit_members`, combined to the one model that is measured and exported."""
    members, history = fit_members(
        experiment, tracks, seed, validation, data=data, verbose=verbose, callbacks=callbacks
    )
    return combine(members, experiment.architecture.name), history


def train(
    experiment: Experiment,
    data: Path,
    seed: int,
    run: Path,
    command: str,
    tensorboard: Path | None = None,
) -> dict[str, Any]:
    """Train, measure on validation, write the run folder; returns what `run.json` holds.

    With `train_on = "train+validation"` nothing is left to measure on: the record's `validation`
    and `temperature` are None, and `export` takes them from the cross-validation.

    Raises
    ------
    TrainingError : when the folder exists already or the data do not fit.
    """
    if run.exists():
        raise TrainingError(f"{run}: exists already; choose another --out or remove it.")
    spec, store = experiment.feature_spec, open_store(data)
    check_split(store)
    final = experiment.training.train_on == "train+validation"
    parts: tuple[Part, ...] = ("train", "validation") if final else ("train",)
    training = store.load(spec, [name for part in parts for name in store.split(part)], copies=True)
    validation = None if final else store.load(spec, store.split("validation"))
    for part, tracks in (("training", training), ("validation", validation)):
        known = set(range(len(store.genres))) if tracks is None else set(tracks.labels.tolist())
        if missing := set(range(len(store.genres))) - known:
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
    model, history = fit_whole(
        experiment, training, seed, validation, data=data, callbacks=callbacks
    )
    seconds = time.monotonic() - started
    record: dict[str, Any] = {
        "experiment": experiment.to_json(),
        "genres": list(training.genres),
        "data_digest": digest(store),
        "seed": seed,
        "command": command,
        "libraries": library_versions(),
        "backend": keras.backend.backend(),
        "n_parameters": int(model.count_params()),
        "n_training_tracks": len(training),
        "n_validation_tracks": 0 if validation is None else len(validation),
        "training_seconds": round(seconds),
        "history": {name: [round(float(v), 5) for v in values] for name, values in history.items()},
        "temperature": None,
        "unfamiliar": None,
        "validation": None,
    }
    if validation is not None:
        outputs, track = predict_outputs(model, validation, spec)
        temperature = fit_temperature(outputs[0], track, validation.labels)
        record["temperature"] = temperature
        record["validation"] = evaluate(
            outputs[0], track, validation.labels, training.genres, temperature
        )
        if experiment.unfamiliar.layer:
            record["unfamiliar"] = choose_threshold(
                per_track(outputs[1][:, 0], track, len(validation))
            )
    # Written beside and renamed at the end, so that a broken run leaves nothing half-written.
    with tempfile.TemporaryDirectory(dir=run.parent, prefix=".run-") as folder:
        made = Path(folder) / "run"
        made.mkdir()
        model.save(made / "model.keras")
        if validation is not None:
            np.savez_compressed(
                made / "validation.npz",
                probabilities=outputs[0],
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
