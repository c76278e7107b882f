"""Pages in French, chosen by the browser or by the switch, also for links and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, Route, ViewportSize

from .site import Site
from .sounds import write
from .test_accessibility import broken_rules
from .visit import Visit

PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture
def french(warm: Callable[..., Visit], site: Site) -> Visit:
    """Return a warm page of a browser that asks for French."""
    return warm(site.url, locale="fr-FR")


def lang(page: Page) -> str:
    found: str = page.evaluate("document.documentElement.lang")
    return found


def test_a_french_browser_gets_a_french_page(french: Visit, tmp_path: Path):
    page = french.page
    assert lang(page) == "fr"
    assert page.inner_text("h1") == "De quel genre est votre musique\u202f?"
    assert "Prêt\u202f: les morceaux" in page.inner_text("#engine")
    assert "22\u202f050 échantillons" in page.inner_text("#how")
    # the browser's Python refuses silence with a code, which the page shows as a French sentence
    soundfile.write(tmp_path / "silent.wav", np.zeros(200_000), 22050)
    song = write(tmp_path / "song.wav", 12, 22050)
    french.choose([tmp_path / "silent.wav", song])
    french.wait_for("silent.wav", "failed")
    assert french.status("silent.wav").startswith("Le son est silencieux\u202f: il n’y a rien")  # noqa: RUF001
    done = french.wait_for("song.wav", "done")
    # the attribute holds the model's name of the genre, in any language of the page
    config = json.loads(page.locator("#config").text_content() or "")
    assert done.get_attribute("data-genre") in config["models"][0]["genres"]
    assert re.search(r"[\d,]+\u202f[km]?o", done.locator(".song-facts").inner_text(), re.IGNORECASE)


def test_the_language_switch_works_by_keyboard_and_persists(
    visit: Callable[..., Visit], site: Site
):
    visitor = visit(site.url)
    page = visitor.page
    visitor.expected_complaints = ("404",)
    page.goto(site.url)
    assert page.evaluate("navigator.language") == "en-US"
    assert lang(page) == "en"
    switch = page.get_by_role("link", name="Français")
    assert switch.get_attribute("lang") == "fr"
    for _ in range(10):
        page.keyboard.press("Tab")
        if switch.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/?lang=fr")
    assert lang(page) == "fr"
    # its tables open in French programs
    page.wait_for_function("() => document.getElementById('csv-form').value === 'semicolon'")
    # the links to the model and back keep the language
    page.click("nav >> text=Modèle v1")
    page.wait_for_url(f"{site.url}/models/v1?lang=fr")
    assert lang(page) == "fr"
    page.click(".brand")
    page.wait_for_url(f"{site.url}/?lang=fr")
    # so do an error page and its link back
    page.goto(f"{site.url}/nothing?lang=fr")
    assert page.inner_text("h1") == "Page introuvable"
    page.click("text=Revenir à vos morceaux")
    page.wait_for_url(f"{site.url}/?lang=fr")
    # the switch leads to English again
    page.click("text=English")
    page.wait_for_url(f"{site.url}/?lang=en")
    assert lang(page) == "en"
    assert page.context.cookies() == []


@pytest.mark.parametrize(("query", "language"), [("", "fr-FR"), ("?lang=fr", "en-US")])
def test_the_server_refuses_in_french(
    warm: Callable[..., Visit], site: Site, tmp_path: Path, query: str, language: str
):
    # English is the default language of the browser
    look = {"locale": language} if language == "fr-FR" else {}
    visitor = warm(f"{site.url}/{query}".removesuffix("/"), **look)
    assert visitor.page.evaluate("navigator.language") == language
    visitor.expected_complaints = ("422",)

    def spoil(route: Route) -> None:
        body = json.loads(route.request.post_data or "")
        body["feature_spec"] = "another"
        route.continue_(post_data=json.dumps(body))

    visitor.page.route("**/predictions*", spoil)
    song = write(tmp_path / "song.wav", 12, 22050)
    visitor.choose([song])
    visitor.wait_for(song.name, "failed")
    assert "Ces descripteurs suivent la spécification 'another'" in visitor.status(song.name)


def test_errors_of_the_worker_are_in_french(visit: Callable[..., Visit], site: Site):
    visitor = visit(f"{site.url}/?lang=fr")
    visitor.expected_complaints = ("404", "wasm instantiation", "pyodide.asm.wasm")
    visitor.page.route("**/*.wasm*", lambda route: route.fulfill(status=404))
    visitor.page.goto(visitor.url)
    text = visitor.wait_for_engine("failed")
    assert "Le serveur n’a pas de fichier pyodide.asm.wasm" in text  # noqa: RUF001
    assert "«\u202fmake serve\u202f»" in text


def test_the_message_for_old_browsers_is_in_french(
    visit: Callable[..., Visit], site: Site, root: Path
):
    page = visit(site.url, locale="fr-FR").page
    # the script that a browser without modules runs instead of the page's modules
    old = (root / "static/js/too_old.js").read_text()
    assert page.goto(site.url)
    source = page.locator("script[nomodule]").get_attribute("src")
    assert source is not None
    assert source.endswith("/js/too_old.js")
    page.route(
        "**/js/app.js*", lambda route: route.fulfill(body=old, content_type="text/javascript")
    )
    page.goto(site.url)
    page.wait_for_selector('#engine[data-state="failed"]')
    assert page.inner_text(".engine-text").startswith("Ce navigateur est trop ancien")


def test_french_pages_fit_a_phone(warm: Callable[..., Visit], site: Site, tmp_path: Path):
    visitor = warm(site.url, locale="fr-FR", viewport=PHONE, permissions=["microphone"])
    page = visitor.page

    def fits(page: Page = page) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    fits()
    page.click("#record")
    page.wait_for_selector("#recording", state="visible")
    fits()
    page.click("#record-discard")
    songs = [write(tmp_path / f"song {n}.wav", 12, 22050, seed=n) for n in range(2)]
    visitor.finish(songs)
    page.click("#collection summary")
    visitor.song(songs[0].name).locator(".song-toggle").click()
    fits()
    other = visitor.another_tab().page
    other.set_viewport_size(PHONE)
    for path in ("/models/v1", "/nothing"):
        other.goto(f"{site.url}{path}")
        fits(other)


def test_axe_finds_no_fault_in_french_pages(french: Visit, site: Site, tmp_path: Path):
    assert broken_rules(french) == []
    french.finish([write(tmp_path / "song.wav", 12, 22050)])
    assert broken_rules(french) == []
    other = french.another_tab()
    other.expected_complaints = ("404",)
    for path in ("/models/v1", "/nothing"):
        other.page.goto(site.url + path)
        assert broken_rules(other) == []
    other.check_console()
