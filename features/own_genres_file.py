"""The file of own genres, the same for page and command: UTF-8 JSON of at most 2 MB.

`{"format", "version", "feature_spec", "model_sha256", "size", "mode", "genres": [{"name", "songs",
"mean", "recognised"}], "covariance", "shrinkage", "temperature", "threshold"}` and, if wanted,
`"songs": [{"name", "genre"}]`. `docs/own-genres.md` says what its numbers mean.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from .own_genres import (
    MAX_GENRES,
    MODES,
    OwnGenre,
    OwnGenres,
    Recognised,
    TeachingError,
    clean_name,
    spelling,
    symmetric,
)

FORMAT = 1
MOST_BYTES = 2_000_000
DIGITS = 6
LONGEST_SONG_NAME = 1000
MOST_SIZE = 1000

KEYS = {
    "format",
    "version",
    "feature_spec",
    "model_sha256",
    "size",
    "mode",
    "genres",
    "covariance",
    "shrinkage",
    "temperature",
    "threshold",
}
OPTIONAL_KEYS = {"songs"}
GENRE_KEYS = {"name", "songs", "mean", "recognised"}
RECOGNISED_KEYS = {"value", "low", "high"}
SONG_KEYS = {"name", "genre"}

# Why a file cannot be used, by code. The page says these sentences in its language.
FILE_ERRORS = {
    "too_large": "This is no file of own genres: those have at most 2 MB.",
    "no_file": "This is no file of own genres, or it was cut off.",
    "newer": "This file of own genres is of a newer kind; it needs a newer MusiClassify.",
    "unknown_key": "This file of own genres holds something that such files do not hold, so it was "
    "not loaded.",
    "damaged": "This file of own genres is damaged: something in it is missing or cannot be right.",
}


class OwnGenresFileError(ValueError):
    """A file of own genres that cannot be used; `str()` is a sentence for people.

    Attributes
    ----------
    code : one of `FILE_ERRORS`.
    detail : what is wrong where, in English; may be empty.
    """

    def __init__(self, code: str, detail: str = ""):
        super().__init__(FILE_ERRORS[code])
        self.code = code
        self.detail = detail


@dataclasses.dataclass(frozen=True)
class OwnGenresFile:
    """Own genres, and the model that they were learned with.

    Attributes
    ----------
    version, feature_spec, model_sha256 : of the model; the last of its `model.tflite`.
    songs : names and genres of the examples, if they were wanted in the file.
    """

    version: str
    feature_spec: str
    model_sha256: str
    own: OwnGenres
    songs: tuple[tuple[str, str], ...] | None = None


def write_own_genres(file: OwnGenresFile) -> str:
    """The text of a file.

    Raises
    ------
    OwnGenresFileError : when it would be too large.
    """
    own = file.own
    size = len(own.covariance)
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": file.version,
        "feature_spec": file.feature_spec,
        "model_sha256": file.model_sha256,
        "size": size,
        "mode": own.mode,
        "genres": [
            {
                "name": genre.name,
                "songs": genre.songs,
                "mean": [_rounded(value) for value in genre.mean.tolist()],
                "recognised": _recognised(genre.recognised),
            }
            for genre in own.genres
        ],
        "covariance": [_rounded(value) for value in own.covariance[np.triu_indices(size)].tolist()],
        "shrinkage": _rounded(own.shrinkage),
        "temperature": _rounded(own.temperature),
        "threshold": _rounded(own.threshold),
    }
    if file.songs is not None:
        content["songs"] = [{"name": name, "genre": genre} for name, genre in file.songs]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
    if len(text.encode()) > MOST_BYTES:
        raise OwnGenresFileError("too_large")
    return text


def read_own_genres(content: bytes | str) -> OwnGenresFile:
    """Read a file, and check everything that is in it.

    Raises
    ------
    OwnGenresFileError : when it cannot be used.
    """
    if len(content) > MOST_BYTES:
        raise OwnGenresFileError("too_large")
    try:
        text = content.decode() if isinstance(content, bytes) else content
        if len(text.encode()) > MOST_BYTES:
            raise OwnGenresFileError("too_large")
        found = json.loads(text, parse_constant=_no_number)
    except (UnicodeError, json.JSONDecodeError, RecursionError) as error:
        raise OwnGenresFileError("no_file", str(error)) from error
    except OwnGenresFileError:
        raise
    except ValueError as error:
        # A number of too many digits.
        raise OwnGenresFileError("damaged", str(error)) from error
    if not isinstance(found, dict) or "format" not in found:
        raise OwnGenresFileError("no_file")
    kind = found["format"]
    if type(kind) is not int or kind < FORMAT:
        raise OwnGenresFileError("damaged", "format")
    if kind > FORMAT:
        raise OwnGenresFileError("newer")
    return _Reader().file(found)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _recognised(share: Recognised | None) -> dict[str, float] | None:
    if share is None:
        return None
    return {key: _rounded(value) for key, value in dataclasses.asdict(share).items()}


def _no_number(name: str) -> NoReturn:
    raise OwnGenresFileError("damaged", name)


class _Reader:
    """Takes a file's content apart; every method raises OwnGenresFileError."""

    def file(self, found: dict[str, Any]) -> OwnGenresFile:
        self._keys(found, KEYS, OPTIONAL_KEYS, "the file")
        size = self._whole(found["size"], 1, MOST_SIZE, "size")
        if found["mode"] not in MODES:
            self._damaged("mode")
        genres = self._list(found["genres"], MAX_GENRES, "genres")
        if not genres:
            self._damaged("genres")
        read = tuple(self._genre(genre, size) for genre in genres)
        if len({spelling(genre.name) for genre in read}) < len(read):
            self._damaged("a genre stands twice")
        upper = self._numbers(found["covariance"], size * (size + 1) // 2, "covariance")
        covariance = symmetric(upper, size)
        try:
            np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            self._damaged("covariance is not positive definite")
        own = OwnGenres(
            mode=found["mode"],
            genres=read,
            covariance=covariance,
            shrinkage=self._number(found["shrinkage"], 0, 1, "shrinkage"),
            temperature=self._number(found["temperature"], 1e-6, 1e9, "temperature"),
            threshold=self._number(found["threshold"], 0, 1e12, "threshold"),
        )
        return OwnGenresFile(
            self._text(found["version"], "version"),
            self._text(found["feature_spec"], "feature_spec"),
            self._text(found["model_sha256"], "model_sha256"),
            own,
            self._songs(found["songs"], {genre.name for genre in read})
            if "songs" in found
            else None,
        )

    def _genre(self, found: Any, size: int) -> OwnGenre:
        self._keys(found, GENRE_KEYS, set(), "a genre")
        name = self._text(found["name"], "the name of a genre")
        try:
            if clean_name(name) != name:
                self._damaged("the name of a genre")
        except TeachingError as error:
            raise OwnGenresFileError("damaged", str(error)) from error
        share = found["recognised"]
        if share is not None:
            self._keys(share, RECOGNISED_KEYS, set(), "recognised")
            share = Recognised(
                *(self._number(share[key], 0, 1, "recognised") for key in ("value", "low", "high"))
            )
        songs = self._whole(found["songs"], 1, 10**6, "songs of a genre")
        mean = np.array(self._numbers(found["mean"], size, "the mean of a genre"))
        return OwnGenre(name, songs, mean, share)

    def _songs(self, found: Any, genres: set[str]) -> tuple[tuple[str, str], ...]:
        songs = []
        for song in self._list(found, 10**5, "songs"):
            self._keys(song, SONG_KEYS, set(), "a song")
            name = self._text(song["name"], "the name of a song", LONGEST_SONG_NAME)
            if song["genre"] not in genres:
                self._damaged("the genre of a song")
            songs.append((name, song["genre"]))
        return tuple(songs)

    def _keys(self, found: Any, needed: set[str], optional: set[str], where: str) -> None:
        if not isinstance(found, Mapping):
            self._damaged(where)
        keys = set(found)
        if unknown := keys - needed - optional:
            raise OwnGenresFileError("unknown_key", f"{sorted(unknown)[0]!r} in {where}")
        if missing := needed - keys:
            self._damaged(f"{sorted(missing)[0]!r} is missing in {where}")

    def _list(self, found: Any, most: int, where: str) -> list[Any]:
        if not isinstance(found, list) or len(found) > most:
            self._damaged(where)
        return list(found)

    def _numbers(self, found: Any, length: int, where: str) -> list[float]:
        values = self._list(found, length, where)
        if len(values) != length:
            self._damaged(f"{where} has {len(values)} numbers, not {length}")
        return [self._number(value, -1e9, 1e9, where) for value in values]

    def _number(self, found: Any, low: float, high: float, where: str) -> float:
        if type(found) not in {int, float} or not low <= found <= high or not math.isfinite(found):
            self._damaged(where)
        return float(found)

    def _whole(self, found: Any, low: int, high: int, where: str) -> int:
        if type(found) is not int or not low <= found <= high:
            self._damaged(where)
        return int(found)

    def _text(self, found: Any, where: str, longest: int = 200) -> str:
        if not isinstance(found, str) or not 0 < len(found) <= longest:
            self._damaged(where)
        return str(found)

    def _damaged(self, where: str) -> NoReturn:
        raise OwnGenresFileError("damaged", where)
