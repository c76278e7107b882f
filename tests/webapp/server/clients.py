"""Clients that write their HTTP byte by byte, and a server that has little patience with them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.webapp.running import Server, server


def chunked(parts: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def post_head(url: str, *headers: str) -> bytes:
    lines = [f"POST {url} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def begin(connection: socket.socket, url: str, length: int) -> None:
    """Send the head of a request and wait until the server works on it."""
    expect = "Expect: 100-continue"
    connection.sendall(post_head(url, f"Content-Length: {length}", expect))
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")


def connect(site: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=20)


@contextlib.contextmanager
def hurried(stall: int, longest: int) -> Iterator[Server]:
    """A server with two threads whose time for slow connections is short."""
    code = (
        "import sys; from webapp.server import command, slow_clients; "
        f"slow_clients.STALL, slow_clients.LONGEST = {stall}, {longest}; "
        "sys.exit(command.main(sys.argv[1:]))"
    )
    with server(command=("-c", code), THREADS=2) as site:
        site.wait_ready()
        yield site
        assert "Traceback" not in site.output
        assert "rror" not in site.output
