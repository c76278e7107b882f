"""From the samples of a whole song to standardised segments and the JSON that is sent.

A song longer than `skip_longer_than_s` loses its first `skip_s` seconds (intros mislead). The rest
is cut in excerpts of `excerpt_s`; each excerpt is one centred STFT with one dB reference (its
maximum) and floor(frames / n_frames) segments. A segment depends on its own excerpt only, so a
longer song never changes the verdict on an earlier part. Only whether a stretch counts as silence
depends on the whole song: see `GAP_DB`. Times are seconds from the song's start.

A song may also be listened to by three of its excerpts: see `listened_bounds`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from .mel import Float32Array, count_frames, dct_matrix, mel_spectrogram, power_to_db
from .numbers_json import numbers_json
from .spec import FeatureSpec
from .spectral import is_narrow
from .statistics import statistics

# One step of 16-bit audio: a sound that never exceeds it is digital silence.
SILENCE_PEAK = 2.0**-15
# An excerpt whose power lies so far below that of its song's loudest is a gap, such as the one
# before a hidden track, whose dither would have a vote otherwise. 16-bit dither lies 64 to 77 dB
# below ordinary music; a movement 50 dB below the one before is music. docs/page.md has a table.
GAP_DB = 60.0
# Log-mel whose deviation (dB) is below this is flat: a silent stretch inside a sounding excerpt.
FLAT_DB = 1e-3
# Keeps the standardisation finite; far below any real deviation (several dB).
EPSILON = 1e-5

# A song of more excerpts than this can be listened to by so many of them.
MOST_LISTENED = 3

Listen = Literal["whole", "excerpts"]
Progress = Callable[[int, int], object]
Count = TypeVar("Count", int, npt.NDArray[np.int64])

# Why no features can be made of a sound, by code. The page says these sentences in its language:
# `webapp/catalogs.py` brings them into the catalog of its scripts.
AUDIO_ERRORS = {
    "empty": "The file holds no sound.",
    "silent": "The sound is silent, so there is nothing to recognise.",
    "not_finite": "The sound holds values that are not numbers; export the file again, please.",
}


class AudioError(ValueError):
    """A sound of which no features can be made; `str()` is a sentence for people.

    Attributes
    ----------
    code : one of `AUDIO_ERRORS`.
    """

    def __init__(self, code: str):
        super().__init__(AUDIO_ERRORS[code])
        self.code = code


@dataclasses.dataclass(frozen=True)
class Segment:
    """One stretch of a song: start and end in seconds, values float32 `spec.shape`."""

    start: float
    end: float
    values: Float32Array


@dataclasses.dataclass(frozen=True)
class FeatureRequest:
    """The request of one song, and facts about it that the page shows.

    Attributes
    ----------
    body : the JSON text.
    n_segments : segments in it.
    repeated : the sound was shorter than one segment and repeated to fill it: a weak answer.
    skipped : seconds left out at the start.
    narrow : half of the sound is missing, as on the telephone: see `is_narrow`.
    """

    body: str
    n_segments: int
    repeated: bool
    skipped: float
    narrow: bool


def excerpt_bounds(n_samples: int, spec: FeatureSpec) -> list[tuple[int, int]]:
    """Start and end of every excerpt, in samples, of a song of n_samples > 0.

    An excerpt too short for a segment is left out, unless it is all there is.
    """
    first = 0
    if n_samples > spec.skip_longer_than_s * spec.sample_rate:
        first = round(spec.skip_s * spec.sample_rate)
    bounds = [
        (start, min(start + spec.excerpt_samples, n_samples))
        for start in range(first, n_samples, spec.excerpt_samples)
    ]
    long_enough = [(start, end) for start, end in bounds if not is_repeated(end - start, spec)]
    return long_enough or bounds[:1]


def listened_bounds(
    n_samples: int, spec: FeatureSpec, listen: Listen = "excerpts"
) -> list[tuple[int, int]]:
    """Start and end, in samples, of the excerpts of a song of n_samples > 0 that are listened to.

    "excerpts" are the first, the middle and the last of the full ones; of an even number the later
    of the two in the middle. A song of no more than three excerpts is listened to as a whole.
    """
    bounds = excerpt_bounds(n_samples, spec)
    if listen == "whole" or len(bounds) <= MOST_LISTENED:
        return bounds
    # Only the last excerpt is shorter, so there are three full ones at least.
    full = [(start, end) for start, end in bounds if end - start == spec.excerpt_samples]
    return [full[0], full[len(full) // 2], full[-1]]


def count_segments(n_frames: Count, spec: FeatureSpec) -> Count:
    """Number of whole segments in n_frames frames that follow each other."""
    return n_frames // spec.n_frames


def is_repeated(n_samples: int, spec: FeatureSpec) -> bool:
    """Whether a sound of n_samples is shorter than one segment and is repeated to fill it."""
    return count_segments(count_frames(n_samples, spec.hop_length), spec) == 0


def segment_bounds(first: int, last: int, spec: FeatureSpec) -> list[tuple[int, int]]:
    """Start and end, in samples, of every segment of an excerpt, silent ones included.

    Parameters
    ----------
    first, last : the samples of the song that the excerpt covers, last excluded. One that is
        shorter than a segment has one segment all the same, as it is repeated to fill it.
    spec : the segments' length.
    """
    count = max(1, count_segments(count_frames(last - first, spec.hop_length), spec))
    starts = [first + number * spec.segment_samples for number in range(count)]
    return [(start, min(start + spec.segment_samples, last)) for start in starts]


def segment_times(
    excerpts: Iterable[tuple[int, int]], spec: FeatureSpec
) -> list[tuple[float, float]]:
    """Start and end, in seconds, of every segment of these excerpts, silent ones included."""
    return [
        (start / spec.sample_rate, end / spec.sample_rate)
        for first, last in excerpts
        for start, end in segment_bounds(first, last, spec)
    ]


def standardise(log_mel: Float32Array) -> Float32Array:
    """Zero mean, unit variance over the last two axes (n_frames, n_mels) of each segment."""
    mean = log_mel.mean(axis=(-2, -1), keepdims=True, dtype=np.float64)
    deviation = log_mel.std(axis=(-2, -1), keepdims=True, dtype=np.float64)
    return ((log_mel - mean) / (deviation + EPSILON)).astype(np.float32)


def coefficients(log_mel: Float32Array, spec: FeatureSpec) -> Float32Array:
    """Features of log-mel segments in dB: (..., n_frames, n_mels) to (..., *spec.shape).

    The browser makes the log-mel of audio; training has it stored. Statistics are not made of
    log-mel: see `features.statistics`.
    """
    if spec.standardise:
        log_mel = standardise(log_mel)
    if spec.kind == "log_mel":
        return log_mel
    return log_mel @ dct_matrix(spec.n_mels, spec.n_mfcc)


def excerpt_log_mel(samples: Float32Array, spec: FeatureSpec) -> Float32Array:
    """Log-mel (n_frames, n_mels) of one excerpt in dB below its maximum, floored at -top_db."""
    mel = mel_spectrogram(
        samples,
        sample_rate=spec.sample_rate,
        n_fft=spec.n_fft,
        hop_length=spec.hop_length,
        n_mels=spec.n_mels,
        fmin=spec.fmin,
        fmax=spec.fmax,
    )
    return power_to_db(mel, ref=float(mel.max()), top_db=spec.top_db)


def excerpt_features(
    excerpt: Float32Array, spec: FeatureSpec
) -> Iterator[tuple[int, Float32Array]]:
    """Number and features `spec.shape` of every segment of an excerpt (n,) that sounds."""
    if spec.kind == "statistics":
        for number, (start, end) in enumerate(segment_bounds(0, len(excerpt), spec)):
            piece = excerpt[start:end]
            # The last of segments that are one frame long can be without samples of its own.
            if piece.size and max(piece.max(), -piece.min()) > SILENCE_PEAK:
                yield number, statistics(piece, spec)
        return
    log_mel = excerpt_log_mel(excerpt, spec)
    for number in range(count_segments(len(log_mel), spec)):
        piece = log_mel[number * spec.n_frames : (number + 1) * spec.n_frames]
        if piece.std(dtype=np.float64) >= FLAT_DB:
            yield number, coefficients(piece, spec)


def sounding_excerpt(
    samples: Float32Array, first: int, last: int, spec: FeatureSpec
) -> Float32Array | None:
    """Samples first to last of a song (one of `excerpt_bounds`), or None when they are silent.

    An excerpt shorter than one segment is repeated to fill it.

    Raises
    ------
    AudioError : "not_finite" for NaN or infinite samples.
    """
    excerpt = samples[first:last]
    peak = float(max(excerpt.max(), -excerpt.min()))
    if not np.isfinite(peak):
        raise AudioError("not_finite")
    if peak <= SILENCE_PEAK:
        return None
    if is_repeated(len(excerpt), spec):
        return np.resize(excerpt, spec.segment_samples)
    return excerpt


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """One excerpt of a song.

    Attributes
    ----------
    segments : those that sound.
    power : mean square of its samples about their mean; 0 when nothing sounds.
    narrow : see `is_narrow`.
    """

    segments: list[Segment]
    power: float
    narrow: bool


def analyse_excerpt(samples: Float32Array, first: int, spec: FeatureSpec) -> Excerpt:
    """Analyse one excerpt (n,), which begins at sample `first` of its song.

    Raises
    ------
    AudioError : "not_finite" for NaN or infinite samples.
    """
    excerpt = sounding_excerpt(samples, 0, len(samples), spec)
    segments = []
    if excerpt is not None:
        times = segment_times([(first, first + len(samples))], spec)
        segments = [Segment(*times[n], values) for n, values in excerpt_features(excerpt, spec)]
    if not segments:
        return Excerpt([], 0.0, narrow=True)
    power = float(samples.var(dtype=np.float64))
    return Excerpt(segments, power, is_narrow(samples, spec.sample_rate))


def are_gaps(powers: Iterable[float]) -> list[bool]:
    """Whether each excerpt is a gap of its song, by the powers of all, or of all so far.

    One that is a gap stays one, however the song goes on.
    """
    powers = list(powers)
    floor = max(powers, default=0.0) * 10 ** (-GAP_DB / 10)
    return [power < floor for power in powers]


def _checked(samples: Float32Array) -> Float32Array:
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim != 1:
        raise ValueError(f"samples: expected mono (n,), got the shape {samples.shape}")
    if not len(samples):
        raise AudioError("empty")
    return samples


def _iterate(
    cuts: Sequence[tuple[int, Float32Array]], spec: FeatureSpec, progress: Progress | None
) -> Iterator[Excerpt]:
    sounds = False
    for done, (first, samples) in enumerate(cuts, start=1):
        excerpt = analyse_excerpt(samples, first, spec)
        sounds = sounds or bool(excerpt.segments)
        yield excerpt
        if progress is not None:
            progress(done, len(cuts))
    if not sounds:
        raise AudioError("silent")


def _cuts(
    samples: Float32Array, spec: FeatureSpec, listen: Listen
) -> list[tuple[int, Float32Array]]:
    samples = _checked(samples)
    return [
        (first, samples[first:last]) for first, last in listened_bounds(len(samples), spec, listen)
    ]


def extract_segments(
    samples: Float32Array, spec: FeatureSpec, progress: Progress | None = None
) -> list[Segment]:
    """Features of every segment of a song, those of gaps (`are_gaps`) too.

    Parameters
    ----------
    samples : float32 (n,), mono, at spec.sample_rate, nominally within [-1, 1].
    spec : which features to compute.
    progress : called as progress(done, total) after each excerpt.

    Returns
    -------
    Segments in order; silent stretches have none.

    Raises
    ------
    AudioError : "empty" without samples, "silent" when nothing sounds, "not_finite" for NaN or
        infinite samples.
    """
    cuts = _cuts(samples, spec, "whole")
    return [seg for excerpt in _iterate(cuts, spec, progress) for seg in excerpt.segments]


def request_json(segments: list[Segment], spec: FeatureSpec) -> str:
    """The JSON of a prediction request; numbers are rounded to spec.decimals."""
    # One segment after the other: all numbers of an hour at once would take 100 MB.
    parts = ",".join(_segment_json(segment, spec) for segment in segments)
    return f'{{"feature_spec":{json.dumps(spec.id)},"segments":[{parts}]}}'


def _segment_json(segment: Segment, spec: FeatureSpec) -> str:
    times = json.dumps({"start": round(segment.start, 3), "end": round(segment.end, 3)})
    numbers = numbers_json(segment.values, spec.decimals)
    return f'{times[:-1].replace(" ", "")},"features":{{{json.dumps(spec.kind)}:{numbers}}}}}'


def build_request(
    samples: Float32Array,
    spec: FeatureSpec,
    progress: Progress | None = None,
    listen: Listen = "whole",
) -> FeatureRequest:
    """Make the request of a whole song, or of its `listened_bounds`, without the gaps.

    The other parameters and errors are those of `extract_segments`.
    """
    return build_request_of(_cuts(samples, spec, listen), spec, progress)


def build_request_of(
    cuts: Sequence[tuple[int, Float32Array]], spec: FeatureSpec, progress: Progress | None = None
) -> FeatureRequest:
    """Make the request of a song of which only some excerpts are at hand, without the gaps.

    Parameters
    ----------
    cuts : of each excerpt in order, the song's sample at which it begins, and its samples (n,).
    spec, progress : as for `extract_segments`, as are the errors.
    """
    cuts = [(first, _checked(samples)) for first, samples in cuts]
    if not cuts:
        raise AudioError("empty")
    excerpts = list(_iterate(cuts, spec, progress))
    gaps = are_gaps(excerpt.power for excerpt in excerpts)
    heard = [excerpt for excerpt, gap in zip(excerpts, gaps, strict=True) if not gap]
    segments = [segment for excerpt in heard for segment in excerpt.segments]
    return FeatureRequest(
        body=request_json(segments, spec),
        n_segments=len(segments),
        repeated=all(is_repeated(len(samples), spec) for _, samples in cuts),
        skipped=cuts[0][0] / spec.sample_rate,
        narrow=all(excerpt.narrow for excerpt in heard),
    )
