"""A folder per genre: your own music.

Layout: `<path>/<genre>/**/<song>`, any sound file that `sound/audio.py` reads; other files
(covers, playlists, hidden files) are left alone. A folder below a genre is an artist or an
album, and everything in it is one group, so that no split parts it:

    music/
      chaabi/
        El Anka/El Hamam.mp3          group chaabi/El Anka
        Guerouabi/1979/El Barah.flac  group chaabi/Guerouabi
      gnawa/
        lila 1.m4a                    a group of its own

Licence and citation are those of the music, which only its owner knows.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Literal

from ..errors import TrainingError
from ..sound.audio import is_hidden, sound_files
from .clips import Clip, Dataset, Problem, genre_name

LICENCE = "Own collection: its licence is not known here; say it in the card before you publish."


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
    entries = [entry for entry in sorted(path.iterdir()) if not is_hidden(entry)]
    for folder in (entry for entry in entries if entry.is_dir()):
        files = list(sound_files(folder))
        for clip in (_clip(path, file, group) for file in files):
            if clips.setdefault(clip.track, clip) is not clip:
                reason = "has the name of another file, spelled with other accents; rename it."
                problems.append(Problem(clip.track, clip.path, "duplicate", reason))
        if not files:
            problems.append(
                Problem(_name(folder, path), folder, "empty", "the folder holds no sound file.")
            )
    for file in sound_files(path, deep=False):
        reason = "lies beside the genre folders instead of in one, so it has no genre."
        problems.append(Problem(_name(file, path), file, "no_genre", reason))
    if not clips:
        raise TrainingError(
            f"{path}: holds no sound; expected one folder per genre with sound files in it, "
            "such as gnawa/song.mp3."
        )
    return Dataset(
        name=path.resolve().name,
        licence=LICENCE,
        citation="",
        folder=path,
        clips=sorted(clips.values(), key=lambda clip: clip.track),
        problems=problems,
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
        group=f"{genre}/{below[0]}" if together else track,
    )
