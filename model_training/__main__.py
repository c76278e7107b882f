"""Command line of the workshop: `python -m model_training <command>`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

MODELS = Path("trained_models")

EXAMPLES = """\
examples:
  python -m model_training train model_training/experiments/v1.toml --data DATA/gtzan --seed 1
  python -m model_training export runs/v1-seed1 runs/v1-seed2 --data DATA/gtzan --version v1
  python -m model_training list
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_training",
        description="Train genre models, measure them honestly, export them for the site.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train one seed of an experiment")
    train.add_argument("experiment", type=Path, help="TOML file of the experiment")
    train.add_argument("--data", type=Path, required=True, help="folder of the feature store")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--out", type=Path, help="folder of the run (runs/NAME-seedN)")
    export = commands.add_parser(
        "export", help="measure the test once and write a version; of several seeds the middle one"
    )
    export.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    export.add_argument("--data", type=Path, required=True, help="folder of the feature store")
    export.add_argument("--version", required=True, help="name of the new version, such as v2")
    export.add_argument("--models", type=Path, default=MODELS)
    recommend = commands.add_parser("recommend", help="set the version that the site takes itself")
    recommend.add_argument("version")
    recommend.add_argument("--models", type=Path, default=MODELS)
    listing = commands.add_parser("list", help="show the versions and their honest accuracy")
    listing.add_argument("--models", type=Path, default=MODELS)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, or 2 for what the user can mend."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(words)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow takes seconds to import, so each command imports what it needs, after parsing.
    from .errors import TrainingError

    try:
        if options.command == "train":
            from .config import load_experiment
            from .training import train

            name = f"{options.experiment.stem}-seed{options.seed}"
            command = "python -m model_training " + shlex.join(words)
            run = options.out or Path("runs") / name
            record = train(
                load_experiment(options.experiment), options.data, options.seed, run, command
            )
            accuracy = record["validation"]["track"]["accuracy"]
            print(f"{run}: validation accuracy {accuracy['value']:.1%} per track")
        elif options.command == "export":
            from .export import export

            card = export(options.runs, options.data, options.models, options.version)
            accuracy = card.summary()["accuracy"]
            print(
                f"{card.folder}: test accuracy {accuracy['value']:.1%} "
                f"[{accuracy['low']:.1%}, {accuracy['high']:.1%}] per track"
            )
        elif options.command == "recommend":
            from .export import recommend

            recommend(options.models, options.version)
        else:
            from .export import describe

            print("\n".join(describe(options.models)) or f"No versions in {options.models}.")
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; nothing half-written was left.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
