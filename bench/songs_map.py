"""The map of 2,000 songs in Chromium: from a click to the picture, and what is felt on it.

The list is one that the browser remembers: one song is answered, and its record is multiplied with
made-up embeddings around a middle for each genre. The page's own engine lays them out.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser import sounds
from tests.browser.visit import Visit

from .setting import chromium, median_row, row, running_site

VERSION = "v10"
N_SONGS = 2000
LIMIT_MS = 600_000
# Multiplies the only record of the database.
MULTIPLY = """async (n) => {
  const done = (request) => new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  const database = await done(indexedDB.open('musiclassify'));
  const all = (store) => done(database.transaction(store).objectStore(store).getAll());
  const [[record], [body]] = await Promise.all([all('songs'), all('bodies')]);
  const { genres, embedding: { song: { length: size } } } = record.prediction;
  // A seeded generator, and normal numbers of it.
  let state = 1;
  const draw = () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return (state + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(draw())) * Math.cos(2 * Math.PI * draw());
  const middles = genres.map(() => Array.from({ length: size }, () => Math.abs(normal())));
  const transaction = database.transaction(['songs', 'bodies'], 'readwrite');
  const written = new Promise((resolve) => { transaction.oncomplete = resolve; });
  for (let i = 1; i < n; i += 1) {
    const genre = i % genres.length;
    const { prediction, ...rest } = structuredClone(record);
    prediction.embedding.song = middles[genre].map((value) => value + 0.6 * normal());
    prediction.aggregate.genre = genres[genre];
    const name = `song ${i}.wav`;
    const [key, order] = [`${record.key}-${i}`, record.order + i];
    const made = { ...rest, prediction, key, order, fileName: name, path: name };
    transaction.objectStore('songs').put(made, key);
    transaction.objectStore('bodies').put(body, key);
  }
  await written;
  database.close();
}"""
# Milliseconds from opening the map to its layout and to its picture, and the longest task.
OPEN = """async () => {
  const tasks = [0];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: 'longtask' });
  const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const start = performance.now();
  document.getElementById('map').open = true;
  while (document.getElementById('map-parts').hidden) await new Promise((go) => setTimeout(go, 1));
  const laid = performance.now() - start;
  await drawn();
  const whole = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 200));
  return [laid, whole, Math.max(...tasks)];
}"""
# Milliseconds of each move of the pointer over the points.
HOVER = """async () => {
  const picture = document.getElementById('map-picture');
  const { left, top, width, height } = picture.getBoundingClientRect();
  const times = [];
  for (let i = 0; i < 200; i += 1) {
    const [across, down] = [0.2 + (0.6 * i) / 200, 0.3 + (0.4 * ((7 * i) % 200)) / 200];
    const [clientX, clientY] = [left + width * across, top + height * down];
    const start = performance.now();
    picture.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY }));
    times.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  return times;
}"""
TABLE = """async () => {
  const start = performance.now();
  document.getElementById('map-table').open = true;
  const rows = document.getElementById('map-rows');
  while (!rows.dataset.filled) await new Promise((resolve) => setTimeout(resolve, 5));
  return performance.now() - start;
}"""


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    opened, table, hover = [], [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(MODEL=VERSION) as site,
        chromium() as browser,
    ):
        song = sounds.write(Path(folder) / "first.wav", 12, 22050)
        page = _remembering(browser, site.url, song)
        for _ in range(rounds):
            page.goto("about:blank")
            page.goto(site.url)
            page.wait_for_selector("#engine[data-state=ready]")
            page.wait_for_selector(f'#map[data-points="{N_SONGS}"]')
            # The list itself has come to rest.
            page.wait_for_timeout(3000)
            opened.append(page.evaluate(OPEN))
            hover.append(page.evaluate(HOVER))
            table.append(page.evaluate(TABLE))
    laid, drawn, longest = (list(times) for times in zip(*opened, strict=True))
    n = f"{N_SONGS:,} songs"
    return [
        median_row(f"map of {n}: click to layout", laid, "ms", 0),
        median_row(f"map of {n}: click to picture", drawn, "ms", 0),
        median_row("of it the longest that the page stood still", longest, "ms", 0),
        median_row("pointer to the song under it", [statistics.median(t) for t in hover], "ms", 2),
        row("pointer to the song under it, the slowest", max(map(max, hover)), "ms", 2),
        median_row("the map as a table, with the nearest of each", table, "ms", 0),
    ]


def _remembering(browser: Browser, url: str, song: Path) -> Page:
    """Return a page whose browser remembers `N_SONGS` answered songs."""
    visit = Visit(browser.new_context().new_page(), url).opened()
    visit.page.set_default_timeout(LIMIT_MS)
    visit.page.check("#remember")
    visit.finish([song])
    # Until the answer is stored.
    visit.page.wait_for_timeout(1500)
    visit.page.evaluate(MULTIPLY, N_SONGS)
    return visit.page
