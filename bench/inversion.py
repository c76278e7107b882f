"""How much of a song comes back from its sent numbers, and how long that takes beside librosa.

Songs under free licences that lie beside the repository, with the recommended spec. For each, three
correlations: the features of the new sound with those that were sent, and its onset strengths and
its chroma by moments with those of the song. The same figures at a wrong place of the song show how
much a figure means. The peer for time is librosa.feature.inverse.mfcc_to_audio on the same
segments, one by one, at the hop that was sent.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt

from features import FeatureSpec, build_request, extract_segments
from features.inversion import invert, log_mel, read_request

from .setting import ROOT, row

SPEC = FeatureSpec()
SECONDS = 60
# Distance of the wrong place in frames: 1.4 s of onsets, 7 s of chroma.
ONSET_SHIFT, CHROMA_SHIFT = 60, 300

Array = npt.NDArray[np.float32]


def _alike(one: Array, other: Array) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _moments(one: Array, other: Array) -> float:
    """Median correlation of the chroma of each moment."""
    sounding = (one.std(axis=0) > 0) & (other.std(axis=0) > 0)
    pairs = zip(one.T[sounding], other.T[sounding], strict=True)
    return float(np.median([_alike(mine, theirs) for mine, theirs in pairs]))


def _measure(path: Path) -> tuple[list[dict[str, Any]], float, float]:
    """Rows of one song, and the seconds of our way and of librosa's."""
    song, _ = librosa.load(path, sr=SPEC.sample_rate, duration=SECONDS)
    segments = read_request(build_request(song, SPEC).body, SPEC)
    began = time.perf_counter()
    back = invert(segments, SPEC)
    took = time.perf_counter() - began
    began = time.perf_counter()
    for segment in segments:
        librosa.feature.inverse.mfcc_to_audio(
            segment.values.T * 12 - 40, n_mels=SPEC.n_mels, sr=SPEC.sample_rate, n_fft=SPEC.n_fft,
            hop_length=SPEC.hop_length, fmax=SPEC.fmax,
        )  # fmt: skip
    theirs = time.perf_counter() - began
    again = {round(segment.start, 2): segment for segment in extract_segments(back, SPEC)}
    # An intro was left out of the numbers, so nothing of it can come back.
    first = round(segments[0].start * SPEC.sample_rate)
    song, back = song[first : len(back)], back[first:]
    same = [
        _alike(log_mel(sent.values, SPEC), log_mel(again[place].values, SPEC))
        for sent in segments
        if (place := round(sent.start, 2)) in again
    ]
    onsets = [librosa.onset.onset_strength(y=y, sr=SPEC.sample_rate) for y in (song, back)]
    chroma = [librosa.feature.chroma_stft(y=y, sr=SPEC.sample_rate) for y in (song, back)]
    name = path.stem.replace("_", " ")[:40]
    rows = [
        row(f"{name}: numbers again", float(np.median(same)), "r"),
        row(f"{name}: onsets", _alike(*onsets), "r"),
        row(f"{name}: onsets 1.4 s later", _alike(onsets[0], np.roll(onsets[1], ONSET_SHIFT)), "r"),
        row(f"{name}: chroma", _moments(*chroma), "r"),
        row(
            f"{name}: chroma 7 s later",
            _moments(chroma[0], np.roll(chroma[1], CHROMA_SHIFT, axis=1)), "r",
        ),
    ]  # fmt: skip
    return rows, took, theirs


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    songs = sorted((ROOT.parent / "shared" / "data" / "audio").glob("*.ogg"))
    if not songs:
        return [row("no songs beside the repository", 0, "songs")]
    rows, mine, theirs = [], 0.0, 0.0
    for path in songs:
        some, took, peer = _measure(path)
        rows += some
        mine, theirs = mine + took, theirs + peer
    return [*rows, row("time", mine, "s"), row("time against librosa's", mine / theirs, "x")]
