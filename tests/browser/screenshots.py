"""Take pictures of the pages: `python -m tests.browser.screenshots OUT [--model v1]`.

The pictures show every state in three widths, both themes and both languages. `--look
phone-dark-fr` takes the pictures of one combination only.

A version that detects unfamiliar sounds, such as those of `tests.small_models --doubting`, gives
some more pictures: its answers to such a sound.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Browser, sync_playwright

from webapp.inference import Card, Registry

from . import install_browser
from .pages import FLAGS, NO_SERVICE_WORKER
from .site import ROOT, Site
from .sounds import hiss, write, write_long
from .visit import Visit

WIDTHS = {"wide": (1200, 860), "tablet": (768, 1024), "phone": (360, 740)}
THEMES = ("light", "dark")
LANGUAGES = ("en", "fr")


def _look(width: str, theme: str, language: str) -> dict[str, Any]:
    across, down = WIDTHS[width]
    look = {"viewport": {"width": across, "height": down}, "color_scheme": theme}
    # English is the default of the browser.
    return look if language == "en" else {**look, "locale": language}


# Every width in both themes and both languages, by names such as "phone-dark-fr".
LOOKS = {
    f"{width}-{theme}-{language}": _look(width, theme, language)
    for width in WIDTHS
    for theme in THEMES
    for language in LANGUAGES
}
# The look of the picture in README.
FIRST = "wide-light-en"


class Studio:
    """Opens the page in one look and takes its pictures."""

    def __init__(self, browser: Browser, site: Site, card: Card, folder: Path, songs: list[Path]):
        self.browser = browser
        self.site = site
        self.card = card
        self.folder = folder
        self.songs = songs

    def shoot(self, look: str) -> None:
        """Take all pictures of one look."""
        for scene in (
            self.loading,
            self.engine_failed,
            self.running,
            self.pages,
            self.list_of_songs,
            self.answers,
            self.remembered,
            self.long,
            self.printed,
            self.server_away,
            self.recording,
            self.unfamiliar,
        ):
            scene(look)

    @contextmanager
    def visit(
        self, look: str, *, service_worker: bool = False
    ) -> Iterator[tuple[Visit, Callable[[str], None]]]:
        """Make a fresh page; yield it and a function that saves a picture of it under a name."""
        context = self.browser.new_context(**LOOKS[look])
        if not service_worker:
            context.add_init_script(NO_SERVICE_WORKER)
        page = context.new_page()

        def picture(name: str) -> None:
            page.wait_for_timeout(300)
            page.screenshot(path=self.folder / f"{name}-{look}.png", full_page=True)

        yield Visit(page, self.site.url), picture
        context.close()

    def loading(self, look: str) -> None:
        """Show the page while the analysis is loading."""
        with self.visit(look) as (visitor, picture), visitor.held("**/python_stdlib.zip"):
            visitor.page.goto(self.site.url)
            arrived = "() => document.querySelector('.engine-bytes').textContent"
            visitor.page.wait_for_function(arrived)
            picture("loading")

    def engine_failed(self, look: str) -> None:
        """Show the page when a file of the analysis is missing."""
        with self.visit(look) as (visitor, picture):
            visitor.page.route("**/*.wasm", lambda route: route.fulfill(status=404))
            visitor.page.goto(self.site.url)
            visitor.choose(self.songs[:2])
            visitor.wait_for_engine("failed")
            picture("engine-failed")

    def running(self, look: str) -> None:
        """Show the first song waiting for the server, and the others waiting behind it."""
        with self.visit(look) as (visitor, picture):
            visitor.opened()
            picture("empty")
            with visitor.held("**/predictions"):
                visitor.choose(self.songs)
                visitor.wait_for(self.songs[0].name, "predicting")
                picture("queue")
                visitor.clear()
                visitor.choose(self.songs[:1])
                visitor.wait_for(self.songs[0].name, "predicting")
                picture("one-running")

    def list_of_songs(self, look: str) -> None:
        """Show answers, failures, an unfolded song and a long list."""
        with self.visit(look) as (visitor, picture), tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            visitor.opened()
            visitor.finish(self.songs[:1])
            picture("result")
            song = visitor.song(self.songs[0].name)
            if look == FIRST:
                self.readme_picture(visitor)
            song.locator(".sent summary").click()
            song.locator(".sent-json").wait_for()
            song.locator(".pieces summary").click()
            song.locator(".segment").nth(1).hover()
            picture("sent")
            song.locator(".inversion-make").click()
            song.locator(".inversion-players").wait_for()
            song.locator(".inversion").screenshot(path=self.folder / f"heard-{look}.png")
            visitor.clear()

            (folder / "letter.mp3").write_text("no song at all")
            (folder / "empty.flac").write_bytes(b"")
            soundfile.write(folder / "silent.wav", np.zeros(200_000), 22050)
            short = write(folder / "ringtone.mp3", 2, 44100)
            bad = [folder / name for name in ("letter.mp3", "empty.flac", "silent.wav")]
            lost = write(folder / "nobody answers.ogg", 20, 44100)
            visitor.choose([self.songs[0], *bad, short])
            visitor.wait_for(short.name, "done")
            visitor.page.route("**/predictions", lambda route: route.abort())
            visitor.choose([lost])
            visitor.wait_for(lost.name, "failed")
            visitor.page.unroute_all()
            visitor.song(short.name).locator(".song-toggle").click()
            picture("failures")
            visitor.clear()

            many = [write(folder / f"{n:02} - track.ogg", 20, 44100, seed=n) for n in range(1, 25)]
            visitor.choose([*self.songs, *many])
            visitor.wait_for(self.songs[0].name, "done")
            visitor.page.click("#pause")
            picture("paused")
            visitor.page.click("#cancel")
            picture("cancelled")
            visitor.page.click("#retry-failed")
            for file in [*self.songs, *many]:
                visitor.wait_for(file.name, "done")
            visitor.page.select_option("#order", "genre")
            visitor.page.click("#collection summary")
            picture("many")

    def answers(self, look: str) -> None:
        """Show all genres through a song, an invalid part and the answer of another version."""
        with self.visit(look) as (visitor, picture):
            visitor.opened()
            visitor.finish(self.songs[:1])
            song = visitor.song(self.songs[0].name)
            song.locator(".timeline-choice input").last.check()
            song.locator(".part input").first.fill("59:00")
            song.locator(".part button").click()
            song.locator(".versus summary").click()
            if song.locator(".versus option").count() > 1:
                song.locator(".versus select").select_option(index=1)
                song.locator(".versus-side").nth(1).wait_for()
            picture("answers")

    def remembered(self, look: str) -> None:
        """Show a list of an earlier visit."""
        with self.visit(look) as (visitor, picture):
            visitor.opened()
            visitor.page.check("#remember")
            visitor.finish(self.songs[:2])
            # until the last answer is stored
            visitor.page.wait_for_timeout(1000)
            visitor.page.reload()
            visitor.wait_for(self.songs[1].name, "done")
            visitor.wait_for_engine("ready")
            visitor.song(self.songs[1].name).locator(".song-toggle").click()
            picture("remembered")

    def long(self, look: str) -> None:
        """Show a long song when its beginning is answered, then when all of it is."""
        with self.visit(look) as (visitor, picture), tempfile.TemporaryDirectory() as made:
            mix = write_long(Path(made) / "mix.mp3", 1000, 44100)
            visitor.opened()
            visitor.choose([mix])
            song = visitor.song(mix.name)
            song.locator(".segment").first.wait_for(state="attached")
            with visitor.held("**/predictions"):
                picture("long-so-far")
            visitor.clear()
            visitor.finish([mix])
            picture("long")

    def printed(self, look: str) -> None:
        """Show an answer and a list on paper, which has one theme and one width."""
        if not look.startswith("wide-light"):
            return
        with self.visit(look) as (visitor, picture):
            visitor.opened()
            visitor.finish(self.songs[:1])
            visitor.page.emulate_media(media="print")
            picture("printed")
            visitor.page.emulate_media(media="screen")
            visitor.finish(self.songs)
            visitor.page.emulate_media(media="print")
            picture("printed-list")

    def server_away(self, look: str) -> None:
        """Show a kept page whose songs wait for the server, and an address that is not kept."""
        with self.visit(look, service_worker=True) as (visitor, picture):
            visitor.opened()
            visitor.page.wait_for_selector("#kept:not([hidden])", state="attached")
            picture("kept-for-offline")
            self.site.stop()
            try:
                visitor.choose(self.songs)
                for song in self.songs:
                    waits = visitor.song(song.name).locator(".song-progress")
                    visitor.wait_for(song.name, "predicting")
                    waits.wait_for(state="hidden")
                picture("server-away")
                visitor.page.goto(f"{self.site.url}/models/{self.card.version}")
                picture("server-away-elsewhere")
            finally:
                self.site.start()

    def recording(self, look: str) -> None:
        """Show the page when the microphone is refused, then while it records."""
        with self.visit(look) as (visitor, picture):
            visitor.opened()
            visitor.page.click("#record")
            visitor.page.wait_for_selector("#record-message", state="visible")
            picture("record-refused")
            visitor.page.context.grant_permissions(["microphone"])
            visitor.page.click("#record")
            visitor.page.wait_for_selector("#recording", state="visible")
            picture("recording")

    def unfamiliar(self, look: str) -> None:
        """Show a sound that is no music: alone, too short, and among songs."""
        if self.card.unfamiliar_threshold is None:
            return
        with self.visit(look) as (visitor, picture), tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            long, short = hiss(folder / "rain on the roof.wav", 100), hiss(folder / "rain.wav", 2)
            visitor.opened()
            for name, files in (
                ("unfamiliar", [long]),
                ("unfamiliar-short", [short]),
                ("unfamiliar-among-songs", [self.songs[0], long, short]),
            ):
                visitor.finish(files)
                picture(name)
                visitor.clear()

    def readme_picture(self, visitor: Visit) -> None:
        """Take the picture of README: from the top of the page to the end of the answer."""
        box = visitor.page.locator("article.song").bounding_box()
        assert box
        height = box["y"] + visitor.page.evaluate("scrollY") + box["height"] + 24
        clip = {"x": 0, "y": 0, "width": 1200, "height": height}
        visitor.page.screenshot(path=self.folder / "readme.png", full_page=True, clip=clip)  # type: ignore[arg-type]

    def pages(self, look: str) -> None:
        """Show the page of a model and an error page."""
        with self.visit(look) as (visitor, picture):
            visitor.page.goto(self.site.url)
            visitor.page.click("nav a[href*=models]:visible")
            picture("model")
            for details in visitor.page.locator("main details > summary").all():
                details.click()
            picture("model-unfolded")
            visitor.page.goto(f"{self.site.url}/models/v99")
            picture("not-found")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument(
        "--look",
        choices=LOOKS,
        action="append",
        metavar="LOOK",
        help=f"take pictures of this look only, such as {FIRST} (default: all {len(LOOKS)} looks)",
    )
    parser.add_argument("--model", default="v1", help="version that answers (default: v1)")
    parser.add_argument("--models", type=Path, default=ROOT / "trained_models")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    program = install_browser.find() or install_browser.install()
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        songs = sorted((ROOT.parent / "shared" / "data" / "audio").glob("K*.ogg"))
        # the first song is shown alone, so it must be one whose intro is left out
        songs = songs[1:] + songs[:1]
        for seed in range(3 - len(songs)):
            songs.append(write(Path(made) / f"My song {seed + 1}.ogg", 150, 44100, seed=seed))
        site = Site(Path(made) / "log.txt", MODEL=options.model, MODELS_DIR=options.models)
        card = Registry.load(options.models).get(options.model)
        site.start()
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            for look in options.look or LOOKS:
                Studio(browser, site, card, options.out, songs).shoot(look)
        finally:
            browser.close()
            site.stop()


if __name__ == "__main__":
    main()
