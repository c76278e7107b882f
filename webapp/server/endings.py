"""How connections end: answered ones that close, and those whose thread must be free again."""

from __future__ import annotations

import contextlib
import functools
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from .connection import Connection

# Seconds that an answered client gets to close its side of a connection that ends.
PARTING = 2


class Partings:
    """Answered connections that wait for their client's side to close.

    gunicorn waits for that in the main loop, two seconds for each: a dozen clients that do not
    close would hold everybody up for half a minute.

    Parameters
    ----------
    poller : the main loop's.
    close : closes a connection.
    """

    def __init__(self, poller: selectors.BaseSelector, close: Callable[[Connection], None]) -> None:
        self._poller = poller
        self._close = close
        # connection -> when it is closed in any case
        self._ends: dict[Connection, float] = {}

    def begin(self, conn: Connection) -> None:
        """Close our side, and the connection as soon as its client closes the other."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self._poller.register(
                conn.sock, selectors.EVENT_READ, functools.partial(self._read_away, conn)
            )
        except (OSError, ValueError):
            self._close(conn)
        else:
            self._ends[conn] = time.monotonic() + PARTING

    def _read_away(self, conn: Connection, client: Any) -> None:
        """Drop bytes that still arrive: closing before they are read could lose the answer."""
        try:
            sent = client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            sent = b""
        if not sent:
            self._end(conn)

    def _end(self, conn: Connection) -> None:
        del self._ends[conn]
        with contextlib.suppress(OSError, KeyError, ValueError):
            self._poller.unregister(conn.sock)
        self._close(conn)

    def check(self) -> None:
        """Close the connections whose time is over."""
        now = time.monotonic()
        for conn, end in self._ends.copy().items():
            if now > end:
                self._end(conn)


class Deadlines:
    """When the threads that answer must be free again.

    Parameters
    ----------
    seconds : that a thread has for a request.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[Connection, float] = {}

    @contextlib.contextmanager
    def of(self, conn: Connection) -> Iterator[None]:
        """Watch a connection while a thread answers it."""
        self._ends[conn] = time.monotonic() + self._seconds
        try:
            yield
        finally:
            del self._ends[conn]

    def check(self) -> None:
        """Cut the connections whose time is over: the read or write in their thread then fails."""
        now = time.monotonic()
        for conn, end in self._ends.copy().items():
            if now > end:
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)
