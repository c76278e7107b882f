"""Genres that a network says too seldom or too often: bias-corrected temperature scaling.

A network that met few artists of a genre hardly says it of new ones. One number per genre, fitted
on answers to tracks that the networks had not met, is added to the logits:
Alexandari, Kundaje and Shrikumar, "Maximum likelihood with bias-corrected calibration is
hard-to-beat at label shift adaptation", 2020.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from .evaluation import Floats, Labels, negative_log_likelihood, per_track

# Keeps the biases of genres with few tracks small.
PENALTY = 0.01
# Of the temperature that is fitted with them: it has no limit where a network knows nothing.
TEMPERATURES = (0.1, 10.0)


def apply_bias(probabilities: Floats, bias: Floats) -> npt.NDArray[np.float64]:
    """Probabilities (n, n_genres) whose logits are larger by `bias` (n_genres,)."""
    weighted = probabilities * np.exp(bias - bias.max())
    return np.asarray(weighted / weighted.sum(axis=-1, keepdims=True))


def fit_bias(
    probabilities: Floats, track: Labels, labels: Labels, weights: Floats | None = None
) -> npt.NDArray[np.float64]:
    """The bias (n_genres,) with which the tracks' soft votes are most likely right.

    `probabilities` (n_segments, n_genres) and `track` (n_segments,) as in `judging/evaluation.py`,
    `weights` (n_tracks,) how much each track counts. A temperature is fitted with it and left out:
    the one that the version takes is fitted afterwards, on answers that did not choose their bias.
    The biases' mean is zero.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-30))

    def loss(values: npt.NDArray[np.float64]) -> float:
        scaled = logits / np.exp(values[0]) + values[1:]
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        answers = per_track(powers / powers.sum(axis=1, keepdims=True), track, len(labels))
        likelihood = negative_log_likelihood(answers, labels, weights)
        return likelihood + PENALTY * float((values[1:] ** 2).sum())

    start = np.zeros(1 + probabilities.shape[1])
    bounds = [np.log(TEMPERATURES), *[(None, None)] * probabilities.shape[1]]
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    # Before the temperature, where the network applies it.
    bias = np.exp(found[0]) * found[1:]
    return np.asarray(bias - bias.mean())


def add_bias(model: keras.Model, bias: Floats) -> keras.Model:
    """The network with `apply_bias` inside; other outputs stay as they are."""
    outputs: list[Any] = model.output if isinstance(model.output, list) else [model.output]
    weights = np.exp(bias - bias.max()).tolist()
    weighted = keras.layers.Rescaling(weights, name="genre_bias")(outputs[0])
    probabilities = weighted / keras.ops.sum(weighted, axis=-1, keepdims=True)
    others = outputs[1:]
    return keras.Model(
        model.input, [probabilities, *others] if others else probabilities, name=model.name
    )
