"""Clients by the hundred that keep the server waiting, and requests that come in pieces."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any

from tests.webapp.test_serving import chunked, connect, hurried, post_head


def test_hundreds_of_slow_clients_keep_no_thread(url: str, body: dict[str, Any]) -> None:
    """As many as connections are kept, and more: the oldest go, good ones are answered."""
    begun = (
        b"",
        b"POST /x HTTP/1.1\r\nA: ",
        post_head(url, "Content-Length: 900000") + b"[",
        post_head(url, "Transfer-Encoding: chunked") + b"fffff\r\n[",
        b"GET /static/runtime/pyodide.asm.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    with hurried(stall=100, longest=100) as site, contextlib.ExitStack() as open_connections:
        for number in range(600):
            connection = open_connections.enter_context(connect(site))
            connection.sendall(begun[number % 5 if number % 50 < 5 else number % 4])
        for _ in range(5):
            assert site.ask("POST", url, body)[0] == 200


def test_requests_behind_each_other_on_one_connection(url: str, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    good = post_head(url, f"Content-Length: {len(data)}") + data
    pieces = post_head(url, "Transfer-Encoding: chunked") + chunked([data[:999], data[999:]])
    health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = good + health + pieces + health + good
    with hurried(stall=100, longest=100) as site:
        for step in (len(sent), 50_000, 1234):
            with connect(site) as connection:
                for at in range(0, len(sent), step):
                    connection.sendall(sent[at : at + step])
                connection.shutdown(socket.SHUT_WR)
                answers = connection.makefile("rb").read()
            assert answers.count(b"HTTP/1.1 200 OK") == 5, answers[:2000]
            assert answers.count(b'"aggregate"') == 3
