"""Fixtures: pages of one Chromium, and real sites with the real model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from . import install_browser
from .file_kinds import Kind, write_kinds
from .pages import FLAGS, Pages
from .site import Site
from .visit import Visit

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Start Chromium once for all tests; it opens their pages."""
    program = install_browser.find()
    assert program, (
        f"no Chromium: run python -m tests.browser.install_browser, or {install_browser.ADVICE}"
    )
    folder = tmp_path_factory.mktemp("profile")
    with sync_playwright() as playwright:
        profile = playwright.chromium.launch_persistent_context(
            folder, executable_path=program, args=FLAGS
        )
        opened = Pages(profile)
        yield opened
        profile.close()


@pytest.fixture(scope="session")
def browser(pages: Pages) -> Browser:
    """Return the Chromium itself."""
    return pages.browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether a test has failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def tabs(pages: Pages, request: pytest.FixtureRequest) -> Iterator[Pages]:
    """Return `pages`, and close or reset the pages of this test after it."""
    yield pages
    pages.end_test(failed=request.node.stash.get(FAILED, False))


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Return a function that starts a site with given settings; all sites end after the last test.

    The same settings give the same site, started again if a test has stopped it. A test that stops
    its site, or records all requests to it, passes a name as `own`: it gets a site that only tests
    with this name share.
    """
    sites: dict[tuple[tuple[str, object], ...], Site] = {}

    def make(own: str = "", **settings: object) -> Site:
        key = (("own", own), *sorted(settings.items()))
        if key not in sites:
            sites[key] = Site(tmp_path_factory.mktemp("site") / "log.txt", **settings)
        if not sites[key].running:
            sites[key].start()
        return sites[key]

    yield make
    for site in sites.values():
        site.stop()


@pytest.fixture(scope="session")
def site(make_site: Callable[..., Site]) -> Site:
    """Return a site with default settings."""
    return make_site()


@pytest.fixture(scope="session")
def learning_site(make_site: Callable[..., Site]) -> Site:
    """Return a site whose version can learn own genres."""
    return make_site(MODEL="v10")


@pytest.fixture
def stopping_site(make_site: Callable[..., Site]) -> Site:
    """Return a site with default settings that tests may stop."""
    return make_site(own="stopping")


@pytest.fixture
def visit(tabs: Pages) -> Callable[..., Visit]:
    """Return `Pages.fresh`, which makes a new page; its console must stay clean."""
    return tabs.fresh


@pytest.fixture
def warm(tabs: Pages) -> Callable[..., Visit]:
    """Return `Pages.warm`, which gives a loaded page; its console must stay clean."""
    return tabs.warm


@pytest.fixture
def here(warm: Callable[..., Visit], site: Site) -> Visit:
    """Return a warm page of the site with default settings."""
    return warm(site.url)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> list[Kind]:
    """Write a file of each kind in docs/files.md."""
    return write_kinds(tmp_path_factory.mktemp("kinds"))
