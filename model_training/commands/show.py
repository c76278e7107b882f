"""`show`: the card of a version, to read on the terminal."""

from __future__ import annotations

import argparse

from ._options import add_models_argument

HELP = "show all that is known about a version"
EXAMPLES = """\
python -m model_training show v1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("version")
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Print the card."""
    from ..reporting.terminal_card import card_text
    from ..versions import open_version

    print(card_text(open_version(options.models, options.version).to_json()))
