"""Every failure has its own message, and the other songs go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Route

from .site import Site
from .sounds import band, write
from .visit import GONE, Visit


@pytest.fixture(scope="module")
def strict_site(make_site: Callable[..., Site]) -> Site:
    """Return a site that takes short songs only."""
    return make_site(MAX_MINUTES=1, MAX_SEGMENTS=3)


def test_bad_files_among_good_ones(here: Visit, tmp_path: Path):
    good = [write(tmp_path / "good1.wav", 12, 22050), write(tmp_path / "good2.mp3", 12, 44100)]
    rng = np.random.default_rng(5)
    bad = {
        "empty.mp3": b"",
        "letter.mp3": b"Dear friend, this is only text.\n" * 200,
        "noise.ogg": rng.bytes(50_000),
        "cut.flac": write(tmp_path / "whole.flac", 12, 44100).read_bytes()[:60],
        "broken.m4a": b"\0\0\0\x20ftypM4A " + rng.bytes(4000),
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    soundfile.write(tmp_path / "silent.wav", np.zeros(12 * 22050), 22050)
    soundfile.write(tmp_path / "nosamples.wav", np.zeros(0), 22050)
    names = [*bad, "silent.wav", "nosamples.wav"]
    here.choose([good[0], *(tmp_path / name for name in names), good[1]])
    for file in good:
        here.wait_for(file.name, "done")
    for name in names:
        here.wait_for(name, "failed")
    assert "is empty" in here.status("empty.mp3")
    assert "is silent" in here.status("silent.wav")
    for name in ("letter.mp3", "noise.ogg", "cut.flac", "broken.m4a"):
        expected = "is a text" if name == "letter.mp3" else "cannot be decoded"
        assert expected in here.status(name)
        assert here.song(name).locator(".song-retry").is_visible()
    assert here.status("nosamples.wav")
    # another try would fail again, so there is no button for it
    for name in ("empty.mp3", "silent.wav"):
        assert here.song(name).locator(".song-retry").is_hidden()
    assert here.page.inner_text("#summary") == "2 of 9 songs done, 7 failed"


def test_samples_that_are_not_numbers(here: Visit, tmp_path: Path):
    sound = band(12, 22050)
    sound[5000:5010] = np.nan
    soundfile.write(tmp_path / "nan.wav", sound, 22050, subtype="FLOAT")
    here.choose([tmp_path / "nan.wav"])
    here.wait_for("nan.wav", "failed")
    assert "not numbers" in here.status("nan.wav")
    assert here.answers == []


def test_short_sound_is_a_weak_answer(here: Visit, tmp_path: Path):
    here.finish([write(tmp_path / "blip.wav", 0.7, 44100)])
    song = here.song("blip.wav")
    assert "weak" in here.status("blip.wav")
    assert "lasts only 0.7 s and was repeated" in song.locator(".weak").inner_text()
    assert len(here.answers[0]["segments"]) == 1


def test_retry_reads_the_file_again(here: Visit, tmp_path: Path):
    file = tmp_path / "later.wav"
    file.write_bytes(b"still being copied")
    here.choose([file])
    here.wait_for("later.wav", "failed")
    # The song has failed before, so waiting for "failed" would not show whether the file is
    # read again: record every state that follows.
    here.song("later.wav").evaluate(
        "(song) => { window.states = []; new MutationObserver(() => {"
        " window.states.push(song.dataset.state); })"
        ".observe(song, { attributeFilter: ['data-state'] }); }"
    )
    here.song("later.wav").locator(".song-retry").click()
    here.page.wait_for_function("() => window.states.at(-1) === 'failed'")
    assert "decoding" in here.page.evaluate("window.states")
    assert "is a text" in here.status("later.wav")


def test_too_long_for_the_page_and_for_the_server(visit, strict_site: Site, tmp_path: Path):
    visitor = visit(strict_site.url).opened()
    long = [write(tmp_path / f"long{suffix}", 62, 8000) for suffix in (".wav", ".mp3")]
    soundfile.write(
        tmp_path / "long.ogg", np.zeros(70 * 8000, np.float32), 8000, subtype="OPUS", format="OGG"
    )
    refused = write(tmp_path / "refused.wav", 25, 22050)
    good = write(tmp_path / "good.wav", 12, 22050)
    visitor.choose([*long, tmp_path / "long.ogg", refused, good])
    visitor.wait_for("good.wav", "done")
    for name in ("long.wav", "long.mp3", "long.ogg"):
        visitor.wait_for(name, "failed")
        assert "too long" in visitor.status(name)
        assert "at most 1 minute" in visitor.status(name)
    visitor.wait_for("refused.wav", "failed")
    words = "too long for this server: it has 5 pieces, and at most 3 are taken"
    assert words in visitor.status("refused.wav")
    assert visitor.song("refused.wav").locator(".song-retry").is_hidden()
    assert len(visitor.answers) == 1


def test_a_request_above_the_size_limit_is_not_sent(
    visit, make_site: Callable[..., Site], tmp_path: Path
):
    visitor = visit(make_site(MAX_BODY_MB=1).url).opened()
    sent: list[str] = []
    visitor.page.on("request", lambda request: sent.append(request.method))
    visitor.choose([write(tmp_path / "large.wav", 330, 22050)])
    visitor.wait_for("large.wav", "failed")
    assert "too long for this server: its numbers take" in visitor.status("large.wav")
    assert "at most 1.0 MB are taken. Nothing was sent." in visitor.status("large.wav")
    assert visitor.song("large.wav").locator(".song-retry").is_hidden()
    # nothing was sent, so the song has nothing to unfold
    assert visitor.song("large.wav").locator(".song-toggle").is_disabled()
    assert "POST" not in sent


def test_server_gone_then_back(warm: Callable[..., Visit], stopping_site: Site, tmp_path: Path):
    visitor = warm(stopping_site.url)
    visitor.expected_complaints = GONE
    visitor.finish([write(tmp_path / "before.wav", 12, 22050)])
    stopping_site.stop()
    files = [write(tmp_path / f"during{n}.wav", 12, 22050, seed=n) for n in range(4)]
    visitor.choose(files)
    for file in files:
        waits = visitor.song(file.name).get_by_text("Waiting for the server; its numbers are ready")
        waits.wait_for()
        assert visitor.song(file.name).get_attribute("data-state") == "predicting"
        # no progress bar: nothing is computed meanwhile
        assert visitor.song(file.name).locator("progress").is_hidden()
    assert visitor.page.inner_text("#time-left") == "Waiting for the server"
    notice = visitor.page.locator("#server-lost")
    assert "The server does not answer. Songs are still analysed here" in notice.inner_text()

    # the notice says that the server is still gone, and no song is lost
    notice.get_by_role("button", name="Try now").click()
    notice.get_by_text("Still no answer").wait_for()
    # remove a song whose request is being tried, and one that waits for its turn
    visitor.song("during0.wav").locator(".song-remove").click()
    visitor.song("during3.wav").locator(".song-remove").click()
    assert visitor.page.locator("article.song").count() == 3

    stopping_site.start()
    for file in files[1:3]:
        visitor.wait_for(file.name, "done")
    assert visitor.measures("decode") == 5
    assert visitor.measures("extract") == 5
    # only answered requests are measured, not the time spent waiting
    assert visitor.measures("request") == 3
    assert len(visitor.answers) == 3
    assert notice.inner_text() == ""


def test_waiting_songs_can_be_cancelled_and_retried(
    warm: Callable[..., Visit], stopping_site: Site, tmp_path: Path
):
    visitor = warm(stopping_site.url)
    visitor.expected_complaints = GONE
    stopping_site.stop()
    files = [write(tmp_path / f"{n}.wav", 12, 22050, seed=n) for n in range(3)]
    visitor.choose(files)
    for file in files:
        visitor.song(file.name).get_by_text("Waiting for the server").wait_for()
    visitor.page.click("#cancel")
    for file in files:
        visitor.wait_for(file.name, "cancelled")
    visitor.page.click("#retry-failed")
    for file in files:
        visitor.wait_for(file.name, "predicting")
    visitor.page.locator("#server-lost button").focus()
    stopping_site.start()
    # Presses "Try now", unless the page has found the server by itself meanwhile.
    visitor.page.keyboard.press("Enter")
    for file in files:
        visitor.wait_for(file.name, "done")
    assert visitor.measures("extract") == 3
    # the button had the focus when it vanished, so the focus moves to the main element
    assert visitor.page.evaluate("document.activeElement.id") == "main"


def test_server_that_never_answers(warm: Callable[..., Visit], site: Site, tmp_path: Path):
    visitor = warm(site.url, clock=True)
    with visitor.held("**/predictions"):
        with visitor.page.expect_request("**/predictions"):
            visitor.choose([write(tmp_path / "patient.wav", 6, 22050)])
        visitor.page.clock.run_for(61_000)
        visitor.wait_for("patient.wav", "failed")
        assert "did not answer within 60 seconds" in visitor.status("patient.wav")
    visitor.song("patient.wav").locator(".song-retry").click()
    visitor.wait_for("patient.wav", "done")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (429, '{"error": {"status": 429, "code": "x", "message": "Too many."}}', "busy: Too many."),
        (502, "<html>Bad gateway</html>", "has a problem: it answered with status 502"),
        (200, "<html>log in first</html>", "no answer that this page understands"),
    ],
)
def test_unexpected_answers_of_the_server(
    here: Visit, tmp_path: Path, status: int, body: str, words: str
):
    here.expected_complaints = (str(status),)
    here.page.route("**/predictions", lambda route: route.fulfill(status=status, body=body))
    here.page.remove_listener("response", here._response)
    here.choose([write(tmp_path / "odd.wav", 6, 22050)])
    here.wait_for("odd.wav", "failed")
    assert words in here.status("odd.wav")
    here.page.unroute_all()
    here.page.on("response", here._response)
    here.song("odd.wav").locator(".song-retry").click()
    here.wait_for("odd.wav", "done")


@pytest.mark.parametrize("status", [404, 413, 415, 422])
def test_refused_songs_cannot_be_retried(here: Visit, tmp_path: Path, status: int):
    here.expected_complaints = (str(status),)
    answer = json.dumps({"error": {"status": status, "code": "x", "message": "It is odd."}})
    here.page.route("**/predictions", lambda route: route.fulfill(status=status, body=answer))
    files = [write(tmp_path / name, 6, 22050) for name in ("one.wav", "two.wav")]
    here.choose(files)
    for file in files:
        here.wait_for(file.name, "failed")
        assert here.status(file.name) == "The server refused this song: It is odd."
        assert here.song(file.name).locator(".song-retry").is_hidden()
    assert here.page.is_hidden("#retry-failed")


def test_a_failed_song_shows_the_request_that_may_have_been_sent(here: Visit, tmp_path: Path):
    here.expected_complaints = ("ERR_FAILED",)
    bodies: list[str | None] = []

    def lose(route: Route) -> None:
        bodies.append(route.request.post_data)
        route.abort()

    here.page.route("**/predictions", lose)
    here.choose([write(tmp_path / "lost.wav", 12, 22050)])
    song = here.wait_for("lost.wav", "failed")
    song.locator(".song-toggle").click()
    for empty in (".result", ".timeline", ".pieces"):
        assert song.locator(empty).is_hidden()
    summary = song.locator(".sent summary")
    assert summary.inner_text().startswith("What was or may have been sent")
    summary.click()
    song.locator(".sent-json").wait_for()
    assert "may have arrived or not" in song.locator(".sent-shape").inner_text()
    assert "answered" not in song.locator(".sent-times").inner_text()
    with here.page.expect_download() as download:
        song.locator(".sent-download").click()
    # the server answers other requests, so the page has sent the same numbers four times more
    assert {download.value.path().read_text()} == {*bodies}
    assert len(bodies) == 5
    here.page.unroute_all()

    # the answer to a second try appears in the same place
    song.locator(".song-retry").click()
    here.wait_for("lost.wav", "done")
    here.page.wait_for_function(
        "() => document.querySelector('.sent-times')?.textContent.includes('ans')"
    )
    assert summary.inner_text().startswith("What was sent")
    assert "Sent in one request" in song.locator(".sent-shape").inner_text()
    for shown in (".result", ".timeline", ".pieces"):
        assert song.locator(shown).is_visible()


@pytest.mark.parametrize(
    ("name", "how", "words"),
    [
        ("pyodide.asm.wasm*", "abort", "did not deliver pyodide.asm.wasm"),
        ("pyodide.asm.mjs", "abort", "did not deliver pyodide.asm.mjs"),
        ("python_stdlib.zip*", "404", "has no file python_stdlib.zip"),
        ("numpy-*.tar*", "garbage", "checksum differs"),
        ("features.zip*", "500", "refused to deliver features.zip (status 500)"),
        ("analysis_worker.js", "abort", "could not be started"),
    ],
)
def test_analysis_that_does_not_load(
    visit, site: Site, tmp_path: Path, name: str, how: str, words: str
):
    visitor = visit(site.url)
    # Browser and Pyodide log such failures in their own words: accept every message on the console,
    # and check the text for the visitor.
    visitor.expected_complaints = ("",)

    def spoil(route):
        if how == "abort":
            route.abort()
        elif how == "garbage":
            route.fulfill(status=200, body=b"not an archive")
        else:
            route.fulfill(status=int(how))

    visitor.page.route(f"**/{name}", spoil)
    visitor.page.goto(site.url)
    visitor.choose([write(tmp_path / "waits.wav", 6, 22050)])
    text = visitor.wait_for_engine("failed")
    assert words in text
    assert visitor.song("waits.wav").get_attribute("data-state") == "queued"
    assert visitor.page.is_hidden("#engine progress")
    visitor.page.unroute_all()
    visitor.page.click("#engine .engine-retry")
    visitor.wait_for_engine("ready")
    visitor.wait_for("waits.wav", "done")


def test_analysis_that_dies_on_a_song(here: Visit, tmp_path: Path):
    here.page.workers[0].evaluate(
        "() => { const real = self.postMessage.bind(self); self.postMessage = (message) => {"
        " if (message.type === 'progress') throw new Error('out of memory'); real(message); }; }"
    )
    files = [write(tmp_path / name, 6, 22050) for name in ("victim.wav", "next.wav")]
    here.choose(files)
    here.wait_for("victim.wav", "failed")
    assert "broke off" in here.status("victim.wav")
    assert "out of memory" in here.status("victim.wav")
    # a new worker analyses the next song
    here.wait_for("next.wav", "done")
    here.song("victim.wav").locator(".song-retry").click()
    here.wait_for("victim.wav", "done")


def test_analysis_that_crashes_between_songs(here: Visit, tmp_path: Path):
    here.page.workers[0].evaluate("() => { setTimeout(() => { throw new Error('crash'); }, 0); }")
    here.page.wait_for_function("() => performance.getEntriesByName('engine').length === 1")
    here.finish([write(tmp_path / "after.wav", 6, 22050)])


def test_browser_without_required_features(visit, site: Site):
    for script, words in (
        ("delete window.OfflineAudioContext", "audio decoding missing"),
        ("delete window.WebAssembly", "WebAssembly missing"),
        (
            "const Real = Worker; window.Worker = class { constructor(url) { } terminate() {} }",
            "module workers missing",
        ),
    ):
        visitor = visit(site.url)
        visitor.page.add_init_script(script)
        visitor.page.goto(site.url)
        assert words in visitor.wait_for_engine("failed")
        assert visitor.page.is_visible("#engine .engine-retry")
