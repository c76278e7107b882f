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

GAPS = """async (songs) => {
  const { gaps } = await import('/static/js/timeline.js');
  return songs.map(({ segments, seconds, skipped }) =>
    gaps(segments, seconds, skipped).map(({ from, to, what }) => [what, from, to]));
}"""


def sounding(seconds: float, silent: tuple[int, ...] = ()) -> dict[str, Any]:
    """A song as the timeline sees it; the pieces numbered in `silent` hold no sound."""
    spec = FeatureSpec()
    n_samples = round(seconds * spec.sample_rate)
    bounds = excerpt_bounds(n_samples, spec)
    pieces = [
        {
            "start": round(start / spec.sample_rate, 3),
            "end": round(min(start + spec.segment_samples, last) / spec.sample_rate, 3),
        }
        for first, last in bounds
        for start in range(first, last, spec.segment_samples)
        if count_frames(last - first, spec.hop_length) // spec.n_frames
        > (start - first) // spec.segment_samples
    ]
    heard = [piece for number, piece in enumerate(pieces) if number not in silent]
    return {
        "segments": heard,
        "seconds": n_samples / spec.sample_rate,
        "skipped": bounds[0][0] / spec.sample_rate,
    }


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


def test_nothing_is_called_silence_in_songs_without_any(here: Visit):
    songs = [sounding(tenth / 10) for tenth in range(50, 3000, 3)]
    found = here.page.evaluate(GAPS, songs)
    assert {what for gaps in found for what, _, _ in gaps} == {"intro, left out", "end, left out"}


def test_silent_pieces_are_called_so_wherever_they_are(here: Visit):
    # 60 s: two excerpts of six pieces
    songs = [sounding(60, silent) for silent in ((0,), (3,), (5,), (6,), (5, 6), (10, 11))]
    piece = 64 * 1711 / 22050
    expected = [
        (0, piece), (3 * piece, 4 * piece), (5 * piece, 30), (6 * piece, 30 + piece),
        (5 * piece, 30 + piece), (30 + 4 * piece, 60),
    ]  # fmt: skip
    for gaps, (start, end) in zip(here.page.evaluate(GAPS, songs), expected, strict=True):
        assert [what for what, _, _ in gaps] == ["silence"]
        assert gaps[0][1:] == pytest.approx([start, end], abs=0.002)
