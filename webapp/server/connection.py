"""A connection whose request and answer wait in memory, not in a thread."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import deque
from typing import Any

from gunicorn.workers.gthread import TConn

from .arrival import EXPECT, Arrival

# Bytes of an answer that one client may leave untaken without keeping a thread.
LARGEST_ANSWER = 2**25
# Bytes that are read at a time.
READ_SIZE = 2**17


class BufferedSocket(socket.socket):
    """Reads from what the main loop gathered; keeps what the client does not take.

    Attributes
    ----------
    arrived : bytes that the main loop read; `recv` gives them first.
    untaken : bytes of the answer that the client has not taken yet.
    over : whether `recv` ends behind `arrived` instead of waiting for more.
    """

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.arrived: deque[bytes] = deque()
        self.untaken: deque[bytes] = deque()
        self.over = False

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Gathered bytes, then those that arrive."""
        if not self.arrived:
            return b"" if self.over else super().recv(size, flags)
        first = self.arrived.popleft()
        if len(first) > size:
            self.arrived.appendleft(first[size:])
        return first[:size]

    def receive(self) -> bytes:
        """Bytes that arrive now, none of those that were gathered."""
        return super().recv(READ_SIZE)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send what the client takes at once and keep the rest; wait only with very much of it."""
        self.untaken.append(bytes(data))
        if self.hand_out() > LARGEST_ANSWER:
            while self.untaken:
                super().sendall(self.untaken[0], flags)
                self.untaken.popleft()

    def hand_out(self) -> int:
        """Send what the client takes; returns the number of bytes that are left."""
        with contextlib.suppress(BlockingIOError):
            while self.untaken:
                sent = super().send(self.untaken[0], socket.MSG_DONTWAIT)
                first = self.untaken.popleft()
                if sent < len(first):
                    self.untaken.appendleft(first[sent:])
        return self.left

    @property
    def left(self) -> int:
        """Number of bytes that the client has not taken."""
        return sum(map(len, self.untaken))


class Connection(TConn):  # type: ignore[misc]
    """gunicorn's connection, and what the main loop knows of its request or answer.

    Attributes
    ----------
    arrival : how much of the request is there.
    held : bytes of the request or answer that wait in memory.
    begun : when the main loop began to gather the request, or to hand out the answer.
    heard : when a byte last passed.
    """

    sock: BufferedSocket
    arrival: Arrival
    held: int
    begun: float
    heard: float

    def __init__(self, cfg: Any, client: socket.socket, address: Any, server: Any) -> None:
        super().__init__(cfg, BufferedSocket(client.detach()), address, server)

    def begin_request(self, largest_body: int) -> bytes:
        """Begin anew; returns those bytes of the request that followed the one before it."""
        data: bytes = self.parser.unreader.take_buffered() if self.parser else b""
        data += b"".join(self.sock.arrived)
        self.sock.arrived.clear()
        self.arrival = Arrival(largest_body)
        self.held = 0
        self.begun = self.heard = time.monotonic()
        return data

    def invite_body(self) -> None:
        """Send "100 Continue" to a client that waits for it; gunicorn would do it too late."""
        head, end, rest = b"".join(self.sock.arrived).partition(b"\r\n\r\n")
        # renamed, so that gunicorn does not send it a second time
        head = EXPECT.sub(b"X-Expect: invited\r", head + b"\r")[:-1]
        self.sock.arrived = deque([head + end + rest])
        with contextlib.suppress(OSError):
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def keep_rest(self) -> None:
        """Put bytes behind an answered request where the next one begins."""
        unreader = self.parser.unreader
        unreader.unread(unreader.take_buffered() + b"".join(self.sock.arrived))
        self.sock.arrived.clear()
