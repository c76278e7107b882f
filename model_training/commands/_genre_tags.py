"""Options of `predict` that write genres into the tags of files, and put them back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import TrainingError
from ._options import add_file_options

if TYPE_CHECKING:
    from webapp.inference import Card

    from ..studies.library import Heard, Stamp
    from ..studies.own_genres import OwnJudge

AT_LEAST = 0.5


def add_tag_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    group = parser.add_argument_group("genres in the tags of the files (docs/tags.md)")
    group.add_argument(
        "--write-genre",
        action="store_true",
        help="write each genre into the tags of its file, after a question; the sound stays as it "
        "is, sample for sample, and so do all other tags",
    )
    group.add_argument("--yes", action="store_true", help="write without the question")
    group.add_argument(
        "--at-least",
        type=float,
        metavar="SHARE",
        help=f"write no genre with a smaller probability, nor one that is not sure ({AT_LEAST})",
    )
    group.add_argument("--replace", action="store_true", help="write over genres that are there")
    group.add_argument(
        "--map",
        action="append",
        metavar="GENRE=WORDS",
        help="write WORDS for GENRE; give it again for each further genre",
    )
    add_file_options(
        group,
        {
            "--undo-file": "written first, with the genres that were there "
            "(undo-genres-<time>.json)",
            "--undo": "put the genres of an undo file back; no PATH",
        },
    )
    group.add_argument(
        "--keep-time", action="store_true", help="leave the time of the files' last change"
    )


def check_options(options: argparse.Namespace) -> None:
    """Refuse options that do not go together, before anything is asked.

    Raises
    ------
    TrainingError : naming the option.
    """
    if options.undo:
        if options.files or options.write_genre:
            raise TrainingError("--undo takes no files and goes without --write-genre.")
    elif not options.files:
        raise TrainingError("Name a sound file or a folder of them.")
    if not options.write_genre:
        needing = {
            "--yes": options.yes,
            "--at-least": options.at_least is not None,
            "--replace": options.replace,
            "--map": options.map,
            "--undo-file": options.undo_file,
            "--keep-time": options.keep_time and not options.undo,
        }
        if given := [name for name, value in needing.items() if value]:
            raise TrainingError(f"{given[0]} goes with --write-genre only.")
        return
    if options.at_least is not None and not 0 <= options.at_least <= 1:
        raise TrainingError("--at-least: a share between 0 and 1 is needed, such as 0.6.")
    if not options.yes and not sys.stdin.isatty():
        raise TrainingError(
            "--write-genre asks before it writes, and there is no terminal to answer: add --yes."
        )
    if options.undo_file:
        _refuse_undo_file(options.undo_file)
    _require_mutagen()


def _refuse_undo_file(path: Path) -> None:
    from ..files import require_writable

    if path.exists():
        raise TrainingError(f"{path}: exists already; name another --undo-file.")
    require_writable(path)


def _require_mutagen() -> None:
    import importlib.util

    if importlib.util.find_spec("mutagen") is None:
        raise TrainingError(
            "The Python package mutagen, which writes tags, is not installed: install "
            "requirements.txt."
        )


def words_of(options: argparse.Namespace, card: Card, judge: OwnJudge | None) -> dict[str, str]:
    """The words of `--map` by genre.

    Raises
    ------
    TrainingError : for a genre that is never answered, and for words that are none.
    """
    genres: Collection[str] = card.genres
    if judge:
        beside = card.genres if judge.own.mode == "beside" else ()
        genres = dict.fromkeys([*judge.own.names, *beside])
    words: dict[str, str] = {}
    for pair in options.map or ():
        genre, equals, text = pair.partition("=")
        text = text.strip()
        if not equals or not text or not text.isprintable():
            raise TrainingError(f"--map {pair!r}: GENRE=WORDS is needed, such as rock=Rock.")
        if genre not in genres:
            raise TrainingError(f"--map: {genre!r} is none of the genres: {', '.join(genres)}.")
        words[genre] = text
    return words


def write_genres(
    options: argparse.Namespace, songs: Sequence[Heard], words: dict[str, str]
) -> tuple[dict[str, Stamp], int]:
    """Tell what would be written, ask, write the undo file, then the tags.

    Returns
    -------
    stamps : of the files that were written, by the path under which each was heard.
    failed : how many could not be written.

    Raises
    ------
    TrainingError : when the undo file cannot be written.
    """
    import functools
    import shlex
    import time

    from tqdm import tqdm

    from ..studies.genre_tags import Wishes, plan_changes, write_changes
    from ..tags.undo import write_undo

    tell = functools.partial(tqdm.write, file=sys.stderr)
    at_least = AT_LEAST if options.at_least is None else options.at_least
    plan = plan_changes(songs, Wishes(at_least, options.replace, words), tell)
    if text := plan.text():
        print(text)
    stamps: dict[str, Stamp] = {}
    if not plan.changes:
        print("There is no genre to write.")
    elif not options.yes and not _agreed(len(plan.changes)):
        print("Nothing was written.")
    else:
        undo: Path = options.undo_file or Path(f"undo-genres-{time.strftime('%Y%m%d-%H%M%S')}.json")
        _refuse_undo_file(undo)
        write_undo(undo, list(plan.changes.values()))
        print(
            f"{undo} is written. Put the old genres back with\n  "
            f"python -m model_training predict --undo {shlex.quote(str(undo))}",
            flush=True,
        )
        stamps = write_changes(plan, options.keep_time, tell)
        print(f"{_files(len(stamps))} got a genre.")
    return stamps, plan.failed


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _agreed(count: int) -> bool:
    try:
        answer = input(f"Write the genre into {_files(count)}? [y/N] ")
    except EOFError:
        print()
        return False
    return answer.strip().lower() in ("y", "yes")


def undo(options: argparse.Namespace) -> None:
    """Put the genres of an undo file back.

    Raises
    ------
    TrainingError : for a file that is none, and when some could not be put back.
    """
    import functools

    from tqdm import tqdm

    _require_mutagen()
    from ..studies.genre_tags import undo_changes
    from ..tags.undo import read_undo

    tell = functools.partial(tqdm.write, file=sys.stderr)
    changes = read_undo(options.undo)
    restored, as_before, failed = undo_changes(changes, options.keep_time, tell)
    print(f"{_files(restored)} got the old genre back; {_files(as_before)} had it.")
    if failed:
        raise TrainingError(f"{failed} of {len(changes)} files are left as they are; see above.")
