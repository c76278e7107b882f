"""A model card as text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from ..terminal import WIDEST, shorten, table, width
from .readable import (
    Fact,
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

LABEL_WIDTH = 34


def card_text(card: Mapping[str, Any]) -> str:
    """All of a card (its JSON); what it lacks is left out."""
    test = card["metrics"]["test"]
    training = card["training"]
    track = test["track"]
    parts = [
        f"{card['version']}: {card['title']}, made {card['created']}",
        _wrapped(card["intended_use"]),
        _section("How often it is right", _accuracy(card)),
    ]
    if per_genre := track.get("per_genre"):
        parts.append(_section("Per genre (test)", _per_genre(per_genre, track.get("roc_auc", {}))))
    if matrix := track.get("confusion_matrix"):
        parts.append(_section("Confusion matrix (test)", _confusion(matrix, card["genres"])))
    if rows := disturbances(card):
        parts.append(_section("When the sound is disturbed (test)", disturbance_table(rows)))
    if card.get("unfamiliar"):
        parts.append(_section("When it is not sure", _unfamiliar(card)))
    told = (
        "data",
        "note",
        "method",
        "command",
        "cross_validation_command",
        "export_command",
        "history",
        "libraries",
    )
    for title, content in (
        ("Data", _wrapped(f"{training.get('data', '')}. {card['licence']}")),
        ("Note", _wrapped(training.get("note", ""))),
        ("Method", _wrapped(training.get("method", ""))),
        ("Features", _fact_lines(card["feature_spec"])),
        ("Architecture", _fact_lines(architecture(card))),
        ("Training", _fact_lines(without(training, *told))),
        ("Calibration", _fact_lines(card["calibration"])),
        ("Speed", _fact_lines(card["latency"])),
        ("Libraries", _fact_lines(training.get("libraries", {}))),
        # Never broken, so that they can be copied.
        ("Commands", "\n".join(commands(card))),
    ):
        if content:
            parts.append(_section(title, content))
    whole = "\n\n".join(parts)
    # A card from elsewhere must not steer the terminal.
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in whole)


def _section(title: str, content: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{content}"


def _wrapped(sentences: str) -> str:
    return textwrap.fill(sentences, width())


def _fact_lines(values: Mapping[str, Any]) -> str:
    return "\n".join(map(_fact_line, facts(values)))


def _fact_line(fact: Fact) -> str:
    label = "  " * fact.depth + fact.label
    if not fact.text:
        return f"{label}:"
    first, *rest = textwrap.wrap(fact.text, WIDEST - LABEL_WIDTH) or [""]
    lines = [f"{label:<{LABEL_WIDTH - 1}} {first}", *(" " * LABEL_WIDTH + more for more in rest)]
    return "\n".join(line.rstrip() for line in lines)


def _accuracy(card: Mapping[str, Any]) -> str:
    rows = []
    for name, report in reports(card).items():
        track = report["track"]
        segment = report.get("segment", {}).get("accuracy")
        rows.append(
            [
                name.replace("_", "-"),
                str(report["n_tracks"]),
                interval(track["accuracy"]),
                interval(segment) if segment else "-",
                *(
                    format(value, ".3f") if value is not None else "-"
                    for value in (
                        track.get("macro_f1"),
                        track.get("roc_auc", {}).get("macro"),
                        track.get("calibration_error"),
                    )
                ),
            ]
        )
    headers = ["", "tracks", "per track", "per segment", "macro F1", "mean AUC", "ECE"]
    lines = [table(headers, rows), "With 95 % intervals. ECE: expected calibration error."]
    # Told in tables and sentences of their own.
    known = ("n_tracks", "n_segments", "track", "segment", "disturbances", "flagged_share")
    rests = [without(report, *known) for report in reports(card).values()]
    lines += [_fact_lines(rest) for rest in (*rests, other_metrics(card)) if rest]
    return "\n".join(lines)


def _per_genre(per_genre: Mapping[str, Mapping[str, Any]], auc: Mapping[str, float]) -> str:
    rows = [
        [
            genre,
            percent(row["precision"]),
            percent(row["recall"]),
            f"{row['f1']:.3f}",
            f"{auc[genre]:.3f}" if genre in auc else "-",
            text(row["support"]),
        ]
        for genre, row in per_genre.items()
    ]
    return table(["genre", "precision", "recall", "F1", "ROC AUC", "tracks"], rows)


def disturbance_table(rows: Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]]) -> str:
    """Rows of `readable.disturbances` as a table, with what a reader has to know below it."""
    headers = ["log-mel", "right", "points", "another winner"]
    rows = list(rows)
    studied = any(study for _, study in rows)
    if studied:
        headers += ["cross-validation", "points"]
    cells = []
    for row, study in rows:
        cells.append([row["name"], *_disturbed(row), percent(row["changed"])])
        if studied:
            cells[-1] += _disturbed(study) if study else ["-", "-"]
    return f"{table(headers, cells)}\n{_wrapped(level_note())}"


def _disturbed(row: Mapping[str, Any]) -> list[str]:
    return [percent(row["accuracy"]), f"{100 * row['difference']:+.1f}"]


def _unfamiliar(card: Mapping[str, Any]) -> str:
    unfamiliar = card["unfamiliar"]
    lines = [_fact_lines(without(unfamiliar, "sounds", "flagged_share"))]
    if told := doubts(card):
        lines.append(_wrapped(told))
    if sounds := unfamiliar.get("sounds"):
        rows = [
            [sound["name"], f"{sound['score']:.3f}", "not sure" if sound["flag"] else "a genre"]
            for sound in sounds
        ]
        lines.append(table(["sounds tried", "score", "answer"], rows))
    return "\n".join(lines)


def _confusion(matrix: list[list[int]], genres: list[str]) -> str:
    rows = [
        [genre, *(str(count or ".") for count in counts)]
        for genre, counts in zip(genres, matrix, strict=True)
    ]
    lines = [f"{len(genres)} genres are too many to show here; the version's report has all."]
    for letters in (24, 5, 3):
        headers = ["is / called", *(shorten(genre, letters) for genre in genres)]
        if max(map(len, (made := table(headers, rows)).splitlines())) <= width():
            lines = [made]
            break
    for each in top_confusions(matrix, genres):
        lines.append(
            f"{each.true} called {each.called}: {each.count} of {round(each.count / each.share)}"
        )
    return "\n".join(lines)
