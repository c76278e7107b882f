"""Hybrid of convolutions over time and an LSTM.

The convolutions find short patterns and shorten the sequence, the LSTM follows how they go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from features import FeatureSpec


def build(
    spec: FeatureSpec,
    n_genres: int,
    *,
    filters: tuple[int, ...] = (64, 128),
    kernel_size: int = 5,
    units: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """MFCC or log-mel (n_frames, n_coefficients) to probabilities (n_genres,).

    Parameters
    ----------
    filters : of each convolution; each is followed by a pooling that halves time.
    kernel_size : of the convolutions, in frames.
    units : of the LSTM.
    dropout : after each pooling and before the last layer.
    """
    import keras
    from keras import layers

    inputs = layers.Input(spec.shape, name=spec.kind)
    x = layers.BatchNormalization(center=False, scale=False)(inputs)
    for n in filters:
        x = layers.Conv1D(n, kernel_size, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling1D(2)(x)
        x = layers.Dropout(dropout)(x)
    x = layers.LSTM(units)(x)
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(n_genres, activation="softmax", dtype="float32", name="genre")(x)
    return keras.Model(inputs, outputs, name="conv_lstm")
