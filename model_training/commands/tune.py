"""`tune`: search for better values of an experiment's keys."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_data_argument, add_seed_argument, data_of

HELP = "search for better values of an experiment, as its table [tune] says"
EXAMPLES = """\
python -m model_training tune model_training/experiments/statistics.toml --data STORE
python -m model_training tune my.toml --data STORE --method hyperband --objective accuracy
python -m model_training tune my.toml --data STORE --trials 40 --repeats 3 --out runs/my-search
"""
# Most trials to print; trials.json holds all.
MOST_ROWS = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("experiment", type=Path, help="TOML file with a table [tune]")
    add_data_argument(parser)
    parser.add_argument("--method", choices=("random", "grid", "hyperband"), default="random")
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="at most N trials, besides the experiment as it stands (random: 20; grid: the whole "
        "grid; hyperband: all of its trials)",
    )
    parser.add_argument(
        "--objective",
        choices=("loss", "accuracy"),
        default="loss",
        help="measure of a trial, per track on validation: the mean negative log-likelihood after "
        "calibration (loss, the default; it varies less by chance) or the accuracy",
    )
    add_seed_argument(parser)
    parser.add_argument(
        "--repeats", type=int, default=1, metavar="N", help="seeds per trial; their mean counts (1)"
    )
    parser.add_argument("--out", type=Path, help="folder of the results (runs/NAME-tune)")


def run(options: argparse.Namespace) -> None:
    """Search, then show the trials; a stopped search goes on."""
    from ..experiment import load_experiment
    from ..paths import RUNS
    from ..tuning.search import BEST_NAME, tune
    from ..tuning.trials import TRIALS_NAME, table_of

    out = options.out or RUNS / f"{options.experiment.stem}-tune"
    experiment = load_experiment(options.experiment)
    data = data_of(options, experiment)
    outcome = tune(
        experiment,
        data,
        method=options.method,
        trials=options.trials,
        seed=options.seed,
        repeats=options.repeats,
        objective=options.objective,
        out=out,
        command=options.command_line,
    )
    if outcome.n_known:
        print(f"{outcome.n_known} trials were done by an earlier run.")
    print(f"\n{table_of(outcome, MOST_ROWS)}\n")
    if len(outcome.trials) > MOST_ROWS:
        print(f"All {len(outcome.trials)} trials: {out / TRIALS_NAME}")
    print(
        f"On {outcome.n_validation} validation tracks an accuracy has a standard error of "
        f"{100 * outcome.margin:.1f} points: smaller differences say little."
    )
    stores = " ".join(f"--data {folder}" for folder in data)
    print(f"next: python -m model_training train {out / BEST_NAME} {stores}")
