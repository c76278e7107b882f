"""Tables and playlists of answers, as the page exports them."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import TrainingError
from ..files import make_folder, replacing
from ..terminal import printable
from .library import Heard

# Spreadsheets run what begins like a formula, and a file may be called anything.
FORMULA = re.compile(r"[=+\-@\t\r]")


def groups(songs: Iterable[Heard]) -> dict[str, list[Heard]]:
    """Songs by their genre, most frequent first; those in doubt together, at the end."""
    found: dict[str, list[Heard]] = {}
    doubted: dict[str, list[Heard]] = {}
    for song in songs:
        place = doubted if song.doubt else found
        place.setdefault(song.doubt or song.genre, []).append(song)
    return dict(sorted(found.items(), key=lambda item: -len(item[1]))) | doubted


def summary(songs: Sequence[Heard]) -> str:
    """How many songs have which genre, on one line."""
    counts = ", ".join(f"{name} {len(group)}" for name, group in groups(songs).items())
    return f"{len(songs)} {'song' if len(songs) == 1 else 'songs'}: {counts}."


def write_table(path: Path, songs: Sequence[Heard]) -> None:
    r"""Write a table in CSV with the columns of the page's; what UTF-8 lacks is written out.

    Raises
    ------
    TrainingError : when it cannot be written.
    """
    genres = list(dict.fromkeys(genre for song in songs for genre in song.content["genres"]))
    own = any(song.own for song in songs)
    text = io.StringIO()
    table = csv.writer(text)
    head = ["file", "genre", "probability", "unfamiliar", "seconds", "version"]
    table.writerow([*head, *(["own_genre", "own_probability"] if own else []), *genres])
    for song in songs:
        content = song.content
        found = dict(zip(content["genres"], content["aggregate"]["probabilities"], strict=True))
        name = str(song.path)
        genre = content["aggregate"]["genre"]
        unfamiliar = "" if song.unfamiliar is None else str(song.unfamiliar).lower()
        of_own = ["" if song.doubt else _cell(song.genre), song.probability] if song.own else []
        table.writerow([
            *(_cell(name), _cell(genre), found[genre], unfamiliar),
            *(f"{content['seconds']:.2f}", content["version"]),
            *of_own,
            *(found.get(genre, "") for genre in genres),
        ])  # fmt: skip
    # The mark in front tells spreadsheets that it is UTF-8.
    with replacing(path) as unfinished:
        unfinished.write_bytes(("\ufeff" + printable(text.getvalue())).encode())


def _cell(text: str) -> str:
    return f"'{text}" if FORMULA.match(text) else text


def write_playlists(folder: Path, songs: Sequence[Heard]) -> list[Path]:
    """Write an extended M3U playlist in UTF-8 for each genre, and for songs in doubt.

    Paths lead from the folder to the songs where the system has a way, so that both can move
    together. Names that are no text stay the bytes that they are.

    Returns
    -------
    paths : of the playlists.

    Raises
    ------
    TrainingError : when one cannot be written.
    """
    make_folder(folder)
    written: list[Path] = []
    for name, group in groups(songs).items():
        stem = _file_name(name)
        path = folder / f"{stem}.m3u8"
        number = 2
        while path in written:
            path = folder / f"{stem}-{number}.m3u8"
            number += 1
        lines = [_entry(song, folder) for song in group]
        with replacing(path) as unfinished:
            unfinished.write_bytes(os.fsencode("#EXTM3U\n" + "".join(lines)))
        written.append(path)
    return written


def _file_name(genre: str) -> str:
    """A name that every system takes for a file, by the page's rule: letters, marks, digits, -."""
    letters = "".join(c if c == "-" or unicodedata.category(c)[0] in "LMN" else " " for c in genre)
    return re.sub(" +", "-", letters)


def _entry(song: Heard, folder: Path) -> str:
    # A link stands for itself, the folders that lead to it do not.
    place = song.path.parent.resolve() / song.path.name
    try:
        name = os.path.relpath(place, folder.resolve())
    except ValueError:  # another drive
        name = str(place)
    # A line that begins with # is no file.
    name = f"./{name}" if name.startswith("#") else name
    title = _one_line(song.path.stem)
    return f"#EXTINF:{round(song.content['seconds'])},{title}\n{_one_line(name)}\n"


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n]+", " ", text)


def refuse_table(path: Path | None, overwrite: bool) -> None:
    """Refuse a table that is there already.

    Raises
    ------
    TrainingError : without `overwrite`, and for a folder.
    """
    if path is None:
        return
    if path.is_dir():
        raise TrainingError(f"{path}: is a folder; name a file with --csv.")
    if path.exists() and not overwrite:
        raise TrainingError(f"{path}: exists already; name another --csv, or add --overwrite.")


def refuse_playlists(folder: Path | None, overwrite: bool) -> None:
    """Refuse a folder that holds something already.

    Raises
    ------
    TrainingError : without `overwrite`, and for a file.
    """
    if folder is None or not folder.exists():
        return
    if not folder.is_dir():
        raise TrainingError(f"{folder}: is a file; name a folder with --playlists.")
    if any(folder.iterdir()) and not overwrite:
        raise TrainingError(
            f"{folder}: holds files already; name another --playlists, or add --overwrite."
        )
