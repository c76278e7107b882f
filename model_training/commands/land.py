"""`land`: from an experiment to a version, in one command."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "cross-validate, train and export an experiment in one go"
EXAMPLES = """\
python -m model_training land model_training/experiments/v8.toml --data STORE --version v8
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from ..paths import MODELS

    parser.add_argument("experiment", type=Path, help="TOML file of the experiment")
    parser.add_argument("--data", type=Path, required=True, help="folder of the feature store")
    parser.add_argument("--version", required=True, help="name of the new version, such as v2")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folds",
        type=int,
        default=3,
        help='of the cross-validation, for experiments with train_on = "train+validation" (3)',
    )
    parser.add_argument(
        "--sounds",
        type=Path,
        nargs="+",
        default=(),
        help="sound files whose unfamiliarity the card shall tell",
    )
    parser.add_argument("--models", type=Path, default=MODELS)


def run(options: argparse.Namespace) -> None:
    """Do what is not done yet, then say how good the version is on the test tracks."""
    from ..config import load_experiment
    from ..errors import TrainingError
    from ..export import export
    from ..paths import RUNS
    from ..studies import cross_validate
    from ..training import load_run, train

    if (options.models / options.version).exists():
        raise TrainingError(
            f"{options.models / options.version}: exists already; versions are never overwritten."
        )
    experiment = load_experiment(options.experiment)
    name, seed, command = options.experiment.stem, options.seed, options.command_line
    study = None
    if experiment.training.train_on == "train+validation":
        study = RUNS / f"{name}-cv-seed{seed}"
        cross_validate(experiment, options.data, seed, options.folds, study, command)
    run = RUNS / f"{name}-seed{seed}"
    if not run.exists():
        train(experiment, options.data, seed, run, command)
    elif load_run(run)["experiment"] != experiment.to_json():
        raise TrainingError(f"{run}: made by another experiment; remove it.")
    card = export(
        [run], options.data, options.models, options.version, command, study, options.sounds
    )
    accuracy = card.summary()["accuracy"]
    print(
        f"{card.folder}: test accuracy {accuracy['value']:.1%} "
        f"[{accuracy['low']:.1%}, {accuracy['high']:.1%}] per track"
    )
