"""`land`: from an experiment to a version, in one command."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_data_argument, add_seed_argument, data_of, others_than
from .cross_validate import FOLDS
from .export import add_target, tell
from .teaching import FOLDS as TEACHING_FOLDS

HELP = "train and export an experiment in one go, after the studies that it needs"
EXAMPLES = """\
python -m model_training land model_training/experiments/v1.toml --data STORE --version v9
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("experiment", type=Path, help="TOML file of the experiment")
    add_data_argument(parser)
    add_seed_argument(parser)
    parser.add_argument(
        "--folds",
        type=int,
        help="number of folds of the cross-validation, which experiments with "
        f'train_on = "train+validation" need ({FOLDS})',
    )
    parser.add_argument(
        "--asked",
        type=Path,
        metavar="STORE",
        help="feature store that a network of the same recipe, trained on the other stores, is "
        "asked about; its accuracy there stands on the card",
    )
    add_target(parser)


def run(options: argparse.Namespace) -> None:
    """Do what is not done yet, then say how good the version is on the test tracks."""
    from ..errors import TrainingError
    from ..experiment import load_experiment
    from ..landing.export import check_sounds, export
    from ..paths import RUNS
    from ..stores.store import digest, open_store
    from ..studies.cross_validation import cross_validate
    from ..studies.elsewhere import ask_elsewhere
    from ..studies.teaching import measure_teaching
    from ..training.run_record import load_run
    from ..training.runs import train
    from ..versions import new_version

    # Refuse what can be refused before hours of training.
    new_version(options.models, options.version)
    experiment = load_experiment(options.experiment)
    data = data_of(options, experiment)
    check_sounds(experiment.to_json(), options.sounds)
    others = others_than(options.asked, data)
    name, seed, command = options.experiment.stem, options.seed, options.command_line
    run = RUNS / f"{name}-seed{seed}"
    if run.exists():
        record = load_run(run)
        if record["experiment"] != experiment.to_json():
            raise TrainingError(f"{run}: made by another experiment; remove it.")
        if record["data_digest"] != digest(open_store(data)):
            raise TrainingError(f"{run}: made of other data or another split; remove it.")
    # The shortest of the studies comes first, so that a store which cannot be asked is told early.
    elsewhere = None
    if options.asked:
        elsewhere = RUNS / f"{name}-elsewhere-seed{seed}"
        ask_elsewhere(experiment, others, options.asked, seed, elsewhere, command)
    study = None
    if experiment.training.is_final:
        study = RUNS / f"{name}-cv-seed{seed}"
        cross_validate(experiment, data, seed, options.folds or FOLDS, study, command)
    elif options.folds:
        raise TrainingError(
            '--folds is for experiments with train_on = "train+validation"; this one is measured '
            "on the validation tracks."
        )
    teaching = None
    if experiment.embedding.layer:
        teaching = RUNS / f"{name}-teaching-seed{seed}"
        measure_teaching(experiment, data, seed, TEACHING_FOLDS, teaching, command)
    if not run.exists():
        train(experiment, data, seed, run, command)
    tell(
        export(
            [run],
            data,
            options.models,
            options.version,
            command,
            study,
            options.sounds,
            teaching,
            elsewhere,
        )
    )
