"""`teach`: own genres from a folder of songs for each, without training."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_engine_argument, add_models_argument

HELP = "learn own genres from a few songs of each, in seconds and without training"
EXAMPLES = """\
python -m model_training teach ~/Music/genres --out mine.json --version v10
python -m model_training teach ~/Music/genres --out mine.json --version v10 --mode beside
python -m model_training predict song.mp3 --own-genres mine.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder with a folder of songs for each genre"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument(
        "--version",
        "--model",
        metavar="VERSION",
        help="version to learn with, one that gives embeddings (the recommended one)",
    )
    parser.add_argument(
        "--mode",
        choices=("own", "beside"),
        default="own",
        help="answer in these genres only, or in the version's beside them (own)",
    )
    parser.add_argument("--names", action="store_true", help="keep the names of the songs in FILE")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    add_engine_argument(parser)
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Learn, write the file, say how well; a song that cannot be read costs a line."""
    import functools
    import shlex
    import sys

    from tqdm import tqdm

    from ..errors import TrainingError
    from ..files import require_writable, write_text
    from ..paths import MODELS
    from ..studies.folder_teaching import (
        embed_examples,
        file_text,
        find_examples,
        lesson_text,
        named_songs,
        teach,
    )
    from ..studies.own_genres import require_embedding
    from ..studies.prediction import choose, load_predictor

    out: Path = options.out
    if out.is_dir():
        raise TrainingError(f"{out}: is a folder; name a file with --out.")
    if out.exists() and not options.overwrite:
        raise TrainingError(
            f"{out}: exists already; choose another --out, or replace it with --overwrite."
        )
    require_writable(out)
    card = choose(options.models, options.version)
    model = require_embedding(card, options.models)
    tell = functools.partial(tqdm.write, file=sys.stderr)
    found = find_examples(options.folder, options.mode, tell)
    if options.names:
        named_songs(found)
    examples, embeddings = embed_examples(found, load_predictor(card, options.engine), tell)
    learned = teach(examples, embeddings, model, options.mode)
    write_text(out, file_text(learned, card, named_songs(examples) if options.names else None))
    print(lesson_text(learned, examples))
    if lost := len(found) - len(examples):
        print(f"{lost} of {len(found)} songs could not be read and taught nothing; see above.")
    words = ["predict", "song.mp3", "--own-genres", str(out)]
    if options.models != MODELS:
        words += ["--models", str(options.models)]
    print(
        f"{out} is written. Ask in these genres with\n  python -m model_training "
        f"{shlex.join(words)}"
    )
