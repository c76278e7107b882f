"""Serves the site from one command: checks, choice of the version, then the WSGI server."""

from __future__ import annotations

import argparse
import atexit
import dataclasses
import os
from collections.abc import Sequence

import click

from . import choice, logs, rate_limits
from .assets import check_runtime
from .inference import Registry
from .preflight import check_port
from .settings import PREFIX, SETTINGS, Settings, StartError

CANNOT_START = 2


@dataclasses.dataclass(frozen=True)
class Plan:
    """What was decided before the server starts; it survives a fork."""

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
        return f"http://{shown}:{self.settings.port}/"

    @property
    def greeting(self) -> str:
        """The line that says that the site is there."""
        return f"MusiClassify with model {self.version} is ready: {self.url}  (Ctrl-C ends it)"

    def greet(self) -> None:
        """Say that the site is there."""
        logs.say(self.greeting, "server_ready", model=self.version, url=self.url)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    atexit.register(logs.let_go)
    for name in ("model", "engine", "host", "port"):
        value = getattr(options, name)
        if value is not None:
            # the environment is where the server's processes read their settings
            os.environ[PREFIX + name.upper()] = value
    try:
        return _serve(prepare())
    except StartError as error:
        logs.complain(str(error))
        return CANNOT_START
    except (click.Abort, KeyboardInterrupt):
        print()
        return 0


def _serve(plan: Plan) -> int:
    engine = plan.settings.engine
    logs.say(
        f"Loading model {plan.version} ({engine}) ...",
        "server_loading",
        model=plan.version,
        engine=engine,
    )
    if warning := rate_limits.warning(plan.settings):
        logs.complain(warning, "message")
    if os.name == "nt":
        from .waitress_server import serve
    else:
        from .gunicorn_server import serve
    return serve(plan)


def prepare() -> Plan:
    """Check all that can be wrong, then find out which version to serve.

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
    return f"[{host}]" if ":" in host else host


def _parser() -> argparse.ArgumentParser:
    width = max(len(setting.variable) for setting in SETTINGS)
    lines = [f"  {setting.variable:<{width}}  {setting.help}" for setting in SETTINGS]
    parser = argparse.ArgumentParser(
        prog="python -m webapp",
        description="Serve MusiClassify on this computer.",
        epilog="\n".join(["settings (environment):", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", help="version to start with, as v1; asked for if not given")
    parser.add_argument("--port", help="port to listen on (default 5000)")
    parser.add_argument("--engine", help="litert (default) or keras")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    return parser
