"""CNN that looks at MFCCs as an image: blocks of convolution, pooling, normalisation and dropout.

The network of the first MusiClassify: four such blocks, then a dense head.
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
    filters: tuple[int, ...] = (32, 64, 64, 128),
    units: int = 64,
    dropout: float = 0.2,
    head_dropout: float = 0.4,
) -> keras.Model:
    """MFCC or log-mel (n_frames, n_coefficients) to probabilities (n_genres,).

    Parameters
    ----------
    filters : of each block; each halves time and coefficients, as far as there are two left.
    units : of the dense layer.
    dropout, head_dropout : after each block, after the dense layer.
    """
    import keras
    from keras import layers

    inputs = layers.Input(spec.shape, name=spec.kind)
    x = layers.Reshape((*spec.shape, 1))(inputs)
    # Raw MFCCs are hundreds of units wide; the first one alone would drown the others.
    x = layers.BatchNormalization(axis=2, center=False, scale=False)(x)
    for n in filters:
        x = layers.Conv2D(n, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(tuple(min(2, size) for size in x.shape[1:3]))(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(units, activation="relu")(x)
    x = layers.Dropout(head_dropout)(x)
    outputs = layers.Dense(n_genres, activation="softmax", dtype="float32", name="genre")(x)
    return keras.Model(inputs, outputs, name="image_cnn")
