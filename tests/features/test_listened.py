"""Three excerpts of a song instead of all of it."""

import json

import numpy as np
import pytest

from features import AudioError, FeatureSpec, build_request, extract_segments
from features.browser import choose_excerpts, extract_excerpts
from features.segments import build_request_of, excerpt_bounds, listened_bounds

from .sounds import noise

SPEC = FeatureSpec()
RATE = SPEC.sample_rate


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (20, [0]),
        (89, [0, 30, 60]),
        (91, [30, 60]),
        (120, [30, 60, 90]),
        # Four excerpts, of which the last is not full.
        (129, [30, 60, 90]),
        (150, [30, 90, 120]),
        (170, [30, 90, 120]),
        (180, [30, 90, 150]),
        (209.99, [30, 90, 150]),
        (210, [30, 120, 180]),
        (3600, [30, 1800, 3570]),
    ],
)
def test_first_middle_and_last_full_excerpt(seconds, starts):
    n_samples = round(seconds * RATE)
    bounds = listened_bounds(n_samples, SPEC)
    assert [start / RATE for start, _ in bounds] == starts
    assert set(bounds) <= set(excerpt_bounds(n_samples, SPEC))
    if len(excerpt_bounds(n_samples, SPEC)) > 3:
        assert all(end - start == SPEC.excerpt_samples for start, end in bounds)
    assert listened_bounds(n_samples, SPEC, "whole") == excerpt_bounds(n_samples, SPEC)


def test_features_are_those_of_the_same_excerpts_in_the_whole_song():
    samples = noise(215, seed=5)
    bounds = listened_bounds(len(samples), SPEC)
    wanted = [
        segment
        for segment in extract_segments(samples, SPEC)
        if any(start <= round(segment.start * RATE) < end for start, end in bounds)
    ]
    request = build_request(samples, SPEC, listen="excerpts")
    body = json.loads(request.body)
    assert request.n_segments == len(wanted) == 18
    assert request.skipped == 30
    for segment, found in zip(wanted, body["segments"], strict=True):
        assert found["start"] == round(segment.start, 3)
        assert found["end"] == round(segment.end, 3)
        rounded = np.round(segment.values.astype(np.float64), SPEC.decimals)
        assert np.array_equal(found["features"]["mfcc"], rounded)
    # The samples between the excerpts are not needed.
    cuts = [(start, samples[start:end]) for start, end in bounds]
    assert build_request_of(cuts, SPEC) == request


def test_progress_counts_the_excerpts_that_are_listened_to():
    told = []
    build_request(noise(200), SPEC, lambda *done: told.append(done), "excerpts")
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_song_of_three_excerpts_is_listened_to_as_a_whole():
    samples = noise(115)
    assert build_request(samples, SPEC, listen="excerpts") == build_request(samples, SPEC)


class Samples:
    """Samples as JavaScript hands them over."""

    def __init__(self, samples):
        self._samples = samples

    def to_memoryview(self):
        return memoryview(self._samples)


def test_page_chooses_and_extracts_the_same_excerpts():
    spec = json.dumps(SPEC.to_json())
    samples = noise(200, seed=2)
    assert choose_excerpts(115 * RATE, spec) == {"type": "chosen", "bounds": None}
    assert choose_excerpts(0, spec)["bounds"] is None
    bounds = choose_excerpts(len(samples), spec)["bounds"]
    assert bounds is not None
    cut = np.concatenate([samples[first:last] for first, last in bounds])
    found = extract_excerpts(Samples(cut), json.dumps(bounds), spec, lambda *_: None)
    wanted = build_request(samples, SPEC, listen="excerpts")
    assert found["type"] == "extracted"
    assert found["body"] == wanted.body
    assert found["nSegments"] == len(found["pieces"]) == 18
    assert found["pieces"][6][0] == 90
    silent = extract_excerpts(
        Samples(np.zeros_like(cut)), json.dumps(bounds), spec, lambda *_: None
    )
    assert silent["type"] == "refused"
    assert silent["code"] == "silent"


def test_excerpts_that_are_silent_or_missing_are_refused():
    samples = noise(200)
    for start, end in listened_bounds(len(samples), SPEC):
        samples[start:end] = 0
    with pytest.raises(AudioError, match="silent"):
        build_request(samples, SPEC, listen="excerpts")
    with pytest.raises(AudioError, match="no sound"):
        build_request_of([], SPEC)
