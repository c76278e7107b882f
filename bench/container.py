"""The site in a container: size, memory, time to ready, beside the same site without one.

Builds docs/deploy/Containerfile by podman and runs it as docs/deploy.md says: read-only, by a user
without rights. CONTAINER_BASE names the base image; without it, debootstrap makes one of Debian, so
that no image registry is needed. CONTAINER_BUILD holds further options of `podman build`, such as
`--network=host` or a folder of certificates. For root, on Linux only.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.browser.site import HOST
from tests.webapp.balancers import FILES
from tests.webapp.running import children, free_port

from .client import Client, body_of
from .serving import Serving
from .setting import ROOT, median_row, row

VERSION = "v9"
SUITE = "trixie"
NEEDED = ("podman", "debootstrap", "tar")
BASE, IMAGE, NAME = "localhost/musiclassify-base", "localhost/musiclassify", "musiclassify-bench"
START_S = 60.0
LOOK_AGAIN_S = 0.01


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part.

    Raises
    ------
    RuntimeError : the container does not do what docs/deploy.md says.
    """
    if missing := [program for program in NEEDED if not shutil.which(program)]:
        return [row("a container", f"not measured: install {', '.join(missing)}", "")]
    began = time.perf_counter()
    base = os.environ.get("CONTAINER_BASE") or _made_base()
    based = time.perf_counter()
    _build(base)
    built = time.perf_counter()
    size, base_size = _size(IMAGE), _size(base)
    starts, inside = [], []
    for _ in range(rounds):
        with Serving(sys.executable, MODEL=VERSION) as site:
            starts.append(site.ready_s)
            expected = _answer(site.port)
        with _running() as (port, ready_s):
            inside.append(ready_s)
            if _answer(port) != expected:
                raise RuntimeError("the container answers otherwise than the site itself")
            memory = _check()
    return [
        row("a base image by debootstrap", based - began, "s", 1),
        row("podman build", built - based, "s", 1),
        row("the image", size / 1e6, "MB", 1),
        row("  of it the base", base_size / 1e6, "MB", 1),
        median_row(f"start to /readyz 200, {VERSION}, in a container", inside, "s"),
        median_row(f"start to /readyz 200, {VERSION}, without", starts, "s"),
        row("memory of its processes after a song", memory / 1e6, "MB", 1),
    ]


def _podman(*arguments: str) -> str:
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"podman {arguments[0]}: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def _made_base() -> str:
    """Make an image of Debian; return its name."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        for command in (
            ["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(root)],
            ["tar", "-C", str(root), "-cf", f"{folder}/root.tar", "."],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}")
        _podman("import", "--quiet", f"{folder}/root.tar", f"{BASE}:{SUITE}")
    return f"{BASE}:{SUITE}"


def _build(base: str) -> None:
    _podman(
        *("build", "--quiet", "--format", "docker", "--build-arg", f"BASE={base}"),
        *("-f", str(FILES / "Containerfile"), "--ignorefile", str(FILES / "containerignore")),
        *shlex.split(os.environ.get("CONTAINER_BUILD", "")),
        *("-t", IMAGE, "."),
    )


def _size(image: str) -> int:
    return int(_podman("image", "inspect", "--format", "{{.Size}}", image))


@contextlib.contextmanager
def _running() -> Iterator[tuple[int, float]]:
    """Run the container; yield its port and the seconds until it was ready.

    With limits of its own: podman's are higher than some machines let it give.
    """
    port = free_port()
    began = time.perf_counter()
    try:
        _podman(
            *("run", "--detach", "--name", NAME, "--read-only", "--tmpfs=/tmp", "--network=host"),
            *("--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"),
            "--health-interval=disable",
            *("--env", f"MUSICLASSIFY_HOST={HOST}", "--env", f"MUSICLASSIFY_PORT={port}"),
            *("--env", f"MUSICLASSIFY_MODEL={VERSION}", IMAGE),
        )
        while not _ready(port):
            if time.perf_counter() > began + START_S:
                raise RuntimeError(f"the container is not ready: {_podman('logs', NAME)}")
            time.sleep(LOOK_AGAIN_S)
        yield port, time.perf_counter() - began
    finally:
        _podman("rm", "--force", "--ignore", NAME)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=1) as response:
            return response.status == 200
    except OSError:
        return False


def _answer(port: int) -> bytes:
    client = Client(port, VERSION)
    try:
        return client.ask(body_of(VERSION))
    finally:
        client.close()


def _check() -> int:
    """Try the promises of docs/deploy.md; return the resident bytes of all processes."""
    if _podman("exec", NAME, "id", "-u") == "0":
        raise RuntimeError("the container runs as root")
    try:
        _podman("exec", NAME, "touch", "/opt/musiclassify/new")
    except RuntimeError:
        pass
    else:
        raise RuntimeError("the container can write to its own files")
    _podman("healthcheck", "run", NAME)
    first = int(_podman("inspect", "--format", "{{.State.Pid}}", NAME))
    return sum(_resident(pid) for pid in [first, *children(first)])


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()
