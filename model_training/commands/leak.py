"""`leak`: show how much a split by segment raises the accuracy."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_data_argument, add_seed_argument, data_of

HELP = "show how much a split by segment raises the accuracy"
EXAMPLES = """\
python -m model_training leak model_training/experiments/mfcc_images.toml --data STORE
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("experiment", type=Path, help="TOML file of the experiment")
    add_data_argument(parser)
    add_seed_argument(parser)
    parser.add_argument("--out", type=Path, help="folder of the results (runs/NAME-leak-seedN)")


def run(options: argparse.Namespace) -> None:
    """Run the study; a stopped one goes on."""
    from ..experiment import load_experiment
    from ..paths import RUNS
    from ..studies.leak import demonstrate_leak

    out = options.out or RUNS / f"{options.experiment.stem}-leak-seed{options.seed}"
    experiment = load_experiment(options.experiment)
    data = data_of(options, experiment)
    result = demonstrate_leak(experiment, data, options.seed, out, options.command_line)
    for name in ("by_track", "by_segment"):
        part = result[name]
        accuracy = part["accuracy"]
        print(
            f"split {name.replace('_', ' ')}: {accuracy['value']:.1%} [{accuracy['low']:.1%}, "
            f"{accuracy['high']:.1%}] of {part['n_segments']} segments, "
            f"{part['segments_of_trained_recordings']:.0%} of them from recordings trained on"
        )
