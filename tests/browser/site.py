"""The real site in its own process, and a relay that records the requests to it."""

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
    """A process `python -m webapp` with given settings, which can be stopped and started again.

    v1 answers unless the setting MODEL names another version. `root` is the folder of the program:
    this repository, or a copy whose files a test may change.
    """

    root = ROOT

    def __init__(self, log: Path, **settings: object):
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.log = log
        self._environment = environment({"MODEL": "v1", **settings})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and return when its model has answered once.

        Raises
        ------
        RuntimeError : the site has ended or is not ready in time; the text has the log.
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
        """Whether the site was started and not stopped since."""
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
    """A TCP relay to the site, which keeps every byte that is sent to the site."""

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
        """All bytes that were sent to the site, one connection after the other."""
        return b"\n".join(bytes(stream) for stream in self._streams)

    def requests(self) -> list[tuple[str, bytes]]:
        """Return request line and body of every request."""
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
    # Close only this thread's source: the thread of the other direction may still read.
    source.close()
