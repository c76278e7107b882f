"""The timeline: pieces, and the stretches of a song without a piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from features import FeatureSpec
from features.segments import excerpt_bounds, segment_times

from .sounds import band, write
from .visit import Visit

SPECS = {
    "five seconds": FeatureSpec(),
    "three seconds": FeatureSpec(hop_length=512, n_frames=130, n_mfcc=13),
    "half a minute": FeatureSpec(kind="log_mel", n_mels=128, fmax=11025.0, n_frames=387),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_page_knows_the_times_of_all_pieces(here: Visit, name: str):
    spec = SPECS[name]
    sounds = [band(seconds, spec.sample_rate) for seconds in (2, 40, 100)]
    for sound, (request, pieces) in zip(sounds, here.extracted(sounds, spec), strict=True):
        expected = segment_times(excerpt_bounds(len(sound), spec), spec)
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
