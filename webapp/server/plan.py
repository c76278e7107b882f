"""The plan of a start: all that is checked and decided before the server runs."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from .. import choice, create_app, logs, rate_limits
from ..assets import check_runtime
from ..inference import EngineError, Registry
from ..preflight import check_port
from ..settings import PREFIX, Settings, StartError
from ..state import site_of

if TYPE_CHECKING:
    from flask import Flask

# Exit status when the site cannot start.
CANNOT_START = 2


@dataclasses.dataclass(frozen=True)
class Plan:
    """Settings, models and the chosen version; the processes of a server inherit it."""

    settings: Settings
    registry: Registry
    version: str

    @property
    def bind(self) -> str:
        """Address for the server."""
        return f"{_bracketed(self.settings.host)}:{self.settings.port}"

    @property
    def url(self) -> str:
        """Address for people."""
        host = self.settings.host
        shown = "localhost" if host in ("0.0.0.0", "::", "") else _bracketed(host)
        return f"http://{shown}:{self.settings.port}{self.settings.path}/"

    def greet(self) -> None:
        """Say that the site is ready."""
        logs.say(
            f"MusiClassify with model {self.version} is ready: {self.url}  (Ctrl-C ends it)",
            "server_ready",
            model=self.version,
            url=self.url,
        )

    def load(self) -> Flask | None:
        """Create the app and let its model answer once.

        Returns
        -------
        app : ready to answer; None if that failed, after the reason was printed.
        """
        level = self.settings.log_level
        # lines that libraries write themselves are not JSON
        silent = level in ("warning", "error") or (logs.is_json() and level != "debug")
        try:
            app = create_app({"REGISTRY": self.registry})
            with logs.libraries_silent(silent):
                site_of(app).warm_up()
        except (StartError, EngineError) as error:
            logs.complain(str(error))
            return None
        return app


def prepare() -> Plan:
    """Check everything that can be wrong, then find out which version to serve.

    Raises
    ------
    StartError : with what is wrong and what to do.
    click.Abort : when the person at the terminal leaves instead of choosing.
    """
    settings = Settings.read()
    logs.configure(settings)
    check_runtime()
    rate_limits.check(settings)
    check_port(settings.host, settings.port)
    registry = Registry.load(settings.models_dir)
    choice.check_any(registry, settings.models_dir)
    for line in choice.refused_lines(registry):
        logs.complain(line, "model_refused")
    version = choice.resolve(registry, settings.model, ask_here=True)
    os.environ[PREFIX + "MODEL"] = version
    return Plan(dataclasses.replace(settings, model=version), registry, version)


def _bracketed(host: str) -> str:
    """An IPv6 address in brackets, as addresses with a port need it."""
    return f"[{host}]" if ":" in host else host
