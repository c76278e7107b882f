"""Requests that a WSGI server refuses before the app sees them, answered in the app's own way."""

from __future__ import annotations

import msgspec

from ..errors import CODES, MESSAGES, RequestError, body_too_large, error_body
from ..language import _
from ..schema import JSON_TYPE
from ..security import HEADERS, UNKEPT


def refusal(status: int, largest_body: int) -> tuple[RequestError, dict[str, str], bytes]:
    """Error, headers and body of the answer.

    Parameters
    ----------
    status : status that the server means: 413, 431 or 500; any other becomes 400.
    largest_body : bytes of the largest body.
    """
    error = _error(status, largest_body)
    headers = {"Content-Type": JSON_TYPE, **HEADERS, **UNKEPT}
    return error, headers, msgspec.json.encode(error_body(error))


def _error(status: int, largest_body: int) -> RequestError:
    if status == 431:
        return RequestError(431, "headers_too_large", _("The address or the headers are too long."))
    if status == 413:
        return body_too_large(largest_body)
    if status == 500:
        return RequestError(500, CODES[500], _(MESSAGES[500]))
    return RequestError(400, "malformed_http", _("This is not valid HTTP."))
