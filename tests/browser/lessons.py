"""Songs of genres that no version was trained on, and what a visitor does to teach them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from .sounds import hiss, write
from .visit import Visit

RATE = 22050
SECONDS = 6.0

# Own genres of all songs, by name; null for those without an answer in them.
ANSWERS = """() => Object.fromEntries([...document.querySelectorAll('article.song')].map((song) =>
  [song.dataset.name, song.dataset.ownGenre ?? null]))"""
# What the rows of folded songs say of it.
SHARES = """() => Object.fromEntries([...document.querySelectorAll('article.song')].map((song) =>
  [song.dataset.name, song.querySelector('.song-own').textContent]))"""
BARS = """(items) => Object.fromEntries(items.map((item) => [
  item.querySelector('.bars-name').textContent,
  parseFloat(item.querySelector('.bar').style.width) / 100,
]))"""
ROWS = """(rows) => Object.fromEntries(rows.map(({ dataset }) =>
  [dataset.genre, Number(dataset.examples)]))"""


def drone(path: Path, seconds: float = SECONDS, *, seed: int = 0) -> Path:
    """Write low tones that swell, which no one takes for the band, to `path`."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    tones = [np.sin(2 * np.pi * f * time) for f in rng.uniform(60, 400, 5)]
    sound = sum(tones) * (1 + np.sin(2 * np.pi * 0.2 * time + seed)) / 12
    soundfile.write(path, sound.astype(np.float32), RATE)
    return path


def bands(folder: Path, count: int = 3, *, first: int = 0, seconds: float = SECONDS) -> list[Path]:
    """Write songs of the band into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(first, first + count)
    return [write(folder / f"band {n}.wav", seconds, RATE, seed=n) for n in seeds]


def drones(folder: Path, count: int = 3, *, first: int = 0, seconds: float = SECONDS) -> list[Path]:
    """Write drones into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(first, first + count)
    return [drone(folder / f"drone {n}.wav", seconds, seed=n) for n in seeds]


def write_lesson(folder: Path) -> Path:
    """Write a folder per genre: drones, and a band with two artists, one of whom only hisses.

    Beside the songs lie a song of no genre, a picture and a letter.
    """
    drones(folder / "Drones", 5)
    bands(folder / "Band" / "one", 4)
    (folder / "Band" / "two").mkdir()
    for n in range(3):
        hiss(folder / "Band" / "two" / f"hiss {n}.wav", SECONDS + n / 10)
    drone(folder / "beside.wav", seed=9)
    (folder / "Drones" / "cover.jpg").write_bytes(b"a picture")
    (folder / "letter.txt").write_text("a letter")
    return folder


# --- the visitor ----------------------------------------------------------------------------------


def learned(visitor: Visit) -> None:
    """Wait until own genres are learned, and all songs are answered in them."""
    visitor.page.wait_for_selector("#own-genres[data-state=ready]")
    visitor.page.wait_for_function(
        "() => document.getElementById('own-genres').dataset.state === 'ready'"
        " && [...document.querySelectorAll('article.song')].every(({ dataset }) =>"
        " dataset.state === 'failed' || 'ownGenre' in dataset)"
    )
    # nothing is on its way
    visitor.page.wait_for_timeout(200)
    assert visitor.page.get_attribute("#own-genres", "data-state") == "ready"


def teach_folder(visitor: Visit, folder: Path) -> None:
    """Choose a folder with a folder per genre, and wait until it is learned."""
    visitor.page.set_input_files("#examples", str(folder))
    learned(visitor)


def file_under(visitor: Visit, name: str, genre: str) -> None:
    """File an answered song under a genre, and fold it again."""
    song = visitor.song(name)
    if song.locator(".song-body").is_hidden():
        song.locator(".song-toggle").click()
    song.locator("form.teach input[name=genre]").fill(genre)
    song.locator("form.teach button").first.click()
    song.locator(".song-toggle").click()


def own_answers(visitor: Visit) -> dict[str, str | None]:
    """Return the own genres of all songs; "" for none of these, None without an answer."""
    found: dict[str, str | None] = visitor.page.evaluate(ANSWERS)
    return found


def shares(visitor: Visit) -> dict[str, str]:
    """Return the short answers of all songs in own genres, with their percentages."""
    found: dict[str, str] = visitor.page.evaluate(SHARES)
    return found


def bars(visitor: Visit, name: str) -> dict[str, float]:
    """Return the probability of each genre in a song's own answer."""
    song = visitor.song(name)
    if song.locator(".song-body").is_hidden():
        song.locator(".song-toggle").click()
    found: dict[str, float] = song.locator(".own-bars li").evaluate_all(BARS)
    return found


def genres(visitor: Visit) -> dict[str, int]:
    """Return the own genres of the panel, with their numbers of examples."""
    found: dict[str, int] = visitor.page.locator("#own-rows tr").evaluate_all(ROWS)
    return found


def said(visitor: Visit) -> str:
    """Return what the panel says of something that went wrong."""
    return visitor.page.inner_text("#own-message")


def saved_genres(visitor: Visit, *, named: bool = False) -> dict[str, Any]:
    """Save own genres; return the content of the file."""
    visitor.page.set_checked("#own-named", named)
    with visitor.page.expect_download() as download:
        visitor.page.click("#own-save")
    assert download.value.suggested_filename == "own-genres.json"
    content: dict[str, Any] = json.loads(download.value.path().read_bytes())
    return content
