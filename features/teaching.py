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
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from .own_genres import (
    MAX_GENRES,
    RIDGE,
    Floats,
    Labels,
    Mode,
    ModelGenres,
    OwnGenre,
    OwnGenres,
    Recognised,
    TeachingError,
    same_names,
    softmax,
    songs_known,
)

# Examples below which nothing is said of how well a genre is recognised.
FEW = 5
# Examples that tell how songs of their genre vary.
ENOUGH_TO_VARY = 5
# Beside the model's genres, its covariance counts as so many songs; studies of v10 chose it.
MODEL_WEIGHT = 50.0

# Temperatures that are looked at, and the one that counts as if this many left-out songs had it.
TEMPERATURES = (0.2, 500.0)
USUAL_TEMPERATURE = 20.0
USUAL_WEIGHT = 1.0
# Share of the left-out songs that are no farther from their nearest genre than the threshold, and
# the squared distance for each number of an embedding where none was left out.
FAMILIAR_SHARE = 0.95
USUAL_DISTANCE = 2.0
# A left-out example looks misfiled where another genre is so much more probable than its own.
MISFILED = 0.8
# A genre overlaps another to which this share of its examples goes.
OVERLAP = 1 / 3
# The interval of a genre's recall: its probability as a quantile of the normal distribution, and
# the share of its examples that counts, since songs of one artist are no independent trials.
INTERVAL_Z = 1.2816
INDEPENDENT = 0.35


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Answers to examples by what the others teach.

    Attributes
    ----------
    genres : as in `Answers`.
    judged : bool (n_examples,); not, where nothing is known of a genre without the example.
    distances : (n_examples, n_genres) squared Mahalanobis distances; NaN where not judged.
    probabilities : (n_examples, n_genres); NaN where not judged.
    """

    genres: tuple[str, ...]
    judged: npt.NDArray[np.bool_]
    distances: Floats
    probabilities: Floats


@dataclasses.dataclass(frozen=True)
class GenreReport:
    """How well a genre is recognised.

    Attributes
    ----------
    few : fewer than `FEW` examples.
    taken_for, taken_share : the other genre to which most of its left-out examples go, and their
        share of all; None and 0 when all are recognised.
    overlaps : that genre, when the share is at least `OVERLAP` and the examples are not few.
    """

    few: bool
    taken_for: str | None
    taken_share: float
    overlaps: str | None


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
    names : (n_examples,) the genre of each; spellings are made one.
    model : the version that gave the embeddings.
    mode : "own" answers in these genres only, "beside" in the model's, too.
    folders : (n_examples,) songs of one folder and genre are left out together where the genre has
        several folders, as they may be of one artist; an empty one stands for itself.
    base : genres learned before, of the same version, to which the examples are added.

    Raises
    ------
    TeachingError : without examples, with a single genre, for names or numbers that cannot be used.
    """
    known = (*(genre.name for genre in (base.genres if base else ())),)
    if mode == "beside":
        known += model.names
    spelled = same_names(names, known)
    own_names = list(dict.fromkeys([*(base.names if base else ()), *spelled]))
    if not own_names:
        raise TeachingError("no_examples")
    if len(own_names) > MAX_GENRES:
        raise TeachingError("many_genres")
    if mode == "own" and len(own_names) < 2:
        raise TeachingError("one_genre")
    z = model.place(embeddings)
    labels = np.array([own_names.index(name) for name in spelled], dtype=np.int64)
    fitted = _Fit.of(z, labels, own_names, model, mode, base)
    left_out = fitted.leave_out(_groups(labels, folders))
    judged = np.flatnonzero(left_out.judged)
    temperature = _temperature(left_out.distances[judged], labels[judged], base)
    nearest = left_out.distances[judged].min(axis=1)
    threshold = _threshold(nearest, model.size, base)
    left_out = dataclasses.replace(
        left_out, probabilities=softmax(left_out.distances / (-2 * temperature))
    )
    reports, recognised = _reports(left_out, labels, len(own_names), base)
    genres = tuple(
        OwnGenre(name, int(count), centre, share)
        for name, count, centre, share in zip(
            own_names, fitted.counts, fitted.own_centres, recognised, strict=True
        )
    )
    own = OwnGenres(mode, genres, fitted.covariance, fitted.shrinkage, temperature, threshold)
    return Learned(own, reports, left_out, _misfiled(left_out, labels))


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
    x = centred / scale
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


def _groups(labels: Labels, folders: Sequence[str] | None) -> list[Labels]:
    """Rows of the examples that are left out together."""
    keys = [(int(label), "", row) for row, label in enumerate(labels)]
    if folders is not None:
        for label in np.unique(labels):
            rows = np.flatnonzero(labels == label).tolist()
            if len({folders[row] for row in rows}) > 1:
                for row in rows:
                    if folders[row]:
                        keys[row] = (int(label), folders[row], -1)
    together: dict[tuple[int, str, int], list[int]] = {}
    for row, key in enumerate(keys):
        together.setdefault(key, []).append(row)
    return [np.array(rows, dtype=np.int64) for rows in together.values()]


@dataclasses.dataclass(frozen=True)
class _Fit:
    """Genres as their examples and what was known before lie.

    The covariance is (weight * prior + freedom * examples' own) / (weight + freedom).

    Attributes
    ----------
    z, labels : (n, size), (n,) the examples.
    names : own genres first, then the model's others.
    sums, weights : (n_all, size), (n_all,) a genre's mean is its sum over its weight.
    counts, own_centres : (n_own,), (n_own, size): examples of each own genre, those of the base
        too, and their mean.
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
            others = [row for row, name in enumerate(model.names) if name not in own_names]
            names += tuple(model.names[row] for row in others)
            sums = np.concatenate([sums, model.means[others]])
            weights = np.concatenate([weights, np.ones(len(others))])
        prior, weight = model.prior(), MODEL_WEIGHT if mode == "beside" else 0.0
        if base:
            prior = base.covariance
            weight = float(max(1, sum(genre.songs for genre in base.genres) - len(base.genres)))
            weight += MODEL_WEIGHT if mode == "beside" else 0.0
        return cls(
            z,
            labels,
            names,
            sums,
            weights,
            counts,
            own_centres,
            prior,
            weight,
            by_genre,
            shrinkages,
        )

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the examples' own covariance."""
        varied = np.isin(self.labels, list(self.by_genre))
        return float(varied.sum() - len(self.by_genre))

    def _mixed(self, own: Floats | None, freedom: float) -> Floats:
        if own is None or self.weight + freedom <= 0:
            mixed = self.prior
        else:
            mixed = (self.weight * self.prior + freedom * own) / (self.weight + freedom)
        return np.asarray(mixed + RIDGE * np.eye(len(mixed)))

    def _own(self) -> Floats | None:
        """The examples' own covariance: each genre counts the same."""
        return np.mean(list(self.by_genre.values()), axis=0) if self.by_genre else None

    @property
    def covariance(self) -> Floats:
        return self._mixed(self._own(), self.freedom)

    @property
    def shrinkage(self) -> float:
        return float(np.mean(list(self.shrinkages.values()))) if self.shrinkages else 1.0

    def leave_out(self, groups: Sequence[Labels]) -> LeftOut:
        """Distances of the examples of each group to all genres, learned without them.

        The shrinkage stays that of all songs, and the variances that it shrinks towards grow as if
        those left out had varied like the others. What remains is a change of low rank, so that
        each genre's covariance is inverted once and not for each song.
        """
        n, n_all = len(self.z), len(self.names)
        distances = np.full((n, n_all), np.nan)
        inverses: dict[tuple[int, int], Floats] = {}
        own, centres = self._own(), self.sums / self.weights[:, None]
        for rows in groups:
            genre, size = int(self.labels[rows[0]]), len(rows)
            left = float(self.weights[genre]) - size
            if left <= 0:
                continue
            z = self.z[rows]
            without = centres.copy()
            without[genre] = (self.sums[genre] - z.sum(axis=0)) / left
            varies = genre in self.by_genre and (self.labels == genre).sum() > size
            key = (genre, size) if varies else (-1, 0)
            if key not in inverses:
                inverses[key] = np.asarray(np.linalg.inv(self._enlarged(own, *key)), np.float64)
            inverse = inverses[key]
            differences = without - z[:, None]
            products = differences @ inverse
            found = (products * differences).sum(axis=2)
            if varies:
                removed, factor = self._removed(rows)
                through = removed @ inverse
                core = np.eye(len(removed)) / factor - through @ removed.T
                along = differences @ through.T
                found += (along @ np.linalg.inv(core) * along).sum(axis=2)
            distances[rows] = np.maximum(found, 0.0)
        judged = np.isfinite(distances).all(axis=1)
        return LeftOut(self.names, judged, distances, np.full_like(distances, np.nan))

    def _enlarged(self, own: Floats | None, genre: int, size: int) -> Floats:
        """The covariance without `size` songs of a genre that vary like its others."""
        if genre < 0 or own is None:
            return self._mixed(own, self.freedom)
        n = int((self.labels == genre).sum())
        growth = n / (n - size) - 1
        enlarged = own + growth * self.by_genre[genre] / len(self.by_genre)
        return self._mixed(enlarged, self.freedom - size if self.weight else self.freedom)

    def _removed(self, rows: Labels) -> tuple[Floats, float]:
        """Vectors (k, size) whose products, times a factor, go when the rows are left out."""
        genre, size = int(self.labels[rows[0]]), len(rows)
        mine = self.labels == genre
        n = int(mine.sum())
        differences = self.z[rows] - self.z[mine].mean(axis=0)
        mean = differences.mean(axis=0) * math.sqrt(size**2 / (n - size))
        factor = (1 - self.shrinkages[genre]) / ((n - size) * len(self.by_genre))
        if self.weight:
            freedom = self.freedom - size
            factor *= freedom / (self.weight + freedom)
        # A genre whose covariance is nothing but its variances loses nothing.
        return np.concatenate([differences, mean[None]]), max(factor, RIDGE**2)


def _temperature(distances: Floats, labels: Labels, base: OwnGenres | None) -> float:
    """The temperature at which the left-out songs' own genres are most probable."""
    usual = math.log(base.temperature if base else USUAL_TEMPERATURE)
    weight = USUAL_WEIGHT + (sum(genre.songs for genre in base.genres) if base else 0)

    def loss(log_temperature: float) -> float:
        scores = distances / (-2 * math.exp(log_temperature))
        highest = scores.max(axis=1)
        total = np.log(np.exp(scores - highest[:, None]).sum(axis=1)) + highest
        own = scores[np.arange(len(labels)), labels]
        return float((total - own).sum() + weight * (log_temperature - usual) ** 2)

    return math.exp(_minimum(loss, math.log(TEMPERATURES[0]), math.log(TEMPERATURES[1])))


def _minimum(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is smallest, by golden sections."""
    ratio = (math.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = loss(a), loss(b)
    while high - low > 1e-4:
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = loss(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = loss(b)
    return (low + high) / 2


def _threshold(nearest: Floats, size: int, base: OwnGenres | None) -> float:
    """The squared distance beyond which a song is none of these."""
    usual = base.threshold if base else USUAL_DISTANCE * size
    if not len(nearest):
        return usual
    found = float(np.quantile(nearest, FAMILIAR_SHARE, method="higher"))
    n_before = sum(genre.songs for genre in base.genres) if base else 0
    return (n_before * usual + len(nearest) * found) / (n_before + len(nearest))


def recall_interval(hits: float, n: int) -> Recognised:
    """The recall of `hits` of `n` left-out examples, with its 80 % interval (Wilson, 1927).

    Only a share of the examples counts, since those of one artist are no independent trials.
    """
    value = hits / n
    trials = max(1.0, INDEPENDENT * n)
    square = INTERVAL_Z**2 / trials
    middle = (value + square / 2) / (1 + square)
    half = (
        INTERVAL_Z / (1 + square) * math.sqrt(value * (1 - value) / trials + square / (4 * trials))
    )
    return Recognised(value, max(0.0, middle - half), min(1.0, middle + half))


def _reports(
    left_out: LeftOut, labels: Labels, n_own: int, base: OwnGenres | None
) -> tuple[tuple[GenreReport, ...], list[Recognised | None]]:
    reports: list[GenreReport] = []
    recognised: list[Recognised | None] = []
    winners = np.where(left_out.judged, np.nan_to_num(left_out.distances, nan=np.inf).argmin(1), -1)
    for row in range(n_own):
        mine = winners[(labels == row) & left_out.judged]
        n, hits = len(mine), float((mine == row).sum())
        counts = np.bincount(mine, minlength=len(left_out.genres))
        counts[row] = 0
        taken = int(counts.argmax())
        share = float(counts[taken] / n) if n else 0.0
        before = base.genres[row] if base and row < len(base.genres) else None
        if before and before.recognised:
            n, hits = n + before.songs, hits + before.songs * before.recognised.value
        few = n < FEW
        recognised.append(None if few else recall_interval(hits, n))
        name = left_out.genres[taken] if share > 0 else None
        reports.append(
            GenreReport(few, name, share, name if share >= OVERLAP and not few else None)
        )
    return tuple(reports), recognised


def _misfiled(left_out: LeftOut, labels: Labels) -> npt.NDArray[np.bool_]:
    probabilities = np.nan_to_num(left_out.probabilities)
    highest = probabilities.max(axis=1)
    own = probabilities[np.arange(len(labels)), labels]
    return left_out.judged & (highest - own >= MISFILED)
