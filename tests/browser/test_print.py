"""Printed answers: all of their text, and no controls that need a screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from .screenshots import LOOKS
from .site import Site
from .sounds import write
from .visit import Visit

SHOWN = (
    ".song-name",
    ".verdict-genre",
    ".verdict-share",
    ".honest",
    ".bars",
    ".timeline .segment",
)
HIDDEN = (
    ".site-nav", ".hero", ".how", ".site-foot", "#clear", ".song-remove", ".player", ".sent",
    ".pieces", ".timeline-readout",
)  # fmt: skip


def page_count(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_an_answer_is_one_page(warm: Callable[..., Visit], site: Site, tmp_path: Path):
    # the printed page is white although the screen is dark
    visitor = warm(site.url, **LOOKS["wide-dark-en"])
    page = visitor.page
    song = write(tmp_path / "A long one.ogg", 300, 44100)
    visitor.finish([song])
    printed = visitor.song(song.name).locator(".printed")
    assert printed.is_hidden()
    page.emulate_media(media="print")
    for selector in SHOWN:
        assert page.locator(selector).first.is_visible(), selector
    for selector in HIDDEN:
        for element in page.locator(selector).all():
            assert element.is_hidden(), selector
    today = page.evaluate("new Intl.DateTimeFormat('en', { dateStyle: 'long' }).format(new Date())")
    assert re.fullmatch(rf"Model v1, “.+” · {today}", printed.inner_text())
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    bar = visitor.song(song.name).locator(".segment .bar").first
    assert bar.evaluate("bar => getComputedStyle(bar).printColorAdjust") == "exact"
    assert page_count(page.pdf(format="A4")) == 1


def test_a_list_is_a_table(here: Visit, tmp_path: Path):
    page = here.page
    songs = [write(tmp_path / f"{n:02} - track.ogg", 12, 22050, seed=n) for n in range(12)]
    here.finish(songs)
    page.emulate_media(media="print")
    rows = page.locator("article.song")
    assert rows.count() == len(songs)
    for row in rows.all():
        assert row.locator(".song-status").is_visible()
        box = row.bounding_box()
        assert box
        assert box["height"] < 60
    assert page.locator("#tools").is_hidden()
    # the line about model and date stands once, above the rows
    assert [element.is_visible() for element in page.locator(".queue > .printed").all()] == [True]
    assert page_count(page.pdf(format="A4")) == 1
    page.emulate_media(media="null")
    here.song(songs[3].name).locator(".song-toggle").click()
    page.emulate_media(media="print")
    assert page.locator(".queue > .printed").is_hidden()
    assert page.locator(".verdict .printed:visible").count() == 1
