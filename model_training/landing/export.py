"""Turn finished runs into a version that the site offers: two model files and the card.

The test tracks are opened here and nowhere else, once for each exported version.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from features import FeatureSpec
from webapp.inference import Card, Predictor
from webapp.inference.calibration import calibrate
from webapp.inference.card import CARD_NAME, MODEL_FILES
from webapp.inference.embedding import EMBEDDING_NAME
from webapp.inference.engines import KerasEngine, LiteRTEngine

from ..errors import TrainingError
from ..files import replacing_folder, sha256, write_json
from ..judging.answers import predict_outputs, predict_tracks
from ..judging.evaluation import evaluate, per_track
from ..judging.genre_bias import add_bias
from ..paths import REPORT_NAME, TEST_TABLE
from ..reporting.report import write_report
from ..stores.store import Data, Store, check_split, digest, folders_of, open_store, require_test
from ..stores.tracks import Tracks, cut, features_at
from ..studies.latency import measure_latency
from ..studies.prediction import predict_file, predict_samples
from ..studies.robustness import measure_disturbances
from ..training.run_record import load_run, parts_trained_on
from ..training.runs import EXPERIMENT_NAME
from ..training.unfamiliarity import made_sounds
from ..versions import new_version
from .card_content import add_cross_validation, describe_run, read_elsewhere
from .embedding_file import describe_songs, read_taught, write_embedding

ENGINE_TOLERANCE = 1e-4
SCORE_TOLERANCE = 1e-3
MAX_BYTES = 10_000_000
# Rows of a model that converts with a fixed batch only, such as a recurrent one.
FIXED_BATCH = 16


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
    if any(record.get("data_digest") != first.get("data_digest") for _, record in records):
        raise TrainingError("These runs were trained on different data or splits; export one.")
    if len({record["seed"] for _, record in records}) != len(records):
        raise TrainingError("Two of these runs have the same seed; give each run once.")
    if first["validation"] is None:
        if len(records) > 1:
            raise TrainingError(
                "These runs were trained on the validation tracks too, so nothing tells which is "
                "the middle one; give one run."
            )
        return runs[0], first, [{"seed": first["seed"]}]

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

    Functions of `keras.ops` are Keras' own, too.

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
    """The model as LiteRT flat buffer, float32.

    Any batch size, but for recurrent networks: those convert with a fixed batch only, which the
    engine fills up.

    Raises
    ------
    TrainingError : when the network cannot be converted.
    """
    recurrent = any(isinstance(layer, keras.layers.RNN) for layer in model._flatten_layers())
    shape = (FIXED_BATCH if recurrent else None, *model.input_shape[1:])
    with tempfile.TemporaryDirectory() as folder:
        signature = [keras.InputSpec(shape=shape, dtype="float32")]
        model.export(folder, format="tf_saved_model", input_signature=signature, verbose=False)
        try:
            content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        except Exception as error:  # the converter raises many kinds
            raise TrainingError(f"LiteRT cannot hold this network: {error}") from error
    return content


def check_engines(card: Card, features: npt.NDArray[np.float32]) -> float:
    """Largest difference between Keras' and LiteRT's probabilities on real segments.

    Scores and embeddings are compared too; the tolerance of the latter grows with its numbers.

    Raises
    ------
    TrainingError : when it exceeds the tolerance.
    """
    of_keras, of_litert = KerasEngine(card).run(features), LiteRTEngine(card).run(features)
    largest = float(np.abs(of_keras.probabilities - of_litert.probabilities).max())
    differences = [("probabilities", largest, ENGINE_TOLERANCE)]
    if of_keras.unfamiliarity is not None and of_litert.unfamiliarity is not None:
        apart = float(np.abs(of_keras.unfamiliarity - of_litert.unfamiliarity).max())
        differences.append(("unfamiliarity scores", apart, SCORE_TOLERANCE))
    if of_keras.embeddings is not None and of_litert.embeddings is not None:
        apart = float(np.abs(of_keras.embeddings - of_litert.embeddings).max())
        apart /= max(1.0, float(np.abs(of_keras.embeddings).max()))
        differences.append(("embeddings", apart, SCORE_TOLERANCE))
    for name, difference, tolerance in differences:
        if not difference <= tolerance:
            raise TrainingError(
                f"The {name} of LiteRT and Keras differ by {difference:.2g}, more than "
                f"{tolerance:g}: this network cannot be served."
            )
    return largest


def save_compressed(model: keras.Model, path: Path) -> None:
    """Save as Keras does, with its zip deflated: a tenth smaller, and read all the same."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / path.name
        model.save(saved)
        with (
            zipfile.ZipFile(saved) as source,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
        ):
            for entry in source.infolist():
                # The date of the run, not of the copy.
                content = zipfile.ZipInfo(entry.filename, entry.date_time)
                content.compress_type = zipfile.ZIP_DEFLATED
                target.writestr(content, source.read(entry))


def write_model_files(model: keras.Model, folder: Path) -> dict[str, str]:
    """Write both forms of the model; returns the sha256 of each.

    Raises
    ------
    TrainingError : when they are too large together.
    """
    save_compressed(model, folder / "model.keras")
    (folder / "model.tflite").write_bytes(convert(model))
    if (size := sum((folder / name).stat().st_size for name in MODEL_FILES)) > MAX_BYTES:
        raise TrainingError(
            f"The model files take {size:,} bytes, more than {MAX_BYTES:,}; make it smaller."
        )
    return checksums(folder)


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of every file of a version but the card."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.name != CARD_NAME}


def measure_test(
    model: keras.Model, record: dict[str, Any], store: Store, spec: FeatureSpec, table: Path
) -> dict[str, Any]:
    """The report of the test tracks, and of those that share no known artist with training.

    Every track's answer is written to the CSV file `table`. The same tracks, disturbed, tell how
    robust the version is.
    """
    test = store.load(spec, store.split("test"))
    genres, temperature = tuple(record["genres"]), record["temperature"]
    outputs, track = predict_outputs(model, test, spec)
    probabilities = outputs[0]
    report = evaluate(probabilities, track, test.labels, genres, temperature)
    if record.get("unfamiliar"):
        scores = per_track(outputs[1][:, 0], track, len(test))
        flagged = scores > record["unfamiliar"]["threshold"]
        report["flagged_share"] = round(float(flagged.mean()), 4)
    if spec.kind != "statistics":

        def ask(tracks: Tracks) -> npt.NDArray[np.float64]:
            raw, segment_track = predict_tracks(model, tracks, spec)
            return per_track(calibrate(raw, temperature), segment_track, len(tracks))

        report["disturbances"] = measure_disturbances(ask, test, spec)
    parts = parts_trained_on(record)
    trained = {store.groups[name] for part in parts for name in store.split(part)}
    unshared = np.flatnonzero([group not in trained for group in test.groups])
    if 0 < len(unshared) < len(test):
        kept = np.isin(track, unshared)
        rows = np.searchsorted(unshared, track[kept])
        part = evaluate(probabilities[kept], rows, test.labels[unshared], genres, temperature)
        report["shared_artists"] = {
            "n_tracks": len(test) - len(unshared),
            "accuracy_without": part["track"]["accuracy"],
        }
    answers = per_track(calibrate(probabilities, temperature), track, len(test))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["track", "genre", "winner", *genres])
        for name, label, answer in zip(test.names, test.labels, answers, strict=True):
            numbers = [f"{number:.4f}" for number in answer]
            writer.writerow([name, genres[label], genres[int(answer.argmax())], *numbers])
    return report


def check_sounds(experiment: Mapping[str, Any], sounds: Sequence[Path]) -> None:
    """Refuse sounds that cannot be judged.

    Raises
    ------
    TrainingError : for a missing file, or when the experiment gives no score.
    """
    if sounds and not experiment["unfamiliar"]["layer"]:
        raise TrainingError("--sounds needs an experiment with [unfamiliar] layer.")
    for path in sounds:
        if not path.is_file():
            raise TrainingError(f"{path}: there is no such sound file.")


def judge_sounds(card: Card, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """How unfamiliar a version finds noise, a pure tone and the sound files `paths`.

    Raises
    ------
    TrainingError : for a file that cannot be read.
    """
    predictor = Predictor(card, LiteRTEngine(card))
    answers = [
        predict_samples(samples, predictor, Path(name))
        for name, samples in made_sounds(card.spec).items()
    ]
    answers += [predict_file(path, predictor) for path in paths]
    return [
        {
            "name": answer.path.stem,
            "score": round(found["score"], 4),
            "flag": found["flag"],
        }
        for answer in answers
        if (found := answer.prediction.unfamiliar) is not None
    ]


def export(
    runs: list[Path],
    data: Data,
    models: Path,
    version: str,
    command: str,
    cross_validation: Path | None = None,
    sounds: Sequence[Path] = (),
    teaching: Path | None = None,
    elsewhere: Path | None = None,
) -> Card:
    """Write `models/version`; the test tracks are measured last, when nothing can be refused.

    Parameters
    ----------
    cross_validation : folder of the study, for a run that was trained on the validation tracks too.
    sounds : sound files whose unfamiliarity the card shall tell.
    teaching : folder of the study that measured how well the embedding teaches.
    elsewhere : folder of the study that asked a network of the same recipe about a collection that
        it never heard.

    Raises
    ------
    TrainingError : when the version exists, the splits overlap, the network cannot be served or
        is too large, or a sound cannot be read.
    """
    target = new_version(models, version)
    run, record, seeds = choose_middle(runs)
    store = open_store(data)
    require_test(store)
    check_split(store)
    check_sounds(record["experiment"], sounds)
    if record["data_digest"] != digest(store):
        names = " and ".join(map(str, folders_of(data)))
        names += " has" if len(folders_of(data)) == 1 else " have"
        raise TrainingError(
            f"{run} was trained on other data or another split than {names} now: its test "
            "could hold tracks that were trained on. Train again."
        )
    record = add_cross_validation(record, cross_validation)
    taught = read_taught(record, teaching)
    record["elsewhere"] = read_elsewhere(record, elsewhere)
    spec = FeatureSpec.from_json(record["experiment"]["feature_spec"])
    try:
        model = keras.models.load_model(run / "model.keras", compile=False)
    except Exception as error:  # Keras raises many kinds for a file that is no model
        raise TrainingError(f"{run}/model.keras: cannot be loaded ({error}).") from error
    if "genre_bias" in record:
        bias = np.array([record["genre_bias"][genre] for genre in record["genres"]])
        model = add_bias(model, bias)
    require_builtin_layers(model)
    validation = store.load(spec, store.split("validation"))
    features = features_at(validation, cut(validation, spec)[0], spec)
    options, embedding = record["experiment"]["embedding"], None
    with replacing_folder(target) as made:
        if options["layer"]:
            songs = describe_songs(model, record, store, spec, version)
            write_embedding(made / EMBEDDING_NAME, songs)
            embedding = {
                "layer": options["layer"],
                "size": songs["size"],
                "decimals": options["decimals"],
                **({"taught": taught} if taught else {}),
            }
        files = write_model_files(model, made)
        card = describe_run(version, record, seeds, store, command, files, embedding)
        # Engines load from a valid card; this one lasts until the test report takes its place.
        write_json(made / CARD_NAME, card)
        checked = Card(made)
        difference = check_engines(checked, features)
        card["latency"] = {
            **measure_latency(LiteRTEngine(checked), spec),
            "largest_difference_to_keras": difference,
        }
        if card["unfamiliar"]:
            card["unfamiliar"]["sounds"] = judge_sounds(checked, sounds)
        shutil.copy(run / EXPERIMENT_NAME, made)
        card["metrics"]["test"] = measure_test(model, record, store, spec, made / TEST_TABLE)
        write_report(card, made / REPORT_NAME)
        card["files"] = checksums(made)
        write_json(made / CARD_NAME, card)
        Card(made)
    return Card(target)
