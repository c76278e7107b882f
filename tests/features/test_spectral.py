"""Loudness, zero crossings and the shape of the spectrum against librosa, frame by frame."""

from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.mel import count_frames, power_blocks
from features.spectral import (
    rms,
    rolloff,
    spectral_bandwidth,
    spectral_centroid,
    zero_crossing_rate,
)

from .sounds import SAMPLE_RATE, SOUNDS, click, power_spectra

GRIDS = [(2048, 512), (2048, 1711), (1024, 256), (1000, 317)]
# Outside a pure tone the spectrum is rounding noise, of float32 here and of float64 in librosa.
# Over a thousand bins it changes the bandwidth.
PURE = {"tone", "chirp", "offset"}


def magnitudes(samples, n_fft, hop_length):
    return np.sqrt(np.concatenate(list(power_blocks(samples, n_fft, hop_length))))


@pytest.mark.parametrize(("n_fft", "hop_length"), GRIDS)
@pytest.mark.parametrize("name", SOUNDS)
def test_loudness_and_crossings_equal_librosa(name, n_fft, hop_length):
    samples = SOUNDS[name]
    options = {"n_fft": n_fft, "hop_length": hop_length}
    frames = {"frame_length": n_fft, "hop_length": hop_length}
    got = rms(samples, **options)
    assert got.dtype == np.float32
    wanted = librosa.feature.rms(y=samples, **frames)[0]
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-12)
    crossings = zero_crossing_rate(samples, **options)
    assert crossings.dtype == np.float32
    expected = librosa.feature.zero_crossing_rate(samples, **frames)[0].astype(np.float32)
    np.testing.assert_array_equal(crossings, expected)


@settings(deadline=None, max_examples=80)
@given(
    values=st.lists(
        st.sampled_from([0.0, -0.0, 1e-11, -1e-11, 2e-10, -2e-10, 0.5, -0.5]),
        min_size=1,
        max_size=90,
    ),
    n_fft=st.sampled_from([2, 8, 10, 64]),
    hop_length=st.integers(1, 40),
)
def test_crossings_of_zeros_and_nearly_zeros(values, n_fft, hop_length):
    samples = np.array(values, dtype=np.float32)
    wanted = librosa.feature.zero_crossing_rate(samples, frame_length=n_fft, hop_length=hop_length)[
        0
    ]
    got = zero_crossing_rate(samples, n_fft=n_fft, hop_length=hop_length)
    np.testing.assert_array_equal(got, wanted.astype(np.float32))


@pytest.mark.parametrize(("n_fft", "hop_length"), GRIDS)
@pytest.mark.parametrize("name", SOUNDS)
def test_shape_of_the_spectrum_equals_librosa(name, n_fft, hop_length):
    samples = SOUNDS[name]
    magnitude = magnitudes(samples, n_fft, hop_length)
    options: dict[str, Any] = {"sample_rate": SAMPLE_RATE, "n_fft": n_fft}
    centroid = spectral_centroid(magnitude, **options)
    bandwidth = spectral_bandwidth(magnitude, **options)
    edge = rolloff(magnitude, **options)
    for values in (centroid, bandwidth, edge):
        assert values.dtype == np.float32
        assert values.shape == (count_frames(len(samples), hop_length),)

    theirs = {"S": np.sqrt(power_spectra(samples, n_fft, hop_length)), "sr": SAMPLE_RATE}
    wanted = librosa.feature.spectral_centroid(**theirs)[0]
    np.testing.assert_allclose(centroid, wanted, rtol=0, atol=0.01)
    wanted = librosa.feature.spectral_bandwidth(**theirs)[0]
    np.testing.assert_allclose(bandwidth, wanted, rtol=0, atol=3.0 if name in PURE else 0.02)
    # A frame whose share of 85 % falls on the border of a bin may be one bin off.
    bins = (edge - librosa.feature.spectral_rolloff(**theirs)[0]) / (SAMPLE_RATE / n_fft)
    assert np.abs(bins).max() < 1.01
    assert np.mean(np.abs(bins) > 0.01) < 0.02


def test_rolloff_at_another_share():
    magnitude = magnitudes(SOUNDS["band"], 2048, 512)
    got = rolloff(magnitude, sample_rate=SAMPLE_RATE, n_fft=2048, roll_percent=0.5)
    wanted = librosa.feature.spectral_rolloff(S=magnitude.T, sr=SAMPLE_RATE, roll_percent=0.5)[0]
    np.testing.assert_allclose(got, wanted, atol=11)
    assert np.mean(got == wanted.astype(np.float32)) > 0.98


def test_a_tone_and_noise_have_their_known_values():
    tone = SOUNDS["tone"]
    inner = slice(4, -4)  # frames that hold nothing but the tone
    assert rms(tone)[inner] == pytest.approx(np.sqrt(0.5), abs=1e-2)
    assert zero_crossing_rate(tone)[inner] == pytest.approx(2 * 440 / SAMPLE_RATE, abs=1e-3)
    magnitude = magnitudes(tone, 2048, 512)[inner]
    options: dict[str, Any] = {"sample_rate": SAMPLE_RATE, "n_fft": 2048}
    assert spectral_centroid(magnitude, **options) == pytest.approx(440, abs=2)
    assert rolloff(magnitude, **options) == pytest.approx(440, abs=22)
    noise = magnitudes(SOUNDS["noise"], 2048, 512)
    assert spectral_centroid(noise, **options).mean() == pytest.approx(SAMPLE_RATE / 4, rel=0.03)
    assert rolloff(noise, **options).mean() == pytest.approx(0.85 * SAMPLE_RATE / 2, rel=0.03)


def test_silence_is_zero_and_a_click_is_finite():
    options: dict[str, Any] = {"sample_rate": SAMPLE_RATE, "n_fft": 2048}
    for samples in (SOUNDS["silence"], click()):
        magnitude = magnitudes(samples, 2048, 512)
        silent = magnitude.max(axis=1) == 0
        assert silent.any()
        for values in (
            spectral_centroid(magnitude, **options),
            spectral_bandwidth(magnitude, **options),
            rolloff(magnitude, **options),
        ):
            assert np.isfinite(values).all()
            assert (values[silent] == 0).all()
    assert (zero_crossing_rate(SOUNDS["silence"]) == 0).all()
    assert (rms(SOUNDS["silence"]) == 0).all()


def test_a_quiet_end_is_not_drowned_by_a_loud_start():
    samples = np.concatenate([SOUNDS["over full scale"], 1e-4 * SOUNDS["noise"]])
    wanted = librosa.feature.rms(y=samples)[0]
    np.testing.assert_allclose(rms(samples)[-100:], wanted[-100:], rtol=1e-4)
