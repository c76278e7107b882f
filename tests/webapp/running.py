"""Real servers and terminals for tests."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[2]
# gunicorn and waitress leave files open until the program ends
PYTHON = (sys.executable, "-W", "error", "-W", "ignore::ResourceWarning")
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """This program's environment with these settings and none that the developer has set."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MUSICLASSIFY_")}
    return kept | {f"MUSICLASSIFY_{name}": str(value) for name, value in settings.items()}


def children(parent: int) -> list[int]:
    """All processes below one: its own, those of its own, and so on; on Linux only."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        below.setdefault(int(fields[1]), []).append(int(folder.name))
    found = []
    left = [parent]
    while left:
        more = below.get(left.pop(), [])
        found += more
        left += more
    return found


class Program:
    """A program whose output is read as it comes; on a terminal of its own if asked."""

    def __init__(
        self, arguments: Sequence[str], *, terminal: bool = False, **settings: object
    ) -> None:
        environ = {**environment(settings), "PYTHONUNBUFFERED": "1", "TERM": "dumb"}
        self.terminal = terminal
        if terminal:
            self.fd, inside = os.openpty()
        else:
            self.fd, inside = os.pipe()
        self.process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env=environ,
            stdin=inside if terminal else subprocess.DEVNULL,
            stdout=inside,
            stderr=inside,
            # as in a shell: Ctrl-C reaches the whole group
            start_new_session=True,
        )
        os.close(inside)
        self.output = ""

    def read(self, timeout: float) -> bool:
        """Take what has come in; False at the end."""
        if not select.select([self.fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            # the last program on the terminal ended
            return False
        self.output += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)

    def expect(self, pattern: str, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait for output that matches, and fail with all of it otherwise."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.output)):
            left = deadline - time.monotonic()
            if left <= 0 or not self.read(left):
                raise AssertionError(f"{pattern!r} did not come:\n{self.output}")
        return found

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def interrupt(self, number: int = signal.SIGINT) -> None:
        os.killpg(self.process.pid, number)

    def end(self, seconds: float = PATIENCE) -> int:
        """Wait for the end and return the exit status."""
        deadline = time.monotonic() + seconds
        while self.read(max(0.0, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                raise AssertionError(f"did not end in {seconds} s:\n{self.output}")
        return self.process.wait(timeout=max(1.0, deadline - time.monotonic()))

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.fd)


@contextlib.contextmanager
def program(*arguments: str, terminal: bool = False, **settings: object) -> Iterator[Program]:
    running = Program(arguments, terminal=terminal, **settings)
    try:
        yield running
    finally:
        running.close()


class Server(Program):
    """`python -m webapp` on a free port."""

    def __init__(
        self,
        *options: str,
        command: Sequence[str] = ("-m", "webapp"),
        terminal: bool = False,
        **settings: object,
    ) -> None:
        self.port = free_port()
        arguments = [*PYTHON, *command, "--port", str(self.port), *options]
        super().__init__(arguments, terminal=terminal, **settings)

    def wait_ready(self) -> None:
        self.expect(r"is ready: http://127\.0\.0\.1:\d+/.*\n")

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = dict(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        return raw(self.port, data)


def raw(port: int, data: bytes) -> bytes:
    """Send bytes as they are and read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(data)
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            # A server that refuses early may have closed by now; its answer can be read.
            if error.errno != errno.ENOTCONN:
                raise
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)


@contextlib.contextmanager
def server(*options: str, **settings: Any) -> Iterator[Server]:
    running = Server(*options, **settings)
    try:
        yield running
    finally:
        running.close()


def events(site: Server) -> list[dict[str, Any]]:
    """The lines of the log so far, each a JSON object."""
    while site.read(0.2):
        if not site.output or site.output.endswith("\n"):
            break
    return [json.loads(line) for line in site.output.splitlines()]


def workers(site: Server) -> set[int]:
    """Ids of workers that logged their start, without those whose end was logged."""
    found = events(site)
    started = {event["pid"] for event in found if event["event"] == "worker_started"}
    return started - {event["worker"] for event in found if event["event"] == "worker_stopped"}


def wait_for(what: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def numbers(text: str) -> dict[str, float]:
    """Sums over all labels, by the names of the samples."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums
