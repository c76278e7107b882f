"""Run the whole chain twice, through the page and the server and in CPython alone; compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from features import build_request
from webapp.inference import Predictor

from .visit import Visit

# Largest difference of features between CPython and the browser's Python, before rounding (raw MFCC
# span hundreds of dB).
TOLERANCE = 5e-3
# Largest difference of probabilities for equal features: an answer has six digits.
SAME_NUMBERS = 2e-6
# Largest difference of probabilities for features of which some are rounded to another last digit.
TOLERANCE_PROBABILITY = 1e-4
# Largest difference of the unfamiliarity score in both cases, absolute or relative to the score,
# which may be near 0.
TOLERANCE_SCORE = 1e-3


def values(request: dict[str, Any]) -> npt.NDArray[np.float32]:
    """Return the features of a request: (n_segments, *spec.shape)."""
    (kind,) = request["segments"][0]["features"]
    return np.array([segment["features"][kind] for segment in request["segments"]], np.float32)


def times(segments: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return start and end of each segment of a request or an answer."""
    return [(segment["start"], segment["end"]) for segment in segments]


def probabilities(answer: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Return a row of probabilities for every segment, then one for the song."""
    rows = [segment["probabilities"] for segment in answer["segments"]]
    return np.array([*rows, answer["aggregate"]["probabilities"]])


def check_chain(visitor: Visit, predictor: Predictor, file: Path) -> dict[str, Any]:
    """Analyse a song on an empty page, compare all with CPython, and return the answer."""
    spec = predictor.card.spec
    visitor.finish([file])
    (answer,) = visitor.answers
    sent = visitor.sent(file.name)
    request = build_request(visitor.decoded(file, spec.sample_rate), spec)
    ours = json.loads(request.body)

    assert sent["feature_spec"] == spec.id
    assert times(sent["segments"]) == times(ours["segments"]) == times(answer["segments"])
    np.testing.assert_allclose(
        values(sent), values(ours), rtol=0, atol=TOLERANCE + 10.0**-spec.decimals
    )
    for numbers, tolerance in ((sent, SAME_NUMBERS), (ours, TOLERANCE_PROBABILITY)):
        expected = predictor.predict(values(numbers))
        rows = np.concatenate([expected.probabilities, expected.aggregate[None]])
        np.testing.assert_allclose(probabilities(answer), rows, rtol=0, atol=tolerance)
        found = answer["aggregate"]["unfamiliar"]
        if predictor.card.unfamiliar_threshold is None:
            assert found is None
        else:
            assert found == pytest.approx(
                expected.unfamiliar, rel=TOLERANCE_SCORE, abs=TOLERANCE_SCORE
            )
    assert answer["version"] == predictor.card.version
    assert answer["aggregate"]["votes"] == predictor.predict(values(sent)).votes
    assert visitor.song(file.name).get_attribute("data-genre") == answer["aggregate"]["genre"]
    return answer
