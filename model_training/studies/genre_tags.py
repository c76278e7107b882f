"""Genres of answers in the tags of files: which are written, which are left, and back again."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from ..errors import TrainingError
from ..tags.change import read_tag, restore_genre, write_genre
from ..tags.undo import Change
from ..terminal import table
from .library import Heard, Stamp, Tell


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What is to be written.

    Attributes
    ----------
    at_least : probability below which a genre is not written.
    replace : write over a genre that is there.
    words : for genres, instead of their own names.
    """

    at_least: float
    replace: bool = False
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Plan:
    """What will be done with the files.

    Attributes
    ----------
    changes : by the path under which the file was heard.
    stamps : of the files of `changes` when they were heard.
    left : how many are left as they are, by the reason.
    failed : files whose tags cannot be read or written.
    """

    changes: dict[Path, Change] = dataclasses.field(default_factory=dict)
    stamps: dict[Path, Stamp] = dataclasses.field(default_factory=dict)
    left: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    failed: int = 0

    def text(self) -> str:
        """The plan for people: a table of the genres, and a line on what is left as it is."""
        counts = collections.Counter(change.names[0] for change in self.changes.values())
        rows = [[name, str(count)] for name, count in counts.most_common()]
        lines = [table(["genre to write", "files"], rows)] if rows else []
        if self.left:
            left = ", ".join(f"{count} {reason}" for reason, count in self.left.most_common())
            lines.append(f"Left as they are: {left}.")
        return "\n".join(lines)


def plan_changes(songs: Sequence[Heard], wishes: Wishes, tell: Tell) -> Plan:
    """Decide for each answer whether its genre is written.

    Parameters
    ----------
    tell : gets a line for each file whose tags cannot be read or written.
    """
    plan = Plan()
    seen: set[Path] = set()
    for song in tqdm(songs, unit="file", disable=None, leave=False, desc="reading tags"):
        if reason := _doubt(song, wishes):
            plan.left[reason] += 1
            continue
        try:
            change = _change(song, wishes)
        except TrainingError as error:
            tell(str(error))
            plan.failed += 1
            continue
        if change.tagged.path in seen:
            plan.left["links to one of the others"] += 1
        elif reason := _kept(change, wishes):
            plan.left[reason] += 1
        else:
            plan.changes[song.path] = change
            plan.stamps[song.path] = song.stamp
        seen.add(change.tagged.path)
    return plan


def _doubt(song: Heard, wishes: Wishes) -> str:
    if song.doubt:
        return song.doubt
    if song.content["repeated"]:
        return "shorter than one segment"
    return f"below {wishes.at_least:.0%}" if song.probability < wishes.at_least else ""


def _change(song: Heard, wishes: Wishes) -> Change:
    _refuse_changed(song.path, song.stamp)
    return Change(read_tag(song.path), (wishes.words.get(song.genre, song.genre),))


def _refuse_changed(path: Path, stamp: Stamp) -> None:
    if Stamp.of(path) != stamp:
        raise TrainingError(f"{path}: was changed after it was heard; ask again.")


def _kept(change: Change, wishes: Wishes) -> str:
    there = change.tagged.genre.names
    if there == change.names:
        return "with this genre already"
    return "with a genre already (see --replace)" if there and not wishes.replace else ""


def write_changes(plan: Plan, keep_time: bool, tell: Tell) -> dict[str, Stamp]:
    """Write all genres of a plan; a file that cannot be written costs a line.

    Returns
    -------
    stamps : of the files that were written, by the path under which each was heard.
    """
    stamps = {}
    for path, change in _bar(plan.changes):
        try:
            # The question may have waited for hours.
            _refuse_changed(path, plan.stamps[path])
            write_genre(change.tagged, change.names, keep_time=keep_time)
        except TrainingError as error:
            tell(str(error))
            plan.failed += 1
            continue
        if stamp := Stamp.of(path):
            stamps[str(path)] = stamp
    return stamps


def undo_changes(changes: Sequence[Change], keep_time: bool, tell: Tell) -> tuple[int, int, int]:
    """Put genres back, but where they were changed since.

    Returns
    -------
    restored, as_before, failed : how many were put back, were as before already, and are left.
    """
    restored = as_before = failed = 0
    for _, change in _bar({change.tagged.path: change for change in changes}):
        try:
            if _undo(change, keep_time):
                restored += 1
            else:
                as_before += 1
        except TrainingError as error:
            tell(str(error))
            failed += 1
    return restored, as_before, failed


def _undo(change: Change, keep_time: bool) -> bool:
    path, before = change.tagged.path, change.tagged.genre
    there = read_tag(path)
    if there.kind != change.tagged.kind:
        raise TrainingError(f"{path}: is another file than the one that was written.")
    if there.genre == before:
        return False
    if there.genre.names != change.names:
        found = ", ".join(there.genre.names) or "nothing"
        raise TrainingError(
            f"{path}: its genre was changed since, to {found}; it is left as it is."
        )
    restore_genre(there, before, keep_time=keep_time)
    return True


def _bar(changes: Mapping[Path, Change]) -> tqdm[tuple[Path, Change]]:
    return tqdm(changes.items(), unit="file", disable=None, leave=False, desc="writing tags")
