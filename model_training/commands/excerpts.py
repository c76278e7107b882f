"""`excerpts`: how often three excerpts of a song and the whole song have one answer."""

from __future__ import annotations

import argparse

from ._options import (
    add_engine_argument,
    add_models_argument,
    add_songs_argument,
    add_version_argument,
)

HELP = "how often three excerpts of a song and the whole song have one answer"
EXAMPLES = """\
python -m model_training excerpts music/
python -m model_training excerpts music/ --version v10
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_songs_argument(parser, "+")
    add_version_argument(parser)
    add_engine_argument(parser)
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Print both answers of each song, then the shares."""
    import functools
    import sys

    from tqdm import tqdm

    from ..errors import TrainingError
    from ..studies.excerpts import Pair, hear_both, summary
    from ..studies.library import list_files
    from ..studies.prediction import choose, load_predictor
    from ..terminal import printable

    def show(pair: Pair) -> None:
        tqdm.write(printable(pair.text()), file=sys.stdout)

    tell = functools.partial(tqdm.write, file=sys.stderr)
    predictor = load_predictor(choose(options.models, options.version), options.engine)
    pairs = hear_both(list_files(options.files, tell), predictor, tell, show)
    if not pairs:
        raise TrainingError("No song of more than three excerpts; name longer ones.")
    print(f"{predictor.card.version}, {len(pairs)} songs: {summary(pairs)}")
