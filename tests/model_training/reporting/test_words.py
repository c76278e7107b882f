"""Words of a card: the site's words, with the terms of training, and every value in words."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from flask import render_template_string

from model_training.reporting.report import report_html
from model_training.reporting.terminal_card import LAYOUTS, card_text
from model_training.reporting.words import words
from webapp import create_app
from webapp.inference.card import Interval
from webapp.inference.sections import Sections, sections

from ..cards import full_card, v1_card


def test_words_are_those_of_the_site(root: Path) -> None:
    labels = (root / "templates" / "_words.html").read_text(encoding="utf-8")
    assert '"hop_length": _("hop length (samples)")' in labels
    assert re.search(r"random pieces per song", labels)
    for told in (html.unescape(report_html(v1_card())), card_text(v1_card())):
        assert "hop length (samples)" in told
        assert "random segments per track" in told


def test_training_says_tracks_and_segments_not_songs_and_pieces() -> None:
    for told in (card_text(full_card()), report_html(full_card()).partition("<body>")[2]):
        # the card's own words are as they were written
        own = full_card()["intended_use"]
        assert not re.search(r"\b(songs?|pieces)\b", told.replace(own, ""), re.IGNORECASE)


def test_names_of_genres_are_not_replaced() -> None:
    told = words().limits(sections(full_card()).training)
    assert "tracks" in told
    matrix = [[1, 2], [0, 4]]
    card = full_card(["song", "pieces"], per_genre=6)
    card["metrics"]["test"]["track"]["confusion_matrix"] = matrix
    assert "song called pieces: 2 of 3" in card_text(card)


@pytest.mark.parametrize(
    ("key", "value", "english"),
    [
        ("any", True, "yes"),
        ("any", False, "no"),
        ("n_tracks", 1740, "1,740"),
        ("n_tracks", 0, "0"),
        ("temperature", 0.123456, "0.1235"),
        ("fmax", 8012.168965763913, "8,012"),
        ("largest_difference_to_keras", 6.258487701416016e-07, "6.258e-07"),
        ("accuracy_without", 0.6655, "66.5%"),
        ("flagged_share", 0.05, "5.0%"),
        ("fold_deviation", 0.0164, "1.6 points"),
        ("fold_accuracies", [0.5, 0.625], "50.0%; 62.5%"),
        ("member_accuracies", [[0.5, 0.625], [0.75]], "50.0%, 62.5%; 75.0%"),
        ("losses", [0.25] * 12, "; ".join(["0.25"] * 12)),
        ("losses", [2.5, *[1.0] * 11, 0.5], "2.5 to 0.5 (13 values)"),
        ("seeds", [{"seed": 1, "validation_accuracy": 0.25}], "seed 1, validation accuracy 25.0%"),
        ("method", "mahalanobis", "Mahalanobis distance"),
        ("method", "other", "other"),
        ("kind", "log_mel", "log-mel"),
        ("statistics", ["rms", "tempo"], "loudness (RMS), tempo"),
        ("any", "<b>", "<b>"),
        ("any", [None, 1], "\N{EN DASH}; 1"),
        ("any", [], ""),
    ],
)
def test_values_in_words(key: str, value: Any, english: str) -> None:
    """The English page writes each value in the same words."""
    assert words().told(key, value) == english
    source = '{% import "_words.html" as words with context %}{{ words.told(key, value) }}'
    with create_app({}).test_request_context():
        shown = render_template_string(source, key=key, value=value)
    assert html.unescape(shown) == english
    assert "<b>" not in shown


def test_a_share_with_its_interval() -> None:
    share = Interval(0.6655, 0.61, 0.7205)
    assert words().told("any", share) == "66.5% [61.0, 72.0]"
    assert words().told("any", [share, share]) == "66.5% [61.0, 72.0]; 66.5% [61.0, 72.0]"


def test_every_section_has_its_words_and_its_place(root: Path) -> None:
    keys = set(Sections.__dataclass_fields__)
    card = full_card() | {"embedding": {"layer": "embedding", "size": 128, "decimals": 4}}
    details = set(sections(card).details.facts)
    assert set(words().titles) == keys | details | {"files"}
    assert set(words().contents) | set(words().notes) <= keys
    # Curves are for pages, and details have no heading of their own on a terminal.
    assert set(LAYOUTS) == keys - {"roc", "history", "details"}
    for name in ("templates/model.html", "model_training/reporting/templates/report.html.jinja"):
        source = (root / name).read_text(encoding="utf-8")
        layouts = re.findall(r'"(\w+)": \w+,', source.partition("{% set layouts = {")[2])
        assert set(layouts) == keys


def test_a_missing_word_is_an_error() -> None:
    """Without the error, a layout that asks for a missing word would leave a gap on the page."""
    made: Callable[..., str] = words().honest_accuracy
    with pytest.raises(jinja2.UndefinedError):
        made("v1")
