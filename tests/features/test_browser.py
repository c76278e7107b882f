"""The analysis as the page calls it, here in CPython; test_pyodide.py runs the same in Pyodide."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from features import AUDIO_ERRORS, FeatureSpec, browser, build_request
from features.inversion import INVERSION_ERRORS, invert, read_request
from features.mel import Float32Array
from features.segments import excerpt_bounds, segment_times

from . import sounds

# A coarse spec, so that songs of many excerpts take no time.
SPEC = FeatureSpec(
    sample_rate=1000, n_fft=64, hop_length=40, n_mels=8, fmax=400.0, n_mfcc=4, n_frames=16,
    excerpt_s=3.0, skip_s=3.0, skip_longer_than_s=9.0,
)  # fmt: skip
TEXT = json.dumps(SPEC.to_json())

noise = functools.partial(sounds.noise, sample_rate=SPEC.sample_rate)


class Samples:
    """A Float32Array as Pyodide hands it to Python."""

    def __init__(self, samples: Float32Array):
        self.samples = samples

    def to_memoryview(self) -> memoryview:
        return self.samples.data


def nothing(done: int, total: int) -> None:
    """Ignore the progress."""


@pytest.fixture(autouse=True)
def no_song_is_left() -> Iterator[None]:
    yield
    assert browser._streams == {}


@pytest.mark.parametrize("seconds", [0.3, 2, 8, 20.9])
def test_a_song_gives_its_request_and_all_its_pieces(seconds: float) -> None:
    samples = noise(seconds)
    samples[4000:6000] = 0
    progress: list[tuple[int, int]] = []
    answer = browser.extract(Samples(samples), TEXT, lambda *at: progress.append(at))
    request = build_request(samples, SPEC)
    pieces = segment_times(excerpt_bounds(len(samples), SPEC), SPEC)
    assert answer == {
        "type": "extracted",
        "body": request.body,
        "nSegments": request.n_segments,
        "repeated": request.repeated,
        "skipped": request.skipped,
        "pieces": pieces,
    }
    assert (len(pieces) > request.n_segments) == (seconds >= 8)
    assert progress[-1][0] == progress[-1][1] == len(progress)


@pytest.mark.parametrize("code", AUDIO_ERRORS)
def test_a_refused_sound_has_its_code_and_its_sentence(code: str) -> None:
    sound = {
        "empty": noise(0),
        "silent": 0 * noise(5),
        "not_finite": noise(5) + np.float32(np.inf),
    }[code]
    wanted = {"type": "refused", "code": code, "message": AUDIO_ERRORS[code]}
    assert browser.extract(Samples(sound), TEXT, nothing) == wanted
    assert browser.feed(1, Samples(sound), TEXT, True, True, 9) == wanted
    # the same key begins another song
    assert browser.feed(1, Samples(noise(2)), TEXT, True, True, 9)["type"] == "extracted"


def test_a_long_song_gives_the_requests_and_the_pieces_of_the_whole() -> None:
    samples = noise(31)
    whole = browser.extract(Samples(samples), TEXT, nothing)
    assert whole["type"] == "extracted"
    requests, pieces = [], []
    parts = np.split(samples, range(4000, len(samples), 4000))
    for number, part in enumerate(parts, start=1):
        last = number == len(parts)
        answer = browser.feed(7, Samples(part), TEXT, number == 4, last, 8)
        assert answer["type"] == "extracted"
        assert bool(answer["requests"]) == (number == 4 or last)
        requests += answer["requests"]
        pieces += answer["pieces"]
    assert pieces == whole["pieces"]
    segments = [piece for each in requests for piece in json.loads(each["body"])["segments"]]
    assert segments == json.loads(whole["body"])["segments"]
    assert [each["nSegments"] for each in requests] == [8, 8, 8, 8, 5]
    assert sum(each["nSegments"] for each in requests) == whole["nSegments"]
    assert {each["skipped"] for each in requests} == {whole["skipped"]} == {3.0}


def test_long_songs_keep_apart_and_can_be_forgotten() -> None:
    one, other = noise(6, seed=1), noise(6, seed=2)
    for key, samples in ((1, one), (2, other), (3, one)):
        answer = browser.feed(key, Samples(samples[:3000]), TEXT, False, False, 99)
        assert answer == {"type": "extracted", "requests": [], "pieces": []}
    browser.forget(3)
    browser.forget(3)
    for key, samples in ((2, other), (1, one)):
        answer = browser.feed(key, Samples(samples[3000:]), TEXT, False, True, 99)
        assert answer["type"] == "extracted"
        assert [each["body"] for each in answer["requests"]] == [build_request(samples, SPEC).body]


def test_a_sound_is_made_block_by_block() -> None:
    body = build_request(noise(27), SPEC).body
    begun, *blocks, made = browser.invert(body, TEXT)
    whole = invert(read_request(body, SPEC), SPEC)
    assert begun == {"type": "begun", "nSamples": len(whole), "nBlocks": len(blocks)}
    assert len(blocks) >= 2
    sound = np.zeros(len(whole), np.float32)
    for block in blocks:
        assert block["type"] == "block"
        there = slice(block["first"], block["first"] + len(block["samples"]))
        # no block changes samples of another
        assert not sound[there].any()
        sound[there] = block["samples"]
    assert made["type"] == "made"
    np.testing.assert_array_equal(sound * np.float32(made["gain"]), whole)


def test_numbers_without_a_sound_are_refused() -> None:
    flat = {"start": 0, "end": 0.64, "features": {"mfcc": [[1.0] + [0.0] * 3] * 16}}
    body = json.dumps({"feature_spec": SPEC.id, "segments": [flat]})
    # every frame is the same and, with c0 alone, so is every band: nothing could be heard
    assert list(browser.invert(body, TEXT)) == [
        {"type": "refused", "code": "nothing", "message": INVERSION_ERRORS["nothing"]}
    ]
    with pytest.raises(ValueError, match="feature_spec"):
        list(browser.invert(body, json.dumps(FeatureSpec().to_json())))


def test_inversion_is_not_imported_at_once(root: Path) -> None:
    code = "import sys, features.browser; print([m for m in sys.modules if 'inversion' in m])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
