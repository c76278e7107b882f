"""`elsewhere`: accuracy on a collection that was not trained on."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import (
    add_data_argument,
    add_models_argument,
    add_seed_argument,
    data_of,
    others_than,
)

HELP = "accuracy on a collection that was not trained on"
EXAMPLES = """\
python -m model_training elsewhere my.toml --data STORE --asked OTHER_STORE --beside v9
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("experiment", type=Path, help="TOML file of the experiment")
    add_data_argument(parser)
    parser.add_argument(
        "--asked",
        type=Path,
        required=True,
        help="feature store of the other collection; its test tracks stay closed",
    )
    parser.add_argument(
        "--beside",
        nargs="+",
        default=[],
        metavar="VERSION",
        help="versions that are asked about the same tracks; only such as were not trained on them",
    )
    parser.add_argument(
        "--folds",
        type=int,
        help="number of folds of a cross-validation, from which the sister network takes a bias "
        "for genres and a temperature (by default it has neither)",
    )
    add_seed_argument(parser)
    add_models_argument(parser)
    parser.add_argument(
        "--out", type=Path, help="folder of the results (runs/NAME-elsewhere-seedN)"
    )


def run(options: argparse.Namespace) -> None:
    """Train the sister network, unless that is done, and say how often each is right."""
    from ..experiment import load_experiment
    from ..paths import RUNS
    from ..studies.elsewhere import ask_elsewhere
    from ..versions import open_version

    experiment = load_experiment(options.experiment)
    out = options.out or RUNS / f"{options.experiment.stem}-elsewhere-seed{options.seed}"
    # Stores that are named are taken as they are; of the experiment's own, all but the asked one.
    data = options.data or others_than(options.asked, data_of(options, experiment))
    result = ask_elsewhere(
        experiment,
        data,
        options.asked,
        options.seed,
        out,
        options.command_line,
        options.folds,
        [open_version(options.models, version) for version in options.beside],
    )
    of_all = result["n_tracks"] + result["n_of_unknown_genres"]
    for name, found in (("sister network", result), *result["versions"].items()):
        accuracy = found["accuracy"]
        print(
            f"{name}: {accuracy['value']:.1%} [{accuracy['low']:.1%}, {accuracy['high']:.1%}] of "
            f"{result['n_tracks']} tracks of {result['of']}; of all {of_all}: "
            f"{accuracy['value'] * result['n_tracks'] / of_all:.1%}"
        )
