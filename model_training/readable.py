"""A model card in words and figures for people: what the report and `show` have in common."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

SITE_TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
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
def _labels() -> dict[str, str]:
    """What the site calls the keys of a card: both say the same, but for `TERMS`."""
    loader = jinja2.FileSystemLoader(SITE_TEMPLATES)
    module: Any = jinja2.Environment(loader=loader, autoescape=True).get_template("_labels.html")
    return {
        key: re.sub(r"\b(pieces?|songs?)\b", lambda match: TERMS[match[0]], words)
        for key, words in module.module.labels.items()
    }


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


def text(value: Any, key: str = "") -> str:
    """Any value of a card, on one line."""
    if _is_empty(value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return percent(value) if "accuracy" in key else f"{value:.4g}"
    if is_interval(value):
        return interval(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{label(name)} {text(inner, name)}" for name, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > LONGEST_LIST:
            first, last = text(value[0], key), text(value[-1], key)
            return f"{first} to {last} ({len(value)} values)"
        return "; ".join(text(inner, key) for inner in value)
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
