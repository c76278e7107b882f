"""A song's embedding: what a layer near the answer makes of it, from which new genres are learned.

The mean over the segments that the site cuts of a song. Which directions matter is told by how
songs of one genre differ: distances are Mahalanobis', under one covariance within genres for all
of them, as in linear discriminant analysis (Fisher, "The use of multiple measurements in taxonomic
problems", 1936).
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import numpy.typing as npt
from sklearn.covariance import ledoit_wolf

from features import FeatureSpec
from features.own_genres import pulled
from features.teaching import MODEL_WEIGHT

from ..errors import TrainingError
from ..judging.answers import predict_outputs
from ..judging.evaluation import Floats, Labels, per_track
from ..stores.tracks import Tracks
from .network import named_layers

Wide = npt.NDArray[np.float64]

SIZES = range(2, 257)
# Of the median deviation of all units that change: a unit that hardly changed in training would
# drown the others as soon as a new song moves it.
SCALE_FLOOR = 0.1
# Units that change less are dead.
DEAD = 1e-6
# Added to variances, so that dead units do not divide by zero.
RIDGE = 1e-6


# --- in the network -----------------------------------------------------------------------------


def embedding_size(model: keras.Model, layer: str) -> int:
    """Numbers that a layer gives for a segment.

    Raises
    ------
    TrainingError : when the network has no such layer with a flat output, or one whose size is
        none of `SIZES` or the number of genres, from which nothing would tell it.
    """
    known = named_layers(model, 2)
    if layer not in known:
        raise TrainingError(
            f"[embedding] layer = {layer!r} is no named layer with a flat output; this network has "
            f"{', '.join(known) or 'none'}."
        )
    size = int(model.get_layer(layer).output.shape[1])
    if size not in SIZES:
        raise TrainingError(
            f"[embedding] layer = {layer!r} has {size} units; an embedding has from {SIZES[0]} to "
            f"{SIZES[-1]}."
        )
    if size == model.outputs[0].shape[1]:
        raise TrainingError(
            f"[embedding] layer = {layer!r} has as many units as there are genres ({size}), and "
            "outputs are told apart by their size; take another number."
        )
    return size


def add_embedding(model: keras.Model, layer: str) -> keras.Model:
    """The network with one more output, the last: the activations of a layer (batch, size).

    Raises
    ------
    TrainingError : see `embedding_size`.
    """
    embedding_size(model, layer)
    output = model.get_layer(layer).output
    return keras.Model(model.input, [*model.outputs, output], name=model.name)


def song_embeddings(model: keras.Model, tracks: Tracks, spec: FeatureSpec) -> Wide:
    """The embedding (n_tracks, size) of every track, the last output of `model`.

    Raises
    ------
    TrainingError : when it is not finite.
    """
    outputs, track = predict_outputs(model, tracks, spec)
    return per_track(outputs[-1], track, len(tracks))


# --- among songs --------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Space:
    """How the songs of known genres lie.

    Attributes
    ----------
    mean, scale : (size,) of the songs; z = (embedding - mean) / scale.
    centres : (n_genres, size), mean z of each genre.
    residuals : (n_songs, size), z less the centre of the song's genre.
    counts : (n_genres,) songs of each genre.
    """

    mean: Wide
    scale: Wide
    centres: Wide
    residuals: Wide
    counts: Labels

    @classmethod
    def of(cls, values: Floats, labels: Labels, n_genres: int) -> Space:
        """From the embeddings (n_songs, size) and genres (n_songs,); each genre has a song."""
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        alive = deviation[deviation > DEAD]
        floor = SCALE_FLOOR * float(np.median(alive)) if len(alive) else 1.0
        scale = np.maximum(deviation, floor)
        z = (values - mean) / scale
        centres = per_track(z, labels, n_genres)
        counts = np.bincount(labels, minlength=n_genres)
        return cls(mean, scale, centres, z - centres[labels], counts)

    def place(self, values: Floats) -> Wide:
        """The z (n_songs, size) of other songs' embeddings."""
        return np.asarray((values - self.mean) / self.scale)

    def covariance(self) -> Wide:
        """Covariance (size, size) of z within genres, pooled and without bias."""
        n, n_genres = len(self.residuals), len(self.counts)
        return np.asarray(self.residuals.T @ self.residuals / max(1, n - n_genres))

    def shrunk_covariance(self) -> Wide:
        """The same, shrunk towards a multiple of the identity, and never singular.

        Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
        2004.
        """
        n, n_genres = len(self.residuals), len(self.counts)
        shrunk, _ = ledoit_wolf(self.residuals, assume_centered=True)
        return np.asarray(shrunk * n / max(1, n - n_genres)) + RIDGE * np.eye(shrunk.shape[0])


def squared_distances(differences: Floats, covariance: Floats) -> Wide:
    """Squared Mahalanobis distance (...,) of each of `differences` (..., size)."""
    root = np.linalg.cholesky(covariance)
    whitened = np.linalg.solve(root, differences.reshape(-1, len(root)).T)
    return np.asarray((whitened**2).sum(axis=0).reshape(differences.shape[:-1]))


def measure_spread(space: Space, values: Floats, labels: Labels) -> float:
    """How many times as far from their genre's centre songs lie that were not trained on.

    The mean squared Mahalanobis distance of `values` (n_songs, size) over that of the songs that
    `space` is of, under its shrunk covariance.
    """
    covariance = space.shrunk_covariance()
    own = squared_distances(space.residuals, covariance).mean()
    others = squared_distances(space.place(values) - space.centres[labels], covariance).mean()
    # One song of each genre is its centre: nothing can be said.
    return round(float(others / own), 4) if own > 0 else 1.0


def nearest(examples: Floats, labels: Labels, asked: Floats, prior: Floats) -> Labels:
    """The genre (n_asked,) whose examples' mean is nearest, by Mahalanobis' distance.

    Linear discriminant analysis of genres that are as likely as each other. The shared covariance
    is that of the examples within their genres, together with one known before, which counts as
    MODEL_WEIGHT examples and is shrunk towards a multiple of the identity.

    Parameters
    ----------
    examples, labels : z (n, size) and genre (n,) of the examples; genres count from 0, and each
        has an example.
    asked : z (n_asked, size).
    prior : covariance (size, size) of z within other genres.
    """
    centres = per_track(examples, labels, int(labels.max()) + 1)
    residuals = examples - centres[labels]
    freedom = MODEL_WEIGHT + len(examples) - len(centres)
    covariance = (
        MODEL_WEIGHT * pulled(np.asarray(prior, np.float64)) + residuals.T @ residuals
    ) / freedom
    return squared_distances(asked[:, None] - centres, covariance).argmin(axis=1)
