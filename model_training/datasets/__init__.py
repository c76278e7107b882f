"""Labelled music, one file per kind of collection."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from ..errors import TrainingError
from .clips import PARTS, Clip, Dataset, Problem, check_clips, check_dataset

KINDS = ("gtzan", "fma", "folder", "manifest")

__all__ = [
    "KINDS",
    "PARTS",
    "Clip",
    "Dataset",
    "Problem",
    "check_clips",
    "check_dataset",
    "open_dataset",
]


def open_dataset(kind: str, path: Path, **options: Any) -> Dataset:
    """List the clips of a data set; no sound is read.

    Parameters
    ----------
    kind : one of `KINDS`; each is a module of this package whose `load` does the work.
    path : its folder, or its file for a manifest.
    options : what that `load` takes; None means its default.

    Raises
    ------
    TrainingError : for an unknown kind, an option that the kind does not have, or a path that
        holds no such data set.
    """
    if kind not in KINDS:
        raise TrainingError(f"{kind!r} is no kind of data set; choose {', '.join(KINDS)}.")
    load = importlib.import_module(f".{kind}", __package__).load
    given = {name: value for name, value in options.items() if value is not None}
    if strange := given.keys() - inspect.signature(load).parameters.keys():
        raise TrainingError(f"The data set {kind} has no option --{sorted(strange)[0]}.")
    path = Path(path)
    if not path.exists():
        raise TrainingError(f"{path}: not there; point at the data set.")
    dataset: Dataset = load(path, **given)
    return dataset
