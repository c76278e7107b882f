"""Two hundred songs of three minutes in one queue: not remembered, and remembered over a reload.

Half are mp3 and half are ogg, stereo at 44,100 Hz. Memory is the most that the page's process had.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.browser import sounds
from tests.browser.test_history import posts, remember
from tests.browser.visit import Visit

from .memory import most_memory
from .setting import SONG_S, chromium, row, running_site

SONGS = 200
LIMIT_MS = 1_200_000
DONE = """(n) =>
  document.querySelectorAll('article.song[data-state=done]').length >= n"""
COUNT = "() => document.querySelectorAll('article.song[data-state=done]').length"
NAMES = """() =>
  new Set([...document.querySelectorAll('article.song')].map((song) => song.dataset.name)).size"""


def write_songs(folder: Path) -> list[Path]:
    """Write songs that differ in name alone: one file on the disk per format."""
    songs = []
    for suffix in (".mp3", ".ogg"):
        first = sounds.write(folder / f"first{suffix}", SONG_S, 44100, channels=2)
        for number in range(SONGS // 2):
            songs.append(folder / f"song {number:03}{suffix}")
            os.link(first, songs[-1])
    return songs


def through(songs: list[Path], *, remembered: bool) -> list[dict[str, Any]]:
    """Rows of one queue."""
    title = "remembered, reloaded in the middle" if remembered else "not remembered"
    with running_site() as site, chromium() as browser:
        visit = Visit(browser.new_context().new_page(), site.url).opened()
        page = visit.page
        page.set_default_timeout(LIMIT_MS)
        if remembered:
            remember(visit)
        started = time.perf_counter()
        visit.choose(songs)
        rows = []
        if remembered:
            page.wait_for_function(DONE, arg=SONGS // 2)
            before = page.evaluate(COUNT)
            reloaded = time.perf_counter()
            page.reload()
            page.wait_for_function(DONE, arg=before)
            rows.append(row(f"{title}: list back", time.perf_counter() - reloaded, "s", 1))
        page.wait_for_function(DONE, arg=SONGS)
        took = time.perf_counter() - started
        return [
            row(f"{title}: {SONGS} songs of {SONG_S} s", took, "s", 1),
            *rows,
            row(f"{title}: songs with an answer", page.evaluate(COUNT), ""),
            row(f"{title}: songs by name", page.evaluate(NAMES), ""),
            row(f"{title}: requests", len(posts(visit)), ""),
            row(f"{title}: page at most", most_memory("renderer"), "MB", 0),
            row(f"{title}: browser itself at most", most_memory("browser"), "MB", 0),
        ]


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    with tempfile.TemporaryDirectory() as folder:
        songs = write_songs(Path(folder))
        return through(songs, remembered=False) + through(songs, remembered=True)
