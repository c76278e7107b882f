"""Made-up embeddings of songs of genres, and a version that gave them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from features.own_genres import Mode, ModelGenres
from features.teaching import Learned, learn

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def make_model(size: int, names: Sequence[str] = ("blues", "hiphop"), seed: int = 0) -> ModelGenres:
    """A version with genres whose songs vary in their own way; its numbers are no z-scores."""
    random = np.random.default_rng(seed)
    mix = np.eye(size) + random.normal(scale=0.3, size=(size, size))
    return ModelGenres(
        mean=random.normal(size=size),
        scale=random.uniform(0.1, 3, size),
        names=tuple(names),
        songs=np.full(len(names), 64.0),
        means=random.normal(scale=2, size=(len(names), size)),
        covariance=mix @ mix.T,
    )


def content_of(model: ModelGenres) -> dict[str, Any]:
    """The content of an embedding.json that gives this version."""
    return {
        "format": 1,
        "version": "v10",
        "size": model.size,
        "standardisation": {"mean": model.mean.tolist(), "scale": model.scale.tolist()},
        "genres": [
            {"name": name, "songs": int(songs), "mean": mean.tolist()}
            for name, songs, mean in zip(model.names, model.songs, model.means, strict=True)
        ],
        "covariance": model.covariance[np.triu_indices(model.size)].tolist(),
        "spread": 1.0,
    }


@dataclasses.dataclass(frozen=True)
class Lesson:
    """Songs of made-up genres.

    Attributes
    ----------
    z : (n, size) places of the songs.
    labels : (n,) their genres.
    """

    model: ModelGenres
    z: Floats
    labels: Labels

    @property
    def embeddings(self) -> Floats:
        """(n, size)"""
        return self.z * self.model.scale + self.model.mean

    @property
    def names(self) -> list[str]:
        """Genres of the songs: "genre 0", ..."""
        return [f"genre {label}" for label in self.labels]

    def part(self, rows: Sequence[int] | Labels | slice) -> Lesson:
        """Some of the songs."""
        return dataclasses.replace(self, z=self.z[rows], labels=self.labels[rows])


def make_lesson(
    counts: Sequence[int], size: int, seed: int = 0, apart: float = 1.5, numbers: int = 0
) -> Lesson:
    """Songs of genres, in no order.

    Parameters
    ----------
    counts : songs of each genre.
    apart : standard deviation of the genres' means, in that of a genre's songs.
    numbers : as many numbers of the places are the same for all songs, or for all of a genre.
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(len(counts)), counts))
    centres = random.normal(scale=apart, size=(len(counts), size))
    mix = np.eye(size) + random.normal(scale=0.4, size=(size, size))
    noise = random.normal(size=(len(labels), size)) @ mix
    noise[:, :numbers] = 0
    centres[:, : numbers // 2] = 0.7
    return Lesson(make_model(size, seed=seed), centres[labels] + noise, labels)


def teach(lesson: Lesson, mode: Mode = "own", **more: Any) -> Learned:
    """Learn the genres of a lesson."""
    return learn(lesson.embeddings, lesson.names, lesson.model, mode, **more)


def refit(z: Floats, labels: Labels) -> LinearDiscriminantAnalysis:
    """What scikit-learn makes of songs at z (n, size)."""
    n_genres = len(np.unique(labels))
    return LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage="auto", priors=np.full(n_genres, 1 / n_genres)
    ).fit(z, labels)
