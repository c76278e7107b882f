"""Turn finished runs into a version that the site offers: two model files and the card.

The test tracks are opened here and nowhere else, once for each exported version.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from features import FeatureSpec, coefficients
from webapp.inference import Card, CardError, Registry
from webapp.inference.card import CARD_NAME, VERSION_PATTERN
from webapp.inference.engines import KerasEngine, LiteRTEngine
from webapp.inference.registry import INDEX_NAME

from .datasets import gtzan
from .errors import TrainingError
from .evaluation import evaluate
from .training import load_run, predict_tracks

ENGINE_TOLERANCE = 1e-4
MAX_BYTES = 10_000_000
SONG_SEGMENTS = 30  # a song of three minutes
LATENCY_ROUNDS = 30

METHOD = (
    "Trained on the training tracks only, for a fixed number of epochs; the temperature is fitted "
    "on the validation tracks; of the seeds listed, the run with the middle validation accuracy "
    "was taken, then the test tracks were measured once. A track's answer is the mean of its "
    "segments' probabilities; intervals are 95 %, by bootstrap over tracks. Training starts from "
    "stored 8-bit log-mel of the clips; the site computes the same features from audio."
)
INTENDED_USE = (
    "Tells which of its genres a piece of music sounds most like, for private collections, "
    "teaching and research. It always answers with one of its genres, also for music of other "
    "genres and for sounds that are no music. Not for decisions about people, royalties or rights."
)


def choose_middle(runs: list[Path]) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    """Of runs of one experiment with different seeds, the middle one by validation accuracy.

    Returns the run, its record and every run's seed and validation accuracy.

    Raises
    ------
    TrainingError : when the runs are of different experiments or share a seed.
    """
    records = [(run, load_run(run)) for run in runs]
    first = records[0][1]
    if any(record["experiment"] != first["experiment"] for _, record in records):
        raise TrainingError("These runs are of different experiments; export one experiment.")
    if len({record["seed"] for _, record in records}) != len(records):
        raise TrainingError("Two of these runs have the same seed; give each run once.")

    def accuracy(item: tuple[Path, dict[str, Any]]) -> tuple[float, float]:
        report = item[1]["validation"]
        return report["track"]["accuracy"]["value"], report["segment"]["accuracy"]["value"]

    records.sort(key=accuracy)
    run, record = records[(len(records) - 1) // 2]
    seeds = [
        {
            "seed": other["seed"],
            "validation_accuracy": other["validation"]["track"]["accuracy"]["value"],
        }
        for _, other in sorted(records, key=lambda item: item[1]["seed"])
    ]
    return run, record, seeds


def require_builtin_layers(model: keras.Model) -> None:
    """Refuse layers that another Keras or LiteRT could not load.

    Raises
    ------
    TrainingError : naming the layer.
    """
    for layer in model._flatten_layers():
        module = type(layer).__module__
        if not module.startswith("keras.src.") or isinstance(layer, keras.layers.Lambda):
            raise TrainingError(
                f"The layer {layer.name!r} ({type(layer).__name__}) is not one of Keras' own; "
                "build the network of built-in layers, without Lambda."
            )


def convert(model: keras.Model) -> bytes:
    """The model as LiteRT flat buffer, float32, any batch size."""
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    return content


def measure_latency(engine: LiteRTEngine, spec: FeatureSpec) -> dict[str, Any]:
    """Median time of LiteRT for a song of three minutes, on this machine."""
    rng = np.random.default_rng(0)
    shape = (SONG_SEGMENTS, spec.n_frames, spec.n_coefficients)
    batch = rng.standard_normal(shape).astype(np.float32)
    times = []
    for _ in range(LATENCY_ROUNDS):
        started = time.perf_counter()
        engine.run(batch)
        times.append(time.perf_counter() - started)
    return {
        "engine": "litert",
        "segments": SONG_SEGMENTS,
        "milliseconds": round(float(np.median(times)) * 1000, 2),
        "rounds": LATENCY_ROUNDS,
        "processors": os.cpu_count(),
        "machine": platform.machine(),
    }


def check_engines(card: Card, features: npt.NDArray[np.float32]) -> float:
    """Largest difference between Keras' and LiteRT's probabilities on real segments.

    Raises
    ------
    TrainingError : when it exceeds the tolerance.
    """
    keras_answer, litert_answer = KerasEngine(card).run(features), LiteRTEngine(card).run(features)
    difference = float(np.abs(keras_answer - litert_answer).max())
    if not difference <= ENGINE_TOLERANCE:
        raise TrainingError(
            f"LiteRT and Keras differ by {difference:.2g}, more than {ENGINE_TOLERANCE:g}: "
            "this network cannot be served."
        )
    return difference


def shared_artists(data: Path, names: list[str], others: list[str]) -> npt.NDArray[np.bool_]:
    """Whether each track of `names` is by an artist of `others` (False where unknown)."""
    artists = gtzan.read_artists(data)
    known = {artists[name] for name in others if name in artists}
    return np.array([artists.get(name) in known for name in names], dtype=bool)


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def check_splits(data: Path) -> None:
    """Refuse splits in which a recording is both tested and trained or chosen on.

    Raises
    ------
    TrainingError : naming the recordings.
    """
    tested = set(gtzan.read_split(data, gtzan.TEST_SPLIT))
    used = {name for split in gtzan.SPLITS.values() for name in gtzan.read_split(data, split)}
    if both := sorted(tested & used):
        raise TrainingError(
            f"The test split shares tracks with training or validation, such as {both[0]}."
        )
    for pair in gtzan.read_replicas(data):
        if tested.intersection(pair) and used.intersection(pair):
            raise TrainingError(
                f"{' and '.join(pair)} are the same recording, but one is a test track and the "
                "other is not; mend the splits."
            )


def write_model_files(model: keras.Model, folder: Path) -> dict[str, str]:
    """Write both forms of the model; returns the sha256 of each.

    Raises
    ------
    TrainingError : when they are too large together.
    """
    model.save(folder / "model.keras")
    (folder / "model.tflite").write_bytes(convert(model))
    contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    if (size := sum(map(len, contents.values()))) > MAX_BYTES:
        raise TrainingError(
            f"The model files take {size:,} bytes, more than {MAX_BYTES:,}; make it smaller."
        )
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def measure_test(
    model: keras.Model, record: dict[str, Any], data: Path, spec: FeatureSpec
) -> dict[str, Any]:
    """The report of the test tracks, and of those that share no known artist with training."""
    test = gtzan.load(data, spec, gtzan.TEST_SPLIT)
    genres, temperature = tuple(record["genres"]), record["temperature"]
    probabilities = predict_tracks(model, test, spec)
    report = evaluate(probabilities, test.labels, genres, temperature)
    shared = shared_artists(data, test.names, gtzan.read_split(data, gtzan.SPLITS["train"]))
    unshared = evaluate(probabilities[~shared], test.labels[~shared], genres, temperature)
    report["shared_artists"] = {
        "n_tracks": int(shared.sum()),
        "accuracy_without": unshared["track"]["accuracy"],
    }
    return report


def describe_run(
    version: str, record: dict[str, Any], seeds: list[dict[str, Any]], files: dict[str, str]
) -> dict[str, Any]:
    """The card of a run, with the validation report standing in for the test's."""
    experiment = record["experiment"]
    return {
        "version": version,
        "title": experiment["title"],
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "genres": record["genres"],
        "feature_spec": experiment["feature_spec"],
        "architecture": {**experiment["architecture"], "n_parameters": record["n_parameters"]},
        "training": {
            "data": gtzan.NAME,
            "n_tracks": record["n_training_tracks"],
            "n_validation_tracks": record["n_validation_tracks"],
            "method": METHOD,
            "seed": record["seed"],
            "seeds": seeds,
            "command": record["command"],
            "seconds": record["training_seconds"],
            "libraries": record["libraries"],
            "options": experiment["training"],
            "augmentation": experiment["augmentation"],
            "history": record["history"],
        },
        "metrics": {"validation": record["validation"], "test": record["validation"]},
        "calibration": {
            "temperature": record["temperature"],
            "fitted_on": "soft votes of the validation tracks",
        },
        "unfamiliar": None,
        "latency": {},
        "licence": gtzan.LICENCE,
        "intended_use": INTENDED_USE,
        "files": files,
    }


def export(runs: list[Path], data: Path, models: Path, version: str) -> Card:
    """Write `models/version`; the test tracks are measured last, when nothing can be refused.

    Raises
    ------
    TrainingError : when the version exists, the splits overlap, the network cannot be served or
        is too large.
    """
    target = models / version
    if not VERSION_PATTERN.fullmatch(version):
        raise TrainingError("A version's name is made of letters, digits, '.', '_' and '-'.")
    if target.exists():
        raise TrainingError(f"{target}: exists already; versions are never overwritten.")
    run, record, seeds = choose_middle(runs)
    check_splits(data)
    spec = FeatureSpec.from_json(record["experiment"]["feature_spec"])
    model = keras.models.load_model(run / "model.keras", compile=False)
    require_builtin_layers(model)
    validation = gtzan.load(data, spec, gtzan.SPLITS["validation"])
    features = coefficients(gtzan.segments(validation, spec), spec)
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".export-") as folder:
        made = Path(folder) / version
        made.mkdir()
        card = describe_run(version, record, seeds, write_model_files(model, made))
        # Engines load from a valid card; this one lasts until the test report takes its place.
        _write_json(made / CARD_NAME, card)
        checked = Card(made)
        difference = check_engines(checked, features.reshape(-1, *features.shape[2:]))
        card["latency"] = {
            **measure_latency(LiteRTEngine(checked), spec),
            "largest_difference_to_keras": difference,
        }
        card["metrics"]["test"] = measure_test(model, record, data, spec)
        _write_json(made / CARD_NAME, card)
        shutil.move(made, target)
    return Card(target)


def recommend(models: Path, version: str) -> None:
    """Make `version` the one that the site takes when nobody chooses.

    Raises
    ------
    TrainingError : for a version that is not there or not valid.
    """
    try:
        Card(models / version)
    except CardError as error:
        raise TrainingError(f"{version}: {error}") from error
    _write_json(models / INDEX_NAME, {"recommended": version})


def describe(models: Path) -> list[str]:
    """One line for each version, and one for each refused folder."""
    registry = Registry.load(models)
    lines = []
    for card in registry.cards.values():
        accuracy = card.summary()["accuracy"]
        star = " (recommended)" if card.version == registry.recommended else ""
        lines.append(
            f"{card.version}{star}: {card.title}, {len(card.genres)} genres, test accuracy "
            f"{accuracy['value']:.1%} [{accuracy['low']:.1%}, {accuracy['high']:.1%}] on "
            f"{card.summary()['n_test_tracks']} tracks"
        )
    return lines + [f"{name}: refused, {reason}" for name, reason in registry.refused.items()]
