"""Fixtures, marks and signal handling for the tests of all rooms."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import small_models as small


def pytest_configure() -> None:
    """Let the servers and steps under test hear Ctrl-C; keep the caches of test processes apart.

    A shell starts background jobs with SIGINT ignored, and child processes inherit that: the tests
    of Ctrl-C would then wait in vain. Two processes that write numba's cache at the same time can
    spoil it, and librosa then ends every later process (seen with numba 0.68 and librosa 0.11).
    """
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ["NUMBA_CACHE_DIR"] = str(Path(sys.prefix) / "numba" / worker)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Rooms whose tests all need TensorFlow, a browser or a server process.
FULL_ROOMS = ("browser", "model_training", "webapp/server")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make quick` leaves out."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here).as_posix()
        if place.startswith(tuple(f"{room}/" for room in FULL_ROOMS)):
            item.add_marker("full")


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the repository."""
    return Path(__file__).resolve().parent.parent


def card_of(root: Path, version: str) -> dict[str, Any]:
    """The card of a landed version, as written."""
    card: dict[str, Any] = json.loads(
        (root / "trained_models" / version / "model.json").read_text(encoding="utf-8")
    )
    return card


@pytest.fixture(scope="session")
def shared_songs(root: Path) -> list[Path]:
    """Songs under free licences that may lie beside the repository; tests only add them."""
    return sorted((root.parent / "shared" / "data" / "audio").glob("*.ogg"))


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a small version of every kind of features; see `tests.small_models`."""
    folder = tmp_path_factory.mktemp("small")
    small.write(folder)
    return folder


@pytest.fixture(scope="session")
def doubting_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with versions that flag unfamiliar sounds; see `tests.small_models`."""
    folder = tmp_path_factory.mktemp("doubting")
    small.write(folder, small.DOUBTING)
    return folder


@pytest.fixture(scope="session")
def embedding_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with versions that give embeddings; see `tests.small_models`."""
    folder = tmp_path_factory.mktemp("embedding")
    small.write(folder, small.EMBEDDING)
    return folder
