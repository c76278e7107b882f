"""`split`: deal the tracks of a feature store out to train, validation and test."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_seed_argument

HELP = "split a feature store by artist or track, stratified by genre"
EXAMPLES = """\
python -m model_training split features_cache/chaabi
python -m model_training split features_cache/chaabi --by track --validation 0.1 --test 0.3 --seed 7
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("store", type=Path, help="folder of a feature store that `extract` wrote")
    parser.add_argument(
        "--by",
        choices=("group", "track", "none", "segment"),
        default="group",
        help="unit that stays in one part: the data set's group, such as an artist (default), or "
        "the track; none leaves all tracks to training, for a store that is given beside others; "
        "segment is refused with the reason",
    )
    parser.add_argument(
        "--validation", type=float, default=0.2, help="share of each genre's tracks (0.2)"
    )
    parser.add_argument(
        "--test", type=float, default=0.2, help="share of each genre's tracks (0.2)"
    )
    add_seed_argument(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace existing splits")


def run(options: argparse.Namespace) -> None:
    """Split, then say how many tracks lie where."""
    from ..stores.store import split_store

    splits = split_store(
        options.store,
        options.by,
        options.validation,
        options.test,
        options.seed,
        options.overwrite,
        options.command_line,
    )
    counts = ", ".join(f"{len(tracks)} {part}" for part, tracks in splits.items())
    print(f"{options.store}/splits: {counts}")
