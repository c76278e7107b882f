"""Chroma: the share of each frame's energy on each of the twelve pitch classes.

Arrays have time first. The classes follow the tuning of the sound, which is the most frequent
deviation of its spectral peaks from the tempered scale of 440 Hz.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from .mel import Float32Array, power_blocks

N_CHROMA = 12
# Spectral peaks count for the tuning if they lie between these frequencies (Hz) and exceed this
# share of the frame's strongest bin.
PEAK_FMIN, PEAK_FMAX = 150.0, 4000.0
PEAK_THRESHOLD = 0.1
# Steps per semitone of the tuning.
TUNING_STEPS = 100
# A Gaussian over octaves lets the middle octaves count most: its centre, in octaves above 27.5 Hz
# (the fifth is 880 Hz), and its width.
CENTRE_OCTAVE, OCTAVE_WIDTH = 5.0, 2.0


@dataclasses.dataclass(frozen=True)
class Peaks:
    """Peaks of the spectra of many frames: frequency in Hz and power, float32 (n_peaks,) both."""

    frequency: Float32Array
    power: Float32Array

    @classmethod
    def join(cls, parts: Iterable[Peaks]) -> Peaks:
        """All peaks of one or more parts."""
        pairs = [(part.frequency, part.power) for part in parts]
        frequencies, powers = zip(*pairs, strict=True)
        return cls(np.concatenate(frequencies), np.concatenate(powers))


def hz_to_octaves(
    frequencies: npt.NDArray[np.floating], tuning: float = 0.0
) -> npt.NDArray[np.floating]:
    """Octaves above 27.5 Hz (A0), which tuning moves by semitones. Keeps the float type."""
    return np.log2(frequencies / (440.0 * 2.0 ** (tuning / N_CHROMA) / 16))


def spectral_peaks(power: Float32Array, *, sample_rate: int, n_fft: int) -> Peaks:
    """Local maxima of power spectra (n_frames, n_fft // 2 + 1), refined by a parabola.

    Equal to the peaks of `librosa.piptrack(S=power.T)`, up to rounding. Source of the parabola:
    J. O. Smith, Spectral Audio Signal Processing, 2011, "Quadratic interpolation of peaks".
    """
    frequencies = np.arange(power.shape[1]) * (sample_rate / n_fft)
    first, stop = np.searchsorted(frequencies, [PEAK_FMIN, min(PEAK_FMAX, sample_rate / 2)])
    # The bins at both ends lack a neighbour.
    first, stop = max(int(first), 1), min(int(stop), power.shape[1] - 1)
    strong = power[:, first:stop] > np.float32(PEAK_THRESHOLD) * power.max(axis=1, keepdims=True)
    # Few bins are strong, so the search looks at these alone.
    frame, column = np.nonzero(strong)
    column += first
    here = power[frame, column]
    before = power[frame, column - 1]
    after = power[frame, column + 1]
    found = (here > before) & (here >= after)
    column, here, before, after = column[found], here[found], before[found], after[found]
    curvature = (after + before) - 2.0 * here.astype(np.float64)
    slope = (after - before).astype(np.float64) / 2
    inside = np.abs(slope) < np.abs(curvature)
    shift = np.divide(-slope, curvature, out=np.zeros_like(slope), where=inside)
    return Peaks(
        frequency=((column + shift) * (sample_rate / n_fft)).astype(np.float32),
        power=(here + 0.5 * slope * shift).astype(np.float32),
    )


def estimate_tuning(peaks: Peaks) -> float:
    """Deviation from 440 Hz in semitones, from -0.5 to 0.49 in steps of 0.01; 0 without peaks.

    The weaker half of the peaks is left out. The same step as `librosa.estimate_tuning(S=power)`
    for all music and tones of the tests. In noise several steps are about equally frequent, so
    rounding may choose another one.
    """
    if not len(peaks.power):
        return 0.0
    strong = peaks.frequency[peaks.power >= np.median(peaks.power)]
    deviation = np.mod(N_CHROMA * hz_to_octaves(strong), 1.0)
    deviation[deviation >= 0.5] -= 1.0
    grid = np.linspace(-0.5, 0.5, TUNING_STEPS + 1)
    counts, _ = np.histogram(deviation, grid)
    return float(grid[np.argmax(counts)])


def chroma_filters(sample_rate: int, n_fft: int, tuning: float = 0.0) -> Float32Array:
    """Weights (n_fft // 2 + 1, 12) of each bin for the pitch classes C, C sharp, ..., B.

    Equal to `librosa.filters.chroma(sr=..., n_fft=..., tuning=...).T` to 1e-6. Source: D. Ellis,
    Chroma feature analysis and synthesis, 2007: Gaussian bumps around each pitch class, as wide as
    a bin is in semitones (at least one), of unit length over the classes of a bin.
    """
    n_bins = n_fft // 2 + 1
    # One bin more than needed, as the width of a bin is its distance to the next.
    hz = np.arange(1, n_bins + 1) * (sample_rate / n_fft)
    pitch = N_CHROMA * hz_to_octaves(hz, tuning)  # semitones above A0
    # 0 Hz has no pitch; placed an octave and a half below the first bin, it counts for all classes.
    pitch = np.concatenate([[pitch[0] - 1.5 * N_CHROMA], pitch])
    width = np.maximum(np.diff(pitch), 1.0)
    pitch = pitch[:n_bins]
    distance = pitch[:, None] - np.arange(N_CHROMA)
    half = N_CHROMA // 2
    distance = np.remainder(distance + half, N_CHROMA) - half
    weights = np.exp(-0.5 * (2 * distance / width[:, None]) ** 2)
    weights /= np.sqrt(np.square(weights).sum(axis=1, keepdims=True))
    octave = pitch / N_CHROMA
    weights *= np.exp(-0.5 * ((octave - CENTRE_OCTAVE) / OCTAVE_WIDTH) ** 2)[:, None]
    # Octaves begin with A; C comes three semitones later.
    return np.roll(weights, -3, axis=1).astype(np.float32)


def apply_chroma(power: Float32Array, filters: Float32Array) -> Float32Array:
    """Chroma (n_frames, 12) of power spectra; the strongest class of each frame is 1, silence 0."""
    chroma = power @ filters
    loudest = chroma.max(axis=1, keepdims=True)
    loudest[loudest < np.finfo(np.float32).tiny] = 1.0
    chroma /= loudest
    return chroma


def chroma_stft(
    samples: Float32Array,
    *,
    sample_rate: int = 22050,
    n_fft: int = 2048,
    hop_length: int = 512,
    tuning: float | None = None,
) -> Float32Array:
    """Chroma (n_frames, 12) of mono `samples` (n,); the tuning is estimated unless given.

    Equal to `librosa.feature.chroma_stft(...).T` to 1e-5, but for a lone click: its spectrum is
    flat, so rounding decides on its peaks and its tuning. Given the same tuning it is equal, too.
    """
    blocks = list(power_blocks(samples, n_fft, hop_length))
    if tuning is None:
        tuning = estimate_tuning(
            Peaks.join(spectral_peaks(b, sample_rate=sample_rate, n_fft=n_fft) for b in blocks)
        )
    filters = chroma_filters(sample_rate, n_fft, tuning)
    return np.concatenate([apply_chroma(block, filters) for block in blocks])
