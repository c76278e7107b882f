"""A thread worker whose threads never wait for a client.

gunicorn gives a thread to each connection that says something; the thread then waits for the rest
of the request and until the answer is read, so a few slow clients would hold up everybody. Here the
main loop gathers requests, as a proxy in front would, a thread gets one when all of it has arrived,
and what of its answer a client does not take at once is handed out by the main loop again.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import re
import selectors
import socket
import time
from collections import deque
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

# Seconds without a byte, in either direction, after which a connection is given up.
STALL = 30
# Seconds that a request or an answer may take in all, however steadily it trickles.
LONGEST = 300
# Connections of a worker; beyond them the one that has kept us waiting longest goes.
CONNECTIONS = 500
# Seconds after which a connection may have to go for others, when there is no room.
OLD = 5
# Bytes of the largest head; gunicorn refuses smaller ones already.
LARGEST_HEAD = 2**18
# Bytes of an answer that one client may leave untaken without keeping a thread.
LARGEST_ANSWER = 2**25
READ_SIZE = 2**17

LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r$", re.I | re.M)
CODING = re.compile(rb"^transfer-encoding[ \t]*:[ \t]*(.*?)[ \t]*\r$", re.I | re.M)
EXPECT = re.compile(rb"^expect[ \t]*:[ \t]*100-continue[ \t]*\r$", re.I | re.M)


class Arrival:
    """How much of a request has arrived; it judges nothing, that is gunicorn's part."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        # whether the rest of it is not waited for, so that the connection must end with it: the
        # body is larger than the limit, or the client has stalled
        self.cut = False
        self.expects = False
        self.size = 0
        self.head: bytearray | None = bytearray()
        # of the body, or of the chunk with its line end
        self.left = 0
        self.chunked = False
        self.line = bytearray()
        self.trailer = False

    def take(self, data: bytes) -> bool:
        """Note further bytes; True when a thread need not wait for more."""
        self.size += len(data)
        if self.head is None:
            return self._body(data)
        searched = max(0, len(self.head) - 3)
        self.head += data
        end = self.head.find(b"\r\n\r\n", searched)
        if end < 0:
            return len(self.head) > LARGEST_HEAD
        head, rest = bytes(self.head[: end + 2]), bytes(self.head[end + 4 :])
        self.head = None
        lengths, codings = LENGTH.findall(head), CODING.findall(head)
        self.expects = EXPECT.search(head) is not None
        if codings:
            if lengths or len(codings) > 1 or codings[0].lower() != b"chunked":
                return True  # refused
            self.chunked = True
            return self._body(rest)
        if len(lengths) != 1:
            return True  # no body, or refused
        self.left = int(lengths[0])
        self.cut = self.left > self.largest
        return self.cut or self._body(rest)

    def _body(self, data: bytes) -> bool:
        if not self.chunked:
            self.left -= len(data)
            return self.left <= 0
        # chunks that are larger than the limit together, with their frames
        self.cut = self.size > 2 * self.largest + LARGEST_HEAD
        return self.cut or self._chunks(data)

    def _chunks(self, data: bytes) -> bool:
        at = 0
        while at < len(data):
            if self.left:
                taken = min(self.left, len(data) - at)
                self.left -= taken
                at += taken
                continue
            end = data.find(b"\n", at) + 1
            self.line += data[at : end or len(data)]
            at = end or len(data)
            if len(self.line) > LARGEST_HEAD:
                return True  # refused
            if not end:
                continue
            line = bytes(self.line).strip()
            self.line.clear()
            if self.trailer:
                if not line:
                    return True
                continue
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                return True  # refused
            self.trailer = size == 0
            self.left = size + 2 if size > 0 else 0
        return False


class PatientSocket(socket.socket):
    """A connection that gives what was gathered, and keeps what the client does not take."""

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.arrived: deque[bytes] = deque()
        self.untaken: deque[bytes] = deque()
        # whether nothing more is waited for
        self.over = False

    def recv(self, size: int, flags: int = 0) -> bytes:
        """What has arrived, then what arrives."""
        if not self.arrived:
            return b"" if self.over else super().recv(size, flags)
        first = self.arrived.popleft()
        if len(first) > size:
            self.arrived.appendleft(first[size:])
        return first[:size]

    def receive(self) -> bytes:
        """What arrives now."""
        return super().recv(READ_SIZE)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send what the client takes at once, keep the rest; wait only with very much of it."""
        self.untaken.append(bytes(data))
        if self.hand_out() > LARGEST_ANSWER:
            while self.untaken:
                super().sendall(self.untaken[0], flags)
                self.untaken.popleft()

    def hand_out(self) -> int:
        """Send what the client takes; the bytes that are left."""
        with contextlib.suppress(BlockingIOError):
            while self.untaken:
                sent = super().send(self.untaken[0], socket.MSG_DONTWAIT)
                first = self.untaken.popleft()
                if sent < len(first):
                    self.untaken.appendleft(first[sent:])
        return sum(map(len, self.untaken))


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Gathers requests and hands answers out in the main loop."""

    # bytes of bodies
    largest_body: int
    # bytes that may wait here, in both directions
    room: int

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # oldest first
        self.gathering: dict[Any, None] = {}
        self.sending: dict[Any, Any] = {}
        # not listened to until there is room again
        self.paused: dict[Any, None] = {}
        # the one that is listened to without room, so that there is an end, and since when
        self.floor: Any = None
        self.floor_since = 0.0
        self.held = 0
        self.looked = 0.0

    def accept(self, listener: Any) -> None:
        """Accept a connection."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self.make_room()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, PatientSocket(client.detach()), address, listener.getsockname())
        self.enqueue_req(conn)
        if self.nr_conns > CONNECTIONS:
            self.make_room()

    def enqueue_req(self, conn: Any) -> None:
        """Begin to gather a request."""
        data = conn.parser.unreader.take_buffered() if conn.parser else b""
        data += b"".join(conn.sock.arrived)
        conn.sock.arrived.clear()
        conn.arrival = Arrival(self.largest_body)
        conn.held, conn.begun = 0, time.monotonic()
        conn.heard = conn.begun
        self.gathering[conn] = None
        try:
            conn.sock.setblocking(False)
            self._listen(conn)
        except (OSError, ValueError):
            self.drop(conn)
            return
        if data:
            self.add(conn, data)
        else:
            self.more(conn)

    def _listen(self, conn: Any) -> None:
        self.poller.register(conn.sock, selectors.EVENT_READ, functools.partial(self.more, conn))

    def more(self, conn: Any, _client: Any = None) -> None:
        """Take what arrives."""
        try:
            data = conn.sock.receive()
        except BlockingIOError:
            return
        except OSError:
            data = b""
            conn.sock.arrived.clear()
        if data:
            self.add(conn, data)
        elif conn.sock.arrived:
            self.give_to_thread(conn)
        else:
            self.drop(conn)

    def add(self, conn: Any, data: bytes) -> None:
        """Note bytes of a request."""
        conn.sock.arrived.append(data)
        self._hold(conn, len(data))
        conn.heard = time.monotonic()
        if conn.arrival.take(data):
            self.give_to_thread(conn)
            return
        if conn.arrival.expects:
            conn.arrival.expects = False
            self._invite(conn)
        if self.held > self.room and not self._has_floor(conn):
            self._forget(conn)
            self.paused[conn] = None

    def _has_floor(self, conn: Any) -> bool:
        """Whether a connection may go on without room: one at a time may."""
        if self.floor not in self.gathering:
            self.floor, self.floor_since = conn, time.monotonic()
        return self.floor is conn

    def _invite(self, conn: Any) -> None:
        """Ask for the body of a client that waits for that; gunicorn would do it too late."""
        head, end, rest = b"".join(conn.sock.arrived).partition(b"\r\n\r\n")
        head = EXPECT.sub(b"X-Expect: invited\r", head + b"\r")[:-1]
        conn.sock.arrived = deque([head + end + rest])
        with contextlib.suppress(OSError):
            conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def give_to_thread(self, conn: Any) -> None:
        """Let a thread answer: it has all that it will read."""
        self._forget(conn)
        self.gathering.pop(conn, None)
        self.paused.pop(conn, None)
        conn.data_ready = True
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, future: Any) -> None:
        """Hand out what the client has not taken of the answer, then go on."""
        self._hold(conn, -conn.held)
        left = sum(map(len, conn.sock.untaken))
        if not left:
            self.answered(conn, future)
            return
        self.sending[conn] = future
        conn.begun = conn.heard = time.monotonic()
        self._hold(conn, left)
        try:
            conn.sock.setblocking(False)
            self.poller.register(
                conn.sock, selectors.EVENT_WRITE, functools.partial(self.hand_out, conn)
            )
        except (OSError, ValueError):
            self.drop(conn)
        while self.held > self.room and self.sending:
            self.drop(next(iter(self.sending)))

    def hand_out(self, conn: Any, _client: Any) -> None:
        """Send more of an answer."""
        try:
            left = conn.sock.hand_out()
        except OSError:
            self.drop(conn)
            return
        if left < conn.held:
            conn.heard = time.monotonic()
            self._hold(conn, left - conn.held)
        if not left:
            self._forget(conn)
            self.answered(conn, self.sending.pop(conn))

    def answered(self, conn: Any, future: Any) -> None:
        """Go on with a connection whose answer has gone out."""
        if not future.cancelled() and not future.exception() and future.result():
            unreader = conn.parser.unreader
            # what follows may have arrived already
            unreader.unread(unreader.take_buffered() + b"".join(conn.sock.arrived))
            conn.sock.arrived.clear()
        super().finish_request(conn, future)

    def drop(self, conn: Any) -> None:
        """Close a connection at once."""
        self._forget(conn)
        for kept in (self.gathering, self.sending, self.paused):
            kept.pop(conn, None)
        self._hold(conn, -conn.held)
        self.nr_conns -= 1
        conn.close()

    def make_room(self) -> None:
        """Drop the connection that has kept us waiting longest."""
        if waiting := next(iter(self.gathering or self.sending), None):
            self.drop(waiting)
        elif self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0.0
            self.murder_keepalived()

    def notify(self) -> None:
        """Show a sign of life; once a second give up who has had their time."""
        super().notify()
        now = time.monotonic()
        if now < self.looked + 1:
            return
        self.looked = now
        for conn in [*self.gathering]:
            stalled = now > conn.heard + STALL and conn not in self.paused
            if now > conn.begun + LONGEST or (not conn.arrival.size and now > conn.begun + OLD):
                self.drop(conn)
            elif stalled and conn.arrival.head is None:
                # is told so
                conn.sock.over = conn.arrival.cut = True
                self.give_to_thread(conn)
            elif stalled:
                self.drop(conn)
        for conn in [*self.sending]:
            if now > min(conn.heard + STALL, conn.begun + LONGEST):
                self.drop(conn)
        for conn in [*self.gathering, *self.sending]:
            begun = self.floor_since if conn is self.floor else conn.begun
            # those that are paused wait for us
            if self.held > self.room and now > begun + OLD and conn not in self.paused:
                self.drop(conn)

    def leave_spare(self) -> None:
        """At the end of the server wait for no connection that has not begun a request."""
        for conn in self.gathering:
            if not conn.arrival.size:
                conn.begun = float("-inf")
        self.looked = 0.0

    def _hold(self, conn: Any, size: int) -> None:
        conn.held += size
        self.held += size
        while self.paused:
            waiting = next(iter(self.paused))
            if self.held > self.room and not self._has_floor(waiting):
                break
            del self.paused[waiting]
            waiting.heard = time.monotonic()
            with contextlib.suppress(OSError, ValueError):
                self._listen(waiting)

    def _forget(self, conn: Any) -> None:
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
