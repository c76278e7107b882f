"""The browser's numbers are those of CPython, and so are its answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features import FeatureSpec, extract_segments
from webapp.inference import Predictors, Registry

from .chain import TOLERANCE, check_chain, values
from .sounds import band, write
from .visit import Visit


@pytest.fixture(scope="module")
def predictor(root: Path):
    return Predictors(Registry.load(root / "trained_models"), engine="litert").get("v1")


def test_same_raw_mfcc_as_cpython(here: Visit):
    spec = FeatureSpec(standardise=False, decimals=6)
    rate = spec.sample_rate
    clicks = np.zeros(20 * rate, np.float32)
    clicks[:: rate // 3] = 1
    noise = np.random.default_rng(1).normal(scale=0.25, size=20 * rate).astype(np.float32)
    sounds = [band(100, rate), clicks, noise]
    for samples, (request, _) in zip(sounds, here.extracted(sounds, spec), strict=True):
        browser = values(request)
        cpython = np.array([segment.values for segment in extract_segments(samples, spec)])
        assert browser.shape == cpython.shape
        assert np.abs(browser - cpython).max() < TOLERANCE


def test_same_answer_as_cpython(here: Visit, predictor, shared_songs: list[Path], tmp_path: Path):
    files = [
        write(tmp_path / "a.mp3", 100, 44100, channels=2),
        write(tmp_path / "b.wav", 3, 22050, subtype="FLOAT"),
        *shared_songs[2:4],
    ]
    for file in files:
        here.start_over()
        check_chain(here, predictor, file)


def test_decoding_is_exact_and_stereo_is_averaged(here: Visit, tmp_path: Path):
    import soundfile

    left, right = band(2, 22050, seed=1), band(2, 22050, seed=2)
    file = tmp_path / "stereo.wav"
    soundfile.write(file, np.stack([left, right], axis=1), 22050, subtype="FLOAT")
    decoded = here.decoded(file)
    assert np.abs(decoded - (left + right) / 2).max() < 1e-6
