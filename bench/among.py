"""Fifty songs beside 450 that are answered, against fifty alone: what a long list costs each song.

Songs are mp3 of 20 s, stereo at 44,100 Hz, really decoded, analysed and answered. The 450 are
copies of one answer that the page remembers, restored by a reload and then no longer remembered.
Both lists stand in pages of one browser, and take turns.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.browser import sounds
from tests.browser.test_history import remember, settled
from tests.browser.visit import Visit

from .queues import CLIP_S, DONE, LIMIT_MS
from .setting import chromium, median_row, running_site

BESIDE = 450
SONGS = 50
# Stores copies of the one remembered song.
COPY = """async (n) => {
  const open = indexedDB.open('musiclassify');
  const database = await new Promise((resolve) => {
    open.onsuccess = () => resolve(open.result);
  });
  const transaction = database.transaction(['songs', 'bodies'], 'readwrite');
  const songs = transaction.objectStore('songs');
  const bodies = transaction.objectStore('bodies');
  const found = (request) => new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  const [record] = await found(songs.getAll());
  const [body] = await found(bodies.getAll());
  for (let i = 0; i < n; i += 1) {
    const [key, name] = [`copy ${i}`, `answered ${i}.mp3`];
    songs.put({ ...record, key, order: record.order + i + 1, fileName: name, path: name }, key);
    bodies.put(body, key);
  }
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  database.close();
}"""
# Whether the last song of the list has its answer, and then whether all have: to look at all of a
# long list takes time from the songs.
ALL_DONE = """() => {
  if (document.getElementById('list').lastElementChild?.dataset.state !== 'done') return false;
  return document.querySelector('article.song:not([data-state=done])') === null;
}"""
# Takes the songs of a round off the list.
TAKE = """(prefix) => {
  for (const song of document.querySelectorAll('article.song')) {
    if (song.dataset.name.startsWith(prefix)) song.querySelector('.song-remove').click();
  }
}"""


def _open(browser: Browser, url: str) -> Visit:
    visit = Visit(browser.new_context().new_page(), url).opened()
    visit.page.set_default_timeout(LIMIT_MS)
    return visit


def _fill(visit: Visit, song: Path) -> None:
    """Bring BESIDE answered songs into the list."""
    page = visit.page
    remember(visit)
    visit.finish([song])
    settled(page, 1, 1, 0, "done")
    page.evaluate(COPY, BESIDE - 1)
    page.reload()
    visit.wait_for_engine("ready")
    page.wait_for_function(DONE, arg=BESIDE)
    page.click("#erase")
    page.wait_for_selector("#erase", state="hidden")


def _through(visit: Visit, songs: list[Path]) -> float:
    """Milliseconds of each song, from choice to the last answer."""
    page = visit.page
    page.bring_to_front()
    page.wait_for_timeout(500)
    started = time.perf_counter()
    visit.choose(songs)
    page.wait_for_selector(f'article.song[data-name="{songs[-1].name}"]', state="attached")
    page.wait_for_function(ALL_DONE, polling=50)
    took = time.perf_counter() - started
    page.evaluate(TAKE, "song ")
    return 1e3 * took / len(songs)


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    with tempfile.TemporaryDirectory() as folder, running_site() as site, chromium() as browser:
        first = sounds.write(Path(folder) / "answered.mp3", CLIP_S, 44100, channels=2)
        songs = [Path(folder) / f"song {number:02}.mp3" for number in range(SONGS)]
        for song in songs:
            os.link(first, song)
        alone, among = (_open(browser, site.url) for _ in range(2))
        _fill(among, first)
        # The first songs of a page warm it.
        for visit in (alone, among):
            _through(visit, songs[:5])
        pairs = [(_through(alone, songs), _through(among, songs)) for _ in range(rounds)]
        return [
            median_row(f"a song of {SONGS}, alone", [one for one, _ in pairs], "ms", 1),
            median_row(f"a song of {SONGS}, beside {BESIDE}", [two for _, two in pairs], "ms", 1),
            median_row("beside, over alone", [two / one for one, two in pairs], "times", 3),
        ]
