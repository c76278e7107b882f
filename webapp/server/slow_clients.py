"""Clients that send or read slowly, kept waiting in the main loop instead of in threads.

This is for hosts without a proxy that buffers: `MUSICLASSIFY_HOST=0.0.0.0` in a home or a school,
and free hosts whose routers pass bytes on as they come. gunicorn gives a thread to each connection
that says something; the thread then waits for the rest of the request and until the answer is read,
so four slow clients would hold up everybody. Here the main loop gathers requests as nginx does, a
thread gets one when all of it has arrived, and the main loop hands out the part of its answer that
the client does not take at once. Behind nginx or haproxy as in docs/deploy.md requests arrive whole
and this code has little to do.
"""

from __future__ import annotations

import contextlib
import functools
import selectors
import time
from collections.abc import Callable
from typing import Any

from .connection import Connection

# Seconds without a byte, in either direction, after which a connection is given up.
STALL = 30
# Seconds that a request or an answer may take in all, however steadily it trickles.
LONGEST = 300
# Connections of a worker; beyond them the one that has kept us waiting longest goes.
CONNECTIONS = 500
# Seconds after which a connection may have to go for others, when there is no room.
OLD = 5


class SlowClients:
    """Gathers requests and hands out answers; used by the main loop alone.

    Bodies and answers that wait take `room` bytes at most. Beyond that, connections are paused (not
    read) but for one, which has the floor: so at least one request becomes complete.

    Parameters
    ----------
    poller : the main loop's.
    largest_body : bytes of the largest body.
    answer : has a thread answer a connection whose request is complete.
    close : closes a connection.
    """

    def __init__(
        self,
        poller: selectors.BaseSelector,
        largest_body: int,
        *,
        answer: Callable[[Connection], None],
        close: Callable[[Connection], None],
    ) -> None:
        self._poller = poller
        self._largest_body = largest_body
        self._answer = answer
        self._close = close
        self.room = 2 * largest_body
        self.held = 0
        # oldest first
        self._gathering: dict[Connection, None] = {}
        # with what follows once the answer has gone out
        self._sending: dict[Connection, Callable[[], None]] = {}
        self._paused: dict[Connection, None] = {}
        self._floor: Connection | None = None
        self._floor_since = 0.0
        self._looked = 0.0

    # --- requests ---------------------------------------------------------------------------------

    def gather(self, conn: Connection) -> None:
        """Begin to gather a request."""
        data = conn.begin_request(self._largest_body)
        self._gathering[conn] = None
        try:
            conn.sock.setblocking(False)
            self._listen(conn)
        except (OSError, ValueError):
            self.drop(conn)
            return
        if data:
            self._add(conn, data)
        else:
            self._read(conn)

    def _read(self, conn: Connection, _client: Any = None) -> None:
        """Take what arrives; at the client's end, let a thread answer what there is."""
        try:
            data = conn.sock.receive()
        except BlockingIOError:
            return
        except OSError:
            data = b""
            conn.sock.arrived.clear()
        if data:
            self._add(conn, data)
        elif conn.sock.arrived:
            self._to_thread(conn)
        else:
            self.drop(conn)

    def _add(self, conn: Connection, data: bytes) -> None:
        conn.sock.arrived.append(data)
        self._hold(conn, len(data))
        conn.heard = time.monotonic()
        if conn.arrival.take(data):
            self._to_thread(conn)
            return
        if conn.arrival.expects:
            conn.arrival.expects = False
            conn.invite_body()
        if self.held > self.room and not self._has_floor(conn):
            self._ignore(conn)
            self._paused[conn] = None

    def _has_floor(self, conn: Connection) -> bool:
        """Whether a connection may go on without room; it takes the floor if nobody has it."""
        if self._floor not in self._gathering:
            self._floor, self._floor_since = conn, time.monotonic()
        return self._floor is conn

    def _to_thread(self, conn: Connection) -> None:
        self._ignore(conn)
        self._gathering.pop(conn, None)
        self._paused.pop(conn, None)
        self._answer(conn)

    # --- answers ----------------------------------------------------------------------------------

    def deliver(self, conn: Connection, then: Callable[[], None]) -> None:
        """Hand out what the client has not taken of its answer, then call `then`."""
        self._hold(conn, -conn.held)
        left = conn.sock.left
        if not left:
            then()
            return
        self._sending[conn] = then
        conn.begun = conn.heard = time.monotonic()
        self._hold(conn, left)
        try:
            conn.sock.setblocking(False)
            self._poller.register(
                conn.sock, selectors.EVENT_WRITE, functools.partial(self._write, conn)
            )
        except (OSError, ValueError):
            self.drop(conn)
        while self.held > self.room and self._sending:
            self.drop(next(iter(self._sending)))

    def _write(self, conn: Connection, _client: Any) -> None:
        try:
            left = conn.sock.hand_out()
        except OSError:
            self.drop(conn)
            return
        if left < conn.held:
            conn.heard = time.monotonic()
            self._hold(conn, left - conn.held)
        if not left:
            self._ignore(conn)
            self._sending.pop(conn)()

    # --- ends -------------------------------------------------------------------------------------

    def drop(self, conn: Connection) -> None:
        """Close a connection at once."""
        self._ignore(conn)
        self._gathering.pop(conn, None)
        self._sending.pop(conn, None)
        self._paused.pop(conn, None)
        self._hold(conn, -conn.held)
        self._close(conn)

    def drop_oldest(self) -> bool:
        """Close the connection that has kept us waiting longest; False if there is none."""
        oldest = next(iter(self._gathering), None) or next(iter(self._sending), None)
        if oldest is not None:
            self.drop(oldest)
        return oldest is not None

    def drop_silent(self) -> None:
        """At the end of the server: wait for no connection that has not begun a request."""
        for conn in self._gathering:
            if not conn.arrival.size:
                conn.begun = float("-inf")
        # signal handlers call this: the main loop does the rest, at its next check
        self._looked = 0.0

    def check(self) -> None:
        """Once a second, give up the connections whose time is over."""
        now = time.monotonic()
        if now < self._looked + 1:
            return
        self._looked = now
        for conn in [*self._gathering]:
            stalled = now > conn.heard + STALL and conn not in self._paused
            if now > conn.begun + LONGEST or (not conn.arrival.size and now > conn.begun + OLD):
                self.drop(conn)
            elif stalled and conn.arrival.in_body:
                # the app answers that the body is incomplete
                conn.sock.over = conn.arrival.cut = True
                self._to_thread(conn)
            elif stalled:
                self.drop(conn)
        for conn in [*self._sending]:
            if now > min(conn.heard + STALL, conn.begun + LONGEST):
                self.drop(conn)
        for conn in [*self._gathering, *self._sending]:
            begun = self._floor_since if conn is self._floor else conn.begun
            # paused connections wait for us
            if self.held > self.room and now > begun + OLD and conn not in self._paused:
                self.drop(conn)

    # --- room and poller --------------------------------------------------------------------------

    def _hold(self, conn: Connection, size: int) -> None:
        """Count further bytes of a connection; go on with paused ones while there is room."""
        conn.held += size
        self.held += size
        while self._paused:
            waiting = next(iter(self._paused))
            if self.held > self.room and not self._has_floor(waiting):
                break
            del self._paused[waiting]
            waiting.heard = time.monotonic()
            with contextlib.suppress(OSError, ValueError):
                self._listen(waiting)

    def _listen(self, conn: Connection) -> None:
        self._poller.register(conn.sock, selectors.EVENT_READ, functools.partial(self._read, conn))

    def _ignore(self, conn: Connection) -> None:
        with contextlib.suppress(OSError, KeyError, ValueError):
            self._poller.unregister(conn.sock)
