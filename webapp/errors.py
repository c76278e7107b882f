"""One error shape: `{"error": {"status", "code", "message", "details"}}`, or a page for people."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, g, render_template, request, url_for
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from .access_log import method, route
from .inference import EngineError
from .language import N_, _
from .logs import event, places

bp = Blueprint("errors", __name__)

MACHINE_PATHS = ("/healthz", "/readyz", "/metrics")
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "wrong_content_type",
    429: "too_many_requests",
    500: "internal_error",
}
MESSAGES = {
    400: N_("This is not a request that the server understands."),
    404: N_("There is nothing at this address. The API is described at %(api)s."),
    405: N_("This address does not take this method; the Allow header names those it takes."),
    416: N_("The file does not have the part that was asked for."),
    500: N_("Something went wrong inside the server. Its log says where; please try again."),
}
# Titles of error pages. A status that is not listed is shown by its English name.
TITLES = {
    400: N_("Bad Request"),
    403: N_("Forbidden"),
    404: N_("Not Found"),
    405: N_("Method Not Allowed"),
    413: N_("Request Entity Too Large"),
    416: N_("Requested Range Not Satisfiable"),
    500: N_("Internal Server Error"),
    503: N_("Service Unavailable"),
}


class RequestError(Exception):
    """A request that is refused.

    Attributes
    ----------
    status : HTTP status.
    code : short snake_case word for programs.
    message : sentence for people that says what to do.
    details : JSON object for programs, such as paths and limits.
    headers : further response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.headers = dict(headers or {})


def json_response(value: Any, status: int = 200, cache: str = "no-cache") -> Response:
    """A JSON response; numbers that are not finite become null, so it is always valid JSON."""
    response = Response(msgspec.json.encode(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = cache
    return response


def error_body(error: RequestError) -> dict[str, Any]:
    """The JSON of every error."""
    return {
        "error": {
            "status": error.status,
            "code": error.code,
            "message": error.message,
            "details": error.details,
        }
    }


def body_too_large(limit: int, headers: Mapping[str, str] | None = None) -> RequestError:
    """The refusal of a body of more than `limit` bytes."""
    return RequestError(
        413,
        CODES[413],
        _("The body is larger than %(limit)s bytes. Send fewer segments at a time.", limit=limit),
        {"max_bytes": limit},
        headers,
    )


@contextlib.contextmanager
def engine_errors(version: str) -> Iterator[None]:
    """Answer 503 when a model cannot be used; the log gets the reason."""
    try:
        yield
    except EngineError as error:
        current_app.logger.error(
            "Model %s cannot be used: %s",
            version,
            error,
            extra=event("error", what="EngineError", model=version, message=str(error)),
        )
        raise RequestError(
            503,
            "model_unavailable",
            _(
                "Model %(version)s cannot be used on this server; its log says why.",
                version=version,
            ),
        ) from error


def error_response(error: RequestError) -> Response:
    """Show an error as JSON to programs and as a page to people."""
    g.error_code = error.code
    if _for_programs():
        response = json_response(error_body(error), error.status)
    else:
        response = Response(_error_page(error), error.status, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(error.headers)
    return response


@bp.app_errorhandler(RequestError)
def show_request_error(error: RequestError) -> Response:
    """Answer a refused request."""
    return error_response(error)


@bp.app_errorhandler(HTTPException)
def show_http_error(error: HTTPException) -> Response:
    """Give Flask's own errors our shape; headers such as Allow stay."""
    status = error.code or 500
    headers = {k: v for k, v in error.get_headers() if k.lower() != "content-type"}
    code = CODES.get(status, HTTPStatus(status).name.lower())
    if status == 413:
        return error_response(body_too_large(current_app.config["MAX_CONTENT_LENGTH"], headers))
    message = str(error.description)
    if status in MESSAGES:
        message = _(MESSAGES[status], api=url_for("openapi.show"))
    if status == 404 and not _for_programs():
        message = _("There is no such page here.")
    return error_response(RequestError(status, code, message, headers=headers))


@bp.app_errorhandler(Exception)
def show_unexpected_error(error: Exception) -> Response:
    """Answer 500 without internals; log the place, but not the text, which may quote input."""
    what, where = type(error).__name__, places(error.__traceback__)
    current_app.logger.error(
        "Internal error: %s in request %s\n  %s",
        what,
        g.get("request_id"),
        "\n  ".join(where),
        extra=event("error", what=what, where=where, method=method(), route=route()),
    )
    return error_response(RequestError(500, CODES[500], _(MESSAGES[500])))


def _error_page(error: RequestError) -> str:
    title = HTTPStatus(error.status).phrase
    if error.status in TITLES:
        title = _(TITLES[error.status])
    try:
        return render_template(
            "error.html", status=error.status, title=title, message=error.message
        )
    except Exception as fault:
        # a broken template must not hide the error that it was to show
        current_app.logger.error("error.html cannot be shown: %s", type(fault).__name__)
        return f"<!doctype html><title>{title}</title><p>{escape(error.message)}</p>"


def _for_programs() -> bool:
    path = request.path
    return path == "/api" or path.startswith("/api/") or path in MACHINE_PATHS
