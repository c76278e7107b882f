"""Bodies packed with gzip: the same answers, and nothing that unpacks without end."""

from __future__ import annotations

import concurrent.futures
import contextlib
import gzip
import http.client
import io
import json
import random
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import RequestEntityTooLarge

from tests.webapp.asking import JSON, refused
from tests.webapp.packing import GZIP_HEAD, HEADERS, MB, bomb, check_packed, megabyte
from tests.webapp.running import children, server
from webapp import create_app
from webapp.bodies import STEP, read_body, unpack
from webapp.errors import RequestError

GZIP = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize("coding", ["gzip", "GZip", " x-gzip ", "gzip,", ", gzip"])
def test_packed_is_answered_as_plain(
    client: FlaskClient, body: dict[str, Any], url: str, coding: str
) -> None:
    plain = client.post(url, json=body)
    assert plain.status_code == 200
    data = gzip.compress(json.dumps(body).encode())
    headers = {"Content-Encoding": coding}
    packed = client.post(url, data=data, content_type=JSON, headers=headers)
    assert packed.get_json() == plain.get_json()


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_plain_bodies_may_name_identity(
    client: FlaskClient, body: dict[str, Any], url: str, coding: str
) -> None:
    answer = client.post(url, json=body, headers={"Content-Encoding": coding})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, identity", "x", "gzip;q=1", "*"]
)
def test_other_codings(client: FlaskClient, body: dict[str, Any], url: str, coding: str) -> None:
    answer = client.post(url, json=body, headers={"Content-Encoding": coding})
    assert refused(answer, 415, "wrong_content_encoding") == {"accepted": ["gzip", "identity"]}
    assert answer.headers["Accept-Encoding"] == "gzip, identity"
    # an error about the content type says nothing about codings
    answer = client.post(url, data=b"x", content_type="text/plain", headers=GZIP)
    refused(answer, 415, "wrong_content_type")
    assert "Accept-Encoding" not in answer.headers


def broken(good: bytes) -> Iterator[tuple[bytes, str]]:
    """Bodies that are not one whole gzip member, and a word of the message for each."""
    yield b"", "too early"
    yield good[:5], "too early"
    yield good[: len(good) // 2], "too early"
    # without its checksum
    yield good[:-8], "too early"
    yield good[:-1], "too early"
    yield good + b"\0", "follows"
    yield good + b"more", "follows"
    yield good + good, "follows"
    yield b"{}", "not gzip"
    yield b"\x1f\x8b\x07" + good[3:], "not gzip"
    yield b"\x78" + good[1:], "not gzip"
    yield good[:40] + bytes(50) + good[90:], "not gzip"
    # with the checksum of other content
    yield good[:-6] + b"\0\0" + good[-4:], "not gzip"
    # with another length
    yield good[:-4] + b"\1\0\0\0", "not gzip"


def test_bodies_that_are_not_gzip(client: FlaskClient, body: dict[str, Any], url: str) -> None:
    good = gzip.compress(json.dumps(body).encode())
    for data, word in broken(good):
        answer = client.post(url, data=data, content_type=JSON, headers=GZIP)
        refused(answer, 400, "invalid_gzip")
        assert word in answer.get_json()["error"]["message"], (data[:20], word)
    # the unpacked body is checked like any other
    for data, code in ((b"", "empty_body"), (b"{", "invalid_json"), (b"[" * 10**5, "too_deep")):
        packed = gzip.compress(data)
        answer = client.post(url, data=packed, content_type=JSON, headers=GZIP)
        refused(answer, 400, code)


@pytest.mark.full
def test_any_cut_of_the_pieces_gives_the_same(body: dict[str, Any]) -> None:
    draw = random.Random(0)
    contents = [
        json.dumps(body).encode(),
        b"",
        b"x",
        bytes(STEP),
        bytes(3 * STEP),
        bytes(STEP + 1),
        draw.randbytes(2 * STEP),
    ]
    for content in contents:
        for level in (0, 1, 9):
            packed = gzip.compress(content, level)
            for size in (1, 7, 1000, len(packed) - 1, len(packed)):
                pieces = (packed[at : at + size] for at in range(0, len(packed), size))
                assert unpack(pieces, len(content)) == content
                if content:
                    pieces = (packed[at : at + size] for at in range(0, len(packed), size))
                    with pytest.raises(RequestEntityTooLarge):
                        unpack(pieces, len(content) - 1)


def test_random_bytes_never_come_through() -> None:
    draw = random.Random(1)
    good = gzip.compress(bytes(range(256)) * 400)
    for _ in range(3000):
        data = bytearray(good if draw.random() < 0.7 else draw.randbytes(200))
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        with contextlib.suppress(RequestError, RequestEntityTooLarge):
            # the change made no difference, as some bytes of the header mean nothing
            assert unpack([bytes(data)], MB) == bytes(range(256)) * 400


def test_a_bomb_takes_no_memory() -> None:
    """The bomb has no end; the unpacker may make 48 MB of it."""
    limit = 48 * MB
    # made before memory is measured
    pieces = list(bomb(256 * 1024))
    taken = 0

    def come() -> Iterator[bytes]:
        nonlocal taken
        while True:
            for piece in pieces:
                taken += len(piece)
                yield piece

    tracemalloc.start()
    try:
        with pytest.raises(RequestEntityTooLarge):
            unpack(come(), limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the buffer grows by an eighth at a time
    assert peak < 1.2 * limit
    # and it stops reading the bomb
    assert taken < MB


def test_empty_blocks_do_not_unpack_forever() -> None:
    """Millions of empty blocks come to an end, without an unpacked byte."""
    empty = b"\0\0\0\xff\xff" * 200_000
    with pytest.raises(RequestError, match="too early"):
        unpack([GZIP_HEAD, *[empty] * 10], MB)


@pytest.fixture(scope="module")
def small_app() -> Flask:
    return create_app({"MAX_BODY_MB": 1})


@pytest.mark.parametrize("chunked", [False, True])
def test_the_limit_holds_packed_and_unpacked(small_app: Flask, url: str, chunked: bool) -> None:
    def ask(data: bytes) -> Any:
        if not chunked:
            return small_app.test_client().post(url, data=data, content_type=JSON, headers=GZIP)
        return small_app.test_client().post(
            url,
            input_stream=io.BytesIO(data),
            content_type=JSON,
            headers=GZIP,
            environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        )

    assert refused(ask(gzip.compress(b"[" * (MB + 1))), 413, "body_too_large") == {"max_bytes": MB}
    refused(ask(gzip.compress(b" " * MB)), 400, "invalid_json")
    refused(ask(GZIP_HEAD + megabyte() * 99), 413, "body_too_large")
    # small when it is unpacked, but sent as more than the limit
    nothing = GZIP_HEAD + b"\0\0\0\xff\xff" * (MB // 5 + 1)
    refused(ask(nothing), 413, "body_too_large")


def test_a_packed_body_that_breaks_off(client: FlaskClient, url: str) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise ConnectionResetError

    answer = client.post(
        url,
        content_type=JSON,
        headers=GZIP,
        environ_overrides={"wsgi.input": Broken(), "wsgi.input_terminated": True},
    )
    refused(answer, 400, "incomplete_body")
    answer = client.post(
        url,
        content_type=JSON,
        headers=GZIP,
        environ_overrides={
            "wsgi.input": io.BytesIO(b"\x1f\x8b"),
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "100",
        },
    )
    refused(answer, 400, "incomplete_body")


def most_memory(pid: int) -> float:
    """Peak MB of a process or of one below it, whichever has the largest."""
    found = [
        int(match[1]) / 1024
        for each in (pid, *children(pid))
        if (match := re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{each}/status").read_text()))
    ]
    return max(found)


@pytest.mark.full
def test_bombs_at_a_real_server(url: str, body: dict[str, Any]) -> None:
    """Four threads, each with a body of 48 MB that would unpack to 48 GB."""
    limit = 48
    data = b"".join(bomb((limit - 1) * MB))
    with server() as site:
        site.wait_ready()

        def throw(_number: int) -> tuple[int, str]:
            connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
            with contextlib.closing(connection):
                connection.request("POST", url, data, HEADERS)
                response = connection.getresponse()
                return response.status, json.loads(response.read())["error"]["code"]

        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        with contextlib.closing(connection):
            check_packed(connection, url, json.dumps(body).encode())
        before = most_memory(site.process.pid)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(throw, range(8)))
        assert answers == [(413, "body_too_large")] * 8
        # four at a time take no more memory than four plain bodies of the largest size
        assert most_memory(site.process.pid) - before < 4 * limit * 1.3
        assert site.ask("GET", "/healthz")[0] == 200
        assert "Traceback" not in site.output


def test_a_plain_body_is_held_once(app: Flask) -> None:
    sent = b"[" * 8 * MB
    with app.test_request_context(method="POST", data=sent, content_type=JSON):
        tracemalloc.start()
        try:
            body = read_body(len(sent))
            assert tracemalloc.get_traced_memory()[1] < 1.1 * len(sent)
        finally:
            tracemalloc.stop()
    assert body == sent


def test_a_plain_body_that_ends_too_early_is_not_filled_up(app: Flask) -> None:
    for length, come in ((5, b"1234"), (3 * MB, b"x" * 2 * MB), (5, b"")):
        environ = {
            "CONTENT_LENGTH": str(length),
            "wsgi.input": io.BytesIO(come),
            "wsgi.input_terminated": True,
        }
        with (
            app.test_request_context(method="POST", environ_overrides=environ),
            pytest.raises(RequestError, match="did not arrive whole"),
        ):
            read_body(4 * MB)
