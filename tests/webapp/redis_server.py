"""A real Redis for tests, and how they get it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.webapp.debian import unpack
from tests.webapp.running import free_port

HOST = "127.0.0.1"
# Where Debian's packages are unpacked: installed, it would run at once, for everybody.
UNPACKED = Path(sys.prefix) / "redis"
# The program, which looks at its name to know what it is, and libraries that few others need.
PACKAGES = ("redis-tools", "libjemalloc2", "liblzf1", "libatomic1")
PROGRAMS = ("redis-server", "redis-check-rdb")


def find() -> str | None:
    """Return the program, or None."""
    places = [*os.environ.get("PATH", "").split(os.pathsep), str(UNPACKED / "usr/bin")]
    found = (shutil.which(name, path=os.pathsep.join(places)) for name in PROGRAMS)
    return next((path for path in found if path), None)


def unpack_redis(update: list[str] | None) -> None:
    """Unpack Debian's Redis in the environment, where none is installed and apt can.

    Parameters
    ----------
    update : the command that brings apt's lists up to date; None where that is not allowed.
    """
    if find() or not shutil.which("apt-get"):
        return
    print("Redis for the tests: unpacking the system's package redis-tools ...", flush=True)
    unpack(PACKAGES, UNPACKED, update)


def need_redis() -> None:
    """Skip the test where there is no Redis; fail where everything must be tried."""
    if find() and importlib.util.find_spec("redis"):
        return
    missing = "Python's package redis" if find() else "the package redis-server"
    said = f"limits counted in a real Redis were not tried: install {missing}"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


class Redis:
    """A Redis on a port of its own, which keeps nothing on the disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start; return when it listens."""
        libraries = os.pathsep.join(map(str, (UNPACKED / "usr/lib").glob("*-linux-gnu*")))
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", HOST, "--save", "",
             "--appendonly", "no"],
            executable=find(),
            env={**os.environ, "LD_LIBRARY_PATH": libraries} if libraries else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 10
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection((HOST, self.port), timeout=1).close()
                return
            time.sleep(0.05)
        raise RuntimeError(f"{find()} did not start")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it without a word to its clients."""
        if self.process:
            self.process.kill()
            self.process.wait()
