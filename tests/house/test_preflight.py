"""Before make installs anything, it says in one sentence what is missing."""

from __future__ import annotations

import errno
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp import preflight
from webapp.settings import StartError

MAKE = shutil.which("make")
# programs that recipes call, besides the tools that the tests take away
PLAIN_TOOLS = ("sh", "env", "cksum", "rm", "mkdir", "touch", "echo")


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder to be the whole PATH: this Python, a new enough node and npm, nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PLAIN_TOOLS:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    program(folder, "python3", f'exec "{sys.executable}" "$@"')
    program(folder, "node", "echo v20.1.0")
    program(folder, "npm", "echo 10.2.3")
    return folder


@pytest.fixture
def clone(tmp_path: Path, root: Path) -> Path:
    """A fresh clone, as far as make and its checks go."""
    folder = tmp_path / "clone"
    folder.mkdir()
    names = ["Makefile", "package.json", "package-lock.json", "bench/package-lock.json"]
    names += [path.name for path in root.glob("requirements*.txt")]
    names += ["webapp/__init__.py", "webapp/preflight.py", "webapp/settings.py"]
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, folder / name)
    return folder


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def make(clone: Path, tools: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run make; return its status and what it said on stderr before its own closing line."""
    assert MAKE, "make is needed"
    environment = {"PATH": str(tools), "HOME": str(clone)}
    done = subprocess.run(
        [MAKE, *arguments],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    lines = done.stderr.splitlines()
    assert re.match(r"make: \*\*\* ", lines[-1]), done.stderr
    assert done.stdout == ""
    assert not (clone / ".venv").exists()
    assert not (clone / "node_modules").exists()
    return done.returncode, lines[:-1]


def test_busy_port(clone: Path, tools: Path, busy_port: int) -> None:
    status, said = make(clone, tools, "serve", f"PORT={busy_port}")
    assert status == 2
    assert said == [
        f"Port {busy_port} is in use. End the program that uses it, or choose another port: "
        f"make serve PORT={busy_port + 1} (python -m webapp --port {busy_port + 1})."
    ]


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "5000.5"])
def test_impossible_port(clone: Path, tools: Path, port: str) -> None:
    status, said = make(clone, tools, "serve", f"PORT={port}")
    assert (status, said) == (
        2,
        [f"PORT is {port!r}; it must be a whole number from 1 to 65535."],
    )


def test_unknown_engine(clone: Path, tools: Path) -> None:
    status, said = make(clone, tools, "serve", "ENGINE=torch")
    assert (status, said) == (2, ["ENGINE is 'torch'; it must be one of litert, keras."])


@pytest.mark.parametrize("target", ["serve", "test", "runtime"])
def test_no_node(clone: Path, tools: Path, target: str) -> None:
    (tools / "node").unlink()
    (tools / "npm").unlink()
    status, said = make(clone, tools, target)
    assert status == 2
    assert said == [
        "Node.js is missing (no `node` in PATH): install Node.js 20 or newer, it brings npm along."
    ]


def test_no_npm(clone: Path, tools: Path) -> None:
    (tools / "npm").unlink()
    status, said = make(clone, tools, "serve")
    assert (status, len(said)) == (2, 1)
    assert said[0].startswith("npm is missing (no `npm` in PATH)")


def test_old_node(clone: Path, tools: Path) -> None:
    program(tools, "node", "echo v18.19.1")
    status, said = make(clone, tools, "serve")
    assert (status, said) == (2, ["Node.js v18.19.1 is too old: 20 or newer is needed."])


def test_broken_npm(clone: Path, tools: Path) -> None:
    program(tools, "npm", "exit 3")
    status, said = make(clone, tools, "serve")
    assert (status, said) == (2, [f"npm ({tools / 'npm'}) does not run: it ended with 3."])


def test_no_python(clone: Path, tools: Path) -> None:
    (tools / "python3").unlink()
    status, said = make(clone, tools, "serve")
    assert (status, len(said)) == (2, 1)
    assert said[0].startswith("Python 3.11 or newer is needed, and there is no python3: install")


def test_old_python(clone: Path, tools: Path) -> None:
    old = 'case "$*" in *sys.exit*) exit 1;; *print*) echo 3.9.2;; *) exit 1;; esac'
    program(tools, "python3", old)
    status, said = make(clone, tools, "serve")
    assert (status, len(said)) == (2, 1)
    assert said[0].startswith("Python 3.11 or newer is needed, and python3 is 3.9.2: install")


def test_another_python_is_found_beside_an_old_one(clone: Path, tools: Path) -> None:
    (tools / "python3").rename(tools / "python3.12")
    program(tools, "python3", "exit 1")
    status, said = make(clone, tools, "serve", "PORT=x")
    assert (status, len(said)) == (2, 1)
    assert said[0].startswith("PORT is 'x'")


def test_several_things_are_all_said(clone: Path, tools: Path) -> None:
    (tools / "node").unlink()
    _, said = make(clone, tools, "serve", "PORT=x")
    assert [line.split()[0] for line in said] == ["PORT", "Node.js"]


def test_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # root may write anywhere, so the system's refusal is faked
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    assert preflight.write_problem(tmp_path) is None
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    problem = preflight.write_problem(tmp_path)
    assert problem is not None
    assert problem.startswith(f"{tmp_path} cannot be written (Permission denied): ")


def test_reserved_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(StartError, match="Port 80 needs administrator rights"):
        preflight.check_port("127.0.0.1", 80)


def test_address_of_another_computer() -> None:
    with pytest.raises(StartError, match="cannot listen on "):
        preflight.check_port("192.0.2.1", 5000)


def test_python_too_new_for_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    assert preflight.python_problem(with_tensorflow=False) is None
    problem = preflight.python_problem(with_tensorflow=True)
    assert problem is not None
    assert "install Python 3.13 beside it" in problem


def test_intel_mac_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    problem = preflight.python_problem(with_tensorflow=False)
    assert problem is not None
    assert problem.startswith("LiteRT is not published for Python on Intel Macs")


def test_all_is_well_here(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-S", "-m", "webapp.preflight", "--serve", "--port", str(port)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
