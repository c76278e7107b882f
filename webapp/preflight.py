"""Checks before anything is installed: `python -m webapp.preflight`.

Each missing thing gets one sentence on stderr that says what to do; the exit status is then 2.
Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import argparse
import errno
import importlib.util
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .settings import PREFIX, REPOSITORY, Settings, StartError

# Folders of the repository that the installation writes to.
WRITTEN = (".", ".venv", "node_modules", "static", "static/runtime")
# TensorFlow and its dependencies are not published for newer ones.
NEWEST_PYTHON_WITH_TENSORFLOW = (3, 13)


def python_problem(with_tensorflow: bool) -> str | None:
    """Say what is wrong with the Python that runs this, if anything is."""
    version = platform.python_version()
    if with_tensorflow and sys.version_info[:2] > NEWEST_PYTHON_WITH_TENSORFLOW:
        newest = ".".join(map(str, NEWEST_PYTHON_WITH_TENSORFLOW))
        return (
            f"TensorFlow is not published for Python {version}: install Python {newest} beside it "
            f"and say PYTHON=python{newest}."
        )
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        return (
            f"Python {version} comes without its module {missing[0]}: install it "
            "(Debian and Ubuntu: apt-get install python3-venv)."
        )
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        return (
            "LiteRT is not published for Python on Intel Macs: use an arm64 Python on Apple "
            "silicon, or Linux in a container or a virtual machine."
        )
    return None


def node_problems(package: Path = REPOSITORY / "package.json") -> list[str]:
    """Say what is wrong with node and npm, against `engines` in package.json."""
    engines = json.loads(package.read_text(encoding="utf-8"))["engines"]
    problems = []
    for tool, called in (("node", "Node.js"), ("npm", "npm")):
        needed = int(engines[tool].removeprefix(">="))
        path = shutil.which(tool)
        if path is None:
            problems.append(
                f"{called} is missing (no `{tool}` in PATH): install Node.js {engines['node'][2:]} "
                "or newer, it brings npm along."
            )
            break  # npm needs node, so one sentence is enough
        try:
            # npm writes about its own settings on stderr
            done = subprocess.run(
                [path, "--version"], capture_output=True, text=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            problems.append(f"{called} ({path}) does not run: {error}.")
            continue
        found = re.match(r"v?(\d+)", done.stdout.strip())
        if done.returncode != 0 or found is None:
            problems.append(f"{called} ({path}) does not run: it ended with {done.returncode}.")
        elif int(found[1]) < needed:
            problems.append(
                f"{called} {done.stdout.strip()} is too old: {needed} or newer is needed."
            )
    return problems


def write_problem(root: Path = REPOSITORY) -> str | None:
    """Say which folder of the installation cannot be written, if any."""
    for name in WRITTEN:
        folder = root / name
        if folder.is_dir():
            try:
                with tempfile.TemporaryFile(dir=folder):
                    pass
            except OSError as error:
                return (
                    f"{folder.resolve()} cannot be written ({error.strerror}): the installation "
                    "lives in this folder, so make it yours or clone to a folder of yours."
                )
    return None


def check_port(host: str, port: int) -> None:
    """Try the address before anything slow happens.

    Raises
    ------
    StartError : for a busy or forbidden port and for an address that this computer does not have.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            if os.name == "posix":
                # a port is free as soon as nobody listens, even if old connections linger
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = port + 1 if port < 65535 else port - 1
            raise StartError(
                f"Port {port} is in use. End the program that uses it, or choose another port: "
                f"make serve PORT={other} (python -m webapp --port {other})."
            ) from error
        if error.errno == errno.EACCES:
            raise StartError(
                f"Port {port} needs administrator rights. Choose one above 1023."
            ) from error
        raise StartError(
            f"This computer cannot listen on {host!r} ({error.strerror or error}). "
            f"Use 127.0.0.1, or correct the setting {PREFIX}HOST."
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks; return 0, or 2 after saying what is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m webapp.preflight", description="Check what an installation needs."
    )
    parser.add_argument("--serve", action="store_true", help="also check the site's settings")
    parser.add_argument("--port", default="", help="port the site will listen on")
    parser.add_argument("--engine", default="", help="litert or keras")
    options = parser.parse_args(arguments)
    given = {"PORT": options.port, "ENGINE": options.engine}
    given = {name: value for name, value in given.items() if value}
    problems: list[str | None] = []
    with_tensorflow = not options.serve
    if options.serve:
        try:
            settings = Settings.read(given)
            with_tensorflow = settings.engine == "keras"
            check_port(settings.host, settings.port)
        except StartError as error:
            # make has options of its own names
            text = str(error)
            short = text.removeprefix(PREFIX)
            problems.append(short if short.split()[0] in given else text)
    problems += [python_problem(with_tensorflow), *node_problems(), write_problem()]
    found = [problem for problem in problems if problem]
    for problem in found:
        print(problem, file=sys.stderr)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
