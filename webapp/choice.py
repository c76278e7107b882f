"""The choice of a model version at start: a question on a terminal, else the recommended one."""

from __future__ import annotations

import sys
from typing import Any

import click

from .inference import Registry, UnknownVersion
from .settings import StartError


def refused_lines(registry: Registry) -> list[str]:
    """One line per folder (or index) that is not used, with the reason."""
    return [f"Not used: {name}: {why}." for name, why in registry.refused.items()]


def check_any(registry: Registry, folder: object) -> None:
    """Refuse to start without a single valid model.

    Raises
    ------
    StartError : naming every refused folder and why.
    """
    if not registry.cards:
        refused = refused_lines(registry) or ["The folder holds no model at all."]
        raise StartError("\n".join([f"There is no valid model in {folder}.", *refused]))


def recommended(registry: Registry) -> str:
    """The version to take when nobody can be asked; call `check_any` before."""
    assert registry.recommended is not None
    return registry.recommended


def resolve(registry: Registry, wanted: str | None, *, ask_here: bool) -> str:
    """The version to serve: the wanted one, else the answer at the terminal, else the recommended.

    Raises
    ------
    StartError : for a version that is not there; names those that are.
    click.Abort : when the person at the terminal leaves.
    """
    if wanted is not None:
        try:
            return registry.get(wanted).version
        except UnknownVersion as error:
            raise StartError(str(error)) from None
    if ask_here and can_ask():
        return ask(registry)
    return recommended(registry)


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def ask(registry: Registry) -> str:
    """List the versions with their measured accuracy and ask until the answer names one.

    Raises
    ------
    click.Abort : on Ctrl-C or the end of the input.
    """
    versions = list(registry.cards)
    best = recommended(registry)
    click.echo("Which model version shall classify?\n")
    click.echo("\n".join(table(registry)) + "\n")
    while True:
        answer = click.prompt("Number or name", default=best).strip()
        if answer in registry.cards:
            return str(answer)
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(versions):
            return versions[int(answer) - 1]
        click.echo(
            f"{answer!r} is none of them: type a number from 1 to {len(versions)} or one of "
            f"{', '.join(versions)}."
        )


def table(registry: Registry) -> list[str]:
    """One line per version, newest last; then the genres that they know.

    Where a version tells how good it is on music from elsewhere, that comes first, in a column of
    its own: it is another measure than the test songs.
    """
    best = recommended(registry)
    summaries = [card.summary() for card in registry.cards.values()]
    rows: list[tuple[str, ...]] = [("", "", "elsewhere *", "test songs right (95 % interval)", "")]
    for number, summary in enumerate(summaries, start=1):
        found = summary["elsewhere"]
        mark = "  (recommended)" if summary["version"] == best else ""
        rows.append(
            (
                f"{number}",
                summary["version"],
                _share(found, found["n_tracks"]) if found else "",
                _share(summary["accuracy"], summary["n_test_tracks"]),
                summary["title"] + mark,
            )
        )
    if all(not summary["elsewhere"] for summary in summaries):
        rows = [(*row[:2], *row[3:]) for row in rows]
    # the title stands last, so that a long one pushes no other column aside
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    lines = []
    for first, *cells, title in rows:
        aligned = (f"{cell:<{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        lines.append("  ".join(["", f"{first:>{widths[0]}}", *aligned, title]).rstrip())
    asked = ", ".join(
        f"{summary['version']}: {found['of']}"
        for summary in summaries
        if (found := summary["elsewhere"])
    )
    if asked:
        lines += [
            "",
            f"* songs of a collection right, by a sister network that never heard it ({asked});",
            "  not to be held against another version's test songs",
        ]
    return [*lines, "", *_genres(summaries)]


def _share(found: dict[str, Any], songs: int) -> str:
    low, value, high = (f"{100 * found[name]:.1f}" for name in ("low", "value", "high"))
    return f"{value} % ({low} to {high}) of {songs}"


def _genres(summaries: list[dict[str, Any]]) -> list[str]:
    """Versions by the genres that they know; most know the same."""
    known: dict[tuple[str, ...], list[str]] = {}
    for summary in summaries:
        known.setdefault(tuple(summary["genres"]), []).append(summary["version"])
    return [
        f"{'All' if len(known) == 1 else ', '.join(versions)}: {len(genres)} genres "
        f"({', '.join(genres)})"
        for genres, versions in known.items()
    ]
