"""One line per request at log level info: method, route, status, milliseconds, and an id.

The line holds no address, no query and no body: it tells what the site did, not what was sent.
"""

from __future__ import annotations

import logging
import re
import secrets
import time

from flask import Blueprint, Response, g, request

from .logs import event

bp = Blueprint("access_log", __name__)
log = logging.getLogger("webapp.access")

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
ID_HEADER = "X-Request-ID"
# Ids that proxies make: numbers or UUIDs in hexadecimal digits, with no room for words.
PROXY_ID = re.compile(r"[0-9A-Fa-f-]{8,64}")


@bp.before_app_request
def start_clock() -> None:
    """Note when the request began, and its id: the one that a proxy gave, or a new one."""
    g.started = time.perf_counter()
    given = request.headers.get(ID_HEADER, "")
    g.request_id = given if PROXY_ID.fullmatch(given) else secrets.token_hex(8)


@bp.after_app_request
def write_line(response: Response) -> Response:
    """Log the finished request, and tell the client its id."""
    response.headers[ID_HEADER] = g.request_id
    if log.isEnabledFor(logging.INFO):
        asked = g.get("asked", {})
        milliseconds = 1000 * elapsed()
        log.info(
            "%s %s %d %.0f ms%s %s",
            method(),
            route(),
            response.status_code,
            milliseconds,
            "".join(f" {name}={value}" for name, value in asked.items()),
            g.request_id,
            extra=event(
                "request",
                method=method(),
                route=route(),
                status=response.status_code,
                ms=round(milliseconds, 1),
                **asked,
            ),
        )
    return response


def note(**asked: str | int) -> None:
    """Add fields to the line of this request, such as the version and the number of segments."""
    g.asked = g.get("asked", {}) | asked


def elapsed() -> float:
    """Seconds since the request began."""
    return float(time.perf_counter() - g.started) if "started" in g else 0.0


def route() -> str:
    """The pattern of the route, never the path itself."""
    return request.url_rule.rule if request.url_rule else UNMATCHED


def method() -> str:
    """The method if it is a known one, or "other"."""
    return request.method if request.method in METHODS else "other"


class _NoRequestLines(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return " HTTP/" not in record.getMessage()


def quiet_werkzeug() -> None:
    """Keep Flask's development server from writing addresses and queries."""
    logger = logging.getLogger("werkzeug")
    if not any(isinstance(known, _NoRequestLines) for known in logger.filters):
        logger.addFilter(_NoRequestLines())
