"""Segments of a song whose samples come bit by bit; they equal those of the whole at once.

A segment depends on its own excerpt only, so an excerpt is analysed as soon as it is complete, and
its samples are let go. Whether it is a gap is told by the loudest excerpt so far; `gaps` also names
those whose segments were handed out before a louder one came.
"""

from __future__ import annotations

import numpy as np

from .mel import Float32Array
from .segments import (
    AudioError,
    FeatureRequest,
    Segment,
    analyse_excerpt,
    are_gaps,
    excerpt_bounds,
    is_repeated,
    request_json,
)
from .spec import FeatureSpec


class SegmentStream:
    """Makes requests of a song whose samples come bit by bit.

    Parameters
    ----------
    spec : which features to compute.

    Attributes
    ----------
    bounds : start and end, in samples, of every excerpt analysed so far.
    """

    def __init__(self, spec: FeatureSpec):
        self.spec = spec
        self.bounds: list[tuple[int, int]] = []
        self._held: Float32Array = np.empty(0, dtype=np.float32)
        self._n_samples = 0
        # Not handed out yet, each with the number of its excerpt.
        self._segments: list[tuple[int, Segment]] = []
        self._sounded = False
        # Of each excerpt.
        self._powers: list[float] = []
        self._narrow: list[bool] = []

    def feed(self, samples: Float32Array, *, last: bool = False) -> None:
        """Take the next samples of the song, and analyse the excerpts that they complete.

        Parameters
        ----------
        samples : float32 (n,), mono, at spec.sample_rate; n may be 0.
        last : whether the song ends here.

        Raises
        ------
        AudioError : "not_finite" for NaN or infinite samples; at the end "empty" when no samples
            came, "silent" when nothing sounds in the whole song.
        """
        samples = np.asarray(samples, dtype=np.float32)
        self._held = np.concatenate([self._held, samples])
        self._n_samples += len(samples)
        if last and not self._n_samples:
            raise AudioError("empty")
        # Only a song longer than this loses its beginning.
        if last or self._n_samples > self.spec.skip_longer_than_s * self.spec.sample_rate:
            self._analyse(last)
        if last and not self._sounded:
            raise AudioError("silent")

    def _analyse(self, last: bool) -> None:
        gone = self._n_samples - len(self._held)
        bounds = excerpt_bounds(self._n_samples, self.spec)
        for start, end in bounds[len(self.bounds) :]:
            # Only the last excerpt is shorter.
            if not last and end - start < self.spec.excerpt_samples:
                break
            found = analyse_excerpt(self._held[start - gone : end - gone], start, self.spec)
            self._segments += [(len(self.bounds), segment) for segment in found.segments]
            self._sounded = self._sounded or bool(found.segments)
            self._powers.append(found.power)
            self._narrow.append(found.narrow)
            self.bounds.append((start, end))
        if self.bounds:
            # A copy, as a view would keep the samples before it in memory.
            self._held = self._held[max(0, self.bounds[-1][1] - gone) :].copy()

    def gaps(self) -> list[tuple[float, float]]:
        """Start and end in seconds of every excerpt that is a gap of the song so far."""
        rate = self.spec.sample_rate
        gaps = zip(self.bounds, are_gaps(self._powers), strict=True)
        return [(start / rate, end / rate) for (start, end), gap in gaps if gap]

    def take(self, most: int | None = None) -> FeatureRequest | None:
        """The request of the next segments, at most `most` and none of gaps; None without any."""
        gaps = are_gaps(self._powers)
        waiting = [(number, segment) for number, segment in self._segments if not gaps[number]]
        segments = [segment for _, segment in waiting[:most]]
        self._segments = waiting[len(segments) :]
        if not segments:
            return None
        return FeatureRequest(
            body=request_json(segments, self.spec),
            n_segments=len(segments),
            repeated=is_repeated(self._n_samples, self.spec),
            skipped=self.bounds[0][0] / self.spec.sample_rate,
            narrow=all(narrow for narrow, gap in zip(self._narrow, gaps, strict=True) if not gap),
        )
