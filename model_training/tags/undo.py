"""The undo file: what files had as their genre, written before any of them is touched.

UTF-8 JSON: `{"format": 2, "files": [{"file", "kind", "before": {"names", "state", "bare"}, "after":
[names]}]}`, with absolute paths and `before` as `form.Genre` has it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import TrainingError
from ..files import read_json, reading, write_json
from .change import FORMS, Tagged
from .form import Genre

FORMAT = 2


@dataclasses.dataclass(frozen=True)
class Change:
    """A file, the genre that it had, and the ones that it gets."""

    tagged: Tagged
    names: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The change as plain data."""
        genre = self.tagged.genre
        return {
            "file": str(self.tagged.path),
            "kind": self.tagged.kind,
            "before": {"names": list(genre.names), "state": genre.state, "bare": genre.bare},
            "after": list(self.names),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Change:
        """The change of an undo file.

        Raises
        ------
        KeyError, TypeError, ValueError : for other data.
        """
        before = content["before"]
        genre = Genre(_texts(before["names"]), dict(before["state"]), before["bare"] is True)
        if content["kind"] not in FORMS:
            raise ValueError(f"no kind {content['kind']!r}")
        path = Path(content["file"])
        if not path.is_absolute():
            raise ValueError(f"{path} is no whole path")
        return cls(Tagged(path, content["kind"], genre), _texts(content["after"]))


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("no list of names")
    return tuple(values)


def write_undo(path: Path, changes: Sequence[Change]) -> None:
    """Write what has to be put back, whole or not at all.

    Raises
    ------
    TrainingError : when it cannot be written.
    """
    write_json(path, {"format": FORMAT, "files": [change.to_json() for change in changes]})


def read_undo(path: Path) -> list[Change]:
    """The changes of an undo file.

    Raises
    ------
    TrainingError : for a file that cannot be read, or is none.
    """
    with reading(path):
        try:
            content = read_json(path)
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}")
            return [Change.from_json(each) for each in content["files"]]
        except UnicodeDecodeError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise TrainingError(
                f"{path}: is no undo file of --write-genre, or is damaged ({error})."
            ) from error
