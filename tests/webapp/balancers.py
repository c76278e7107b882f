"""nginx and haproxy with the files of docs/deploy, and how tests get nginx."""

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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.debian import unpack
from tests.webapp.running import ROOT, free_port

HOST = "127.0.0.1"
# of the certificate, and in nginx.conf
NAME = "music.example"
FILES = ROOT / "docs" / "deploy"
# Ports in the files, by what listens on them.
PORTS = {"a": 5001, "b": 5002, "http": 80, "https": 443}
PLACES = ("/usr/sbin", "/usr/local/sbin")
# Where Debian's package is unpacked: installed, it would serve a page of its own at once.
UNPACKED = Path(sys.prefix) / "nginx"


def find(program: str) -> str | None:
    """Return the program, or None."""
    places = [*os.environ.get("PATH", "").split(os.pathsep), *PLACES, str(UNPACKED / "usr/sbin")]
    return shutil.which(program, path=os.pathsep.join(places))


def unpack_nginx(update: list[str] | None) -> None:
    """Unpack Debian's package nginx in the environment, where none is installed and apt can.

    Parameters
    ----------
    update : the command that brings apt's lists up to date; None where that is not allowed.
    """
    if find("nginx") or not shutil.which("apt-get"):
        return
    print("nginx for the tests: unpacking the system's package nginx ...", flush=True)
    unpack(["nginx"], UNPACKED, update)


def need_nginx() -> None:
    """Skip the test where there is no nginx; fail where everything must be tried."""
    if find("nginx"):
        return
    said = "the site behind nginx was not tried: install the package nginx"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


class Balancer:
    """nginx or haproxy with the file of docs/deploy.

    Parameters
    ----------
    folder : for its files and its log.
    ports : takes the place of PORTS.
    change : what else is changed in the file of nginx.
    """

    def __init__(
        self,
        program: str,
        folder: Path,
        ports: dict[str, int],
        change: Callable[[str], str] = str,
    ) -> None:
        self.program = program
        self.folder = folder
        self.ports = ports
        self.log = folder / "musiclassify.log"
        self._change = change
        certify(folder)
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
                [str(find(self.program)), *command],
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
        text = self._change(self._text("nginx.conf"))
        for who in ("http", "https"):
            text = re.sub(rf"listen {PORTS[who]}\b", f"listen {HOST}:{self.ports[who]}", text)
        for place in ("/var/log/nginx", "/var/cache/nginx"):
            text = text.replace(place, str(self.folder))
        (self.folder / "site.conf").write_text(text, encoding="utf-8")
        temporary = "".join(
            f"    {kind}_temp_path {self.folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # by itself, a worker of root is of another user, who may not write into the folder
        user = "user root;\n" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
        frame = (
            f"{user}daemon off;\nworker_processes auto;\n"
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


def certify(folder: Path) -> None:
    """Make a certificate of the name, and its key."""
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
