"""The kept page opens and analyses without a server, and sends waiting songs when it is back."""

from __future__ import annotations

import http.server
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from . import install_browser
from .pages import ELSEWHERE, FLAGS
from .site import HOST, ROOT, Recorder, Site
from .sounds import write
from .test_history import remember, settled
from .visit import GONE, Visit

KEPT = """async () => {
  const kept = {};
  for (const name of await caches.keys()) {
    const requests = await (await caches.open(name)).keys();
    kept[name] = requests.map(({ url, method }) => `${method} ${new URL(url).pathname}`);
  }
  return kept;
}"""
VERSION = "() => JSON.parse(document.getElementById('config').textContent).pageVersion"


def kept(visitor: Visit) -> None:
    """Wait until the browser keeps everything for a visit without a server."""
    visitor.page.wait_for_selector("#kept:not([hidden])", state="attached")


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """Return a running site that only the tests of this file use, so that they may stop it."""
    return make_site(own="kept")


@pytest.fixture
def kept_visit(visit: Callable[..., Visit]) -> Callable[..., Visit]:
    """Return a function that opens a page and waits until the browser keeps it."""

    def make(site: Site, **options: bool) -> Visit:
        visitor = visit(site.url, service_worker=True, **options).opened()
        kept(visitor)
        visitor.expected_complaints = GONE
        return visitor

    return make


def another_tab(visitor: Visit) -> Visit:
    """Return a new tab of the same browser profile, with no page opened yet."""
    tab = Visit(visitor.page.context.new_page(), visitor.url)
    tab.expected_complaints = GONE
    return tab


@contextmanager
def other_app(port: int, status: int, text: str) -> Iterator[list[str]]:
    """Run another app at the site's port, with one answer for all; yield the requests to it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status if self.path != "/sw.js" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((HOST, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield asked
    server.shutdown()
    server.server_close()


def test_python_is_kept_after_the_http_cache_is_cleared(kept_visit, site: Site):
    visitor = kept_visit(site, own_profile=True)
    devtools = visitor.page.context.new_cdp_session(visitor.page)
    devtools.send("Network.clearBrowserCache")
    asked: list[str] = []
    visitor.page.context.on("request", lambda request: asked.append(request.url))
    site.stop()
    visitor.opened()
    assert [url for url in asked if url.endswith(".wasm?kept")]


def test_a_song_analysed_offline_is_answered_when_the_server_is_back(
    kept_visit, site: Site, tmp_path: Path
):
    first = kept_visit(site)
    site.stop()
    # the tab is closed, and another one opened
    visitor = another_tab(first)
    first.page.close()
    visitor.opened()
    notice = visitor.page.locator("#server-lost")
    notice.get_by_text("The server does not answer").wait_for()
    song = write(tmp_path / "alone.wav", 12, 22050)
    visitor.choose([song])
    visitor.song(song.name).get_by_text("Waiting for the server; its numbers are ready").wait_for()
    assert visitor.song(song.name).get_attribute("data-state") == "predicting"
    assert visitor.measures("decode") == visitor.measures("extract") == 1

    site.start()
    visitor.wait_for(song.name, "done")
    assert notice.inner_text() == ""
    assert len(visitor.answers) == 1

    everything = visitor.page.evaluate(KEPT)
    assert sorted(name.rsplit("-", 1)[0] for name in everything) == [
        "musiclassify-page",
        "musiclassify-runtime",
    ]
    held = {line for lines in everything.values() for line in lines}
    assert not [line for line in held if not line.startswith("GET ")]
    places = {line.removeprefix("GET ").split("/")[1] for line in held}
    assert places == {"", "offline", "static", "features.zip"}
    visitor.check_console()


def test_the_page_opens_without_a_server_in_every_language(kept_visit, site: Site):
    visitor = kept_visit(site)
    site.stop()
    for address, language in (("/?lang=fr", "fr"), ("/?lang=en&x=1", "en"), ("/#how", "en")):
        visitor.page.goto(site.url + address)
        visitor.wait_for_engine("ready")
        assert visitor.page.get_attribute("html", "lang") == language
    # the service worker answers no request of the API
    assert visitor.page.evaluate("fetch('/api/v1/models').catch(() => 'no answer')") == "no answer"


def test_other_addresses_show_that_the_server_does_not_answer(kept_visit, site: Site):
    visitor = kept_visit(site)
    visitor.expected_complaints = (*GONE, "503")
    site.stop()
    page = visitor.page
    page.click("nav a[href*=models]:visible")
    page.get_by_role("heading", name="The server does not answer").wait_for()
    assert page.url == f"{site.url}/models/v1"
    page.click("nav >> text=Français")
    page.get_by_role("heading", name="Le serveur ne répond pas").wait_for()
    assert page.url == f"{site.url}/models/v1?lang=fr"
    for address in ("/models/v1/report.html", "/api/openapi.json", "/nothing/here"):
        answer = page.goto(site.url + address)
        assert answer is not None
        assert (answer.status, answer.from_service_worker) == (503, True)
        assert "Back to your songs" in page.inner_text("main")
    # the styles are there, too: they are those of the kept page
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.site-head')).display") != "block"
    )
    page.click("text=Back to your songs")
    visitor.wait_for_engine("ready")

    page.goto(f"{site.url}/models/v1")
    site.start()
    page.click("text=Try again")
    page.wait_for_selector(".numbers")
    assert page.url == f"{site.url}/models/v1"


def test_a_remembered_list_outlives_a_reload_without_a_server(
    kept_visit, site: Site, tmp_path: Path
):
    visitor = kept_visit(site)
    remember(visitor)
    files = [write(tmp_path / f"{n}.wav", 12, 22050, seed=n) for n in range(4)]
    visitor.finish(files[:1])
    answer = visitor.status(files[0].name)
    site.stop()
    visitor.choose(files[1:])
    for file in files[1:]:
        visitor.song(file.name).get_by_text("Waiting for the server").wait_for()
    # stored: the features of all four songs, and the files of the three that wait
    settled(visitor.page, 4, 4, 3)
    visitor.page.reload()
    for file in files[1:]:
        visitor.song(file.name).get_by_text("Waiting for the server").wait_for()
    assert visitor.status(files[0].name) == answer
    visitor.wait_for_engine("ready")
    assert visitor.measures("decode") == visitor.measures("extract") == 0

    site.start()
    for file in files[1:]:
        visitor.wait_for(file.name, "done")
    assert visitor.measures("extract") == 0
    assert len(visitor.answers) == 4
    settled(visitor.page, 4, 4, 0)


def test_a_proxy_without_its_server_is_asked_less_and_less_often(
    kept_visit, site: Site, tmp_path: Path
):
    visitor = kept_visit(site)
    visitor.expected_complaints = (*GONE, "502", "404")
    site.stop()
    files = [write(tmp_path / f"{n}.wav", 12, 22050, seed=n) for n in range(4)]
    with other_app(site.port, 502, "<h1>Bad gateway</h1>") as asked:
        visitor.page.reload()
        visitor.wait_for_engine("ready")
        visitor.choose(files)
        for file in files:
            visitor.song(file.name).get_by_text("Waiting for the server").wait_for()
        visitor.page.wait_for_timeout(12_000)
        sent = [line for line in asked if line.startswith("POST")]
        # /healthz is asked after pauses of about 1, 2, 4 and 8 seconds; songs are sent only to a
        # server that answers.
        assert 3 <= asked.count("GET /healthz") <= 7
        assert len(sent) <= 2
        before = len(asked)
        visitor.page.evaluate("dispatchEvent(new Event('online'))")
        visitor.page.wait_for_timeout(500)
        assert asked[before:].count("GET /healthz") >= 1
    site.start()
    for file in files:
        visitor.wait_for(file.name, "done")
    assert visitor.measures("extract") == 4


def test_the_page_works_over_plain_http_in_the_local_network(
    visit: Callable[..., Visit], make_site: Callable[..., Site], tmp_path: Path
):
    """Browsers allow service workers only over https or on localhost."""
    site = make_site(TRUSTED_HOSTS=f"{ELSEWHERE},127.0.0.1")
    visitor = visit(f"http://{ELSEWHERE}:{site.port}", service_worker=True).opened()
    # browsers warn of headers that they ignore over plain http
    visitor.expected_complaints = ("Cross-Origin-Opener-Policy", *GONE)
    assert visitor.page.evaluate("isSecureContext || 'serviceWorker' in navigator") is False
    assert visitor.page.is_hidden("#kept")
    visitor.finish([write(tmp_path / "lan.wav", 12, 22050)])
    site.stop()
    song = write(tmp_path / "later.wav", 12, 22050)
    visitor.choose([song])
    visitor.song(song.name).get_by_text("Waiting for the server").wait_for()
    site.start()
    visitor.wait_for(song.name, "done")


def test_the_kept_page_can_be_removed(kept_visit, site: Site):
    visitor = kept_visit(site)
    visitor.page.click("#kept button")
    visitor.page.get_by_text("Removed. Your next visit keeps it again.").wait_for()
    assert visitor.page.evaluate(KEPT) == {}
    assert visitor.page.evaluate("document.activeElement.id") == "kept"
    visitor.page.reload()
    kept(visitor)
    assert len(visitor.page.evaluate(KEPT)) == 2


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """Start a site from a copy of the program, whose files a test may change."""
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("webapp", "features", "templates"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "static", root / "static", ignore=shutil.ignore_patterns("runtime"))
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "static" / "runtime").symlink_to(ROOT / "static" / "runtime")
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    shutil.copy(ROOT / "pyproject.toml", root)
    site = Site(tmp_path / "log.txt", MODELS_DIR=ROOT / "trained_models")
    site.root = root
    site.start()
    yield site
    site.stop()


WORDS, FORMAT = "answer/words.js", "base/format.js"


def change(site: Site) -> None:
    """Append a line to two modules of the page."""
    for name in (WORDS, FORMAT):
        path = site.root / "static" / "js" / name
        assert path.is_file()
        with path.open("a", encoding="utf-8") as file:
            file.write("export const LATER = true;\n")


# Whether the page loads a module in its changed form.
IS_CHANGED = """async (name) => {
  const folder = document.querySelector('script[src$="/js/app.js"]').src.replace(/[^/]*$/, '');
  return Boolean((await import(folder + name)).LATER);
}"""


def test_an_update_waits_for_the_visitor(kept_visit, own_site: Site, tmp_path: Path):
    visitor = kept_visit(own_site)
    old = visitor.page.evaluate(VERSION)
    notice = visitor.page.locator("#new-version")
    own_site.stop()
    change(own_site)
    song = write(tmp_path / "between.wav", 12, 22050)
    visitor.choose([song])
    visitor.song(song.name).get_by_text("Waiting for the server").wait_for()
    own_site.start()
    visitor.wait_for(song.name, "done")
    notice.get_by_text("A new version of this page is there.").wait_for()
    # the open page stays at the old version, also for a module that it loads only now
    assert visitor.page.evaluate(VERSION) == old
    assert visitor.page.evaluate(IS_CHANGED, WORDS) is False

    # another tab gets the new version at once, and the first tab keeps its old modules
    tab = another_tab(visitor).opened()
    assert tab.page.evaluate(VERSION) != old
    assert tab.page.evaluate(IS_CHANGED, WORDS) is True
    kept(tab)
    assert tab.page.locator("#new-version").inner_text() == ""
    assert visitor.page.evaluate(IS_CHANGED, FORMAT) is False
    tab.page.close()

    with visitor.page.expect_navigation():
        notice.get_by_role("button", name="Reload").click()
    visitor.wait_for_engine("ready")
    kept(visitor)
    new = visitor.page.evaluate(VERSION)
    assert new != old
    assert notice.inner_text() == ""
    visitor.page.wait_for_function(
        "async (old) => !(await caches.keys()).join().includes(old)", arg=old
    )
    own_site.stop()
    visitor.page.reload()
    visitor.wait_for_engine("ready")
    assert visitor.page.evaluate(VERSION) == new
    assert visitor.page.evaluate(IS_CHANGED, FORMAT) is True


def test_the_page_of_the_server_is_preferred_to_the_kept_one(kept_visit, own_site: Site):
    visitor = kept_visit(own_site)
    old = visitor.page.evaluate(VERSION)
    visitor.page.click("nav >> text=Model")
    visitor.page.wait_for_url("**/models/v1")
    own_site.stop()
    change(own_site)
    own_site.start()
    # going back through the history, where browsers would show a cached page
    visitor.page.go_back()
    visitor.wait_for_engine("ready")
    assert visitor.page.evaluate(VERSION) != old
    assert visitor.page.evaluate(IS_CHANGED, FORMAT) is True


def test_a_changed_model_answers_after_one_reload(kept_visit, site: Site, tmp_path: Path):
    visitor = kept_visit(site)
    site.stop()
    other = Site(tmp_path / "log.txt", MODEL="v3")
    other.port, other.url = site.port, site.url
    other.start()
    try:
        visitor.page.reload()
        visitor.wait_for_engine("ready")
        visitor.finish([write(tmp_path / "now.wav", 12, 22050)])
        assert visitor.answers[-1]["version"] == "v3"
    finally:
        other.stop()
    # the page that is kept now is the one of the other model
    visitor.page.reload()
    assert visitor.page.locator("nav").get_by_text("Model v3").is_visible()


def test_the_service_worker_unregisters_when_another_app_answers(kept_visit, site: Site):
    visitor = kept_visit(site)
    site.stop()
    with other_app(site.port, 200, "<link rel=icon href=data:,><h1>A bakery</h1>"):
        visitor.page.goto(site.url)
        assert visitor.page.inner_text("h1") == "A bakery"
        visitor.page.wait_for_function(
            "async () => !(await caches.keys()).length"
            " && !(await navigator.serviceWorker.getRegistrations()).length"
        )
        visitor.page.reload()
        assert visitor.page.evaluate("navigator.serviceWorker.controller") is None


def test_the_first_visit_loads_the_runtime_once(browser: Browser, site: Site):
    relay = Recorder(site.port)
    # a profile with a cache on disk, as people have it: a cache in memory is too small for 10 MB of
    # WebAssembly
    program = install_browser.find()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        context = browser.browser_type.launch_persistent_context(
            folder, executable_path=program, args=FLAGS
        )
        try:
            visitor = Visit(context.new_page(), relay.url).opened()
            kept(visitor)
            asked = Counter(line.split()[1] for line, _ in relay.requests())
            runtime = {path: count for path, count in asked.items() if "/runtime/" in path}
            assert len(runtime) == 6
            assert set(runtime.values()) == {1}
            # no other file was requested twice, except for the page and its service worker
            assert {path for path, count in asked.items() if count > 1} <= {"/", "/sw.js"}
            visitor.page.reload()
            visitor.wait_for_engine("ready")
            later = Counter(line.split()[1] for line, _ in relay.requests()) - asked
            # the browser itself requests the manifest and its icon again
            own = {"/static/manifest.webmanifest", "/static/img/favicon.svg"}
            assert {path.split("?")[0] for path in later} <= {"/", "/healthz", "/sw.js", *own}
            visitor.check_console()
        finally:
            context.close()
            relay.close()


def test_browsers_without_service_workers_keep_nothing(
    warm: Callable[..., Visit], make_site: Callable[..., Site]
):
    here = warm(make_site().url)
    assert here.page.evaluate("navigator.serviceWorker") is None
    assert here.page.is_hidden("#kept")
    assert here.page.evaluate("caches.keys()") == []
