"""A server with one worker, under any Python, whose memory can be read. On Linux only."""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.browser.site import HOST
from tests.webapp.running import children, environment, free_port

from .setting import ROOT

START_S = 60.0
# Seconds between two questions whether it is ready.
EVERY_S = 0.005
# Variables that give the benchmark's numpy one thread; the server starts without, as for its users.
OURS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Serving:
    """`python -m webapp`, from the start of the program to its end.

    Attributes
    ----------
    ready_s : seconds from the start of the program to the first 200 of /readyz.
    """

    def __init__(self, python: str = sys.executable, **settings: object) -> None:
        self.port = free_port()
        self._command = [python, "-m", "webapp", "--port", str(self.port)]
        own = environment(settings)
        self._environment = {name: value for name, value in own.items() if name not in OURS}
        self.ready_s = 0.0

    def __enter__(self) -> Serving:
        """Start, and return when it is ready.

        Raises
        ------
        RuntimeError : with the output, when it is not ready in time.
        """
        self._log = tempfile.TemporaryFile()
        started = time.perf_counter()
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        while not self._is_ready():
            if self._process.poll() is not None or time.perf_counter() - started > START_S:
                self._log.seek(0)
                said = self._log.read().decode(errors="replace")
                self.__exit__()
                raise RuntimeError(f"the site did not start:\n{said}")
            time.sleep(EVERY_S)
        self.ready_s = time.perf_counter() - started
        (self.worker,) = children(self._process.pid)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        return False

    def resident(self) -> float:
        """MB of memory that the worker has now."""
        return self._memory("VmRSS")

    def peak(self) -> float:
        """Most MB of memory that it had since `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Begin `peak` anew."""
        Path(f"/proc/{self.worker}/clear_refs").write_text("5")

    def _memory(self, name: str) -> float:
        status = Path(f"/proc/{self.worker}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) * 1024 / 1e6
