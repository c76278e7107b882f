"""Labelled clips, the common form of all data sets, and the check that they suffice for a model.

Each data set is one file beside this one with a function `load(path, **options) -> Dataset`; see
`open_dataset`. Loading reads lists and folders only, no sound, and never stops at one bad file.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from features.own_genres import spelling

from ..errors import TrainingError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

# A model chooses among genres, and each genre needs a recording, or an artist where that is known,
# of its own in training, validation and test.
LEAST_GENRES = 2
LEAST_GROUPS = 3
# Below this a genre is usable, but its numbers say little; `validate` mentions it.
FEW_CLIPS = 20


# All that can be wrong with a clip; docs/data.md says what each means.
CODES = (
    *("missing", "unreadable", "empty", "no_sound", "no_ffmpeg"),
    *("not_finite", "silent", "too_short", "duplicate", "near_duplicate"),
    *("known_faulty", "no_genre", "bad_row", "joined", "wrong_length"),
)
# With these, all of a clip is heard nevertheless.
HEARD = frozenset({"near_duplicate", "joined", "wrong_length"})
# Written so in all spellings; all other genres are only written in small letters.
HIPHOP = "hiphop"


@dataclasses.dataclass(frozen=True)
class Clip:
    """One labelled sound file.

    Attributes
    ----------
    track : unique name in its data set, such as "blues.00000" or "gnawa/song 1.mp3".
    path : the sound file.
    genre : its label.
    group : artist, album or recording: a split never parts a group; the track itself when unknown.
    split : the part that the data set prescribes, if any.
    """

    track: str
    path: Path
    genre: str
    group: str
    split: Part | None = None


@dataclasses.dataclass(frozen=True)
class Problem:
    """A fault of one clip.

    Attributes
    ----------
    track, path : as in `Clip`.
    code : one of `CODES`.
    reason : a sentence for people.
    """

    track: str
    path: Path
    code: str
    reason: str

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"code: {self.code!r} is not one of {', '.join(CODES)}")


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A collection of labelled clips.

    Attributes
    ----------
    name, licence, citation : for the card of a model trained on it.
    folder : what paths are told relative to.
    clips : all that its index or its folders promise, known bad ones left out, in order of track.
    problems : what the index already tells: files that are not there, clips known to be faulty.
    replicas : pairs of tracks known to be the same recording; a split never parts a pair.
    remarks : sentences on what is no fault, such as the files that were left out.
    """

    name: str
    licence: str
    citation: str
    folder: Path
    clips: list[Clip]
    problems: list[Problem] = dataclasses.field(default_factory=list)
    replicas: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    remarks: list[str] = dataclasses.field(default_factory=list)

    @property
    def genres(self) -> list[str]:
        """Labels that occur, sorted."""
        return sorted({clip.genre for clip in self.clips})


def genre_name(label: str) -> str:
    """How a genre is written in this project: "Hip-Hop" and "Gnawa " are "hiphop" and "gnawa"."""
    name = " ".join(unicodedata.normalize("NFC", label).lower().split())
    return HIPHOP if spelling(name) == HIPHOP else name


def first_spellings(names: Iterable[str]) -> dict[str, str]:
    """Of each name the first one that differs in case, accents' composition, or separators only.

    "el-anka" is "El Anka", if that comes first.
    """
    first: dict[str, str] = {}
    return {
        name: first.setdefault(spelling(unicodedata.normalize("NFC", name)), name) for name in names
    }


def in_one_spelling(clips: Iterable[Clip]) -> list[Clip]:
    """The clips with one spelling of each genre and of each group that is no track of its own."""
    clips = list(clips)
    genres = first_spellings(clip.genre for clip in clips)
    groups = first_spellings(clip.group for clip in clips if clip.group != clip.track)
    return [
        dataclasses.replace(
            clip, genre=genres[clip.genre], group=groups.get(clip.group, clip.group)
        )
        for clip in clips
    ]


def same_files(clips: Iterable[Clip]) -> list[tuple[str, str]]:
    """Pairs of tracks that are one file, by links."""
    first: dict[tuple[int, int], str] = {}
    pairs = []
    for clip in clips:
        try:
            status = clip.path.stat()
        except OSError:  # a link to nothing; decoding says so
            continue
        track = first.setdefault((status.st_dev, status.st_ino), clip.track)
        if track != clip.track:
            pairs.append((track, clip.track))
    return pairs


def linked_remark(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """What there is to say about pairs of `same_files`; nothing about none."""
    if not pairs:
        return []
    first, second = pairs[0]
    return [
        f"By links, {_clips(len(pairs))} of files that are there as another clip, too, such as "
        f"{second} ({first}): one recording each, on one side of every split."
    ]


def check_clips(clips: Sequence[Clip], source: Path) -> None:
    """Refuse clips of which no honest model can be made.

    Asked with all clips of a data set before work begins, and with the usable ones after it.

    Parameters
    ----------
    clips : what is to be trained and tested on.
    source : the data set, for the message.

    Raises
    ------
    TrainingError : no clips, fewer than `LEAST_GENRES` genres, or a genre with fewer than
        `LEAST_GROUPS` recordings (artists, albums) to share among training, validation and test.
    """
    if not clips:
        raise TrainingError(f"{source}: there is no usable clip in it.")
    genres = sorted({clip.genre for clip in clips})
    if len(genres) < LEAST_GENRES:
        raise TrainingError(
            f"{source}: has one genre only ({genres[0]}); a model needs at least {LEAST_GENRES}."
        )
    for genre in genres:
        mine = [clip for clip in clips if clip.genre == genre]
        if len(mine) < LEAST_GROUPS:
            raise TrainingError(
                f"{source}: the genre {genre} has {_clips(len(mine))}; at least {LEAST_GROUPS} "
                "are needed, one each for training, validation and test. Add more, or leave the "
                "genre out."
            )
        groups = {clip.group for clip in mine}
        if len(groups) < LEAST_GROUPS and not any(clip.split for clip in mine):
            names = ", ".join(sorted(groups))
            shared = sorted(groups & {clip.group for clip in clips if clip.genre != genre})
            once = f" {shared[0]} lies in several genres and counts as one." if shared else ""
            raise TrainingError(
                f"{source}: all {_clips(len(mine))} of the genre {genre} come from "
                f"{names if len(groups) == 1 else f'two sources, {names}'}; at least "
                f"{LEAST_GROUPS} artists or albums are needed, because none may stand in training "
                f"and in test.{once} Add some, or let each file stand for itself (--group file, or "
                "an empty group in a manifest) and expect better numbers than on new artists."
            )


def check_dataset(dataset: Dataset) -> None:
    """`check_clips` with all clips that a data set promises."""
    check_clips(dataset.clips, dataset.folder)


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"


def relative(path: Path, folder: Path) -> str:
    """A path as told from a folder, where it lies in it."""
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()
