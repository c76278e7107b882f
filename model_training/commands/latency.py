"""`latency`: measure again the time that a version takes for a song of three minutes."""

from __future__ import annotations

import argparse

from ._options import add_models_argument

HELP = "measure the time per song of versions again, on this machine, and write it to their cards"
EXAMPLES = """\
python -m model_training latency v1 v2 v3
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Measure version after version; other work on the machine makes the numbers larger."""
    from ..studies.latency import remeasure

    for version in options.versions:
        latency = remeasure(options.models, version)
        print(f"{version}: {latency['milliseconds']} ms for {latency['segments']} segments")
