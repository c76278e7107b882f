"""The analysis as the page calls it, here in CPython; test_pyodide.py runs the same in Pyodide."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from features import AUDIO_ERRORS, FeatureSpec, browser, build_request
from features.inversion import INVERSION_ERRORS, invert, read_request
from features.mel import Float32Array
from features.own_genres import TEACHING_ERRORS, Mode, answer, principal_axes
from features.own_genres_file import (
    FILE_ERRORS,
    OwnGenresFile,
    read_own_genres,
    write_own_genres,
)
from features.segments import excerpt_bounds, segment_times
from features.teaching import Learned, learn

from . import sounds
from .lessons import content_of, make_lesson

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
        "narrow": request.narrow,
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
        assert answer == {"type": "extracted", "requests": [], "pieces": [], "gaps": []}
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


# --- own genres ---------------------------------------------------------------------------------

LESSON = make_lesson([6, 3, 7, 1], size=5, seed=4)
FOLDERS = [f"artist {row % 3}" if row % 4 else "" for row in range(len(LESSON.z))]


def floats(values: npt.NDArray[np.floating[Any]]) -> Samples:
    """Embeddings (n, size) as the page hands them over: one after the other, in float32."""
    return Samples(values.astype(np.float32).ravel())


def request(**changes: object) -> str:
    return json.dumps(
        {
            "model": content_of(LESSON.model), "modelSha256": "f" * 64, "featureSpec": SPEC.id,
            "mode": "own", "names": LESSON.names, "folders": [""] * len(LESSON.names),
            "base": None, **changes,
        }
    )  # fmt: skip


def learned(mode: Mode = "own", **more: Any) -> Learned:
    """What the lesson teaches, from embeddings in float32."""
    embeddings = LESSON.embeddings.astype(np.float32)
    return learn(embeddings, LESSON.names, LESSON.model, mode, **more)


def text_of(found: Learned) -> str:
    return write_own_genres(OwnGenresFile("v10", SPEC.id, "f" * 64, found.own))


def assert_plain(told: Any) -> None:
    """Nothing of numpy but arrays: Pyodide would hand the page a proxy."""
    if isinstance(told, dict):
        assert all(type(key) is str for key in told)
        told = list(told.values())
    if isinstance(told, list | tuple):
        for each in told:
            assert_plain(each)
    elif isinstance(told, np.ndarray):
        assert told.dtype == np.float32
        assert told.flags.c_contiguous
    else:
        assert type(told) in {str, int, float, bool, type(None)}


@pytest.mark.parametrize("mode", ["own", "beside"])
def test_the_page_is_taught_what_python_learns(mode: Mode) -> None:
    told = browser.teach(floats(LESSON.embeddings), request(mode=mode, folders=FOLDERS))
    assert told["type"] == "taught"
    assert_plain(told)
    found = learned(mode, folders=FOLDERS)
    assert told["file"] == text_of(found)
    for taught, genre, report in zip(told["genres"], found.own.genres, found.reports, strict=True):
        share = genre.recognised
        assert taught == {
            "name": genre.name,
            "songs": genre.songs,
            "recognised": (share.value, share.low, share.high) if share else None,
            "few": report.few,
            "takenFor": report.taken_for,
            "takenShare": report.taken_share,
            "overlaps": report.overlaps,
        }
    left_out = found.left_out
    for row, example in enumerate(told["examples"]):
        assert example["misfiled"] == found.misfiled[row]
        if left_out.judged[row]:
            shares = left_out.probabilities[row]
            assert example["winner"] == left_out.genres[shares.argmax()]
            assert example["probability"] == shares.max()
        else:
            assert (example["winner"], example["probability"]) == (None, 0)
    # the only song of a genre cannot be asked
    assert left_out.judged.sum() == len(LESSON.z) - 1


def test_examples_are_added_to_the_text_of_a_file() -> None:
    file = text_of(learned())
    told = browser.teach(floats(LESSON.embeddings), request(base=file))
    assert told["type"] == "taught"
    assert told["file"] == text_of(learned(base=read_own_genres(file).own))
    assert [genre["songs"] for genre in told["genres"]] == [
        2 * genre.songs for genre in learned().own.genres
    ]


@pytest.mark.parametrize("mode", ["own", "beside"])
def test_the_page_is_told_what_python_answers(mode: Mode) -> None:
    file = text_of(learned(mode))
    asked = make_lesson([9], size=5, seed=5, apart=4).z * LESSON.model.scale + LESSON.model.mean
    body = json.dumps({"model": content_of(LESSON.model), "file": file})
    told = browser.tell_own(floats(asked), body)
    assert told["type"] == "told"
    assert_plain(told)
    expected = answer(read_own_genres(file).own, LESSON.model, asked.astype(np.float32))
    assert told["genres"] == list(expected.genres)
    shares = told["probabilities"].reshape(9, -1)
    np.testing.assert_allclose(shares, expected.probabilities, rtol=1e-6, atol=1e-7)
    assert told["unsure"] == expected.unsure.tolist()
    assert 0 < sum(told["unsure"]) < 9
    nothing = browser.tell_own(floats(asked[:0]), body)
    assert nothing["type"] == "told"
    assert nothing["unsure"] == []


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("no_examples", {"names": [], "folders": []}),
        ("one_genre", {"names": ["Hip-Hop", "hiphop"] * 8 + ["hip hop"]}),
        ("many_genres", {"names": [f"genre {row}" for row in range(101)]}),
        ("empty_name", {"names": ["\u200b"] * 17}),
        ("long_name", {"names": ["x" * 200] * 17}),
        ("bad_numbers", {"names": ["a", "b"], "folders": ["", ""]}),
    ],
)
def test_what_cannot_be_taught_is_refused_with_a_sentence(
    code: str, changes: dict[str, object]
) -> None:
    assert browser.teach(floats(LESSON.embeddings), request(**changes)) == {
        "type": "refused",
        "code": code,
        "message": TEACHING_ERRORS[code],
    }


def test_impossible_numbers_are_refused_wherever_they_come_in() -> None:
    embeddings = LESSON.embeddings.copy()
    embeddings[3, 1] = np.nan
    refused = {"type": "refused", "code": "bad_numbers", "message": TEACHING_ERRORS["bad_numbers"]}
    model = content_of(LESSON.model)
    assert browser.teach(floats(embeddings), request()) == refused
    file = json.dumps({"model": model, "file": text_of(learned())})
    assert browser.tell_own(floats(embeddings), file) == refused
    assert browser.lay_out(floats(embeddings), json.dumps(model)) == refused
    assert browser.lay_out(floats(LESSON.embeddings[:, :3]), json.dumps(model)) == refused


def test_a_file_that_cannot_be_used_is_refused_wherever_it_comes_in() -> None:
    other = make_lesson([6, 7], size=4)
    own = learn(other.embeddings, other.names, other.model).own
    of_other_size = write_own_genres(OwnGenresFile("v10", SPEC.id, "f" * 64, own))
    for text, code in (
        ("", "no_file"),
        ("[" * 200, "no_file"),
        (" " * 2_000_001, "too_large"),
        ('{"format": 2}', "newer"),
        (text_of(learned()).replace("{", '{"note": 1, ', 1), "unknown_key"),
        (text_of(learned()).replace('"temperature":', '"temperature":-'), "damaged"),
        (of_other_size, "damaged"),
    ):
        refused = {"type": "refused", "code": code, "message": FILE_ERRORS[code]}
        assert browser.teach(floats(LESSON.embeddings), request(base=text)) == refused
        body = json.dumps({"model": content_of(LESSON.model), "file": text})
        assert browser.tell_own(floats(LESSON.embeddings), body) == refused
        if text != of_other_size:
            assert browser.load_own(text) == refused


def test_a_file_that_can_be_used_is_loaded() -> None:
    found = learned("beside")
    songs = (("one.mp3", found.own.names[0]), ("two.mp3", found.own.names[1]))
    file = OwnGenresFile("v10", SPEC.id, "f" * 64, found.own, songs)
    told = browser.load_own(write_own_genres(file))
    assert told["type"] == "loaded"
    assert_plain(told)
    assert (told["version"], told["modelSha256"], told["mode"]) == ("v10", "f" * 64, "beside")
    assert told["songs"] == list(songs)
    assert browser.load_own(text_of(found)) == {**told, "songs": []}
    for genre, known in zip(told["genres"], found.own.genres, strict=True):
        assert (genre["name"], genre["songs"]) == (known.name, known.songs)
        assert genre["few"] == (known.recognised is None) == (genre["recognised"] is None)
        # a file does not say what genres are taken for
        assert (genre["takenFor"], genre["takenShare"], genre["overlaps"]) == (None, 0, None)


@pytest.mark.parametrize("n_songs", [0, 1, 17])
def test_the_page_lays_out_songs_as_python_does(n_songs: int) -> None:
    embeddings = LESSON.embeddings[:n_songs].astype(np.float32)
    told = browser.lay_out(floats(embeddings), json.dumps(content_of(LESSON.model)))
    assert told["type"] == "laidOut"
    assert_plain(told)
    model = LESSON.model
    places, points, shares = principal_axes(model.place(embeddings), model.prior())
    np.testing.assert_allclose(told["places"].reshape(n_songs, 5), places, rtol=1e-6)
    np.testing.assert_allclose(told["points"].reshape(n_songs, 2), points, rtol=1e-6)
    assert told["shares"] == pytest.approx(shares.tolist())
    assert told["size"] == 5


def test_what_few_visitors_ask_for_is_not_imported_at_once(root: Path) -> None:
    code = (
        "import sys, features.browser; print([m for m in sys.modules if m.startswith('features.')"
        " and m.split('.')[1] in ('inversion', 'own_genres', 'own_genres_file', 'teaching')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
