"""Genres beyond those that have colours: the same colours again, told apart by marks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import card_of

from .site import Site
from .sounds import write
from .visit import Visit

# v1's network, whose genres are called by other words: it answers with one of them.
OWN = [f"own {n}" for n in range(8)]
GENRES = [*OWN, "rock", "electronic"]
# Whether a bar's background has a picture over its colour, by genre.
MARKED = """(bars) => Object.fromEntries(bars.map((bar) => [
  bar.querySelector('.bars-name').textContent,
  getComputedStyle(bar.querySelector('.bar')).backgroundImage.includes('gradient'),
]))"""
# Rows of pixels that are painted in each column of a waveform, and stretches they are broken into.
BROKEN = """(wave) => {
  const canvas = wave.firstElementChild.shadowRoot.querySelector('canvas');
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  let most = 0;
  for (let x = 0; x < width; x += 1) {
    let stretches = 0;
    for (let y = 0, before = false; y < height; y += 1) {
      const painted = data[4 * (y * width + x) + 3] === 255;
      if (painted && !before) stretches += 1;
      before = painted;
    }
    most = Math.max(most, stretches);
  }
  return most;
}"""


@pytest.fixture(scope="module")
def models(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(root / "trained_models/v1", folder / "v1")
    card = card_of(root, "v1") | {"genres": GENRES}
    (folder / "v1" / "model.json").write_text(json.dumps(card))
    return folder


def test_other_words_have_marks(
    visit: Callable[..., Visit], make_site: Callable[..., Site], models: Path, tmp_path: Path
):
    visitor = visit(make_site(MODELS_DIR=models).url).opened()
    visitor.finish([write(tmp_path / "own.wav", 60, 22050)])
    song = visitor.song("own.wav")
    assert song.get_attribute("data-genre") in OWN
    # the song's own mark does not reach what lies inside it
    assert song.locator(".bars li").evaluate_all(MARKED) == {
        genre: genre in OWN for genre in GENRES
    }
    wave = song.locator(".wave").first
    wave.locator("canvas").first.wait_for(state="attached")
    assert wave.evaluate(BROKEN) > 3
    stretches = song.locator(".stack .area").count() / len(GENRES)
    assert song.locator(".stack pattern").count() == len(OWN) * stretches
    fills = song.locator(".stack path[fill]").evaluate_all(
        "(all) => all.map((path) => path.getAttribute('fill'))"
    )
    ids = song.locator(".stack pattern").evaluate_all("(all) => all.map(({ id }) => id)")
    assert fills == [f"url(#{name})" for name in ids]
    visitor.page.goto(f"{visitor.url}/models/v1")
    swatches = visitor.page.locator(".genres .swatch")
    classes = swatches.evaluate_all("(all) => all.map(({ className }) => className)")
    assert classes[:2] == ["swatch g-blues striped", "swatch g-classical striped"]
    assert classes[-2:] == ["swatch g-rock", "swatch g-electronic"]
