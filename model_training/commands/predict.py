"""`predict`: the genre of sound files, with the numbers of the site."""

from __future__ import annotations

import argparse
from pathlib import Path

from ._options import add_engine_argument, add_models_argument

HELP = "tell the genre of sound files, with the same numbers as the site"
EXAMPLES = """\
python -m model_training predict song.mp3 another.flac
python -m model_training predict song.mp3 --version v1 --segments
python -m model_training predict music/*.mp3 --json > answers.jsonl
python -m model_training predict song.mp3 --own-genres mine.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument(
        "--version", "--model", metavar="VERSION", help="version to ask (the recommended one)"
    )
    parser.add_argument(
        "--own-genres",
        type=Path,
        metavar="FILE",
        help="answer in these genres, too: a file of `teach` or of the page",
    )
    parser.add_argument("--segments", action="store_true", help="show the answer of every segment")
    parser.add_argument("--json", action="store_true", help="print each answer as a line of JSON")
    add_engine_argument(parser)
    add_models_argument(parser)


def run(options: argparse.Namespace) -> None:
    """Answer file after file; one that cannot be read costs one line, not the rest."""
    import json
    import sys

    from ..errors import TrainingError
    from ..studies.own_genres import open_own_genres
    from ..studies.prediction import answer_text, choose, load_predictor, predict_file

    judge = None
    if options.own_genres:
        judge = open_own_genres(options.own_genres, options.models, options.version)
    card = judge.card if judge else choose(options.models, options.version)
    predictor = load_predictor(card, options.engine)
    failed = 0
    for path in options.files:
        try:
            answer = predict_file(path, predictor, judge)
        except TrainingError as error:
            failed += 1
            print(error, file=sys.stderr, flush=True)
            continue
        if options.json:
            print(json.dumps(answer.to_json(predictor.card), ensure_ascii=False), flush=True)
        else:
            print(answer_text(answer, options.segments), flush=True)
    refuse_failed(failed, len(options.files))


def refuse_failed(failed: int, total: int) -> None:
    """End with an error when some of the files got no answer.

    Raises
    ------
    TrainingError : saying how many.
    """
    from ..errors import TrainingError

    if failed:
        raise TrainingError(f"{failed} of {total} files got no answer; see above.")
