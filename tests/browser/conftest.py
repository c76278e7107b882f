"""Chromium in front of the real site with the real model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from . import install_browser
from .pages import FLAGS, Pages
from .site import Site
from .visit import Visit

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """All pages of the one Chromium that these tests start."""
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
    """The Chromium itself."""
    return pages.browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember of each test whether it has failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def tabs(pages: Pages, request: pytest.FixtureRequest) -> Iterator[Pages]:
    """The same, and after the test its pages are let go."""
    yield pages
    pages.let_go(spoiled=request.node.stash.get(FAILED, False))


@pytest.fixture(scope="session")
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Start sites with settings of their own; all end with the tests.

    For the same settings it is the same site, started again if a test has stopped it. `own` starts
    another one all the same, for who stops it or looks at all that reaches it.
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
    """The site as it comes."""
    return make_site()


@pytest.fixture
def stopping_site(make_site: Callable[..., Site]) -> Site:
    """The same with no page of other tests, which this one may stop."""
    return make_site(own="stopping")


@pytest.fixture
def visit(tabs: Pages) -> Callable[..., Visit]:
    """Open a fresh page, `Pages.fresh`; its console must stay clean."""
    return tabs.fresh


@pytest.fixture
def warm(tabs: Pages) -> Callable[..., Visit]:
    """Take a page whose analysis is loaded already, `Pages.warm`; its console must stay clean."""
    return tabs.warm


@pytest.fixture
def here(warm: Callable[..., Visit], site: Site) -> Visit:
    """A warm page of the site as it comes."""
    return warm(site.url)
