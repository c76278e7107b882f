"""`list`: the versions and their honest accuracy."""

from __future__ import annotations

import argparse

from ._options import add_models_argument

HELP = "show the versions and their honest accuracy"
EXAMPLES = """\
python -m model_training list
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Print one line for each version."""
    from ..versions import describe

    print("\n".join(describe(options.models)) or f"No versions in {options.models}.")
