"""`/healthz`: the process answers. `/readyz`: the chosen model answers, and no end is near."""

from __future__ import annotations

from flask import Blueprint, Response

from .errors import RequestError, engine_errors, json_response
from .language import _
from .state import site

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """Say that the process is alive."""
    return json_response({"status": "ok"}, cache="no-store")


@bp.get("/readyz")
def readyz() -> Response:
    """Say that the chosen model has answered; make it answer if it has not yet."""
    here = site()
    if here.leaving():
        raise RequestError(503, "stopping", _("This server is about to stop. Ask another one."))
    with engine_errors(here.selected):
        ready = here.warm_up()
    if not ready:
        raise RequestError(
            503,
            "not_ready",
            _("Model %(version)s is being loaded. Ask again in a moment.", version=here.selected),
            headers={"Retry-After": "1"},
        )
    return json_response({"status": "ready", "model": here.selected}, cache="no-store")
