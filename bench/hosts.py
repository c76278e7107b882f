"""Hosts of the site, run from the service file in docs/deploy, and the balancers that are there."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.webapp.balancers import FILES, HOST, find
from tests.webapp.running import environment

from .setting import ROOT

START_S = 60.0
PROGRAMS = {"nginx": "apt-get install nginx", "haproxy": "apt-get install haproxy"}


def missing(program: str) -> str | None:
    """A sentence that says how to install a program that is not there."""
    return None if find(program) else f"not measured: {PROGRAMS[program]}"


class WebHost:
    """`python -m webapp` with the settings of the service file, in a process group of its own."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        text = (FILES / "musiclassify.service").read_text(encoding="utf-8")
        settings = dict(re.findall(r"^Environment=MUSICLASSIFY_(\w+)=(.*)$", text, re.MULTILINE))
        self.environment = environment({**settings, "PORT": port})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, without waiting."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "webapp"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Return when the model has answered.

        Raises
        ------
        RuntimeError : with the log, when that takes too long.
        """
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/readyz", headers={"Host": "localhost"})
                if connection.getresponse().status == 200:
                    connection.close()
                    return
            connection.close()
            time.sleep(0.1)
        raise RuntimeError(f"a host did not start:\n{self.log.read_text(errors='replace')}")

    def kill(self) -> None:
        """Kill all its processes at once, as when a host loses power."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        """Tell the first process to stop, as systemd does."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
