"""The worker: gunicorn's thread worker, with the waiting for clients in other hands."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import signal
import socket
import struct
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from .. import memory
from . import slow_clients
from .bad_http import refusal
from .connection import Connection
from .endings import Deadlines, Partings
from .flags import CLOSING
from .slow_clients import SlowClients

# There is no connection to accept, or it has gone again.
NOTHING_CAME = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)
NO_FILES_LEFT = (errno.EMFILE, errno.ENFILE)


class SiteWorker(ThreadWorker):  # type: ignore[misc]
    """Accepts connections and answers their requests in threads, which never wait for a client.

    Nothing that a client sent is logged. `clients` gathers requests and hands out answers,
    `partings` closes answered connections, `deadlines` frees threads, `tidying` memory; all four
    belong to the main loop.
    """

    clients: SlowClients
    partings: Partings
    deadlines: Deadlines
    tidying: memory.Tidying

    # --- start ------------------------------------------------------------------------------------

    def init_signals(self) -> None:
        """While the model loads there is nothing to finish: leave at once when told to stop."""
        super().init_signals()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, lambda *_: os._exit(0))

    def load_wsgi(self) -> None:
        """Load the app and its model; from then on stop in the orderly way."""
        memory.share()
        super().load_wsgi()
        largest_body = self.app.plan.settings.max_body_bytes
        self.clients = SlowClients(
            self.poller, largest_body, answer=self.answer, close=self.close_now
        )
        self.partings = Partings(self.poller, self.close_now)
        self.deadlines = Deadlines(slow_clients.LONGEST)
        self.tidying = memory.Tidying()
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        # a terminal sends Ctrl-C to all its processes; the arbiter tells the worker what to do
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    # --- main loop --------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Accept a connection; close the oldest one when there are too many."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in NO_FILES_LEFT:
                self.make_room()
            # at the end of the server the first worker closes the listener for all
            elif error.errno not in NOTHING_CAME and not self.app.flags[CLOSING]:
                raise
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self.cfg, client, address, listener.getsockname()))
        if self.nr_conns > slow_clients.CONNECTIONS:
            self.make_room()

    def make_room(self) -> None:
        """Close the connection that has kept us waiting longest."""
        if not self.clients.drop_oldest() and self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0.0
            self.murder_keepalived()

    def close_now(self, conn: Connection) -> None:
        """Close a connection without waiting for its client."""
        self.nr_conns -= 1
        conn.close()

    def enqueue_req(self, conn: Connection) -> None:
        """Gather a request before a thread gets it."""
        self.clients.gather(conn)

    def answer(self, conn: Connection) -> None:
        """Let a thread answer a request that is complete."""
        conn.data_ready = True
        super().enqueue_req(conn)

    def finish_request(self, conn: Connection, future: Any) -> None:
        """Hand out the rest of the answer, then go on with the connection."""
        self.clients.deliver(conn, functools.partial(self.go_on, conn, future))

    def go_on(self, conn: Connection, future: Any) -> None:
        """Wait for the next request on a connection whose answer has gone out, or close it."""
        failed = future.cancelled() or future.exception()
        if not failed and not future.result():
            self.partings.begin(conn)
            return
        if not failed:
            conn.keep_rest()
        super().finish_request(conn, future)

    def notify(self) -> None:
        """Show a sign of life, every second at least; end the connections whose time is over."""
        super().notify()
        self.clients.check()
        self.partings.check()
        self.deadlines.check()
        self.tidying.check()

    # --- threads ----------------------------------------------------------------------------------

    def handle(self, conn: Connection) -> Any:
        """Answer a request."""
        # Time-outs of the system: gunicorn takes Python's off the socket for each request.
        timeval = struct.pack("ll", slow_clients.STALL, 0)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, timeval)
        with self.deadlines.of(conn):
            return super().handle(conn)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer; a connection whose body was not waited for ends with that."""
        if conn.arrival.cut:
            req.force_close()
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Read a body that the app did not read to its end, so that the next request is heard.

        gunicorn gives up after 64 kB and closes the connection, on which the client still sends.
        """
        return bool(keepalive and not conn.arrival.cut and conn.parser.finish_body())

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer malformed HTTP, which never reaches the app, in the app's own way."""
        status = HTTPStatus.BAD_REQUEST
        if isinstance(exc, LimitRequestLine | LimitRequestHeaders):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        elif not isinstance(exc, ParseException):
            self.log.error("Internal error: %s", type(exc).__name__)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        error, headers, body = refusal(status, self.app.plan.settings.max_body_bytes)
        _count_error(self.wsgi, error.code)
        head = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            "Connection: close",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        # the client may be gone already
        with contextlib.suppress(OSError):
            client.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    # --- end --------------------------------------------------------------------------------------

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop after the running requests, without waiting for connections that say nothing."""
        super().handle_exit(sig, frame)
        self.clients.drop_silent()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop to accept connections; at the end of the server take all that wait.

        The system would keep further connections waiting until the last worker has gone, and cut
        them then, with requests that were sent. So those that wait are taken, and further ones
        refused at once: a proxy then asks another host.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive or not self.app.flags[CLOSING]:
            return
        for listener in self.sockets:
            before = -1
            while before != self.nr_conns:
                before = self.nr_conns
                self.accept(listener)
            # closes it in all workers; the first one does it
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _count_error(app: Any, code: str) -> None:
    # imported late: see settings.METRICS_FOLDER
    from ..metrics import metrics_of

    metrics_of(app).errors.labels(code).inc()
