"""A visitor: what the tests do on the page, in the page's own words."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Response, Route

from features import FeatureSpec

# Generous: a busy machine with one core must not fail.
PATIENCE_MS = 120_000

# Complaints of a page whose server is gone; the second is about what the browser itself asks for.
GONE = ("ERR_CONNECTION_REFUSED", "icon from the Manifest")

DECODE = """async ([name, content, sampleRate]) => {
  const { decode } = await import('/static/js/sound/decode.js');
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const { samples } = await decode(new File([bytes], name), { sampleRate, maxMinutes: 60 });
  const view = new Uint8Array(samples.buffer);
  let text = '';
  for (let i = 0; i < view.length; i += 32768) {
    text += String.fromCharCode(...view.subarray(i, i + 32768));
  }
  return btoa(text);
}"""

EXTRACT = """async ([contents, featureSpec]) => {
  const { Engine } = await import('/static/js/analysis/engine.js');
  const config = JSON.parse(document.getElementById('config').textContent);
  const engine = new Engine(config);
  engine.start();
  const found = [];
  for (const content of contents) {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    const samples = new Float32Array(bytes.buffer);
    const { body, pieces } = await engine.extract(samples, featureSpec, () => {});
    found.push([await body.text(), pieces]);
  }
  return found;
}"""


# Whatever an earlier test has left in an open page, but for its list.
FORGET = """async () => {
  const moment = () => new Promise((resolve) => setTimeout(resolve, 20));
  const away = document.querySelector('#server-lost button');
  while (!away.hidden) {
    away.click();
    await moment();
  }
  const { selected } = JSON.parse(document.getElementById('config').textContent);
  for (const [id, value] of [['version', selected], ['order', 'added'], ['filter', '']]) {
    const choice = document.getElementById(id);
    if (choice && choice.value !== value) {
      choice.value = value;
      choice.dispatchEvent(new Event('change'));
    }
  }
  if (!document.getElementById('erase').hidden) {
    document.getElementById('erase').click();
    while ((await indexedDB.databases()).length || localStorage.length) {
      await moment();
    }
  }
  globalThis.undo?.();
  delete globalThis.undo;
  sessionStorage.clear();
  performance.clearMeasures();
  scrollTo(0, 0);
}"""


class Visit:
    """One open page. `script` runs before those of each page that is opened in it."""

    def __init__(self, page: Page, url: str, script: str = ""):
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.expected_complaints: tuple[str, ...] = ()
        self.answers: list[dict[str, Any]] = []
        # Method and address of all that the page has asked for.
        self.asked: list[str] = []
        self._script = script
        if script:
            page.add_init_script(script)
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(f"{request.method} {request.url}"))
        page.on("response", self._response)

    def another_tab(self) -> Visit:
        """Another page, not opened yet, in the same browser profile."""
        return Visit(self.page.context.new_page(), self.url, self._script)

    def opened(self) -> Visit:
        """Open the page and wait until songs can be analysed."""
        self.page.goto(self.url)
        self.wait_for_engine("ready")
        return self

    def wait_for_engine(self, state: str) -> str:
        """Wait for a state of #engine; its text."""
        self.page.wait_for_selector(f'#engine[data-state="{state}"]')
        return self.page.inner_text("#engine")

    def choose(self, files: Iterable[Path]) -> None:
        """Choose files as with the file dialog."""
        self.page.set_input_files("#songs", [str(file) for file in files])

    def song(self, name: str) -> Locator:
        """The element of a song, by the name of its file."""
        return self.page.locator(self._selector(name))

    def wait_for(self, name: str, *states: str) -> Locator:
        """Wait until a song is in one of the states."""
        choices = (f"{self._selector(name)}[data-state={state}]" for state in states)
        self.page.wait_for_selector(", ".join(choices))
        return self.song(name)

    def status(self, name: str) -> str:
        """The message of a song."""
        # Not the inner text: that is empty until a song that has just been folded is drawn.
        return self.song(name).locator("[role=status]").text_content() or ""

    def finish(self, files: Iterable[Path]) -> None:
        """Choose files and wait until each is done."""
        files = list(files)
        self.choose(files)
        for file in files:
            self.wait_for(file.name, "done", "failed")
            assert self.song(file.name).get_attribute("data-state") == "done", self.status(
                file.name
            )

    @contextmanager
    def held(self, pattern: str) -> Iterator[list[Route]]:
        """Requests that get no answer; those still waiting are broken off at the end."""
        waiting: list[Route] = []
        self.page.route(pattern, lambda route: waiting.append(route))
        yield waiting
        for route in waiting:
            route.abort()
        self.page.unroute(pattern)

    def clear(self) -> None:
        """Empty the list."""
        if self.page.is_visible("#clear"):
            self.page.click("#clear")
        self.answers.clear()

    def wait_until(self, there: Callable[[], bool]) -> None:
        """Look again and again whether something is there."""
        for _ in range(PATIENCE_MS // 50):
            if there():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not come")

    def measures(self, name: str) -> int:
        """How often the page has finished a step (decode, extract, request)."""
        count: int = self.page.evaluate("(name) => performance.getEntriesByName(name).length", name)
        return count

    def decoded(self, file: Path, sample_rate: int = 22050) -> npt.NDArray[np.float32]:
        """The samples that the page gets out of a file."""
        content = base64.b64encode(file.read_bytes()).decode()
        text: str = self.page.evaluate(DECODE, [file.name, content, sample_rate])
        return np.frombuffer(base64.b64decode(text), np.float32)

    def extracted(
        self, sounds: list[npt.NDArray[np.float32]], spec: FeatureSpec
    ) -> list[tuple[dict[str, Any], list[list[float]]]]:
        """What the page's Python makes of sounds: requests, and start and end of all pieces."""
        contents = [
            base64.b64encode(samples.astype("<f4").tobytes()).decode() for samples in sounds
        ]
        found = self.page.evaluate(EXTRACT, [contents, spec.to_json()])
        return [(json.loads(body), pieces) for body, pieces in found]

    def sent(self, name: str) -> dict[str, Any]:
        """What was sent for a finished song, as the page offers it for download."""
        song = self.song(name)
        if song.locator(".song-body").is_hidden():
            song.locator(".song-toggle").click()
        if song.locator(".sent").get_attribute("open") is None:
            song.locator(".sent summary").click()
        with self.page.expect_download() as download:
            song.locator(".sent-download").click()
        request: dict[str, Any] = json.loads(download.value.path().read_bytes())
        return request

    def start_over(self) -> None:
        """Make the page ready for another test, whatever the one before has left."""
        page = self.page
        page.unroute_all()
        page.mouse.move(0, 0)
        at_home = page.url.rstrip("/") == self.url.rstrip("/")
        if not at_home or page.get_attribute("#engine", "data-state") != "ready":
            self.opened()
        self.clear()
        page.evaluate(FORGET)
        for notes in (self.answers, self.asked, self.complaints):
            notes.clear()
        self.expected_complaints = ()

    def check_console(self) -> None:
        """Nothing may have complained but what the test expects."""
        left = [
            line
            for line in self.complaints
            if not any(expected in line for expected in self.expected_complaints)
        ]
        assert not left, "the console says: " + "; ".join(left)

    @staticmethod
    def _selector(name: str) -> str:
        return f"article.song[data-name={json.dumps(name, ensure_ascii=False)}]"

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _response(self, response: Response) -> None:
        if response.request.method == "POST" and response.ok:
            # The answer to a page that was left meanwhile can no longer be read.
            with suppress(Error):
                self.answers.append(response.json())


def let_go(visitor: Visit, waiting: list[Route]) -> None:
    """Let the next held request through, once it is there."""
    visitor.wait_until(lambda: bool(waiting))
    waiting.pop(0).continue_()
