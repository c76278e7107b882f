"""The floors of the house: which room may build on which.

A room is a folder, or a file that stands beside the folders. A room imports from floors below its
own only, never from its own floor or from above; so no circle of rooms can close. Imports inside
functions and those that are for types count, too; types in comments of scripts do not.

To add a room, give it the lowest floor that lies above all that it needs.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

# One room for all files beside the folders that have no floor of their own.
REST = "*"


@dataclasses.dataclass(frozen=True)
class Building:
    """A folder of rooms.

    Attributes
    ----------
    folder : its path in the repository.
    ending : suffix of the files that count.
    floors : names of the rooms on each floor, from the ground up.
    """

    folder: str
    ending: str
    floors: tuple[tuple[str, ...], ...]

    def rooms(self, root: Path) -> set[str]:
        """Names of the rooms that are there."""
        files = (root / self.folder).rglob(f"*{self.ending}")
        return {self.room(path.relative_to(root / self.folder).as_posix()) for path in files}

    def room(self, name: str) -> str:
        """The room of a file, told by its path in the building."""
        first, folder, _ = name.partition("/")
        room = first.removesuffix(self.ending)
        rest = not folder and self.floor(room) is None and self.floor(REST) is not None
        return REST if rest else room

    def floor(self, room: str) -> int | None:
        """Number of a room's floor; None for one that has none."""
        return next((at for at, names in enumerate(self.floors) if room in names), None)


TRAINING = Building(
    "model_training",
    ".py",
    (
        ("__init__", "errors", "paths", "processes", "quiet", "terminal"),
        ("files",),
        ("experiment",),
        ("versions", "sound", "architectures"),
        ("datasets", "tags"),
        ("stores",),
        ("judging",),
        ("training", "reporting"),
        ("studies",),
        ("tuning", "landing"),
        ("commands",),
        ("__main__", "demo"),
    ),
)
# The server starts the site, never the other way round.
SITE = Building("webapp", ".py", (("inference",), (REST,), ("server",), ("__main__",)))
SCRIPTS = Building(
    "static/js",
    ".js",
    (
        ("base", "sw", "too_old"),
        ("sound", "analysis", "server", "offline", "model_page", "print"),
        ("songs", "timeline"),
        ("own",),
        ("intake", "memory", "answer"),
        ("list",),
        ("app", "model"),
    ),
)
BUILDINGS = (TRAINING, SITE, SCRIPTS)
