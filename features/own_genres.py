"""Own genres, and answers in them: what a few songs of each have taught a version.

A song is answered by where its embedding lies among the genres' means, under one covariance within
genres; `teaching.py` learns both.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Mode = Literal["own", "beside"]

MODES: tuple[Mode, ...] = ("own", "beside")
MAX_GENRES = 100
MAX_NAME = 60

# This share of a model's covariance is a multiple of the identity. Of the values tried it was the
# best for four genres of another collection, from one to ten examples of each: with MODEL_WEIGHT in
# teaching.py 2 points over a covariance of the examples alone.
MODEL_SHRINKAGE = 0.8
# A genre of the model counts as at most so many songs, so that corrections move it.
MODEL_SONGS = 10.0
# Keeps a covariance invertible; far below the variance of a standardised number.
RIDGE = 1e-9
# A standardised number beyond is none that a network gives, and its squares come near overflow.
LARGEST = 1e9

# Why nothing can be learned, by code. The page says these sentences in its language.
TEACHING_ERRORS = {
    "no_examples": "Nothing to learn from: file songs under genres first.",
    "one_genre": "One genre alone tells nothing apart: file songs under a second one, or let your "
    "genres stand beside the model's.",
    "many_genres": "More than 100 genres cannot be learned; merge some.",
    "long_name": "A genre's name has at most 60 characters.",
    "empty_name": "A genre needs a name.",
    "bad_numbers": "The model's numbers for a song cannot be used; ask it again.",
}


class TeachingError(ValueError):
    """Examples from which nothing can be learned; `str()` is a sentence for people.

    Attributes
    ----------
    code : one of `TEACHING_ERRORS`.
    """

    def __init__(self, code: str):
        super().__init__(TEACHING_ERRORS[code])
        self.code = code


@dataclasses.dataclass(frozen=True)
class ModelGenres:
    """What a version says of its own genres in `embedding.json`.

    Attributes
    ----------
    mean, scale : (size,) z = (embedding - mean) / scale.
    names : of its genres.
    songs : (n_genres,) songs of each that it was trained on.
    means : (n_genres, size) mean z of each.
    covariance : (size, size) of z within genres, for songs that it was not trained on.
    """

    mean: Floats
    scale: Floats
    names: tuple[str, ...]
    songs: Floats
    means: Floats
    covariance: Floats

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ModelGenres:
        """From the content of a valid `embedding.json`."""
        genres = content["genres"]
        return cls(
            mean=np.array(content["standardisation"]["mean"], dtype=np.float64),
            scale=np.array(content["standardisation"]["scale"], dtype=np.float64),
            names=tuple(genre["name"] for genre in genres),
            songs=np.array([genre["songs"] for genre in genres], dtype=np.float64),
            means=np.array([genre["mean"] for genre in genres], dtype=np.float64),
            covariance=symmetric(content["covariance"], int(content["size"]))
            * float(content["spread"]),
        )

    @property
    def size(self) -> int:
        """Numbers of an embedding."""
        return len(self.mean)

    def place(self, embeddings: npt.ArrayLike) -> Floats:
        """The z (n_songs, size) of songs.

        Raises
        ------
        TeachingError : for embeddings of another size, and for numbers that are not finite or
            beyond `LARGEST`.
        """
        values = np.asarray(embeddings, dtype=np.float64)
        if values.size % self.size or (values.ndim == 2 and values.shape[1] != self.size):
            raise TeachingError("bad_numbers")
        with np.errstate(over="ignore"):
            z = (values.reshape(-1, self.size) - self.mean) / self.scale
        # NaN is not below.
        if not (np.abs(z) <= LARGEST).all():
            raise TeachingError("bad_numbers")
        return np.asarray(z)

    def prior(self) -> Floats:
        """Its covariance, shrunk towards a multiple of the identity."""
        return pulled(self.covariance)


@dataclasses.dataclass(frozen=True)
class Recognised:
    """Share of a genre's examples that were recognised when left out, and its 80 % interval."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class OwnGenre:
    """A genre that was taught.

    Attributes
    ----------
    songs : examples of it.
    mean : (size,) mean z of them.
    recognised : None below `FEW` examples.
    """

    name: str
    songs: int
    mean: Floats
    recognised: Recognised | None = None


@dataclasses.dataclass(frozen=True)
class OwnGenres:
    """Everything that answers need, beside the version's `embedding.json`.

    Attributes
    ----------
    mode : whether the model's genres take part ("beside") or not ("own").
    covariance : (size, size) of z within genres.
    shrinkage : of it: 0 for the examples' own, 1 for one that does not know the examples.
    temperature : of the answers' probabilities.
    threshold : squared distance to the nearest genre beyond which a song is none of these.
    """

    mode: Mode
    genres: tuple[OwnGenre, ...]
    covariance: Floats
    shrinkage: float
    temperature: float
    threshold: float

    @property
    def names(self) -> tuple[str, ...]:
        """Of the genres."""
        return tuple(genre.name for genre in self.genres)


@dataclasses.dataclass(frozen=True)
class Answers:
    """Answers to songs.

    Attributes
    ----------
    genres : own ones first; then, beside the model's, its others.
    probabilities : (n_songs, n_genres), each row sums to 1.
    unsure : bool (n_songs,), "none of these".
    """

    genres: tuple[str, ...]
    probabilities: Floats
    unsure: npt.NDArray[np.bool_]

    @property
    def winners(self) -> Labels:
        """(n_songs,) the most probable genre, also where `unsure`."""
        return np.asarray(self.probabilities.argmax(axis=1))


# --- names --------------------------------------------------------------------------------------


def clean_name(name: str) -> str:
    """The name without needless or invisible characters.

    Raises
    ------
    TeachingError : when nothing is left, or too much.
    """
    shown = "".join(
        " " if character.isspace() else character
        for character in name
        if character.isspace() or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
    )
    # Composed last: an invisible character may have stood between a letter and its accent.
    clean = " ".join(unicodedata.normalize("NFC", shown).split())
    if not clean:
        raise TeachingError("empty_name")
    if len(clean) > MAX_NAME:
        raise TeachingError("long_name")
    return clean


def spelling(name: str) -> str:
    """The same for two spellings of a name: "Hip-Hop" and "hiphop"."""
    # Not `casefold`, which JavaScript lacks: page and Python must tell the same names apart.
    kept = "".join(c for c in name.lower() if not c.isspace() and c not in "-_")
    return kept or name


def same_names(names: Sequence[str], known: Sequence[str] = ()) -> list[str]:
    """Names in one spelling: that of `known`, or the first that is met.

    Raises
    ------
    TeachingError : for a name that is empty or too long.
    """
    first: dict[str, str] = {}
    for name in known:
        first.setdefault(spelling(name), name)
    clean = {name: clean_name(name) for name in dict.fromkeys(names)}
    spelled = {name: first.setdefault(spelling(clean[name]), clean[name]) for name in clean}
    return [spelled[name] for name in names]


# --- answers ------------------------------------------------------------------------------------


def answer(own: OwnGenres, model: ModelGenres, embeddings: npt.ArrayLike) -> Answers:
    """Answer for songs of embeddings (n_songs, size).

    Raises
    ------
    TeachingError : for embeddings that cannot be used.
    """
    z = model.place(embeddings)
    names, centres = centres_of(own, model)
    distances = squared_distances(z, centres, own.covariance)
    unsure = distances.min(axis=1) > own.threshold
    return Answers(names, softmax(distances / (-2 * own.temperature)), unsure)


def squared_distances(z: Floats, centres: Floats, covariance: Floats) -> Floats:
    """Squared Mahalanobis distances (n_songs, n_genres) of z (n_songs, size) to centres."""
    inverse = np.linalg.inv(covariance)
    # x'Px - 2 x'Pm + m'Pm: no array of all differences. Near the centres, since what all songs have
    # in common would leave few digits of the differences.
    middle = centres.mean(axis=0)
    z, centres = z - middle, centres - middle
    products = z @ inverse
    to_all = (products * z).sum(axis=1)[:, None] - 2 * products @ centres.T
    distances = to_all + ((centres @ inverse) * centres).sum(axis=1)
    return np.maximum(distances, 0.0)


def principal_axes(z: Floats, covariance: Floats) -> tuple[Floats, Floats, Floats]:
    """Songs of z (n_songs, size) among each other.

    Returns
    -------
    places : (n_songs, size), in which Euclid's distance is Mahalanobis' under `covariance`.
    points : (n_songs, 2), the places on their two principal axes, around zero.
    shares : (2,) of the places' variance, along each axis.
    """
    places = np.linalg.solve(np.linalg.cholesky(covariance), z.T).T
    centred = places - places.mean(axis=0) if len(places) else places
    variances, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, :-3:-1]
    # Either direction of an axis is as good: the same songs are never mirrored.
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    total = max(float(variances.sum()), RIDGE)
    return places, centred @ axes, np.maximum(variances[:-3:-1], 0.0) / total


def pulled(covariance: Floats) -> Floats:
    """A model's covariance (size, size), MODEL_SHRINKAGE of it a multiple of the identity."""
    size = len(covariance)
    level = max(float(np.trace(covariance)) / size, RIDGE)
    return (1 - MODEL_SHRINKAGE) * covariance + MODEL_SHRINKAGE * level * np.eye(size)


def softmax(scores: Floats) -> Floats:
    """Probabilities (n, n_genres) of scores."""
    with np.errstate(invalid="ignore"):
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def positive_definite(matrix: Floats) -> bool:
    """Whether a symmetric matrix has only eigenvalues above zero."""
    try:
        root = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    # WebAssembly has no flags for failed operations, so that numpy raises nothing there.
    return bool(np.isfinite(root).all())


def symmetric(upper: Sequence[float], size: int) -> Floats:
    """The matrix (size, size) of its upper triangle, row by row."""
    matrix = np.zeros((size, size))
    rows, columns = np.triu_indices(size)
    matrix[rows, columns] = matrix[columns, rows] = np.array(upper, dtype=np.float64)
    return matrix


def centres_of(own: OwnGenres, model: ModelGenres) -> tuple[tuple[str, ...], Floats]:
    """Names and means of all genres that take part: own ones, then the model's others."""
    means = np.array([genre.mean for genre in own.genres])
    counts = np.array([float(genre.songs) for genre in own.genres])
    if own.mode == "own":
        return own.names, means
    known, songs = songs_known(own.names, model)
    means = (known + means * counts[:, None]) / (songs + counts)[:, None]
    others = others_of(own.names, model)
    names = own.names + tuple(model.names[row] for row in others)
    return names, np.concatenate([means, model.means[others]])


def songs_known(names: Sequence[str], model: ModelGenres) -> tuple[Floats, Floats]:
    """Sums (n, size) and numbers (n,) of the model's songs of own genres, in any spelling."""
    sums, songs = np.zeros((len(names), model.size)), np.zeros(len(names))
    known = {spelling(name): row for row, name in enumerate(model.names)}
    for row, name in enumerate(names):
        if (place := known.get(spelling(name))) is not None:
            songs[row] = min(MODEL_SONGS, float(model.songs[place]))
            sums[row] = songs[row] * model.means[place]
    return sums, songs


def others_of(names: Sequence[str], model: ModelGenres) -> list[int]:
    """Rows of the model's genres that are no own genre in any spelling."""
    own = set(map(spelling, names))
    return [row for row, name in enumerate(model.names) if spelling(name) not in own]
