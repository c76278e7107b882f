"""Time to ready, and a song of three minutes through the page."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from playwright.sync_api import Browser

from features import FeatureSpec, extract_segments
from tests.browser import sounds
from tests.browser.visit import Visit
from webapp.inference import Registry

from .setting import ROOT, SONG_S, chromium, median_row, row, running_site

STEPS = ("decode", "extract", "request")
LONGER_S = 200
VERSIONS = ("v9", "v1")
MEASURES = "(name) => performance.getEntriesByName(name).map((entry) => entry.duration)"
# Milliseconds from each choice of a file to its drawn answer, on the page's own clock: the program
# that drives the browser takes time itself.
WATCH = """() => {
  window.answered = [];
  let chosen;
  document.getElementById('songs').addEventListener('change', () => {
    chosen = performance.now();
  }, { capture: true });
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (target.dataset.state !== 'done') continue;
      const drawn = () => window.answered.push(performance.now() - chosen);
      requestAnimationFrame(() => setTimeout(drawn));
    }
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['data-state'] });
}"""


def seconds_of(action: Any) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def native_librosa(samples: np.ndarray, spec: FeatureSpec) -> None:
    """MFCC of a whole song by librosa, as the spec says but not standardised."""
    librosa.feature.mfcc(
        y=samples,
        sr=spec.sample_rate,
        n_mfcc=spec.n_mfcc,
        n_fft=spec.n_fft,
        hop_length=spec.hop_length,
        n_mels=spec.n_mels,
        fmax=spec.fmax,
    )


def _first_answer(browser: Browser, url: str, song: Path) -> float:
    """Seconds to the answer of a song that is chosen at once, while Python still loads."""
    context = browser.new_context()
    visit = Visit(context.new_page(), url)
    started = time.perf_counter()
    visit.page.goto(url)
    visit.finish([song])
    took = time.perf_counter() - started
    context.close()
    return took


def _beside_decoding(rounds: int, folder: Path) -> list[dict[str, Any]]:
    """Seconds of a song of 200 s beyond those that the browser takes to decode it."""
    song = sounds.write(folder / "longer.mp3", LONGER_S, 44100, channels=2)
    rows = []
    for version in VERSIONS:
        with running_site(MODEL=version) as site, chromium() as browser:
            visit = Visit(browser.new_page(), site.url).opened()
            visit.finish([song])
            visit.page.evaluate(WATCH)
            for n in range(rounds):
                visit.clear()
                visit.finish([song])
                visit.page.wait_for_function("(n) => window.answered.length > n", arg=n)
            drop = [each / 1e3 for each in visit.page.evaluate("window.answered")]
            decode = [each / 1e3 for each in visit.page.evaluate(MEASURES, "decode")[1:]]
            rest = [whole - part for whole, part in zip(drop, decode, strict=True)]
            name = f"{version}, {LONGER_S} s mp3"
            rows += [
                median_row(f"{name}: drop to answer", drop, "s"),
                median_row(f"{name}: of it decoding", decode, "s"),
                median_row(f"{name}: all the rest", rest, "s"),
            ]
    return rows


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    spec = Registry.load(ROOT / "trained_models").cards["v1"].spec
    with tempfile.TemporaryDirectory() as folder:
        rows = _beside_decoding(rounds, Path(folder))
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, running_site() as site:
        song = sounds.write(Path(folder) / "song.mp3", SONG_S, 44100, channels=2)
        cold, warm, first = [], [], []
        for _ in range(rounds):
            first.append(_first_answer(browser, site.url, song))
            context = browser.new_context()
            visit = Visit(context.new_page(), site.url)
            cold.append(seconds_of(visit.opened))
            warm.append(seconds_of(visit.opened))
            context.close()
        rows += [
            median_row("open the page to ready, empty cache", cold, "s"),
            median_row("open the page to ready, filled cache", warm, "s"),
            median_row("open the page to the first answer, empty cache, one click", first, "s"),
        ]
        context = browser.new_context()
        visit = Visit(context.new_page(), site.url).opened()
        # The length comes from the browser, which does not hand out the content of a Blob.
        with visit.page.expect_request_finished(lambda request: request.method == "POST") as sent:
            visit.finish([song])
        request_size = int(sent.value.all_headers()["content-length"])
        visit.clear()
        drop = []
        for _ in range(rounds):
            drop.append(seconds_of(lambda: visit.finish([song])))
            visit.clear()
        times = {step: visit.page.evaluate(MEASURES, step) for step in STEPS}
        rows += [median_row(f"{step}, {SONG_S} s mp3", times[step], "ms", 1) for step in STEPS]
        rows.append(median_row("drop to answer", drop, "s"))
        file_size = song.stat().st_size
        rows += [
            row("size of the song's file", file_size, "bytes"),
            row("size of the request", request_size, "bytes"),
            row("request / file", request_size / file_size, "", 3),
        ]
        samples = visit.decoded(song)
        context.close()
    native = [seconds_of(lambda: native_librosa(samples, spec)) * 1e3 for _ in range(rounds)]
    own = [seconds_of(lambda: extract_segments(samples, spec)) * 1e3 for _ in range(rounds)]
    rows += [
        median_row("librosa native, the spec's MFCC, one thread", native, "ms", 1),
        median_row("features/ in CPython, one thread", own, "ms", 1),
        row(
            "extract and JSON in the browser / librosa",
            np.median(times["extract"]) / np.median(native),
            "x",
            2,
        ),
    ]
    return rows
