"""Train one network of an experiment and measure it on the validation tracks.

A run is a folder: `model.keras`, `run.json` (experiment, seed, history, validation report,
versions) and `validation.npz` (probabilities). The test tracks are not opened here.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from features import FeatureSpec, coefficients

from . import architectures
from .augmentation import AugmentedTracks
from .config import Experiment
from .datasets import gtzan
from .errors import TrainingError
from .evaluation import evaluate, fit_temperature

LIBRARIES = ("keras", "tensorflow", "numpy", "scikit-learn", "ai-edge-litert")


def library_versions() -> dict[str, str]:
    """Versions of everything that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        versions[name] = importlib.metadata.version(name)
    return versions


def predict_tracks(
    model: keras.Model, tracks: gtzan.Tracks, spec: FeatureSpec
) -> npt.NDArray[np.float32]:
    """Probabilities (n_tracks, n_segments, n_genres) of the segments that the site would cut."""
    features = coefficients(gtzan.segments(tracks, spec), spec)
    flat = features.reshape(-1, spec.n_frames, spec.n_coefficients)
    probabilities = model.predict(flat, batch_size=128, verbose=0)
    return np.asarray(probabilities).reshape(*features.shape[:2], -1)


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


def fit(
    experiment: Experiment, tracks: gtzan.Tracks, seed: int, verbose: int = 2
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train on `tracks` for the fixed number of epochs; returns the model and its history.

    No checkpoint is picked on validation tracks: the schedule ends at rate zero, so the last
    weights are the result, and the validation accuracy stays an honest one.
    """
    keras.utils.set_random_seed(seed)
    options, spec = experiment.training, experiment.feature_spec
    model = architectures.build(
        experiment.architecture.name, spec, len(tracks.genres), experiment.architecture.options
    )
    smooth = options.label_smoothing
    targets = np.eye(len(tracks.genres), dtype=np.float32)[tracks.labels]
    batches = AugmentedTracks(
        tracks.log_mel,
        targets * (1 - smooth) + smooth / len(tracks.genres),
        spec,
        experiment.augmentation,
        batch_size=options.batch_size,
        crops_per_track=options.crops_per_track,
        mixup=options.mixup,
        seed=seed,
    )
    if not len(batches):
        raise TrainingError("[training] batch_size is larger than one epoch; make it smaller.")
    optimizer = keras.optimizers.AdamW(
        _WarmCosine(options.learning_rate, options.epochs, options.warmup_epochs, len(batches)),
        weight_decay=options.weight_decay,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer, "categorical_crossentropy")
    history = model.fit(batches, epochs=options.epochs, verbose=verbose)
    return model, history.history


def train(experiment: Experiment, data: Path, seed: int, run: Path, command: str) -> dict[str, Any]:
    """Train, measure on validation, write the run folder; returns what `run.json` holds.

    Raises
    ------
    TrainingError : when the folder exists already or the data do not fit.
    """
    if run.exists():
        raise TrainingError(f"{run}: exists already; choose another --out or remove it.")
    spec = experiment.feature_spec
    training = gtzan.load(data, spec, gtzan.SPLITS["train"])
    validation = gtzan.load(data, spec, gtzan.SPLITS["validation"])
    if overlap := set(training.names) & set(validation.names):
        raise TrainingError(f"{sorted(overlap)[0]} is in the training and the validation split.")
    started = time.monotonic()
    model, history = fit(experiment, training, seed)
    seconds = time.monotonic() - started
    probabilities = predict_tracks(model, validation, spec)
    temperature = fit_temperature(probabilities, validation.labels)
    record = {
        "experiment": experiment.to_json(),
        "genres": list(training.genres),
        "seed": seed,
        "command": command,
        "libraries": library_versions(),
        "n_parameters": int(model.count_params()),
        "n_training_tracks": len(training.names),
        "n_validation_tracks": len(validation.names),
        "training_seconds": round(seconds),
        "history": {name: [round(float(v), 5) for v in values] for name, values in history.items()},
        "temperature": temperature,
        "validation": evaluate(probabilities, validation.labels, training.genres, temperature),
    }
    # Written beside and renamed at the end, so that a broken run leaves nothing half-written.
    run.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.parent, prefix=".run-") as folder:
        made = Path(folder) / "run"
        made.mkdir()
        model.save(made / "model.keras")
        np.savez_compressed(
            made / "validation.npz",
            probabilities=probabilities,
            track=np.array(validation.names),
            label=validation.labels,
        )
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
    except (OSError, json.JSONDecodeError) as error:
        raise TrainingError(f"{run}: no finished run there ({error}).") from error
    if not isinstance(record, dict) or "validation" not in record:
        raise TrainingError(f"{run}/run.json: not a run's record.")
    return record
