"""What the timeline says about the parts of a song that have no piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from features import FeatureSpec
from features.mel import count_frames
from features.segments import excerpt_bounds

from .sounds import band, write
from .visit import Visit

SPECS = {
    "five seconds": FeatureSpec(),
    "three seconds": FeatureSpec(hop_length=512, n_frames=130, n_mfcc=13),
    "half a minute": FeatureSpec(kind="log_mel", n_mels=128, fmax=11025.0, n_frames=387),
}

GAPS = """async (songs) => {
  const { gaps } = await import('/static/js/timeline/timeline.js');
  return songs.map(({ segments, extraction, seconds }) =>
    gaps(segments, extraction, seconds).map(({ from, to, what }) => [what, from, to]));
}"""


def sounding(
    seconds: float, silent: tuple[int, ...] = (), spec: FeatureSpec = SPECS["five seconds"]
) -> dict[str, Any]:
    """A song as the timeline sees it; the pieces numbered in `silent` hold no sound."""
    n_samples = round(seconds * spec.sample_rate)
    bounds = excerpt_bounds(n_samples, spec)
    pieces = [
        (start / spec.sample_rate, min(start + spec.segment_samples, last) / spec.sample_rate)
        for first, last in bounds
        for start in range(first, last, spec.segment_samples)
        if max(1, count_frames(last - first, spec.hop_length) // spec.n_frames)
        > (start - first) // spec.segment_samples
    ]
    return {
        # the server's answer, whose times are rounded
        "segments": [
            {"start": round(start, 3), "end": round(end, 3)}
            for number, (start, end) in enumerate(pieces)
            if number not in silent
        ],
        "extraction": {"pieces": pieces, "skipped": bounds[0][0] / spec.sample_rate},
        "seconds": n_samples / spec.sample_rate,
    }


@pytest.mark.parametrize("name", SPECS)
def test_all_pieces_are_known_to_the_page(here: Visit, name: str):
    spec = SPECS[name]
    lengths = (2, 40, 100)
    sounds = [band(seconds, spec.sample_rate) for seconds in lengths]
    for seconds, (request, pieces) in zip(lengths, here.extracted(sounds, spec), strict=True):
        expected = sounding(seconds, spec=spec)["extraction"]["pieces"]
        assert pieces == [pytest.approx(piece) for piece in expected]
        starts = [segment["start"] for segment in request["segments"]]
        assert starts == pytest.approx([start for start, _ in pieces], abs=1e-3)


def test_silence_inside_is_a_gap(here: Visit, tmp_path: Path):
    quiet = np.zeros(30 * 22050, np.float32)
    loud = band(30, 22050)
    soundfile.write(
        tmp_path / "pause.wav", np.concatenate([loud, quiet, loud[: 25 * 22050]]), 22050
    )
    here.finish([tmp_path / "pause.wav"])
    song = here.song("pause.wav")
    assert song.locator(".gap").all_inner_texts() == ["silence"]
    starts = [piece["start"] for piece in here.answers[0]["segments"]]
    assert not [start for start in starts if 30 <= start < 60]


def test_an_end_too_short_for_a_piece_is_not_called_silence(here: Visit, tmp_path: Path):
    here.finish([write(tmp_path / "full.wav", 194.4, 22050)])
    assert here.answers[0]["segments"][-1]["end"] < 190
    song = here.song("full.wav")
    assert song.locator(".gap").all_text_contents() == ["intro, left out", "end, left out"]


@pytest.mark.parametrize("name", SPECS)
def test_nothing_is_called_silence_in_songs_without_any(here: Visit, name: str):
    songs = [sounding(tenth / 10, spec=SPECS[name]) for tenth in range(5, 3000, 3)]
    found = here.page.evaluate(GAPS, songs)
    # three seconds do not fill half a minute: each excerpt leaves some over
    between = {"left out"} if name == "three seconds" else set()
    assert {what for gaps in found for what, _, _ in gaps} == {
        "intro, left out",
        "end, left out",
        *between,
    }
    for song, gaps in zip(songs, found, strict=True):
        # what is answered and what is not make up the song, but for less than a second each time
        told = sum(to - start for _, start, to in gaps)
        heard = sum(segment["end"] - segment["start"] for segment in song["segments"])
        excerpts = 1 + song["seconds"] / 30
        assert song["seconds"] - excerpts <= told + heard <= song["seconds"] + 0.1


def test_silent_pieces_are_called_so_wherever_they_are(here: Visit):
    # 60 s: two excerpts of six pieces
    songs = [sounding(60, silent) for silent in ((0,), (3,), (5,), (6,), (5, 6), (10, 11))]
    piece = 64 * 1711 / 22050
    expected = [
        (0, piece), (3 * piece, 4 * piece), (5 * piece, 6 * piece), (30, 30 + piece),
        (5 * piece, 30 + piece), (30 + 4 * piece, 30 + 6 * piece),
    ]  # fmt: skip
    for gaps, (start, end) in zip(here.page.evaluate(GAPS, songs), expected, strict=True):
        assert [what for what, _, _ in gaps] == ["silence"]
        assert gaps[0][1:] == pytest.approx([start, end], abs=0.002)


def test_half_a_minute_of_silence_and_an_end_are_told_apart(here: Visit):
    spec = SPECS["half a minute"]
    # 80 s: two pieces, the second one silent, and 20 s that are too short for a third
    (gaps,) = here.page.evaluate(GAPS, [sounding(80, (1,), spec)])
    assert [what for what, _, _ in gaps] == ["silence", "end, left out"]
    assert [at for _, *both in gaps for at in both] == pytest.approx([30, 60, 60, 80], abs=0.05)


def test_only_the_piece_that_plays_is_marked(here: Visit, tmp_path: Path):
    here.finish([write(tmp_path / "playing.wav", 97, 22050)])
    song = here.song("playing.wav")
    # the intro and the last two seconds belong to no piece
    for place, expected in ((10.0, []), (31.0, ["30"]), (96.0, [])):
        song.locator(".player").evaluate(
            "async (audio, place) => { audio.muted = true; await audio.play();"
            " audio.currentTime = place; await new Promise((done) => audio.onseeked = done);"
            " audio.dispatchEvent(new Event('timeupdate')); }",
            place,
        )
        marked = song.locator(".segment.playing")
        assert marked.evaluate_all("all => all.map((b) => b.dataset.start)") == expected
    song.locator(".player").evaluate("(audio) => audio.pause()")
