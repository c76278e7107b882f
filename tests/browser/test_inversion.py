"""The page makes a sound from the numbers that it has sent."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from playwright.sync_api import Locator

from features import FeatureSpec, extract_segments
from features.inversion import log_mel

from .sounds import write
from .test_history import remember, settled
from .test_recording import PLAYED
from .visit import Visit

SPEC = FeatureSpec()
KEEP_SOUNDS = """() => {
  window.sounds = [];
  const makeUrl = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    if (blob.name === 'from-the-numbers.wav') window.sounds.push(blob);
    return makeUrl.call(URL, blob);
  };
  window.undo = () => { URL.createObjectURL = makeUrl; };
}"""
BREAK = """() => {
  self.real ??= self.postMessage.bind(self);
  self.postMessage = (message, ...rest) => {
    if (message.type === 'progress') { %s }
    self.real(message, ...rest);
  };
}"""


@pytest.fixture
def listener(here: Visit) -> Visit:
    """Return a page that records the sounds it makes in `window.sounds`."""
    here.page.evaluate(KEEP_SOUNDS)
    return here


def panel(visitor: Visit, file: Path) -> Locator:
    """Unfold a song and its request; return the section that offers the sound."""
    song = visitor.song(file.name)
    if song.locator(".song-body").is_hidden():
        song.locator(".song-toggle").click()
    if song.locator(".sent").get_attribute("open") is None:
        song.locator(".sent summary").click()
    section = song.locator(".inversion")
    section.wait_for()
    return section


def made(visitor: Visit, section: Locator) -> npt.NDArray[np.float32]:
    """Wait until the sound is made; return its samples."""
    section.locator(".inversion-players").wait_for()
    content = base64.b64decode(visitor.page.evaluate(PLAYED))
    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    assert rate == SPEC.sample_rate
    return samples


def test_sound_is_made_from_the_sent_numbers_without_a_request(
    listener: Visit, shared_songs: list[Path], tmp_path: Path
):
    songs = [song for song in shared_songs if "Sugar_Plum" in song.name]
    file = songs[0] if songs else write(tmp_path / "song.ogg", 120, 44100, channels=2)
    seconds = soundfile.info(file).duration
    listener.finish([file])
    text = listener.sent(file.name)
    section = panel(listener, file)
    listener.asked.clear()
    # by keyboard alone
    section.locator(".inversion-make").focus()
    listener.page.keyboard.press("Enter")
    samples = made(listener, section)
    focused = listener.page.evaluate("document.activeElement.className")
    assert "inversion-switch" in focused

    # the sound lasts from the start of the song to the end of the last whole piece
    end = text["segments"][-1]["end"]
    assert len(samples) == pytest.approx(end * SPEC.sample_rate, abs=2)
    assert seconds - SPEC.segment_s - 1 < len(samples) / SPEC.sample_rate <= seconds + 0.01
    duration = section.locator(".inversion-made").evaluate(
        "async (audio) => { while (!audio.duration) await new Promise((go) => setTimeout(go, 20));"
        " return audio.duration; }"
    )
    assert duration == pytest.approx(end, abs=0.01)
    assert np.abs(samples).max() == pytest.approx(0.9, abs=1e-3)
    # the intro was not sent
    assert text["segments"][0]["start"] == 30
    assert not samples[: 29 * SPEC.sample_rate].any()

    # the features of the sound are close to the sent ones, piece by piece
    sent = {segment["start"]: segment for segment in text["segments"]}
    back = extract_segments(samples, SPEC)
    likeness: list[float] = []
    unlikeness: list[float] = []
    for segment in back:
        told = {n: np.array(s["features"]["mfcc"], np.float32) for n, s in sent.items()}
        mine = log_mel(segment.values, SPEC).ravel()
        for start, values in told.items():
            found = float(np.corrcoef(mine, log_mel(values, SPEC).ravel())[0, 1])
            (likeness if abs(start - segment.start) < 0.01 else unlikeness).append(found)
    assert len(likeness) == len(back) >= len(sent) - 1
    assert min(likeness) > 0.95
    assert np.median(unlikeness) < 0.9

    # the page has requested nothing but its own blobs, for the players
    assert [line for line in listener.asked if not line.startswith("GET blob:")] == []
    assert len(listener.answers) == 1


def test_switching_between_the_players_keeps_the_place(listener: Visit, tmp_path: Path):
    file = write(tmp_path / "short.wav", 21, 22050)
    listener.finish([file])
    section = panel(listener, file)
    section.locator(".inversion-make").click()
    made(listener, section)
    numbers, original = section.locator(".inversion-made"), section.locator(".inversion-file")
    switch = section.locator(".inversion-switch")
    for audio in (numbers, original):
        audio.evaluate(
            "async (audio) => { audio.muted = true;"
            " while (audio.readyState < 2) await new Promise((go) => setTimeout(go, 20)); }"
        )
    assert switch.inner_text() == "Hear your file from here"
    numbers.evaluate("async (audio) => { audio.currentTime = 12; await audio.play(); }")
    switch.click()
    listener.page.wait_for_function(
        "() => !document.querySelector('.inversion-file').paused"
        " && document.querySelector('.inversion-made').paused"
    )
    assert original.evaluate("(audio) => audio.currentTime") == pytest.approx(12, abs=2)
    assert switch.inner_text() == "Hear the numbers from here"
    original.evaluate("(audio) => { audio.currentTime = 20.9; }")
    switch.click()
    listener.page.wait_for_function("() => document.querySelector('.inversion-file').paused")
    # the sound from the numbers ends with the last whole piece, before the file does
    assert numbers.evaluate("(audio) => audio.currentTime") > 19
    # the main player of the song stops both others
    listener.song(file.name).locator(".player").evaluate(
        "(a) => { a.muted = true; return a.play(); }"
    )
    assert numbers.evaluate("(audio) => audio.paused")
    assert original.evaluate("(audio) => audio.paused")
    listener.song(file.name).locator(".player").evaluate("(audio) => audio.pause()")


def test_songs_are_analysed_while_a_sound_is_made(listener: Visit, tmp_path: Path):
    long, other = write(tmp_path / "long.ogg", 600, 8000), write(tmp_path / "other.wav", 8, 22050)
    listener.finish([long])
    section = panel(listener, long)
    section.locator(".inversion-make").click()
    listener.page.wait_for_function("() => document.querySelector('.inversion-progress').value > 0")
    listener.finish([other])
    assert section.locator(".inversion-progress").is_visible()
    # the button stops the work, and would start it again
    section.locator(".inversion-make").click()
    assert section.locator(".inversion-status").inner_text() == "Stopped."
    assert section.locator(".inversion-progress").is_hidden()
    assert section.locator(".inversion-make").inner_text() == "Make it from the numbers"
    section = panel(listener, other)
    section.locator(".inversion-make").click()
    made(listener, section)


def test_song_that_is_removed_while_its_sound_is_made(listener: Visit, tmp_path: Path):
    long, other = write(tmp_path / "long.ogg", 300, 8000), write(tmp_path / "other.wav", 8, 22050)
    listener.finish([long])
    panel(listener, long).locator(".inversion-make").click()
    listener.page.wait_for_function("() => document.querySelector('.inversion-progress').value > 0")
    listener.song(long.name).locator(".song-remove").click()
    listener.finish([other])
    section = panel(listener, other)
    section.locator(".inversion-make").click()
    assert len(made(listener, section)) / SPEC.sample_rate == pytest.approx(4.966, abs=0.01)
    assert listener.page.evaluate("window.sounds.length") == 1


def test_failure_shows_a_message_and_can_be_retried(listener: Visit, tmp_path: Path):
    file = write(tmp_path / "song.wav", 30, 22050)
    listener.finish([file])
    section = panel(listener, file)
    status = section.locator(".inversion-status")
    for how, words in (
        ("throw new Error('out of memory');", "The sound could not be made (out of memory)."),
        ("setTimeout(() => { throw new Error('crash'); });", "Making the sound broke off"),
    ):
        listener.page.workers[0].evaluate(BREAK % how)
        section.locator(".inversion-make").click()
        listener.page.wait_for_function(
            "(words) => document.querySelector('.inversion-status.bad')"
            "?.textContent.includes(words)",
            arg=words,
        )
        assert section.locator(".inversion-progress").is_hidden()
    listener.wait_for_engine("ready")
    section.locator(".inversion-make").click()
    made(listener, section)
    assert re.fullmatch(r"Made in [\d.]+ s\.", status.inner_text())
    assert section.locator(".inversion-status.bad").count() == 0


def test_made_sound_stays_after_a_second_request(listener: Visit, tmp_path: Path):
    file = write(tmp_path / "song.wav", 12, 22050)
    listener.page.route("**/predictions", lambda route: route.abort())
    listener.expected_complaints = ("ERR_FAILED",)
    listener.choose([file])
    song = listener.wait_for(file.name, "failed")
    song.locator(".song-toggle").click()
    section = panel(listener, file)
    section.locator(".inversion-make").click()
    made(listener, section)
    listener.page.unroute_all()
    song.locator(".song-retry").click()
    listener.wait_for(file.name, "done")
    section = panel(listener, file)
    assert section.locator(".inversion-players").is_visible()
    assert listener.page.evaluate("window.sounds.length") == 1


def test_original_of_a_part_plays_from_where_it_was_cut(listener: Visit, tmp_path: Path):
    file = write(tmp_path / "song.wav", 40, 22050)
    listener.finish([file])
    fields = listener.song(file.name).locator(".part input")
    fields.first.fill("0:15")
    fields.last.fill("0:35")
    fields.last.press("Enter")
    part = Path("song.wav (0:15\N{EN DASH}0:35)")
    listener.wait_for(part.name, "done")
    section = panel(listener, part)
    section.locator(".inversion-make").click()
    assert len(made(listener, section)) / SPEC.sample_rate == pytest.approx(19.86, abs=0.1)
    numbers, original = section.locator(".inversion-made"), section.locator(".inversion-file")
    for audio, start in ((numbers, 0), (original, 15)):
        audio.evaluate(
            "async (audio) => { audio.muted = true;"
            " while (audio.readyState < 2) await new Promise((go) => setTimeout(go, 20)); }"
        )
        assert audio.evaluate("(audio) => audio.currentTime") == pytest.approx(start, abs=0.01)
    numbers.evaluate("async (audio) => { audio.currentTime = 10; await audio.play(); }")
    section.locator(".inversion-switch").click()
    listener.page.wait_for_function(
        "(name) => !document.querySelector(`[data-name='${name}'] .inversion-file`).paused",
        arg=part.name,
    )
    assert original.evaluate("(audio) => audio.currentTime") == pytest.approx(25, abs=2)
    section.locator(".inversion-switch").click()
    assert numbers.evaluate("(audio) => audio.currentTime") == pytest.approx(10, abs=4)
    numbers.evaluate("(audio) => audio.pause()")


def test_remembered_song_gets_its_sound_without_its_file(listener: Visit, tmp_path: Path):
    file = write(tmp_path / "song.wav", 12, 22050)
    remember(listener)
    listener.finish([file])
    settled(listener.page, 1, 1, 0)
    listener.page.reload()
    listener.wait_for_engine("ready")
    listener.page.evaluate(KEEP_SOUNDS)
    section = panel(listener, file)
    section.locator(".inversion-make").click()
    made(listener, section)
    assert section.locator(".inversion-made").is_visible()
    assert section.locator(".inversion-file").is_hidden()
    assert section.locator(".inversion-switch").is_hidden()


def test_statistics_give_no_sound(here: Visit, tmp_path: Path):
    here.page.select_option("#version", "v2")
    file = write(tmp_path / "song.wav", 31, 22050)
    here.finish([file])
    section = panel(here, file)
    assert "no course in time" in section.inner_text()
    assert section.locator("button:visible, audio:visible").count() == 0
