"""How a segment's frames vary together: covariance, its matrix square root, a dense network.

A frame is some of its MFCC, their deltas, and what two small convolutions see around it. The
covariance of these over the segment says more of a genre than their mean, and a fixed equaliser
changes that of coefficients and deltas in scale only. Covariances live on a curved space; the
square root flattens it, and Newton and Schulz's iteration approaches it by multiplications alone:
Li et al., "Towards faster training of global covariance pooling networks by iterative matrix square
root normalization", 2018.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .mfcc_cnn import bands_of_cepstrum

if TYPE_CHECKING:
    import keras

    from features import FeatureSpec

# Of each of the convolutions' channels, so that they do not drown the coefficients.
CHANNEL_DEVIATION = 0.7


def build(
    spec: FeatureSpec,
    n_genres: int,
    *,
    n_coefficients: int = 24,
    lag: int = 1,
    filters: int = 16,
    n_channels: int = 24,
    n_bands: int = 64,
    hidden: int = 128,
    ridge: float = 0.01,
    iterations: int = 8,
    input_dropout: float = 0.3,
    dropout: float = 0.5,
) -> keras.Model:
    """MFCC (n_frames, n_mfcc) to probabilities (n_genres,).

    Parameters
    ----------
    n_coefficients : of a frame, at most so many of the first, with their deltas.
    lag : frames before and after between which a delta is the difference.
    filters : of both convolutions.
    n_channels : of a frame, mixed of the convolutions' filters and bands.
    n_bands : smooth mel bands that the cepstrum is turned back into for the convolutions.
    hidden : units of the dense layer, whose activations are the layer `embedding`.
    ridge : added to the variances, so that a steady sound does not divide by zero.
    iterations : of Newton and Schulz; after eight, the root is too small in directions with less
        than some thousandths of the variance.
    input_dropout, dropout : before and after the dense layer.

    Raises
    ------
    ValueError : for an option out of its range, or a lag that leaves fewer than two frames.
    """
    import keras
    from keras import layers, ops

    n_coefficients = min(n_coefficients, spec.n_mfcc)
    n_frames, size = spec.n_frames - 2 * lag, 2 * n_coefficients + n_channels
    if min(n_coefficients, iterations) < 1:
        raise ValueError("n_coefficients and iterations must be at least 1")
    if lag < 1 or n_frames < 2:
        raise ValueError("lag must be at least 1 and leave two frames of a segment")
    if not ridge > 0:
        raise ValueError("ridge must be more than 0")
    if n_bands % 8:
        raise ValueError("n_bands must be a multiple of 8")

    inputs = layers.Input((spec.n_frames, spec.n_mfcc), name=spec.kind)
    # Frames without the first and last `lag`: the coefficients, then their deltas.
    kernel = np.zeros((2 * lag + 1, spec.n_mfcc, 2 * n_coefficients), dtype=np.float32)
    each = np.arange(n_coefficients)
    kernel[lag, each, each] = 1
    kernel[0, each, n_coefficients + each] = -1
    kernel[-1, each, n_coefficients + each] = 1
    deltas = layers.Conv1D(
        kernel.shape[2],
        kernel.shape[0],
        use_bias=False,
        trainable=False,
        dtype="float32",
        name="coefficients_and_deltas",
    )
    coefficients = deltas(inputs)
    deltas.set_weights([kernel])

    def convolution(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        return layers.ReLU(name=name)(layers.BatchNormalization()(x))

    x = convolution(bands_of_cepstrum(inputs, spec, n_bands), "block1")
    x = convolution(layers.MaxPooling2D((1, 2))(x), "block2")
    x = layers.MaxPooling2D((1, 4))(x)
    x = layers.Reshape((spec.n_frames, n_bands // 8 * filters))(x)
    x = layers.Dense(n_channels, use_bias=False)(layers.Cropping1D(lag)(x))
    # Half precision would not find the square root: float32 up to the dense layer.
    x = layers.BatchNormalization(center=False, scale=False, dtype="float32")(x)
    x = layers.Rescaling(CHANNEL_DEVIATION, dtype="float32")(x)
    frames = layers.Concatenate(dtype="float32")([coefficients, x])

    mean = ops.mean(frames, axis=1, keepdims=True)
    centred = frames - mean
    covariance = layers.Dot(axes=(1, 1), dtype="float32")([centred, centred]) / n_frames
    identity = np.eye(size, dtype=np.float32)
    trace = ops.sum(ops.square(centred), axis=(1, 2), keepdims=True) / n_frames + ridge * size
    # The iteration converges where no eigenvalue is above one.
    root = (covariance + ridge * identity) / trace
    step = ops.subtract(1.5 * identity, 0.5 * root)
    root, inverse = ops.matmul(root, step), step
    for _ in range(iterations - 1):
        step = ops.subtract(1.5 * identity, 0.5 * ops.matmul(inverse, root))
        root, inverse = ops.matmul(root, step), ops.matmul(step, inverse)
    root = root * ops.sqrt(trace)
    # The root is symmetric: its upper triangle holds every value.
    upper = np.ravel_multi_index(np.triu_indices(size), (size, size)).astype(np.int32)
    x = layers.Concatenate(dtype="float32", name="covariance")(
        [
            ops.take(layers.Flatten(dtype="float32")(root), upper, axis=1),
            layers.Flatten(dtype="float32")(mean),
        ]
    )
    x = layers.BatchNormalization(center=False, scale=False, dtype="float32")(x)
    x = layers.Dense(hidden, use_bias=False)(layers.Dropout(input_dropout)(x))
    x = layers.ReLU(name="embedding")(layers.BatchNormalization()(x))
    outputs = layers.Dense(n_genres, activation="softmax", dtype="float32", name="genre")(
        layers.Dropout(dropout)(x)
    )
    return keras.Model(inputs, outputs, name="second_order")
