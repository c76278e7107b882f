"""Hundreds of slow clients on the real server, and how long good clients wait meanwhile.

`python -m bench slow`; all traffic stays on this computer.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.browser.site import HOST, Site
from tests.webapp.conftest import request_of
from tests.webapp.running import children
from webapp.inference import Registry

from .setting import ROOT, row, running_site
from .soak import look

SECONDS = 20.0
DEADLINE_S = 10.0
EACH = 100
POST = b"POST /api/v1/models/v1/predictions HTTP/1.1\r\nHost: localhost\r\n"
BODY = POST + b"Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n"
CHUNKED = POST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n"
LARGE = next(path.name for path in (ROOT / "static" / "runtime").glob("*.wasm"))
UNREAD = f"GET /static/runtime/{LARGE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
# Bytes that each sends at first, and whether it goes on with a byte a second.
KINDS = {
    "open a connection and say nothing": (b"", False),
    "send their head bit by bit": (POST + b"X-A: ", True),
    "send their body bit by bit": (BODY, True),
    "send chunks bit by bit": (CHUNKED, True),
    "stop in the middle of their body": (BODY + b"[" * 1000, False),
    "never read an answer of 9 MB": (UNREAD, False),
}


class Slow:
    """`EACH` clients of one kind, which connect again when the server drops them."""

    def __init__(self, port: int, sent: bytes, trickles: bool) -> None:
        self.port = port
        self.sent = sent
        self.trickles = trickles
        self.connections: list[socket.socket] = []
        self.let_go = 0
        self.over = threading.Event()

    def connect(self) -> socket.socket:
        """Connect a client and send its first bytes."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(2)
        with contextlib.suppress(OSError):
            connection.connect((HOST, self.port))
            connection.sendall(self.sent)
        connection.setblocking(False)
        return connection

    def ended(self, connection: socket.socket) -> bool:
        """Send a further byte; tells whether the server has dropped the client."""
        try:
            if self.trickles:
                connection.send(b"0")
            if self.sent is not UNREAD:
                return not connection.recv(4096)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False

    def run(self) -> None:
        """Keep all clients going until the end."""
        self.connections = [self.connect() for _ in range(EACH)]
        while not self.over.wait(1):
            for number, connection in enumerate(self.connections):
                if self.ended(connection):
                    connection.close()
                    self.let_go += 1
                    self.connections[number] = self.connect()
        for connection in self.connections:
            connection.close()


def visit(site: Site, body: bytes, seconds: float) -> tuple[list[float], int]:
    """Send songs, each on a new connection: seconds of the answers, and songs without one."""
    times, lost = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.monotonic()
        connection = http.client.HTTPConnection(HOST, site.port, timeout=DEADLINE_S)
        with contextlib.closing(connection):
            try:
                connection.request(
                    "POST",
                    "/api/v1/models/v1/predictions",
                    body,
                    {"Content-Type": "application/json"},
                )
                right = connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                right = False
        if right:
            times.append(time.monotonic() - started)
        else:
            lost += 1
        time.sleep(0.05)
    return times, lost


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    spec = Registry.load(Path(ROOT) / "trained_models").cards["v1"].spec
    body = json.dumps(request_of(spec, 30)).encode()
    rows = []
    with running_site(WORKERS=1) as site:
        visit(site, body, 1)
        rows += _rows("alone", *visit(site, body, SECONDS))
        for kind, (sent, trickles) in [*KINDS.items(), ("all of these", (b"", False))]:
            kinds = list(KINDS.values()) if kind == "all of these" else [(sent, trickles)]
            crowd = [Slow(site.port, *each) for each in kinds]
            threads = [threading.Thread(target=slow.run) for slow in crowd]
            for thread in threads:
                thread.start()
            time.sleep(2)
            rows += _rows(f"{EACH * len(kinds)} who {kind}", *visit(site, body, SECONDS))
            for slow in crowd:
                slow.over.set()
            for thread in threads:
                thread.join()
            assert site._process is not None
            (worker,) = children(site._process.pid)
            rows.append(row(f"{kind}: memory of the worker", look(worker).rss, "MB", 1))
            rows.append(row(f"{kind}: let go", sum(slow.let_go for slow in crowd), ""))
    return rows


def _rows(what: str, times: list[float], lost: int) -> list[dict[str, Any]]:
    milliseconds = [1000 * seconds for seconds in times] or [float("nan")]
    return [
        row(f"{what}: songs answered, new connections", len(times), ""),
        row(f"{what}: songs without an answer in {DEADLINE_S:g} s", lost, ""),
        row(f"{what}: median", float(np.median(milliseconds)), "ms", 1),
        row(f"{what}: 99 of 100 within", float(np.percentile(milliseconds, 99)), "ms", 1),
    ]
