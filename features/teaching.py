"""Own genres: learned from a few songs of each, by the embeddings that a network gives of songs.

Linear discriminant analysis (Fisher, "The use of multiple measurements in taxonomic problems",
1936) with genres that are as likely as each other. Embeddings are standardised as the version's
`embedding.json` says. The covariance within genres is shrunk genre by genre (Ledoit and Wolf, "A
well-conditioned estimator for large-dimensional covariance matrices", 2004) and averaged, as
scikit-learn's `LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")` does it.

Beside the model's genres, those count as further genres whose means and covariance are known. A
genre of one or two songs says nothing of how its songs vary: the covariance is then that of the
other genres, or the model's.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .left_out import (
    FEW,
    GenreReport,
    LeftOut,
    find_misfiled,
    find_temperature,
    find_threshold,
    recall_interval,
    report_genres,
)
from .own_genres import (
    MAX_GENRES,
    RIDGE,
    Floats,
    Labels,
    Mode,
    ModelGenres,
    OwnGenre,
    OwnGenres,
    TeachingError,
    others_of,
    positive_definite,
    same_names,
    softmax,
    songs_known,
)

# Examples that tell how songs of their genre vary.
ENOUGH_TO_VARY = 5
# Beside the model's genres, its covariance counts as so many songs (see MODEL_SHRINKAGE).
MODEL_WEIGHT = 50.0
# For each number of an embedding, the least eigenvalue of the correlations within genres: they stay
# positive when a file rounds them to 6 digits.
LEAST_EIGENVALUE = 6e-6

__all__ = ["FEW", "GenreReport", "Learned", "LeftOut", "learn", "recall_interval", "shrink"]


@dataclasses.dataclass(frozen=True)
class Learned:
    """What examples teach, and how well.

    Attributes
    ----------
    reports : of each own genre.
    left_out : answers to the examples by the others.
    misfiled : bool (n_examples,), looks as if it belonged to another genre.
    """

    own: OwnGenres
    reports: tuple[GenreReport, ...]
    left_out: LeftOut
    misfiled: npt.NDArray[np.bool_]


def learn(
    embeddings: npt.ArrayLike,
    names: Sequence[str],
    model: ModelGenres,
    mode: Mode = "own",
    folders: Sequence[str] | None = None,
    base: OwnGenres | None = None,
) -> Learned:
    """Learn genres from examples.

    Parameters
    ----------
    embeddings : (n_examples, size), one row for a song whatever its length.
    names : (n_examples,) the genre of each; spellings are made one, that of the base or else the
        first. Beside the model's genres, one that is another spelling of these takes its place.
    model : the version that gave the embeddings.
    mode : "own" answers in these genres only, "beside" in the model's, too.
    folders : (n_examples,) songs of one folder and genre are left out together where the genre has
        several folders, as they may be of one artist; an empty one stands for itself. So are
        copies of one song.
    base : genres learned before, of the same version, to which the examples are added.

    Raises
    ------
    TeachingError : without examples, with a single genre, for names or numbers that cannot be used.
    """
    before = base.names if base else ()
    spelled = same_names(names, before)
    own_names = list(dict.fromkeys([*before, *spelled]))
    if not own_names:
        raise TeachingError("no_examples")
    if len(own_names) > MAX_GENRES:
        raise TeachingError("many_genres")
    if mode == "own" and len(own_names) < 2:
        raise TeachingError("one_genre")
    z = model.place(embeddings)
    if len(z) != len(spelled):
        raise TeachingError("bad_numbers")
    labels = np.array([own_names.index(name) for name in spelled], dtype=np.int64)
    fitted = _Fit.of(z, labels, own_names, model, mode, base)
    left_out = fitted.leave_out(_groups(z, labels, folders))
    judged = np.flatnonzero(left_out.judged)
    temperature = find_temperature(left_out.distances[judged], labels[judged], base)
    nearest = left_out.distances[judged].min(axis=1)
    threshold = find_threshold(nearest, model.size, base)
    left_out = dataclasses.replace(
        left_out, probabilities=softmax(left_out.distances / (-2 * temperature))
    )
    reports, recognised = report_genres(left_out, labels, len(own_names), base)
    genres = tuple(
        OwnGenre(name, int(count), centre, share)
        for name, count, centre, share in zip(
            own_names, fitted.counts, fitted.own_centres, recognised, strict=True
        )
    )
    own = OwnGenres(mode, genres, fitted.covariance, fitted.shrinkage, temperature, threshold)
    return Learned(own, reports, left_out, find_misfiled(left_out, labels))


def shrink(values: Floats) -> tuple[Floats, float]:
    """The shrunk covariance (size, size) of z (n, size) of one genre, and the shrinkage.

    As in scikit-learn, the values are standardised before and the covariance is scaled back, so
    that the target is their own variances.
    """
    n, size = values.shape
    centred = values - values.mean(axis=0)
    variance = (centred**2).mean(axis=0)
    # Numbers that do not change, but for rounding.
    eps = np.finfo(np.float64).eps
    constant = variance <= n * eps * variance + (n * values.mean(axis=0) * eps) ** 2
    scale = np.sqrt(np.where(constant, 1.0, variance))
    x = np.where(constant, 0.0, centred / scale)
    squares = (x**2).sum(axis=1)
    level = squares.sum() / (n * size)
    # Sums over all entries of x'x, without that matrix: x x' has the same.
    products = ((x @ x.T) ** 2).sum() / n**2
    beta = ((squares**2).sum() / n - products) / (size * n)
    delta = (products - size * level**2) / size
    beta = min(beta, delta)
    shrinkage = float(beta / delta) if beta > 0 else 0.0
    covariance = (1 - shrinkage) * (x.T @ x) / n
    covariance[np.diag_indices(size)] += shrinkage * level
    return scale[:, None] * covariance * scale, shrinkage


def _groups(z: Floats, labels: Labels, folders: Sequence[str] | None) -> list[Labels]:
    """Rows of the examples that are left out together: of one folder, or copies of one song."""
    pairs = list(
        zip(labels.tolist(), [""] * len(labels) if folders is None else folders, strict=True)
    )
    n_folders = Counter(label for label, _ in set(pairs))
    together: dict[tuple[int, str | bytes], list[int]] = {}
    for row, (label, folder) in enumerate(pairs):
        mark = folder if folder and n_folders[label] > 1 else z[row].tobytes()
        together.setdefault((label, mark), []).append(row)
    return [np.array(rows, dtype=np.int64) for rows in together.values()]


@dataclasses.dataclass(frozen=True)
class _Fit:
    """Genres as their examples and what was known before lie.

    The covariance is (weight * prior + freedom * examples' own) / (weight + freedom) + ridge.

    Attributes
    ----------
    z, labels : (n, size), (n,) the examples.
    names : own genres first, then the model's others.
    sums, weights : (n_all, size), (n_all,) a genre's mean is its sum over its weight.
    counts, own_centres : (n_own,), (n_own, size): examples of each own genre, those of the base
        too, and their mean.
    prior_shrinkage : of the prior.
    by_genre, shrinkages : of each own genre that tells how its songs vary: its row, shrunk
        covariance, and shrinkage.
    """

    z: Floats
    labels: Labels
    names: tuple[str, ...]
    sums: Floats
    weights: Floats
    counts: Labels
    own_centres: Floats
    prior: Floats
    prior_shrinkage: float
    weight: float
    by_genre: dict[int, Floats]
    shrinkages: dict[int, float]

    @classmethod
    def of(
        cls,
        z: Floats,
        labels: Labels,
        own_names: Sequence[str],
        model: ModelGenres,
        mode: Mode,
        base: OwnGenres | None,
    ) -> _Fit:
        n_own = len(own_names)
        sums = np.zeros((n_own, model.size))
        np.add.at(sums, labels, z)
        counts = np.bincount(labels, minlength=n_own)
        if base:
            for row, genre in enumerate(base.genres):
                sums[row] += genre.songs * genre.mean
                counts[row] += genre.songs
        own_centres = sums / counts[:, None]
        by_genre, shrinkages = {}, {}
        for row in range(n_own):
            mine = z[labels == row]
            if len(mine) >= ENOUGH_TO_VARY and (mine != mine[0]).any():
                by_genre[row], shrinkages[row] = shrink(mine)
        names, weights = tuple(own_names), counts.astype(np.float64)
        if mode == "beside":
            known, songs = songs_known(own_names, model)
            sums, weights = sums + known, weights + songs
            others = others_of(own_names, model)
            names += tuple(model.names[row] for row in others)
            sums = np.concatenate([sums, model.means[others]])
            weights = np.concatenate([weights, np.ones(len(others))])
        prior, weight = model.prior(), MODEL_WEIGHT if mode == "beside" else 0.0
        prior_shrinkage = 1.0
        if base:
            prior, prior_shrinkage = base.covariance, base.shrinkage
            weight = float(max(1, sum(genre.songs for genre in base.genres) - len(base.genres)))
            weight += MODEL_WEIGHT if mode == "beside" else 0.0
        return cls(
            z, labels, names, sums, weights, counts, own_centres,
            prior, prior_shrinkage, weight, by_genre, shrinkages,
        )  # fmt: skip

    @functools.cached_property
    def freedom(self) -> float:
        """Degrees of freedom of the examples' own covariance."""
        varied = np.isin(self.labels, list(self.by_genre))
        return float(varied.sum() - len(self.by_genre))

    @functools.cached_property
    def own(self) -> Floats:
        """The examples' own covariance: each genre counts the same. The prior, if none tells."""
        return np.mean([*self.by_genre.values()] or [self.prior], axis=0)

    @functools.cached_property
    def ridge(self) -> Floats:
        """(size,) added to the variances, so that the covariance is positive definite."""
        mixed = self._mixed(self.own, self.freedom)
        variances = np.diag(mixed) + RIDGE
        correlations = mixed / np.sqrt(variances)[:, None] / np.sqrt(variances)
        least = LEAST_EIGENVALUE * len(variances)
        if positive_definite(correlations - least * np.eye(len(variances))):
            return np.full(len(variances), RIDGE)
        return RIDGE + (least - np.linalg.eigvalsh(correlations)[0]) * variances

    @functools.cached_property
    def covariance(self) -> Floats:
        return self._mixed(self.own, self.freedom) + np.diag(self.ridge)

    @functools.cached_property
    def inverse(self) -> Floats:
        return _inverse(self.covariance)

    @property
    def shrinkage(self) -> float:
        if not self.shrinkages:
            return self.prior_shrinkage
        own = self.freedom * float(np.mean(list(self.shrinkages.values())))
        return (self.weight * self.prior_shrinkage + own) / (self.weight + self.freedom)

    def leave_out(self, groups: Sequence[Labels]) -> LeftOut:
        """Distances of the examples of each group to all genres, learned without them.

        The shrinkage stays that of all songs, and the variances that it shrinks towards grow as if
        those left out had varied like the others. What remains is a change of low rank, so that
        each genre's covariance is inverted once and not for each song.
        """
        distances = np.full((len(self.z), len(self.names)), np.nan)
        alike: dict[tuple[int, int], list[Labels]] = {}
        for rows in groups:
            alike.setdefault((int(self.labels[rows[0]]), len(rows)), []).append(rows)
        for (genre, size), found in alike.items():
            if self.weights[genre] > size:
                varies = genre in self.by_genre
                inverse = _inverse(self._enlarged(genre, size)) if varies else self.inverse
                rows = np.array(found)
                distances[rows] = np.maximum(self._without(rows, inverse), 0.0)
        judged = np.isfinite(distances).all(axis=1)
        return LeftOut(self.names, judged, distances, np.full_like(distances, np.nan))

    def _without(self, rows: Labels, inverse: Floats) -> Floats:
        """Distances (n_groups, size, n_all) of groups, rows (n_groups, size), of one genre.

        All places are taken from the mean of the genre's examples, so that one product with the
        inverse serves all.
        """
        size = rows.shape[1]
        genre = int(self.labels[rows[0, 0]])
        mine = self.labels == genre
        middle = self.z[mine].mean(axis=0)
        z = self.z[rows] - middle
        through = (z.reshape(-1, z.shape[2]) @ inverse).reshape(z.shape)
        centres = self.sums / self.weights[:, None] - middle
        to_centres = centres @ inverse
        squares = (z * through).sum(axis=2)[:, :, None]
        distances = squares - 2 * through @ centres.T + (to_centres * centres).sum(axis=1)
        # The genre's own mean, without the group.
        left = self.weights[genre] - size
        own = (self.weights[genre] * centres[genre] - z.sum(axis=1)) / left
        to_own = (self.weights[genre] * to_centres[genre] - through.sum(axis=1)) / left
        along = (through @ own[:, :, None])[:, :, 0]
        distances[:, :, genre] = squares[:, :, 0] - 2 * along + (own * to_own).sum(axis=1)[:, None]
        if genre not in self.by_genre:
            return distances
        # The group's part of the covariance goes: products of these vectors, times the factor.
        n = int(mine.sum())
        more = math.sqrt(n / (n - size)) - 1
        removed = z + more * z.mean(axis=1, keepdims=True)
        through = through + more * through.mean(axis=1, keepdims=True)
        factor = (1 - self.shrinkages[genre]) / ((n - size) * len(self.by_genre))
        if self.weight:
            factor *= (self.freedom - size) / (self.weight + self.freedom - size)
        # A genre whose covariance is nothing but its variances loses nothing.
        core = np.linalg.inv(
            np.eye(size) / max(factor, RIDGE**2) - through @ removed.transpose(0, 2, 1)
        )
        to_songs = through @ z.transpose(0, 2, 1)
        to_all = through @ centres.T
        to_all[:, :, genre] = (through @ own[:, :, None])[:, :, 0]
        between = core @ to_all
        distances += (to_all * between).sum(axis=1)[:, None]
        distances -= 2 * to_songs.transpose(0, 2, 1) @ between
        distances += (to_songs * (core @ to_songs)).sum(axis=1)[:, :, None]
        return distances

    def _mixed(self, own: Floats, freedom: float) -> Floats:
        """Without the ridge."""
        total = self.weight + freedom
        return (self.weight * self.prior + freedom * own) / total if total > 0 else self.prior

    def _enlarged(self, genre: int, size: int) -> Floats:
        """The covariance without `size` songs of a genre that vary like its others."""
        n = int((self.labels == genre).sum())
        growth = n / (n - size) - 1
        enlarged = self.own + growth * self.by_genre[genre] / len(self.by_genre)
        mixed = self._mixed(enlarged, self.freedom - size if self.weight else self.freedom)
        return mixed + np.diag(self.ridge)


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
