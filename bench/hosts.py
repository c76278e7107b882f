"""Hosts of the site and balancers in front of them, run from the files in docs/deploy."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.webapp.running import environment, free_port

from .setting import ROOT

HOST = "127.0.0.1"
NAME = "music.example"
FILES = ROOT / "docs" / "deploy"
# Ports in the files, by what listens on them.
PORTS = {"a": 5001, "b": 5002, "http": 80, "https": 443}
START_S = 60.0
PROGRAMS = {"nginx": "apt-get install nginx-light", "haproxy": "apt-get install haproxy"}


def missing(program: str) -> str | None:
    """A sentence that says how to install a program that is not there."""
    return None if _find(program) else f"not measured: {PROGRAMS[program]}"


def _find(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


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


class Balancer:
    """nginx or haproxy with the file of docs/deploy; only ports and folders are replaced."""

    def __init__(self, program: str, folder: Path, ports: dict[str, int]) -> None:
        self.program = program
        self.folder = folder
        self.ports = ports
        self.log = folder / "musiclassify.log"
        _certificate(folder)
        self.trust = ssl.create_default_context(cafile=folder / "musiclassify.crt")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Port of TLS."""
        return self.ports["https"]

    def start(self) -> None:
        """Start; return when it listens."""
        command = self._nginx() if self.program == "nginx" else self._haproxy()
        out = self.log if self.program == "haproxy" else self.folder / "output.log"
        with out.open("ab") as log:
            self.process = subprocess.Popen(
                [str(_find(self.program)), *command],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 10
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection((HOST, self.port), timeout=1).close()
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.program} did not start:\n{out.read_text(errors='replace')}")

    def stop(self) -> None:
        """End it, after its running requests."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT if self.program == "nginx" else signal.SIGUSR1)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def lines(self) -> Iterator[dict[str, Any]]:
        """The requests in its log."""
        for line in self.log.read_text(encoding="utf-8").splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def connect(self) -> http.client.HTTPSConnection:
        """A client's connection."""
        return _Client(self.port, self.trust)

    def _text(self, name: str) -> str:
        text = (FILES / name).read_text(encoding="utf-8")
        for who in ("a", "b"):
            text = text.replace(f"{HOST}:{PORTS[who]}", f"{HOST}:{self.ports[who]}")
        return text

    def _nginx(self) -> list[str]:
        text = self._text("nginx.conf")
        for who in ("http", "https"):
            text = re.sub(rf"listen {PORTS[who]}\b", f"listen {HOST}:{self.ports[who]}", text)
        for place in ("/var/log/nginx", "/var/cache/nginx"):
            text = text.replace(place, str(self.folder))
        (self.folder / "site.conf").write_text(text, encoding="utf-8")
        temporary = "".join(
            f"    {kind}_temp_path {self.folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        frame = (
            "daemon off;\nworker_processes auto;\n"
            f"pid {self.folder}/nginx.pid;\nerror_log {self.folder}/output.log warn;\n"
            "events { worker_connections 512; }\n"
            f"http {{\n{temporary}    include site.conf;\n}}\n"
        )
        (self.folder / "nginx.conf").write_text(frame, encoding="utf-8")
        return ["-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]

    def _haproxy(self) -> list[str]:
        text = self._text("haproxy.cfg")
        for who in ("http", "https"):
            text = re.sub(rf"bind :{PORTS[who]}\b", f"bind {HOST}:{self.ports[who]}", text)
        text = text.replace("/etc/haproxy", str(self.folder))
        (self.folder / "haproxy.cfg").write_text(text, encoding="utf-8")
        return ["-db", "-f", str(self.folder / "haproxy.cfg")]


class _Client(http.client.HTTPSConnection):
    """Connects to 127.0.0.1 and expects the certificate of the site's name."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        super().__init__(NAME, port, timeout=60)
        self.trust = trust

    def connect(self) -> None:
        """Connect, and check the certificate."""
        plain = socket.create_connection((HOST, self.port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.trust.wrap_socket(plain, server_hostname=NAME)


def _certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
         "-keyout", "musiclassify.key", "-out", "musiclassify.crt"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    both = [(folder / f"musiclassify.{end}").read_text() for end in ("crt", "key")]
    (folder / "musiclassify.pem").write_text("".join(both))


def free_ports() -> dict[str, int]:
    """A free port for each port in the files."""
    return {who: free_port() for who in PORTS}
