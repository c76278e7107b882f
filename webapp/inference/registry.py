"""The model versions of a folder: those with a valid card, and why others are refused."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from pathlib import Path

from .card import Card, CardError

INDEX_NAME = "index.json"


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sort key that puts v2 before v10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


class UnknownVersion(KeyError):
    """A version that is not there; `str()` names those that are, and says why it is not used."""

    def __init__(self, version: str, available: Iterable[str], refused: str | None) -> None:
        self.available = list(available)
        names = ", ".join(self.available) or "none"
        why = f" Its folder is not used: {refused}." if refused else ""
        self.message = f"There is no model version {version!r}. Available: {names}.{why}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


@dataclasses.dataclass(frozen=True)
class Registry:
    """The versions of one models folder.

    Attributes
    ----------
    cards : valid versions, oldest first.
    refused : folder name (or `index.json`) and why it is not used.
    recommended : the version that `index.json` names, or the newest one; None without any.
    """

    folder: Path
    cards: dict[str, Card]
    refused: dict[str, str]
    recommended: str | None

    @classmethod
    def load(cls, folder: Path) -> Registry:
        """Read every version; a bad one is refused without harm to the others."""
        cards: dict[str, Card] = {}
        refused: dict[str, str] = {}
        try:
            entries = sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
        except OSError as error:
            return cls(folder, {}, {str(folder): f"cannot be read ({error.strerror})"}, None)
        for path in entries:
            if not path.is_dir() or path.name.startswith("."):
                continue
            try:
                cards[path.name] = Card(path)
            except CardError as error:
                refused[path.name] = str(error)
        recommended = next(reversed(cards), None)
        index = folder / INDEX_NAME
        if index.exists():
            try:
                named = json.loads(index.read_bytes())["recommended"]
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                refused[INDEX_NAME] = 'must look like {"recommended": "v1"}'
            else:
                if isinstance(named, str) and named in cards:
                    recommended = named
                else:
                    refused[INDEX_NAME] = f"recommends {named!r}, which is not there"
        return cls(folder, cards, refused, recommended)

    def get(self, version: str) -> Card:
        """The card of a version. The name is looked up, never used as a path.

        Raises
        ------
        UnknownVersion : for one that is not there.
        """
        try:
            return self.cards[version]
        except KeyError:
            raise UnknownVersion(version, self.cards, self.refused.get(version)) from None
