"""The colours of genres on the pages, by their words, as `static/js/base/genres.js` gives them."""

from __future__ import annotations

from collections.abc import Sequence

# Those with a colour of their own in static/css/genres.css.
WORDS = (
    "blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock",
    "electronic",
)  # fmt: skip
# Other words take these colours again, with one of these marks.
MARKS = ("striped", "dotted")


def colour_classes(genres: Sequence[str]) -> dict[str, str]:
    """The classes that give the genres of a version their colours, by genre.

    One of `WORDS` always has the same, in whatever spelling; others are taken in their order.
    """
    found = {}
    others = 0
    for genre in genres:
        word = "".join(
            letter for letter in genre.lower() if not letter.isspace() and letter not in "_-"
        )
        if word in WORDS:
            found[genre] = f"g-{word}"
            continue
        mark = MARKS[others // len(WORDS) % len(MARKS)]
        found[genre] = f"g-{WORDS[others % len(WORDS)]} {mark}"
        others += 1
    return found
