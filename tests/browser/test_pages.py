"""The pages of models and errors, and the page without JavaScript."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import card_of

from .site import Site
from .visit import Visit


@pytest.fixture
def card(root: Path) -> dict[str, Any]:
    return card_of(root, "v1")


def rows(page: Page, selector: str) -> list[list[str]]:
    """Return the texts of the cells in the body of a table, row by row."""
    script = "all => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"
    found: list[list[str]] = page.locator(f"{selector} tbody tr").evaluate_all(script)
    return found


def test_model_page_shows_the_content_of_the_card(
    visit: Callable[..., Visit], site: Site, card: dict[str, Any]
):
    page = visit(site.url).page
    page.goto(site.url)
    page.click("text=Model v1")
    page.wait_for_url("**/models/v1")
    test = card["metrics"]["test"]
    text = page.inner_text("main")
    for words in (card["title"], card["licence"], card["intended_use"], *card["genres"]):
        assert words in text
    for part in ("test", "validation"):
        report = card["metrics"][part]
        assert f"{100 * report['track']['accuracy']['value']:.1f}%" in text
        assert f"of {report['n_tracks']} songs" in text
    assert f"of {test['n_tracks']} songs" in text
    per_genre = rows(page, ".numbers")
    assert [row[0] for row in per_genre] == list(test["track"]["per_genre"])
    assert [int(row[-1]) for row in per_genre] == [
        genre["support"] for genre in test["track"]["per_genre"].values()
    ]
    confusion = [
        [0 if cell == "·" else int(cell) for cell in row[1:]] for row in rows(page, ".confusion")
    ]
    assert confusion == test["track"]["confusion_matrix"]
    # the page has words for the keys of the card
    for words in ("Macro F1", "Calibration error (ECE) before temperature scaling", "Pieces"):
        assert words in text
    for summary in page.locator("main details > summary").all():
        summary.click()
    assert "_" not in "".join(page.locator("main dt").all_text_contents()).replace("model_", "")
    for digest in card["files"].values():
        assert digest in page.inner_text(".files")


def test_model_page_of_a_minimal_card_with_markup_in_its_title(
    visit: Callable[..., Visit],
    make_site: Callable[..., Site],
    root: Path,
    tmp_path: Path,
    card: dict[str, Any],
):
    folder = tmp_path / "v1"
    shutil.copytree(root / "trained_models/v1", folder)
    test = card["metrics"]["test"]
    card["title"] = "<img src=x onerror=alert(1)> & co"
    card["metrics"] = {
        "test": {
            "n_tracks": test["n_tracks"],
            "track": {"accuracy": {"value": 0.91, "low": 0.85, "high": 0.95}},
        }
    }
    for name in ("architecture", "training", "latency"):
        card[name] = {}
    (folder / "model.json").write_text(json.dumps(card))
    site = make_site(MODELS_DIR=tmp_path)
    page = visit(site.url).page
    response = page.goto(f"{site.url}/models/v1")
    assert response
    assert response.status == 200
    assert page.inner_text("h1") == card["title"]
    assert "about 9 of 10 songs" in page.inner_text("main")
    assert page.locator("table").count() == 0
    assert page.locator("main img").count() == 0


def test_error_pages_lead_back(visit: Callable[..., Visit], site: Site):
    visitor = visit(site.url)
    visitor.expected_complaints = ("404",)
    for path in ("/models/v99", "/nothing"):
        response = visitor.page.goto(site.url + path)
        assert response
        assert response.status == 404
        assert "404" in visitor.page.inner_text("main")
        visitor.page.click("text=Back to your songs")
        visitor.page.wait_for_url(f"{site.url}/")


def test_without_javascript_the_page_says_so(browser: Browser, site: Site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url)
    assert "needs JavaScript" in " ".join(page.inner_text("noscript").split())
    context.close()
