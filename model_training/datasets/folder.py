"""A folder per genre: your own music.

Layout: `<path>/<genre>/**/<song>`, any sound file that `sound/audio.py` reads; other files
(covers, playlists, hidden files) are left out and counted. Links to folders are followed. A folder
below a genre is an artist or an album, and everything in folders of its name is one group, so that
no split parts it:

    music/
      chaabi/
        El Anka/El Hamam.mp3          group El Anka
        Guerouabi/1979/El Barah.flac  group Guerouabi
      malhun/
        el-anka/live.opus             group El Anka
        lila 1.m4a                    a group of its own

Licence and citation are those of the music, which only its owner knows.
"""

from __future__ import annotations

import collections
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from ..errors import TrainingError
from ..sound.listing import LeftOut, is_hidden, left_out_text, sound_files
from .clips import (
    Clip,
    Dataset,
    Problem,
    genre_name,
    in_one_spelling,
    linked_remark,
    same_files,
)

LICENCE = "Own collection: its licence is not known here; say it in the card before you publish."
# Artists that a remark names.
MOST_NAMED = 5


def load(path: Path, *, group: Literal["folder", "file"] = "folder") -> Dataset:
    """List the songs of a folder of genres.

    Parameters
    ----------
    path : the folder whose sub-folders are the genres.
    group : "folder": the sub-folder below the genre is the artist or album; "file": every file
        stands for itself.

    Raises
    ------
    TrainingError : when the path is no folder, or holds no folder with sound in it.
    """
    if not path.is_dir():
        raise TrainingError(f"{path}: is no folder; a folder with one folder per genre is needed.")
    if group not in ("folder", "file"):
        raise TrainingError(f"--group: {group!r} is neither folder nor file.")
    clips: dict[str, Clip] = {}
    problems: list[Problem] = []
    left_out = LeftOut()
    for folder in (entry for entry in sorted(path.iterdir()) if entry.is_dir()):
        if is_hidden(folder):
            continue  # counted below
        files = list(sound_files(folder, left_out=left_out, above=path))
        for clip in (_clip(path, file, group) for file in files):
            if clips.setdefault(clip.track, clip) is not clip:
                reason = "has the name of another file, spelled with other accents; rename it."
                problems.append(Problem(clip.track, clip.path, "duplicate", reason))
        if not files:
            problems.append(
                Problem(_name(folder, path), folder, "empty", "the folder holds no sound file.")
            )
    for file in sound_files(path, deep=False, left_out=left_out):
        reason = "lies beside the genre folders instead of in one, so it has no genre."
        problems.append(Problem(_name(file, path), file, "no_genre", reason))
    if not clips:
        raise TrainingError(
            f"{path}: holds no sound; expected one folder per genre with sound files in it, "
            "such as gnawa/song.mp3."
        )
    listed = in_one_spelling(sorted(clips.values(), key=lambda clip: clip.track))
    linked = same_files(listed)
    return Dataset(
        name=path.resolve().name,
        licence=LICENCE,
        citation="",
        folder=path,
        clips=listed,
        problems=problems,
        replicas=linked,
        remarks=[
            *_remarks(clips.values(), listed),
            *linked_remark(linked),
            *left_out_text(left_out),
        ],
    )


def _name(file: Path, path: Path) -> str:
    # Some systems keep names decomposed ("e" and its accent apart); one name, one spelling.
    return unicodedata.normalize("NFC", file.relative_to(path).as_posix())


def _clip(path: Path, file: Path, group: str) -> Clip:
    track = _name(file, path)
    genre, *below = track.split("/")
    together = group == "folder" and len(below) > 1
    return Clip(
        track=track,
        path=file,
        genre=genre_name(genre),
        group=below[0] if together else track,
    )


def _remarks(found: Iterable[Clip], listed: Sequence[Clip]) -> Iterator[str]:
    """What was taken as one: spellings of a genre, and an artist's folders in several genres."""
    spelled = {clip.genre for clip in found} - {clip.genre for clip in listed}
    if spelled:
        names = ", ".join(sorted(spelled))
        yield f"Spelled in several ways and taken as one genre each: {names}."
    genres: dict[str, set[str]] = collections.defaultdict(set)
    for clip in listed:
        if clip.group != clip.track:
            genres[clip.group].add(clip.genre)
    if several := sorted(group for group, mine in genres.items() if len(mine) > 1):
        names = ", ".join(several[:MOST_NAMED]) + (", ..." if len(several) > MOST_NAMED else "")
        yield f"In several genres, and on one side of every split: {names}."
