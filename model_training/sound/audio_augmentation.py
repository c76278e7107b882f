"""Augmented copies of a sound: speed, stretch, pitch, gain, noise and low-pass.

A copy depends on the seed, the track and the number of the copy alone, so that a run can be
repeated, in whatever order and on however many machines the tracks are done. audiomentations draws
from the global generators, from which other threads draw too (those of a Dask worker do). So the
changes are drawn here, from a generator of the copy's own, and handed over as ranges of one value.
"""

from __future__ import annotations

import functools
import hashlib
import threading
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..experiment import AudioAugmentation
from .audio import Sound

with warnings.catch_warnings():
    # Its docstrings hold backslashes that Python warns about when it first compiles them.
    warnings.filterwarnings("ignore", "invalid escape sequence")
    import audiomentations

Samples = npt.NDArray[np.float32]
Change = Callable[[Samples, int], Samples]

SNR_DB = (10.0, 40.0)
CUTOFF_HZ = (3000.0, 8000.0)
ROLLOFFS_DB_PER_OCTAVE = (12, 24, 36, 48)
# These draw from numpy's global generator whatever they are told; noise is nothing but that.
DRAWING = (audiomentations.AddGaussianSNR, audiomentations.LowPassFilter)
_GLOBAL_GENERATOR = threading.Lock()


def _faster_or_slower(new_rate: int, samples: Samples, sample_rate: int) -> Samples:
    """Resampled to `new_rate` and played at the old rate, as audiomentations' Resample does it.

    By soxr itself: the way through librosa compiles for seconds in every new process.
    """
    return Sound(samples[:, None], sample_rate).resampled(new_rate).samples[:, 0]


def transforms(
    options: AudioAugmentation, sample_rate: int, rng: np.random.Generator
) -> list[Change]:
    """The changes of one copy, drawn from `rng`, in the order in which they are made."""
    speed = round(sample_rate * rng.uniform(1 - options.speed, 1 + options.speed))
    rate = rng.uniform(1 - options.stretch, 1 + options.stretch)
    semitones = rng.uniform(-options.pitch, options.pitch)
    gain = rng.uniform(-options.gain_db, options.gain_db)
    snr = rng.uniform(*SNR_DB)
    cutoff = float(np.exp(rng.uniform(*np.log(CUTOFF_HZ))))
    rolloff = int(rng.choice(ROLLOFFS_DB_PER_OCTAVE))
    makers: tuple[tuple[float, Callable[[], Change]], ...] = (
        (options.speed, lambda: functools.partial(_faster_or_slower, speed)),
        (
            options.stretch,
            lambda: audiomentations.TimeStretch(rate, rate, leave_length_unchanged=False, p=1),
        ),
        (options.pitch, lambda: audiomentations.PitchShift(semitones, semitones, p=1)),
        (options.gain_db, lambda: audiomentations.Gain(gain, gain, p=1)),
    )
    chosen = rng.uniform(size=len(makers)) < options.probability
    noisy, dull = rng.uniform(size=2) < (options.noise, options.low_pass)
    found: list[Change] = [
        make() for (on, make), take in zip(makers, chosen, strict=True) if on and take
    ]
    if noisy:
        found.append(audiomentations.AddGaussianSNR(snr, snr, p=1))
    if dull:
        found.append(audiomentations.LowPassFilter(cutoff, cutoff, rolloff, rolloff, p=1))
    return found


def augment(
    samples: Samples,
    sample_rate: int,
    options: AudioAugmentation,
    *,
    seed: int,
    track: str,
    copy: int,
) -> Samples:
    """One augmented copy of mono `samples` (n,); `speed` and `stretch` change its length.

    Parameters
    ----------
    seed, track, copy : together they decide what happens; the same three give the same copy.

    Returns
    -------
    float32 (m,), possibly beyond [-1, 1]; never the array that was given.
    """
    digest = hashlib.sha256(f"{seed}\n{copy}\n{track}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
    noise_seed = rng.integers(2**32)
    changed = samples.copy()
    for change in transforms(options, sample_rate, rng):
        if isinstance(change, DRAWING):
            with _GLOBAL_GENERATOR:
                before = np.random.get_state()
                np.random.seed(noise_seed)
                changed = change(changed, sample_rate)
                np.random.set_state(before)
        else:
            changed = change(changed, sample_rate)
    return np.ascontiguousarray(changed, dtype=np.float32)
