"""Bodies packed with gzip, good ones and bombs."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator

MB = 2**20
HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
# as gzip.compress writes it: no name, no time
GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def megabyte(filling: bytes = b" ") -> bytes:
    """A megabyte as deflated data that may be repeated: about a thousand bytes."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return packer.compress(filling * MB) + packer.flush(zlib.Z_FULL_FLUSH)


def bomb(packed_bytes: int) -> Iterator[bytes]:
    """Pieces of gzip of about this size that would unpack to a thousand times as much."""
    yield GZIP_HEAD
    block = megabyte() * 64
    for _ in range(packed_bytes // len(block)):
        yield block


def check_packed(connection: http.client.HTTPConnection, url: str, data: bytes) -> None:
    """A real server takes gzip, with and without a length, and survives a bomb."""
    packed = gzip.compress(data)

    def ask(body: bytes | Iterator[bytes]) -> tuple[int, dict[str, object]]:
        connection.request("POST", url, body, HEADERS)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    assert ask(packed)[0] == 200
    assert ask(packed[start : start + 999] for start in range(0, len(packed), 999))[0] == 200
    for wrong in (packed[:-9], packed + b" ", packed + packed, data):
        status, answer = ask(wrong)
        assert (status, answer["error"]["code"]) == (400, "invalid_gzip")  # type: ignore[index]
    for body in (b"".join(bomb(MB)), bomb(MB)):
        status, answer = ask(body)
        assert (status, answer["error"]["code"]) == (413, "body_too_large")  # type: ignore[index]
        # the server did not read this body to its end
        connection.close()
    assert ask(packed)[0] == 200
