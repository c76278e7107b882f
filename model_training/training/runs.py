"""A run: an experiment trained with one seed, as a folder.

`model.keras`, `experiment.toml`, `run.json` (experiment, seed, history, validation report,
versions) and `validation.npz` (probabilities). A final training, on the validation tracks too, has
nothing to report and no `validation.npz`. The test tracks are not opened here.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..datasets.clips import Part
from ..errors import TrainingError
from ..experiment import Experiment
from ..files import (
    refuse_existing,
    replacing_folder,
    require_writable,
    write_json,
)
from ..judging.answers import predict_outputs
from ..judging.evaluation import evaluate, fit_temperature, per_track
from ..stores.store import Data, check_split, digest, open_store, require_test
from .distillation import teacher_digest
from .ensemble import fit_whole
from .network import half_precision
from .start import describe_heard, refuse_heard, start_digest
from .unfamiliarity import choose_threshold

EXPERIMENT_NAME = "experiment.toml"
LIBRARIES = ("keras", "tensorflow", "torch", "jax", "numpy", "scikit-learn", "ai-edge-litert")


def library_versions() -> dict[str, str]:
    """Versions of everything installed that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def train(
    experiment: Experiment,
    data: Data,
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
    refuse_existing(run)
    spec, store = experiment.feature_spec, open_store(data)
    require_test(store)
    check_split(store)
    final = experiment.training.is_final
    parts: tuple[Part, ...] = ("train", "validation") if final else ("train",)
    training = store.load(spec, [name for part in parts for name in store.split(part)], copies=True)
    validation = None if final else store.load(spec, store.split("validation"))
    for part, tracks in (("training", training), ("validation", validation)):
        known = set(range(len(store.genres))) if tracks is None else set(tracks.labels.tolist())
        if missing := set(range(len(store.genres))) - known:
            raise TrainingError(
                f"The {part} split has no track of {store.genres[min(missing)]!r}; split anew."
            )
    if experiment.training.start_from:
        refuse_heard(experiment, store.load(spec, store.split("test")))
        if validation is not None:
            refuse_heard(experiment, validation)
    # Copies for training may add excerpts that are never tested.
    heard = [store.load(spec, training.names)]
    if validation is not None and experiment.training.needs_validation:
        heard.append(validation)
    require_writable(run)
    started = time.monotonic()
    model, history = fit_whole(
        experiment,
        training,
        seed,
        validation,
        data=data,
        verbose=2,
        logs=None if tensorboard is None else tensorboard / run.name,
    )
    seconds = time.monotonic() - started
    record: dict[str, Any] = {
        "experiment": experiment.to_json(),
        "genres": list(training.genres),
        "data_digest": digest(store),
        "teacher_sha256": teacher_digest(data, experiment),
        "seed": seed,
        "command": command,
        "libraries": library_versions(),
        "backend": keras.backend.backend(),
        "precision": half_precision(experiment.training) or "float32",
        "n_parameters": int(model.count_params()),
        "n_training_tracks": len(training),
        "heard": describe_heard(experiment, store, heard),
        "start_sha256": start_digest(experiment),
        "n_validation_tracks": 0 if validation is None else len(validation),
        "training_seconds": round(seconds),
        "history": {name: [round(float(v), 5) for v in values] for name, values in history.items()},
        "temperature": None,
        "unfamiliar": None,
        "validation": None,
    }
    if validation is not None:
        outputs, track = predict_outputs(model, validation, spec)
        temperature = fit_temperature(
            outputs[0], track, validation.labels, validation.equal_collections()
        )
        record["temperature"] = temperature
        record["validation"] = evaluate(
            outputs[0], track, validation.labels, training.genres, temperature
        )
        if experiment.unfamiliar.layer:
            record["unfamiliar"] = choose_threshold(
                per_track(outputs[1][:, 0], track, len(validation)), validation.collection
            )
    with replacing_folder(run) as made:
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
        write_json(made / "run.json", record)
    return record
