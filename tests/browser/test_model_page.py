"""The page of a model under a pointer, the keyboard and a finger."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.conftest import card_of
from tests.small_models import SMALL

from .screenshots import LOOKS
from .site import Site
from .test_accessibility import broken_rules
from .visit import Visit

PHONE = {"width": 360, "height": 740}
ENGLISH = [look for look in LOOKS if look.endswith("en")]
WIDE = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def card(root: Path) -> dict[str, Any]:
    return card_of(root, "v9")


@pytest.fixture(scope="module")
def small_site(make_site: Callable[..., Site], small_models: Path) -> Site:
    """Return a site of small versions: their cards have no curves but those of the loss."""
    return make_site(MODELS_DIR=small_models, MODEL="images")


@pytest.fixture
def opened(visit: Callable[..., Visit], site: Site) -> Callable[..., Page]:
    def make(version: str = "v9", **options: object) -> Page:
        page = visit(site.url, **options).page
        page.goto(f"{site.url}/models/{version}")
        return page

    return make


def cell(page: Page, row: int, column: int) -> Locator:
    """Return a cell of the confusion matrix."""
    return page.locator(".confusion tbody tr").nth(row).locator("td").nth(column)


def told(page: Page) -> str:
    """Return the sentence under the confusion matrix."""
    return page.inner_text(".matrix .readout")


def test_the_cell_under_the_pointer_is_described(
    opened: Callable[..., Page], card: dict[str, Any]
) -> None:
    page = opened()
    assert "Point at a cell" in told(page)
    genres, matrix = card["genres"], card["metrics"]["test"]["track"]["confusion_matrix"]
    for row, column in ((2, 9), (0, 5), (9, 9), (1, 0), (2, 1)):
        cell(page, row, column).hover()
        count, total = matrix[row][column], sum(matrix[row])
        genre, called = genres[row], genres[column]
        if not count:
            expected = f"None of {total} {genre} songs was called {called}"
        else:
            verb = "was" if count == 1 else "were"
            what = "recognised" if row == column else f"called {called}"
            share = f"{100 * count / total:.0f}%"
            expected = f"{count} of {total} {genre} songs {verb} {what} ({share})"
        assert told(page) == expected
        assert page.locator(".confusion .in-row").count() == len(genres) - 1
        assert page.locator(".confusion .in-column").count() == len(genres) - 1
        lit = page.locator(".confusion th.lit").all_inner_texts()
        assert [text.strip() for text in lit] == [called, genre]
    page.mouse.move(0, 0)
    assert "Point at a cell" in told(page)
    assert page.locator(".confusion .in-row").count() == 0


def test_confusions_are_a_grid_for_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened()
    table = page.get_by_role("grid", name="What it takes for what")
    assert table.locator("td[tabindex='0']").count() == 1
    page.locator(".switch input").first.focus()
    # one press of Tab leads into the grid, and one at the end out of it
    page.keyboard.press("Tab")
    focused = ".confusion td:focus"
    name = page.locator(focused).get_attribute("aria-label")
    assert name == told(page) == "22 of 31 blues songs were recognised (71%)"
    for keys, expected in (
        (("ArrowRight",) * 5, "6 of 31 blues songs were called jazz (19%)"),
        (("ArrowDown", "ArrowDown", "End"), "11 of 30 country songs were called rock (37%)"),
        (("ArrowRight",), "11 of 30 country songs were called rock (37%)"),
        (("Home", "ArrowLeft", "ArrowUp"), "None of 31 classical songs was called blues"),
        (("Control+End",), "15 of 32 rock songs were recognised (47%)"),
        (("PageUp",), "2 of 31 blues songs were called rock (6%)"),
        (("Control+Home",), "22 of 31 blues songs were recognised (71%)"),
    ):
        for key in keys:
            page.keyboard.press(key)
        assert told(page) == expected
        assert page.locator(focused).get_attribute("aria-label") == expected
        assert table.locator("td[tabindex='0']").count() == 1
    # the focused cell is described again when the pointer has left
    cell(page, 2, 9).hover()
    assert "country" in told(page)
    page.mouse.move(0, 0)
    assert told(page) == "22 of 31 blues songs were recognised (71%)"
    page.keyboard.press("Tab")
    assert page.locator(focused).count() == 0


def test_confusions_as_shares_of_the_row(opened: Callable[..., Page]) -> None:
    page = opened()
    cells = page.locator(".confusion td")
    counts = cells.all_inner_texts()
    page.click(".switch >> text=Shares of the row")
    assert cell(page, 2, 9).inner_text() == "37%"
    assert cell(page, 2, 8).inner_text() == "·"
    page.click(".switch >> text=Songs")
    assert cells.all_inner_texts() == counts


def test_a_tap_describes_a_cell(opened: Callable[..., Page]) -> None:
    page = opened(viewport=PHONE, has_touch=True, is_mobile=True)
    cell(page, 2, 9).tap()
    assert told(page) == "11 of 30 country songs were called rock (37%)"
    # the name of the row is still in view
    box = page.locator(".confusion tbody th").nth(2).bounding_box()
    assert box
    assert box["x"] >= 0


def test_the_legend_highlights_its_curve(opened: Callable[..., Page], card: dict[str, Any]) -> None:
    page = opened()
    roc = page.locator("[data-chart=roc]")
    lit = roc.locator(".picture .line.lit")
    opacity = "line => getComputedStyle(line).opacity"
    names = roc.locator(".legend button").all_inner_texts()
    assert [name.strip() for name in names] == [*card["genres"], "mean of all genres"]
    assert roc.locator(".readout").inner_text().startswith("mean of all genres: 90% found at 10%")

    rock = roc.get_by_role("button", name="rock")
    rock.hover()
    assert lit.get_attribute("data-line") == "9"
    page.wait_for_timeout(300)
    assert roc.locator(".line[data-line='0']").evaluate(opacity) == "0.16"
    assert lit.evaluate(opacity) == "1"
    assert roc.locator(".readout").inner_text() == "rock: 62% found at 10% false alarms"
    page.mouse.move(0, 0)
    assert lit.count() == 0

    roc.get_by_role("button", name="blues").focus()
    assert lit.get_attribute("data-line") == "0"
    page.keyboard.press("Tab")
    assert lit.get_attribute("data-line") == "1"
    # a clicked curve stays highlighted until the next click
    rock.click()
    page.mouse.move(0, 0)
    rock.blur()
    assert lit.get_attribute("data-line") == "9"
    assert rock.get_attribute("aria-pressed") == "true"
    rock.click()
    page.mouse.move(0, 0)
    rock.blur()
    assert lit.count() == 0
    assert rock.get_attribute("aria-pressed") == "false"


def test_learning_curves_are_read_by_pointer_and_keyboard(
    opened: Callable[..., Page], root: Path
) -> None:
    page = opened("v6")
    history = card_of(root, "v6")["training"]["history"]
    chart = page.locator("[data-chart=history]").filter(has_text="Pieces right")
    readout = chart.locator(".readout")

    def expected(epoch: int) -> str:
        values = (history[key][epoch - 1] for key in ("accuracy", "val_accuracy"))
        training, validation = (f"{100 * value:.1f}%" for value in values)
        return f"Epoch {epoch}: training {training}, validation {validation}"

    best = history["val_loss"].index(min(history["val_loss"])) + 1
    assert readout.inner_text() == expected(best)
    slider = chart.get_by_role("slider", name="Epoch")
    slider.focus()
    page.keyboard.press("Home")
    assert readout.inner_text() == expected(1)
    page.keyboard.press("ArrowRight")
    assert readout.inner_text() == slider.get_attribute("aria-valuetext") == expected(2)
    picture = chart.locator(".picture")
    box = picture.bounding_box()
    assert box
    picture.hover(position={"x": box["width"] - 2, "y": box["height"] / 2})
    assert readout.inner_text() == expected(len(history["loss"]))
    # point at the place of the tick of epoch 10
    tick = picture.locator(".ticks text", has_text=re.compile("^10$")).bounding_box()
    box = picture.bounding_box()
    assert tick
    assert box
    middle = tick["x"] + tick["width"] / 2
    picture.hover(position={"x": middle - box["x"], "y": box["height"] / 2})
    assert readout.inner_text() == expected(10)
    rule = chart.locator(".cursor line").bounding_box()
    assert rule
    assert abs(rule["x"] - middle) < 1.5


def test_reliability_is_read_dot_by_dot(opened: Callable[..., Page], card: dict[str, Any]) -> None:
    page = opened()
    test = card["metrics"]["test"]
    chart = page.locator("[data-chart=reliability]")
    slider = chart.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    for point in test["track"]["reliability"]:
        n = round(point["share"] * test["n_tracks"])
        assert chart.locator(".readout").inner_text() == (
            f"Where it was {100 * point['confidence']:.0f}% sure: "
            f"{100 * point['accuracy']:.0f}% of {n} songs right"
        )
        page.keyboard.press("ArrowRight")
    assert chart.locator(".dot").count() == len(test["track"]["reliability"])


def test_versions_are_sorted_by_a_click(opened: Callable[..., Page], root: Path) -> None:
    page = opened()
    cards = [json.loads(path.read_text()) for path in root.glob("trained_models/v*/model.json")]
    by_accuracy = [
        card["version"]
        for card in sorted(cards, key=lambda c: c["metrics"]["test"]["track"]["accuracy"]["value"])
    ]
    names = page.locator(".versions tbody th")
    before = names.all_inner_texts()
    assert before == [f"v{n}" for n in range(1, len(cards) + 1)]
    head = page.get_by_role("columnheader", name="Right, with 95% interval")
    button = head.get_by_role("button")
    button.click()
    assert names.all_inner_texts() == by_accuracy
    assert head.get_attribute("aria-sort") == "ascending"
    button.press("Enter")
    assert names.all_inner_texts() == by_accuracy[::-1]
    assert head.get_attribute("aria-sort") == "descending"
    assert page.locator(".versions [aria-sort]").count() == 1
    page.get_by_role("columnheader", name="Version").get_by_role("button").click()
    assert names.all_inner_texts() == before


def test_controls_are_hidden_without_scripts(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/models/v9")
    assert page.locator(".confusion").is_visible()
    assert page.locator(".picture").count() == 5
    for hidden in page.locator("main :is(.switch, .reader, .readout)").all():
        assert not hidden.is_visible()
    assert page.locator(".legend button, .versions button, [role=grid]").count() == 0
    context.close()


@pytest.mark.parametrize("version", ["v1", "v6", "v9"])
def test_a_narrow_page_is_as_wide_as_the_screen(opened: Callable[..., Page], version: str) -> None:
    page = opened(version, viewport=PHONE)
    for summary in page.locator("main details > summary").all():
        summary.click()
    assert page.evaluate(WIDE) <= PHONE["width"]
    # labels in the pictures are at least 11 pixels high, nearly as large as other text of the page
    heights = page.locator(".picture .ticks text").evaluate_all(
        "texts => texts.map((text) => text.getBoundingClientRect().height)"
    )
    assert heights
    assert min(heights) >= 11


@pytest.mark.parametrize("look", ENGLISH)
def test_small_versions_show_what_their_cards_have(
    visit: Callable[..., Visit], small_site: Site, look: str
) -> None:
    visitor = visit(small_site.url, **LOOKS[look])
    page = visitor.page
    for version in SMALL:
        page.goto(f"{small_site.url}/models/{version}")
        assert page.locator("[data-chart]").count() == 1
        assert page.locator("[data-chart=history] .readout").inner_text().startswith("Epoch 40")
        cell(page, 0, 0).click()
        assert "blues songs were recognised" in told(page)
        assert page.evaluate(WIDE) <= page.viewport_size["width"]  # type: ignore[index]
    assert broken_rules(visitor) == []


@pytest.mark.parametrize("look", ENGLISH)
def test_axe_finds_no_fault_while_the_page_is_used(
    visit: Callable[..., Visit], site: Site, look: str
) -> None:
    visitor = visit(site.url, **LOOKS[look])
    page = visitor.page
    page.goto(f"{site.url}/models/v9")
    for summary in page.locator("main details > summary").all():
        summary.click()
    page.click(".switch >> text=Shares of the row")
    cell(page, 2, 9).click()
    page.get_by_role("button", name="rock").click()
    page.locator(".versions thead button").nth(2).click()
    page.wait_for_timeout(300)
    assert broken_rules(visitor) == []
