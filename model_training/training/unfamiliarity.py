"""A score inside the network that says how unlike the training music a segment is.

The Mahalanobis distance (Lee et al., "A simple unified framework for detecting out-of-distribution
samples and adversarial attacks", 2018) of an early layer's activations, here of their mean and
deviation over time and frequency: deep layers have learned to see only how genres differ, early
ones still see the character of a sound. The score is log(1 + d) of the mean squared distance d per
direction, which is 1 on average over the training music: one odd segment does not decide over a
song.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from features import FeatureSpec

from ..errors import TrainingError
from ..judging.answers import outputs_at
from ..stores.tracks import Index, Tracks, cut
from .network import named_layers

# Directions of most variance that are looked at, and segments of training music that they are
# taken from.
DIRECTIONS = 48
MAX_SEGMENTS = 20_000
# Less than 5 % of the held-out tracks are flagged, as far as there are enough of them.
UNFLAGGED_QUANTILE = 0.955
# Of fewer songs the quantile is the highest score of all.
FEWEST_DECIDING = math.ceil(1 / (1 - UNFLAGGED_QUANTILE)) + 1


def describe(model: keras.Model, layer: str) -> keras.KerasTensor:
    """Mean and deviation over time and frequency of a layer's channels: (batch, 2 * channels).

    Raises
    ------
    TrainingError : when the network has no such layer with time, frequency and channels.
    """
    known = named_layers(model, 4)
    if layer not in known:
        raise TrainingError(
            f"[unfamiliar] layer = {layer!r} is no named layer with time, frequency and channels; "
            f"this network has {', '.join(known) or 'none'}."
        )
    output = model.get_layer(layer).output
    mean = layers.GlobalAveragePooling2D()(output)
    power = layers.GlobalAveragePooling2D()(keras.ops.square(output))
    variance = keras.ops.maximum(power - keras.ops.square(mean), 1e-6)
    return layers.Concatenate()([mean, keras.ops.sqrt(variance)])


def add_score(model: keras.Model, layer: str, tracks: Tracks, spec: FeatureSpec) -> keras.Model:
    """The network with a second output, the score (batch, 1), fitted to the music of `tracks`.

    Raises
    ------
    TrainingError : see `describe`.
    """
    description = describe(model, layer)
    first, _ = cut(tracks, spec)
    chosen = np.unique(np.linspace(0, len(first) - 1, MAX_SEGMENTS).round().astype(np.int64))
    (values,) = outputs_at(keras.Model(model.input, description), tracks, first[chosen], spec)
    kernel, bias = whitening(values.astype(np.float64), DIRECTIONS)
    whitened = layers.Dense(kernel.shape[1], trainable=False, name="whitened")
    white = whitened(description)
    whitened.set_weights([kernel, bias])
    squared = layers.Dot(axes=1)([white, white])
    score = keras.ops.log(squared / kernel.shape[1] + 1.0)
    return keras.Model(model.input, [model.output, score], name=model.name)


def whitening(
    values: npt.NDArray[np.float64], n_directions: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Kernel (d, r) and bias (r,) that turn (n, d) into r uncorrelated values of unit variance.

    The directions are those of most variance of the standardised values; r is the smaller of
    `n_directions` and the number of directions with variance.
    """
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    deviation = np.where(deviation > 1e-6, deviation, 1.0)
    standard = (values - mean) / deviation
    variance, vectors = np.linalg.eigh(standard.T @ standard / len(values))
    variance, vectors = variance[::-1], vectors[:, ::-1]
    r = max(1, min(n_directions, int((variance > 1e-4).sum())))
    kernel = vectors[:, :r] / np.sqrt(np.maximum(variance[:r], 1e-4)) / deviation[:, None]
    return kernel.astype(np.float32), (-mean @ kernel).astype(np.float32)


def choose_threshold(
    scores: npt.NDArray[np.floating[Any]], collection: Index | None = None
) -> dict[str, Any]:
    """Threshold for held-out tracks' scores (n_tracks,), and the share of them that it flags.

    Of several collections (n_tracks,) the one whose songs score highest decides: a small one must
    not pay for the music that a large one holds. One of a handful of songs decides nothing.
    """
    parts = [scores]
    if collection is not None:
        each = [scores[collection == number] for number in np.unique(collection)]
        parts = [part for part in each if len(part) >= FEWEST_DECIDING] or parts
    exact = max(float(np.quantile(part, UNFLAGGED_QUANTILE, method="higher")) for part in parts)
    # Up, or rounding would flag the track that the threshold is taken from.
    threshold = math.ceil(exact * 1e4) / 1e4
    return {"threshold": threshold, "flagged_share": round(float((scores > threshold).mean()), 4)}


def made_sounds(spec: FeatureSpec) -> dict[str, npt.NDArray[np.float32]]:
    """Sounds that are no music, ten seconds each, float32 (n,) at spec.sample_rate."""
    n = 10 * spec.sample_rate
    rng = np.random.default_rng(0)
    time = np.arange(n) / spec.sample_rate
    clicks = np.zeros(n)
    clicks[:: spec.sample_rate // 2] = 0.5
    sounds = {
        "white noise": rng.normal(0, 0.1, n),
        "pure tone, 440 Hz": 0.3 * np.sin(2 * np.pi * 440 * time),
        "pure tone, 3 kHz": 0.3 * np.sin(2 * np.pi * 3000 * time),
        "clicks": clicks,
    }
    return {name: samples.astype(np.float32) for name, samples in sounds.items()}
