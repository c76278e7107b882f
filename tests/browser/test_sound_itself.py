"""Sound that misleads although its file is whole: channels that cancel out, gaps, half a band."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from model_training.sound.audio import ffmpeg
from model_training.studies.prediction import choose, load_predictor, predict_file

from .site import ROOT, Site
from .sounds import band
from .test_long import check_alike, shown
from .visit import Visit

RATE = 22050
Sound = npt.NDArray[np.float32]


def dither(seconds: float) -> Sound:
    """Return noise (n,) of two steps of 16 bits at most: more than digital silence."""
    steps = np.random.default_rng(0).integers(-2, 3, round(seconds * RATE))
    return (steps / 32768).astype(np.float32)


@pytest.fixture(scope="module")
def streaming(make_site: Callable[..., Site]) -> Site:
    """Return a site where songs over a minute are long."""
    return make_site(STREAM_MINUTES=1)


@pytest.mark.parametrize("suffix", [".wav", ".m4a"])
def test_stereo_in_opposite_phase_is_heard_as_one_of_its_channels(
    here: Visit, tmp_path: Path, suffix: str
) -> None:
    left = 0.8 * band(40, RATE)
    soundfile.write(tmp_path / "left.wav", left, RATE)
    soundfile.write(tmp_path / "opposite.wav", np.stack([left, -0.9 * left], axis=1), RATE)
    file = tmp_path / f"opposite{suffix}"
    if suffix != ".wav":
        program = ffmpeg()
        assert program
        wav = str(tmp_path / "opposite.wav")
        subprocess.run([program, "-v", "error", "-i", wav, "-b:a", "192k", str(file)], check=True)
    here.finish([tmp_path / "left.wav", file])
    alone, both = here.answers
    assert len(both["segments"]) == len(alone["segments"])
    assert both["aggregate"]["genre"] == alone["aggregate"]["genre"]
    np.testing.assert_allclose(
        both["aggregate"]["probabilities"],
        alone["aggregate"]["probabilities"],
        atol=1e-3 if suffix == ".wav" else 0.1,
    )


def test_a_gap_of_a_song_is_silence_and_has_no_vote(here: Visit, tmp_path: Path) -> None:
    sound = np.concatenate([band(30, RATE), dither(30), band(25, RATE, seed=1)])
    soundfile.write(tmp_path / "hidden.wav", sound, RATE)
    here.finish([tmp_path / "hidden.wav"])
    assert here.song("hidden.wav").locator(".gap").all_inner_texts() == ["silence"]
    (answer,) = here.answers
    assert not [s["start"] for s in answer["segments"] if 30 <= s["start"] < 60]
    assert sum(answer["aggregate"]["votes"].values()) == len(answer["segments"]) == 11


def test_a_long_song_is_answered_as_at_once_and_as_on_the_command_line(
    here: Visit, warm: Callable[..., Visit], streaming: Site, tmp_path: Path
) -> None:
    # Gap and quiet music are answered before anything louder is there; then, a part is of opposite
    # phase.
    song = 0.8 * band(120, RATE)
    song[: 30 * RATE] *= 10 ** (-52 / 20)
    left = np.concatenate([dither(90), song])
    right = left.copy()
    right[150 * RATE : 180 * RATE] *= -0.9
    file = tmp_path / "long.wav"
    soundfile.write(file, np.stack([left, right], axis=1), RATE)
    there = warm(streaming.url)
    here.finish([file])
    there.finish([file])
    assert shown(there, file.name) == shown(here, file.name)
    assert shown(there, file.name)["gaps"] == ["intro, left out", "silence"]
    sent = there.sent(file.name)
    check_alike(sent, here.sent(file.name))
    assert sent["segments"][0]["start"] == 90
    # What was left of the first request was asked again, as its gap had been in it.
    assert [len(answer["segments"]) for answer in there.answers] == [18, 18, 6]
    (whole,) = here.answers
    predictor = load_predictor(choose(ROOT / "trained_models", whole["version"]))
    on_the_command_line = predict_file(file, predictor)
    expected = on_the_command_line.prediction.to_json(on_the_command_line.times)
    assert whole["aggregate"]["votes"] == expected["aggregate"]["votes"]
    np.testing.assert_allclose(
        whole["aggregate"]["probabilities"], expected["aggregate"]["probabilities"], atol=0.02
    )


def test_a_song_without_anything_above_4_khz_gets_a_remark(here: Visit, tmp_path: Path) -> None:
    sound = band(40, RATE)
    for rate in (8000, RATE):
        narrow = soxr.resample(sound, RATE, 8000, quality="HQ")
        soundfile.write(
            tmp_path / f"at {rate}.wav", soxr.resample(narrow, 8000, rate, quality="HQ"), rate
        )
    soundfile.write(tmp_path / "whole.wav", sound, RATE)
    here.finish([tmp_path / name for name in ("at 8000.wav", "at 22050.wav", "whole.wav")])
    remark = "Half of the sound is missing: there is nothing above 4 kHz"
    for name in ("at 8000.wav", "at 22050.wav"):
        assert "half of the sound is missing" in here.status(name)
        here.song(name).locator(".song-toggle").click()
        assert remark in here.song(name).locator(".weak").inner_text()
    assert "missing" not in here.status("whole.wav")
