"""From songs of every length to segments and the JSON."""

import json
import tracemalloc

import librosa
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from features import AudioError, FeatureSpec, build_request, extract_segments
from features.segments import (
    count_segments,
    excerpt_bounds,
    excerpt_log_mel,
    request_json,
    segment_bounds,
    segment_times,
    standardise,
)

from .sounds import noise

SPEC = FeatureSpec()


@pytest.mark.parametrize(
    ("seconds", "skipped", "n_segments", "repeated"),
    [
        (0.5, 0, 1, True),
        (3, 0, 1, True),
        (5, 0, 1, False),
        (20, 0, 4, False),
        (60, 0, 12, False),
        (89, 0, 17, False),
        (90, 0, 18, False),
        (91, 30, 12, False),
        (170, 30, 28, False),
        (180, 30, 30, False),
        (200, 30, 34, False),
    ],
)
def test_table_of_lengths(seconds, skipped, n_segments, repeated):
    request = build_request(noise(seconds), SPEC)
    body = json.loads(request.body)
    assert (request.skipped, request.n_segments, request.repeated) == (
        skipped, n_segments, repeated,
    )  # fmt: skip
    assert len(body["segments"]) == n_segments
    first, last = body["segments"][0], body["segments"][-1]
    assert first["start"] == skipped
    assert first["end"] == pytest.approx(min(skipped + 4.966, seconds), abs=1e-3)
    assert last["end"] <= seconds + 1e-3
    for segment in body["segments"]:
        values = np.array(segment["features"]["mfcc"])
        assert values.shape == (64, 64)
        assert np.isfinite(values).all()


def test_segments_equal_librosa_step_by_step():
    samples = noise(100, seed=3)
    segments = extract_segments(samples, SPEC)
    excerpt = samples[60 * 22050 : 90 * 22050]  # the second one
    mel = librosa.feature.melspectrogram(
        y=excerpt, sr=22050, n_fft=2048, hop_length=1711, n_mels=116, fmax=SPEC.fmax
    )
    db = librosa.power_to_db(mel, ref=np.max).T[64:128]
    wanted = librosa.feature.mfcc(S=((db - db.mean()) / db.std()).T, n_mfcc=64).T
    np.testing.assert_allclose(segments[7].values, wanted, atol=1e-3)
    assert segments[7].start == pytest.approx(60 + 4.966167800)


def test_standardised_segments():
    pieces = np.random.default_rng(0).uniform(-80, 0, (3, 64, 116)).astype(np.float32)
    standard = standardise(pieces)
    np.testing.assert_allclose(standard.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(standard.std(axis=(1, 2)), 1, atol=1e-4)
    assert np.isfinite(standardise(np.zeros((1, 64, 116), np.float32))).all()


@settings(deadline=None, max_examples=15)
@given(gain=st.floats(0.01, 1.0))
def test_level_does_not_matter(gain):
    samples = noise(6, seed=5)
    quiet = extract_segments(samples * np.float32(gain), SPEC)
    np.testing.assert_allclose(
        quiet[0].values, extract_segments(samples, SPEC)[0].values, atol=2e-3
    )


def test_a_longer_song_keeps_the_verdict_on_its_earlier_part():
    samples = noise(200, seed=6)
    long, short = extract_segments(samples, SPEC), extract_segments(samples[: 121 * 22050], SPEC)
    for first, second in zip(long, short, strict=False):
        assert first.start == second.start
        np.testing.assert_array_equal(first.values, second.values)
    assert len(short) == 18


def test_short_sound_is_repeated():
    samples = noise(1.0)
    repeated = extract_segments(samples, SPEC)[0]
    by_hand = extract_segments(np.tile(samples, 6)[: SPEC.segment_samples], SPEC)[0]
    np.testing.assert_allclose(repeated.values, by_hand.values, atol=1e-5)
    assert repeated.end == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (np.zeros(0, np.float32), "empty"),
        (np.zeros(220500, np.float32), "silent"),
        (np.full(220500, 2e-5, np.float32), "silent"),
        (np.full(1, 0, np.float32), "silent"),
        (np.full(220500, np.nan, np.float32), "not_finite"),
        (np.append(noise(10), np.float32(np.inf)), "not_finite"),
        (np.append(noise(10), np.float32(np.nan)), "not_finite"),
    ],
)
def test_odd_sounds_get_a_sentence(samples, code):
    with pytest.raises(AudioError) as caught:
        extract_segments(samples, SPEC)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


def test_silent_stretches_have_no_segment():
    samples = np.concatenate([noise(30), np.zeros(30 * 22050, np.float32), noise(15)])
    starts = [segment.start for segment in extract_segments(samples, SPEC)]
    assert len(starts) == 6 + 3
    assert not any(30 <= start < 60 for start in starts)
    half = np.concatenate([noise(10), np.zeros(20 * 22050, np.float32)])
    assert [round(s.start, 2) for s in extract_segments(half, SPEC)] == [0.0, 4.97, 9.93]


def test_clipped_and_constant_sounds_are_finite():
    for samples in (np.clip(noise(6) * 100, -1, 1), np.full(22050 * 6, 0.5, np.float32)):
        for segment in extract_segments(samples.astype(np.float32), SPEC):
            assert np.isfinite(segment.values).all()


def test_mono_only():
    with pytest.raises(ValueError, match="mono"):
        extract_segments(np.zeros((2, 1000), np.float32), SPEC)


def test_numbers_have_the_specs_decimals_and_no_negative_zero():
    body = build_request(noise(6), FeatureSpec(decimals=1)).body
    assert "-0.0," not in body
    numbers = json.loads(body)["segments"][0]["features"]["mfcc"]
    assert all(round(value, 1) == value for row in numbers for value in row)


def test_json_has_nothing_but_the_features():
    body = json.loads(build_request(noise(6), SPEC).body)
    assert set(body) == {"feature_spec", "segments"}
    assert body["feature_spec"] == SPEC.id
    assert set(body["segments"][0]) == {"start", "end", "features"}


def test_progress_per_excerpt():
    seen: list[tuple[int, int]] = []
    extract_segments(noise(100), SPEC, lambda done, total: seen.append((done, total)))
    assert {total for _, total in seen} == {len(seen)} == {3}
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))


def test_excerpts_are_thirty_seconds():
    bounds = excerpt_bounds(200 * 22050, SPEC)
    assert [(a / 22050, b / 22050) for a, b in bounds] == [
        (30, 60), (60, 90), (90, 120), (120, 150), (150, 180), (180, 200),
    ]  # fmt: skip


def test_segments_of_an_excerpt_follow_each_other():
    length = 64 * 1711
    # half a minute has 387 frames, so six segments and three frames more
    whole = segment_bounds(0, 30 * 22050, SPEC)
    assert whole == [(number * length, (number + 1) * length) for number in range(6)]
    assert count_segments(387, SPEC) == 6
    assert count_segments(np.array([63, 64, 387]), SPEC).tolist() == [0, 1, 6]
    later = segment_bounds(661_500, 661_500 + 30 * 22050, SPEC)
    assert later == [(661_500 + start, 661_500 + end) for start, end in whole]


def test_the_last_segment_ends_with_its_excerpt():
    # the 64th frame is centred one hop before the end of the segment
    assert segment_bounds(0, 63 * 1711, SPEC) == [(0, 63 * 1711)]
    assert segment_bounds(100, 100 + 127 * 1711, SPEC) == [
        (100, 100 + 64 * 1711), (100 + 64 * 1711, 100 + 127 * 1711),
    ]  # fmt: skip
    # a sound shorter than a segment is repeated, which gives one segment
    assert segment_bounds(0, 5, SPEC) == [(0, 5)]
    single = FeatureSpec(n_frames=1)
    assert segment_bounds(0, 2 * 1711, single) == [(0, 1711), (1711, 3422), (3422, 3422)]


@settings(deadline=None, max_examples=25)
@given(seconds=st.floats(0.1, 130))
def test_segments_have_the_times_of_segment_times(seconds):
    samples = noise(seconds)
    times = segment_times(excerpt_bounds(len(samples), SPEC), SPEC)
    assert [(s.start, s.end) for s in extract_segments(samples, SPEC)] == times


@pytest.mark.parametrize(("below", "is_gap"), [(50, False), (58, False), (62, True), (75, True)])
def test_a_stretch_far_below_the_loudest_has_no_vote_and_changes_no_other(below, is_gap):
    quiet = noise(30) * np.float32(10 ** (-below / 20))
    samples = np.concatenate([noise(30, seed=1), quiet, noise(25, seed=2)])
    request = build_request(samples, SPEC)
    starts = [piece["start"] for piece in json.loads(request.body)["segments"]]
    assert (not [start for start in starts if 30 <= start < 60]) == is_gap
    # Its features are there all the same.
    every = extract_segments(samples, SPEC)
    assert len(every) == 17
    heard = [segment for segment in every if not (is_gap and 30 <= segment.start < 60)]
    assert request.body == request_json(heard, SPEC)


def test_a_song_that_is_quiet_everywhere_has_no_gaps():
    samples = noise(65) * np.float32(1e-4)
    assert build_request(samples, SPEC).n_segments == len(extract_segments(samples, SPEC)) == 13


def test_sound_that_ends_at_4_khz_is_told():
    narrow = soxr.resample(noise(65)[: 65 * 22050], 22050, 8000, quality="HQ")
    narrow = soxr.resample(narrow, 8000, 22050, quality="HQ").astype(np.float32)
    wide = noise(65)[: len(narrow)]
    part = np.concatenate([narrow[: 60 * 22050], wide[: 5 * 22050]])
    # Its gaps do not count: dither has all frequencies.
    dithered = np.concatenate([narrow[: 30 * 22050], wide[: 30 * 22050] * np.float32(1e-4)])
    told = [build_request(sound, SPEC).narrow for sound in (narrow, wide, part, dithered)]
    assert told == [True, False, False, True]


def test_log_mel_is_relative_to_the_excerpts_maximum():
    log_mel = excerpt_log_mel(noise(10), SPEC)
    assert log_mel.max() == pytest.approx(0, abs=1e-4)
    assert log_mel.min() >= -80.001


@pytest.mark.full
def test_memory_stays_small_for_an_hour():
    samples = np.tile(noise(60), 60)
    tracemalloc.start()
    request = build_request(samples, SPEC)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert request.n_segments == 119 * 6
    # 12 MB of features, and the text twice while it is joined.
    assert peak < 15_000_000 + 2.5 * len(request.body)
