"""The analysis as the page in the browser calls it.

`static/js/analysis/analysis_worker.js` imports this module in Pyodide and turns each answer into a
message to the page, so keys are written as in JavaScript; `static/js/analysis/python.d.ts` gives
their types to the scripts. A feature spec comes as its JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Protocol, TypedDict

import numpy as np

from .mel import Float32Array
from .segments import (
    AudioError,
    FeatureRequest,
    Progress,
    build_request,
    excerpt_bounds,
    segment_times,
)
from .spec import FeatureSpec
from .stream import SegmentStream

if TYPE_CHECKING:
    from .inversion import InversionError


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


class Extracted(Numbers):
    """The request of a whole song; pieces: start and end in seconds, those of silent ones too."""

    type: Literal["extracted"]
    pieces: list[tuple[float, float]]


class Fed(TypedDict):
    """Requests of a long song that are ready, and the pieces that have come since the last time."""

    type: Literal["extracted"]
    requests: list[Numbers]
    pieces: list[tuple[float, float]]


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
    return {"type": "extracted", "requests": requests, "pieces": pieces}


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
    }


def _refused(error: AudioError | InversionError) -> Refused:
    return {"type": "refused", "code": error.code, "message": str(error)}
