"""The choice of a model version at start: asked on a terminal, otherwise taken."""

from __future__ import annotations

import sys

import click

from .inference import Registry
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
    """The version taken when nobody can answer; `check_any` comes before."""
    assert registry.recommended is not None
    return registry.recommended


def resolve(registry: Registry, wanted: str | None, *, ask_here: bool) -> str:
    """Turn the wish (or its absence) into a served version.

    Raises
    ------
    StartError : for a version that is not served; names those that are.
    click.Abort : when the person at the terminal leaves.
    """
    if wanted is not None:
        if wanted in registry.cards:
            return wanted
        why = registry.refused.get(wanted)
        hint = f" Its folder is not used: {why}." if why else ""
        raise StartError(
            f"There is no model version {wanted!r}. Available: {', '.join(registry.cards)}.{hint}"
        )
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
    for number, version in enumerate(versions, start=1):
        click.echo(_describe(registry, number, version, best))
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


def _describe(registry: Registry, number: int, version: str, best: str) -> str:
    summary = registry.get(version).summary()
    genres, accuracy = summary["genres"], summary["accuracy"]
    mark = "  (recommended)" if version == best else ""
    return (
        f"  {number}  {version}: {summary['title']}{mark}\n"
        f"     {len(genres)} genres: {', '.join(genres)}\n"
        f"     {100 * accuracy['value']:.1f} % of {summary['n_test_tracks']} test songs right "
        f"(95 % interval {100 * accuracy['low']:.1f} to {100 * accuracy['high']:.1f} %)\n"
    )
