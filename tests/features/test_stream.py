"""A song that is fed in parts gives the segments of the whole song."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import AudioError, FeatureSpec, SegmentStream, build_request
from features.segments import excerpt_bounds
from tests.browser.sounds import band

# A coarse spec, as many songs are tried; songs are cut alike with any spec.
COARSE = FeatureSpec(
    sample_rate=1000, n_fft=64, hop_length=40, n_mels=8, fmax=400.0, n_mfcc=4, n_frames=16,
    excerpt_s=3.0, skip_s=3.0, skip_longer_than_s=9.0,
)  # fmt: skip


def streamed(samples, spec, cuts, take_at=()):
    """Feed a song cut at `cuts`: the requests that were taken, and the stream."""
    stream = SegmentStream(spec)
    requests = []
    parts = np.split(samples, cuts)
    for number, part in enumerate(parts, start=1):
        stream.feed(part, last=number == len(parts))
        if number in take_at:
            requests.append(stream.take())
    requests.append(stream.take())
    return [request for request in requests if request], stream


def joined(requests):
    return [segment for request in requests for segment in json.loads(request.body)["segments"]]


@given(
    n_samples=st.integers(1, 20_000),
    cuts=st.lists(st.integers(0, 20_000), max_size=8),
    take_at=st.sets(st.integers(1, 8)),
    silence=st.tuples(st.integers(0, 20_000), st.integers(0, 8_000)),
)
@settings(max_examples=150, deadline=None)
def test_any_cut_gives_the_segments_of_the_whole(n_samples, cuts, take_at, silence):
    samples = np.random.default_rng(n_samples).normal(scale=0.1, size=n_samples)
    samples = samples.astype(np.float32)
    samples[silence[0] : silence[0] + silence[1]] = 0
    cuts = sorted(min(cut, n_samples) for cut in cuts)
    try:
        whole = build_request(samples, COARSE)
    except AudioError:
        # The song is silent, at least after its skipped beginning.
        with pytest.raises(AudioError, match="is silent"):
            streamed(samples, COARSE, cuts, take_at)
        return
    requests, stream = streamed(samples, COARSE, cuts, take_at)
    assert joined(requests) == json.loads(whole.body)["segments"]
    assert sum(request.n_segments for request in requests) == whole.n_segments
    assert requests[-1].repeated == whole.repeated
    assert {request.skipped for request in requests} == {whole.skipped}
    assert stream.bounds == excerpt_bounds(n_samples, COARSE)


@pytest.mark.full
def test_the_spec_of_the_site_in_half_minutes():
    spec = FeatureSpec()
    samples = band(200, spec.sample_rate)
    cuts = range(30 * spec.sample_rate, len(samples), 30 * spec.sample_rate)
    requests, _ = streamed(samples, spec, cuts, take_at=(2, 4))
    # No segment is cut before it is known whether the song loses its beginning.
    assert [request.n_segments for request in requests] == [18, 16]
    assert [request.repeated for request in requests] == [False, False]
    assert joined(requests) == json.loads(build_request(samples, spec).body)["segments"]


def test_an_excerpt_is_given_as_soon_as_it_is_whole():
    stream = SegmentStream(COARSE)
    sound = np.random.default_rng(0).normal(size=12_000).astype(np.float32)
    stream.feed(sound[:9000])
    assert stream.take() is None
    stream.feed(sound[9000:9001])
    assert stream.bounds == [(3000, 6000), (6000, 9000)]
    request = stream.take()
    assert request
    assert request.skipped == 3.0
    stream.feed(sound[9001:11999])
    assert stream.take() is None
    stream.feed(sound[11999:])
    assert stream.bounds[-1] == (9000, 12_000)


@pytest.mark.parametrize("gap", ["at the start", "in the middle", "at the end"])
def test_a_gap_ends_up_without_a_vote_wherever_it_lies(gap):
    rng = np.random.default_rng(5)
    music = rng.normal(scale=0.1, size=15_000).astype(np.float32)
    hiss = rng.normal(scale=0.1 * 10 ** (-62 / 20), size=12_000).astype(np.float32)
    place = {"at the start": 0, "in the middle": 9000, "at the end": 15_000}[gap]
    samples = np.concatenate([music[:place], hiss, music[place:]])
    whole = json.loads(build_request(samples, COARSE).body)["segments"]
    requests, stream = streamed(samples, COARSE, range(3000, 27_000, 3000), take_at=range(9))
    found = joined(requests)
    # Nothing louder was known at the start, so it was handed out; `gaps` takes it back.
    assert (len(found) > len(whole)) == (gap == "at the start")
    gaps = [(max(place, 3000) / 1000, (place + 12_000) / 1000)]
    assert [(stream.gaps()[0][0], stream.gaps()[-1][1])] == gaps
    heard = [
        piece
        for piece in found
        if not any(start <= piece["start"] < end for start, end in stream.gaps())
    ]
    assert heard == whole
    assert not [piece for piece in whole if gaps[0][0] <= piece["start"] < gaps[0][1]]


def test_requests_of_a_limited_size():
    samples = np.random.default_rng(0).normal(size=21_000).astype(np.float32)
    stream = SegmentStream(COARSE)
    stream.feed(samples, last=True)
    requests = []
    while request := stream.take(10):
        requests.append(request)
    whole = build_request(samples, COARSE)
    assert [request.n_segments for request in requests] == [10, 10, whole.n_segments - 20]
    assert joined(requests) == json.loads(whole.body)["segments"]


@pytest.mark.full
def test_memory_does_not_grow_with_the_song():
    stream = SegmentStream(COARSE)
    part = np.random.default_rng(0).normal(size=3000).astype(np.float32)
    for _ in range(10):
        stream.feed(part)
    stream.take()
    tracemalloc.start()
    try:
        for _ in range(200):
            stream.feed(part)
            stream.take()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 500_000  # the samples alone are 2.4 MB


@pytest.mark.parametrize(
    ("sound", "code"), [([], "empty"), (np.zeros(5000), "silent"), ([0.1, np.nan], "not_finite")]
)
def test_sounds_that_cannot_be_analysed_are_refused(sound, code):
    stream = SegmentStream(COARSE)
    stream.feed(np.array(sound, dtype=np.float32))
    with pytest.raises(AudioError) as raised:
        stream.feed(np.empty(0, np.float32), last=True)
    assert raised.value.code == code
