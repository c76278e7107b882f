"""Long songs through the page: decoded bit by bit, and for comparison at once.

Memory is the most that Chromium's processes had at a time (`VmHWM`), and told on Linux only. Each
song has a browser of its own.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser

from tests.browser.site import Site
from tests.browser.sounds import write_long
from tests.browser.visit import Visit

from .memory import most_memory
from .setting import chromium, row, running_site

RATE = 44100
HOURS_2 = 2 * 3600
HALF_HOUR = 1800
PATIENCE_MS = 1_200_000
FIRST = "() => document.querySelector('.segment')"
# Sites whose limits make the page decode everything bit by bit, or everything at once.
BY_BITS: dict[str, int] = {"STREAM_MINUTES": 1}
AT_ONCE: dict[str, int] = {"STREAM_MINUTES": 600}


class Run(NamedTuple):
    """One song on one site."""

    suffix: str
    seconds: int
    version: str
    limits: dict[str, int]

    @property
    def title(self) -> str:
        """Title of its rows."""
        way = "bit by bit" if self.limits is BY_BITS else "at once"
        return f"{self.seconds // 60} min {self.suffix[1:]}, {self.version}, {way}"


RUNS = [
    Run(".mp3", HALF_HOUR, "v9", AT_ONCE),
    Run(".mp3", HALF_HOUR, "v9", BY_BITS),
    Run(".mp3", HOURS_2, "v9", BY_BITS),
    Run(".mp3", HOURS_2, "v1", BY_BITS),
    Run(".wav", HOURS_2, "v9", BY_BITS),
]


def through(browser: Browser, site: Site, song: Path) -> dict[str, float]:
    """Send one song through the page: seconds, and MB."""
    visit = Visit(browser.new_context().new_page(), site.url).opened()
    visit.page.set_default_timeout(PATIENCE_MS)
    before = most_memory("renderer")
    started = time.perf_counter()
    visit.choose([song])
    visit.page.wait_for_function(FIRST)
    first = time.perf_counter() - started
    visit.wait_for(song.name, "done")
    whole = time.perf_counter() - started
    return {
        "first pieces, s": first,
        "whole, s": whole,
        "page before, MB": before,
        "page at most, MB": most_memory("renderer"),
        "browser itself at most, MB": most_memory("browser"),
    }


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for run in RUNS:
            song = Path(folder) / f"{run.seconds}{run.suffix}"
            if not song.exists():
                write_long(song, run.seconds, RATE)
            with running_site(MODEL=run.version, **run.limits) as site, chromium() as browser:
                for what, value in through(browser, site, song).items():
                    name, _, unit = what.rpartition(", ")
                    rows.append(row(f"{run.title}: {name}", value, unit, 1))
    return rows
