"""The report of a version: one HTML file that opens anywhere, without a network.

Everything in it comes from the model card. Cards of older releases lack some parts; then the
report lacks them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..files import replacing
from ..paths import REPORT_NAME
from . import plots
from .readable import (
    architecture,
    commands,
    disturbances,
    doubts,
    facts,
    interval,
    level_note,
    other_metrics,
    percent,
    reports,
    text,
    top_confusions,
    without,
)

TEMPLATES = Path(__file__).resolve().parent / "templates"


def _tokens() -> Markup:
    """The site's colours and type; on paper always the light ones."""
    css = plots.TOKENS.read_text(encoding="utf-8")
    return Markup(
        css.replace("@media (prefers-color-scheme", "@media screen and (prefers-color-scheme")
    )


def environment() -> jinja2.Environment:
    """What all pages of the workshop share; every value is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        # A card may lack any part that the site does not need.
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(percent=percent, interval=interval, text=text, facts=facts, without=without)
    made.globals["tokens"] = _tokens
    return made


def figures(card: Mapping[str, Any]) -> dict[str, Markup]:
    """The figures for which the card holds the numbers, as SVG by name.

    Names: `confusion_matrix`, `roc_curves`, `genre_f1`, `reliability_diagram`,
    `training_history`.
    """
    track = card["metrics"]["test"]["track"]
    history = card["training"].get("history") or {}
    found = {}
    if matrix := track.get("confusion_matrix"):
        found["confusion_matrix"] = plots.confusion_matrix(matrix, card["genres"])
    if roc := track.get("roc"):
        found["roc_curves"] = plots.roc_curves(roc, track.get("roc_auc", {}))
    if per_genre := track.get("per_genre"):
        found["genre_f1"] = plots.genre_f1(per_genre)
    if points := track.get("reliability"):
        found["reliability_diagram"] = plots.reliability_diagram(points)
    if any("loss" in key or "accuracy" in key for key in history):
        found["training_history"] = plots.training_history(history)
    # matplotlib escapes the text in its SVG.
    return {name: Markup(svg) for name, svg in found.items()}


def report_html(card: Mapping[str, Any]) -> str:
    """The report of a card (its JSON) as one self-contained page."""
    track = card["metrics"]["test"]["track"]
    matrix = track.get("confusion_matrix")
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            card=card,
            test=card["metrics"]["test"],
            architecture=architecture(card),
            commands=commands(card),
            reports=reports(card),
            other_metrics=other_metrics(card),
            disturbances=disturbances(card),
            level_note=level_note(),
            doubts=doubts(card) if card.get("unfamiliar") else "",
            report_name=REPORT_NAME,
            figures=figures(card),
            confusions=top_confusions(matrix, card["genres"]) if matrix else [],
        )
    )


def write_page(page: str, path: Path) -> None:
    """Write a page whole or not at all.

    Raises
    ------
    TrainingError : when it cannot be written.
    """
    with replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def write_report(card: Mapping[str, Any], path: Path) -> None:
    """Write the report of a card (its JSON) to `path`.

    Raises
    ------
    TrainingError : when it cannot be written.
    """
    write_page(report_html(card), path)
