"""2D CNN on half a minute of log-mel, as published with FMA small.

Four 3x3 convolutions of 16, 32, 64 and 128 filters, each halving time and frequency, a dropout of
0.1; once without batch normalisation, as it was, and once with it, as its authors wished.
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
    filters: tuple[int, ...] = (16, 32, 64, 128),
    batch_normalisation: bool = False,
    dropout: float = 0.1,
) -> keras.Model:
    """Log-mel (n_frames, n_mels) to probabilities (n_genres,).

    Parameters
    ----------
    filters : of each convolution.
    batch_normalisation : between convolution and activation.
    dropout : after each pooling.
    """
    import keras
    from keras import layers

    inputs = layers.Input(spec.shape, name=spec.kind)
    x = layers.Reshape((*spec.shape, 1))(inputs)
    for n in filters:
        x = layers.Conv2D(n, 3, padding="same", use_bias=not batch_normalisation)(x)
        if batch_normalisation:
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(2)(layers.ReLU()(x))
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(n_genres, activation="softmax", dtype="float32", name="genre")(x)
    return keras.Model(inputs, outputs, name="log_mel_cnn")
