"""Tasks in processes of this machine, through joblib."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import joblib


def parallel(jobs: int, return_as: str) -> Any:
    """A `joblib.Parallel` whose tasks take names and numbers, and no arrays.

    joblib gives a process the name of its temporary folder in ASCII, and fails at the first accent
    in it; the folder itself is for large arrays of tasks. Here it is never made (`max_nbytes`), so
    any name does.
    """
    folder = os.environ.get("JOBLIB_TEMP_FOLDER") or tempfile.gettempdir()
    place = None if folder.isascii() else Path.cwd().anchor
    return joblib.Parallel(n_jobs=jobs, return_as=return_as, temp_folder=place, max_nbytes=None)
