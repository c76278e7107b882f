"""Bodies of requests as they come: whole or refused, plain or packed with gzip.

A packed body is unpacked while it arrives, a step at a time: however large it would become, no more
than the limit is held in memory.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from .errors import RequestError
from .language import _
from .memory import give_back

Body = bytes | memoryview
# "x-gzip" is the same under its old name, RFC 9110 8.4.1.3
GZIP = ("gzip", "x-gzip")
ACCEPTED = ("gzip", "identity")
STEP = 64 * 1024
# Bytes. Of larger bodies free memory is given back while they are read.
LARGE = 2 * 1024 * 1024
# tells zlib to expect a gzip header and trailer around the data
GZIP_WINDOW = 16 + zlib.MAX_WBITS


def read_body(limit: int) -> Body:
    """The body of the request, unpacked.

    Parameters
    ----------
    limit : most bytes, as it comes and as it is unpacked.

    Raises
    ------
    RequestError : 415 for another coding than gzip; 400 for a body that does not arrive whole, and
        for a gzip body that cannot be unpacked.
    werkzeug.exceptions.RequestEntityTooLarge : for more than `limit`, also without a length.
    """
    if _is_packed():
        pieces = _pieces()
        try:
            return unpack(pieces, limit)
        except (RequestError, RequestEntityTooLarge):
            # most clients send everything before they read an answer, so the rest is read and
            # dropped, up to the limit
            with contextlib.suppress(RequestError, RequestEntityTooLarge):
                for _piece in pieces:
                    pass
            raise
    length = request.content_length
    if length is not None:
        return _whole(length, limit)
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise
    except Exception:
        # the client left or sent broken chunks; each WSGI server raises an exception of its own
        raise _incomplete() from None
    if len(body) >= limit:
        # werkzeug cuts a body without a length at the limit instead of refusing it
        raise RequestEntityTooLarge
    return body


def unpack(pieces: Iterable[bytes], limit: int) -> bytes:
    """The content of one gzip member (RFC 1952).

    Parameters
    ----------
    pieces : the packed bytes, in any lengths.
    limit : most bytes that come out.

    Raises
    ------
    RequestError : 400 for data that is not gzip, ends too early or goes on behind its end.
    werkzeug.exceptions.RequestEntityTooLarge : for more than `limit`.
    """
    unpacker = zlib.decompressobj(GZIP_WINDOW)
    found = io.BytesIO()

    def take(packed: bytes) -> bool:
        """Unpack one step; tells whether any data came out."""
        try:
            data = unpacker.decompress(packed, STEP)
        except zlib.error:
            raise _no_gzip(
                _("The body is not gzip, as its Content-Encoding says, or is damaged.")
            ) from None
        if found.tell() + len(data) > limit:
            raise RequestEntityTooLarge
        found.write(data)
        return bool(data)

    for piece in pieces:
        rest = piece
        while rest:
            if unpacker.eof:
                raise _more_than_one()
            take(rest)
            rest = unpacker.unconsumed_tail or unpacker.unused_data
    # zlib may still hold data that it has unpacked
    while not unpacker.eof and take(b""):
        pass
    if not unpacker.eof:
        raise _no_gzip(_("The gzip data ends too early. Send all of it."))
    return found.getvalue()


def _is_packed() -> bool:
    named = request.headers.get("Content-Encoding", "").lower().split(",")
    codings = [name for part in named if (name := part.strip())]
    if codings in ([], ["identity"]):
        return False
    if len(codings) == 1 and codings[0] in GZIP:
        return True
    raise RequestError(
        415,
        "wrong_content_encoding",
        _("Send the JSON as it is, or compressed once with gzip and Content-Encoding: gzip."),
        {"accepted": list(ACCEPTED)},
        # RFC 7694
        {"Accept-Encoding": ", ".join(ACCEPTED)},
    )


def _whole(length: int, limit: int) -> memoryview:
    """A body of known length; each piece goes to its place, so an hour is not held twice."""
    if length > limit:
        raise RequestEntityTooLarge
    # not filled with zeros: it takes memory as it fills, while the server lets go what it gathered
    body = np.empty(length, np.uint8).data
    taken = given_back = 0
    for piece in _pieces():
        if length > LARGE and taken >= given_back:
            give_back()
            given_back += LARGE
        body[taken : taken + len(piece)] = piece
        taken += len(piece)
    return body


def _pieces() -> Iterator[bytes]:
    """The body in pieces, as it arrives."""
    length = request.content_length
    taken = 0
    while length is None or taken < length:
        try:
            piece = request.stream.read(STEP)
        except RequestEntityTooLarge:
            raise
        except Exception:
            raise _incomplete() from None
        if not piece:
            break
        taken += len(piece)
        yield piece
    if length is not None and taken < length:
        raise _incomplete()


def _incomplete() -> RequestError:
    return RequestError(400, "incomplete_body", _("The body did not arrive whole. Send it again."))


def _no_gzip(message: str) -> RequestError:
    return RequestError(400, "invalid_gzip", message)


def _more_than_one() -> RequestError:
    return _no_gzip(_("Something follows the gzip data. Send one member and nothing behind it."))
