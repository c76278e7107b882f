"""Time from an address to a page that is ready, against bare Pyodide with numpy.

Each round has a browser profile of its own on the disk: only such
profiles keep compiled WebAssembly. The slow link is a proxy on loopback that lets 10 Mbit pass each
second.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.browser import install_browser
from tests.browser.pages import FLAGS
from tests.browser.site import HOST

from . import bare
from .setting import median_row, point_row, row, running_site

MEGABIT_PER_S = 10
CHUNK = 16 * 1024
# Milliseconds after the page is ready and has kept its files, in which the browser stores compiled
# code in its caches.
SETTLE_MS = 3000
VISITS = 4
READY = """() => {
  const [found] = performance.getEntriesByName('engine');
  return found.startTime + found.duration;
}"""


class SlowLink:
    """A proxy that limits the bytes per second from the server, and counts them."""

    def __init__(self, port: int, megabit_per_s: float) -> None:
        self.bytes = 0
        self.port = 0
        self._server_port = port
        self._rate = megabit_per_s * 1e6 / 8
        self._free_at = 0.0
        self._loop = asyncio.new_event_loop()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            self.bytes += len(data)
            # one link for all connections: they take turns
            now = self._loop.time()
            self._free_at = max(now, self._free_at) + len(data) / self._rate
            await asyncio.sleep(self._free_at - now)
            writer.write(data)
            await writer.drain()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        ways = [
            asyncio.ensure_future(self._down(server_reader, writer)),
            asyncio.ensure_future(self._up(reader, server_writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, server_writer):
            end.close()

    @contextlib.contextmanager
    def open(self) -> Iterator[SlowLink]:
        """Listen on `port` until the end."""
        # in a thread of its own: this one runs Playwright's loop
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        starting = asyncio.start_server(self._connect, HOST, 0)
        server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()


@contextlib.contextmanager
def _profile(playwright: Any) -> Iterator[BrowserContext]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=install_browser.find(),
            args=FLAGS,
        )
        yield context
        context.close()


def _bare(context: BrowserContext, url: str) -> float:
    page = context.new_page()
    page.goto(url)
    return float(page.evaluate(bare.READY)) / 1e3


def _ready(page: Page, url: str) -> float:
    page.goto(url)
    page.wait_for_selector("#engine[data-state=ready]", timeout=180_000)
    return float(page.evaluate(READY)) / 1e3


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    peer, slow, sent = [], [], []
    visits: list[list[float]] = [[] for _ in range(VISITS)]
    with running_site() as site, bare.bare_site() as bare_url, sync_playwright() as playwright:
        for _ in range(rounds):
            with _profile(playwright) as context:
                peer.append(_bare(context, bare_url))
            with _profile(playwright) as context:
                page = context.new_page()
                for visit in visits:
                    visit.append(_ready(page, site.url))
                    page.wait_for_selector("#kept:not([hidden])", state="attached")
                    page.wait_for_timeout(SETTLE_MS)
            with (
                SlowLink(site.port, MEGABIT_PER_S).open() as link,
                _profile(playwright) as context,
            ):
                slow.append(_ready(context.new_page(), f"http://{HOST}:{link.port}/"))
                sent.append(link.bytes)
    transfer = statistics.median(sent) * 8 / (MEGABIT_PER_S * 1e6)
    start = statistics.median(peer)
    ratios = [statistics.median(visit) / start for visit in visits]
    return [
        median_row("bare Pyodide and numpy, empty cache", peer, "s"),
        median_row("the page to ready, empty cache", visits[0], "s"),
        row("the page / bare", ratios[0], "x"),
        median_row("the page to ready, again", visits[1], "s"),
        row("again / bare", ratios[1], "x"),
        *(
            point_row("the page / bare page, empty cache", "visit", number, ratio, "x")
            for number, ratio in enumerate(ratios, 1)
        ),
        row("bytes until ready, compressed", statistics.median(sent) / 1e6, "MB", 2),
        row(f"... their transfer at {MEGABIT_PER_S} Mbit/s", transfer, "s"),
        median_row(f"the page to ready at {MEGABIT_PER_S} Mbit/s, empty cache", slow, "s"),
        row(
            "... / (transfer + bare)",
            statistics.median(slow) / (transfer + start),
            "x",
        ),
    ]
