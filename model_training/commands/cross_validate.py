"""`cross-validate`: accuracy over folds in which no artist is on both sides."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_data_argument, add_seed_argument, data_of

# `land` has the same default, so that it finds a study that was finished here.
FOLDS = 5
HELP = "accuracy over folds in which no artist is on both sides"
EXAMPLES = """\
python -m model_training cross-validate model_training/experiments/mfcc_images.toml --data STORE
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("experiment", type=Path, help="TOML file of the experiment")
    add_data_argument(parser)
    parser.add_argument("--folds", type=int, default=FOLDS, help=f"number of folds ({FOLDS})")
    parser.add_argument(
        "--keep-networks",
        action="store_true",
        help="keep each fold's network beside its numbers, for few-examples",
    )
    add_seed_argument(parser)
    parser.add_argument("--out", type=Path, help="folder of the results (runs/NAME-cv-seedN)")


def run(options: argparse.Namespace) -> None:
    """Run the study; a stopped one goes on."""
    from ..experiment import load_experiment
    from ..paths import RUNS
    from ..studies.cross_validation import cross_validate

    out = options.out or RUNS / f"{options.experiment.stem}-cv-seed{options.seed}"
    experiment = load_experiment(options.experiment)
    data = data_of(options, experiment)
    result = cross_validate(
        experiment,
        data,
        options.seed,
        options.folds,
        out,
        options.command_line,
        options.keep_networks,
    )
    accuracy = result["accuracy"]
    print(
        f"{out}: {accuracy['value']:.1%} [{accuracy['low']:.1%}, {accuracy['high']:.1%}] of "
        f"{result['n_tracks']} tracks; folds differ by {result['fold_deviation']:.1%}"
    )
    for each in result["collections"]:
        accuracy = each["accuracy"]
        print(
            f"{each['name']}: {accuracy['value']:.1%} [{accuracy['low']:.1%}, "
            f"{accuracy['high']:.1%}] of {each['n_tracks']} tracks"
        )
