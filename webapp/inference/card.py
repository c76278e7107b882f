"""The model card: the contract between training and site.

`trained_models/<version>/model.json` says what a model is, what it was trained on, how good it
honestly is and which features it wants. A folder without a valid card is not served.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from features import FeatureSpec

from .embedding import (
    EMBEDDING_NAME,
    LARGEST_EMBEDDING,
    LARGEST_SIZE,
    SMALLEST_SIZE,
    check_embedding,
)

CARD_NAME = "model.json"
MODEL_FILES = ("model.keras", "model.tflite")
# Bytes of the largest card and of the largest other file, but `embedding.json`. Ours have some
# millions at most; every start reads all files of a folder.
LARGEST_CARD = 16 * 2**20
LARGEST_FILE = 512 * 2**20
VERSION_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
VERSION_RULE = "a version's name is made of letters, digits, '.', '_' and '-'"
# Distance from the training music in a hidden layer (Lee et al., "A simple unified framework for
# detecting out-of-distribution samples and adversarial attacks", 2018).
UNFAMILIAR_METHOD = "mahalanobis"


class CardError(Exception):
    """A version folder that cannot be used; `str()` says why and what to do."""


T = TypeVar("T")

# Python's JSON knows NaN and Infinity, which neither of them lets through.
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Finite = Annotated[float, msgspec.Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class Interval(msgspec.Struct):
    """A share with its 95 % interval."""

    value: Share
    low: Share
    high: Share


class _TrackMetrics(msgspec.Struct):
    accuracy: Interval


class Report(msgspec.Struct):
    """How good a version is on one set of tracks; a card may tell more."""

    n_tracks: Annotated[int, msgspec.Meta(ge=1)]
    track: _TrackMetrics


class Elsewhere(Interval):
    """The card's `metrics.elsewhere`: the share of songs right in a collection of no training data.

    A sister network answers, trained on the version's other collections alone: `of` names the
    collection that it was asked about, `by` says how. No figure of another version stands beside
    this one.
    """

    n_tracks: Annotated[int, msgspec.Meta(ge=1)]
    of: Text
    by: Text

    def __post_init__(self) -> None:
        """Refuse an interval that its value is not in."""
        if not self.low <= self.value <= self.high:
            raise ValueError("`value` does not lie between `low` and `high`")


class _Metrics(msgspec.Struct):
    test: Report
    elsewhere: Elsewhere | None = None


class _Calibration(msgspec.Struct):
    temperature: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)]


class Sound(msgspec.Struct):
    """A sound on which the score was tried, and whether it was called unfamiliar."""

    name: str
    score: Finite
    flag: bool


class Unfamiliar(msgspec.Struct):
    """The card's `unfamiliar`: how sounds unlike the training music are told."""

    threshold: Annotated[float, msgspec.Meta(gt=0.0, le=sys.float_info.max)]
    fitted_on: str = ""
    # of held-out tracks
    flagged_share: Share | None = None
    sounds: list[Sound] = []


class Embedding(msgspec.Struct):
    """The card's `embedding`: an output of the network that places songs near similar ones.

    Attributes
    ----------
    layer : of the network, the one that gives it.
    size : how many numbers a segment gets.
    decimals : of these numbers in JSON.
    """

    layer: str
    size: Annotated[int, msgspec.Meta(ge=SMALLEST_SIZE, le=LARGEST_SIZE)]
    decimals: Annotated[int, msgspec.Meta(ge=0, le=9)]


class _CardFile(msgspec.Struct):
    """Keys that every card must have, but `embedding`; it may have more."""

    version: str
    title: Annotated[str, msgspec.Meta(min_length=1)]
    created: str
    genres: Annotated[list[Annotated[str, msgspec.Meta(min_length=1)]], msgspec.Meta(min_length=2)]
    feature_spec: dict[str, Any]
    architecture: dict[str, Any]
    training: dict[str, Any]
    metrics: _Metrics
    calibration: _Calibration
    unfamiliar: dict[str, Any] | None
    latency: dict[str, Any]
    licence: str
    intended_use: str
    files: dict[str, Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]]
    embedding: Embedding | None = None


def part(value: Any, kind: type[T]) -> T | None:
    """A part of a card that is not checked at loading, as `kind`; None if it is anything else."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


class Card:
    """A checked model card and the folder that it stands in.

    Attributes
    ----------
    version, title, genres, spec, temperature : the keys of the same names; see docs/model-card.md.
    unfamiliar_threshold : score above which a song is unlike the training music; None for a
        version that gives no such score.
    embedding : the key of the same name; None for a version that gives no embedding.
    embedding_file : the content of `embedding.json`; None for such a version.
    """

    def __init__(self, folder: Path):
        """Read and check `folder`.

        Raises
        ------
        CardError : for a missing, unreadable or contradicting card, and for files that are
            missing or differ from their sha256.
        """
        self.folder = folder
        path = folder / CARD_NAME
        try:
            self._json: dict[str, Any] = json.loads(_content(path, LARGEST_CARD))
            checked = msgspec.convert(self._json, _CardFile)
        except OSError as error:
            raise CardError(f"{CARD_NAME} cannot be read ({error.strerror})") from error
        except (ValueError, RecursionError) as error:
            raise CardError(f"{CARD_NAME} is not a valid card: {error}") from error
        if checked.version != folder.name:
            raise CardError(
                f"{CARD_NAME} names the version {checked.version!r}; rename the folder or the card"
            )
        if not VERSION_PATTERN.fullmatch(checked.version):
            raise CardError(VERSION_RULE)
        if len(set(checked.genres)) != len(checked.genres):
            raise CardError(f"{CARD_NAME} names a genre twice")
        try:
            self.spec = FeatureSpec.from_json(checked.feature_spec)
        except (ValueError, TypeError) as error:
            raise CardError(f"{CARD_NAME}: {error}") from error
        self.version = checked.version
        self.title = checked.title
        self.genres = tuple(checked.genres)
        self.temperature = checked.calibration.temperature
        self.unfamiliar_threshold = _read_threshold(checked.unfamiliar)
        self.embedding = checked.embedding
        self.files = checked.files
        needed = MODEL_FILES if self.embedding is None else (*MODEL_FILES, EMBEDDING_NAME)
        if missing := [name for name in needed if name not in self.files]:
            raise CardError(f"{CARD_NAME} lists no {' and no '.join(missing)} under files")
        for name in self.files:
            self.read(name)
        self.embedding_file = self._read_embedding_file()

    @property
    def metrics(self) -> dict[str, Any]:
        """The `metrics` of the card, as written."""
        return dict(self._json["metrics"])

    def read(self, name: str) -> bytes:
        """The content of one of the card's files, checked against its sha256.

        Raises
        ------
        CardError : when it is missing or differs.
        """
        if Path(name).name != name or name in ("", ".", "..") or "\0" in name:
            raise CardError(f"{CARD_NAME}: {name!r} is not the name of a file in its folder")
        try:
            largest = LARGEST_EMBEDDING if name == EMBEDDING_NAME else LARGEST_FILE
            content = _content(self.folder / name, largest)
        except OSError as error:
            raise CardError(f"{name} cannot be read ({error.strerror})") from error
        if hashlib.sha256(content).hexdigest() != self.files[name]:
            raise CardError(
                f"{name} differs from the sha256 in {CARD_NAME}; restore the folder or export anew"
            )
        return content

    def _read_embedding_file(self) -> bytes | None:
        if self.embedding is None:
            return None
        if (size := self.embedding.size) == len(self.genres):
            # outputs of the network are told apart by their shapes
            raise CardError(
                f"{CARD_NAME}: embedding.size is the number of genres, {size}; train with another"
            )
        content = self.read(EMBEDDING_NAME)
        try:
            check_embedding(content, self.version, self.genres, size)
        except ValueError as error:
            raise CardError(f"{EMBEDDING_NAME} {error}; export the version anew") from error
        return content

    def to_json(self) -> dict[str, Any]:
        """The whole card, as written."""
        return self._json

    def summary(self) -> dict[str, Any]:
        """The summary of a version for lists."""
        metrics = self._json["metrics"]
        test = metrics["test"]
        return {
            "version": self.version,
            "title": self.title,
            "created": self._json["created"],
            "genres": list(self.genres),
            "feature_spec": self.spec.to_json(),
            "accuracy": test["track"]["accuracy"],
            "n_test_tracks": test["n_tracks"],
            "elsewhere": metrics.get("elsewhere"),
            "licence": self._json["licence"],
        }


def _content(path: Path, largest: int) -> bytes:
    """The content of a file in a version's folder.

    Raises
    ------
    OSError : when it cannot be read.
    CardError : when it is too large, not a file, or lies elsewhere.
    """
    if not path.resolve().is_relative_to(path.parent.resolve()):
        raise CardError(f"{path.name} is a link that leads out of its folder")
    if path.exists() and not path.is_file():
        # a pipe would be read without end
        raise CardError(f"{path.name} is not a file")
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise CardError(f"{path.name} has more than {largest} bytes")
    return content


def _read_threshold(unfamiliar: dict[str, Any] | None) -> float | None:
    if unfamiliar is None:
        return None
    if (method := unfamiliar.get("method")) != UNFAMILIAR_METHOD:
        # Without it, songs would be answered without the doubt that the version promises.
        raise CardError(
            f"{CARD_NAME}: unfamiliar asks for the method {method!r}, which this release does not "
            "know; update MusiClassify"
        )
    try:
        return msgspec.convert(unfamiliar, Unfamiliar).threshold
    except msgspec.ValidationError as error:
        raise CardError(f"{CARD_NAME}: unfamiliar is not valid: {error}") from error
