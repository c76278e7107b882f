"""Cross-validation: accuracy over folds of the training and validation tracks."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from webapp.inference.calibration import calibrate

from ..errors import TrainingError
from ..experiment import Experiment
from ..files import make_folder, write_json
from ..judging.answers import predict_outputs, predict_tracks
from ..judging.evaluation import (
    accuracy_by_group,
    calibration_error_if_perfect,
    evaluate,
    expected_calibration_error,
    fit_temperature,
    per_track,
)
from ..judging.genre_bias import apply_bias, fit_bias
from ..paths import CROSS_VALIDATION
from ..stores.joined_store import JoinedStore
from ..stores.splits import check_fold
from ..stores.store import Data, Store, merged_groups
from ..stores.tracks import Tracks
from ..training.embedding import Space, measure_spread, song_embeddings
from ..training.ensemble import combine, fit_members
from ..training.runs import library_versions
from ..training.start import refuse_heard
from ..training.unfamiliarity import choose_threshold
from .robustness import measure_disturbances
from .study import Rows, finished_part, folds_by_group, open_without_test, recipe_of


def fold_path(out: Path, number: int) -> Path:
    """Where fold `number`, counted from 1, is kept; its network has the ending `.keras`."""
    return out / f"fold-{number}.json"


def cross_validate(
    experiment: Experiment,
    data: Data,
    seed: int,
    k: int,
    out: Path,
    command: str,
    keep_networks: bool = False,
) -> dict[str, Any]:
    """Accuracy over k folds in which no artist is on both sides; returns what is written.

    Experiments whose weights are chosen on validation tracks get the next fold for that, and
    train on the other k - 2. With `keep_networks` each fold's network is kept beside its numbers.

    Raises
    ------
    TrainingError : when a genre has fewer groups than folds, or `out` holds another study, or one
        without the networks that shall be kept.
    """
    store, plain, copies = open_without_test(experiment, data)
    if experiment.training.needs_validation and k < 3:
        raise TrainingError(
            "--folds must be at least 3 here: one fold is judged, one chooses the weights, and the "
            "rest trains."
        )
    refuse_heard(experiment, plain)
    folds = folds_by_group(store, plain, k, seed)
    recipe = recipe_of(experiment, store, data, seed, k=k)
    if keep_networks:
        make_folder(out)
        for path in (fold_path(out, number + 1) for number in range(k)):
            if path.is_file() and not path.with_suffix(".keras").is_file():
                raise TrainingError(
                    f"{path}: finished without keeping its network; remove it or choose another "
                    "folder."
                )

    def judge(number: int) -> dict[str, Any]:
        chosen_on = folds[(number + 1) % k]
        needs_validation = experiment.training.needs_validation
        held_out = np.concatenate(
            [folds[number], chosen_on] if needs_validation else [folds[number]]
        )
        rest = np.setdiff1d(np.arange(len(plain)), held_out)
        missing = set(plain.labels.tolist()) - set(plain.labels[rest].tolist())
        check_fold((plain.genres[label] for label in missing), "another seed or more folds")
        members, _ = fit_members(
            experiment,
            copies.take(rest),
            seed,
            plain.take(chosen_on) if needs_validation else None,
            data=data,
        )
        model = combine(members, experiment.architecture.name)
        if keep_networks:
            # Before the numbers: those say that the fold is finished.
            model.save(fold_path(out, number + 1).with_suffix(".keras"))
        fold = _judge_fold(experiment, model, members, plain.take(folds[number]), plain.take(rest))
        return {"n_training_tracks": len(rest), **fold}

    parts = []
    for number in range(k):
        part = finished_part(
            fold_path(out, number + 1),
            recipe | {"fold": number + 1},
            functools.partial(judge, number),
        )
        parts.append(part)
        print(
            f"fold {number + 1} of {k}: {part['accuracy']['value']:.1%} of {part['n_tracks']} "
            "tracks",
            flush=True,
        )
    row_of = {name: row for row, name in enumerate(plain.names)}
    probabilities = np.concatenate([np.array(part["probabilities"]) for part in parts])
    track = np.array(
        [row_of[part["names"][index]] for part in parts for index in part["segment_track"]]
    )
    # Every track's answer comes from networks that have not met it. The export of the final
    # training takes these answers for its validation.
    weights = plain.equal_collections()
    bias = fit_bias(probabilities, track, plain.labels, weights)
    fold_of = np.repeat(np.arange(k), [len(part["segment_track"]) for part in parts])
    biased = _apply_foreign_bias(probabilities, track, plain.labels, weights, fold_of)
    temperature = fit_temperature(biased, track, plain.labels, weights)
    report = evaluate(biased, track, plain.labels, plain.genres, temperature)
    answers = _foreign_answers(biased, track, plain.labels, weights, fold_of)
    settled = per_track(calibrate(biased, temperature), track, len(plain))
    right = settled.argmax(axis=1) == plain.labels
    fold_of_track = np.empty(len(plain), dtype=np.int64)
    fold_of_track[track] = fold_of
    values = [round(float(right[fold_of_track == fold].mean()), 4) for fold in range(k)]
    unfamiliar, flagged = None, None
    if parts[0]["unfamiliarity"] is not None:
        scores = np.concatenate([np.array(part["unfamiliarity"]) for part in parts])
        of_tracks = per_track(scores, track, len(plain))
        unfamiliar = choose_threshold(of_tracks, plain.collection)
        flagged = _foreign_flags(of_tracks, plain.collection, fold_of_track)
    spreads = [part["spread"] for part in parts]
    result = {
        "recipe": recipe,
        "command": command,
        "libraries": library_versions(),
        "accuracy": report["track"]["accuracy"],
        "fold_accuracies": values,
        "fold_deviation": round(float(np.std(values, ddof=1)), 4),
        "member_accuracies": [part["member_accuracies"] for part in parts],
        "macro_f1": report["track"]["macro_f1"],
        "n_tracks": len(plain),
        "calibration_across_folds": _calibration(answers, plain.labels),
        "collections": _by_collection(store, plain, right, answers, flagged),
        "temperature": temperature,
        "genre_bias": {
            genre: round(float(value), 4) for genre, value in zip(plain.genres, bias, strict=True)
        },
        "unfamiliar": unfamiliar,
        "embedding": {"spread": round(float(np.mean(spreads)), 4), "fold_spreads": spreads}
        if experiment.embedding.layer
        else None,
        "disturbances": _mean_rows(parts),
        "report": report,
    }
    write_json(out / CROSS_VALIDATION, result)
    return result


def _by_collection(
    store: Store,
    tracks: Tracks,
    right: npt.NDArray[np.bool_],
    answers: npt.NDArray[np.float64],
    flagged: npt.NDArray[np.bool_] | None,
) -> list[dict[str, Any]]:
    """Accuracy with its interval by group, calibration and flagged share of each store."""
    if not isinstance(store, JoinedStore):
        return []
    merged = merged_groups(store)
    found = []
    for number, name in enumerate(store.names):
        mine = np.flatnonzero(tracks.collection == number)
        groups = [merged[tracks.names[row]] for row in mine]
        found.append(
            {
                "name": name,
                "n_tracks": len(mine),
                "accuracy": accuracy_by_group(right[mine].astype(float), groups),
                **_calibration(answers[mine], tracks.labels[mine]),
                "flagged_share": None if flagged is None else round(float(flagged[mine].mean()), 4),
            }
        )
    return found


def _calibration(answers: npt.NDArray[np.float64], labels: Rows) -> dict[str, Any]:
    return {
        "calibration_error": round(expected_calibration_error(answers, labels), 4),
        "calibration_error_if_perfect": calibration_error_if_perfect(answers),
    }


def _foreign_answers(
    probabilities: npt.NDArray[np.float64],
    track: Rows,
    labels: Rows,
    weights: npt.NDArray[np.float64],
    fold_of: Rows,
) -> npt.NDArray[np.float64]:
    """The tracks' answers with the temperature of each fold fitted on the other folds."""
    calibrated = probabilities.copy()
    for fold in np.unique(fold_of):
        others = fold_of != fold
        known, own = np.unique(track[others], return_inverse=True)
        temperature = fit_temperature(probabilities[others], own, labels[known], weights[known])
        calibrated[~others] = calibrate(probabilities[~others], temperature)
    return per_track(calibrated, track, len(labels))


def _foreign_flags(
    scores: npt.NDArray[np.float64], collection: Rows, fold_of_track: Rows
) -> npt.NDArray[np.bool_]:
    """Whether each track is above the threshold of the other folds' tracks."""
    flagged = np.zeros(len(scores), dtype=np.bool_)
    for fold in np.unique(fold_of_track):
        mine = fold_of_track == fold
        chosen = choose_threshold(scores[~mine], collection[~mine])
        flagged[mine] = scores[mine] > chosen["threshold"]
    return flagged


def _apply_foreign_bias(
    probabilities: npt.NDArray[np.float64],
    track: Rows,
    labels: Rows,
    weights: npt.NDArray[np.float64],
    fold_of: Rows,
) -> npt.NDArray[np.float64]:
    """The answers of each fold with the genres' bias fitted on the other folds."""
    biased = probabilities.copy()
    for fold in np.unique(fold_of):
        others = fold_of != fold
        known, own = np.unique(track[others], return_inverse=True)
        bias = fit_bias(probabilities[others], own, labels[known], weights[known])
        biased[~others] = apply_bias(probabilities[~others], bias)
    return biased


def _judge_fold(
    experiment: Experiment,
    model: keras.Model,
    members: list[keras.Model],
    tracks: Tracks,
    trained: Tracks,
) -> dict[str, Any]:
    """Answers of a model of members that met `trained`, never these tracks, before calibration."""
    spec = experiment.feature_spec

    def soft_votes(asked: Tracks, network: keras.Model = model) -> npt.NDArray[np.float64]:
        return per_track(*predict_tracks(network, asked, spec), len(asked))

    outputs, track = predict_outputs(model, tracks, spec)
    report = evaluate(outputs[0], track, tracks.labels, tracks.genres, 1.0)
    winners = [soft_votes(tracks, member).argmax(axis=1) for member in members]
    is_log_mel = spec.kind != "statistics"
    spread = None
    if experiment.embedding.layer:
        known = song_embeddings(model, trained, spec)
        spread = measure_spread(
            Space.of(known, trained.labels, len(trained.genres)),
            per_track(outputs[-1], track, len(tracks)),
            tracks.labels,
        )
    return {
        "n_tracks": len(tracks),
        "accuracy": report["track"]["accuracy"],
        "member_accuracies": [
            round(float((winner == tracks.labels).mean()), 4) for winner in winners
        ],
        "disturbances": measure_disturbances(soft_votes, tracks, spec) if is_log_mel else [],
        "names": tracks.names,
        "segment_track": track.tolist(),
        "probabilities": np.round(outputs[0].astype(np.float64), 6).tolist(),
        "unfamiliarity": np.round(outputs[1][:, 0].astype(np.float64), 4).tolist()
        if experiment.unfamiliar.layer
        else None,
        "spread": spread,
    }


def _mean_rows(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The folds' disturbance tables as one, weighted by their tracks."""
    weights = [part["n_tracks"] for part in parts]
    return [
        {
            "name": rows[0]["name"],
            **{
                key: round(float(np.average([row[key] for row in rows], weights=weights)), 4)
                for key in ("accuracy", "difference", "changed")
            },
        }
        for rows in zip(*(part["disturbances"] for part in parts), strict=True)
    ]
