"""No page breaks a rule of axe: WCAG 2.2 up to level AA, and the best practices of axe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from .screenshots import LOOKS
from .site import Site
from .sounds import hiss, write
from .visit import Visit, release_next

# Every width, theme and language at least once; all combinations would find no more faults.
SEEN = ["wide-light-en", "wide-dark-fr", "tablet-dark-en", "phone-light-fr", "phone-dark-en"]
assert set(SEEN) <= set(LOOKS)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def doubting_site(make_site: Callable[..., Site]) -> Site:
    """Return a site whose version detects unfamiliar sounds."""
    return make_site(MODEL="v9")


def broken_rules(visitor: Visit) -> list[str]:
    """Return every broken rule with the first element that breaks it."""
    # With these result types axe describes one element only for each rule that is kept, which takes
    # a fraction of the time.
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = Axe().run(visitor.page, options=options).response
    assert len(found["passes"]) > 15, "axe has checked too few rules: the page may be empty"
    return [
        f"{rule['id']} ({rule['help']}): {rule['nodes'][0]['html'][:200]}"
        for rule in found["violations"]
    ]


@pytest.mark.parametrize("look", ["wide-light-en", "phone-dark-en", "phone-light-fr"])
def test_without_a_server(warm: Callable[..., Visit], site: Site, tmp_path: Path, look: str):
    # with reduced motion the page scrolls to a focused element at once
    visitor = warm(site.url, reduced_motion="reduce", **LOOKS[look])
    visitor.expected_complaints = ("ERR_FAILED",)
    for address in ("**/predictions", "**/healthz"):
        visitor.page.route(address, lambda route: route.abort())
    visitor.choose([write(tmp_path / "waits.wav", 12, 22050)])
    visitor.page.locator("#server-lost button").wait_for()
    assert broken_rules(visitor) == []
    # the notice does not cover the focused element
    visitor.page.locator(".site-foot a").focus()
    visitor.page.keyboard.press("Shift+Tab")
    visitor.page.keyboard.press("Tab")
    foot = visitor.page.locator(".site-foot a").bounding_box()
    notice = visitor.page.locator("#server-lost").bounding_box()
    assert foot
    assert notice
    assert foot["y"] + foot["height"] <= notice["y"]
    other = visitor.another_tab()
    other.page.goto(f"{site.url}/offline")
    assert broken_rules(other) == []


@pytest.mark.parametrize("look", SEEN)
def test_songs(warm: Callable[..., Visit], doubting_site: Site, tmp_path: Path, look: str):
    visitor = warm(doubting_site.url, permissions=["microphone"], **LOOKS[look])
    page = visitor.page
    assert broken_rules(visitor) == []
    page.click("#record")
    page.wait_for_selector("#recording", state="visible")
    assert broken_rules(visitor) == []
    page.click("#record-discard")

    song = write(tmp_path / "song.ogg", 100, 44100)
    odd = hiss(tmp_path / "hiss.wav", 2)
    (tmp_path / "letter.mp3").write_text("no song")
    with visitor.held("**/predictions") as waiting:
        visitor.choose([song, odd, tmp_path / "letter.mp3"])
        for file in (song, odd):
            visitor.wait_for(file.name, "predicting")
        visitor.wait_for("letter.mp3", "failed")
        page.click("#pause")
        visitor.choose([write(tmp_path / "late.wav", 12, 22050)])
        visitor.wait_for("late.wav", "paused")
        assert broken_rules(visitor) == []
        release_next(visitor, waiting)
        release_next(visitor, waiting)
        for file in (song, odd):
            visitor.wait_for(file.name, "done")
    page.click("#cancel")
    visitor.wait_for("late.wav", "cancelled")
    page.click("#collection summary")
    for file in (song, odd):
        unfolded = visitor.song(file.name)
        unfolded.locator(".song-toggle").click()
        unfolded.locator(".sent summary").click()
        unfolded.locator(".sent-json").wait_for()
        unfolded.locator(".pieces summary").click()
        unfolded.locator(".pieces table").wait_for()
    unfolded.locator(".inversion-make").click()
    unfolded.locator(".inversion-players").wait_for()
    longer = visitor.song(song.name)
    longer.locator(".versus summary").click()
    longer.locator(".versus select").select_option("v8")
    longer.locator(".versus-side").nth(1).wait_for()
    longer.locator(".part input").first.fill("soon")
    longer.locator(".part button").click()
    assert broken_rules(visitor) == []
    longer.locator(".timeline-choice input").last.check()
    assert broken_rules(visitor) == []


@pytest.mark.parametrize("look", SEEN)
def test_other_pages(visit: Callable[..., Visit], doubting_site: Site, look: str):
    visitor = visit(doubting_site.url, **LOOKS[look])
    visitor.expected_complaints = ("404",)
    for path in ("/models/v9", "/models/v1", "/models/none"):
        visitor.page.goto(doubting_site.url + path)
        for details in visitor.page.locator("main details > summary").all():
            details.click()
        assert broken_rules(visitor) == []
