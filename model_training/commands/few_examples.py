"""`few-examples`: how well own genres are learned from a few songs of each."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_data_argument, add_models_argument, add_seed_argument

HELP = "how well own genres are learned from a few songs, by networks that never heard them"
EXAMPLES = """\
python -m model_training few-examples runs/music-seed1 --data STORE --asked OTHER_STORE --beside v9
python -m model_training few-examples runs/music-cv-seed1 --data STORE --asked STORE
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "source",
        type=Path,
        help="folder of a run on other songs, or of a cross-validation that kept its networks, of "
        "which each is asked about its own fold",
    )
    add_data_argument(parser)
    parser.add_argument(
        "--asked",
        type=Path,
        required=True,
        metavar="STORE",
        help="feature store whose songs are examples and asked; its test tracks stay closed",
    )
    parser.add_argument("--examples", type=int, default=10, help="examples of each genre (10)")
    parser.add_argument("--draws", type=int, default=20, help="draws of the examples (20)")
    parser.add_argument(
        "--spread",
        type=float,
        help="for a run that was trained on the validation tracks too: embedding.spread in the "
        "cross-validation of its recipe",
    )
    parser.add_argument(
        "--beside",
        metavar="VERSION",
        help="version from whose activations logistic regression learns the same draws; one that "
        "was not trained on these songs",
    )
    parser.add_argument(
        "--activations",
        type=Path,
        metavar="FILE",
        help="npz file with track and penultimate: a teacher's activations, from which the nearest "
        "centroid learns the same draws",
    )
    add_seed_argument(parser)
    add_models_argument(parser)
    parser.add_argument(
        "--out", type=Path, help="folder of the result (runs/SOURCE-few-examples-ASKED-seedN)"
    )


def run(options: argparse.Namespace) -> None:
    """Run the study and print what it found."""
    from ..paths import RUNS
    from ..studies.few_examples import RESULT, examples_text, measure_examples
    from ..studies.unheard import open_source
    from ..versions import open_version

    source, asked = options.source.resolve().name, options.asked.resolve().name
    out = options.out or RUNS / f"{source}-few-examples-{asked}-seed{options.seed}"
    result = measure_examples(
        open_source(options.source, options.data, options.asked, options.spread),
        options.asked,
        out,
        options.command_line,
        n_examples=options.examples,
        n_draws=options.draws,
        seed=options.seed,
        beside=open_version(options.models, options.beside) if options.beside else None,
        activations=options.activations,
    )
    print(examples_text(result))
    print(f"{out / RESULT} holds the draws and all figures.")
