"""A new environment with the requirements for serving alone: size, memory, time. On Linux only.

Installed size, the largest packages, the worker's memory, and the time from the start of the
program until it is ready. pip takes the packages from wherever it is configured to.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .client import Client, body_of, body_with
from .serving import Serving
from .setting import ROOT, median_row, row

REQUIREMENTS = "requirements-serve.txt"
VERSION = "v9"
OTHER_VERSION = "v10"
REQUESTS = 100
CLIENTS = 4
MANY_SEGMENTS = 600
LARGEST = 5
# Folders of this repository that the site needs, besides those that the browser loads.
OWN = ("features", "webapp", "templates", "trained_models")
# Packages of training; none of them may be there.
HEAVY = ("tensorflow", "tensorflow-cpu", "keras", "librosa", "scikit-learn", "scipy")
# A program for the environment's own Python: names and bytes of its packages.
PACKAGES = """
import json
from importlib.metadata import distributions
sizes = {}
for each in distributions():
    paths = [each.locate_file(file) for file in each.files or []]
    sizes[each.metadata["Name"]] = sum(path.stat().st_size for path in paths if path.is_file())
print(json.dumps(sizes))
"""


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    with tempfile.TemporaryDirectory() as folder:
        python, installed = _install(Path(folder))
        return [*installed, *_installed_size(python), *_running(python, rounds)]


def _install(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    started = time.perf_counter()
    venv.create(folder / "env", with_pip=True)
    made = time.perf_counter()
    python = str(folder / "env" / "bin" / "python")
    done = subprocess.run(
        [python, "-m", "pip", "install", "-qq", "--require-hashes", "-r", REQUIREMENTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return python, [
        row("a new environment", made - started, "s", 1),
        row(f"pip install -r {REQUIREMENTS}", time.perf_counter() - made, "s", 1),
    ]


def _installed_size(python: str) -> list[dict[str, Any]]:
    listed = subprocess.run([python, "-c", PACKAGES], capture_output=True, text=True, check=True)
    sizes: dict[str, int] = json.loads(listed.stdout)
    for tool in ("pip", "setuptools"):
        sizes.pop(tool, None)
    by_size = sorted(sizes, key=lambda name: -sizes[name])
    own = sum(_bytes(ROOT / name) for name in OWN)
    browser = _bytes(ROOT / "static") + sum(_bytes(path) for path in _node_packages())
    packages = sum(sizes.values())
    return [
        row("installed in all", (packages + own + browser) / 1e6, "MB", 1),
        row(f"  Python packages ({len(sizes)})", packages / 1e6, "MB", 1),
        *(row(f"    {name}", sizes[name] / 1e6, "MB", 1) for name in by_size[:LARGEST]),
        row("  what the browser loads", browser / 1e6, "MB", 1),
        row(f"  {', '.join(OWN)}", own / 1e6, "MB", 1),
        row(
            "TensorFlow, Keras, librosa, scikit-learn, scipy",
            ", ".join(name for name in sizes if name.lower() in HEAVY) or "none of them",
            "",
        ),
    ]


def _node_packages() -> list[Path]:
    """Folders that `npm ci --omit=dev` installs."""
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = lock["packages"].items()
    return [ROOT / name for name, about in packages if name and not about.get("dev")]


def _bytes(folder: Path) -> int:
    paths = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return sum(path.stat().st_size for path in paths if path.is_file())


def _running(python: str, rounds: int) -> list[dict[str, Any]]:
    # the first start compiles modules that pip left uncompiled
    with Serving(python, MODEL=VERSION):
        pass
    starts = []
    for _ in range(rounds):
        with Serving(python, MODEL=VERSION) as site:
            starts.append(site.ready_s)
    body, large = body_of(VERSION), body_with(VERSION, MANY_SEGMENTS)
    with Serving(python, MODEL=VERSION) as site:
        after = {"when it is ready": site.resident()}
        _ask_often(site, VERSION, body, REQUESTS)
        after[f"after {REQUESTS} requests"] = site.resident()
        with ThreadPoolExecutor(CLIENTS) as pool:
            shares = [REQUESTS // CLIENTS] * CLIENTS
            list(pool.map(lambda n: _ask_often(site, VERSION, body, n), shares))
        after[f"after {REQUESTS} more, {CLIENTS} at a time"] = site.resident()
        _ask_often(site, VERSION, large, 1)
        after[f"after one of {MANY_SEGMENTS} segments"] = site.resident()
        after["at most"] = site.peak()
    with Serving(python, MODEL=VERSION) as site:
        for version in (VERSION, OTHER_VERSION):
            _ask_often(site, version, body_of(version), REQUESTS)
        both = f"{REQUESTS} requests to each of {VERSION} and {OTHER_VERSION}"
        after[f"after {both}"] = site.resident()
    return [
        median_row(f"start to /readyz 200, {VERSION}", starts, "s"),
        *(row(f"worker's memory {when}", value, "MB", 1) for when, value in after.items()),
    ]


def _ask_often(site: Serving, version: str, body: bytes, times: int) -> None:
    client = Client(site.port, version)
    for _ in range(times):
        client.ask(body)
    client.close()
