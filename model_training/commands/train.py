"""`train`: one seed of an experiment."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_data_argument, add_seed_argument, data_of

HELP = "train one seed of an experiment"
EXAMPLES = """\
python -m model_training train model_training/experiments/v1.toml --data STORE --seed 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("experiment", type=Path, help="TOML file of the experiment")
    add_data_argument(parser)
    add_seed_argument(parser)
    parser.add_argument(
        "--tensorboard", type=Path, help="folder for TensorBoard's logs (by default, none)"
    )
    parser.add_argument("--out", type=Path, help="folder of the run (runs/NAME-seedN)")


def run(options: argparse.Namespace) -> None:
    """Train, then say how good it is on the validation tracks."""
    from ..experiment import load_experiment
    from ..paths import RUNS
    from ..training.runs import train

    run = options.out or RUNS / f"{options.experiment.stem}-seed{options.seed}"
    experiment = load_experiment(options.experiment)
    data = data_of(options, experiment)
    record = train(experiment, data, options.seed, run, options.command_line, options.tensorboard)
    if record["validation"] is None:
        print(f"{run}: trained on {record['n_training_tracks']} tracks; none are left to measure")
        return
    accuracy = record["validation"]["track"]["accuracy"]
    print(f"{run}: validation accuracy {accuracy['value']:.1%} per track")
