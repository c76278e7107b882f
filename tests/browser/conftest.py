"""Chromium in front of the real site with the real model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from . import install_browser
from .site import Site
from .visit import Visit

# This computer, under a name by which a page does not know it.
ELSEWHERE = "songs.test"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    # A microphone that beeps once a second.
    "--use-fake-device-for-media-stream",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
)  # fmt: skip

# As in a browser that has none. Requests that a service worker makes cannot be held or spoiled by a
# test, so only those of it have one.
NO_SERVICE_WORKER = "delete Navigator.prototype.serviceWorker"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    program = install_browser.find()
    assert program, (
        f"no Chromium: run python -m tests.browser.install_browser, or {install_browser.ADVICE}"
    )
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Start sites with settings of their own; all end with the tests."""
    sites: list[Site] = []

    def make(**settings: object) -> Site:
        site = Site(tmp_path_factory.mktemp("site") / "log.txt", **settings)
        sites.append(site)
        site.start()
        return site

    yield make
    for site in sites:
        site.stop()


@pytest.fixture(scope="session")
def site(make_site: Callable[..., Site]) -> Site:
    """The site as it comes."""
    return make_site()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[[str], Visit]]:
    """Open the page in a fresh browser profile; its console must stay clean."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def make(url: str, *, service_worker: bool = False, **options: object) -> Visit:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        if not service_worker:
            context.add_init_script(NO_SERVICE_WORKER)
        contexts.append(context)
        visits.append(Visit(context.new_page(), url))
        return visits[-1]

    yield make
    for context in contexts:
        context.close()
    for each in visits:
        each.check_console()


@pytest.fixture(scope="session")
def _warm(browser: Browser, site: Site) -> Iterator[Visit]:
    context = browser.new_context()
    context.add_init_script(NO_SERVICE_WORKER)
    yield Visit(context.new_page(), site.url).opened()
    context.close()


@pytest.fixture
def here(_warm: Visit) -> Iterator[Visit]:
    """A page whose analysis is loaded already; its list is emptied after each test."""
    _warm.start_over()
    yield _warm
    _warm.check_console()
