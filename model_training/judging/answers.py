"""Answers of a network for the segments that the site would cut of tracks."""

from __future__ import annotations

import math

import keras
import numpy as np
import numpy.typing as npt

from features import FeatureSpec
from webapp.inference.engines import batch_size

from ..errors import TrainingError
from ..stores.tracks import Index, Tracks, cut, features_at

# Numbers whose features are made at once: 64 MB.
PREDICT_VALUES = 2**24


def outputs_at(
    model: keras.Model, tracks: Tracks, first: Index, spec: FeatureSpec
) -> list[npt.NDArray[np.float32]]:
    """Every output (n, ...) for the segments that begin at rows `first` (n,).

    Raises
    ------
    TrainingError : when they are not finite.
    """
    step = max(1, PREDICT_VALUES // math.prod(spec.shape))
    # Features of a large set do not fit in memory at once.
    parts = [
        model.predict(
            features_at(tracks, first[begin : begin + step], spec),
            batch_size=batch_size(spec.shape),
            verbose=0,
        )
        for begin in range(0, len(first), step)
    ]
    if not isinstance(parts[0], list):
        parts = [[part] for part in parts]
    outputs = [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
    if not all(np.isfinite(output).all() for output in outputs):
        raise TrainingError(
            "The weights grew without bounds: lower [training] learning_rate, or leave "
            "mixed_precision."
        )
    return outputs


def predict_outputs(
    model: keras.Model, tracks: Tracks, spec: FeatureSpec
) -> tuple[list[npt.NDArray[np.float32]], Index]:
    """Every output (n_segments, ...) for the site's segments, and each one's track.

    Raises
    ------
    TrainingError : when they are not finite.
    """
    first, track = cut(tracks, spec)
    return outputs_at(model, tracks, first, spec), track


def predict_tracks(
    model: keras.Model, tracks: Tracks, spec: FeatureSpec
) -> tuple[npt.NDArray[np.float32], Index]:
    """Probabilities (n_segments, n_genres) of the site's segments, and each one's track.

    Raises
    ------
    TrainingError : when they are not finite.
    """
    outputs, track = predict_outputs(model, tracks, spec)
    return outputs[0], track
