"""Requests as the page sends them, and a client that sends them on one connection."""

from __future__ import annotations

import functools
import http.client
import json
import time
from collections.abc import Callable

import msgspec

from features import build_request
from tests.browser import sounds
from tests.browser.site import HOST
from webapp.inference import Card, Registry

from .setting import ROOT, SONG_S


@functools.cache
def card_of(version: str) -> Card:
    """The card of a version of this repository."""
    return Registry.load(ROOT / "trained_models").cards[version]


@functools.cache
def body_of(version: str) -> bytes:
    """The request that the page sends for a song of three minutes."""
    spec = card_of(version).spec
    return build_request(sounds.band(SONG_S, spec.sample_rate), spec).body.encode()


def body_with(version: str, n_segments: int) -> bytes:
    """The same request with `n` segments: those of the song, repeated."""
    request = json.loads(body_of(version))
    known = request["segments"]
    request["segments"] = [known[number % len(known)] for number in range(n_segments)]
    return msgspec.json.encode(request)


class Client:
    """One kept connection to a site."""

    def __init__(self, port: int, version: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port)
        self._path = f"/api/v1/models/{version}/predictions"

    def ask(self, body: bytes) -> bytes:
        """Send one request and return its answer.

        Raises
        ------
        RuntimeError : with the answer, for any status but 200.
        """
        self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(answer.decode())
        return answer

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def timed(action: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each of some calls, after one that is not counted."""
    found = []
    for _ in range(times + 1):
        started = time.perf_counter()
        action()
        found.append((time.perf_counter() - started) * 1e3)
    return found[1:]
