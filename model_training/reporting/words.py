"""The words of a card: those of the site, in English and with the terms of the workshop.

They stand once, in `templates/_words.html`: a file beside the site's pages, because its catalogs
are made of what lies there. Reading it takes Jinja alone, and nothing of `webapp` but the sections
of a card.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import jinja2

from webapp.inference import rounding
from webapp.inference.card import Interval

SITE_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
# The site speaks to everybody; here the standard terms are at home.
TERMS = {"pieces": "segments", "piece": "segment", "songs": "tracks", "song": "track"}


def _in_our_terms(text: str) -> str:
    def term(match: re.Match[str]) -> str:
        ours = TERMS[match[0].lower()]
        return ours.capitalize() if match[0][0].isupper() else ours

    # %(songs)s is the place of a number
    return re.sub(r"(?<!%\()\b(pieces?|songs?)\b", term, text, flags=re.IGNORECASE)


def interval(share: Interval, digits: int = 1) -> str:
    """A share and its 95 % interval: 66.5% [61.0, 72.1]."""
    low, high = (rounding.decimal(100 * end, digits) for end in (share.low, share.high))
    return f"{rounding.percent(share.value, digits)} [{low}, {high}]"


def environment(*folders: Path, autoescape: bool) -> jinja2.Environment:
    """Templates in `folders`, with the site's words at hand as `_words.html`."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, SITE_TEMPLATES]),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # A translation into English: the terms change, and never the words of a card between them.
    made.install_gettext_callables(  # type: ignore[attr-defined]
        _in_our_terms,
        lambda one, many, n: _in_our_terms(one if n == 1 else many),
        newstyle=True,
    )
    made.filters.update(
        percent=rounding.percent,
        decimal=rounding.decimal,
        figure=rounding.figure,
        interval=interval,
    )
    return made


@functools.cache
def words() -> Any:
    """Everything that `templates/_words.html` defines, as plain text."""
    return environment(autoescape=False).get_template("_words.html").module
