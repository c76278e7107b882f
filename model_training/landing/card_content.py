"""The content of a model card, before the test is measured."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.inference.card import UNFAMILIAR_METHOD

from ..errors import TrainingError
from ..files import read_json
from ..paths import CROSS_VALIDATION, ELSEWHERE
from ..stores.store import Store, digest, parts_of

# Keys of a cross-validation that the card adds to the study's report.
STUDY_KEYS = (
    "fold_accuracies",
    "fold_deviation",
    "member_accuracies",
    "calibration_across_folds",
    "collections",
    "disturbances",
)

INTENDED_USE = (
    "Tells which of its genres a piece of music sounds most like, for private collections, "
    "teaching and research. It always answers with one of its genres, also for music of other "
    "genres and for sounds that are no music{doubt}. It learned from {collections}, and knows such "
    "music best. Not for decisions about people, royalties or rights."
)
DOUBT = ", but says that it is not sure where a sound is unlike its training music"


def describe_method(
    options: Mapping[str, Any], kind: str, n_seeds: int, n_folds: int | None, n_elders: int = 0
) -> str:
    """How the weights, the seed and the temperature were chosen, and what was measured.

    `n_folds` is that of the cross-validation of a final training, None for others; `n_elders`
    networks were trained before and taught it their answers.
    """
    judged = (
        "the validation tracks"
        if n_folds is None
        else f"held-out answers of a cross-validation over {n_folds} folds that part no artist"
    )
    fitted = "the temperature is" if n_folds is None else "the genres' bias and the temperature are"
    chosen = [f"{fitted} fitted on {judged}"]
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
    if options.get("start_from"):
        chosen.insert(
            0,
            f"training starts from the layers of {options['start_from']}, which are kept for the "
            f"first {options['frozen_epochs']} epochs and then learn at {options['freed_rate']:g} "
            "of the rate",
        )
    if n_elders:
        chosen.insert(
            0,
            f"the genre's target is in part the mean answer of {n_elders} networks of other seeds "
            "that were trained on the same tracks before",
        )
    tracks = "training tracks only" if n_folds is None else "training and validation tracks"
    stored = "statistics" if kind == "statistics" else "8-bit log-mel"
    return (
        f"Trained on the {tracks}; {'; '.join(chosen)}; then the test tracks were "
        "measured once. A track's answer is the mean of its segments' probabilities; intervals are "
        f"95 %, by bootstrap over tracks. Training starts from stored {stored} of the clips; the "
        "site computes the same features from audio."
    )


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
        study = read_json(path)
        recipe = study["recipe"]
        same = recipe["experiment"] == record["experiment"]
        same = same and recipe["data_digest"] == record["data_digest"]
        same = same and recipe["teacher_sha256"] == record["teacher_sha256"]
        same = same and recipe.get("start_sha256") == record.get("start_sha256")
        keys = ("temperature", "genre_bias", "unfamiliar", "embedding")
        measured = {key: study[key] for key in keys}
        for key in STUDY_KEYS:
            study["report"][key] = study[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: no finished cross-validation there ({error}).") from error
    if not same:
        raise TrainingError(f"{path}: made by another experiment or of other data than this run.")
    return {**record, **measured, "cross_validation": study}


def read_elsewhere(record: dict[str, Any], folder: Path | None) -> dict[str, Any] | None:
    """The card's `metrics.elsewhere` from the study of that name; None without a study.

    Raises
    ------
    TrainingError : when it is missing or of another recipe.
    """
    if folder is None:
        return None
    path = folder / ELSEWHERE
    # The sister network was trained on other stores, by the same recipe else.
    mine = {key: value for key, value in record["experiment"].items() if key != "data"}
    try:
        study = read_json(path)
        asked = study["recipe"]["experiment"]
        same = {key: value for key, value in asked.items() if key != "data"} == mine
        same = same and study["recipe"].get("start_sha256") == record.get("start_sha256")
        found = {
            **{key: study["accuracy"][key] for key in ("value", "low", "high")},
            **{key: study[key] for key in ("n_tracks", "of", "by")},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"{path}: no finished study there ({error}).") from error
    if not same:
        raise TrainingError(f"{path}: made by another experiment than this run.")
    return found


def _heard_before(record: Mapping[str, Any], store: Store) -> list[Mapping[str, str]]:
    """The stores that only the network heard that was started from."""
    own = {(each.name, digest(each)) for each in parts_of(store)}
    heard = record.get("heard", {"stores": []})["stores"]
    return [each for each in heard if (each["name"], each["digest"]) not in own]


def describe_run(
    version: str,
    record: dict[str, Any],
    seeds: list[dict[str, Any]],
    store: Store,
    command: str,
    files: dict[str, str],
    embedding: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The card of a run, with the validation report standing in for the test's.

    `embedding` is the card's key of that name, None for a version without.
    """
    experiment = record["experiment"]
    study = record.get("cross_validation")
    report = study["report"] if study else record["validation"]
    judged = "the validation tracks" if study is None else "held-out answers of cross-validation"
    metrics = {"validation": report} if study is None else {"cross_validation": report}
    before = _heard_before(record, store)
    collections = " + ".join([store.name, *(each["name"] for each in before)])
    licences = [f"Started from a network of {each['name']}: {each['licence']}" for each in before]
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
            **({"heard": record["heard"]} if "heard" in record else {}),
            **({"note": experiment["note"]} if experiment["note"] else {}),
            "method": describe_method(
                experiment["training"],
                experiment["feature_spec"]["kind"],
                len(seeds),
                study and study["recipe"]["k"],
                experiment["distillation"].get("elders", 0),
            ),
            "seed": record["seed"],
            "seeds": seeds,
            "command": record["command"],
            **({"cross_validation_command": study["command"]} if study else {}),
            "export_command": command,
            "seconds": record["training_seconds"],
            "libraries": record["libraries"],
            "backend": record["backend"],
            "precision": record.get("precision", "float32"),
            "options": experiment["training"],
            "augmentation": experiment["augmentation"],
            **(
                {
                    "distillation": {
                        **experiment["distillation"],
                        "teacher_sha256": record["teacher_sha256"],
                    }
                }
                if record.get("teacher_sha256") or experiment["distillation"].get("elders")
                else {}
            ),
            "history": record["history"],
        },
        "metrics": {
            **metrics,
            "test": report,
            **({"elsewhere": record["elsewhere"]} if record.get("elsewhere") else {}),
        },
        "calibration": {
            "temperature": record["temperature"],
            **({"genre_bias": record["genre_bias"]} if "genre_bias" in record else {}),
            "fitted_on": f"soft votes of {judged}",
        },
        "unfamiliar": record.get("unfamiliar")
        and {
            "method": UNFAMILIAR_METHOD,
            "layer": experiment["unfamiliar"]["layer"],
            "fitted_on": f"the distance on the tracks trained on, the threshold on {judged}",
            **record["unfamiliar"],
        },
        **({"embedding": embedding} if embedding else {}),
        "latency": {},
        "licence": " ".join([store.licence, *licences]),
        "intended_use": INTENDED_USE.format(
            doubt=DOUBT if record.get("unfamiliar") else "",
            collections=collections,
        ),
        "files": files,
    }
