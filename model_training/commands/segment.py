"""`segment`: sound files cut in pieces of equal length."""

from __future__ import annotations

import argparse
from pathlib import Path

from .convert import add_batch_arguments, tell

HELP = "cut sound files in pieces of equal length, a folder of pieces for each"
EXAMPLES = """\
python -m model_training segment song.mp3 --seconds 30 --out pieces
python -m model_training segment ~/Music/genres --seconds 30 --out ~/Music/pieces
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a sound file or a folder of them")
    parser.add_argument("--seconds", type=float, required=True, help="length of a piece")
    parser.add_argument("--out", type=Path, required=True, help="folder that mirrors PATH")
    parser.add_argument(
        "--keep-rest", action="store_true", help="keep the shorter piece at the end too"
    )
    add_batch_arguments(parser)


def run(options: argparse.Namespace) -> None:
    """Cut, then say what was done."""
    from ..sound.conversion import segment
    from ..sound.listing import LeftOut

    left_out = LeftOut()
    outcomes = segment(
        options.path,
        options.out,
        options.seconds,
        keep_rest=options.keep_rest,
        overwrite=options.overwrite,
        jobs=options.jobs,
        left_out=left_out,
    )
    tell(outcomes, "cut", left_out)
    print(f"{sum(outcome.written for outcome in outcomes)} pieces in {options.out}")
