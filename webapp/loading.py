"""Creates the app for a server and makes its model answer once, or says why that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import create_app, logs
from .inference import EngineError
from .settings import StartError
from .state import site_of

if TYPE_CHECKING:
    from flask import Flask

    from .serving import Plan


def load(plan: Plan) -> Flask | None:
    """Return the app, ready to answer; None after its fault was printed."""
    level = plan.settings.log_level
    # what libraries write themselves is no JSON
    silent = level in ("warning", "error") or (logs.is_json() and level != "debug")
    try:
        app = create_app({"REGISTRY": plan.registry})
        with logs.libraries_silent(silent):
            site_of(app).warm_up()
    except (StartError, EngineError) as error:
        logs.complain(str(error))
        return None
    return app
