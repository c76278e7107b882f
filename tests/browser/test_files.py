"""Files of all kinds are heard or refused as docs/files.md says, and heard alike everywhere."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route

from .file_kinds import Kind
from .files_table import (
    ALL_LONG,
    VERSION,
    Outcome,
    check_column,
    on_command_line,
    on_page,
    tables,
)
from .site import Site
from .visit import Visit

# Longest from the choice of a file to its refusal, on a page that does nothing else.
MOST_REFUSAL_S = 5
# Largest difference of a piece's probabilities between the page and the command line.
ALIKE = 0.02


@pytest.fixture(scope="module")
def commanded(kinds: list[Kind]) -> dict[str, Outcome]:
    """Return what the command line says of them."""
    return on_command_line(kinds, os.environ["PATH"])


def check_alike(found: dict[str, Outcome], expected: dict[str, Outcome]) -> None:
    """Check the answers to all songs that both have heard."""
    *_, known = tables()
    apart = {}
    for row, outcome in found.items():
        one, other = outcome.probabilities, expected[row].probabilities
        if one is None or other is None:
            continue
        assert one.shape == other.shape, row
        assert one.mean(0).argmax() == other.mean(0).argmax(), row
        difference = float(np.abs(one - other).max())
        same = row in known or (one.argmax(1) == other.argmax(1)).all()
        if difference > known.get(row, ALIKE) or not same:
            apart[row] = difference
    assert apart == {}


def make_all_long(page: Page) -> None:
    """Have a page decode every song bit by bit."""

    def change(route: Route) -> None:
        response = route.fetch()
        body, count = re.subn(r'("streamMinutes": ?)\d+', rf"\g<1>{ALL_LONG}", response.text())
        assert count == 1
        route.fulfill(response=response, body=body)

    page.route(lambda url: url.rstrip("/").count("/") == 2, change)


@pytest.mark.parametrize("column", ["Page", "Stream"])
def test_the_page(
    visit: Callable[..., Visit],
    make_site: Callable[..., Site],
    kinds: list[Kind],
    commanded: dict[str, Outcome],
    column: str,
):
    visitor = visit(make_site(MODEL=VERSION).url)
    # An empty file in a player, and sound of which the library for long songs knows the name only.
    visitor.expected_complaints = ("RANGE_NOT_SATISFIABLE", "Unsupported audio codec")
    if column == "Stream":
        make_all_long(visitor.page)
    page = visitor.opened().page
    found = on_page(
        kinds,
        lambda script, *arguments: page.evaluate(script, *arguments),
        lambda path: page.set_input_files("#songs", str(path)),
    )
    check_column(kinds, column, found)
    check_alike(found, commanded)
    slow = {row: f"{found[row].took:.1f} s" for row in found if found[row].took > MOST_REFUSAL_S}
    assert not {row: seconds for row, seconds in slow.items() if not found[row].heard}


def test_the_command_line(kinds: list[Kind], commanded: dict[str, Outcome], tmp_path: Path):
    check_column(kinds, "Command line", commanded)
    # Without an ffmpeg on the search path, the one of the package imageio-ffmpeg reads the files.
    if shutil.which("ffmpeg"):
        check_column(kinds, "Command line", on_command_line(kinds, str(tmp_path)))
