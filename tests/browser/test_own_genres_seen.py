"""The panel of own genres by keyboard, for axe, in French and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from .lessons import (
    bands,
    drones,
    genres,
    learned,
    own_answers,
    teach_folder,
    write_lesson,
)
from .screenshots import LOOKS
from .site import Site
from .test_accessibility import broken_rules
from .visit import Visit, release_next

FOCUSED = """() => {
  const { activeElement: element } = document;
  const row = element.closest('tr')?.dataset.genre;
  return [element.id || element.className.split(' ').at(-1) || element.tagName, row ?? null];
}"""
HAS_FOCUS = "(selector) => document.activeElement.matches(selector)"


def focused(page: Page) -> tuple[str, str | None]:
    """Return id or class of the focused element, and the genre in whose row it is."""
    name, row = page.evaluate(FOCUSED)
    return name, row


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press a key until an element has the focus."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate(HAS_FOCUS, selector):
            return
    raise AssertionError(f"{key} does not lead to {selector}, but to {focused(page)}")


def test_everything_is_done_with_the_keyboard_alone(
    warm: Callable[..., Visit], learning_site: Site, tmp_path: Path
):
    visitor = warm(learning_site.url)
    page = visitor.page
    music = tmp_path / "music"
    bands(music / "Gnawa", 2)
    drones(music / "Drones", 2)
    page.evaluate("() => document.activeElement.blur()")
    with page.expect_file_chooser() as chooser:
        # In here: key presses can overtake the command that catches the dialog.
        tab_to(page, "#examples")
        page.keyboard.press("Enter")
    chooser.value.set_files(str(music))
    learned(visitor)

    tab_to(page, "tr[data-genre=Gnawa] .own-rename")
    page.keyboard.press("Enter")
    page.keyboard.type("Sunday morning")
    page.keyboard.press("Enter")
    visitor.wait_until(lambda: "Sunday morning" in genres(visitor), "the new name")
    assert focused(page) == ("own-rename", "Sunday morning")
    # An example that gets its answer meanwhile takes the focus from nothing.
    with visitor.held("**/predictions*") as waiting:
        visitor.choose(drones(tmp_path, 1, first=7))
        visitor.wait_for("drone 7.wav", "predicting")
        release_next(visitor, waiting)
        learned(visitor)
    assert focused(page) == ("own-rename", "Sunday morning")

    tab_to(page, "tr[data-genre=Drones] .own-drop", "Tab" if "Drones" > "Gnawa" else "Shift+Tab")
    page.keyboard.press("Enter")
    assert focused(page) == ("own-undo", None)
    visitor.wait_until(lambda: list(genres(visitor)) == ["Sunday morning"], "a genre less")
    page.keyboard.press("Enter")
    visitor.wait_until(lambda: len(genres(visitor)) == 2, "both genres")
    assert focused(page) == ("own-undo", None)
    learned(visitor)

    tab_to(page, "[name=own-mode]")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("[name=own-mode][value=beside]")
    page.keyboard.press("ArrowLeft")
    learned(visitor)

    tab_to(page, "[data-name='drone 7.wav'] .song-toggle")
    if visitor.song("drone 7.wav").locator(".song-body").is_hidden():
        page.keyboard.press("Enter")
    tab_to(page, "[data-name='drone 7.wav'] form.teach input")
    page.keyboard.type("Low")
    page.keyboard.press("Enter")
    visitor.wait_until(lambda: own_answers(visitor)["drone 7.wav"] == "Low", "the new genre")
    tab_to(page, "[data-name='drone 7.wav'] .teach-out")
    page.keyboard.press("Enter")
    visitor.wait_until(lambda: "Low" not in genres(visitor), "the genres before")
    tab_to(page, "[data-name='drone 7.wav'] .own-timeline input")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("[data-name='drone 7.wav'] .own-timeline [value=own]")

    tab_to(page, "#own-pick", "Shift+Tab")
    page.keyboard.press("Space")
    tab_to(page, "[data-name='band 0.wav'] .song-pick")
    page.keyboard.press("Space")
    tab_to(page, "#own-file input", "Shift+Tab")
    page.keyboard.type("Malhun")
    page.keyboard.press("Enter")
    visitor.wait_until(lambda: "Malhun" in genres(visitor), "the new genre")
    tab_to(page, "#own-pick", "Shift+Tab")
    page.keyboard.press("Space")
    tab_to(page, "#own-forget", "Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#own-genres[data-state=none]")
    assert focused(page) == ("own-undo", None)


@pytest.mark.parametrize(
    "look", ["wide-light-en", "tablet-dark-en", "phone-dark-en", "phone-light-fr"]
)
def test_axe_finds_no_fault_and_everything_fits(
    warm: Callable[..., Visit], learning_site: Site, tmp_path: Path, look: str
):
    visitor = warm(learning_site.url, **LOOKS[look])
    page = visitor.page

    def fits() -> None:
        width = page.evaluate("innerWidth")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # Neither does the table of genres have to be scrolled.
        table = page.locator("#own-genres .table-scroll")
        assert table.evaluate("({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth")

    assert broken_rules(visitor) == []
    fits()
    music = write_lesson(tmp_path / "music")
    drones(music / ("W" * 60), 1, first=6)
    drones(music / "Gnawa wa chaabi wa malhun", 1, first=7)
    (music / "Drones" / "letter.mp3").write_text("no song")
    teach_folder(visitor, music)
    if look.endswith("fr"):
        assert page.evaluate("document.documentElement.lang") == "fr"
        assert own_answers(visitor)["drone 0.wav"] == "Drones"
    page.click("#own-pick")
    row = page.locator("#own-rows tr").first
    row.locator(".own-rename").click()
    row.locator("input").fill("")
    row.locator("input").press("Enter")
    song = visitor.song("drone 6.wav")
    song.locator(".song-toggle").click()
    song.locator("form.teach input").fill("x" * 200)
    song.locator("form.teach input").press("Enter")
    song.locator(".own-timeline input[value=own]").check()
    song.locator(".pieces summary").click()
    song.locator(".pieces table").wait_for()
    assert broken_rules(visitor) == []
    fits()
    page.check("[name=own-mode][value=beside]")
    visitor.wait_until(lambda: song.locator(".own-bars li").count() > 8, "answers in all genres")
    learned(visitor)
    if look.startswith("phone"):
        page.set_viewport_size({"width": 320, "height": 640})
    page.wait_for_timeout(300)
    fits()
    page.select_option("#version", "v9")
    page.wait_for_selector("#own-genres[data-state=none]")
    assert broken_rules(visitor) == []
    fits()
