"""Options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import TrainingError
from ..paths import MODELS

if TYPE_CHECKING:
    from ..experiment import Experiment


class Group(Protocol):
    """A parser, or a group of its options."""

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Declare an option."""


def add_file_options(group: Group, told: Mapping[str, str], metavar: str = "FILE") -> None:
    """Declare options that take a path.

    Parameters
    ----------
    told : help by the option's name.
    metavar : the kind of path in the help.
    """
    for name, text in told.items():
        group.add_argument(name, type=Path, metavar=metavar, help=text)


def add_songs_argument(parser: argparse.ArgumentParser, nargs: str) -> None:
    """Declare the songs to listen to, as `files`; `nargs` is argparse's."""
    parser.add_argument(
        "files",
        type=Path,
        nargs=nargs,
        metavar="PATH",
        help="a sound file, or a folder: then the sound files in it and below are taken",
    )


def add_version_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--version`, the one to ask."""
    parser.add_argument(
        "--version", "--model", metavar="VERSION", help="version to ask (the recommended one)"
    )


def add_models_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--models`."""
    parser.add_argument(
        "--models", type=Path, default=MODELS, help=f"folder of the versions ({MODELS})"
    )


def add_engine_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--engine`."""
    parser.add_argument(
        "--engine", choices=("litert", "keras"), default="litert", help="both give the same answers"
    )


def add_seed_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--seed`; `main` refuses a negative one."""
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of everything drawn at random (1)"
    )


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--data`; `data_of` reads it."""
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        default=[],
        metavar="STORE",
        help="folder of a feature store; give it again for each further store that is trained on "
        "with it (by default the folders in the experiment's [[data]])",
    )


def data_of(options: argparse.Namespace, experiment: Experiment) -> list[Path]:
    """The folders of the stores: those of `--data`, or else the experiment's.

    Raises
    ------
    TrainingError : when neither names one, or their numbers differ.
    """
    folders: list[Path] = options.data or [Path(each.folder) for each in experiment.data]
    if not folders:
        raise TrainingError(
            "No feature store: give one with --data, or in a table [[data]] of the experiment."
        )
    if not options.data and not all(each.folder for each in experiment.data):
        raise TrainingError("[[data]] folder: name it there, or give the stores with --data.")
    if experiment.data and len(folders) != len(experiment.data):
        raise TrainingError(
            f"The experiment has {len(experiment.data)} tables [[data]], but --data names "
            f"{len(folders)}; give one folder for each, in their order."
        )
    return folders


def others_than(asked: Path | None, folders: list[Path]) -> list[Path]:
    """The stores that a sister network is trained on: all but the one that is asked about.

    Raises
    ------
    TrainingError : when there is no other.
    """
    if asked is None or not asked.exists():
        return folders
    others = [folder for folder in folders if not (folder.exists() and folder.samefile(asked))]
    if not others:
        raise TrainingError("--asked names the only store; give others with --data beside it.")
    return others
