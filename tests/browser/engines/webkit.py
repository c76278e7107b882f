"""WebKitGTK, driven by its WebKitWebDriver on a display of its own.

A driven WebKitGTK is always a private session: all that it stores goes with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from selenium.common.exceptions import ElementNotInteractableException
from selenium.webdriver import WebKitGTK as Driver
from selenium.webdriver.common.by import By
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from .engine import PATIENCE_S, Engine

SCREEN = "1400x1000x24"


class WebKitGTK(Engine):
    """WebKitGTK's small browser, on a display that nobody sees."""

    def __init__(self, driver: str) -> None:
        self._display, name = _display()
        environment = {**os.environ, "DISPLAY": name, "LANG": "en_US.UTF-8"}
        # With a path of a driver, selenium looks for none and downloads none.
        service = Service(driver, log_output=subprocess.DEVNULL, env=environment)
        try:
            self._client = Driver(options=Options(), service=service)
        except BaseException:
            self._end_display()
            raise
        self._client.set_script_timeout(PATIENCE_S)
        self._client.set_page_load_timeout(PATIENCE_S)

    def open(self, url: str) -> None:
        self._client.get(url)

    def script(self, source: str, *values: object) -> Any:
        return self._client.execute_script(source, *values)

    def click(self, selector: str) -> None:
        element = self._client.find_element(By.CSS_SELECTOR, selector)
        try:
            element.click()
        except ElementNotInteractableException:
            # The driver of 2.50 says so of any element after a reload.
            self.script("arguments[0].click()", element)

    def set_files(self, selector: str, files: Iterable[Path]) -> None:
        field = self._client.find_element(By.CSS_SELECTOR, selector)
        field.send_keys("\n".join(map(str, files)))

    def screenshot(self, path: Path) -> None:
        self._client.save_screenshot(str(path))

    def resize(self, width: int, height: int) -> None:
        self._client.set_window_size(width, height)

    def close(self) -> None:
        try:
            self._client.quit()
        finally:
            self._end_display()

    def _end_display(self) -> None:
        self._display.kill()
        self._display.wait()


def _display() -> tuple[subprocess.Popen[bytes], str]:
    """Start a display; return its process and its name once it listens."""
    program = shutil.which("Xvfb")
    assert program
    reading, writing = os.pipe()
    with os.fdopen(reading) as answer:
        process = subprocess.Popen(
            [program, "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp"],
            pass_fds=[writing],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        number = answer.readline().strip()
    assert number, "Xvfb gave no display"
    return process, f":{number}"
