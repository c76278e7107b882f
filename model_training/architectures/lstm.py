"""RNN-LSTM on the sequence of MFCC frames (Hochreiter and Schmidhuber, 1997)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from features import FeatureSpec


def build(
    spec: FeatureSpec,
    n_genres: int,
    *,
    units: tuple[int, ...] = (64, 64),
    dense_units: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """MFCC or log-mel (n_frames, n_coefficients) to probabilities (n_genres,).

    Parameters
    ----------
    units : of each LSTM layer; all but the last one hand their whole sequence on.
    dense_units : of the dense layer behind the last state.
    dropout : before the dense layer and behind it.
    """
    import keras
    from keras import layers

    inputs = layers.Input(spec.shape, name=spec.kind)
    x = layers.BatchNormalization(center=False, scale=False)(inputs)
    for number, n in enumerate(units, start=1):
        x = layers.LSTM(n, return_sequences=number < len(units))(x)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(dense_units, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(n_genres, activation="softmax", dtype="float32", name="genre")(x)
    return keras.Model(inputs, outputs, name="lstm")
