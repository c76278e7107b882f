"""Own genres, learned from a folder with a folder of songs for each."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from features.own_genres import (
    MAX_GENRES,
    TEACHING_ERRORS,
    Mode,
    ModelGenres,
    TeachingError,
    clean_name,
    same_names,
)
from features.own_genres_file import (
    MOST_BYTES,
    OwnGenresFile,
    OwnGenresFileError,
    write_own_genres,
)
from features.teaching import Learned, learn
from webapp.inference import Card, Predictor

from ..datasets.folder import load
from ..errors import TrainingError
from ..terminal import shorten, table
from .own_genres import MODEL_FILE, Floats, song_embedding
from .prediction import predict_file

Tell = Callable[[str], object]

# Songs that the terminal names at most.
MOST_LINES = 20
# Columns of the genre that another is taken for.
WIDEST_GENRE = 24


@dataclasses.dataclass(frozen=True)
class Example:
    """A song, and what it is an example of.

    Attributes
    ----------
    genre : as answers name it.
    folder : below the genre, such as an artist's; empty for a song that lies beside them.
    """

    path: Path
    genre: str
    folder: str


def find_examples(folder: Path, mode: Mode, tell: Tell) -> list[Example]:
    """Songs of a folder of genres, in order of their paths.

    Parameters
    ----------
    tell : gets a line for each song that has no genre, each folder without songs, and each genre
        that is taken for another spelling of one.

    Raises
    ------
    TrainingError : for a folder without songs, for names that cannot be genres, and for too few
        genres or too many.
    """
    found = load(folder)
    for problem in found.problems:
        tell(f"{problem.path}: {problem.reason}")
    for remark in found.remarks:
        tell(remark)
    parts = [clip.track.split("/") for clip in found.clips]
    filed = list(dict.fromkeys(first for first, *_ in parts))
    for name in filed:
        try:
            clean_name(name)
        except TeachingError as error:
            raise TrainingError(f"{folder / name}: {error}") from error
    spelled = dict(zip(filed, same_names(filed), strict=True))
    genres = list(dict.fromkeys(spelled.values()))
    if len(genres) > MAX_GENRES:
        raise TrainingError(f"{folder}: {TEACHING_ERRORS['many_genres']}")
    if mode == "own" and len(genres) < 2:
        raise TrainingError(
            f"{folder}: {TEACHING_ERRORS['one_genre'].rstrip('.')} (--mode beside)."
        )
    for name, genre in spelled.items():
        if clean_name(name) != genre:
            tell(f"{folder / name}: another spelling of {genre}, so taken as the same genre.")
    return [
        Example(clip.path, spelled[first], clip.group if len(below) > 1 else "")
        for clip, (first, *below) in zip(found.clips, parts, strict=True)
    ]


def embed_examples(
    examples: Sequence[Example], predictor: Predictor, tell: Tell
) -> tuple[list[Example], Floats]:
    """The examples that can be read, and their embeddings (n, size).

    Parameters
    ----------
    tell : gets a line for each song that cannot be read, and for each that is the same sound as an
        earlier one.

    Raises
    ------
    TrainingError : when none of a genre can be read.
    """
    kept: list[Example] = []
    embeddings: list[Floats] = []
    earlier: dict[bytes, Example] = {}
    for example in tqdm(examples, unit="song", disable=None, leave=False):
        try:
            prediction = predict_file(example.path, predictor).prediction
        except TrainingError as error:
            tell(str(error))
            continue
        embedding = song_embedding(prediction, predictor.card)
        first = earlier.setdefault(embedding.tobytes(), example)
        if first is not example:
            filed = (
                "counts twice" if first.genre == example.genre else f"is filed under {first.genre}"
            )
            tell(f"{example.path}: the same sound as {first.path}, which {filed}.")
        kept.append(example)
        embeddings.append(embedding)
    left = {example.genre for example in kept}
    if lost := [g for g in dict.fromkeys(e.genre for e in examples) if g not in left]:
        raise TrainingError(
            f"None of the songs of {', '.join(lost)} can be read; see above. Mend them, or take "
            f"the {'folder' if len(lost) == 1 else 'folders'} away."
        )
    return kept, np.array(embeddings)


def teach(
    examples: Sequence[Example], embeddings: Floats, model: ModelGenres, mode: Mode
) -> Learned:
    """Learn genres from examples of embeddings (n, size); songs of a folder are left out together.

    Raises
    ------
    TrainingError : when nothing can be learned from them.
    """
    try:
        return learn(
            embeddings,
            [example.genre for example in examples],
            model,
            mode,
            [example.folder for example in examples],
        )
    except TeachingError as error:
        raise TrainingError(str(error)) from error


def named_songs(examples: Sequence[Example]) -> tuple[tuple[str, str], ...]:
    r"""Names and genres of examples, for the file; what UTF-8 lacks is written out (\udc80).

    Raises
    ------
    TrainingError : when the file would have no room for them.
    """
    songs = tuple(
        (example.path.name.encode("utf-8", "backslashreplace").decode(), example.genre)
        for example in examples
    )
    # The rest of a file takes less than the other half.
    if len(json.dumps(songs, ensure_ascii=False).encode()) > MOST_BYTES // 2:
        raise TrainingError(
            f"The names of {len(songs):,} songs are too much for a file of own genres; leave "
            "--names out."
        )
    return songs


def file_text(learned: Learned, card: Card, songs: tuple[tuple[str, str], ...] | None) -> str:
    """The text of the file of own genres; with the names of `songs`, if any.

    Raises
    ------
    TrainingError : when it would be too large.
    """
    sha256 = card.files[MODEL_FILE]
    try:
        return write_own_genres(
            OwnGenresFile(card.version, card.spec.id, sha256, learned.own, songs)
        )
    except OwnGenresFileError as error:
        raise TrainingError(str(error)) from error


# --- for people -------------------------------------------------------------------------------


def lesson_text(learned: Learned, examples: Sequence[Example]) -> str:
    """What was learned, as a table of the genres and lines on what looks wrong."""
    lines = [_genre_table(learned, examples), ""]
    for genre, report in zip(learned.own.genres, learned.reports, strict=True):
        if report.overlaps:
            lines.append(
                f"{genre.name} overlaps {report.overlaps}: {report.taken_share:.0%} of its songs "
                "are taken for it when left out."
            )
    lines += _misfiled(learned, examples)
    together = " with those of its folder" if any(example.folder for example in examples) else ""
    lines += [
        f"Each song was left out{together} and asked of the others.",
        f"Shrinkage {learned.own.shrinkage:.2f}: at 0 these songs alone say how songs of a genre "
        "vary, at 1 nothing of it.",
    ]
    return "\n".join(lines)


def _genre_table(learned: Learned, examples: Sequence[Example]) -> str:
    genre_of = np.array([example.genre for example in examples])
    left_out = learned.left_out
    rows = []
    for genre, report in zip(learned.own.genres, learned.reports, strict=True):
        asked = int(((genre_of == genre.name) & left_out.judged).sum())
        taken = ""
        if report.taken_for:
            taken = f"{shorten(report.taken_for, WIDEST_GENRE)} {report.taken_share:.0%}"
        share = genre.recognised
        recognised, interval = "too few to say", ""
        if share:
            recognised = f"{round(share.value * asked)} of {asked}"
            interval = f"{share.low:.0%} to {share.high:.0%}"
        rows.append([genre.name, str(genre.songs), recognised, interval, taken])
    return table(["genre", "songs", "recognised", "80% interval", "taken for"], rows)


def _misfiled(learned: Learned, examples: Sequence[Example]) -> list[str]:
    left_out = learned.left_out
    rows = np.flatnonzero(learned.misfiled)
    lines = []
    for row in rows[:MOST_LINES]:
        example, winner = examples[row], int(left_out.probabilities[row].argmax())
        path = str(example.path).encode("utf-8", "backslashreplace").decode()
        lines.append(
            f"{path}: filed under {example.genre}, but sounds like {left_out.genres[winner]} "
            f"({left_out.probabilities[row, winner]:.0%}); look whether it is misfiled."
        )
    if len(rows) > MOST_LINES:
        lines.append(f"and {len(rows) - MOST_LINES} more that look misfiled")
    return lines
