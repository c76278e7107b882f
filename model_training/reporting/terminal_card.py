"""A model card as text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from webapp.inference.curves import Bin
from webapp.inference.rounding import decimal, figure, percent
from webapp.inference.sections import (
    Accuracy,
    Collection,
    Confusion,
    Disturbed,
    Doubt,
    Genre,
    Learned,
    Measuring,
    Taught,
    sections,
)

from ..terminal import WIDEST, shorten, table, width
from .words import interval, words

LABEL_WIDTH = 34


def card_text(card: Mapping[str, Any]) -> str:
    """All of a card (its JSON) that needs no picture."""
    told, titles = sections(card), words().titles
    parts = [
        f"{card['version']}: {card['title']}, made {card['created']}",
        _wrapped(card["intended_use"]),
    ]
    for key, content in told.items():
        if layout := LAYOUTS.get(key):
            parts.append(_section(titles[key], layout(content)))
    for key, facts in told.details.facts.items():
        parts.append(_section(titles[key], _facts(facts)))
    if commands := told.details.commands:
        # never broken, so that they can be copied
        parts.append("\n".join(commands))
    # A card from elsewhere must not steer the terminal.
    whole = "\n\n".join(parts)
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in whole)


def _section(title: str, content: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{content}"


def _wrapped(sentences: str, indent: str = "") -> str:
    return textwrap.fill(sentences, width(), subsequent_indent=indent)


def _facts(facts: Mapping[str, Any], depth: int = 0) -> str:
    """A line for each fact, facts inside it below."""
    lines = []
    for key, value in facts.items():
        label = "  " * depth + words().label(key)
        if isinstance(value, Mapping):
            lines += [f"{label}:", _facts(value, depth + 1)]
            continue
        lines += textwrap.wrap(
            words().told(key, value),
            WIDEST,
            initial_indent=f"{label:<{LABEL_WIDTH - 1}} ",
            subsequent_indent=" " * LABEL_WIDTH,
        ) or [label]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else decimal(value, 3)


def _accuracy(content: Accuracy) -> str:
    heads, names = words().short, words().measured_on
    columns = ("n_tracks", "track", "segment", "macro_f1", "roc_auc", "calibration_error")
    in_table = ("segment_accuracy", "macro_f1", "mean_roc_auc", "calibration_error")
    rows, rest = [], []
    sentences = [
        words().honest_accuracy(content.version, content.test.accuracy, content.test.n_tracks)
    ]
    if elsewhere := content.elsewhere:
        name = names["elsewhere"].lower()
        rows.append([name, str(elsewhere.n_tracks), interval(elsewhere), *"----"])
        rest += [f"{name}:", _facts({"of": elsewhere.of, "by": elsewhere.by}, 1)]
        sentences.insert(0, words().elsewhere(elsewhere))
    for report in content.reports:
        name = names.get(report.name, words().label(report.name)).lower()
        numbers = (report.macro_f1, report.roc_auc, report.calibration_error)
        rows.append(
            [
                name,
                str(report.n_tracks),
                interval(report.accuracy),
                interval(report.segment) if report.segment else "-",
                *map(_number, numbers),
            ]
        )
        if facts := {key: each for key, each in report.facts.items() if key not in in_table}:
            rest += [f"{name}:", _facts(facts, 1)]
    if content.facts:
        rest.append(_facts(content.facts))
    lines = [
        *map(_wrapped, sentences),
        table(["", *(heads[column] for column in columns)], rows),
        _wrapped(words().short_note),
        *([_wrapped(words().elsewhere_note)] if elsewhere else []),
    ]
    return "\n".join([*lines, *rest])


def _collections(content: Sequence[Collection]) -> str:
    rows = []
    for each in content:
        perfect = each.calibration_error_if_perfect
        rows.append(
            [
                each.name,
                figure(each.n_tracks),
                interval(each.accuracy),
                percent(each.calibration_error),
                percent(perfect.mean),
                percent(perfect.percentile_95),
                "-" if each.flagged_share is None else percent(each.flagged_share),
            ]
        )
    measures = ("right", "calibration_error", "by_chance", "at_most", "doubted")
    return _table(("collection", "held_out", *measures), rows)


def _confusion(content: Confusion) -> str:
    rows = [
        [genre, *(str(count or ".") for count in counts)]
        for genre, counts in zip(content.genres, content.matrix, strict=True)
    ]
    lines = [
        f"{len(content.genres)} genres are too many to show here; the version's report has all."
    ]
    for letters in (24, 5, 3):
        headers = ["is / called", *(shorten(genre, letters) for genre in content.genres)]
        if max(map(len, (made := table(headers, rows)).splitlines())) <= width():
            lines = [made]
            break
    lines += map(words().mistake, content.mistakes)
    return "\n".join(lines)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return table([words().columns[column] for column in columns], rows)


def _per_genre(content: Sequence[Genre]) -> str:
    return _table(
        ("genre", "precision", "recall", "f1", "area", "support"),
        [
            [
                genre.name,
                percent(genre.precision),
                percent(genre.recall),
                decimal(genre.f1, 3),
                _number(genre.area),
                figure(genre.support),
            ]
            for genre in content
        ],
    )


def _reliability(content: Sequence[Bin]) -> str:
    return _table(
        ("sure", "right", "support"),
        [[percent(each.confidence), percent(each.accuracy), figure(each.n)] for each in content],
    )


def _unfamiliar(content: Doubt) -> str:
    lines = [_wrapped(words().doubts(content))]
    if content.facts:
        lines.append(_facts(content.facts))
    if content.sounds:
        rows = [
            [sound.name, decimal(sound.score, 3), words().answer(sound.flag)]
            for sound in content.sounds
        ]
        lines.append(_table(("sound", "score", "answer"), rows))
    return "\n".join(lines)


def disturbance_table(rows: Sequence[tuple[Disturbed, Disturbed | None]]) -> str:
    """The cost of disturbed sound: on the tracks, and in the cross-validation beside them."""
    columns = ["change", "right", "points", "changed"]
    studied = any(study for _, study in rows)
    if studied:
        columns += ["studied", "points"]
    cells = []
    for row, study in rows:
        cells.append([row.name, *_disturbed(row), percent(row.changed)])
        if studied:
            cells[-1] += _disturbed(study) if study else ["-", "-"]
    return f"{_table(columns, cells)}\n{_wrapped(words().level_note)}"


def _disturbed(row: Disturbed) -> list[str]:
    return [percent(row.accuracy), decimal(100 * row.difference, 1, signed=True)]


def _taught(content: Taught) -> str:
    rows = [
        [
            genre.name,
            figure(genre.examples),
            percent(genre.recall),
            percent(genre.precision),
            percent(genre.balanced_accuracy),
        ]
        for genre in content.genres
    ]
    columns = ("left_out", "examples", "recall", "precision", "all_genres")
    return f"{_wrapped(words().teaches(content))}\n{_table(columns, rows)}"


def _training(content: Learned) -> str:
    lines = [_facts(content.facts)] if content.facts else []
    if content.note:
        lines.append(_wrapped(content.note))
    lines += [_wrapped(f"- {each}", "  ") for each in words().limits(content).splitlines()]
    return "\n".join(lines)


def _measuring(content: Measuring) -> str:
    parts = [_wrapped(content.method) if content.method else "", _facts(content.facts)]
    return "\n".join(filter(None, parts))


# Curves are for pages; the values of every epoch are told among the facts of the training.
LAYOUTS: dict[str, Callable[[Any], str]] = {
    "accuracy": _accuracy,
    "collections": _collections,
    "confusion": _confusion,
    "per_genre": _per_genre,
    "reliability": _reliability,
    "unfamiliar": _unfamiliar,
    "robustness": disturbance_table,
    "taught": _taught,
    "training": _training,
    "measuring": _measuring,
    "licence": _wrapped,
}
