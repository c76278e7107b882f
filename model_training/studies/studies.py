"""Beyond a single split: cross-validation, learning curves, and the harm of a leak.

None of these opens the test tracks: they work on the training and validation tracks together.
Each finished part is kept beside the result, so that a study that was stopped goes on where it
was.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from webapp.inference.calibration import calibrate

from ..errors import TrainingError
from ..experiment import Distillation, Experiment
from ..files import as_json, read_json, undamaged, write_json, write_text
from ..judging.answers import predict_outputs, predict_tracks
from ..judging.evaluation import (
    accuracy_of,
    bootstrap_interval,
    evaluate,
    fit_temperature,
    per_track,
)
from ..judging.genre_bias import apply_bias, fit_bias
from ..paths import CROSS_VALIDATION
from ..reporting import plots
from ..stores.splits import check_fold, group_folds
from ..stores.store import Store, check_split, digest, merged_groups, open_store
from ..stores.tracks import Tracks, segments_as_tracks
from ..training.distillation import teacher_digest
from ..training.ensemble import combine, fit_members, fit_whole
from ..training.network import fit
from ..training.runs import library_versions
from ..training.unfamiliarity import choose_threshold
from .robustness import measure_disturbances

Rows = npt.NDArray[np.int64]

# Shares of the training tracks that a learning curve is measured at.
SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
LEAK_FOLDS = 5


def _open(experiment: Experiment, data: Path) -> tuple[Store, Tracks, Tracks]:
    """The store and its training and validation tracks together, without and with copies."""
    store = open_store(data)
    check_split(store)
    names = store.split("train") + store.split("validation")
    spec = experiment.feature_spec
    return store, store.load(spec, names), store.load(spec, names, copies=True)


def _folds(store: Store, tracks: Tracks, k: int, seed: int) -> list[Rows]:
    merged = merged_groups(store)
    genres = [tracks.genres[label] for label in tracks.labels]
    return group_folds(genres, [merged[name] for name in tracks.names], k, seed)


def _once(path: Path, recipe: dict[str, Any], work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The finished part in `path`, or else `work`, kept there.

    Raises
    ------
    TrainingError : when the part was made by another recipe.
    """
    if path.is_file():
        with undamaged(path, "; remove it"):
            found: dict[str, Any] = read_json(path)
            same = found["recipe"] == recipe
        if not same:
            raise TrainingError(
                f"{path}: made by another experiment or seed, another number of folds or of other "
                "data; remove it or choose another folder."
            )
        return found
    made = {"recipe": recipe, **work()}
    write_json(path, made)
    return made


def _recipe(
    experiment: Experiment, store: Store, data: Path, seed: int, **more: Any
) -> dict[str, Any]:
    recipe = {
        "experiment": experiment.to_json(),
        "data": store.name,
        "data_digest": digest(store),
        "teacher_sha256": teacher_digest(data, experiment.distillation),
        "seed": seed,
        **more,
    }
    made: dict[str, Any] = as_json(recipe)
    return made


def cross_validate(
    experiment: Experiment, data: Path, seed: int, k: int, out: Path, command: str
) -> dict[str, Any]:
    """Accuracy over k folds in which no artist is on both sides; returns what is written.

    Experiments whose weights are chosen on validation tracks get the next fold for that, and
    train on the other k - 2.

    Raises
    ------
    TrainingError : when a genre has fewer groups than folds, or `out` holds another study.
    """
    store, plain, copies = _open(experiment, data)
    if experiment.training.needs_validation and k < 3:
        raise TrainingError(
            "--folds must be at least 3 here: one fold is judged, one chooses the weights, and the "
            "rest trains."
        )
    folds = _folds(store, plain, k, seed)
    recipe = _recipe(experiment, store, data, seed, k=k)

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
        fold = _judge_fold(experiment, members, plain.take(folds[number]))
        return {"n_training_tracks": len(rest), **fold}

    parts = []
    for number in range(k):
        part = _once(
            out / f"fold-{number + 1}.json",
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
    bias = fit_bias(probabilities, track, plain.labels)
    fold_of = np.repeat(np.arange(k), [len(part["segment_track"]) for part in parts])
    biased = _apply_foreign_bias(probabilities, track, plain.labels, fold_of)
    temperature = fit_temperature(biased, track, plain.labels)
    report = evaluate(biased, track, plain.labels, plain.genres, temperature)
    answers = per_track(calibrate(biased, temperature), track, len(plain))
    right = answers.argmax(axis=1) == plain.labels
    values = [round(float(right[np.unique(track[fold_of == fold])].mean()), 4) for fold in range(k)]
    unfamiliar = None
    if parts[0]["unfamiliarity"] is not None:
        scores = np.concatenate([np.array(part["unfamiliarity"]) for part in parts])
        unfamiliar = choose_threshold(per_track(scores, track, len(plain)))
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
        "temperature": temperature,
        "genre_bias": {
            genre: round(float(value), 4) for genre, value in zip(plain.genres, bias, strict=True)
        },
        "unfamiliar": unfamiliar,
        "disturbances": _mean_rows(parts),
        "report": report,
    }
    write_json(out / CROSS_VALIDATION, result)
    return result


def _apply_foreign_bias(
    probabilities: npt.NDArray[np.float64],
    track: Rows,
    labels: Rows,
    fold_of: Rows,
) -> npt.NDArray[np.float64]:
    """The answers of each fold with the genres' bias fitted on the other folds."""
    biased = probabilities.copy()
    for fold in np.unique(fold_of):
        others = fold_of != fold
        known, own = np.unique(track[others], return_inverse=True)
        bias = fit_bias(probabilities[others], own, labels[known])
        biased[~others] = apply_bias(probabilities[~others], bias)
    return biased


def _judge_fold(
    experiment: Experiment, members: list[keras.Model], tracks: Tracks
) -> dict[str, Any]:
    """Answers of members that never met these tracks, before calibration."""
    spec = experiment.feature_spec
    model = combine(members, experiment.architecture.name)

    def soft_votes(asked: Tracks, network: keras.Model = model) -> npt.NDArray[np.float64]:
        return per_track(*predict_tracks(network, asked, spec), len(asked))

    outputs, track = predict_outputs(model, tracks, spec)
    report = evaluate(outputs[0], track, tracks.labels, tracks.genres, 1.0)
    winners = [soft_votes(tracks, member).argmax(axis=1) for member in members]
    has_score = len(outputs) > 1
    is_log_mel = spec.kind != "statistics"
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
        if has_score
        else None,
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


def learning_curve(
    experiment: Experiment, data: Path, seed: int, out: Path, command: str
) -> dict[str, Any]:
    """Accuracy on the validation tracks when only a share of the training tracks is known.

    Raises
    ------
    TrainingError : when `out` holds another study.
    """
    store, spec = open_store(data), experiment.feature_spec
    check_split(store)
    training = store.load(spec, store.split("train"), copies=True)
    plain = store.load(spec, store.split("train"))
    validation = store.load(spec, store.split("validation"))
    recipe = _recipe(experiment, store, data, seed)
    order = np.random.default_rng(seed).permutation(len(training))

    def measure(share: float) -> dict[str, Any]:
        rows = _stratified_share(training.labels, order, share)
        model, _ = fit_whole(experiment, training.take(rows), seed, validation, data=data)
        measured = {}
        for name, tracks in (("validation", validation), ("training", plain.take(rows))):
            probabilities, track = predict_tracks(model, tracks, spec)
            winners = per_track(probabilities, track, len(tracks)).argmax(axis=1)
            measured[name] = accuracy_of((winners == tracks.labels).astype(float))
        return {"n_tracks": len(rows), **measured}

    points = []
    for share in SHARES:
        point = _once(
            out / f"share-{share:g}.json",
            recipe | {"share": share},
            functools.partial(measure, share),
        )
        points.append({key: point[key] for key in ("n_tracks", "validation", "training")})
        print(
            f"{point['n_tracks']} training tracks: {point['validation']['value']:.1%} on "
            "validation",
            flush=True,
        )
    result = {
        "recipe": recipe,
        "command": command,
        "libraries": library_versions(),
        "points": points,
    }
    write_json(out / "learning_curve.json", result)
    write_text(out / "learning_curve.svg", plots.learning_curve(points))
    return result


def _stratified_share(labels: Rows, order: Rows, share: float) -> Rows:
    """The first `share` of each genre's tracks, in `order`; at least two of each."""
    chosen = []
    for genre in np.unique(labels):
        rows = order[labels[order] == genre]
        chosen.append(rows[: max(2, round(share * len(rows)))])
    return np.sort(np.concatenate(chosen))


def demonstrate_leak(
    experiment: Experiment, data: Path, seed: int, out: Path, command: str
) -> dict[str, Any]:
    """The same network and the same number of segments, split in two ways.

    Once by artist and track, as everywhere here; once by segment, as in many published projects,
    so that pieces of one recording are trained and tested on. The accuracy is per segment in both.

    Raises
    ------
    TrainingError : when `out` holds another study.
    """
    store, plain, _ = _open(experiment, data)
    if experiment.training.needs_validation:
        raise TrainingError(
            "The leak is shown with an experiment whose weights are not chosen on validation "
            'tracks: keep = "last", a fixed number of epochs.'
        )
    spec = experiment.feature_spec
    pieces = segments_as_tracks(plain, spec)
    # Each piece is a track here, so one crop of it per epoch shows as much as usual. The leak is
    # that of one network on genres alone.
    once = dataclasses.replace(experiment.training, crops_per_track=1, members=1)
    experiment = dataclasses.replace(experiment, training=once, distillation=Distillation())
    recipe = _recipe(experiment, store, data, seed)
    row_of = {name: row for row, name in enumerate(plain.names)}
    track_of = np.array([row_of[name.rpartition("@")[0]] for name in pieces.names])
    held_out_tracks = _folds(store, plain, LEAK_FOLDS, seed)[0]
    by_track = np.isin(track_of, held_out_tracks)
    # As many pieces as by track, drawn from all recordings.
    shuffled = np.random.default_rng(seed).permutation(len(pieces))
    by_segment = np.isin(np.arange(len(pieces)), shuffled[: int(by_track.sum())])

    def measure(held_out: npt.NDArray[np.bool_]) -> dict[str, Any]:
        trained = pieces.take(np.flatnonzero(~held_out))
        tested = pieces.take(np.flatnonzero(held_out))
        model, _ = fit(experiment, trained, seed, verbose=0)
        probabilities, _ = predict_tracks(model, tested, spec)
        correct = (probabilities.argmax(axis=1) == tested.labels).astype(float)
        own = np.unique(track_of[held_out], return_inverse=True)[1]
        shares = per_track(correct, own, int(own.max()) + 1)
        low, high = bootstrap_interval(shares, np.bincount(own))
        shared = np.isin(track_of[held_out], track_of[~held_out])
        return {
            "n_segments": len(tested),
            "n_training_segments": len(trained),
            "segments_of_trained_recordings": round(float(shared.mean()), 4),
            "accuracy": {
                "value": round(float(correct.mean()), 4),
                "low": round(low, 4),
                "high": round(high, 4),
            },
        }

    parts = {}
    for name, held_out in (("by_track", by_track), ("by_segment", by_segment)):
        parts[name] = _once(
            out / f"{name}.json",
            recipe | {"split": name},
            functools.partial(measure, held_out),
        )
    result = {
        "recipe": recipe,
        "command": command,
        "libraries": library_versions(),
        **{
            name: {key: value for key, value in part.items() if key != "recipe"}
            for name, part in parts.items()
        },
    }
    write_json(out / "leak.json", result)
    return result
