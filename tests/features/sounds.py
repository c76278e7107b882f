"""Sounds on which the descriptors are compared with librosa's: musical ones and edge cases."""

from __future__ import annotations

import warnings
from typing import Any

import librosa
import numpy as np

from features.mel import Float32Array
from tests.browser.sounds import band

SAMPLE_RATE = 22050


def noise(seconds: float, seed: int = 0, sample_rate: int = SAMPLE_RATE) -> Float32Array:
    """White noise with a standard deviation of 0.1."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * sample_rate))
    return (0.1 * samples).astype(np.float32)


def metronome(bpm: float, seconds: float = 12.0) -> Float32Array:
    """Short bursts of noise, one per beat."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    since = time % (60 / bpm)
    noise = np.random.default_rng(3).standard_normal(len(time))
    return (0.3 * noise * np.exp(-60 * since)).astype(np.float32)


def chord(semitones: float, seconds: float = 3.0) -> Float32Array:
    """An A major chord with harmonics, out of tune by `semitones`."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    notes = 220.0 * 2 ** ((np.array([0, 4, 7, 12]) + semitones) / 12)
    waves = [np.sin(2 * np.pi * note * n * time) / n for note in notes for n in range(1, 6)]
    return (0.1 * np.sum(waves, axis=0)).astype(np.float32)


def _sounds() -> dict[str, Float32Array]:
    random = np.random.default_rng(11)
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    noise = random.standard_normal(len(time))
    sounds = {
        "band": band(12, SAMPLE_RATE),
        "another band": band(8, SAMPLE_RATE, seed=5),
        "tone": np.sin(2 * np.pi * 440 * time),
        "chord out of tune": chord(0.31),
        "chirp": np.sin(2 * np.pi * (50 * time + 1000 * time**2)),
        "metronome": metronome(100),
        "noise": 0.1 * noise,
        "quiet noise": 1e-4 * noise,
        "clipped": np.clip(3 * noise, -1, 1),
        "over full scale": 20 * band(3, SAMPLE_RATE),
        "square": np.sign(np.sin(2 * np.pi * 100 * time)),
        "offset": np.full(SAMPLE_RATE, 0.5),
        "silence": np.zeros(2 * SAMPLE_RATE),
        "silence inside": np.concatenate([0.1 * noise, np.zeros(SAMPLE_RATE), 0.02 * noise]),
        "short": 0.1 * noise[:1500],
        "odd length": 0.1 * noise[:30_011],
        "one sample": np.array([0.3]),
    }
    return {name: np.asarray(sound, dtype=np.float32) for name, sound in sounds.items()}


SOUNDS = _sounds()


def click() -> Float32Array:
    """One sample in silence: its spectrum is flat, so nothing in it has a tuning."""
    sound = np.zeros(SAMPLE_RATE, dtype=np.float32)
    sound[9000] = 1.0
    return sound


def oracle(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call a function of librosa; its warnings of short or pitchless sounds are expected."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_fft=.* is too large for input signal")
        warnings.filterwarnings("ignore", "Trying to estimate tuning from empty frequency set")
        return function(*arguments, **options)


def power_spectra(samples: Float32Array, n_fft: int, hop_length: int) -> Float32Array:
    """librosa's power spectra, frequency first."""
    return np.abs(oracle(librosa.stft, samples, n_fft=n_fft, hop_length=hop_length)) ** 2
