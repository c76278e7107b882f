"""Tempo in beats per minute: the strongest periodicity of the onsets.

Arrays have time first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .mel import Float32Array

# Window of the onsets' autocorrelation.
WINDOW_S = 8.0
# Prior of the tempo: 120 beats per minute are the most likely; an octave away is one deviation.
START_BPM, DEVIATION_OCTAVES = 120.0, 1.0
MAX_BPM = 320.0
# Frames of the tempogram per block.
BLOCK_FRAMES = 128


def onset_strength(log_mel: Float32Array, *, n_fft: int, hop_length: int) -> Float32Array:
    """Rise in loudness from each frame to the next: (n_frames,), in dB.

    The median over the bands of log-mel (n_frames, n_mels) in dB; a band that gets quieter counts
    as zero. Equal to `librosa.onset.onset_strength(S=log_mel.T, aggregate=np.median)`, the input
    of `librosa.beat.beat_track`.
    """
    onsets = np.zeros(len(log_mel), dtype=np.float32)
    rise = np.median(np.maximum(log_mel[1:] - log_mel[:-1], 0), axis=1)
    # An onset shows in the first frame that reaches it, half a frame before its centre.
    delay = 1 + n_fft // (2 * hop_length)
    onsets[delay:] = rise[: max(len(onsets) - delay, 0)]
    return onsets


def autocorrelation(onsets: npt.ArrayLike, window_length: int) -> npt.NDArray[np.float64]:
    """Mean over all frames of the normalised autocorrelation of windowed onsets: (window_length,).

    One window is centred on each frame, and its autocorrelation is 1 at lag zero. The mean of
    `librosa.feature.tempogram(onset_envelope=onsets, win_length=window_length)` over time, to
    1e-8.
    """
    onsets = np.asarray(onsets, dtype=np.float64)
    padded = np.pad(onsets, window_length // 2, mode="linear_ramp")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_length) / window_length)
    # Twice the window, as a shorter circular correlation would wrap.
    n_fft = 1 << (2 * window_length - 1).bit_length()
    step = padded.strides[0]
    n_frames = min(len(onsets), len(padded) - window_length + 1)
    frames = np.lib.stride_tricks.as_strided(
        padded, (n_frames, window_length), (step, step), writeable=False
    )
    spectrum = np.zeros(n_fft // 2 + 1)
    for first in range(0, n_frames, BLOCK_FRAMES):
        block = frames[first : first + BLOCK_FRAMES] * window
        energy = np.square(block).sum(axis=1)
        # The energy is the autocorrelation at lag zero. Its root normalises the frame, so one
        # inverse transform of the sum gives the mean of all frames.
        energy[energy < np.finfo(np.float64).tiny] = 1.0
        block /= np.sqrt(energy)[:, None]
        transform = np.fft.rfft(block, n_fft, axis=1)
        spectrum += (transform.real**2 + transform.imag**2).sum(axis=0)
    return np.fft.irfft(spectrum / n_frames)[:window_length]


def tempo(onsets: Float32Array, *, sample_rate: int, hop_length: int) -> float:
    """Tempo in beats per minute of an onset strength (n_frames,); 0 without any onset.

    A period is a whole number k of frames, so the tempo is 60 * sample_rate / (hop_length * k). The
    steps are wider at faster tempos: at 22,050 Hz and hop 512, 117.5, 123.0, 129.2, ...

    Equal to the tempo of `librosa.beat.beat_track(onset_envelope=onsets)`, and to
    `librosa.feature.tempo` if there is an onset. Two periods that are almost equally strong may
    swap by rounding.
    """
    window_length = int(WINDOW_S * sample_rate) // hop_length
    if window_length < 2 or not onsets.any():
        return 0.0
    strength = autocorrelation(onsets, window_length)[1:]
    bpm = 60.0 * sample_rate / (hop_length * np.arange(1, window_length))
    prior = -0.5 * ((np.log2(bpm) - np.log2(START_BPM)) / DEVIATION_OCTAVES) ** 2
    # Rounding may leave a strength slightly below zero.
    score = np.log1p(1e6 * np.maximum(strength, 0.0)) + prior
    slow_enough = bpm < MAX_BPM
    if slow_enough.any():
        score[~slow_enough] = -np.inf
    return float(bpm[np.argmax(score)])
