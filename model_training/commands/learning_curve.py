"""`learning-curve`: accuracy against the number of training tracks."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_data_argument, add_seed_argument, data_of

HELP = "accuracy against the number of training tracks"
EXAMPLES = """\
python -m model_training learning-curve model_training/experiments/mfcc_images.toml --data STORE
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("experiment", type=Path, help="TOML file of the experiment")
    add_data_argument(parser)
    add_seed_argument(parser)
    parser.add_argument("--out", type=Path, help="folder of the results (runs/NAME-curve-seedN)")


def run(options: argparse.Namespace) -> None:
    """Run the study; a stopped one goes on."""
    from ..experiment import load_experiment
    from ..paths import RUNS
    from ..studies.learning_curve import learning_curve

    out = options.out or RUNS / f"{options.experiment.stem}-curve-seed{options.seed}"
    experiment = load_experiment(options.experiment)
    data = data_of(options, experiment)
    learning_curve(experiment, data, options.seed, out, options.command_line)
    print(f"{out}/learning_curve.json")
