"""The file of own genres, the same for page and command: UTF-8 JSON of at most 2 MB.

`{"format", "version", "feature_spec", "model_sha256", "size", "mode", "genres": [{"name", "songs",
"mean", "recognised"}], "covariance", "shrinkage", "temperature", "threshold"}` and, if wanted,
`"songs": [{"name", "genre"}]`. `docs/own-genres.md` says what its numbers mean.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from .own_genres import (
    LARGEST,
    MAX_GENRES,
    MODES,
    Floats,
    OwnGenre,
    OwnGenres,
    Recognised,
    TeachingError,
    clean_name,
    positive_definite,
    spelling,
    symmetric,
)

FORMAT = 1
MOST_BYTES = 2_000_000
DIGITS = 6
LONGEST_SONG_NAME = 1000
MOST_SIZE = 1000
# Lists and objects inside each other; a file has 4.
MOST_NESTED = 20
# Numbers of z, their variances and squared distances: what `learn` gives lies within, and no
# answer overflows.
LARGEST_VARIANCE = 1e20
LARGEST_DISTANCE = 1e40
LEAST_VARIANCE = 1e-12
# Below this least eigenvalue of the correlations, distances would be made of rounding.
LEAST_EIGENVALUE = 1e-9

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
        # A name that is no Unicode, as Linux allows it, is written out: \\udc80.
        content["songs"] = [
            {"name": name.encode(errors="backslashreplace").decode(), "genre": genre}
            for name, genre in file.songs
        ]
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
        if _nested(text) > MOST_NESTED:
            raise OwnGenresFileError("no_file", "too much inside each other")
        found = json.loads(text, parse_constant=_no_number)
    except (UnicodeError, json.JSONDecodeError) as error:
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


# A string, to its end or that of the text, or a bracket.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


def _nested(text: str) -> int:
    """How many lists and objects are inside each other, as far as `MOST_NESTED` and one more.

    Python's parser has a limit of its own, but in WebAssembly the stack may end before it.
    """
    deepest = depth = 0
    for token in _TOKEN.finditer(text):
        character = token[0][0]
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MOST_NESTED:
                break
        elif character in "]}":
            depth -= 1
    return deepest


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
        own = OwnGenres(
            mode=found["mode"],
            genres=read,
            covariance=self._covariance(found["covariance"], size),
            shrinkage=self._number(found["shrinkage"], 0, 1, "shrinkage"),
            temperature=self._number(found["temperature"], 1e-6, 1e9, "temperature"),
            threshold=self._number(found["threshold"], 0, LARGEST_DISTANCE, "threshold"),
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
            if not share.low <= share.value <= share.high:
                self._damaged("recognised")
        songs = self._whole(found["songs"], 1, 10**6, "songs of a genre")
        mean = np.array(self._numbers(found["mean"], size, "the mean of a genre"))
        return OwnGenre(name, songs, mean, share)

    def _covariance(self, found: Any, size: int) -> Floats:
        upper = self._numbers(found, size * (size + 1) // 2, "covariance", LARGEST_VARIANCE)
        covariance = symmetric(upper, size)
        variances = np.diag(covariance)
        if not (variances > 0).all():
            self._damaged("covariance is not positive definite")
        if not (variances >= LEAST_VARIANCE).all():
            self._damaged("its distances would be no numbers")
        deviations = np.sqrt(variances)
        correlations = covariance / deviations[:, None] / deviations
        if not positive_definite(correlations - LEAST_EIGENVALUE * np.eye(size)):
            self._damaged("covariance is not positive definite")
        return covariance

    def _songs(self, found: Any, genres: set[str]) -> tuple[tuple[str, str], ...]:
        songs = []
        for song in self._list(found, 10**5, "songs"):
            self._keys(song, SONG_KEYS, set(), "a song")
            name = self._text(song["name"], "the name of a song", LONGEST_SONG_NAME)
            genre = self._text(song["genre"], "the genre of a song")
            if genre not in genres:
                self._damaged("the genre of a song")
            songs.append((name, genre))
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

    def _numbers(
        self, found: Any, length: int, where: str, largest: float = LARGEST
    ) -> list[float]:
        values = self._list(found, MOST_BYTES, where)
        if len(values) != length:
            self._damaged(f"{where} has {len(values)} numbers, not {length}")
        return [self._number(value, -largest, largest, where) for value in values]

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
