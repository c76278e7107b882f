"""Chroma and its tuning against librosa."""

import librosa
import numpy as np
import pytest

from features.chroma import (
    Peaks,
    chroma_filters,
    chroma_stft,
    estimate_tuning,
    hz_to_octaves,
    spectral_peaks,
)

from .sounds import SAMPLE_RATE, SOUNDS, chord, click, oracle, power_spectra

GRIDS = [(2048, 512), (2048, 1711), (1024, 256), (1000, 317)]
TOLERANCE = 1e-5  # of chroma, which lie between 0 and 1


@pytest.mark.full
@pytest.mark.parametrize("tuning", [0.0, 0.25, -0.5, 0.49])
@pytest.mark.parametrize(
    ("sample_rate", "n_fft"), [(22050, 2048), (44100, 4096), (16000, 1024), (22050, 1000)]
)
def test_filters_equal_librosas(sample_rate, n_fft, tuning):
    wanted = librosa.filters.chroma(sr=sample_rate, n_fft=n_fft, tuning=tuning).T
    got = chroma_filters(sample_rate, n_fft, tuning)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)


def test_octaves_equal_librosas():
    hz = np.array([27.5, 100.0, 440.0, 5000.0])
    for tuning in (0.0, -0.3):
        np.testing.assert_allclose(
            hz_to_octaves(hz, tuning), librosa.hz_to_octs(hz, tuning=tuning), rtol=1e-12
        )


@pytest.mark.parametrize(("n_fft", "hop_length"), GRIDS)
@pytest.mark.parametrize("name", SOUNDS)
def test_peaks_equal_librosas(name, n_fft, hop_length):
    power = power_spectra(SOUNDS[name], n_fft, hop_length)
    pitches, powers = librosa.piptrack(S=power, sr=SAMPLE_RATE)
    frame, column = np.nonzero(pitches.T)
    peaks = spectral_peaks(np.ascontiguousarray(power.T), sample_rate=SAMPLE_RATE, n_fft=n_fft)
    np.testing.assert_allclose(peaks.frequency, pitches[column, frame], rtol=1e-6)
    np.testing.assert_allclose(peaks.power, powers[column, frame], rtol=1e-5)


@pytest.mark.parametrize(("n_fft", "hop_length"), GRIDS)
@pytest.mark.parametrize("name", SOUNDS)
def test_chroma_equals_librosa(name, n_fft, hop_length):
    options = {"n_fft": n_fft, "hop_length": hop_length}
    wanted = oracle(librosa.feature.chroma_stft, y=SOUNDS[name], sr=SAMPLE_RATE, **options).T
    got = chroma_stft(SOUNDS[name], sample_rate=SAMPLE_RATE, **options)
    assert got.dtype == np.float32
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE)


def test_a_click_differs_by_its_tuning_only():
    given = chroma_stft(click(), tuning=0.0)
    wanted = librosa.feature.chroma_stft(y=click(), tuning=0.0).T
    np.testing.assert_allclose(given, wanted, rtol=0, atol=TOLERANCE)
    # All peaks are rounding noise of a flat spectrum, so the two may find any tuning.
    assert np.abs(chroma_stft(click()).mean(axis=0) - wanted.mean(axis=0)).max() < 0.03


@pytest.mark.parametrize("semitones", [-0.45, -0.2, 0.0, 0.1, 0.31, 0.5])
def test_tuning_is_found(semitones):
    power = power_spectra(chord(semitones), 2048, 512)
    peaks = spectral_peaks(np.ascontiguousarray(power.T), sample_rate=SAMPLE_RATE, n_fft=2048)
    tuning = estimate_tuning(peaks)
    assert tuning == pytest.approx(librosa.estimate_tuning(S=power, sr=SAMPLE_RATE), abs=1e-9)
    # half a semitone sharp is half a semitone flat of the next
    away = (tuning - semitones + 0.5) % 1.0 - 0.5
    assert abs(away) < 0.1


def test_no_peaks_have_no_tuning():
    none = np.zeros(0, dtype=np.float32)
    assert estimate_tuning(Peaks(none, none)) == 0.0


def test_pitch_classes_begin_with_c():
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for number, note in enumerate(["C4", "C#5", "F3", "A4", "B5"]):
        tone = np.sin(2 * np.pi * librosa.note_to_hz(note) * time).astype(np.float32)
        mean = chroma_stft(tone).mean(axis=0)
        assert mean.argmax() == librosa.note_to_midi(note) % 12, (number, note)


def test_silence_is_zero():
    assert (chroma_stft(SOUNDS["silence"]) == 0).all()
