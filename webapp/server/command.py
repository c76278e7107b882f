"""`python -m webapp`: options, checks, choice of the version, then the WSGI server."""

from __future__ import annotations

import argparse
import atexit
import os
from collections.abc import Sequence

import click

from .. import logs, rate_limits
from ..settings import PREFIX, SETTINGS, StartError
from .plan import CANNOT_START, Plan, prepare


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    atexit.register(logs.let_go)
    for name in ("model", "engine", "host", "port"):
        value = getattr(options, name)
        if value is not None:
            # the server's processes read their settings from the environment
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
    # gunicorn cannot be imported on Windows, and waitress is installed there only
    if os.name == "nt":
        from .with_waitress import serve
    else:
        from .with_gunicorn import serve
    return serve(plan)


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
