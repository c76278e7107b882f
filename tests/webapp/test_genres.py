"""The colours of genres: what the server paints has the classes of scripts and styles."""

from __future__ import annotations

import re
from pathlib import Path

from webapp.genres import WORDS, colour_classes


def test_words_are_those_of_the_scripts(root: Path) -> None:
    script = (root / "static/js/base/genres.js").read_text(encoding="utf-8")
    listed = re.search(r"WORDS = \[(.*?)\];", script, re.DOTALL)
    assert listed
    assert tuple(re.findall(r"'(\w+)'", listed[1])) == WORDS


def test_every_bar_of_the_entrance_has_a_colour(root: Path) -> None:
    page = (root / "templates/index.html").read_text(encoding="utf-8")
    bars = re.search(r"for word, height in \((.*?)\) %}", page)
    assert bars
    assert set(re.findall(r'"(\w+)"', bars[1])) <= set(WORDS)


def test_a_genre_has_the_colour_of_its_word_in_every_version() -> None:
    assert colour_classes(["rock", "Hip-Hop"]) == {"rock": "g-rock", "Hip-Hop": "g-hiphop"}
    assert colour_classes([*WORDS]) == {word: f"g-{word}" for word in WORDS}


def test_other_words_take_the_colours_again_with_a_mark() -> None:
    own = [f"own {n}" for n in range(2 * len(WORDS))]
    found = colour_classes(["rock", *own])
    assert found["rock"] == "g-rock"
    assert [found[genre] for genre in own] == [
        *(f"g-{word} striped" for word in WORDS), *(f"g-{word} dotted" for word in WORDS),
    ]  # fmt: skip
