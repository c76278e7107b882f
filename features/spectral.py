"""Descriptors of single frames: loudness, zero crossings, and the shape of the spectrum.

Arrays have time first. Frames are those of `features.mel.power_blocks`: n_fft samples, centred,
one every hop_length samples. Each function equals the one of the same name in librosa 0.11 at its
defaults, up to rounding; the tolerances stand with each.
"""

from __future__ import annotations

import numpy as np

from .mel import Float32Array, count_frames, power_blocks

# Share of a frame's magnitude that lies below the roll-off frequency.
ROLL_PERCENT = 0.85
# Samples at most this far from zero count as zero, and zero as positive.
ZERO = 1e-10
# Telephones and old 8,000 Hz files end at 4 kHz. Filters are not steep, so what counts lies above
# 5 kHz. In Chromium's resampler, -89 dB of such a file come there, and up to -73 dB where it was
# converted since; the dullest music at hand has -63 dB.
NARROW_HZ = 5000.0
NARROW_DB = -70.0


def fft_frequencies(n_bins: int, sample_rate: int, n_fft: int) -> Float32Array:
    """Centre frequencies in Hz of the first n_bins bins of a Fourier transform: (n_bins,)."""
    return (np.arange(n_bins) * (sample_rate / n_fft)).astype(np.float32)


def is_narrow(samples: Float32Array, sample_rate: int, n_fft: int = 2048) -> bool:
    """Whether a sound (n,) ends at 4 kHz: nothing but traces of its power lies above 5 kHz.

    Looks at every fourth stretch of n_fft samples. False for a sound that is shorter than one.
    """
    hop_length = 4 * n_fft
    # Padded at its ends, the sound would begin and end with a crack.
    n_inner = max(0, count_frames(len(samples) - n_fft // 2, hop_length) - 1)
    high = fft_frequencies(n_fft // 2 + 1, sample_rate, n_fft) >= NARROW_HZ
    spectrum = np.zeros(n_fft // 2 + 1)
    first = 1
    for power in power_blocks(samples, n_fft, hop_length):
        inner = power[first : first + n_inner]
        spectrum += inner.sum(axis=0, dtype=np.float64)
        n_inner -= len(inner)
        first = 0
    return bool(spectrum[high].sum() < spectrum.sum() * 10 ** (NARROW_DB / 10))


def rms(samples: Float32Array, *, n_fft: int = 2048, hop_length: int = 512) -> Float32Array:
    """Root of the mean square of each frame: (n_frames,), in the unit of `samples` (n,).

    Equal to `librosa.feature.rms(y=...)` to 1e-6 of each value; both pad with zeros.
    """
    padded = np.pad(np.asarray(samples, dtype=np.float32), n_fft)[n_fft - n_fft // 2 :]
    step = padded.strides[0]
    frames = np.lib.stride_tricks.as_strided(
        padded,
        (count_frames(len(samples), hop_length), n_fft),
        (step * hop_length, step),
        writeable=False,
    )
    return np.sqrt(np.einsum("ij,ij->i", frames, frames) / np.float32(n_fft))


def zero_crossing_rate(
    samples: Float32Array, *, n_fft: int = 2048, hop_length: int = 512
) -> Float32Array:
    """Changes of sign between neighbouring samples of each frame, divided by n_fft: (n_frames,).

    Equal to `librosa.feature.zero_crossing_rate(...)`, digit by digit: values within 1e-10 of zero
    are positive, the ends of the sound are continued by their last sample.
    """
    negative = np.asarray(samples) < -ZERO
    # Frames overlap, so one running count serves all: running[i] counts the crossings between the
    # first i samples.
    running = np.zeros(len(negative) + 1, dtype=np.int64)
    np.cumsum(negative[1:] != negative[:-1], out=running[2:])
    begin = np.arange(count_frames(len(negative), hop_length)) * hop_length - n_fft // 2
    # The first sample of a frame has no sample before it, so no crossing.
    first, stop = (np.clip(begin + part, 0, len(negative)) for part in (1, n_fft))
    return ((running[stop] - running[first]) / n_fft).astype(np.float32)


def spectral_centroid(magnitude: Float32Array, *, sample_rate: int, n_fft: int) -> Float32Array:
    """Mean frequency in Hz of each frame, weighted by magnitude (n_frames, n_bins): (n_frames,).

    A silent frame has 0. Equal to `librosa.feature.spectral_centroid` to 0.01 Hz.
    """
    frequencies = fft_frequencies(magnitude.shape[1], sample_rate, n_fft)
    return (magnitude * frequencies).sum(axis=1) / _total(magnitude)


def spectral_bandwidth(
    magnitude: Float32Array, *, sample_rate: int, n_fft: int, centroid: Float32Array | None = None
) -> Float32Array:
    """Deviation in Hz around the centroid, weighted by magnitude (n_frames, n_bins): (n_frames,).

    Equal to `librosa.feature.spectral_bandwidth` to 0.02 Hz; to 3 Hz where a frame holds nothing
    but a pure tone or an offset, beside which there is only rounding noise.
    """
    if centroid is None:
        centroid = spectral_centroid(magnitude, sample_rate=sample_rate, n_fft=n_fft)
    # Summed around the centroid: a difference of two moments would cancel in float32.
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
