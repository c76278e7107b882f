"""What a kind of tag has to offer, and the errors of all of them."""

from __future__ import annotations

import contextlib
import dataclasses
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import mutagen

from ..errors import TrainingError

# Plain data that tells how the genre stands in a file, so exactly that it can be put back.
State = Mapping[str, Any]


class TagError(TrainingError):
    """A file whose tags cannot be read or written; `str()` names it and says why."""


@dataclasses.dataclass(frozen=True)
class Genre:
    """The genre in the tags of a file.

    Attributes
    ----------
    names : as players show them; empty where there is none.
    state : how they stand in the file.
    bare : the file has no tag at all, or none but a tag that is not written here. It is no part of
        the genre: a file whose other tags came later still has the same.
    """

    names: tuple[str, ...]
    state: State
    bare: bool = dataclasses.field(default=False, compare=False)


class Form(Protocol):
    """A kind of tag."""

    def read(self, path: Path) -> Genre:
        """The genre of a file.

        Raises
        ------
        TagError : for a tag that is damaged, or of a kind that is not written.
        """

    def write(self, path: Path, names: Sequence[str]) -> None:
        """Put genres in the place of those that are there, in the file itself."""

    def restore(self, path: Path, genre: Genre) -> None:
        """Put the genre back as it stood, in the file itself.

        Raises
        ------
        KeyError, TypeError, ValueError : for the genre of another kind of tag.
        """

    def others(self, path: Path) -> object:
        """Everything in the tags but the genre, to be compared."""


@contextlib.contextmanager
def whole_tag(path: Path) -> Iterator[None]:
    """Put it in a sentence when the block finds a tag damaged.

    Raises
    ------
    TagError : naming the file and the reason.
    """
    try:
        yield
    except mutagen.MutagenError as error:
        if isinstance(error.__cause__ or error.__context__, OSError):
            reason = str(error) or type(error).__name__
            raise TagError(f"{path}: its tag cannot be read or written ({reason}).") from error
        raise damaged(path, str(error) or type(error).__name__) from error
    except (EOFError, ValueError, IndexError, KeyError, TypeError, struct.error) as error:
        raise damaged(path, str(error) or type(error).__name__) from error


def damaged(path: Path, reason: str) -> TagError:
    """The error for a damaged tag."""
    return TagError(f"{path}: its tag is damaged ({reason.rstrip('.')}); it is left as it is.")
