"""The browser's numbers are those of CPython, and so are its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from features import FeatureSpec, build_request, extract_segments
from webapp.inference import Predictors, Registry

from .sounds import band, write
from .visit import Visit

# Raw dB MFCCs in CPython and in the browser's Python.
TOLERANCE_DB = 5e-3
# Probabilities in the answer are rounded; LiteRT's sums may differ in the last digits.
TOLERANCE_PROBABILITY = 1e-4


@pytest.fixture(scope="module")
def predictor(root: Path):
    return Predictors(Registry.load(root / "trained_models"), engine="litert").get("v1")


def values(request: dict[str, Any]) -> npt.NDArray[np.float32]:
    (kind,) = request["segments"][0]["features"]
    return np.array([segment["features"][kind] for segment in request["segments"]], np.float32)


def test_same_raw_mfcc_as_cpython(here: Visit):
    spec = FeatureSpec(standardise=False, decimals=6)
    rate = spec.sample_rate
    clicks = np.zeros(20 * rate, np.float32)
    clicks[:: rate // 3] = 1
    noise = np.random.default_rng(1).normal(scale=0.25, size=20 * rate).astype(np.float32)
    for samples in (band(100, rate), clicks, noise):
        there = values(here.extracted(samples, spec.to_json()))
        cpython = np.array([segment.values for segment in extract_segments(samples, spec)])
        assert there.shape == cpython.shape
        assert np.abs(there - cpython).max() < TOLERANCE_DB


def test_same_answer_as_cpython(here: Visit, predictor, shared_songs: list[Path], tmp_path: Path):
    files = [
        write(tmp_path / "a.mp3", 100, 44100, channels=2),
        write(tmp_path / "b.wav", 3, 22050, subtype="FLOAT"),
        *shared_songs[2:4],
    ]
    for file in files:
        here.start_over()
        here.finish([file])
        samples = here.decoded(file)
        expected = predictor.predict(
            values(json.loads(build_request(samples, predictor.card.spec).body))
        )
        (answer,) = here.answers
        assert here.song(file.name).get_attribute("data-genre") == expected.winner
        assert answer["aggregate"]["votes"] == expected.votes
        there = np.array([segment["probabilities"] for segment in answer["segments"]])
        assert np.abs(there - expected.probabilities).max() < TOLERANCE_PROBABILITY
        aggregate = np.array(answer["aggregate"]["probabilities"])
        assert np.abs(aggregate - expected.aggregate).max() < TOLERANCE_PROBABILITY


def test_decoding_is_exact_and_stereo_is_averaged(here: Visit, tmp_path: Path):
    import soundfile

    left, right = band(2, 22050, seed=1), band(2, 22050, seed=2)
    file = tmp_path / "stereo.wav"
    soundfile.write(file, np.stack([left, right], axis=1), 22050, subtype="FLOAT")
    there = here.decoded(file)
    assert np.abs(there - (left + right) / 2).max() < 1e-6
