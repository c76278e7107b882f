"""`recommend`: set the version that the site takes by default."""

from __future__ import annotations

import argparse

from ._options import add_models_argument

HELP = "set the version that the site takes by default"
EXAMPLES = """\
python -m model_training recommend v1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("version")
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Write the index of versions."""
    from ..versions import recommend

    recommend(options.models, options.version)
    print(f"{options.version} is recommended from the next start of the site on.")
