"""Compression of answers, for browsers that ask for it.

Large files have compressed copies (`copies.py`). Pages, scripts and other texts are compressed when
they are first sent. Answers about songs are not compressed.
"""

from __future__ import annotations

import functools
import gzip
from collections.abc import Collection

from flask import Blueprint, Response, request

bp = Blueprint("compression", __name__)

IDENTITY = "identity"
GZIP = "gzip"
TEXTS = (
    "text/", "application/json", "application/manifest+json", "application/openapi+json",
    "image/svg+xml",
)  # fmt: skip
# Bytes. Smaller answers fit in one packet anyway.
SMALLEST = 1024
# Bytes. Larger files of the page have copies.
LARGEST = 512 * 1024
LEVEL = 6


def wanted(offered: Collection[str]) -> str:
    """The first of the offered codings that the client takes; "identity" if there is none.

    Requests for a part of a file get "identity": ranges count bytes of the plain file.
    """
    accepted = request.accept_encodings
    if "Range" in request.headers:
        return IDENTITY
    return next((coding for coding in offered if accepted.quality(coding) > 0), IDENTITY)


def named(response: Response, coding: str) -> Response:
    """Set the headers that name an answer's coding and say that it varies (RFC 9110, 12.5.5)."""
    response.vary.add("Accept-Encoding")
    if coding != IDENTITY:
        if response.status_code != 304:
            response.headers["Content-Encoding"] = coding
        # the tag of the plain content, made weak: the content is the same, its bytes are not
        etag, _weak = response.get_etag()
        if etag is not None:
            response.set_etag(etag, weak=True)
    return response


@bp.after_app_request
def compress(response: Response) -> Response:
    """Compress an answer of text that is neither too small nor too large."""
    if (
        request.method not in ("GET", "HEAD")
        or response.status_code not in (200, 304)
        or not (response.mimetype or "").startswith(TEXTS)
        or "Content-Encoding" in response.headers
    ):
        return response
    coding = wanted((GZIP,))
    if response.status_code == 200 and coding == GZIP:
        response.direct_passthrough = False
        content = response.get_data()
        if not SMALLEST <= len(content) <= LARGEST:
            return response
        response.set_data(_gzip(content))
    return named(response, coding)


@functools.lru_cache(maxsize=128)
def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, LEVEL, mtime=0)
