"""One line per request at log level info: method, route, status, milliseconds.

No address, no query, no body: the line says what the site did, not what a visitor sent.
"""

from __future__ import annotations

import logging
import time

from flask import Blueprint, Response, g, request

bp = Blueprint("access_log", __name__)
log = logging.getLogger("webapp.access")

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


@bp.before_app_request
def start_clock() -> None:
    """Note when the request began."""
    g.started = time.perf_counter()


@bp.after_app_request
def write_line(response: Response) -> Response:
    """Log the finished request."""
    log.info("%s %s %d %.0f ms", method(), route(), response.status_code, 1000 * elapsed())
    return response


def elapsed() -> float:
    """Seconds since the request began."""
    return float(time.perf_counter() - g.started) if "started" in g else 0.0


def route() -> str:
    """The pattern of the route, never the path itself."""
    return request.url_rule.rule if request.url_rule else UNMATCHED


def method() -> str:
    """The method, if it is a known one."""
    return request.method if request.method in METHODS else "other"


class _NoRequestLines(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return " HTTP/" not in record.getMessage()


def quiet_werkzeug() -> None:
    """Keep Flask's development server from writing addresses and queries."""
    logger = logging.getLogger("werkzeug")
    if not any(isinstance(known, _NoRequestLines) for known in logger.filters):
        logger.addFilter(_NoRequestLines())
