"""The analysis as the page in the browser calls it.

`static/js/analysis/analysis_worker.js` imports this module in Pyodide and turns each answer into a
message to the page, so keys are written as in JavaScript; `static/js/analysis/python.d.ts` gives
their types to the scripts. A feature spec comes as its JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypedDict

import numpy as np

from .mel import Float32Array
from .segments import (
    AudioError,
    FeatureRequest,
    Progress,
    build_request,
    build_request_of,
    excerpt_bounds,
    listened_bounds,
    segment_times,
)
from .spec import FeatureSpec
from .stream import SegmentStream

if TYPE_CHECKING:
    from .inversion import InversionError
    from .left_out import GenreReport
    from .own_genres import ModelGenres, OwnGenres, TeachingError
    from .own_genres_file import OwnGenresFileError


class JsSamples(Protocol):
    """A Float32Array of JavaScript: mono samples (n,) at the spec's sample rate."""

    def to_memoryview(self) -> memoryview:
        """A copy of the samples in Python's memory."""


class Numbers(TypedDict):
    """One request to send. body: its JSON text; the others are those of `FeatureRequest`."""

    body: str
    nSegments: int
    repeated: bool
    skipped: float
    narrow: bool


class Extracted(Numbers):
    """The request of a whole song; pieces: start and end in seconds, those of silent ones too."""

    type: Literal["extracted"]
    pieces: list[tuple[float, float]]


class Chosen(TypedDict):
    """Which excerpts of a song are listened to.

    bounds: start and end in samples of each; None for a song that is listened to as a whole.
    """

    type: Literal["chosen"]
    bounds: list[tuple[int, int]] | None


class Fed(TypedDict):
    """Requests of a long song that are ready, and the pieces that have come since the last time.

    gaps: start and end in seconds of all gaps of the song so far; pieces in them that were handed
    out before are to be taken out again.
    """

    type: Literal["extracted"]
    requests: list[Numbers]
    pieces: list[tuple[float, float]]
    gaps: list[tuple[float, float]]


class Refused(TypedDict):
    """A sound or numbers that cannot be used; message: the English sentence of the code."""

    type: Literal["refused"]
    code: str
    message: str


class Begun(TypedDict):
    """The size of a sound that is being made."""

    type: Literal["begun"]
    nSamples: int
    nBlocks: int


class Block(TypedDict):
    """Samples of a made sound from `first` on; `gain` is still to be applied."""

    type: Literal["block"]
    first: int
    samples: Float32Array


class Made(TypedDict):
    """All blocks are there; gain: factor for all samples."""

    type: Literal["made"]
    gain: float


class GenreTaught(TypedDict):
    """How well an own genre is recognised: see `GenreReport` and `Recognised`."""

    name: str
    songs: int
    recognised: tuple[float, float, float] | None
    few: bool
    takenFor: str | None
    takenShare: float
    overlaps: str | None


class ExampleTaught(TypedDict):
    """What an example is taken for when left out; None where nothing can be said."""

    winner: str | None
    probability: float
    misfiled: bool


class Taught(TypedDict):
    """Own genres; file: the text of a file of them, without the names of songs."""

    type: Literal["taught"]
    file: str
    genres: list[GenreTaught]
    examples: list[ExampleTaught]


class Told(TypedDict):
    """Answers in own genres: probabilities (n_songs * n_genres,), unsure (n_songs,)."""

    type: Literal["told"]
    genres: list[str]
    probabilities: Float32Array
    unsure: list[bool]


class Loaded(TypedDict):
    """A file of own genres that can be used."""

    type: Literal["loaded"]
    version: str
    modelSha256: str
    mode: str
    genres: list[GenreTaught]
    songs: list[tuple[str, str]]


class LaidOut(TypedDict):
    """Songs among each other.

    points: (n_songs * 2,) on the two principal axes; places: (n_songs * size,), in which the
    distance of two songs is Mahalanobis'; shares: of the variance, of each axis.
    """

    type: Literal["laidOut"]
    points: Float32Array
    places: Float32Array
    size: int
    shares: list[float]


# Long songs that are being analysed, by the page's key.
_streams: dict[int, SegmentStream] = {}


def extract(samples: JsSamples, spec: str, progress: Progress) -> Extracted | Refused:
    """Make the request of a whole song; progress(done, total) is called after each excerpt."""
    sound, told = _samples(samples), _spec(spec)
    try:
        request = build_request(sound, told, progress)
    except AudioError as error:
        return _refused(error)
    pieces = segment_times(excerpt_bounds(len(sound), told), told)
    return {"type": "extracted", **_numbers(request), "pieces": pieces}


def choose_excerpts(n_samples: int, spec: str) -> Chosen:
    """Which excerpts are listened to of a song of n_samples at the spec's sample rate."""
    told = _spec(spec)
    if n_samples < 1 or listened_bounds(n_samples, told) == excerpt_bounds(n_samples, told):
        return {"type": "chosen", "bounds": None}
    return {"type": "chosen", "bounds": listened_bounds(n_samples, told)}


def extract_excerpts(
    samples: JsSamples, bounds: str, spec: str, progress: Progress
) -> Extracted | Refused:
    """Make the request of a song by some of its excerpts.

    Parameters
    ----------
    samples : those of all excerpts, one behind the other.
    bounds : JSON text of their bounds, as `choose_excerpts` gives them.
    spec, progress : as for `extract`.
    """
    sound, told = _samples(samples), _spec(spec)
    wanted: list[tuple[int, int]] = [(first, last) for first, last in json.loads(bounds)]
    ends = np.cumsum([last - first for first, last in wanted])
    cuts = zip((first for first, _ in wanted), np.split(sound, ends[:-1]), strict=True)
    try:
        request = build_request_of(list(cuts), told, progress)
    except AudioError as error:
        return _refused(error)
    return {"type": "extracted", **_numbers(request), "pieces": segment_times(wanted, told)}


def feed(
    key: int, samples: JsSamples, spec: str, take: bool, last: bool, most: int
) -> Fed | Refused:
    """Take the next samples of a long song.

    Parameters
    ----------
    key : tells the songs apart; a new one begins a song.
    samples, spec : as for `extract`; the spec counts where a song begins.
    take : whether the requests that are ready are wanted now.
    last : whether the song ends here; then all requests are given, and the song is forgotten. So is
        a song that is refused.
    most : segments per request.
    """
    stream = _streams.setdefault(key, SegmentStream(_spec(spec)))
    n_known = len(stream.bounds)
    try:
        stream.feed(_samples(samples), last=last)
    except AudioError as error:
        forget(key)
        return _refused(error)
    requests = []
    while (take or last) and (request := stream.take(most)):
        requests.append(_numbers(request))
    if last:
        forget(key)
    pieces = segment_times(stream.bounds[n_known:], stream.spec)
    return {"type": "extracted", "requests": requests, "pieces": pieces, "gaps": stream.gaps()}


def forget(key: int) -> None:
    """Let go of a long song; of none with an unknown key."""
    _streams.pop(key, None)


def invert(body: str, spec: str) -> Iterator[Begun | Block | Made | Refused]:
    """Make a sound of the JSON text of a request, as far as the answers are asked for.

    Raises
    ------
    ValueError : for a text that is not such a request.
    """
    # Most visitors never ask for it: the page starts faster without.
    from .inversion import Inversion, InversionError, read_request

    told = _spec(spec)
    try:
        inversion = Inversion(read_request(body, told), told)
    except InversionError as error:
        yield _refused(error)
        return
    yield {"type": "begun", "nSamples": inversion.n_samples, "nBlocks": inversion.n_blocks}
    for first, samples in inversion.blocks():
        yield {"type": "block", "first": first, "samples": samples}
    yield {"type": "made", "gain": inversion.gain}


def teach(embeddings: JsSamples, request: str) -> Taught | Refused:
    """Learn own genres.

    Parameters
    ----------
    embeddings : (n_examples * size,) of the examples.
    request : JSON text: {"model": the content of embedding.json, "modelSha256", "featureSpec": id,
        "mode", "names": [genre of each example], "folders": [its folder, or ""], "base": text of a
        file, or null}.
    """
    from .own_genres import ModelGenres, TeachingError
    from .own_genres_file import OwnGenresFile, OwnGenresFileError, write_own_genres
    from .teaching import learn

    asked = json.loads(request)
    try:
        model = ModelGenres.from_json(asked["model"])
        base = _read_own(asked["base"], model) if asked["base"] is not None else None
        learned = learn(
            _samples(embeddings), asked["names"], model, asked["mode"], asked["folders"], base
        )
        file = write_own_genres(
            OwnGenresFile(
                asked["model"]["version"], asked["featureSpec"], asked["modelSha256"], learned.own
            )
        )
    except (TeachingError, OwnGenresFileError) as error:
        return _refused(error)
    left_out = learned.left_out
    examples: list[ExampleTaught] = [
        {
            "winner": left_out.genres[int(row.argmax())] if judged else None,
            "probability": float(row.max()) if judged else 0.0,
            "misfiled": bool(misfiled),
        }
        for row, judged, misfiled in zip(
            left_out.probabilities, left_out.judged, learned.misfiled, strict=True
        )
    ]
    return {
        "type": "taught",
        "file": file,
        "genres": _genres_taught(learned.own, learned.reports),
        "examples": examples,
    }


def tell_own(embeddings: JsSamples, request: str) -> Told | Refused:
    """Answer for songs of embeddings (n_songs * size,) in own genres.

    Parameters
    ----------
    request : JSON text: {"model": the content of embedding.json, "file": text of the file}.
    """
    from .own_genres import ModelGenres, TeachingError, answer
    from .own_genres_file import OwnGenresFileError

    asked = json.loads(request)
    try:
        model = ModelGenres.from_json(asked["model"])
        answers = answer(_read_own(asked["file"], model), model, _samples(embeddings))
    except (TeachingError, OwnGenresFileError) as error:
        return _refused(error)
    return {
        "type": "told",
        "genres": list(answers.genres),
        "probabilities": answers.probabilities.astype(np.float32).ravel(),
        "unsure": answers.unsure.tolist(),
    }


def load_own(text: str) -> Loaded | Refused:
    """Check the text of a file of own genres."""
    from .own_genres_file import OwnGenresFileError, read_own_genres

    try:
        file = read_own_genres(text)
    except OwnGenresFileError as error:
        return _refused(error)
    return {
        "type": "loaded",
        "version": file.version,
        "modelSha256": file.model_sha256,
        "mode": file.own.mode,
        "genres": _genres_taught(file.own),
        "songs": list(file.songs or ()),
    }


def lay_out(embeddings: JsSamples, model: str) -> LaidOut | Refused:
    """Lay out songs of embeddings (n_songs * size,); model: the text of embedding.json."""
    from .own_genres import ModelGenres, TeachingError, principal_axes

    known = ModelGenres.from_json(json.loads(model))
    try:
        places, points, shares = principal_axes(known.place(_samples(embeddings)), known.prior())
    except TeachingError as error:
        return _refused(error)
    return {
        "type": "laidOut",
        "points": points.astype(np.float32).ravel(),
        "places": places.astype(np.float32).ravel(),
        "size": known.size,
        "shares": shares.tolist(),
    }


def _read_own(text: str, model: ModelGenres) -> OwnGenres:
    from .own_genres_file import OwnGenresFileError, read_own_genres

    own = read_own_genres(text).own
    if len(own.covariance) != model.size:
        raise OwnGenresFileError("damaged", "size")
    return own


def _genres_taught(
    own: OwnGenres, reports: Sequence[GenreReport] | None = None
) -> list[GenreTaught]:
    told: list[GenreTaught] = []
    for number, genre in enumerate(own.genres):
        report = reports[number] if reports else None
        share = genre.recognised
        told.append(
            {
                "name": genre.name,
                "songs": genre.songs,
                "recognised": (share.value, share.low, share.high) if share else None,
                "few": report.few if report else share is None,
                "takenFor": report.taken_for if report else None,
                "takenShare": report.taken_share if report else 0.0,
                "overlaps": report.overlaps if report else None,
            }
        )
    return told


def _samples(samples: JsSamples) -> Float32Array:
    return np.asarray(samples.to_memoryview(), dtype=np.float32)


def _spec(text: str) -> FeatureSpec:
    return FeatureSpec.from_json(json.loads(text))


def _numbers(request: FeatureRequest) -> Numbers:
    return {
        "body": request.body,
        "nSegments": request.n_segments,
        "repeated": request.repeated,
        "skipped": request.skipped,
        "narrow": request.narrow,
    }


def _refused(
    error: AudioError | InversionError | TeachingError | OwnGenresFileError,
) -> Refused:
    return {"type": "refused", "code": error.code, "message": str(error)}
