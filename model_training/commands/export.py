"""`export`: from finished runs to a version that the site offers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ._options import add_models_argument

if TYPE_CHECKING:
    from webapp.inference import Card

HELP = "measure the test tracks once and write a version; of several runs the middle one is taken"
EXAMPLES = """\
python -m model_training export runs/v1-seed1 runs/v1-seed2 --data STORE --version v1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="STORE",
        help="folder of the feature store; of several stores each, in the order of the training",
    )
    parser.add_argument(
        "--cross-validation",
        type=Path,
        help="folder of the cross-validation, for a run that was trained on validation too",
    )
    parser.add_argument(
        "--teaching",
        type=Path,
        help="folder of the study `teaching`, for a version with an embedding",
    )
    parser.add_argument(
        "--elsewhere",
        type=Path,
        help="folder of the study `elsewhere`, for the accuracy on music from elsewhere",
    )
    add_target(parser)


def run(options: argparse.Namespace) -> None:
    """Export, then say how good the version is on the test tracks."""
    from ..landing.export import export

    card = export(
        options.runs,
        options.data,
        options.models,
        options.version,
        options.command_line,
        options.cross_validation,
        options.sounds,
        options.teaching,
        options.elsewhere,
    )
    tell(card)


def add_target(parser: argparse.ArgumentParser) -> None:
    """Declare the options of every command that writes a version."""
    parser.add_argument("--version", required=True, help="name of the new version, such as v2")
    parser.add_argument(
        "--sounds",
        type=Path,
        nargs="+",
        default=(),
        help="sound files whose unfamiliarity is added to the card",
    )
    add_models_argument(parser)


def tell(card: Card) -> None:
    """Say how good a version is: on music from elsewhere, where that is known, and on its test."""
    summary = card.summary()
    if found := summary["elsewhere"]:
        print(
            f"{card.folder}: {found['value']:.1%} [{found['low']:.1%}, {found['high']:.1%}] of "
            f"{found['n_tracks']} tracks of {found['of']}, by a sister network that never heard it"
        )
    accuracy = summary["accuracy"]
    print(
        f"{card.folder}: test accuracy {accuracy['value']:.1%} "
        f"[{accuracy['low']:.1%}, {accuracy['high']:.1%}] per track"
    )
