"""A visitor of the page: the actions of a person on it, and the records of the test."""

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

# Generous, so that tests do not fail on a busy machine with one core.
PATIENCE_MS = 120_000

# Console messages when the server is gone; the second is about a request of the browser itself.
GONE = ("ERR_CONNECTION_REFUSED", "icon from the Manifest")

DECODE = """async ([name, content, sampleRate, streamMinutes]) => {
  const { decode } = await import('/static/js/sound/decode.js');
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const { mix } = JSON.parse(document.getElementById('config').textContent);
  const { samples, stream } = await decode(new File([bytes], name), {
    sampleRate, maxMinutes: 60, streamMinutes, mix,
  });
  const parts = samples ? [samples] : [];
  for (let last = !stream; !last;) {
    const chunk = await stream.next();
    parts.push(chunk.samples);
    ({ last } = chunk);
  }
  stream?.close();
  const view = new Uint8Array(await new Blob(parts).arrayBuffer());
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


# Resets an open page to its initial state, except for its list of songs.
RESET = """async () => {
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
  const panel = document.getElementById('own-genres');
  if (panel) {
    panel.querySelector('.own-mode [value=own]').click();
    for (const id of ['own-forget', 'own-pick']) {
      const button = document.getElementById(id);
      if (!button.hidden && button.ariaPressed !== 'false') button.click();
    }
    document.getElementById('own-named').checked = false;
    for (const field of panel.querySelectorAll('[type=text]')) field.value = '';
    while (panel.dataset.state !== 'none') await moment();
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
  // Scrolling would go on while the next test points at places of the page.
  scrollTo({ top: 0, behavior: 'instant' });
}"""


class Visit:
    """One tab of the browser. `script` runs before the scripts of each page that it opens."""

    def __init__(self, page: Page, url: str, script: str = ""):
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.expected_complaints: tuple[str, ...] = ()
        self.answers: list[dict[str, Any]] = []
        # Method and address of every request of the page.
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
        """Return a new tab of the same browser profile, with no page opened yet."""
        return Visit(self.page.context.new_page(), self.url, self._script)

    def opened(self) -> Visit:
        """Open the page and wait until songs can be analysed."""
        self.page.goto(self.url)
        self.wait_for_engine("ready")
        return self

    def wait_for_engine(self, state: str) -> str:
        """Wait until #engine is in a state; return its text."""
        self.page.wait_for_selector(f'#engine[data-state="{state}"]')
        return self.page.inner_text("#engine")

    def choose(self, files: Iterable[Path]) -> None:
        """Choose files as in the file dialog."""
        self.page.set_input_files("#songs", [str(file) for file in files])

    def song(self, name: str) -> Locator:
        """Return the element of a song, by the name of its file."""
        return self.page.locator(self._selector(name))

    def wait_for(self, name: str, *states: str) -> Locator:
        """Wait until a song is in one of the states; return its element."""
        choices = (f"{self._selector(name)}[data-state={state}]" for state in states)
        self.page.wait_for_selector(", ".join(choices))
        return self.song(name)

    def status(self, name: str) -> str:
        """Return the status message of a song."""
        # Not inner_text(), which is empty until the browser has drawn a song that was just folded.
        return self.song(name).locator("[role=status]").text_content() or ""

    def finish(self, files: Iterable[Path]) -> None:
        """Choose files and wait until each song is done; fail if a song fails."""
        files = list(files)
        self.choose(files)
        for file in files:
            self.wait_for(file.name, "done", "failed")
            assert self.song(file.name).get_attribute("data-state") == "done", self.status(
                file.name
            )

    @contextmanager
    def held(self, pattern: str) -> Iterator[list[Route]]:
        """Hold matching requests and yield their list; abort those still held at the end."""
        waiting: list[Route] = []
        self.page.route(pattern, lambda route: waiting.append(route))
        yield waiting
        for route in waiting:
            route.abort()
        self.page.unroute(pattern)

    def clear(self) -> None:
        """Empty the list of songs, and forget the answers so far."""
        if self.page.is_visible("#clear"):
            self.page.click("#clear")
        self.answers.clear()

    def wait_until(self, condition: Callable[[], bool], awaited: str) -> None:
        """Wait until a condition holds; `awaited` describes it for the message of a failure."""
        for _ in range(PATIENCE_MS // 50):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"waited {PATIENCE_MS // 1000} s in vain for {awaited}")

    def measures(self, name: str) -> int:
        """Return how often the page has finished a step (decode, extract, request)."""
        count: int = self.page.evaluate("(name) => performance.getEntriesByName(name).length", name)
        return count

    def decoded(
        self, file: Path, sample_rate: int = 22050, stream_minutes: float = 60
    ) -> npt.NDArray[np.float32]:
        """Return the samples that the page decodes from a file; bit by bit if it is longer."""
        content = base64.b64encode(file.read_bytes()).decode()
        given = [file.name, content, sample_rate, stream_minutes]
        text: str = self.page.evaluate(DECODE, given)
        return np.frombuffer(base64.b64decode(text), np.float32)

    def extracted(
        self, sounds: list[npt.NDArray[np.float32]], spec: FeatureSpec
    ) -> list[tuple[dict[str, Any], list[list[float]]]]:
        """Analyse sounds in the page's Python.

        Returns
        -------
        For each sound the request, and start and end of all its pieces in seconds.
        """
        contents = [
            base64.b64encode(samples.astype("<f4").tobytes()).decode() for samples in sounds
        ]
        found = self.page.evaluate(EXTRACT, [contents, spec.to_json()])
        return [(json.loads(body), pieces) for body, pieces in found]

    def sent(self, name: str) -> dict[str, Any]:
        """Return the request of a finished song, as the page offers it for download."""
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
        """Reset the page for another test, whatever state the test before has left it in."""
        page = self.page
        page.unroute_all()
        page.mouse.move(0, 0)
        at_home = page.url.rstrip("/") == self.url.rstrip("/")
        if not at_home or page.get_attribute("#engine", "data-state") != "ready":
            self.opened()
        self.clear()
        page.evaluate(RESET)
        for notes in (self.answers, self.asked, self.complaints):
            notes.clear()
        self.expected_complaints = ()

    def check_console(self) -> None:
        """Fail if the console has errors or warnings that the test does not expect."""
        unexpected = [
            line
            for line in self.complaints
            if not any(expected in line for expected in self.expected_complaints)
        ]
        assert not unexpected, "unexpected messages on the console: " + "; ".join(unexpected)

    @staticmethod
    def _selector(name: str) -> str:
        return f"article.song[data-name={json.dumps(name, ensure_ascii=False)}]"

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _response(self, response: Response) -> None:
        if response.request.method == "POST" and response.ok:
            # The answer cannot be read any more if the visitor has left the page meanwhile.
            with suppress(Error):
                self.answers.append(response.json())


def release_next(visitor: Visit, waiting: list[Route]) -> None:
    """Wait until a request is held, and let the oldest one continue."""
    visitor.wait_until(lambda: bool(waiting), "a request to hold")
    waiting.pop(0).continue_()
