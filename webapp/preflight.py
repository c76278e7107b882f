"""What must be there before anything is installed: `python -m webapp.preflight`.

Each thing that is missing is one sentence on stderr that says what to do; the exit status is 2.
Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import argparse
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
# TensorFlow and what it needs are not published for newer ones.
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
            break  # one sentence is enough: npm is nothing without node
        try:
            # npm speaks of its own settings on stderr
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


def port_problem(host: str, port: int) -> str | None:
    """Say why nothing can listen on a port, if so."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        return f"{PREFIX}HOST is {host!r}, which is no address of this computer ({error.strerror})."
    with socket.socket(family, kind, protocol) as listener:
        # as servers do: a port that was closed a moment ago counts as free
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except PermissionError:
            return f"Port {port} is reserved by the system: choose one above 1023, say PORT=5001."
        except OSError as error:
            return (
                f"Port {port} on {host} cannot be used ({error.strerror}): end the program that "
                f"has it, or choose another port, say PORT={port % 65535 + 1}."
            )
    return None


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
        except StartError as error:
            # what was given to make is named as it was given
            text = str(error)
            short = text.removeprefix(PREFIX)
            problems.append(short if short.split()[0] in given else text)
        else:
            with_tensorflow = settings.engine == "keras"
            problems.append(port_problem(settings.host, settings.port))
    problems += [python_problem(with_tensorflow), *node_problems(), write_problem()]
    found = [problem for problem in problems if problem]
    for problem in found:
        print(problem, file=sys.stderr)
    return 2 if found else 0


if __name__ == "__main__":
    sys.exit(main())
