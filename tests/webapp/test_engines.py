"""Both engines answer the same."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.webapp.conftest import request_of
from tests.webapp.running import server
from webapp.inference import Registry
from webapp.inference.engines import batch_size

pytestmark = pytest.mark.full


def numbers(answer: dict[str, Any]) -> np.ndarray[Any, Any]:
    rows = [segment["probabilities"] for segment in answer["segments"]]
    return np.array([*rows, answer["aggregate"]["probabilities"]])


def test_the_engines_agree(registry: Registry) -> None:
    answers: dict[str, list[dict[str, Any]]] = {}
    for engine in ("litert", "keras"):
        with server("--engine", engine) as site:
            site.wait_ready()
            assert f"({engine})" in site.output
            answers[engine] = [
                json.loads(
                    site.ask(
                        "POST", f"/api/v1/models/{version}/predictions", request_of(card.spec, n)
                    )[2]
                )
                for version, card in registry.cards.items()
                for n in (1, 17, batch_size(card.spec.shape) + 1)
            ]
            site.interrupt()
            assert site.end(20) == 0
    for ours, theirs in zip(answers["litert"], answers["keras"], strict=True):
        assert np.abs(numbers(ours) - numbers(theirs)).max() <= 1e-4
        assert ours["version"] == theirs["version"]
        # a score is a distance, on a scale of its own
        found, expected = (answer["aggregate"]["unfamiliar"] for answer in (ours, theirs))
        assert found == (expected and pytest.approx(expected, rel=1e-3, abs=1e-3))
        assert ours["aggregate"]["votes"].keys() == theirs["aggregate"]["votes"].keys()
