"""The report of a version: one HTML file that opens anywhere, without a network.

Everything in it comes from the model card. Cards of older releases lack some parts; then the
report lacks them too.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from webapp.inference.sections import Sections, compared, sections

from ..files import write_text
from ..paths import REPORT_NAME
from . import plots
from .words import environment

TEMPLATES = Path(__file__).resolve().parent / "templates"


def _tokens() -> Markup:
    """The site's colours and type; on paper always the light ones."""
    css = plots.TOKENS.read_text(encoding="utf-8")
    return Markup(
        css.replace("@media (prefers-color-scheme", "@media screen and (prefers-color-scheme")
    )


@functools.cache
def pages() -> jinja2.Environment:
    """The templates of all pages of the workshop; every value is escaped."""
    made = environment(TEMPLATES, autoescape=True)
    made.globals["tokens"] = _tokens
    return made


def figures(told: Sections) -> dict[str, Markup]:
    """The figures of a card as SVG, by the section that they stand in."""
    found = {}
    if told.confusion:
        found["confusion"] = plots.confusion_matrix(told.confusion.matrix, told.confusion.genres)
    if told.per_genre:
        found["per_genre"] = plots.genre_f1(told.per_genre)
    if told.reliability:
        found["reliability"] = plots.reliability_diagram(told.reliability)
    if told.roc:
        found["roc"] = plots.roc_curves(told.roc)
    if told.history:
        found["history"] = plots.training_history(told.history)
    # matplotlib escapes the text in its SVG.
    return {name: Markup(svg) for name, svg in found.items()}


def report_html(card: Mapping[str, Any]) -> str:
    """The report of a card (its JSON) as one self-contained page."""
    told = sections(card)
    template = pages().get_template("report.html.jinja")
    return template.render(
        card=card,
        sections=told,
        compared=compared(card),
        figures=figures(told),
        report_name=REPORT_NAME,
    )


def write_report(card: Mapping[str, Any], path: Path) -> None:
    """Write the report of a card (its JSON) to `path`.

    Raises
    ------
    TrainingError : when it cannot be written.
    """
    write_text(path, report_html(card))
