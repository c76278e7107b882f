"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from .errors import TrainingError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden name beside `path`, renamed to it when the block ends well, removed otherwise.

    Raises
    ------
    TrainingError : when the file cannot be written.
    """
    unfinished = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written ({error}).") from error
    finally:
        with contextlib.suppress(OSError):  # renamed, or never made
            unfinished.unlink()
