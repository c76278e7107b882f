"""One request of three minutes, against bare LiteRT on the same batch."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from features import build_request
from tests.browser import sounds
from tests.browser.chain import values
from tests.browser.site import HOST
from webapp.inference import Registry
from webapp.inference.engines import LiteRTEngine

from .setting import ROOT, SONG_S, median_row, row, running_site

# One request is short: many of them make one steady median.
REPEAT = 8


def timed(action: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each call, the first one (warm-up) left out."""
    times = []
    for _ in range(rounds * REPEAT + 1):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) * 1e3)
    return times[1:]


def measure(rounds: int) -> list[dict[str, Any]]:
    """Rows of this part."""
    card = Registry.load(ROOT / "trained_models").cards["v1"]
    request = build_request(sounds.band(SONG_S, card.spec.sample_rate), card.spec)
    batch = values(json.loads(request.body))
    body = request.body.encode()
    with running_site() as site:
        connection = http.client.HTTPConnection(HOST, site.port)
        headers = {"Content-Type": "application/json"}

        def ask() -> None:
            connection.request("POST", "/api/v1/models/v1/predictions", body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(answer.decode())

        asked = timed(ask, rounds)
        connection.close()
    engine = LiteRTEngine(card)
    bare = timed(lambda: engine.run(batch), rounds)
    return [
        median_row(f"request with {len(batch)} segments", asked, "ms", 2),
        median_row("bare LiteRT, the same batch", bare, "ms", 2),
        row("request / bare LiteRT", float(np.median(asked) / np.median(bare)), "x", 2),
    ]
