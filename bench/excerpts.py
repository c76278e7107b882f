"""A queue of mp3s of three and a half minutes: whole songs against three excerpts of each.

Both ways take turns, each in a browser of its own. Memory is the most that the page's process had.
LISTEN_SONGS is the number of songs, 200 otherwise.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.browser import sounds
from tests.browser.visit import Visit

from .memory import most_memory
from .queue import COUNT, DONE, LIMIT_MS
from .setting import chromium, median_row, row, running_site

VERSION = "v9"
SONG_S = 210
SONGS = 200
WAYS = ("whole", "excerpts")


def write_songs(folder: Path, n_songs: int) -> list[Path]:
    """Write songs that differ in name alone: one file on the disk."""
    first = sounds.write(folder / "first.mp3", SONG_S, 44100, channels=2)
    songs = [folder / f"song {number:03}.mp3" for number in range(n_songs)]
    for song in songs:
        os.link(first, song)
    return songs


def through(songs: list[Path], way: str) -> tuple[float, float]:
    """Seconds of one queue, and MB of the page at most.

    Raises
    ------
    RuntimeError : a song was not listened to in this way, or has no answer.
    """
    with running_site(MODEL=VERSION) as site, chromium() as browser:
        visit = Visit(browser.new_context().new_page(), site.url).opened()
        page = visit.page
        page.set_default_timeout(LIMIT_MS)
        page.select_option("#listen", way)
        began = time.perf_counter()
        visit.choose(songs)
        page.wait_for_function(DONE, arg=len(songs))
        took = time.perf_counter() - began
        listened = page.locator(f"article.song[data-listened={way}]").count()
        if page.evaluate(COUNT) != len(songs) or listened != len(songs):
            raise RuntimeError(f"{listened} of {len(songs)} songs were listened to as {way}")
        return took, most_memory("renderer")


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    n_songs = int(os.environ.get("LISTEN_SONGS", SONGS))
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        songs = write_songs(Path(folder), n_songs)
        for _ in range(min(rounds, 3)):
            for way in WAYS:
                found[way].append(through(songs, way))
    rows = []
    for number, (what, unit) in enumerate((("time", "s"), ("page at most", "MB"))):
        values = {way: [each[number] for each in found[way]] for way in WAYS}
        rows += [
            median_row(f"{n_songs} songs, {way}: {what}", values[way], unit, 1) for way in WAYS
        ]
        ratio = statistics.median(values["excerpts"]) / statistics.median(values["whole"])
        rows.append(row(f"excerpts / whole: {what}", ratio, "x", 2))
    return rows
