"""Firefox, driven by Marionette, its own protocol, without a driver in between."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from marionette_driver import By
from marionette_driver.marionette import Marionette

from tests.webapp.running import free_port

from .engine import PATIENCE_S, Engine

SETTINGS = {
    "intl.accept_languages": "en-US",
    # Sounds may start by a script, and nobody hears them.
    "media.autoplay.default": 0,
    "media.volume_scale": "0.0",
    # Nothing is asked of its makers' servers.
    "app.normandy.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "services.settings.server": "data:,",
}


class Firefox(Engine):
    """Firefox without a window, with a profile of its own."""

    def __init__(self, program: str) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._client = Marionette(
            bin=program,
            headless=True,
            port=free_port(),
            prefs=SETTINGS,
            gecko_log=str(Path(self._folder.name, "gecko.log")),
            workspace=self._folder.name,
            startup_timeout=PATIENCE_S,
        )
        self._client.start_session()
        self._client.timeout.script = PATIENCE_S
        self._client.timeout.page_load = PATIENCE_S

    def open(self, url: str) -> None:
        self._client.navigate(url)

    def script(self, source: str, *values: object) -> Any:
        # Without a sandbox the page's own variables are seen.
        return self._client.execute_script(source, script_args=values, sandbox=None)

    def click(self, selector: str) -> None:
        self._client.find_element(By.CSS_SELECTOR, selector).click()

    def set_files(self, selector: str, files: Iterable[Path]) -> None:
        field = self._client.find_element(By.CSS_SELECTOR, selector)
        for file in files:
            field.send_keys(str(file))

    def screenshot(self, path: Path) -> None:
        path.write_bytes(self._client.screenshot(format="binary", full=False))

    def resize(self, width: int, height: int) -> None:
        self._client.set_window_rect(width=width, height=height)

    def close(self) -> None:
        # Asked to quit, it takes its time; ended, it leaves nothing but its profile.
        self._client.cleanup()
        # Its profiles tidy up when they are forgotten, which fails while Python ends.
        del self._client
        gc.collect()
        self._folder.cleanup()
