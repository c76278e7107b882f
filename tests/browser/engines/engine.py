"""What the tests of further browsers do in each of them."""

from __future__ import annotations

import abc
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Generous, so that tests do not fail on a busy machine with one core.
PATIENCE_S = 120
LOOK_AGAIN_S = 0.1


class Engine(abc.ABC):
    """A browser with one tab, without a window that anybody sees."""

    @abc.abstractmethod
    def open(self, url: str) -> None:
        """Open a page; return when it is loaded."""

    @abc.abstractmethod
    def script(self, source: str, *values: object) -> Any:
        """Run the body of a function in the page; return what it returns.

        Parameters
        ----------
        values : what `arguments` holds; plain data.
        """

    @abc.abstractmethod
    def click(self, selector: str) -> None:
        """Click on the element as a person does."""

    @abc.abstractmethod
    def set_files(self, selector: str, files: Iterable[Path]) -> None:
        """Choose files in a file input."""

    @abc.abstractmethod
    def screenshot(self, path: Path) -> None:
        """Write what is seen as png."""

    @abc.abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Give the window a size in pixels."""

    @abc.abstractmethod
    def close(self) -> None:
        """End the browser, and remove all that it has stored."""

    def wait_for(self, source: str, *values: object, seconds: float = PATIENCE_S) -> Any:
        """Run a script until it returns something true; return that.

        Raises
        ------
        AssertionError : it did not in time.
        """
        deadline = time.monotonic() + seconds
        while not (found := self.script(source, *values)):
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {source} {values}"
            time.sleep(LOOK_AGAIN_S)
        return found

    def reload(self) -> None:
        """Load the page anew, as F5 does; return when it is loaded.

        Firefox's driver has a command that passes the service worker by.
        """
        self.script("window.before = true; setTimeout(() => location.reload())")
        self.wait_for("return !window.before && document.readyState === 'complete'")

    def ready(self, url: str) -> None:
        """Open the page of a site and wait until songs can be analysed."""
        self.open(url)
        self.wait_for("return document.querySelector('#engine[data-state=ready]') !== null")

    def finish(self, file: Path) -> tuple[str, str]:
        """Choose a song; return its state, done or failed, and its message."""
        self.set_files("#songs", [file])
        return self.finished(file.name)

    def finished(self, name: str) -> tuple[str, str]:
        """Wait until a song is done or has failed; return which, and its message."""
        song = f"article.song[data-name={json.dumps(name)}]"
        state, message = self.wait_for(
            "const song = document.querySelector(arguments[0]);"
            "const { state } = song?.dataset ?? {};"
            "return ['done', 'failed'].includes(state)"
            " && [state, song.querySelector('[role=status]').textContent]",
            song,
        )
        return state, message
