"""`convert`: sound files of any kind to 16-bit wav."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sound.conversion import Outcome
    from ..sound.listing import LeftOut

HELP = "convert mp3, flac, ogg, m4a and others to 16-bit wav; a file or a whole tree"
EXAMPLES = """\
python -m model_training convert song.m4a --out song.wav
python -m model_training convert ~/Music/genres --out ~/Music/genres-wav
python -m model_training convert ~/Music/genres --out small --sample-rate 22050 --mono
"""
MOST_LINES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a sound file or a folder of them")
    parser.add_argument(
        "--out", type=Path, required=True, help="wav file, or the folder that mirrors PATH"
    )
    parser.add_argument(
        "--sample-rate",
        type=int,
        metavar="HZ",
        help="sample rate of the wav files (that of each source)",
    )
    parser.add_argument("--mono", action="store_true", help="mix all channels to one")
    add_batch_arguments(parser)


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of every command that works through a tree."""
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace existing results; by default they are skipped",
    )
    parser.add_argument("--jobs", type=int, help="number of threads (one per core)")


def run(options: argparse.Namespace) -> None:
    """Convert, then say what was done."""
    from ..sound.conversion import convert
    from ..sound.listing import LeftOut

    left_out = LeftOut()
    outcomes = convert(
        options.path,
        options.out,
        sample_rate=options.sample_rate,
        mono=options.mono,
        overwrite=options.overwrite,
        jobs=options.jobs,
        left_out=left_out,
    )
    tell(outcomes, "converted", left_out)


def tell(outcomes: Sequence[Outcome], done: str, left_out: LeftOut) -> None:
    """Count what was done and left out, and name what failed; an error when nothing could be done.

    Raises
    ------
    TrainingError : when every file failed.
    """
    from ..errors import TrainingError
    from ..sound.listing import left_out_text

    failed = [outcome for outcome in outcomes if outcome.failure is not None]
    made = [outcome for outcome in outcomes if outcome.written]
    if len(failed) == len(outcomes):
        first = failed[0]
        more = "" if len(failed) == 1 else f" None of {len(failed)} files could be {done}."
        raise TrainingError(f"{first.job.source}: {first.failure}{more}")
    there = len(outcomes) - len(failed) - len(made)
    print(f"{len(made)} {done}, {there} there already, {len(failed)} failed")
    for outcome in failed[:MOST_LINES]:
        print(f"  {outcome.job.source}: {outcome.failure}")
    if len(failed) > MOST_LINES:
        print(f"  and {len(failed) - MOST_LINES} more")
    for line in left_out_text(left_out):
        print(line)
