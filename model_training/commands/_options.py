"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..paths import MODELS


def add_models_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--models`."""
    parser.add_argument(
        "--models", type=Path, default=MODELS, help=f"folder of the versions ({MODELS})"
    )


def add_seed_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--seed`; `main` refuses a negative one."""
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of everything drawn at random (1)"
    )
