"""Dense network on a song's statistics: means and deviations of descriptors, no time left.

The network of the classic feature table: hidden layers that get narrower, dropout between them.
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
    units: tuple[int, ...] = (256, 128, 64),
    dropout: float = 0.3,
) -> keras.Model:
    """Statistics (n_coefficients,) to probabilities (n_genres,).

    Parameters
    ----------
    units : of each hidden layer.
    dropout : after each hidden layer.
    """
    import keras
    from keras import layers

    inputs = layers.Input(spec.shape, name=spec.kind)
    # Hertz beside decibels beside shares: each gets the mean and deviation of the training tracks.
    x = layers.BatchNormalization(center=False, scale=False)(inputs)
    for n in units:
        x = layers.Dense(n, activation="relu", kernel_initializer="he_normal")(x)
        x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(n_genres, activation="softmax", dtype="float32", name="genre")(x)
    return keras.Model(inputs, outputs, name="dense_statistics")
