"""The worker of the real `python -m webapp`: HTTP, right and wrong."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.webapp.conftest import request_of
from tests.webapp.running import Server, server
from tests.webapp.server.clients import chunked, post_head
from webapp.inference import Registry
from webapp.security import HEADERS


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server(LOG_LEVEL="info") as site:
        site.wait_ready()
        yield site


def test_it_says_where_it_is(running: Server, recommended: str) -> None:
    # The log of the worker may come before it or after it.
    (line,) = (line for line in running.output.splitlines() if "is ready" in line)
    assert (
        f"MusiClassify with model {recommended} is ready: http://127.0.0.1:{running.port}/" in line
    )
    assert "Ctrl-C ends it" in line


def test_it_answers(
    running: Server, url: str, body: dict[str, Any], version: str, recommended: str
) -> None:
    assert json.loads(running.ask("GET", "/readyz")[2]) == {"status": "ready", "model": recommended}
    status, headers, answer = running.ask("POST", url, body)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert json.loads(answer)["version"] == version
    assert headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


def test_chunked_bodies(running: Server, url: str, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    parts = [data[start : start + 9999] for start in range(0, len(data), 9999)]
    head = post_head(url, "Transfer-Encoding: chunked", "Connection: close")
    assert running.raw(head + chunked(parts)).startswith(b"HTTP/1.1 200 ")
    too_large = [b" " * 2**20] * 49
    answer = running.raw(head + chunked(too_large))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


def test_a_body_that_is_too_large(running: Server, url: str) -> None:
    head = post_head(url, f"Content-Length: {49 * 2**20}")
    answer = running.raw(head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed_http"),
        (b"GET /api HTTP/9.9\r\nHost: localhost\r\n\r\n", 400, "malformed_http"),
        (b"GET /api HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n", 400, "malformed_http"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /api/v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400, "untrusted_host"),
    ],
)
def test_http_that_is_wrong(running: Server, data: bytes, status: int, code: str) -> None:
    head, _, content = running.raw(data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    for name, value in HEADERS.items():
        assert f"{name}: {value}".encode() in head
    assert json.loads(content)["error"]["code"] == code


@pytest.mark.parametrize(
    "framing", ["zz\r\nhello\r\n0\r\n\r\n", "5\r\nhel", "5;a\x00=b\r\nhello\r\n"]
)
def test_broken_chunks(running: Server, url: str, framing: str) -> None:
    answer = running.raw(post_head(url, "Transfer-Encoding: chunked") + framing.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"error":{"status":400' in answer


def test_a_body_shorter_than_announced(running: Server, url: str) -> None:
    answer = running.raw(post_head(url, "Content-Length: 100") + b'{"feature_spec":')
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"incomplete_body"' in answer


def test_many_visitors_at_once(running: Server, registry: Registry, version: str, url: str) -> None:
    spec = registry.get(version).spec
    requests = [request_of(spec, n, seed=n) for n in range(1, 13)]

    def post(request: dict[str, Any]) -> bytes:
        status, _, answer = running.ask("POST", url, request)
        assert status == 200
        return answer

    serial = [post(request) for request in requests]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert list(pool.map(post, requests * 2)) == serial * 2


def test_idle_connections_block_nobody(running: Server) -> None:
    idle = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(16)]
    started = time.monotonic()
    assert running.ask("GET", "/healthz")[0] == 200
    assert time.monotonic() - started < 4
    for connection in idle:
        connection.close()


def test_a_body_refused_unread_leaves_the_connection_usable(body: dict[str, Any]) -> None:
    large = json.dumps(body) + " " * 500_000
    with server() as site:
        site.wait_ready()
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        for _ in range(3):
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/api/v1/models/v999/predictions", large, headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 404
            assert connection.sock is not None
        connection.close()


def test_the_log_holds_nothing_of_a_request(running: Server, body: dict[str, Any]) -> None:
    """The last test that shares the server: it reads the log that all of them caused."""
    running.ask("GET", "/api/nothing/mark?mark", headers={"User-Agent": "mark"})
    running.raw(b"GET /mark HTTP/1.1\r\nmark\r\n\r\n")
    running.expect(r"GET unmatched 404 \d+ ms")
    running.expect(r"POST /api/v1/models/<version>/predictions 200 \d+ ms")
    log = running.output.split("Ctrl-C ends it)")[1]
    for word in ("mark", "127.0.0.1", "evil", "Traceback"):
        assert word not in log
