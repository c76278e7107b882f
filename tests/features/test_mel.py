"""MFCC and its parts against librosa, the oracle."""

import tracemalloc
import warnings

import librosa
import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from features import FeatureSpec, dct_matrix, mel_spectrogram, mfcc, power_to_db
from features.mel import BLOCK_FRAMES, count_frames, hz_to_mel, mel_bank, mel_edges, mel_to_hz

TOLERANCE = 1e-2  # of MFCC that span tens to hundreds of dB


def signals(sample_rate: int = 22050) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    t = np.arange(2 * sample_rate) / sample_rate
    click = np.zeros(sample_rate)
    click[9000] = 1.0
    return {
        "noise": rng.standard_normal(len(t)) * 0.1,
        "quiet noise": rng.standard_normal(len(t)) * 1e-5,
        "tone": np.sin(2 * np.pi * 440 * t),
        "chirp": np.sin(2 * np.pi * (50 * t + 1500 * t**2)),
        "chord": np.sin(2 * np.pi * np.outer([220, 277.2, 329.6], t)).mean(axis=0),
        "click": click,
        "silence": np.zeros(sample_rate),
        "clipped": np.clip(rng.standard_normal(len(t)) * 3, -1, 1),
        "offset": np.full(sample_rate, 0.5),
        "one sample": np.array([0.3]),
        "short": rng.standard_normal(100),
    }


PARAMETERS = [
    {"sr": 22050, "n_fft": 2048, "hop_length": 512, "n_mels": 128, "fmax": None, "n_mfcc": 20},
    {"sr": 22050, "n_fft": 2048, "hop_length": 1711, "n_mels": 116,
     "fmax": 8012.168965763913, "n_mfcc": 64},
    {"sr": 22050, "n_fft": 2048, "hop_length": 512, "n_mels": 256, "fmax": 11025, "n_mfcc": 25},
    {"sr": 16000, "n_fft": 1024, "hop_length": 256, "n_mels": 40, "fmax": 7600, "n_mfcc": 13},
    {"sr": 44100, "n_fft": 512, "hop_length": 160, "n_mels": 128, "fmax": None, "n_mfcc": 40},
]  # fmt: skip


def librosa_mfcc(samples, sr, **parameters):
    with warnings.catch_warnings():
        # librosa warns of short signals and of bands without an FFT bin; both are meant here.
        warnings.simplefilter("ignore")
        return librosa.feature.mfcc(y=samples, sr=sr, **parameters).T


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
@pytest.mark.parametrize("name", signals())
def test_mfcc_equals_librosa(name, parameters):
    samples = signals(parameters["sr"])[name].astype(np.float32)
    wanted = librosa_mfcc(samples, **parameters)
    own = dict(parameters)
    got = mfcc(samples, sample_rate=own.pop("sr"), **own)
    assert got.dtype == np.float32
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < TOLERANCE


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_samples=st.integers(1, 30_000),
    sample_rate=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    n_fft=st.sampled_from([256, 512, 1000, 2048]),
    hop_length=st.integers(64, 2500),
    n_mels=st.integers(8, 160),
    fmin=st.floats(0, 300),
    fmax=st.floats(1000, 4000),
    level=st.floats(-80, 0),
)
def test_mfcc_equals_librosa_everywhere(
    seed, n_samples, sample_rate, n_fft, hop_length, n_mels, fmin, fmax, level
):
    rng = np.random.default_rng(seed)
    samples = (rng.standard_normal(n_samples) * 10 ** (level / 20)).astype(np.float32)
    common = {
        "n_fft": n_fft, "hop_length": hop_length, "n_mels": n_mels, "fmin": fmin, "fmax": fmax,
        "n_mfcc": 8,
    }  # fmt: skip
    got = mfcc(samples, sample_rate=sample_rate, **common)
    assert np.abs(got - librosa_mfcc(samples, sample_rate, **common)).max() < TOLERANCE


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_mel_filters_equal_librosa(parameters):
    sr, n_fft, n_mels = parameters["sr"], parameters["n_fft"], parameters["n_mels"]
    fmax = parameters["fmax"] or sr / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # empty bands are meant
        wanted = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, fmax=fmax)
    identity = np.eye(n_fft // 2 + 1, dtype=np.float32)
    got = mel_bank(sr, n_fft, n_mels, 0.0, fmax).apply(identity).T
    np.testing.assert_allclose(got, wanted, atol=1e-8, rtol=1e-5)


def test_recommended_bands_are_the_first_of_librosas_128():
    spec = FeatureSpec()
    edges = mel_edges(128, 0.0, 11025.0)
    np.testing.assert_allclose(
        mel_edges(spec.n_mels, spec.fmin, spec.fmax), edges[: spec.n_mels + 2], rtol=1e-12
    )


def test_mel_scale_equals_librosa_and_back():
    hz = np.linspace(0, 11025, 500)
    np.testing.assert_allclose(hz_to_mel(hz), librosa.hz_to_mel(hz), rtol=1e-12)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz)), hz, atol=1e-9)


@pytest.mark.parametrize("top_db", [80.0, 20.0, None])
def test_power_to_db_equals_librosa(top_db):
    power = np.random.default_rng(0).uniform(0, 1, (50, 20)).astype(np.float32) ** 8
    wanted = librosa.power_to_db(power, ref=float(power.max()), top_db=top_db)
    np.testing.assert_allclose(
        power_to_db(power, ref=float(power.max()), top_db=top_db), wanted, atol=1e-4
    )


def test_dct_is_orthonormal_and_scipys():
    identity = np.eye(40)
    np.testing.assert_allclose(
        identity @ dct_matrix(40, 13), scipy.fft.dct(identity, norm="ortho")[:, :13], atol=1e-6
    )
    full = dct_matrix(40, 40)
    np.testing.assert_allclose(full.T @ full, np.eye(40), atol=1e-5)


def test_frames_do_not_depend_on_the_block_they_are_in():
    samples = np.random.default_rng(1).standard_normal(22050 * 20).astype(np.float32)
    whole = mel_spectrogram(samples)
    assert len(whole) == count_frames(len(samples), 512) > 3 * BLOCK_FRAMES
    start = 200  # frames; this stretch has other block borders
    part = mel_spectrogram(samples[start * 512 - 1024 : (start + 150) * 512])
    np.testing.assert_allclose(part[4:140], whole[start + 2 : start + 138], rtol=1e-4)


@pytest.mark.full
def test_memory_stays_small_for_an_hour():
    samples = np.zeros(22050 * 3600, dtype=np.float32)
    samples[::1000] = 0.5
    tracemalloc.start()
    mfcc(samples, hop_length=1711, n_mels=116, n_mfcc=64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80_000_000  # of which 46,000 frames x (116 + 64) results
