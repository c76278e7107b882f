"""The real site as a process of its own, and a recorder to stand in front of it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.webapp.running import ROOT, environment, free_port

__all__ = ["HOST", "ROOT", "Recorder", "Site"]

HOST = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 30


class Site:
    """`python -m webapp` with the given settings; may be stopped and started again.

    Without the setting MODEL it is v1 that answers, whichever version is recommended. `root` is
    where the program lies: this repository, or a copy whose files may be changed.
    """

    root = ROOT

    def __init__(self, log: Path, **settings: object):
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.log = log
        self._environment = environment({"MODEL": "v1", **settings})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when the model has answered once.

        Raises
        ------
        RuntimeError : with the log, when the site ends or is not ready in time.
        """
        command = [sys.executable, "-m", "webapp", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{self.url}/readyz", timeout=5).close()
                return
            time.sleep(0.2)
        raise RuntimeError(f"the site did not start:\n{self.log.read_text(errors='replace')}")

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._process is not None

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM if os.name == "nt" else signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class Recorder:
    """A TCP relay to the site that keeps every byte that was sent towards it."""

    def __init__(self, port: int):
        self._target = port
        self._streams: list[bytearray] = []
        self._server = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no further connections."""
        self._server.close()

    @property
    def sent(self) -> bytes:
        """All that reached the server's side, one connection after the other."""
        return b"\n".join(bytes(stream) for stream in self._streams)

    def requests(self) -> list[tuple[str, bytes]]:
        """Request line and body of every request."""
        found = []
        for stream in self._streams:
            rest = bytes(stream)
            while rest:
                head, _, rest = rest.partition(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines)
                assert "transfer-encoding" not in headers
                length = int(headers.get("content-length", 0))
                found.append((first, rest[:length]))
                rest = rest[length:]
        return found

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            stream = bytearray()
            self._streams.append(stream)
            server = socket.create_connection((HOST, self._target))
            for source, sink, kept in ((client, server, stream), (server, client, None)):
                threading.Thread(target=_relay, args=(source, sink, kept), daemon=True).start()


def _relay(source: socket.socket, sink: socket.socket, kept: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if kept is not None:
                kept += data
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    # the other direction's thread may still read; the last one to come here closes for both
    source.close()
