"""HTTP that tries to be read in two ways, sent to the real server byte by byte.

If a proxy and the server disagree on where a request ends, or on which host it is for, an attacker
can slip requests in among those of another visitor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.webapp.running import Server, server

pytestmark = pytest.mark.full

GET = "GET /healthz HTTP/1.1\r\n"
POST = (
    "POST /api/v1/models/v1/predictions HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: application/json\r\n"
)
# follows the request under test: an answer to it shows where the server ended that one
SECOND = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server(LOG_LEVEL="info") as site:
        site.wait_ready()
        yield site
        log = site.output.split("Ctrl-C ends it)")[1]
        assert "Traceback" not in log
        assert "evil" not in log


def statuses(running: Server, text: str) -> list[int]:
    """Send, and return the status of every answer; each must have the site's headers."""
    answer = running.raw(text.encode("latin-1"))
    heads = re.split(rb"(?=HTTP/1\.[0-9] \d{3} )", answer)[1:]
    assert heads, answer
    for head in heads:
        assert b"\r\nContent-Security-Policy: default-src 'none'" in head
        assert b"\r\nCache-Control: no-store\r\n" in head
        assert b"gunicorn" not in head
    return [int(head.split()[1]) for head in heads]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        # the target names another host than the Host header
        ("GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n", 400),
        ("GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n", 400),
        ("GET http://localhost@evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET http://localhost:81/healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET ftp://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET file:///healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET http://[/healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n", 200),
        ("GET //evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n", 404),
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET healthz HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", 404),
        ("TRACE /healthz HTTP/1.1\r\nHost: localhost\r\n", 405),
        # no host, two, or one in two lines
        (GET, 400),
        ("GET /healthz HTTP/1.0\r\n", 200),
        (GET + "Host:\r\n", 400),
        (GET + "Host: localhost\r\nHost: evil.example\r\n", 400),
        (GET + "Host: localhost\r\nHost: localhost\r\n", 400),
        (GET + "Host: localhost\r\n evil.example\r\n", 400),
        (GET + "Host : localhost\r\n", 400),
        (GET + "Host: localhost\r\nHost\x00: evil.example\r\n", 400),
        # ports and IPv6
        (GET + "Host: localhost:65535\r\n", 200),
        (GET + "Host: localhost:65536\r\n", 400),
        (GET + "Host: localhost:80:80\r\n", 400),
        (GET + "Host: localhost:80@evil.example\r\n", 400),
        (GET + "Host: [::1]:5000\r\n", 200),
        (GET + "Host: [::1].evil.example\r\n", 400),
        (GET + "Host: [::2]\r\n", 400),
        (GET + "Host: ::1\r\n", 400),
        # lines that another reader ends elsewhere
        (GET + "Host: localhost\r\nA: b\r\n c\r\n", 400),
        (GET + "Host: localhost\r\nA: b\nB: c\r\n", 400),
        (GET + "Host: localhost\r\nA: b\rB: c\r\n", 400),
        (GET + "Host: localhost\r\nA: b\x00c\r\n", 400),
        ("GET /healthz HTTP/1.1\nHost: localhost\n", 400),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + "Host: localhost\r\n", 400),
        ("PRI * HTTP/2.0\r\n", 400),
        (GET + "Host: localhost\r\nExpect: evil\r\n", 400),
    ],
)
def test_for_whom_a_request_is(running: Server, head: str, status: int) -> None:
    assert statuses(running, head + "\r\n") == [status]


@pytest.mark.parametrize(
    "rest",
    [
        "Content-Length: 5\r\n" + CHUNKED + "\r\n0\r\n\r\n",
        CHUNKED + "Content-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "Content-Length: 5, 5\r\n\r\nhello",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: -5\r\n\r\nhello",
        "Content-Length: 0x5\r\n\r\nhello",
        "Content-Length: 5_0\r\n\r\nhello",
        "Content-Length: \xb2\r\n\r\nhello",
        "Content-Length: " + "9" * 5000 + "\r\n\r\nhello",
        "Content-Length:\r\n\r\nhello",
        "Content-Length : 5\r\n\r\nhello",
        CHUNKED + CHUNKED + "\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + "\r\n5\nhello\n0\n\n",
        CHUNKED + "\r\n5;\nx\r\nhello\r\n0\r\n\r\n",
        CHUNKED + "\r\n0x5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + "\r\n0_5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + "\r\n5 \r\nhello\r\n0\r\n\r\n",
        CHUNKED + "\r\n-5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + "\r\n5\r\nhelloX\r\n0\r\n\r\n",
        CHUNKED + "\r\n" + "0" * 100_000 + "5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + "\r\n5;" + "x" * 100_000 + "\r\nhello\r\n0\r\n\r\n",
        CHUNKED + "\r\n2\r\n{}\r\n0\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_where_a_request_ends(running: Server, rest: str) -> None:
    """If the end is ambiguous, the request is refused and nothing after it is read."""
    assert statuses(running, POST + rest + SECOND) == [400]


def test_a_clear_request_is_followed_by_the_next(running: Server) -> None:
    for rest in (
        "Content-Length: 5\r\n\r\nhello",
        CHUNKED + "\r\n5\r\nhello\r\n0\r\n\r\n",
        # RFC 9112 asks to pass over extensions of chunks
        CHUNKED + '\r\n5;a="b"\r\nhello\r\n0\r\n\r\n',
        # with an underscore it is another header, which no WSGI server hands on
        "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
    ):
        assert statuses(running, POST + rest + SECOND) == [400, 200]
    body = f"Content-Length: {len(SECOND)}\r\n\r\n{SECOND}"
    assert statuses(running, GET + "Host: localhost\r\n" + body) == [200]


def test_nobody_on_this_computer_is_taken_for_a_proxy(running: Server) -> None:
    """By default gunicorn believes what comes from 127.0.0.1."""
    spoofed = (
        "X-Forwarded-Proto: https",
        "X-Forwarded-Ssl: on",
        "X-Forwarded-Host: evil.example",
        "SCRIPT_NAME: /healthz",
        "PATH_INFO: /metrics",
        "REMOTE_USER: evil",
    )
    for line in spoofed:
        answer = running.raw(f"{GET}Host: localhost\r\n{line}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 200 "), line
        assert b"Strict-Transport-Security" not in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"status": "ok"}


def test_behind_a_proxy_the_real_server_knows_https() -> None:
    with server(PROXIES=1) as site:
        site.wait_ready()
        for scheme in ("http", "https"):
            headers = {"X-Forwarded-Proto": scheme}
            status, answer, _ = site.ask("GET", "/healthz", headers=headers)
            assert status == 200
            assert ("strict-transport-security" in answer) == (scheme == "https")
            assert answer["server"] == "MusiClassify"
