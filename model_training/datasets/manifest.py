"""A manifest: a CSV file that names each sound file and its genre.

Layout: UTF-8, a header line, commas, semicolons or tabs:

    path,label,group,split
    live/lila 1.m4a,gnawa,Maalem Sam,train
    ../archive/el hamam.mp3,chaabi,,

`path` is told from the folder of the CSV file and is the clip's name. `group` (artist, album or
recording; empty: the file stands for itself) and `split` (train, validation, test or empty) may be
left out; other columns are ignored.
"""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

from ..errors import TrainingError
from .clips import (
    Clip,
    Dataset,
    Part,
    Problem,
    genre_name,
    in_one_spelling,
    linked_remark,
    same_files,
)
from .folder import LICENCE

COLUMNS = ("path", "label")
SPLITS: dict[str, Part | None] = {
    "": None,
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}


def load(path: Path) -> Dataset:
    """List the rows of a manifest.

    Raises
    ------
    TrainingError : when the file is no such table, or no row of it names a file that is there.
    """
    if not path.is_file():
        raise TrainingError(f"{path}: is no file; a CSV file with {', '.join(COLUMNS)} is needed.")
    clips: dict[str, Clip] = {}
    problems: list[Problem] = []
    for number, row in _rows(path):
        try:
            clip = _clip(path, number, row)
        except _BadRow as bad:
            problems.append(bad.problem)
            continue
        if clip.track in clips:
            reason = f"line {number} names this file again; its first line counts."
            problems.append(Problem(clip.track, clip.path, "bad_row", reason))
        elif not clip.path.is_file():
            reason = f"line {number}: there is no such file."
            problems.append(Problem(clip.track, clip.path, "missing", reason))
        else:
            clips[clip.track] = clip
    if not clips:
        raise TrainingError(
            f"{path}: names no file that is there; paths are told from {path.parent}/."
        )
    listed = sorted(in_one_spelling(clips.values()), key=lambda clip: clip.track)
    linked = same_files(listed)
    return Dataset(
        name=path.stem,
        licence=LICENCE,
        citation="",
        folder=path.parent,
        clips=listed,
        problems=problems,
        replicas=linked,
        remarks=linked_remark(linked),
    )


class _BadRow(Exception):
    def __init__(self, track: str, path: Path, code: str, reason: str):
        super().__init__(reason)
        self.problem = Problem(track, path, code, reason)


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and columns of every row that says anything."""
    try:
        # Spreadsheets begin a file with a mark (utf-8-sig) and choose the separator by country.
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            separator = max(",;\t", key=header.count)
            reader = csv.DictReader(file, delimiter=separator, restval="")
            names = {name.strip().lower(): name for name in reader.fieldnames or ()}
            if missing := [name for name in COLUMNS if name not in names]:
                raise TrainingError(
                    f"{path}: its first line has no column {missing[0]!r}; expected "
                    "path,label and, if you like, group and split."
                )
            return [
                (reader.line_num, {name: (row[key] or "").strip() for name, key in names.items()})
                for row in reader
                if any(isinstance(value, str) and value.strip() for value in row.values())
            ]
    except UnicodeDecodeError:
        raise TrainingError(f"{path}: is not UTF-8; save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise TrainingError(f"{path}: is no CSV file ({error}).") from None


def _clip(path: Path, number: int, row: dict[str, str]) -> Clip:
    track = unicodedata.normalize("NFC", row["path"].replace("\\", "/"))
    # As written first: a file may be stored under a decomposed name.
    file = path.parent / row["path"]
    if not file.is_file():
        file = path.parent / track
    if not track:
        raise _BadRow(f"line {number}", path, "bad_row", f"line {number} has no path.")
    if not row["label"]:
        raise _BadRow(track, file, "no_genre", f"line {number} has no label.")
    split = row.get("split", "").lower()
    if split not in SPLITS:
        reason = f"line {number}: {split!r} is not train, validation or test."
        raise _BadRow(track, file, "bad_row", reason)
    return Clip(
        track=track,
        path=file,
        genre=genre_name(row["label"]),
        group=row.get("group") or track,
        split=SPLITS[split],
    )
