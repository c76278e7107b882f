"""Python starts from a snapshot of its memory: two hosts, bad snapshots, and what is in none."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from webapp import snapshot
from webapp.runtime import RUNTIME_DIR

from .site import HOST, ROOT, Recorder, Site
from .sounds import write
from .test_offline import kept
from .visit import Visit

START = "/static/snapshot/"
# Bytes of the snapshots that the page keeps.
KEPT_SNAPSHOTS = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const { pathname } = new URL(request.url);
      if (!pathname.startsWith('/static/snapshot/')) continue;
      const content = await (await cache.match(request)).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
      const digits = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0'));
      found.push([pathname, digits.join('')]);
    }
  }
  return found;
}"""


def started(visitor: Visit) -> str | None:
    """Wait for the analysis; tell whether it started from a snapshot: "used" or "unused"."""
    visitor.wait_for_engine("ready")
    return visitor.page.locator("#engine").get_attribute("data-snapshot")


def answers(visitor: Visit, folder: Path) -> None:
    """Let the page judge a song."""
    visitor.finish([write(folder / "song.wav", 8, 44100)])


class Proxy(BaseHTTPRequestHandler):
    """Hands each request to one of the hosts, in turn; `choose` decides for some paths."""

    protocol_version = "HTTP/1.1"
    ports: ClassVar[list[int]]
    choose: ClassVar[dict[str, int]]
    slow: ClassVar[dict[str, float]]
    turns: ClassVar[list[int]]

    def do_GET(self) -> None:
        self.turns[0] += 1
        host = next((n for path, n in self.choose.items() if self.path.startswith(path)), None)
        host = self.turns[0] % len(self.ports) if host is None else host
        connection = http.client.HTTPConnection(HOST, self.ports[host], timeout=60)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        connection.close()
        if self.command == "HEAD":
            return
        half = len(content) // 2
        # The page gives the snapshot up on a slow way.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content[:half])
            for name, seconds in self.slow.items():
                if name in self.path:
                    time.sleep(seconds)
            self.wfile.write(content[half:])

    do_POST = do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[tuple[type[Proxy], str]]:
    class Handler(Proxy):
        ports: ClassVar[list[int]] = []
        choose: ClassVar[dict[str, int]] = {}
        slow: ClassVar[dict[str, float]] = {}
        turns: ClassVar[list[int]] = [0]

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Handler, f"http://{HOST}:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def another(content: bytes) -> bytes:
    """The same snapshot with another hash: a number that nobody reads is changed."""
    return content[:12] + struct.pack("<I", 7) + content[16:]


@pytest.fixture
def other_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Start the site of another installation, whose snapshot `change` has made."""
    sites = []

    def start(change: Callable[[bytes], bytes]) -> Site:
        root = tmp_path / "copy"
        root.mkdir()
        for name in ("webapp", "features", "templates", "static"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", root)
        (root / "node_modules").symlink_to(ROOT / "node_modules")
        folder = root / "static" / "runtime"
        content = change((folder / snapshot.NAME).read_bytes())
        (folder / snapshot.NAME).write_bytes(content)
        record = json.loads((folder / snapshot.RECORD_NAME).read_text())
        record |= {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        (folder / snapshot.RECORD_NAME).write_text(json.dumps(record))
        site = Site(tmp_path / "other.txt", MODELS_DIR=ROOT / "trained_models")
        site.root = root
        sites.append(site)
        site.start()
        return site

    yield start
    for site in sites:
        site.stop()


def test_python_starts_from_the_snapshot(visit: Callable[..., Visit], site: Site, tmp_path: Path):
    visitor = visit(site.url).opened()
    assert started(visitor) == "used"
    answers(visitor, tmp_path)


def test_two_installations_behind_one_proxy(
    visit: Callable[..., Visit],
    site: Site,
    other_site: Callable[..., Site],
    proxy: tuple[type[Proxy], str],
    tmp_path: Path,
):
    handler, url = proxy
    other = other_site(another)
    handler.ports = [site.port, other.port]
    # what a browser keeps of one must be right for the other, but for the snapshot
    configs = []
    for host in (0, 1):
        handler.choose = {"/": host}
        visitor = visit(url).opened()
        assert started(visitor) == "used"
        answers(visitor, tmp_path)
        configs.append(json.loads(visitor.page.locator("#config").text_content() or ""))
    first, second = configs
    assert first.pop("snapshot") != second.pop("snapshot")
    assert first == second
    for page, memory in ((0, 1), (1, 0)):
        handler.choose = {START: memory, "/static": 0, "/api": 1, "/features": 1, "/": page}
        # one profile for all would have both in its cache
        visitor = visit(url, own_profile=True)
        # the browser itself tells of the missing file
        visitor.expected_complaints = ("404",)
        visitor.opened()
        assert started(visitor) == "unused"
        answers(visitor, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"garbage" * 1000,
        lambda content: content[: len(content) // 2],
        lambda content: bytes(len(content)),
        lambda content: content[: 1 << 20] + bytes(len(content) - (1 << 20)),
    ],
    ids=["garbage", "half", "zeros", "no memory behind the head"],
)
def test_a_damaged_snapshot_costs_nothing_but_time(
    visit: Callable[..., Visit], site: Site, tmp_path: Path, change: Callable[[bytes], bytes]
):
    content = change((RUNTIME_DIR / snapshot.NAME).read_bytes())
    visitor = visit(site.url)
    visitor.expected_complaints = ("",)
    visitor.page.route(f"**{START}*", lambda route: route.fulfill(status=200, body=content))
    visitor.page.goto(site.url)
    assert started(visitor) == "unused"
    answers(visitor, tmp_path)


@pytest.mark.parametrize("how", ["abort", "404", "500"])
def test_a_missing_snapshot_costs_nothing_but_time(
    visit: Callable[..., Visit], site: Site, tmp_path: Path, how: str
):
    visitor = visit(site.url)
    visitor.expected_complaints = ("",)
    visitor.page.route(
        f"**{START}*",
        lambda route: route.abort() if how == "abort" else route.fulfill(status=int(how)),
    )
    visitor.page.goto(site.url)
    assert started(visitor) == "unused"
    answers(visitor, tmp_path)


def test_a_browser_without_the_memory_starts_python_anew(
    visit: Callable[..., Visit], site: Site, tmp_path: Path
):
    script = (ROOT / "static" / "js" / "analysis" / "snapshot.js").read_text(encoding="utf-8")
    grow = "module.growMemory(content.length);"
    assert grow in script
    poor = script.replace(grow, "throw new RangeError('out of memory');")
    visitor = visit(site.url)
    visitor.page.route(
        "**/analysis/snapshot.js",
        lambda route: route.fulfill(response=route.fetch(), body=poor),
    )
    visitor.page.goto(site.url)
    assert started(visitor) == "unused"
    answers(visitor, tmp_path)


def test_a_slow_way_is_spared_the_snapshot(
    visit: Callable[..., Visit], site: Site, proxy: tuple[type[Proxy], str]
):
    handler, url = proxy
    handler.ports = [site.port]
    handler.slow = {"pyodide.asm.mjs": 1.0}
    visitor = visit(url).opened()
    assert started(visitor) == "unused"


def test_the_snapshot_has_nothing_of_a_song(
    visit: Callable[..., Visit], site: Site, tmp_path: Path
):
    relay = Recorder(site.port)
    visitor = visit(relay.url, service_worker=True).opened()
    song = write(tmp_path / "Nachtlied des Wanderers.wav", 8, 44100)
    visitor.finish([song])
    (body,) = [body for _, body in relay.requests() if body]
    (rows,) = json.loads(body)["segments"][0]["features"].values()
    kept(visitor)
    relay.close()
    # what is kept after a song is what was installed before it
    installed = (RUNTIME_DIR / snapshot.NAME).read_bytes()
    digest = hashlib.sha256(installed).hexdigest()
    assert visitor.page.evaluate(KEPT_SNAPSHOTS) == [[f"{START}{digest}", digest]]
    for kind in ("f", "d"):
        assert struct.pack(f"<4{kind}", *rows[0][:4]) not in installed
    assert b"Nachtlied" not in installed
    assert "Nachtlied".encode("utf-16-le") not in installed
    assert "Nachtlied".encode("utf-32-le") not in installed


def test_the_snapshot_is_kept_and_removed_with_the_page(visit: Callable[..., Visit], site: Site):
    visitor = visit(site.url, service_worker=True).opened()
    kept(visitor)
    assert len(visitor.page.evaluate(KEPT_SNAPSHOTS)) == 1
    visitor.page.click("#kept button")
    visitor.page.get_by_text("Removed. Your next visit keeps it again.").wait_for()
    assert visitor.page.evaluate(KEPT_SNAPSHOTS) == []


def test_a_kept_snapshot_is_used_and_not_asked_for_again(
    visit: Callable[..., Visit], site: Site, proxy: tuple[type[Proxy], str]
):
    handler, url = proxy
    handler.ports = [site.port]
    handler.slow = {"pyodide.asm.mjs": 1.0}
    visitor = visit(url, service_worker=True).opened()
    assert started(visitor) == "unused"
    assert [asked for asked in visitor.asked if START in asked]
    kept(visitor)
    # Nothing but the kept copy is left of the first visit.
    devtools = visitor.page.context.new_cdp_session(visitor.page)
    devtools.send("Network.clearBrowserCache")
    visitor.asked.clear()
    visitor.opened()
    assert started(visitor) == "used"
    assert not [asked for asked in visitor.asked if START in asked]
