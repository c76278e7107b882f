"""Turn finished runs into a version that the site offers: two model files and the card.

The test tracks are opened here and nowhere else, once for each exported version.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from features import FeatureSpec, extract_segments
from webapp.inference import Card, Predictor
from webapp.inference.calibration import calibrate
from webapp.inference.card import CARD_NAME, MODEL_FILES, UNFAMILIAR_METHOD, VERSION_PATTERN
from webapp.inference.engines import KerasEngine, LiteRTEngine

from .datasets.clips import Part
from .errors import TrainingError
from .evaluation import evaluate, per_track
from .latency import measure_latency
from .prediction import predict_file
from .report import write_report
from .robustness import measure
from .store import Store, check_split, digest, open_store
from .studies import CROSS_VALIDATION
from .tracks import Tracks, cut, features_at
from .training import EXPERIMENT_NAME, load_run, predict_outputs, predict_tracks
from .unfamiliarity import made_sounds
from .versions import REPORT_NAME, TEST_TABLE

ENGINE_TOLERANCE = 1e-4
SCORE_TOLERANCE = 1e-3
# What the card tells of a cross-validation beside its report.
STUDY_KEYS = ("fold_accuracies", "fold_deviation", "member_accuracies", "disturbances")
MAX_BYTES = 10_000_000
# Rows of a model that converts with a fixed batch only, such as a recurrent one.
FIXED_BATCH = 16

INTENDED_USE = (
    "Tells which of its genres a piece of music sounds most like, for private collections, "
    "teaching and research. It always answers with one of its genres, also for music of other "
    "genres and for sounds that are no music{doubt}. Not for decisions about people, royalties or "
    "rights."
)
DOUBT = ", but says that it is not sure where a sound is unlike its training music"


def describe_method(
    options: Mapping[str, Any], kind: str, n_seeds: int, n_folds: int | None
) -> str:
    """How the weights, the seed and the temperature were chosen, and what was measured.

    `n_folds` is that of the cross-validation of a final training, None for others.
    """
    judged = (
        "the validation tracks"
        if n_folds is None
        else f"held-out answers of a cross-validation by artist over {n_folds} folds"
    )
    chosen = [f"the temperature is fitted on {judged}"]
    if options["keep"] == "best":
        chosen.append("the weights are those of the epoch with the lowest validation loss")
    if options["early_stopping"]:
        chosen.append("training stopped when the validation loss no longer fell")
    if options["schedule"] == "plateau":
        chosen.append("the rate was lowered when the validation loss no longer fell")
    if len(chosen) == 1:
        chosen.insert(0, "for a fixed number of epochs, the last weights are the result")
    if n_seeds > 1:
        chosen.append(
            "of the seeds listed, the run with the middle validation accuracy was taken (of an "
            "even number the lower of the two in the middle)"
        )
    if options["members"] > 1:
        chosen.insert(
            0, f"the probabilities of {options['members']} networks of different seeds are averaged"
        )
    tracks = "training tracks only" if n_folds is None else "training and validation tracks"
    stored = "statistics" if kind == "statistics" else "8-bit log-mel"
    return (
        f"Trained on the {tracks}; {'; '.join(chosen)}; then the test tracks were "
        "measured once. A track's answer is the mean of its segments' probabilities; intervals are "
        f"95 %, by bootstrap over tracks. Training starts from stored {stored} of the clips; the "
        "site computes the same features from audio."
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

    Raises
    ------
    TrainingError : when it exceeds the tolerance.
    """
    answers = KerasEngine(card).run(features), LiteRTEngine(card).run(features)
    differences = [
        float(np.abs(one - other).max())
        for one, other in zip(*answers, strict=True)
        if one is not None and other is not None
    ]
    for difference, tolerance in zip(
        differences, (ENGINE_TOLERANCE, SCORE_TOLERANCE), strict=False
    ):
        if not difference <= tolerance:
            raise TrainingError(
                f"LiteRT and Keras differ by {difference:.2g}, more than {tolerance:g}: "
                "this network cannot be served."
            )
    return differences[0]


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_model_files(model: keras.Model, folder: Path) -> dict[str, str]:
    """Write both forms of the model; returns the sha256 of each.

    Raises
    ------
    TrainingError : when they are too large together.
    """
    model.save(folder / "model.keras")
    (folder / "model.tflite").write_bytes(convert(model))
    if (size := sum((folder / name).stat().st_size for name in MODEL_FILES)) > MAX_BYTES:
        raise TrainingError(
            f"The model files take {size:,} bytes, more than {MAX_BYTES:,}; make it smaller."
        )
    return checksums(folder)


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of every file of a version but the card."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name != CARD_NAME
    }


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

        report["disturbances"] = measure(ask, test, spec)
    final = record["experiment"]["training"]["train_on"] == "train+validation"
    parts: tuple[Part, ...] = ("train", "validation") if final else ("train",)
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


def describe_run(
    version: str,
    record: dict[str, Any],
    seeds: list[dict[str, Any]],
    store: Store,
    command: str,
    files: dict[str, str],
) -> dict[str, Any]:
    """The card of a run, with the validation report standing in for the test's."""
    experiment = record["experiment"]
    study = record.get("cross_validation")
    report = study["report"] if study else record["validation"]
    judged = "the validation tracks" if study is None else "held-out answers of cross-validation"
    metrics = {"validation": report} if study is None else {"cross_validation": report}
    return {
        "version": version,
        "title": experiment["title"],
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "genres": record["genres"],
        "feature_spec": experiment["feature_spec"],
        "architecture": {**experiment["architecture"], "n_parameters": record["n_parameters"]},
        "training": {
            "data": store.name,
            "n_tracks": record["n_training_tracks"],
            "n_validation_tracks": record["n_validation_tracks"],
            **({"note": experiment["note"]} if experiment["note"] else {}),
            "method": describe_method(
                experiment["training"],
                experiment["feature_spec"]["kind"],
                len(seeds),
                study and study["recipe"]["k"],
            ),
            "seed": record["seed"],
            "seeds": seeds,
            "command": record["command"],
            **({"cross_validation_command": study["command"]} if study else {}),
            "export_command": command,
            "seconds": record["training_seconds"],
            "libraries": record["libraries"],
            "backend": record["backend"],
            "options": experiment["training"],
            "augmentation": experiment["augmentation"],
            **(
                {"distillation": experiment["distillation"]}
                if experiment["distillation"]["teacher"]
                else {}
            ),
            "history": record["history"],
        },
        "metrics": {**metrics, "test": report},
        "calibration": {
            "temperature": record["temperature"],
            "fitted_on": f"soft votes of {judged}",
        },
        "unfamiliar": record.get("unfamiliar")
        and {"method": UNFAMILIAR_METHOD, "fitted_on": judged, **record["unfamiliar"]},
        "latency": {},
        "licence": store.licence,
        "intended_use": INTENDED_USE.format(doubt=DOUBT if record.get("unfamiliar") else ""),
        "files": files,
    }


def add_cross_validation(record: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """The record of a final training with what the cross-validation of its recipe measured.

    Raises
    ------
    TrainingError : when it is missing, superfluous, or of another recipe or other data.
    """
    if record["validation"] is not None:
        if folder is not None:
            raise TrainingError(
                "--cross-validation is for runs that were trained on the validation tracks too; "
                "this one has measured them itself."
            )
        return record
    if folder is None:
        raise TrainingError(
            "This run was trained on the validation tracks too, so its temperature must come from "
            "a cross-validation of the same experiment: give its folder as --cross-validation."
        )
    path = folder / CROSS_VALIDATION
    try:
        study = json.loads(path.read_text(encoding="utf-8"))
        recipe = study["recipe"]
        same = recipe["experiment"] == record["experiment"]
        same = same and recipe["data_digest"] == record["data_digest"]
        measured = {key: study[key] for key in ("temperature", "unfamiliar")}
        for key in STUDY_KEYS:
            study["report"][key] = study[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: no finished cross-validation there ({error}).") from error
    if not same:
        raise TrainingError(f"{path}: made by another experiment or of other data than this run.")
    return {**record, **measured, "cross_validation": study}


def judge_sounds(card: Card, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """How unfamiliar a version finds noise, a pure tone and the sound files `paths`.

    Raises
    ------
    TrainingError : for a file that cannot be read.
    """
    predictor = Predictor(card, LiteRTEngine(card))
    answers = []
    for name, samples in made_sounds(card.spec).items():
        segments = extract_segments(samples, card.spec)
        answers.append((name, predictor.predict(np.stack([each.values for each in segments]))))
    answers += [(path.stem, predict_file(path, predictor).prediction) for path in paths]
    return [
        {
            "name": name,
            "score": round(answer.unfamiliar["score"], 4),
            "flag": answer.unfamiliar["flag"],
        }
        for name, answer in answers
        if answer.unfamiliar is not None
    ]


def export(
    runs: list[Path],
    data: Path,
    models: Path,
    version: str,
    command: str,
    cross_validation: Path | None = None,
    sounds: Sequence[Path] = (),
) -> Card:
    """Write `models/version`; the test tracks are measured last, when nothing can be refused.

    Parameters
    ----------
    cross_validation : folder of the study, for a run that was trained on the validation tracks too.
    sounds : sound files whose unfamiliarity the card shall tell.

    Raises
    ------
    TrainingError : when the version exists, the splits overlap, the network cannot be served or
        is too large, or a sound cannot be read.
    """
    target = models / version
    if not VERSION_PATTERN.fullmatch(version):
        raise TrainingError("A version's name is made of letters, digits, '.', '_' and '-'.")
    if target.exists():
        raise TrainingError(f"{target}: exists already; versions are never overwritten.")
    run, record, seeds = choose_middle(runs)
    store = open_store(data)
    check_split(store)
    if record.get("data_digest") != digest(store):
        raise TrainingError(
            f"{run} was trained on other data or another split than {data} has now: its test could "
            "hold tracks that were trained on. Train again."
        )
    record = add_cross_validation(record, cross_validation)
    spec = FeatureSpec.from_json(record["experiment"]["feature_spec"])
    try:
        model = keras.models.load_model(run / "model.keras", compile=False)
    except Exception as error:  # Keras raises many kinds for a file that is no model
        raise TrainingError(f"{run}/model.keras: cannot be loaded ({error}).") from error
    require_builtin_layers(model)
    validation = store.load(spec, store.split("validation"))
    features = features_at(validation, cut(validation, spec)[0], spec)
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".export-") as folder:
        made = Path(folder) / version
        made.mkdir()
        files = write_model_files(model, made)
        card = describe_run(version, record, seeds, store, command, files)
        # Engines load from a valid card; this one lasts until the test report takes its place.
        _write_json(made / CARD_NAME, card)
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
        _write_json(made / CARD_NAME, card)
        Card(made)
        shutil.move(made, target)
    return Card(target)
