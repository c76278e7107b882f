"""From several channels to one: their mean, except where they cancel each other out.

Two channels of opposite phase (a plug soldered the wrong way round, a microphone or a "wide" effect
turned over) have a mean that is silent, or holds only what a codec left of the difference. So the
sound is taken in blocks as long as an excerpt, and the louder channel stands for a block whose mean
has lost nearly all power. `static/js/sound/downmix.js` does the same in the page, and
`tests/data/downmix.json` holds both to the same answers.
"""

from __future__ import annotations

import numpy as np

from .mel import Float32Array

# Blocks begin where excerpts do: those of all versions last 30 s, and begin at multiples of 30 s.
BLOCK_S = 30
# How far the mean's power may lie below the channels' mean power. The mean of n channels that have
# nothing to do with each other loses 10 log n dB, and so does that of n channels of which one
# sounds: 3 dB in stereo, 9 dB in eight channels. Of a right channel that is -0.9 of the left one,
# it loses 26 dB.
OPPOSITE_DB = 20


def downmix(samples: Float32Array, sample_rate: int) -> Float32Array:
    """One channel (n,) of a whole sound (n, n_channels) that begins at its first sample.

    The sum is taken channel by channel, so that ordinary stereo gives the same bits as ever. Values
    that are not finite never count as opposite.
    """
    n_channels = samples.shape[1]
    if n_channels == 1:
        return samples[:, 0]
    # Over so short an axis, numpy's mean takes ten times as long, which is half the time of reading
    # a song.
    mono = samples[:, 0].copy()
    for channel in range(1, n_channels):
        mono += samples[:, channel]
    mono /= np.float32(n_channels)
    for start in range(0, len(mono), BLOCK_S * sample_rate):
        block = slice(start, start + BLOCK_S * sample_rate)
        powers = [_power(samples[block, channel]) for channel in range(n_channels)]
        if _power(mono[block]) * 10 ** (OPPOSITE_DB / 10) < sum(powers) / n_channels:
            mono[block] = samples[block, int(np.argmax(powers))]
    return mono


def _power(samples: Float32Array) -> float:
    """Sum of squares of samples (n,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.dot(samples, samples))
