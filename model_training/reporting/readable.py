"""A model card in words and figures for people: what the report and `show` have in common."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

SITE_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
# The site speaks to everybody; here the standard terms are at home.
TERMS = {"pieces": "segments", "piece": "segment", "songs": "tracks", "song": "track"}
# Longer lists are told by their first and last value.
LONGEST_LIST = 12


@dataclasses.dataclass(frozen=True)
class Fact:
    """One line of a nested list: its label, its value ("" for a heading) and how deep it lies."""

    label: str
    text: str
    depth: int


@dataclasses.dataclass(frozen=True)
class Confusion:
    """`count` tracks of the genre `true`, a share of all of its tracks, were called `called`."""

    true: str
    called: str
    count: int
    share: float


@functools.cache
def _site_words() -> Any:
    loader = jinja2.FileSystemLoader(SITE_TEMPLATES)
    site = jinja2.Environment(loader=loader, autoescape=True, extensions=["jinja2.ext.i18n"])
    # what the site translates stays English here
    site.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    return site.get_template("_labels.html").module


@functools.cache
def _labels() -> dict[str, str]:
    """What the site calls the keys of a card: both say the same, but for `TERMS`."""
    return {
        key: re.sub(r"\b(pieces?|songs?)\b", lambda match: TERMS[match[0]], str(words))
        for key, words in _site_words().labels.items()
    }


def level_note() -> str:
    """What stands under every table of disturbances."""
    return str(_site_words().level_note)


def label(key: str) -> str:
    """A key of a card for people."""
    return _labels().get(key) or key.replace("_", " ")


def percent(share: float) -> str:
    """0.6655 as 66.5%."""
    return f"{share:.1%}"


def interval(accuracy: Mapping[str, float]) -> str:
    """A share and its 95 % interval: 66.5% [61.0, 72.1]."""
    return (
        f"{percent(accuracy['value'])} [{100 * accuracy['low']:.1f}, {100 * accuracy['high']:.1f}]"
    )


def is_interval(value: Any) -> bool:
    """Whether a value of a card is a share with its interval."""
    return isinstance(value, Mapping) and {"value", "low", "high"} <= value.keys()


def _is_empty(value: Any) -> bool:
    # Undefined is what a page's template finds where a card lacks something.
    return value is None or isinstance(value, jinja2.Undefined) or value in ({}, [])


def _number(value: float, key: str) -> str:
    """In the unit that goes with the key: shares as percent, what lies between them as points."""
    if "accurac" in key or "share" in key:
        return percent(value)
    if "deviation" in key:
        return f"{100 * value:.1f} points"
    return f"{value:.4g}"


def text(value: Any, key: str = "", separator: str = "; ") -> str:
    """Any value of a card, on one line; lists in a list have commas inside."""
    if _is_empty(value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _number(value, key)
    if is_interval(value):
        return interval(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{label(name)} {text(inner, name)}" for name, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > LONGEST_LIST:
            first, last = (text(value[end], key, ", ") for end in (0, -1))
            return f"{first} to {last} ({len(value)} values)"
        return separator.join(text(inner, key, ", ") for inner in value)
    return str(value)


def facts(values: Mapping[str, Any], depth: int = 0) -> list[Fact]:
    """All that a part of a card holds, nested as it is; what is empty is left out."""
    found = []
    for key, value in values.items():
        if _is_empty(value):
            continue
        if isinstance(value, Mapping) and not is_interval(value):
            found += [Fact(label(key), "", depth), *facts(value, depth + 1)]
        else:
            found.append(Fact(label(key), text(value, key), depth))
    return found


def without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The rest of a part of a card when `keys` have been told elsewhere."""
    return {key: value for key, value in values.items() if key not in keys}


def architecture(card: Mapping[str, Any]) -> dict[str, Any]:
    """The network of a card and its options, beside each other."""
    told = card["architecture"]
    return {**without(told, "options"), **(told.get("options") or {})}


def reports(card: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a card's metrics that answers to tracks were measured on, the test's first."""
    metrics = card["metrics"]
    order = sorted(metrics, key=lambda name: name != "test")
    return {name: metrics[name] for name in order if _is_report(metrics[name])}


def other_metrics(card: Mapping[str, Any]) -> dict[str, Any]:
    """The rest of a card's metrics."""
    return {name: value for name, value in card["metrics"].items() if not _is_report(value)}


def _is_report(value: Any) -> bool:
    return isinstance(value, Mapping) and "track" in value


def disturbances(card: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """The test's row of each disturbance, beside the cross-validation's of that name or None."""
    metrics = card["metrics"]
    of_study = metrics.get("cross_validation", {}).get("disturbances") or []
    by_name = {row["name"]: row for row in of_study}
    rows = metrics["test"].get("disturbances") or []
    return [(row, by_name.get(row["name"])) for row in rows]


def doubts(card: Mapping[str, Any]) -> str:
    """How often a version with a score for unfamiliar sounds doubts music of its genres."""
    held_out = card["unfamiliar"].get("flagged_share")
    test = card["metrics"]["test"].get("flagged_share")
    sentences = []
    if held_out is not None:
        sentences.append(
            f"The threshold is set so that it doubts {percent(held_out)} of the held-out tracks, "
            "though they are of its genres."
        )
    if test is not None:
        sentences.append(f"Of the test tracks it doubts {percent(test)}.")
    return " ".join(sentences)


def commands(card: Mapping[str, Any]) -> list[str]:
    """What was typed to make a version; one command may have done all of it."""
    training = card["training"]
    keys = ("cross_validation_command", "command", "export_command")
    return list(dict.fromkeys(training[key] for key in keys if training.get(key)))


def top_confusions(
    matrix: Sequence[Sequence[int]], genres: Sequence[str], most: int = 6
) -> list[Confusion]:
    """The most frequent wrong answers of a confusion matrix (rows: true genre)."""
    found = [
        Confusion(genres[row], genres[column], count, count / sum(counts))
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return sorted(found, key=lambda confusion: -confusion.count)[:most]
