"""`test-range`: a spot check on random test tracks."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_models_argument, add_version_argument

HELP = "spot check: some random test tracks, right or wrong"
EXAMPLES = """\
python -m model_training test-range 20
python -m model_training test-range 20 --version v1 --data STORE --seed 7
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("n", type=int, metavar="N", help="number of tracks")
    add_version_argument(parser)
    parser.add_argument(
        "--data",
        type=Path,
        help="feature store to ask the model about; by default its kept answers are read",
    )
    parser.add_argument("--seed", type=int, help="draws the same tracks again")
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Print a line for each track, then how little that proves."""
    from ..studies.prediction import choose
    from ..studies.spot_check import spot_check

    card = choose(options.models, options.version)
    print(spot_check(card, options.n, options.data, options.seed))
