"""Do Chromium's samples and librosa's lead to the same answers?

Every song is decoded twice, by the page (`decodeAudioData` at 22,050 Hz) and by `librosa.load`.
Both results go through the same features and the same model.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt

from features import FeatureSpec, extract_segments
from webapp.inference import Predictor, Predictors, Registry

from .site import ROOT
from .visit import Visit


@dataclasses.dataclass(frozen=True)
class Difference:
    """A segment whose winner depends on the decoder; each winner with its probability."""

    song: str
    start: float
    librosa: tuple[str, float]
    browser: tuple[str, float]

    def __str__(self) -> str:
        return (
            f"{self.song} at {self.start:.0f} s: librosa {self.librosa[0]} {self.librosa[1]:.2f}, "
            f"browser {self.browser[0]} {self.browser[1]:.2f}"
        )


def answers(
    samples: npt.NDArray[np.float32], spec: FeatureSpec, predictor: Predictor
) -> list[tuple[float, str, float]]:
    """Return start, winner and probability of the winner of every segment."""
    segments = extract_segments(samples, spec)
    result = predictor.predict(np.stack([segment.values for segment in segments]))
    return [
        (segment.start, winner, float(probabilities.max()))
        for segment, winner, probabilities in zip(
            segments, result.winners, result.probabilities, strict=True
        )
    ]


def compare(visit: Visit, songs: list[Path], version: str) -> tuple[int, list[Difference]]:
    """Return the number of compared segments, and the segments whose winner differs.

    Raises
    ------
    ValueError : the two decoders give numbers of segments that differ by more than one.
    """
    predictor = Predictors(Registry.load(ROOT / "trained_models")).get(version)
    spec = predictor.card.spec
    count = 0
    differences = []
    for song in songs:
        native, _ = librosa.load(song, sr=spec.sample_rate, mono=True)
        decoded = visit.decoded(song, spec.sample_rate)
        expected = answers(native, spec, predictor)
        found = answers(decoded, spec, predictor)
        # A decoder may add or drop a few samples at the end, which may cost the last segment.
        if abs(len(expected) - len(found)) > 1:
            raise ValueError(
                f"{song.name}: {len(expected)} segments by librosa, {len(found)} by the browser"
            )
        pairs = list(zip(expected, found, strict=False))
        count += len(pairs)
        differences += [
            Difference(song.name, start, (first, sure), (second, other))
            for (start, first, sure), (_, second, other) in pairs
            if first != second
        ]
    return count, differences
