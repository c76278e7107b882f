"""The WSGI server everywhere but on Windows: gunicorn with threads, inside this program.

Each model is loaded in the worker, after the fork: TensorFlow hangs in the child otherwise.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import mmap
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.errors import HaltServer  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.http import wsgi  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

from . import logs, patience
from .errors import error_body, http_error
from .loading import load
from .patience import PatientWorker
from .security import HEADERS, UNKEPT
from .serving import CANNOT_START
from .state import site_of

if TYPE_CHECKING:
    from .serving import Plan

# Seconds that running requests get to finish after Ctrl-C or SIGTERM.
GRACE = 15
# Seconds without a sign of life after which a worker is replaced; loading TensorFlow counts.
SILENCE = 180
# Seconds that an answered client gets to close its side of a connection that ends.
PARTING = 2
# Places of the bytes that all processes of a server see: some worker has been ready; the server
# answers, but is about to stop; it takes nothing new.
READY, LEAVING, CLOSING = range(3)
# gunicorn's own words around a worker that could not load; ours stand above them
NOISE = ("Worker (pid:%s) exited with code %s.", "Shutting down: %s", "Reason: %s")

# in the header Server: no hint at which program's faults to try
wsgi.SERVER = "MusiClassify"


class QuietArbiter(Arbiter):  # type: ignore[misc]
    """Lets running requests finish on Ctrl-C, as on SIGTERM; a second Ctrl-C ends them."""

    def __init__(self, app: Server) -> None:
        super().__init__(app)
        # when to stop for good; none as long as nobody said so
        self.end: float | None = None
        self.told_ready = False
        # a closed terminal hangs its programs up; elsewhere SIGHUP asks for new workers
        self.on_terminal = sys.stdin is not None and sys.stdin.isatty()

    def handle_int(self) -> None:
        """Stop gracefully."""
        raise StopIteration

    def handle_term(self) -> None:
        """Stop gracefully, after the time that load balancers get to turn away."""
        seconds = self.app.plan.settings.drain_seconds
        if self.end is not None or not seconds or not self.app.flags[READY]:
            raise StopIteration
        self.app.flags[LEAVING] = 1
        self.end = time.monotonic() + seconds
        logs.life.info(
            "Stopping in %d s", seconds, extra=logs.event("server_draining", seconds=seconds)
        )

    def handle_hup(self) -> None:
        """Replace the workers one for one; end with the terminal."""
        if self.on_terminal:
            raise StopIteration
        super().handle_hup()

    def manage_workers(self) -> None:
        """Start workers, but not again when they die while loading: the next ones would, too."""
        if self.end is not None and time.monotonic() >= self.end:
            raise StopIteration
        if self.worker_age and not self.WORKERS and not self.app.flags[READY]:
            logs.complain(
                "The model could not be loaded: the process ended without a word. With the "
                "setting MUSICLASSIFY_LOG_LEVEL=debug its libraries may say more."
            )
            raise HaltServer("no worker became ready", self.APP_LOAD_ERROR)
        if self.app.flags[READY] and not self.told_ready:
            self.told_ready = True
            self.app.tell_systemd("READY=1")
        super().manage_workers()

    def stop(self, graceful: bool = True) -> None:
        """Let the workers finish what they have, and nobody begin anything new."""
        self.app.flags[CLOSING] = 1
        self.app.tell_systemd("STOPPING=1")
        super().stop(graceful)
        logs.life.info("Stopped", extra=logs.event("server_stopped"))


class QuietWorker(PatientWorker):
    """A worker that never logs what a client sent, nor waits for it without end."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.largest_body = self.app.plan.settings.max_body_bytes
        self.room = 2 * self.largest_body
        # when the thread of a connection must be free again
        self.ends: dict[Any, float] = {}
        # when an answered connection is closed, whether or not its client has closed its side
        self.parting: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        """Answer a request that has arrived; only an endless answer could still take long."""
        # the system's own: gunicorn takes Python's timeout off the socket for each request
        timeval = struct.pack("ll", patience.STALL, 0)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, timeval)
        self.ends[conn] = time.monotonic() + patience.LONGEST
        try:
            return super().handle(conn)
        finally:
            del self.ends[conn]

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer; a connection whose body was not waited for ends with that."""
        if conn.arrival.cut:
            req.force_close()
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Take a body that was refused unread to its end, so that the next request is heard.

        gunicorn gives up after 64 kB and closes the connection, on which the client sends on.
        """
        return bool(keepalive and not conn.arrival.cut and conn.parser.finish_body())

    def answered(self, conn: Any, future: Any) -> None:
        """Go on with a connection after a request, or begin to close it.

        gunicorn waits for each client to close its side, two seconds at most, in the thread that
        everybody needs: a dozen clients that do not would hold the worker up for half a minute.
        """
        if future.cancelled() or future.exception() or future.result():
            super().answered(conn, future)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(
                conn.sock, selectors.EVENT_READ, functools.partial(self.read_away, conn)
            )
        except (OSError, ValueError):
            self.nr_conns -= 1
            conn.close()
        else:
            self.parting[conn] = time.monotonic() + PARTING

    def read_away(self, conn: Any, client: Any) -> None:
        """Drop what a client still sends; the answer could be lost with it. Close at its end."""
        try:
            sent = client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            sent = b""
        if not sent:
            self.part(conn)

    def part(self, conn: Any) -> None:
        """Close an answered connection."""
        del self.parting[conn]
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def notify(self) -> None:
        """Show a sign of life, every second; cut connections that have had their time."""
        super().notify()
        for conn, end in self.parting.copy().items():
            if time.monotonic() > end:
                self.part(conn)
        for conn, end in self.ends.copy().items():
            if time.monotonic() > end:
                # frees the thread, which waits in a read or a write
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def accept(self, listener: Any) -> None:
        """Accept a connection; none comes from a listener that another worker closed for all."""
        try:
            super().accept(listener)
        except OSError:
            if not self.app.flags[CLOSING]:
                raise

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop to accept connections; at the end of the server take all that wait.

        The system would keep connections waiting until the last worker has gone, and cut them
        then, with requests that were sent. So they are taken, and further ones refused at once:
        a proxy then asks another host.
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

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop after the running requests, without waiting for spare connections."""
        super().handle_exit(sig, frame)
        self.leave_spare()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what never reaches the app, in the app's own way: malformed HTTP."""
        status = HTTPStatus.BAD_REQUEST
        if isinstance(exc, LimitRequestLine | LimitRequestHeaders):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        elif not isinstance(exc, ParseException):
            self.log.error("Internal error: %s", type(exc).__name__)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        error = http_error(status)
        _count_error(self.wsgi, error.code)
        body = msgspec.json.encode(error_body(error))
        head = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            "Connection: close",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in (HEADERS | UNKEPT).items()),
        ]
        # a client that is gone already gets nothing
        with contextlib.suppress(OSError):
            client.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def init_signals(self) -> None:
        """While the model loads there is nothing to finish: leave at once when told to stop."""
        super().init_signals()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, lambda *_: os._exit(0))

    def load_wsgi(self) -> None:
        """Load the app and its model, then stop in the orderly way."""
        super().load_wsgi()
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        # a terminal sends Ctrl-C to all its processes; the arbiter tells the worker what to do
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class QuietLogger(Logger):  # type: ignore[misc]
    """Writes errors of the server itself, nothing about requests."""

    def setup(self, cfg: Any) -> None:
        """Drop the words about an expected end and about connections that stall."""
        super().setup(cfg)
        self.error_log.addFilter(_without_noise)
        if logs.is_json():
            for handler in self.error_log.handlers:
                handler.setFormatter(logs.JsonFormatter())


def _without_noise(record: logging.LogRecord) -> bool:
    stalled = record.exc_info is not None and record.exc_info[0] is BlockingIOError
    return record.msg not in NOISE and not stalled


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured by the plan alone."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        # bytes that all processes see
        self.flags = mmap.mmap(-1, 3)
        # gunicorn would tell systemd that all is ready while the models are still being loaded
        self.systemd = os.environ.pop("NOTIFY_SOCKET", "")
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        settings = self.plan.settings
        for name, value in {
            "bind": self.plan.bind,
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": QuietWorker,
            "logger_class": QuietLogger,
            # warnings would hold addresses and headers of malformed requests
            "loglevel": "error",
            "timeout": SILENCE,
            "graceful_timeout": GRACE,
            "keepalive": 5,
            # room for those that are just being let go
            "worker_connections": patience.CONNECTIONS + 100,
            # it would wait without end for a client that does not read
            "sendfile": False,
            "control_socket_disable": True,
            # by itself it believes X-Forwarded-Proto and SCRIPT_NAME of everybody on this computer
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "forwarder_headers": "",
            "proc_name": "musiclassify",
            "post_worker_init": self.greet,
            "child_exit": _bury,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Create the app and load its model; called in each worker.

        A failure ends the whole server: a new worker would fail in the same way.
        """
        app = load(self.plan)
        if app is None:
            sys.exit(Arbiter.APP_LOAD_ERROR)
        site_of(app).leaving = lambda: bool(self.flags[LEAVING])
        return app

    def tell_systemd(self, state: str) -> None:
        """Tell systemd how the service is, if it asked for that."""
        if self.systemd:
            with (
                contextlib.suppress(OSError),
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to,
            ):
                # a name that begins with @ belongs to no file
                to.sendto(state.encode(), self.systemd.replace("@", "\0", 1))

    def greet(self, worker: QuietWorker) -> None:
        """Say once that the site is there."""
        self.flags[READY] = 1
        if worker.age == 1:
            self.plan.greet()
        logs.life.info("Worker started", extra=logs.event("worker_started"))


def serve(plan: Plan) -> int:
    """Serve until Ctrl-C or SIGTERM; returns the exit status."""
    try:
        tempfile.gettempdir()
    except OSError:
        logs.complain(
            "No folder for temporary files can be written to: the disk is full or read-only. Make "
            "room, or name another folder: TMPDIR=/dev/shm."
        )
        return CANNOT_START
    arbiter_pid = os.getpid()
    with tempfile.TemporaryDirectory(prefix="musiclassify-") as folder:
        if plan.settings.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            QuietArbiter(Server(plan)).run()
        except SystemExit as end:
            if os.getpid() != arbiter_pid:
                # in a worker: its status tells the arbiter why it ended; nothing to clean up here
                os._exit(end.code if isinstance(end.code, int) else 1)
            return CANNOT_START if end.code else 0
    return 0


def _count_error(app: Any, code: str) -> None:
    from .metrics import metrics_of

    metrics_of(app).errors.labels(code).inc()


def _bury(_server: Arbiter, worker: QuietWorker) -> None:
    logs.life.info(
        "Worker %d stopped", worker.pid, extra=logs.event("worker_stopped", worker=worker.pid)
    )
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
