"""Shared by the benchmarks: a browser, a site, the rows of the table."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.browser import install_browser
from tests.browser.pages import FLAGS
from tests.browser.site import Site

ROOT = Path(__file__).resolve().parents[1]
SONG_S = 180


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=install_browser.find(), args=FLAGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def running_site(**settings: object) -> Iterator[Site]:
    """The real site."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "log.txt", **settings)
        site.start()
        try:
            yield site
        finally:
            site.stop()


def row(what: str, value: float | str, unit: str, digits: int = 3) -> dict[str, Any]:
    """One line of the table."""
    return {
        "what": what,
        "value": value if isinstance(value, str) else round(value, digits),
        "unit": unit,
    }


def median_row(what: str, values: list[float], unit: str, digits: int = 3) -> dict[str, Any]:
    """One line with the median, and all values for the JSON."""
    rounded = [round(value, digits) for value in values]
    return {**row(what, statistics.median(values), unit, digits), "all": rounded}


def point_row(
    series: str, x: str, at: float, value: float, unit: str, digits: int = 3
) -> dict[str, Any]:
    """One point of a curve, which `bench.plots` draws: `value` where `x` is `at`."""
    made = row(f"{series}, {x} {at:g}", value, unit, digits)
    return {**made, "series": series, "x": x, "at": at}
