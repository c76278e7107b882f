"""Sound from the microphone and from the clipboard."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from .site import Site
from .sounds import write
from .visit import Visit

# The bytes of the sound file that the page made last.
PLAYED = """async () => {
  const bytes = new Uint8Array(await window.sounds.at(-1).arrayBuffer());
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768) {
    text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  }
  return btoa(text);
}"""
# Records the tracks of the microphone and the sounds that get an address, until `undo` is called.
KEEP_TRACKS_AND_SOUNDS = """() => {
  window.tracks = [];
  const real = navigator.mediaDevices.getUserMedia;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await real.call(navigator.mediaDevices, wanted);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
  window.sounds = [];
  const makeUrl = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    window.sounds.push(blob);
    return makeUrl.call(URL, blob);
  };
  window.undo = () => {
    navigator.mediaDevices.getUserMedia = real;
    URL.createObjectURL = makeUrl;
  };
}"""
PASTE = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const clipboardData = new DataTransfer();
  if (name) clipboardData.items.add(new File([bytes], name, { type: 'audio/flac' }));
  else clipboardData.setData('text/plain', 'only words');
  document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
}"""


@pytest.fixture
def listener(warm: Callable[..., Visit], site: Site) -> Visit:
    """Return a page that may use the microphone."""
    visitor = warm(site.url, permissions=["microphone"])
    visitor.page.evaluate(KEEP_TRACKS_AND_SOUNDS)
    return visitor


def live(visitor: Visit) -> int:
    """Return how many tracks of the microphone are still on."""
    count: int = visitor.page.evaluate(
        "window.tracks.filter((track) => track.readyState === 'live').length"
    )
    return count


def test_recording_is_analysed_like_a_song(listener: Visit):
    page = listener.page
    page.click("#record")
    page.wait_for_selector("#recording", state="visible")
    assert page.evaluate("document.activeElement.id") == "record-stop"
    assert live(listener) == 1
    # the microphone beeps: the level rises
    page.wait_for_function("() => document.getElementById('record-level').value > -50")
    page.wait_for_function("() => document.getElementById('record-clock').textContent >= '0:06'")
    page.click("#record-stop")
    song = page.wait_for_selector("article.song[data-state=done]")
    assert song
    name = song.get_attribute("data-name") or ""
    assert name.startswith("Recording 20")
    assert page.is_hidden("#recording")
    assert live(listener) == 0
    # the file holds the beeps, and its length can be read
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(page.evaluate(PLAYED))))
    # a busy machine may lose the first of the six seconds, so expect at least two
    assert 2 < len(samples) / rate < 30
    assert np.abs(samples).max() > 0.01
    # the page has sent one request with the numbers, besides those for the library of the waveform
    (sent,) = [line for line in listener.asked if "blob:" not in line and "/vendor/" not in line]
    assert sent.endswith("/predictions")
    (answer,) = listener.answers
    assert answer["segments"]


def test_discarded_recording_leaves_nothing(listener: Visit):
    page = listener.page
    page.click("#record")
    page.wait_for_selector("#recording", state="visible")
    page.click("#record-discard")
    assert page.is_hidden("#recording")
    page.wait_for_function("() => window.tracks.every((track) => track.readyState === 'ended')")
    assert page.locator("article.song").count() == 0
    assert page.evaluate("document.activeElement.id") == "record"


def test_recording_ends_before_it_is_too_long_to_be_decoded(
    visit: Callable[..., Visit], make_site: Callable[..., Site]
):
    visitor = visit(
        make_site(MAX_WHOLE_MINUTES=1).url, own_profile=True, permissions=["microphone"]
    )
    page = visitor.page
    page.clock.install()
    visitor.opened()
    page.click("#record")
    page.wait_for_function("() => document.getElementById('record-clock').textContent >= '0:02'")
    page.clock.fast_forward(50_000)
    assert page.is_visible("#recording")
    page.clock.fast_forward(10_000)
    page.wait_for_selector("article.song[data-state=done]")
    assert page.is_hidden("#recording")


def test_microphone_that_is_taken_away_keeps_what_was_recorded(listener: Visit):
    page = listener.page
    page.click("#record")
    page.wait_for_function("() => document.getElementById('record-clock').textContent >= '0:02'")
    page.evaluate("window.tracks[0].stop()")
    page.wait_for_selector("article.song[data-state=done]")
    assert page.is_hidden("#recording")


def test_microphone_that_is_not_allowed(visit: Callable[..., Visit], site: Site):
    visitor = visit(site.url)
    visitor.page.goto(site.url)
    visitor.page.click("#record")
    message = visitor.page.locator("#record-message")
    message.wait_for()
    assert "Allow it for this site" in message.inner_text()
    assert visitor.page.is_enabled("#record")
    assert visitor.page.evaluate("document.activeElement.id") == "record"
    assert visitor.page.is_hidden("#recording")


def test_pasted_sound(here: Visit, tmp_path: Path):
    file = write(tmp_path / "clip.flac", 12, 22050)
    content = base64.b64encode(file.read_bytes()).decode()
    here.page.evaluate(PASTE, ["", ""])
    assert here.page.locator("article.song").count() == 0
    here.page.evaluate(PASTE, ["clip.flac", content])
    here.wait_for("clip.flac", "done")
