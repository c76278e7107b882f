"""The versions in a models folder: listing them and choosing the recommended one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.inference import Card, Registry, UnknownVersion
from webapp.inference.card import VERSION_PATTERN, VERSION_RULE
from webapp.inference.registry import INDEX_NAME

from .errors import TrainingError
from .files import write_json


def new_version(models: Path, version: str) -> Path:
    """Where a version of that name will stand.

    Raises
    ------
    TrainingError : for a name that cannot be one, and for a version that is there.
    """
    if not VERSION_PATTERN.fullmatch(version):
        raise TrainingError(f"{version!r}: {VERSION_RULE}.")
    if (models / version).exists():
        raise TrainingError(f"{models / version}: exists already; versions are never overwritten.")
    return models / version


def open_version(models: Path, version: str) -> Card:
    """The card of one version.

    Raises
    ------
    TrainingError : for a version that is not there or not valid.
    """
    try:
        return Registry.load(models).get(version)
    except UnknownVersion as error:
        raise TrainingError(f"{models}: {error}") from None


def recommend(models: Path, version: str) -> None:
    """Make `version` the one that the site takes when nobody chooses.

    Raises
    ------
    TrainingError : for a version that is not there or not valid.
    """
    card = open_version(models, version)
    write_json(models / INDEX_NAME, {"recommended": card.version})


def describe(models: Path) -> list[str]:
    """One line for each version, and one for each refused folder."""
    registry = Registry.load(models)
    lines = []
    for card in registry.cards.values():
        summary = card.summary()
        star = " (recommended)" if card.version == registry.recommended else ""
        lines.append(
            f"{card.version}{star}: {card.title}, {len(card.genres)} genres, "
            f"{_elsewhere(summary['elsewhere'])}test accuracy {_interval(summary['accuracy'])} on "
            f"{summary['n_test_tracks']} tracks"
        )
    return lines + [f"{name}: refused, {reason}" for name, reason in registry.refused.items()]


def _interval(share: Mapping[str, Any]) -> str:
    return f"{share['value']:.1%} [{share['low']:.1%}, {share['high']:.1%}]"


def _elsewhere(found: Mapping[str, Any] | None) -> str:
    """The figure for music from elsewhere, before that of the test tracks."""
    if not found:
        return ""
    return (
        f"elsewhere {_interval(found)} on {found['n_tracks']} tracks of {found['of']} (a sister "
        "network that never heard them), "
    )
