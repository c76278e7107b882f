"""Sending numbers to a server that is busy, loses its processes or is another computer."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
from playwright.sync_api import Route

from tests.webapp.running import server, wait_for, workers

from .pages import ELSEWHERE
from .site import Recorder, Site
from .sounds import write
from .visit import Visit

BUSY = "The server is busy; it will be asked again by itself"

# Records every state of the songs and every message that they show in `window.seen`.
WATCH = """() => {
  window.seen = [];
  new MutationObserver(() => {
    for (const song of document.querySelectorAll('article.song')) {
      const seen = `${song.dataset.state}: ${song.querySelector('.song-status').textContent}`;
      if (!window.seen.includes(seen)) window.seen.push(seen);
    }
  }).observe(document.getElementById('list'), {
    subtree: true, childList: true, characterData: true, attributeFilter: ['data-state'],
  });
}"""

# Decodes several sounds of equal length; returns the largest number that were decoded at the same
# moment, and how many samples each sound has.
DECODE_SEVERAL = """async ([songs, seconds]) => {
  const { mix } = JSON.parse(document.getElementById('config').textContent);
  const { decode } = await import('/static/js/sound/decode.js');
  const real = OfflineAudioContext.prototype.decodeAudioData;
  let now = 0;
  let most = 0;
  OfflineAudioContext.prototype.decodeAudioData = async function (bytes) {
    now += 1;
    most = Math.max(most, now);
    // wait until the others have begun, too: a short sound is decoded before they are read
    const until = performance.now() + 1000;
    while (most < songs && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    try {
      return await real.call(this, bytes);
    } finally {
      now -= 1;
    }
  };
  const rate = 3000;
  const header = new DataView(new ArrayBuffer(44));
  const text = (place, word) =>
    [...word].forEach((c, i) => header.setUint8(place + i, c.charCodeAt(0)));
  text(0, 'RIFF'); text(8, 'WAVEfmt '); text(36, 'data');
  const size = rate * seconds;
  for (const [place, value] of [[4, 36 + size], [16, 16], [24, rate], [28, rate], [40, size]]) {
    header.setUint32(place, value, true);
  }
  for (const [place, value] of [[20, 1], [22, 1], [32, 1], [34, 8]]) {
    header.setUint16(place, value, true);
  }
  const file = new File([header, new Uint8Array(rate * seconds).fill(128)], 'silent.wav');
  const found = await Promise.all(Array.from({ length: songs }, () =>
    decode(file, { sampleRate: 3000, maxMinutes: 60, mix })));
  OfflineAudioContext.prototype.decodeAudioData = real;
  return [most, found.map(({ samples }) => samples.length)];
}"""


@pytest.mark.parametrize("n_workers", [1, 2])
def test_workers_that_are_killed_lose_no_song(
    visit: Callable[..., Visit], tmp_path: Path, n_workers: int
):
    with server(WORKERS=n_workers, MODEL="v1", LOG_FORMAT="json", LOG_LEVEL="info") as site:
        site.expect("server_ready")
        visitor = visit(f"http://127.0.0.1:{site.port}").opened()
        # the browser logs requests that were cut
        visitor.expected_complaints = ("ERR_",)
        page = visitor.page
        page.evaluate(WATCH)
        files = [write(tmp_path / f"{n}.wav", 20, 22050, seed=n) for n in range(9)]
        for part in (files[:3], files[3:6], files[6:]):
            wait_for(lambda: len(workers(site)) == n_workers)
            running = workers(site)
            # stop the workers, so that they hold the requests, and then kill them
            for pid in running:
                os.kill(pid, signal.SIGSTOP)
            with page.expect_request("**/predictions"):
                visitor.choose(part)
            page.wait_for_timeout(200)
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            for file in part:
                visitor.wait_for(file.name, "done")
        assert len(visitor.answers) == visitor.measures("extract") == len(files)
        assert not [seen for seen in page.evaluate("window.seen") if seen.startswith("failed")]
        assert page.inner_text("#summary") == "9 of 9 songs done"


def test_a_request_that_is_cut_is_sent_again(here: Visit, tmp_path: Path):
    """The page repeats it; the browser itself does so only on a connection that it reuses."""
    here.expected_complaints = ("ERR_CONNECTION_RESET",)
    asked: list[Route] = []

    def cut(route: Route) -> None:
        asked.append(route)
        if len(asked) > 3:
            route.continue_()
        else:
            route.abort("connectionreset")

    here.page.route("**/predictions", cut)
    here.page.evaluate(WATCH)
    here.finish([write(tmp_path / "cut.wav", 6, 22050)])
    assert len(asked) == 4
    assert not [seen for seen in here.page.evaluate("window.seen") if seen.startswith("failed")]

    # a request that is always cut fails in the end, although the server answers other requests
    here.page.unroute_all()
    here.page.route("**/predictions", lambda route: route.abort("connectionreset"))
    here.choose([write(tmp_path / "never.wav", 6, 22050)])
    here.wait_for("never.wav", "failed")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_a_busy_server_is_asked_again_after_its_retry_after(
    warm: Callable[..., Visit], site: Site, tmp_path: Path, status: int, as_date: bool
):
    visitor = warm(site.url, clock=True)
    visitor.expected_complaints = (str(status),)
    # Other tests may have put the clock of this warm page forward.
    ahead = visitor.page.evaluate("Date.now()") / 1000 - time()
    asked: list[Route] = []

    def turn_away(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()
            return
        later = formatdate(time() + ahead + 100, usegmt=True) if as_date else "100"
        error = {"error": {"status": status, "code": "x", "message": "Too many."}}
        route.fulfill(status=status, headers={"Retry-After": later}, json=error)

    visitor.page.route("**/predictions", turn_away)
    visitor.choose([write(tmp_path / "patient.wav", 6, 22050)])
    song = visitor.song("patient.wav")
    song.get_by_text(BUSY).wait_for()
    assert song.get_attribute("data-state") == "predicting"
    assert song.locator("progress").is_hidden()
    visitor.page.clock.run_for(60_000)
    assert visitor.status("patient.wav") == BUSY
    assert len(asked) == 1
    visitor.page.clock.run_for(45_000)
    visitor.wait_for("patient.wav", "done")
    assert len(asked) == 2


def test_removing_or_cancelling_a_song_ends_its_wait(here: Visit, tmp_path: Path):
    here.expected_complaints = ("503",)
    here.page.route(
        "**/predictions", lambda route: route.fulfill(status=503, headers={"Retry-After": "60"})
    )
    files = [write(tmp_path / f"{n}.wav", 6, 22050, seed=n) for n in range(4)]
    here.choose(files)
    # Two requests are sent at a time: those of the songs that were decoded first.
    waiting = here.page.locator("article.song").filter(has_text=BUSY)
    here.wait_until(lambda: waiting.count() == 2, "two songs that wait")
    first = waiting.first.get_attribute("data-name") or ""
    # a removed song gives its place to the next one
    here.song(first).locator(".song-remove").click()
    left = [file.name for file in files if file.name != first]
    here.wait_until(
        lambda: here.page.locator("article.song").count() == len(left), "the removal of a song"
    )
    here.wait_until(lambda: waiting.count() == 2, "two songs that wait")
    here.page.click("#cancel")
    for name in left:
        here.wait_for(name, "cancelled")
    here.page.unroute_all()
    here.page.click("#retry-failed")
    for name in left:
        here.wait_for(name, "done")


def test_a_song_fails_if_the_server_asks_for_a_long_pause(here: Visit, tmp_path: Path):
    here.expected_complaints = ("429",)
    asked: list[Route] = []

    def turn_away(route: Route) -> None:
        asked.append(route)
        error = {"error": {"status": 429, "code": "x", "message": "Come back in an hour."}}
        route.fulfill(status=429, headers={"Retry-After": "3600"}, json=error)

    here.page.route("**/predictions", turn_away)
    here.choose([write(tmp_path / "late.wav", 6, 22050)])
    here.wait_for("late.wav", "failed")
    assert "The server is busy: Come back in an hour." in here.status("late.wav")
    assert len(asked) == 1
    assert here.song("late.wav").locator(".song-retry").is_visible()


def test_requests_to_another_computer_are_compressed(
    visit: Callable[..., Visit], make_site: Callable[..., Site], tmp_path: Path
):
    site = make_site(TRUSTED_HOSTS=f"{ELSEWHERE},127.0.0.1")
    recorder = Recorder(site.port)
    visitor = visit(recorder.url.replace("127.0.0.1", ELSEWHERE)).opened()
    # 415 below, and a warning of the browser about sites without TLS
    visitor.expected_complaints = ("415", "Cross-Origin-Opener-Policy")
    visitor.finish([write(tmp_path / "far.wav", 20, 22050)])
    song = visitor.song("far.wav")
    shown = visitor.sent("far.wav")
    (packed,) = [body for line, body in recorder.requests() if line.startswith("POST")]
    assert b"content-encoding: gzip" in recorder.sent.lower()
    assert json.loads(gzip.decompress(packed)) == shown
    text = song.locator(".sent-wire").inner_text()
    assert text == f", compressed with gzip to {len(packed):,} bytes on the way"
    size = len(gzip.decompress(packed))
    assert song.locator(".sent-bytes").get_attribute("data-bytes") == str(size)

    # a proxy that refuses gzip gets plain text from then on
    codings: list[str] = []

    def plain_only(route: Route) -> None:
        coding = route.request.headers.get("content-encoding", "")
        codings.append(coding)
        if coding:
            route.fulfill(status=415, body="no gzip here")
        else:
            route.continue_()

    visitor.page.route("**/predictions", plain_only)
    for name in ("next.wav", "last.wav"):
        visitor.finish([write(tmp_path / name, 6, 22050)])
    assert codings == ["gzip", "", ""]
    recorder.close()


def test_requests_to_this_computer_are_not_compressed(here: Visit, tmp_path: Path):
    with here.page.expect_request("**/predictions") as asked:
        here.finish([write(tmp_path / "near.wav", 6, 22050)])
    assert "content-encoding" not in asked.value.headers
    here.sent("near.wav")
    assert here.song("near.wav").locator(".sent-wire").inner_text() == ""


def test_short_sounds_are_decoded_in_parallel_and_long_ones_in_turn(here: Visit):
    short = here.page.evaluate(DECODE_SEVERAL, [3, 20])
    assert short == [3, [60_000] * 3]
    # two of these exceed the 900 s of sound that are decoded at a time
    long = here.page.evaluate(DECODE_SEVERAL, [3, 500])
    assert long == [1, [1_500_000] * 3]


def test_the_summary_of_a_long_list_becomes_complete(here: Visit, tmp_path: Path):
    files = [tmp_path / f"{n}.mp3" for n in range(150)]
    for file in files:
        file.touch()
    here.choose(files)
    here.page.wait_for_function(
        "() => document.getElementById('summary').textContent === '0 of 150 songs done, 150 failed'"
    )
    assert here.page.is_disabled("#pause")
    here.page.click("#clear")
    assert here.page.locator("article.song").count() == 0
    assert here.page.is_hidden("#queue")
