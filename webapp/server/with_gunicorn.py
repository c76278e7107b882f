"""The WSGI server everywhere but on Windows: gunicorn with threads, inside this program.

Each model is loaded in the worker, after the fork: TensorFlow hangs in the child otherwise.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import tempfile
import time
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from gunicorn.glogging import Logger
from gunicorn.http import wsgi

from .. import logs
from ..settings import METRICS_FOLDER
from ..state import site_of
from . import slow_clients
from .flags import CLOSING, DRAINING, READY, shared_flags
from .plan import CANNOT_START, Plan
from .worker import SiteWorker

# Seconds that running requests get to finish after Ctrl-C or SIGTERM.
GRACE = 15
# Seconds without a sign of life after which a worker is replaced; loading TensorFlow counts.
SILENCE = 180
# gunicorn's words about a worker that could not load its model; `Plan.load` has said why.
NOISE = ("Worker (pid:%s) exited with code %s.", "Shutting down: %s", "Reason: %s")

# the header Server: no hint at which program's faults to try
wsgi.SERVER = "MusiClassify"


class SiteArbiter(Arbiter):  # type: ignore[misc]
    """The first process: starts workers, and lets them finish on Ctrl-C as on SIGTERM.

    A second Ctrl-C ends them at once.
    """

    def __init__(self, app: Server) -> None:
        super().__init__(app)
        # when draining is over; None until a signal begins it
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
        self.app.flags[DRAINING] = 1
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
        """Start workers, unless one died while it loaded: the next ones would die, too."""
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
        """Let the workers finish what they have, and take nothing new."""
        self.app.flags[CLOSING] = 1
        self.app.tell_systemd("STOPPING=1")
        super().stop(graceful)
        logs.life.info("Stopped", extra=logs.event("server_stopped"))


class SiteLogger(Logger):  # type: ignore[misc]
    """Writes errors of the server itself, nothing about requests."""

    def setup(self, cfg: Any) -> None:
        """Drop gunicorn's words about an expected end and about connections that stall."""
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
        self.flags = shared_flags()
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
            "worker_class": SiteWorker,
            "logger_class": SiteLogger,
            # warnings would hold addresses and headers of malformed requests
            "loglevel": "error",
            "timeout": SILENCE,
            "graceful_timeout": GRACE,
            "keepalive": 5,
            # some more than are kept: the worker closes the oldest itself
            "worker_connections": slow_clients.CONNECTIONS + 100,
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
        app = self.plan.load()
        if app is None:
            sys.exit(Arbiter.APP_LOAD_ERROR)
        site_of(app).leaving = lambda: bool(self.flags[DRAINING])
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

    def greet(self, worker: SiteWorker) -> None:
        """Say once that the site is ready."""
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
            os.environ[METRICS_FOLDER] = folder
        try:
            SiteArbiter(Server(plan)).run()
        except SystemExit as end:
            if os.getpid() != arbiter_pid:
                # in a worker: its status tells the arbiter why it ended; nothing to clean up here
                os._exit(end.code if isinstance(end.code, int) else 1)
            return CANNOT_START if end.code else 0
    return 0


def _bury(_server: Arbiter, worker: SiteWorker) -> None:
    """Note the end of a worker, in the log and in the numbers that the processes share."""
    logs.life.info(
        "Worker %d stopped", worker.pid, extra=logs.event("worker_stopped", worker=worker.pid)
    )
    if os.environ.get(METRICS_FOLDER):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
