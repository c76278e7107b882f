"""Options of the commands that read a data set: which one, and the number of processes."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import TrainingError
from . import KINDS, Dataset, open_dataset


def add_dataset_arguments(parser: argparse.ArgumentParser, *more_kinds: str) -> None:
    """Declare KIND (`more_kinds` too), PATH and the options of single kinds."""
    kinds = (*KINDS, *more_kinds)
    parser.add_argument("kind", choices=kinds, metavar="KIND", help=", ".join(kinds))
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="folder of the data set; of a manifest the CSV file"
    )
    own = parser.add_argument_group("options of single kinds of data sets")
    own.add_argument(
        "--group",
        choices=("folder", "file"),
        help="folder: unit that stays together in a split: sub-folder (default) or single file",
    )
    own.add_argument(
        "--index",
        type=Path,
        metavar="FILE",
        help="gtzan: mirdata's index (the one that it fetched, if any)",
    )
    own.add_argument(
        "--lists",
        type=Path,
        metavar="FOLDER",
        help="gtzan: folder with splits/, replicas.json, artists.csv (PATH)",
    )
    own.add_argument(
        "--subset", choices=("small", "medium"), help="fma: subset of the clips (small)"
    )
    own.add_argument(
        "--metadata",
        type=Path,
        metavar="FILE",
        help="fma: tracks.csv, if it is not beside the clips",
    )


def add_jobs_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--jobs`, the number of processes; `jobs_of` reads it."""
    parser.add_argument(
        "--jobs", type=int, default=-1, metavar="N", help="number of processes (one per core)"
    )


def jobs_of(options: argparse.Namespace) -> int:
    """Number of processes; -1 for one per core.

    Raises
    ------
    TrainingError : for any other number below 1.
    """
    jobs: int = options.jobs
    if jobs < 1 and jobs != -1:
        raise TrainingError(f"--jobs {jobs}: must be 1 or more, or -1 for all cores.")
    return jobs


def dataset_of(options: argparse.Namespace) -> Dataset:
    """The data set that the options name.

    Raises
    ------
    TrainingError : as `open_dataset`.
    """
    names = ("group", "index", "lists", "subset", "metadata")
    return open_dataset(
        options.kind, options.path, **{name: getattr(options, name) for name in names}
    )
