"""Descriptors of one frame each: loudness, zero crossings, and the shape of its spectrum.

Arrays have time first. Frames are those of `features.mel.power_blocks`: n_fft samples, centred,
one every hop_length samples. Each function equals the one of the same name in librosa 0.11 at its
defaults, up to rounding; the tolerances stand with each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .mel import Float32Array, count_frames

# Share of a frame's magnitude that lies below the roll-off frequency.
ROLL_PERCENT = 0.85
# Samples at most this far from zero count as zero (and zero as positive).
ZERO = 1e-10


def fft_frequencies(n_bins: int, sample_rate: int, n_fft: int) -> Float32Array:
    """Centre frequencies in Hz of the first n_bins bins of a Fourier transform: (n_bins,)."""
    return (np.arange(n_bins) * (sample_rate / n_fft)).astype(np.float32)


def _frame_sums(
    running: npt.NDArray[np.float64], n_samples: int, n_fft: int, hop_length: int, skip: int
) -> npt.NDArray[np.float64]:
    """Sums over each centred frame less its first `skip` samples; running[i] is that of i samples.

    Nothing is added outside of the sound.
    """
    begin = np.arange(count_frames(n_samples, hop_length)) * hop_length - n_fft // 2
    first = np.clip(begin + skip, 0, n_samples)
    return running[np.clip(begin + n_fft, 0, n_samples)] - running[first]


def rms(samples: Float32Array, *, n_fft: int = 2048, hop_length: int = 512) -> Float32Array:
    """Root of the mean square of each frame: (n_frames,), in the unit of `samples` (n,).

    Equal to `librosa.feature.rms(y=...)` to 1e-6 of the sound's peak (zero padding).
    """
    # One running sum in float64 for all frames: overlapping ones share most of their samples.
    running = np.zeros(len(samples) + 1)
    np.cumsum(np.square(samples, dtype=np.float64), out=running[1:])
    power = _frame_sums(running, len(samples), n_fft, hop_length, 0) / n_fft
    return np.sqrt(power).astype(np.float32)


def zero_crossing_rate(
    samples: Float32Array, *, n_fft: int = 2048, hop_length: int = 512
) -> Float32Array:
    """Changes of sign between neighbouring samples of each frame, divided by n_fft: (n_frames,).

    Equal to `librosa.feature.zero_crossing_rate(...)`, digit by digit: values within 1e-10 of zero
    are positive, the ends of the sound are continued by their last sample.
    """
    negative = samples < -ZERO
    running = np.zeros(len(samples) + 1)
    np.cumsum(negative[1:] != negative[:-1], out=running[2:])
    crossings = _frame_sums(running, len(samples), n_fft, hop_length, 1)
    return (crossings / n_fft).astype(np.float32)


def spectral_centroid(magnitude: Float32Array, *, sample_rate: int, n_fft: int) -> Float32Array:
    """Mean frequency in Hz of each frame, weighted by magnitude (n_frames, n_bins): (n_frames,).

    A silent frame has 0. Equal to `librosa.feature.spectral_centroid` to 1 Hz where a frame holds
    nothing but a pure tone (the rest is rounding noise in float32), else to 0.05 Hz.
    """
    frequencies = fft_frequencies(magnitude.shape[1], sample_rate, n_fft)
    return (magnitude * frequencies).sum(axis=1) / _total(magnitude)


def spectral_bandwidth(
    magnitude: Float32Array, *, sample_rate: int, n_fft: int, centroid: Float32Array | None = None
) -> Float32Array:
    """Deviation in Hz around the centroid, weighted by magnitude (n_frames, n_bins): (n_frames,).

    Equal to `librosa.feature.spectral_bandwidth` with the tolerance of `spectral_centroid`.
    """
    if centroid is None:
        centroid = spectral_centroid(magnitude, sample_rate=sample_rate, n_fft=n_fft)
    # Around the centroid itself: a difference of two moments would cancel in float32.
    deviation = fft_frequencies(magnitude.shape[1], sample_rate, n_fft) - centroid[:, None]
    deviation *= deviation
    deviation *= magnitude
    return np.sqrt(deviation.sum(axis=1) / _total(magnitude))


def rolloff(
    magnitude: Float32Array, *, sample_rate: int, n_fft: int, roll_percent: float = ROLL_PERCENT
) -> Float32Array:
    """Frequency in Hz of the first bin at which roll_percent of the magnitude is reached.

    Of magnitude (n_frames, n_bins): (n_frames,); 0 for a silent frame. Equal to
    `librosa.feature.spectral_rolloff`, but for single frames that are one bin off by rounding.
    """
    running = np.cumsum(magnitude, axis=1)
    below = running < np.float32(roll_percent) * running[:, -1:]
    bins = np.count_nonzero(below, axis=1)
    return fft_frequencies(magnitude.shape[1], sample_rate, n_fft)[bins]


def _total(magnitude: Float32Array) -> Float32Array:
    total = magnitude.sum(axis=1)
    total[total < np.finfo(np.float32).tiny] = 1.0
    return total
