"""Genres of synthetic songs that no version was trained on, and the commands that learn and ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model_training.__main__ import main
from tests.browser.sounds import band

from .cards import V1
from .music import tune, write

MODELS = V1.parents[1]
VERSION = "v10"
SECONDS = 6.0
RATE = 22050


def sound(genre: str, seed: int) -> npt.NDArray[np.float32]:
    """A song (n, 1) of "band", "tune" or "rain"."""
    if genre == "band":
        return band(SECONDS, RATE, seed)[:, None]
    if genre == "tune":
        return tune(SECONDS, RATE, seed=seed)
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(round(SECONDS * RATE), 1))
    return noise.astype(np.float32)


def write_songs(folder: Path, genre: str, seeds: range) -> list[Path]:
    """Songs of a genre, in its folder `folder`."""
    return [write(folder / f"{genre} {seed}.wav", sound(genre, seed)) for seed in seeds]


def write_lessons(folder: Path, count: int = 12) -> Path:
    """A folder per genre: two, in the second two artists of two albums each."""
    write_songs(folder / "Band", "band", range(count))
    for album in range(4):
        place = folder / "tune" / f"artist {album // 2}" / f"album {album}"
        write_songs(place, "tune", range(album * count // 4, (album + 1) * count // 4))
    return folder


def teach(*words: str | Path, models: Path = MODELS) -> int:
    """Run `teach` with the version that has an embedding."""
    chosen = [] if "--version" in words else ["--version", VERSION]
    return main(["teach", *map(str, words), *chosen, "--models", str(models)])


def predict(*words: str | Path, models: Path = MODELS) -> int:
    """Run `predict`."""
    return main(["predict", *map(str, words), "--models", str(models)])


def content(path: Path) -> dict[str, Any]:
    """The content of a file of own genres."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def error_lines(err: str) -> list[str]:
    """What a command said on stderr; LiteRT's own lines left out."""
    return [line for line in err.splitlines() if not line.startswith("INFO")]
