"""Residual CNN on MFCC segments.

A frozen matrix first turns the cepstrum back into smooth mel bands (convolutions need
neighbouring bands; neighbouring cepstral coefficients mean nothing to each other), then residual
blocks (He et al., 2016) halve time and frequency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from features import dct_matrix

if TYPE_CHECKING:
    import keras

    from features import FeatureSpec


def bands_of_cepstrum(
    inputs: keras.KerasTensor, spec: FeatureSpec, n_bands: int
) -> keras.KerasTensor:
    """MFCC (batch, n_frames, n_mfcc) to smooth mel bands (batch, n_frames, n_bands, 1)."""
    from keras import layers

    # Band j of n_bands lies where the DCT's cosines are sampled; the scale keeps unit variance.
    inverse = dct_matrix(n_bands, max(n_bands, spec.n_mfcc))[:, : spec.n_mfcc].T
    inverse = inverse * np.sqrt(n_bands / spec.n_mels)
    to_bands = layers.Dense(n_bands, use_bias=False, trainable=False, name="cepstrum_to_bands")
    bands = to_bands(inputs)
    to_bands.set_weights([inverse])
    return layers.Reshape((spec.n_frames, n_bands, 1))(bands)


def build(
    spec: FeatureSpec,
    n_genres: int,
    *,
    n_bands: int = 64,
    stem: int = 32,
    filters: tuple[int, ...] = (32, 64, 128, 192),
    dropout: float = 0.4,
) -> keras.Model:
    """MFCC (n_frames, n_mfcc) to probabilities (n_genres,).

    Parameters
    ----------
    n_bands : smooth mel bands that the cepstrum is turned back into.
    stem : filters of the first convolution.
    filters : of each residual block; between two blocks time and frequency are halved.
    dropout : before the last layer.
    """
    import keras
    from keras import layers

    def convolution(x: keras.KerasTensor, n: int) -> keras.KerasTensor:
        x = layers.Conv2D(n, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization()(x)

    inputs = layers.Input((spec.n_frames, spec.n_mfcc), name=spec.kind)
    x = layers.ReLU()(convolution(bands_of_cepstrum(inputs, spec, n_bands), stem))
    for number, n in enumerate(filters, start=1):
        x = layers.MaxPooling2D()(x)
        shortcut = x if x.shape[-1] == n else layers.Conv2D(n, 1, use_bias=False)(x)
        x = layers.ReLU()(convolution(x, n))
        x = layers.ReLU(name=f"block{number}")(layers.Add()([convolution(x, n), shortcut]))
    # The mean over time only: a low band is not a high band, so the last layer sees them apart.
    x = layers.Flatten()(layers.AveragePooling2D((x.shape[1], 1))(x))
    x = layers.Dropout(dropout)(x)
    outputs = layers.Dense(n_genres, activation="softmax", dtype="float32", name="genre")(x)
    return keras.Model(inputs, outputs, name="mfcc_cnn")
