"""Connections that the server ends after its answer while the client keeps them open."""

from __future__ import annotations

import contextlib
import time

from tests.webapp.running import server
from tests.webapp.server.clients import connect


def test_clients_that_do_not_close_hold_nobody_up() -> None:
    with server() as site, contextlib.ExitStack() as open_connections:
        site.wait_ready()
        for _ in range(16):
            connection = open_connections.enter_context(connect(site))
            connection.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
        started = time.monotonic()
        assert site.ask("GET", "/healthz")[0] == 200
        # one after the other they would take half a minute
        assert time.monotonic() - started < 10
