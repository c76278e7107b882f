"""Queues of 1 to 500 short songs, and what long lists cost the page.

Songs are mp3 of 20 s, stereo at 44,100 Hz. Each queue has a browser of its own; its memory is the
most that the page's process had. The long lists wait for an analysis that never loads, so that only
the page works.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser import sounds
from tests.browser.site import Site
from tests.browser.visit import Visit

from .memory import most_memory
from .setting import chromium, point_row, running_site

CLIP_S = 20
QUEUES = (1, 10, 50, 100, 200, 500)
LISTS = (250, 500, 1000, 2000)
LIMIT_MS = 600_000
DONE = """(n) =>
  document.querySelectorAll('article.song[data-state=done]').length >= n"""
# Milliseconds from a press or a choice until the page has handled it and could draw.
PRESS = """async (id) => {
  const start = performance.now();
  document.getElementById(id).click();
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - start;
}"""
ORDER = """async (value) => {
  const order = document.getElementById('order');
  const start = performance.now();
  order.value = value;
  order.dispatchEvent(new Event('change'));
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - start;
}"""
ADD = """async (n) => {
  const files = new DataTransfer();
  for (let i = 0; i < n; i += 1) files.items.add(new File(['sound'], `song ${i}.mp3`));
  const input = document.getElementById('songs');
  input.files = files.files;
  const start = performance.now();
  input.dispatchEvent(new Event('change'));
  const there = () => document.querySelectorAll('article.song').length === n;
  do await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  while (!there());
  return performance.now() - start;
}"""


def _queue(site: Site, songs: list[Path]) -> list[dict[str, Any]]:
    n = len(songs)
    with chromium() as browser:
        visit = Visit(browser.new_context().new_page(), site.url).opened()
        visit.page.set_default_timeout(LIMIT_MS)
        started = time.perf_counter()
        visit.choose(songs)
        visit.page.wait_for_function(DONE, arg=n, polling=50)
        took = time.perf_counter() - started
        return [
            point_row("queue, from choice to the last answer", "songs", n, took, "s", 2),
            point_row("queue, a song", "songs", n, 1e3 * took / n, "ms", 1),
            point_row("queue, page at most", "songs", n, most_memory("renderer"), "MB", 0),
            point_row(
                "list of answers, put in order",
                "songs",
                n,
                visit.page.evaluate(ORDER, "surest"),
                "ms",
                1,
            ),
        ]


def _list(browser: Browser, site: Site, n: int) -> list[dict[str, Any]]:
    page = browser.new_context().new_page()
    # Requests for the runtime are never answered, so the songs wait.
    page.route("**/runtime/**", lambda route: None)
    page.goto(site.url)
    page.set_default_timeout(LIMIT_MS)
    found = {
        "added": page.evaluate(ADD, n),
        "paused": page.evaluate(PRESS, "pause"),
        "cancelled": page.evaluate(PRESS, "cancel"),
        "retried": page.evaluate(PRESS, "retry-failed"),
        "cleared": page.evaluate(PRESS, "clear"),
    }
    page.context.close()
    return [
        point_row(f"list of waiting songs, {k}", "songs", n, v, "ms", 1) for k, v in found.items()
    ]


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, running_site() as site:
        songs = [sounds.write(Path(folder) / "first.mp3", CLIP_S, 44100, channels=2)]
        for number in range(1, max(QUEUES)):
            songs.append(Path(folder) / f"song {number:03}.mp3")
            os.link(songs[0], songs[-1])
        for n in QUEUES:
            rows += _queue(site, songs[:n])
        with chromium() as browser:
            for n in LISTS:
                rows += _list(browser, site, n)
    return rows
