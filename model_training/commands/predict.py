"""`predict`: the genre of sound files, with the numbers of the site."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ._genre_tags import add_tag_arguments, check_options, undo, words_of, write_genres
from ._options import (
    add_engine_argument,
    add_file_options,
    add_models_argument,
    add_songs_argument,
    add_version_argument,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from webapp.inference import Card

    from ..studies.library import Answers, Heard
    from ..studies.own_genres import OwnJudge
    from ..studies.prediction import SongAnswer

HELP = "tell the genre of sound files and of folders of them, with the same numbers as the site"
EXAMPLES = """\
python -m model_training predict song.mp3 another.flac
python -m model_training predict song.mp3 --version v1 --segments
python -m model_training predict music/*.mp3 --json > answers.jsonl
python -m model_training predict song.mp3 --own-genres mine.json
python -m model_training predict ~/Music --out answers.jsonl --csv table.csv --playlists genres
python -m model_training predict ~/Music --out answers.jsonl --write-genre --map rock=Rock
python -m model_training predict music/*.mp3 --listen excerpts
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_songs_argument(parser, "*")
    add_version_argument(parser)
    add_file_options(
        parser, {"--own-genres": "answer in these genres, too: a file of `teach` or of the page"}
    )
    parser.add_argument(
        "--listen",
        choices=["whole", "excerpts"],
        default="whole",
        help="to whole songs, or to three half minutes of those that have more (%(default)s)",
    )
    parser.add_argument("--segments", action="store_true", help="show the answer of every segment")
    parser.add_argument("--json", action="store_true", help="print each answer as a line of JSON")
    _add_library_arguments(parser)
    add_tag_arguments(parser)
    add_engine_argument(parser)
    add_models_argument(parser)


def _add_library_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for many files")
    add_file_options(
        group,
        {
            "--out": "keep each answer in FILE as a line of JSON; after a stop the same command "
            "goes on",
            "--csv": "write a table, with the columns of the page's",
        },
    )
    add_file_options(group, {"--playlists": "write a playlist (m3u8) for each genre"}, "FOLDER")
    group.add_argument(
        "--overwrite", action="store_true", help="replace the table and playlists that are there"
    )


def run(options: argparse.Namespace) -> None:
    """Answer file after file; one that cannot be read costs one line, not the rest."""
    from ..studies.library import Answers, judge_name
    from ..studies.library_files import refuse_playlists, refuse_table
    from ..studies.own_genres import open_own_genres
    from ..studies.prediction import choose

    check_options(options)
    if options.undo:
        undo(options)
        return
    refuse_table(options.csv, options.overwrite)
    refuse_playlists(options.playlists, options.overwrite)
    judge = None
    if options.own_genres:
        judge = open_own_genres(options.own_genres, options.models, options.version)
    card = judge.card if judge else choose(options.models, options.version)
    words = words_of(options, card, judge)
    name = judge_name(card, options.own_genres, options.listen)
    answers = Answers(options.out, name) if options.out else None
    try:
        songs, asked = _ask(options, card, judge, name, answers)
        unwritten = _hand_out(options, songs, words, answers)
    finally:
        if answers:
            answers.close()
    refuse_failed(asked - len(songs), asked, unwritten)


def _hand_out(
    options: argparse.Namespace,
    songs: list[Heard],
    words: dict[str, str],
    answers: Answers | None,
) -> int:
    """Tell, write and tag what the options ask for; returns how many tags could not be written."""
    from ..studies.library_files import summary, write_playlists, write_table

    if any(path.is_dir() for path in options.files) and songs and not options.json:
        print(summary(songs))
    if options.csv:
        write_table(options.csv, songs)
    if options.playlists:
        write_playlists(options.playlists, songs)
    if not options.write_genre or not songs:
        return 0
    stamps, unwritten = write_genres(options, songs, words)
    if answers:
        answers.restamp(stamps)
    return unwritten


def _ask(
    options: argparse.Namespace,
    card: Card,
    judge: OwnJudge | None,
    name: str,
    answers: Answers | None,
) -> tuple[list[Heard], int]:
    """The files that have an answer now, and how many were asked about."""
    import functools
    import sys

    from tqdm import tqdm

    from ..errors import TrainingError
    from ..studies.library import hear_all, list_files
    from ..studies.prediction import load_predictor

    tell = functools.partial(tqdm.write, file=sys.stderr)
    try:
        predictor = load_predictor(card, options.engine)
        files = list_files(options.files, tell)
        if not files:
            raise TrainingError("No sound file to ask about; name a file, or a folder with some.")
        songs = hear_all(
            files, predictor, judge, name, answers, tell, _show(options, card), options.listen
        )
    except KeyboardInterrupt:
        if answers:
            print(
                f"{len(answers.heard)} answers are in {options.out}; the same command goes on.",
                file=sys.stderr,
            )
        elif any(path.is_dir() for path in options.files):
            print("With --out FILE the next run goes on where a stop was.", file=sys.stderr)
        raise
    return songs, len(files)


def _show(options: argparse.Namespace, card: Card) -> Callable[[SongAnswer], object]:
    """How an answer is printed as it comes; not at all where files take the answers."""
    import json
    import sys

    from tqdm import tqdm

    from ..studies.prediction import answer_text
    from ..terminal import printable

    def show(answer: SongAnswer) -> None:
        if options.json:
            text = json.dumps(answer.to_json(card), ensure_ascii=False)
        else:
            text = answer_text(answer, options.segments)
        tqdm.write(printable(text), file=sys.stdout)
        sys.stdout.flush()

    kept = options.out or options.csv or options.playlists
    return (lambda answer: None) if kept and not options.json else show


def refuse_failed(failed: int, total: int, unwritten: int = 0) -> None:
    """End with an error when some of the files got no answer, or no genre into their tags.

    Raises
    ------
    TrainingError : saying how many.
    """
    from ..errors import TrainingError

    sentences = [f"{failed} of {total} files got no answer"] if failed else []
    if unwritten:
        sentences.append(f"{unwritten} tags could not be read or written")
    if sentences:
        raise TrainingError(f"{' and '.join(sentences)}; see above.")
