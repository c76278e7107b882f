"""From the features that are sent back to a sound, so that people hear what the numbers reveal.

Only the numbers of the request go in. They lack much: a standardised segment has lost its level and
its range in dB, MFCC have lost the fine shape of the spectrum, frames 78 ms apart the sound between
them, and all kinds the phase. Typical values take the place of what is lost, so the sound is a
guess. A patient listener, or a trained network, may get more out of the same numbers.

The way back: inverse DCT to log-mel, mel bands to the bins of a spectrum (Richardson-Lucy
updates), linear interpolation in dB to frames n_fft / 4 apart, and phases by the fast Griffin-Lim
algorithm. librosa.feature.inverse and librosa.griffinlim are what the tests compare with.

Measured with the recommended spec on the first minute of five recordings of music (orchestra, folk,
celesta, jazz, trumpet) by `make bench ARGS=inversion`: the features of the new sound correlate with
those that were sent by 0.997 to 0.998, so the sound holds nearly all that is in the numbers. With
the song itself, onset strengths correlate by 0.59 to 0.77 (at most 0.13 when shifted by 1.4 s), and
the chroma of a moment by 0.80 to 0.95 (at most 0.30 with that of 7 s later): rhythm and much of the
harmony come back. Whether words can be understood was not measured.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from .mel import Float32Array, MelBank, dct_matrix, hann_window, mel_bank
from .segments import FLAT_DB, Segment
from .spec import FeatureSpec

Complex64Array = npt.NDArray[np.complex64]
Progress = Callable[[int, int], object]

# Standardising takes the mean and deviation of a segment; these take their place. Medians over
# 2,000 segments of 333 pieces of music of ten genres at the recommended spec are -40 and 11.4 dB;
# five other recordings of music have deviations of 12 to 16. The mean only sets the volume, the
# deviation the contrast. One value for all segments errs within 30 s of a song by 2.5 dB, as levels
# stay about the same; fitting levels so that neighbours meet errs by 2.3 to 3.5 dB.
TYPICAL_MEAN_DB = -40.0
TYPICAL_DEVIATION_DB = 12.0
# Griffin-Lim: as many iterations and as much momentum as librosa's.
ITERATIONS = 32
MOMENTUM = 0.99
SEED = 0
# Updates from mel bands to bins; further ones change nothing that can be heard.
MEL_UPDATES = 20
# A gap between segments is bridged up to this length; a longer one is silent. Between excerpts a
# few frames are left over (0.2 s with the recommended spec).
BRIDGE_S = 0.5
# A long song is made in blocks of about this length, which fade into each other.
BLOCK_S = 10.0
FADE_S = 0.1
# Length of the fade between sound and silence.
EDGE_S = 0.01
# Loudest sample of the whole sound.
PEAK = 0.9
# Far above any real level (0 dB is the loudest of 30 s): it keeps the sound of odd numbers finite.
CEILING_DB = 60.0
TINY = np.float32(np.finfo(np.float32).tiny)
# Frames per step of Griffin-Lim: as many as the processor's cache holds.
BATCH_FRAMES = 64

# Why no sound can be made of features, by code. `webapp/catalogs.py` brings these sentences into
# the catalog of the page's scripts.
INVERSION_ERRORS = {
    "statistics": "Means and deviations hold no course in time, so no sound can be made of them.",
    "nothing": "The numbers hold nothing that sounds.",
}


class InversionError(ValueError):
    """Features of which no sound can be made; `str()` is a sentence for people.

    Attributes
    ----------
    code : one of `INVERSION_ERRORS`.
    """

    def __init__(self, code: str):
        super().__init__(INVERSION_ERRORS[code])
        self.code = code


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Frames that follow each other without a gap.

    Attributes
    ----------
    first, last : the samples of the song that they cover, last excluded.
    centres : int64 (n_frames,), the sample on which each frame is centred, ascending.
    log_mel : float32 (n_frames, n_mels) in dB.
    """

    first: int
    last: int
    centres: npt.NDArray[np.int64]
    log_mel: Float32Array


def read_request(body: str, spec: FeatureSpec) -> list[Segment]:
    """Segments of the JSON text of a prediction request: the inverse of `build_request`.

    Raises
    ------
    ValueError : for a request made by another spec, or values of another shape.
    """
    request = json.loads(body)
    if request["feature_spec"] != spec.id:
        raise ValueError(f"feature_spec: {request['feature_spec']!r} is not {spec.id!r}")
    segments = []
    for content in request["segments"]:
        values = np.array(content["features"][spec.kind], dtype=np.float32)
        if values.shape != spec.shape:
            raise ValueError(f"features: expected the shape {spec.shape}, got {values.shape}")
        segments.append(Segment(content["start"], content["end"], values))
    return segments


def log_mel(values: Float32Array, spec: FeatureSpec) -> Float32Array:
    """Log-mel (n_frames, n_mels) in dB of one segment's values `spec.shape`.

    Approximates the inverse of `segments.coefficients`: MFCC that were left out are zero, as in
    `librosa.feature.inverse.mfcc_to_mel`, and a standardised segment gets a typical mean and
    deviation.

    Raises
    ------
    InversionError : "statistics" for that kind.
    """
    if spec.kind == "statistics":
        raise InversionError("statistics")
    if spec.kind == "mfcc":
        values = values @ dct_matrix(spec.n_mels, spec.n_mfcc).T
    if spec.standardise:
        values = values * np.float32(TYPICAL_DEVIATION_DB) + np.float32(TYPICAL_MEAN_DB)
    # The numbers were never below the floor; the DCT's smoothing can take them there.
    return np.clip(values, np.float32(-spec.top_db), np.float32(CEILING_DB))


def find_stretches(segments: Sequence[Segment], spec: FeatureSpec) -> list[Stretch]:
    """Join segments that follow each other. Segments without any change are silence: left out.

    Raises
    ------
    ValueError : when the segments are not in order.
    InversionError : see `log_mel`.
    """
    groups: list[list[tuple[int, int, Float32Array]]] = []
    bridge = round(BRIDGE_S * spec.sample_rate) + spec.hop_length
    end = -1
    for segment in segments:
        mel = log_mel(segment.values, spec)
        first, last = round(segment.start * spec.sample_rate), round(segment.end * spec.sample_rate)
        if first < end - spec.hop_length or last <= first:
            raise ValueError("segments: must follow each other in time")
        if float(mel.std(dtype=np.float64)) < FLAT_DB:
            continue
        if not groups or first - end > bridge:
            groups.append([])
        groups[-1].append((first, last, mel))
        end = last
    return [_join(group, spec) for group in groups]


def _join(group: list[tuple[int, int, Float32Array]], spec: FeatureSpec) -> Stretch:
    centres, mels = [], []
    end = group[0][0]
    for first, _, mel in group:
        # Half of an excerpt's first frame lies before the excerpt and is empty, which sounds like a
        # click. After a small gap that frame is left out: the bridge replaces it.
        skipped = int(first - end > spec.hop_length // 2)
        centres.append(first + np.arange(skipped, len(mel)) * spec.hop_length)
        mels.append(mel[skipped:])
        end = first + len(mel) * spec.hop_length
    return Stretch(group[0][0], group[-1][1], np.concatenate(centres), np.concatenate(mels))


def _reciprocal(values: Float32Array, of_nothing: float) -> Float32Array:
    """One divided by each value, or `of_nothing` where the value is about zero."""
    there = values > TINY
    result = np.full_like(values, of_nothing)
    result[there] = np.float32(1) / values[there]
    return result


def mel_to_power(mel: Float32Array, bank: MelBank, n_updates: int = MEL_UPDATES) -> Float32Array:
    """A power spectrum (n_frames, bank.stop) of which the bank makes about this mel power.

    Many spectra have the same mel power (n_frames, n_mels); this one is as smooth as the bands.
    Bins above the bands are left out: they are zero. The updates keep it positive and bring each
    band closer by its ratio, so quiet bands count as much as loud ones. Source: W. H. Richardson,
    Bayesian-based iterative method of image restoration, 1972; the same as the multiplicative
    updates of non-negative matrix factorisation for the Kullback-Leibler divergence (Lee and Seung,
    2001) with fixed filters.
    """
    weight = bank.spread(np.ones((1, bank.n_mels), dtype=np.float32))
    inverse = _reciprocal(weight, 0)
    power = bank.spread(mel) * inverse * inverse
    for _ in range(n_updates):
        ratio = np.divide(mel, np.maximum(bank.apply(power), TINY), dtype=np.float32)
        power *= bank.spread(ratio) * inverse
    return power


def _overlap_add(spectra: Complex64Array, n_fft: int, hop_length: int) -> Float32Array:
    """Sum of the windowed frames of spectra (n_frames, at most n_fft // 2 + 1), not normalised."""
    n_hops = -(-n_fft // hop_length)
    sound = np.zeros((len(spectra) + n_hops - 1, hop_length), dtype=np.float32)
    window = hann_window(n_fft)
    for first in range(0, len(spectra), BATCH_FRAMES):
        batch = np.fft.irfft(spectra[first : first + BATCH_FRAMES], n_fft, axis=1)
        # float32 already; numpy's types do not know that irfft keeps the precision.
        frames = batch.astype(np.float32, copy=False) * window
        if n_hops * hop_length > n_fft:
            frames = np.pad(frames, ((0, 0), (0, n_hops * hop_length - n_fft)))
        parts = frames.reshape(len(frames), n_hops, hop_length)
        for number in range(n_hops):
            sound[first + number : first + number + len(frames)] += parts[:, number]
    return sound.reshape(-1)


def istft(spectra: Complex64Array, *, n_fft: int, hop_length: int) -> Float32Array:
    """Sound of centred, Hann-windowed spectra (n_frames, at most n_fft // 2 + 1).

    Bins that are left out at the top are zero. Returns float32 ((n_frames - 1) * hop_length,),
    equal to `librosa.istft(spectra.T, n_fft=..., hop_length=...)` for an even n_fft.
    """
    n_frames = len(spectra)
    return _trim(
        _overlap_add(spectra, n_fft, hop_length) * _window_gain(n_frames, n_fft, hop_length),
        n_frames, n_fft, hop_length,
    )  # fmt: skip


def _trim(sound: Float32Array, n_frames: int, n_fft: int, hop_length: int) -> Float32Array:
    return sound[n_fft // 2 : n_fft // 2 + (n_frames - 1) * hop_length]


def _window_gain(n_frames: int, n_fft: int, hop_length: int) -> Float32Array:
    """Factor per sample that undoes the sum of the squared windows."""
    n_hops = -(-n_fft // hop_length)
    total = np.zeros((n_frames + n_hops - 1, hop_length), dtype=np.float32)
    square = np.zeros(n_hops * hop_length, dtype=np.float32)
    square[:n_fft] = hann_window(n_fft) ** 2
    for number, part in enumerate(square.reshape(n_hops, hop_length)):
        total[number : number + n_frames] += part
    flat = total.reshape(-1)
    return _reciprocal(flat, 1)


def griffin_lim(
    magnitude: Float32Array, *, n_fft: int, hop_length: int, n_iter: int = ITERATIONS,
    momentum: float = MOMENTUM, seed: int = SEED,
) -> Float32Array:  # fmt: skip
    """A sound whose centred, Hann-windowed STFT has about this magnitude.

    Parameters
    ----------
    magnitude : float32 (n_frames, at most n_fft // 2 + 1); bins left out at the top are zero.
    n_fft, hop_length : in samples; a quarter of n_fft is a good hop.
    n_iter, momentum : steps, and how far each goes on in the direction of the last; 0 is the
        algorithm of Griffin and Lim.
    seed : of the random phases to begin with.

    Returns
    -------
    float32 ((n_frames - 1) * hop_length,); as close as `librosa.griffinlim` comes.

    Sources: D. Griffin and J. Lim, Signal estimation from modified short-time Fourier transform,
    1984; N. Perraudin, P. Balazs and P. Soendergaard, A fast Griffin-Lim algorithm, 2013.
    """
    n_frames, n_bins = magnitude.shape
    window = hann_window(n_fft)
    gain = _window_gain(n_frames, n_fft, hop_length)
    # Outside the sound itself, all steps are silent.
    gain[: n_fft // 2] = 0
    gain[n_fft // 2 + (n_frames - 1) * hop_length :] = 0
    phase = np.random.default_rng(seed).random((n_frames, n_bins), dtype=np.float32)
    phase *= np.float32(2 * np.pi)
    spectra = np.empty((n_frames, n_bins), dtype=np.complex64)
    np.cos(phase, out=spectra.real)
    np.sin(phase, out=spectra.imag)
    spectra *= magnitude
    before = np.zeros_like(spectra)
    share = np.float32(momentum / (1 + momentum))
    for _ in range(n_iter):
        sound = _overlap_add(spectra, n_fft, hop_length)
        sound *= gain
        step = sound.strides[0]
        frames = np.lib.stride_tricks.as_strided(
            sound, (n_frames, n_fft), (step * hop_length, step), writeable=False
        )
        for first in range(0, n_frames, BATCH_FRAMES):
            batch = slice(first, first + BATCH_FRAMES)
            rebuilt = np.fft.rfft(frames[batch] * window, axis=1)[:, :n_bins]
            ahead = rebuilt - share * before[batch]
            before[batch] = rebuilt
            length = np.sqrt(ahead.real**2 + ahead.imag**2)
            ahead *= magnitude[batch] / np.maximum(length, TINY)
            spectra[batch] = ahead
    return _trim(_overlap_add(spectra, n_fft, hop_length) * gain, n_frames, n_fft, hop_length)


def _sound(stretch: Stretch, first: int, last: int, spec: FeatureSpec, seed: int) -> Float32Array:
    """Samples first to last of a stretch; its first and last frame go on beyond its ends."""
    hop = max(1, spec.n_fft // 4)
    # One window more on both sides gives every sample all its frames.
    positions = np.arange(first - spec.n_fft, last + spec.n_fft + hop, hop)
    after = np.clip(np.searchsorted(stretch.centres, positions), 1, len(stretch.centres) - 1)
    low, high = int(after[0]) - 1, int(after[-1]) + 1
    bank = mel_bank(spec.sample_rate, spec.n_fft, spec.n_mels, spec.fmin, spec.fmax)
    mel = np.power(np.float32(10), stretch.log_mel[low:high] / np.float32(10))
    power = np.log(np.maximum(mel_to_power(mel, bank), TINY))
    gaps = stretch.centres[after] - stretch.centres[after - 1]
    share = ((positions - stretch.centres[after - 1]) / gaps).clip(0, 1).astype(np.float32)[:, None]
    after -= low
    magnitude = np.exp((power[after - 1] * (1 - share) + power[after] * share) / 2)
    sound = griffin_lim(magnitude, n_fft=spec.n_fft, hop_length=hop, seed=seed)
    return sound[spec.n_fft : spec.n_fft + last - first]


def _blocks(stretch: Stretch, spec: FeatureSpec) -> list[tuple[int, int]]:
    """First and last sample of the blocks of a stretch, all about as long."""
    length = stretch.last - stretch.first
    count = max(1, round(length / (BLOCK_S * spec.sample_rate)))
    bounds = [stretch.first + length * number // count for number in range(count + 1)]
    return list(itertools.pairwise(bounds))


class Inversion:
    """A sound made of segments, block by block: only one block at a time is in memory.

    Parameters
    ----------
    segments : of one song, in order.
    spec : by which they were made.

    Attributes
    ----------
    n_samples : of the whole sound, to the end of the last segment, at spec.sample_rate. Sample 0 is
        the start of the song: an intro that was left out is silent.
    n_blocks : number of blocks that `blocks` gives.
    gain : factor that brings the loudest sample of the blocks so far to PEAK.

    Raises
    ------
    InversionError : "statistics" for that kind, "nothing" when no segment holds any change.
    ValueError : when the segments are not in order.
    """

    def __init__(self, segments: Sequence[Segment], spec: FeatureSpec):
        self.spec = spec
        stretches = find_stretches(segments, spec)
        if not stretches:
            raise InversionError("nothing")
        self.n_samples = max(round(segment.end * spec.sample_rate) for segment in segments)
        self._plan = [(stretch, _blocks(stretch, spec)) for stretch in stretches]
        self.n_blocks = sum(len(blocks) for _, blocks in self._plan)
        self._peak = 0.0

    @property
    def gain(self) -> float:
        """PEAK divided by the loudest sample so far."""
        return PEAK / max(self._peak, float(TINY))

    def blocks(self) -> Iterator[tuple[int, Float32Array]]:
        """First sample and samples float32 (n,) of one block after the other.

        Blocks do not overlap, and samples outside of them are silent. `gain` is still to be
        applied, as the loudest sample is known after the last block.
        """
        rate = self.spec.sample_rate
        half = round(FADE_S * rate) // 2
        edge = round(EDGE_S * rate)
        seed = SEED
        for stretch, blocks in self._plan:
            # The end of the block before, which fades into the beginning of the next.
            faded: Float32Array = np.empty(0, dtype=np.float32)
            for first, last in blocks:
                begin = first if first == stretch.first else first - half
                end = last if last == stretch.last else last + half
                sound = _sound(stretch, begin, end, self.spec, seed)
                seed += 1
                _fade(sound, edge if begin == first else 2 * half)
                _fade(sound[::-1], edge if end == last else 2 * half)
                sound[: len(faded)] += faded
                whole = len(sound) if end == last else len(sound) - 2 * half
                sound, faded = sound[:whole], sound[whole:]
                self._peak = max(self._peak, float(sound.max()), -float(sound.min()))
                yield begin, sound


def _fade(sound: Float32Array, length: int) -> None:
    """Let a sound begin softly, in place. Two of these fade into each other with constant power."""
    length = min(length, len(sound) // 2)
    sound[:length] *= np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(length, 1))


def invert(
    segments: Sequence[Segment], spec: FeatureSpec, progress: Progress | None = None
) -> Float32Array:
    """Make a sound of the features of a song.

    Parameters
    ----------
    segments : as `extract_segments` or `read_request` gives them.
    spec : by which they were made.
    progress : called as progress(done, total) after each block.

    Returns
    -------
    float32 (n,), mono, at spec.sample_rate, from the song's start to the end of the last segment;
    the loudest sample is PEAK. Errors are those of `Inversion`.
    """
    inversion = Inversion(segments, spec)
    sound = np.zeros(inversion.n_samples, dtype=np.float32)
    for done, (first, block) in enumerate(inversion.blocks(), start=1):
        sound[first : first + len(block)] = block
        if progress is not None:
            progress(done, inversion.n_blocks)
    sound *= np.float32(inversion.gain)
    return sound
