"""Answers in own genres, from the file that `teach` or the page wrote."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from features.own_genres import ModelGenres, OwnGenres, answer
from features.own_genres_file import (
    MOST_BYTES,
    OwnGenresFile,
    OwnGenresFileError,
    read_own_genres,
)
from webapp.inference import Card, Prediction, Registry, UnknownVersion
from webapp.inference.aggregation import mean_embedding
from webapp.inference.predictor import DECIMALS

from ..errors import TrainingError
from ..files import reading

Floats = npt.NDArray[np.float64]

# Versions' name of the file whose sha256 says with which network genres were learned.
MODEL_FILE = "model.tflite"
# How many genres the line of a file tells.
MOST_GENRES = 3


@dataclasses.dataclass(frozen=True)
class OwnAnswer:
    """The answer for one song.

    Attributes
    ----------
    probabilities : (n_genres,) in the order of `genres`, rounded; they sum to 1.
    genre : the most probable one, also where `unsure`.
    unsure : it is none of these.
    """

    genres: tuple[str, ...]
    probabilities: Floats
    genre: str
    unsure: bool

    def to_json(self) -> dict[str, Any]:
        """The answer as plain data."""
        return {
            "genres": list(self.genres),
            "probabilities": self.probabilities.tolist(),
            "genre": self.genre,
            "unsure": self.unsure,
        }

    def text(self) -> str:
        """The answer for people."""
        # Stable, so that of equal ones the first leads, as in `genre`.
        best = np.argsort(-self.probabilities, kind="stable")[:MOST_GENRES]
        shares = ", ".join(f"{self.genres[i]} {self.probabilities[i]:.1%}" for i in best)
        return f"none of these, closest to {shares}" if self.unsure else shares


@dataclasses.dataclass(frozen=True)
class OwnJudge:
    """Own genres, and the version that they were learned with."""

    card: Card
    own: OwnGenres
    model: ModelGenres

    def answer(self, prediction: Prediction) -> OwnAnswer:
        """Answer for a song by what the version says of it.

        Raises
        ------
        TeachingError : when its embedding cannot be used.
        """
        found = answer(self.own, self.model, song_embedding(prediction, self.card)[None])
        probabilities = rounded_shares(found.probabilities[0])
        return OwnAnswer(
            found.genres,
            probabilities,
            found.genres[int(probabilities.argmax())],
            bool(found.unsure[0]),
        )


def require_embedding(card: Card, models: Path) -> ModelGenres:
    """What a version says of its own genres.

    Raises
    ------
    TrainingError : for a version that gives no embedding; it names those that do.
    """
    if card.embedding_file is None:
        cards = Registry.load(models).cards.values()
        able = ", ".join(each.version for each in cards if each.embedding)
        raise TrainingError(
            f"{card.version} gives no embedding, so no genres can be learned with it. "
            + (f"Choose with --version one that does: {able}." if able else f"None of {models} do.")
        )
    return ModelGenres.from_json(json.loads(card.embedding_file))


def song_embedding(prediction: Prediction, card: Card) -> Floats:
    """The embedding (size,) of a song, as the site gives it: rounded."""
    if prediction.embeddings is None or card.embedding is None:
        raise ValueError(f"{card.version} gives no embedding")
    return np.round(mean_embedding(prediction.embeddings), card.embedding.decimals)


def rounded_shares(shares: Floats) -> Floats:
    """Shares (n,) of 1, rounded; what is lost or gained goes to the largest."""
    rounded = np.round(shares, DECIMALS)
    rounded[rounded.argmax()] += 1.0 - rounded.sum()
    return np.round(rounded, DECIMALS)


def open_own_genres(path: Path, models: Path, version: str | None = None) -> OwnJudge:
    """The genres of a file, and the version that answers in them.

    Parameters
    ----------
    version : asked for beside the file; refused unless it is the file's.

    Raises
    ------
    TrainingError : for a file that cannot be used, and when its version is not there or another
        than the one that the genres were learned with.
    """
    file = _read(path)
    name = file.version
    if version not in (None, name):
        raise TrainingError(
            f"{path}: was learned with {name!r}, so {version} cannot answer in its genres; leave "
            "--version out."
        )
    try:
        card = Registry.load(models).get(name)
    except UnknownVersion as error:
        raise TrainingError(
            f"{path}: was learned with {name!r}, which is not used here. {models}: {error} Name "
            "its folder with --models, or teach again with another --version."
        ) from None
    same = (card.files[MODEL_FILE], card.spec.id) == (file.model_sha256, file.feature_spec)
    if not same or card.embedding is None or card.embedding_file is None:
        raise TrainingError(
            f"{path}: was learned with another model than the {name} in {models}; teach again from "
            "the songs, or name the folder of that model with --models."
        )
    if len(file.own.covariance) != card.embedding.size:
        _refuse(path, OwnGenresFileError("damaged", "size"))
    return OwnJudge(card, file.own, ModelGenres.from_json(json.loads(card.embedding_file)))


def _read(path: Path) -> OwnGenresFile:
    with reading(path), path.open("rb") as opened:
        content = opened.read(MOST_BYTES + 1)
    try:
        return read_own_genres(content)
    except OwnGenresFileError as error:
        _refuse(path, error)


def _refuse(path: Path, error: OwnGenresFileError) -> NoReturn:
    detail = f" ({error.detail})" if error.detail else ""
    raise TrainingError(f"{path}: {str(error).rstrip('.')}{detail}.") from error
