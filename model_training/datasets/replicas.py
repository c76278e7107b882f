"""Recordings that occur twice in a data set.

Byte-identical files are found by their sha256, others by a fingerprint: the first 30 s as 16 mel
bands in blocks of about half a second, in dB, each band's mean over time taken away, so that
loudness, equalisation and coding count for nothing and the course of the music for everything. Two
clips are one recording when their fingerprints correlate above `NEAR_DUPLICATE`.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from features import mel_spectrogram, power_to_db

from ..sound.audio import Sound
from .clips import Clip, Problem

Fingerprint = npt.NDArray[np.float32]

# On stored log-mel of GTZAN, made coarse like this (999 clips, 498,501 pairs), all 24 listed
# replicas lie above 0.99. Nine more pairs lie above 0.91, each of them one song by its artist and
# title; the next lies at 0.86, and 99.9 % of all pairs below 0.39. Five real songs, started 120 ms
# later, stay above 0.9.
NEAR_DUPLICATE = 0.9

FINGERPRINT_RATE = 11025
FINGERPRINT_S = 30
FINGERPRINT_BANDS = 16
FINGERPRINT_HOP = 1024
FRAMES_PER_BLOCK = 5  # 0.46 s
# Values further than this below the loudest are clipped: lossy coding leaves them to chance.
FINGERPRINT_DB = 40.0
# Fewer blocks (2.3 s) than this say too little to call two clips the same.
LEAST_BLOCKS = 5
# Deviation in dB below which a sound gets no fingerprint: all steady tones look alike.
STEADY_DB = 0.1


@dataclasses.dataclass(frozen=True)
class Checked:
    """The findings about one decoded clip.

    Attributes
    ----------
    clip : the clip.
    seconds : its length; 0 when it cannot be decoded.
    problem : what is wrong with it, or None.
    sha256 : of the file; empty when it cannot be read.
    fingerprint : float32 (n_blocks, FINGERPRINT_BANDS), or None without usable sound.
    remark : what is wrong with its file, though all of it is heard, or None.
    """

    clip: Clip
    seconds: float = 0.0
    problem: Problem | None = None
    sha256: str = ""
    fingerprint: Fingerprint | None = None
    remark: Problem | None = None


@dataclasses.dataclass(frozen=True)
class Replica:
    """Two clips of one recording.

    Attributes
    ----------
    first, second : places of the clips in `Report.checked`, ascending.
    identical : whether the files are the same, byte for byte.
    correlation : of the fingerprints; 1 for identical files.
    """

    first: int
    second: int
    identical: bool
    correlation: float


def fingerprint(sound: Sound) -> Fingerprint | None:
    """The course of a sound's first 30 s: float32 (n_blocks, FINGERPRINT_BANDS) in dB.

    None when it is too short or too steady to tell it from others.
    """
    start = Sound(sound.samples[: FINGERPRINT_S * sound.sample_rate], sound.sample_rate)
    samples = start.mono().resampled(FINGERPRINT_RATE).samples[:, 0]
    power = mel_spectrogram(
        samples,
        sample_rate=FINGERPRINT_RATE,
        hop_length=FINGERPRINT_HOP,
        n_mels=FINGERPRINT_BANDS,
    )
    power = power[1:-1]  # frames that reach over the ends hear an edge that is not in the music
    n_blocks = len(power) // FRAMES_PER_BLOCK
    if n_blocks < LEAST_BLOCKS:
        return None
    blocks = power[: n_blocks * FRAMES_PER_BLOCK].reshape(n_blocks, FRAMES_PER_BLOCK, -1)
    course = power_to_db(blocks.mean(axis=1), ref=float(blocks.max()), top_db=FINGERPRINT_DB)
    course -= course.mean(axis=0)
    return None if course.std() < STEADY_DB else course


def find_replicas(checked: list[Checked]) -> list[Replica]:
    """Pairs of sound clips that are one recording, in order.

    Of clips of different length the common beginning is compared.
    """
    found: list[Replica] = []
    first_with: dict[str, int] = {}
    by_length: dict[int, list[int]] = collections.defaultdict(list)
    for place, one in enumerate(checked):
        if one.problem is not None:
            continue
        first = first_with.setdefault(one.sha256, place)
        if first != place:
            found.append(Replica(first, place, True, 1.0))
        elif one.fingerprint is not None:
            by_length[len(one.fingerprint)].append(place)
    longer: list[int] = []
    for n_blocks in sorted(by_length, reverse=True):
        mine = by_length[n_blocks]
        found += _correlated(checked, mine, [*mine, *longer], n_blocks)
        longer += mine
    return sorted(found, key=lambda pair: (pair.first, pair.second))


def _correlated(
    checked: list[Checked], mine: list[int], others: list[int], n_blocks: int
) -> Iterator[Replica]:
    """Pairs of one of `mine` and one of `others` whose first n_blocks correlate."""
    rows = np.empty((len(others), n_blocks * FINGERPRINT_BANDS), dtype=np.float32)
    for row, place in zip(rows, others, strict=True):
        course = checked[place].fingerprint
        assert course is not None
        start = course[:n_blocks] - course[:n_blocks].mean(axis=0)
        row[:] = start.ravel() / max(float(np.linalg.norm(start)), 1e-9)
    # In stripes, so that a large data set does not need a table of all its pairs at once.
    for begin in range(0, len(mine), 256):
        stripe = rows[begin : min(begin + 256, len(mine))] @ rows.T
        for i, j in zip(*np.nonzero(stripe > NEAR_DUPLICATE), strict=True):
            # The places of `mine` lead both lists: each pair of them comes twice, itself once.
            if j > begin + i:
                first, second = sorted((mine[begin + i], others[j]))
                yield Replica(first, second, False, min(float(stripe[i, j]), 1.0))
