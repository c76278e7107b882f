"""`teaching`: how well a genre that was never learned is told from a few examples."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_data_argument, add_seed_argument, data_of

# `land` has the same default, so that it finds a study that was finished here.
FOLDS = 3
HELP = "how well a genre that was left out of training is told from a few examples"
EXAMPLES = """\
python -m model_training teaching data/music.toml --data STORE
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("experiment", type=Path, help="TOML file of the experiment")
    add_data_argument(parser)
    parser.add_argument(
        "--folds",
        type=int,
        default=FOLDS,
        help=f"number of folds, of which the first is taught and asked ({FOLDS})",
    )
    add_seed_argument(parser)
    parser.add_argument("--out", type=Path, help="folder of the results (runs/NAME-teaching-seedN)")


def run(options: argparse.Namespace) -> None:
    """Run the study; a stopped one goes on."""
    from ..experiment import load_experiment
    from ..paths import RUNS
    from ..studies.teaching import measure_teaching

    out = options.out or RUNS / f"{options.experiment.stem}-teaching-seed{options.seed}"
    experiment = load_experiment(options.experiment)
    taught = measure_teaching(
        experiment,
        data_of(options, experiment),
        options.seed,
        options.folds,
        out,
        options.command_line,
    )["taught"]
    print(
        f"{out}: {taught['balanced_accuracy']:.1%} of all genres (balanced), recall "
        f"{taught['recall']:.1%} and precision {taught['precision']:.1%} of the genre left out"
    )
