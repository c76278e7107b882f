"""From features back to a sound, beside librosa's way of doing it."""

from __future__ import annotations

import json
import tracemalloc

import librosa
import numpy as np
import pytest

from features import FeatureSpec, build_request, coefficients, extract_segments
from features.inversion import (
    BLOCK_S,
    PEAK,
    Inversion,
    InversionError,
    griffin_lim,
    invert,
    istft,
    log_mel,
    mel_to_power,
    read_request,
)
from features.mel import Float32Array, mel_bank, mel_spectrogram
from features.segments import Segment, excerpt_log_mel
from tests.browser.sounds import band

from .sounds import power_spectra

RATE = 22050
SPEC = FeatureSpec()
SPECS = {
    "mfcc": SPEC,
    "log_mel": FeatureSpec(kind="log_mel"),
    "raw": FeatureSpec(n_mfcc=25, standardise=False),
    "odd": FeatureSpec(
        kind="log_mel", sample_rate=16000, n_fft=1000, hop_length=317, n_mels=37,
        n_mfcc=20, fmin=91.5,
        fmax=7000.0, n_frames=100,
    ),
}  # fmt: skip


# Excerpts of a third of the length; three frames are left over, as in excerpts of 30 s.
SHORT = FeatureSpec(excerpt_s=10.1, skip_s=10.0, skip_longer_than_s=30.0)
# A coarse spec, so that minutes of sound take no time.
COARSE = FeatureSpec(
    kind="log_mel", sample_rate=1000, n_fft=256, hop_length=200, n_mels=16, n_mfcc=8, fmax=450.0,
    n_frames=25,
)  # fmt: skip


def likeness(one: Float32Array, other: Float32Array) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def convergence(samples: Float32Array, magnitude: Float32Array) -> float:
    """Relative distance of a sound's spectra from wanted ones, frequency first; 0 when equal."""
    found = np.abs(librosa.stft(samples, n_fft=2048, hop_length=512))[:, : magnitude.shape[1]]
    return float(np.linalg.norm(found - magnitude) / np.linalg.norm(magnitude))


@pytest.mark.parametrize(("n_fft", "hop_length"), [(2048, 512), (1000, 250), (1000, 317)])
def test_istft_equals_librosas(n_fft: int, hop_length: int):
    sound = band(2, RATE)
    spectra = librosa.stft(sound, n_fft=n_fft, hop_length=hop_length)
    wanted = librosa.istft(spectra, n_fft=n_fft, hop_length=hop_length)
    mine = istft(spectra.T, n_fft=n_fft, hop_length=hop_length)
    assert mine.dtype == np.float32
    np.testing.assert_allclose(mine, wanted, atol=1e-5)
    middle = slice(n_fft, len(mine) - n_fft)
    np.testing.assert_allclose(mine[middle], sound[: len(mine)][middle], atol=1e-5)


def test_bins_left_out_at_the_top_are_zero():
    spectra = librosa.stft(band(1, RATE), n_fft=2048, hop_length=512)
    spectra[700:] = 0
    np.testing.assert_allclose(
        istft(spectra[:700].T, n_fft=2048, hop_length=512),
        istft(spectra.T, n_fft=2048, hop_length=512),
        atol=1e-6,
    )


@pytest.mark.full
@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_griffin_lim_comes_as_close_as_librosas(momentum: float):
    magnitude = np.sqrt(power_spectra(band(4, RATE), 2048, 512))

    def mine(seed: int, n_iter: int = 32) -> float:
        sound = griffin_lim(
            magnitude.T, n_fft=2048, hop_length=512, n_iter=n_iter, momentum=momentum, seed=seed
        )
        return convergence(sound, magnitude)

    def theirs(seed: int) -> float:
        sound = librosa.griffinlim(
            magnitude, n_iter=32, hop_length=512, momentum=momentum, random_state=seed
        )
        return convergence(sound, magnitude)

    # Both begin with random phases, so a single seed may favour either.
    seeds = range(3)
    assert np.mean([*map(mine, seeds)]) == pytest.approx(np.mean([*map(theirs, seeds)]), rel=0.1)
    assert mine(0) < 0.5 * mine(0, n_iter=0)


def test_griffin_lim_is_repeatable():
    magnitude = np.sqrt(power_spectra(band(1, RATE), 2048, 512)).T
    one, same, other = (
        griffin_lim(magnitude, n_fft=2048, hop_length=512, seed=n) for n in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_spread_is_the_transpose_of_apply():
    bank = mel_bank(16000, 1000, 37, 91.5, 7000.0)
    matrix = librosa.filters.mel(sr=16000, n_fft=1000, n_mels=37, fmin=91.5, fmax=7000.0)
    mel = np.random.default_rng(0).uniform(size=(5, 37)).astype(np.float32)
    wanted = mel @ matrix
    np.testing.assert_allclose(bank.spread(mel), wanted[:, : bank.stop], atol=1e-7)
    assert not wanted[:, bank.stop :].any()


@pytest.mark.full
def test_mel_inversion_is_as_close_as_librosas():
    sound = band(3, RATE)
    mel = mel_spectrogram(sound, hop_length=512, n_mels=116, fmax=SPEC.fmax)
    bank = mel_bank(RATE, 2048, 116, 0.0, SPEC.fmax)
    mine = mel_to_power(mel, bank)
    assert mine.shape == (len(mel), bank.stop)
    assert (mine >= 0).all()
    true = np.sqrt(power_spectra(sound, 2048, 512))[: bank.stop]
    theirs = librosa.feature.inverse.mel_to_stft(mel.T, sr=RATE, n_fft=2048, fmax=SPEC.fmax)
    theirs = theirs[: bank.stop].T ** 2

    def errors(power: Float32Array) -> tuple[float, float]:
        """Mean error of the bands in dB, and relative distance from the true spectrum."""
        bands = bank.apply(np.pad(power, ((0, 0), (0, 1025 - bank.stop))).astype(np.float32))
        db = 10 * np.log10((bands + 1e-10) / (mel + 1e-10))
        distance = np.linalg.norm(np.sqrt(power).T - true) / np.linalg.norm(true)
        return float(np.abs(db).mean()), float(distance)

    (my_bands, mine_off), (their_bands, theirs_off) = errors(mine), errors(theirs)
    assert my_bands < 2
    assert my_bands < their_bands
    assert mine_off < 0.3
    assert mine_off < theirs_off


@pytest.mark.parametrize("name", SPECS)
def test_log_mel_comes_back_from_features(name: str):
    spec = SPECS[name]
    mel = excerpt_log_mel(band(12, spec.sample_rate), spec)[: spec.n_frames]
    back = log_mel(coefficients(mel, spec), spec)
    assert back.shape == mel.shape
    assert back.min() >= -spec.top_db
    if spec.kind == "log_mel":
        assert likeness(back, mel) > 0.999
    else:
        theirs = librosa.power_to_db(
            librosa.feature.inverse.mfcc_to_mel(coefficients(mel, spec).T, n_mels=spec.n_mels),
            top_db=None,
        ).T
        assert likeness(back, np.maximum(theirs, -spec.top_db)) > 0.9999
        # 25 coefficients smooth a tonal spectrum more than 64 do.
        assert likeness(back, mel) > 0.7


@pytest.mark.parametrize("name", SPECS)
def test_round_trip(name: str):
    """The features of the new sound are about those that were sent."""
    spec = SPECS[name]
    sound = band(24, spec.sample_rate, seed=4)
    segments = read_request(build_request(sound, spec).body, spec)
    again = extract_segments(invert(segments, spec), spec)
    assert len(again) >= len(segments) - 1
    found = [
        likeness(log_mel(one.values, spec), log_mel(other.values, spec))
        for one, other in zip(segments, again, strict=False)
    ]
    assert min(found) > 0.95
    mixed = [
        likeness(log_mel(one.values, spec), log_mel(other.values[::-1], spec))
        for one, other in zip(segments, again, strict=False)
    ]
    assert max(mixed) < min(found)


@pytest.mark.full
def test_beats_come_back():
    sound = band(20, RATE, seed=2)
    back = invert(extract_segments(sound, SPEC), SPEC)
    onsets = [librosa.onset.onset_strength(y=y[: len(back)], sr=RATE) for y in (sound, back)]
    assert likeness(*onsets) > 0.5
    assert likeness(onsets[0], np.roll(onsets[1], 6)) < 0.2


@pytest.mark.full
@pytest.mark.parametrize("seconds", [0.5, 3.0, 5.0, 15.0, 33.0])
def test_length_and_skipped_start_are_those_of_the_song(seconds: float):
    request = build_request(band(seconds, RATE), SHORT)
    segments = read_request(request.body, SHORT)
    seen: list[tuple[int, int]] = []
    back = invert(segments, SHORT, lambda done, total: seen.append((done, total)))
    assert len(back) == round(segments[-1].end * RATE)
    assert seconds - SPEC.segment_s - SPEC.hop_length / RATE < len(back) / RATE <= seconds + 1e-3
    assert np.isfinite(back).all()
    assert np.abs(back).max() == pytest.approx(PEAK, abs=1e-5)
    assert not back[: round(request.skipped * RATE)].any()
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert {total for _, total in seen} == {len(seen)}


@pytest.mark.full
def test_gaps_are_silent_and_small_ones_are_bridged():
    excerpt = SHORT.excerpt_samples
    loud = band(SHORT.excerpt_s, RATE)
    sound = np.concatenate([loud, np.zeros(excerpt, np.float32), band(6, RATE)])
    segments = extract_segments(sound, SHORT)
    back = invert(segments, SHORT)
    ends = round(segments[1].end * RATE)
    assert segments[2].start * RATE == pytest.approx(2 * excerpt)
    assert not back[ends : 2 * excerpt].any()
    assert back[2 * excerpt :].any()
    level = np.sqrt(np.square(back[: ends // 2205 * 2205].reshape(-1, 2205)).mean(axis=1))
    assert level.min() > 0.01 * level.max()
    # a song without silence has three frames left over between its excerpts; they are bridged
    whole = invert(extract_segments(band(2 * SHORT.excerpt_s, RATE), SHORT), SHORT)
    between = whole[round((SHORT.excerpt_s - 0.2) * RATE) : excerpt]
    assert np.sqrt(np.square(between).mean()) > 0.05 * np.sqrt(np.square(whole).mean())


@pytest.mark.full
def test_blocks_join_without_clicks():
    """Where two blocks meet, samples jump no more than elsewhere, and the level stays."""
    steady = np.random.default_rng(1).normal(scale=0.1, size=21 * RATE).astype(np.float32)
    segments = extract_segments(steady, SPEC)
    inversion = Inversion(segments, SPEC)
    assert inversion.n_blocks >= 2
    assert inversion.n_blocks == pytest.approx(segments[-1].end / BLOCK_S, abs=1)
    back = np.zeros(inversion.n_samples, np.float32)
    starts = []
    for first, block in inversion.blocks():
        # no block changes samples of another
        assert not back[first : first + len(block)].any()
        back[first : first + len(block)] = block
        starts.append(first)
    assert starts[0] == 0
    back *= np.float32(inversion.gain)
    np.testing.assert_array_equal(back, invert(segments, SPEC))
    jumps = np.abs(np.diff(back, 2))
    level = np.sqrt(np.convolve(np.square(back), np.full(551, 1 / 551), "same"))
    for first in starts[1:]:
        seam = slice(first - 100, first + RATE // 10 + 100)
        assert jumps[seam].max() < 1.5 * np.quantile(jumps, 0.9999)
        assert level[seam].min() > 0.5 * np.median(level)


@pytest.mark.parametrize("kind", ["mfcc", "log_mel"])
def test_flat_segments_are_silent(kind: str):
    spec = FeatureSpec(kind=kind)  # type: ignore[arg-type]
    (sounding,) = extract_segments(band(5, RATE), spec)
    flat = Segment(sounding.end, 2 * sounding.end, np.zeros(spec.shape, np.float32))
    back = invert([sounding, flat], spec)
    assert np.isfinite(back).all()
    middle = round(sounding.end * RATE)
    assert back[:middle].any()
    assert not back[middle:].any()
    with pytest.raises(InversionError) as caught:
        invert([flat], spec)
    assert caught.value.code == "nothing"


def test_extreme_numbers_stay_numbers():
    values = np.random.default_rng(2).normal(scale=30, size=SPEC.shape).astype(np.float32)
    back = invert([Segment(0, SPEC.segment_s, values)], SPEC)
    assert np.isfinite(back).all()
    assert np.abs(back).max() == pytest.approx(PEAK, abs=1e-5)


def test_statistics_cannot_be_inverted():
    spec = FeatureSpec(kind="statistics", statistics=("rms", "tempo"), standardise=False)
    segments = extract_segments(band(6, RATE), spec)
    with pytest.raises(InversionError, match="no course in time") as caught:
        invert(segments, spec)
    assert caught.value.code == "statistics"


def test_segments_out_of_order_are_refused():
    segments = extract_segments(band(12, RATE), SPEC)
    with pytest.raises(ValueError, match="follow each other"):
        invert(segments[::-1], SPEC)


def test_request_is_read_back():
    request = build_request(band(12, RATE), SPEC)
    segments = read_request(request.body, SPEC)
    for mine, made in zip(segments, extract_segments(band(12, RATE), SPEC), strict=True):
        assert (mine.start, mine.end) == (round(made.start, 3), round(made.end, 3))
        np.testing.assert_allclose(mine.values, made.values, atol=6e-4)
    with pytest.raises(ValueError, match="feature_spec"):
        read_request(request.body, FeatureSpec(n_mfcc=40))
    short = json.loads(request.body)
    short["segments"][0]["features"]["mfcc"].pop()
    with pytest.raises(ValueError, match="shape"):
        read_request(json.dumps(short), SPEC)


@pytest.mark.full
def test_memory_does_not_grow_with_the_song():
    (segment,) = extract_segments(band(5, COARSE.sample_rate), COARSE)

    def peak(n: int) -> int:
        length = COARSE.segment_s
        song = [Segment(k * length, (k + 1) * length, segment.values) for k in range(n)]
        tracemalloc.start()
        for _ in Inversion(song, COARSE).blocks():
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    # the samples of another three minutes take 0.7 MB, their log-mel 60 KB
    assert peak(42) < peak(6) + 250_000
