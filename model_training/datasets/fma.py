"""FMA: clips of the Free Music Archive, 30 s of mp3 each.

Citation: Defferrard, Benzi, Vandergheynst and Bresson, "FMA: A Dataset for Music Analysis", ISMIR
2017. The metadata are under CC BY 4.0; each clip has the licence that its artist chose, so look at
`track/license` before you pass a clip on.

Layout:

    <path>/fma_metadata/tracks.csv
    <path>/fma_small/000/000002.mp3

`tracks.csv` has two header rows (group, then column), then a line with nothing but the index's
name `track_id`, then one line per track. Small has 8,000 clips of 8 genres, medium 25,000 of 16;
medium includes small. The split is the published one; artists never cross it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ..errors import TrainingError
from .clips import Clip, Dataset, Part, Problem, genre_name

LICENCE = "Metadata CC BY 4.0; each clip has the Creative Commons licence of its artist."
CITATION = (
    "M. Defferrard, K. Benzi, P. Vandergheynst and X. Bresson, FMA: A Dataset for Music Analysis, "
    "ISMIR 2017"
)
# Values of the table's column `subset` that belong to each subset.
SUBSETS = {"small": {"small"}, "medium": {"small", "medium"}}
SPLITS: dict[str, Part] = {"training": "train", "validation": "validation", "test": "test"}
# mp3 files without a single second of sound, as the data set's makers and users list them:
# github.com/mdeff/fma, issues 8, 41 and 44; three of them are in small.
NO_AUDIO = frozenset(
    {1486, 5574, 65753, 80391, 98558, 98559, 98560, 98571, 99134}
    | {105247, 108925, 126981, 127336, 133297, 143992}
)
WANTED = {
    "subset": ("set", "subset"),
    "split": ("set", "split"),
    "genre": ("track", "genre_top"),
    "artist": ("artist", "id"),
}


def load(
    path: Path, *, subset: Literal["small", "medium"] = "small", metadata: Path | None = None
) -> Dataset:
    """List the clips of a subset.

    Parameters
    ----------
    path : the folder that holds `fma_metadata` and `fma_small`, or the latter itself.
    metadata : `tracks.csv` or its folder, when it lies elsewhere.

    Raises
    ------
    TrainingError : when the table or the sound is not there.
    """
    if subset not in SUBSETS:
        raise TrainingError(f"--subset: {subset!r} is not one of {', '.join(SUBSETS)}.")
    table = _find_table(path, metadata)
    root = _find_audio(path, subset)
    clips: list[Clip] = []
    problems: list[Problem] = []
    for number, row in _rows(table):
        if row["subset"] not in SUBSETS[subset]:
            continue
        track = f"{number:06d}"
        file = root / track[:3] / f"{track}.mp3"
        if number in NO_AUDIO:
            problems.append(Problem(track, file, "known_faulty", "known to hold no sound."))
        elif not row["genre"]:
            problems.append(Problem(track, file, "no_genre", "the table gives it no genre."))
        elif not file.is_file():
            reason = "the table names it; it is not there."
            problems.append(Problem(track, file, "missing", reason))
        else:
            group = f"artist {row['artist']}" if row["artist"] else track
            genre = genre_name(row["genre"])
            clips.append(Clip(track, file, genre, group, SPLITS.get(row["split"])))
    if not clips:
        raise TrainingError(
            f"{root}: none of the {len(problems)} clips of {table} that belong to {subset} is "
            "there; expected 000/000002.mp3 and so on."
        )
    clips.sort(key=lambda clip: clip.track)
    return Dataset(f"FMA {subset}", LICENCE, CITATION, root, clips, problems)


def _find_table(path: Path, metadata: Path | None) -> Path:
    if metadata is not None:
        places = [metadata / "tracks.csv", metadata]
    else:
        places = [
            path / "fma_metadata" / "tracks.csv",
            path / "tracks.csv",
            path.resolve().parent / "fma_metadata" / "tracks.csv",
        ]
    for place in places:
        if place.is_file():
            return place
    raise TrainingError(
        f"{places[0]}: not there; unpack fma_metadata.zip beside the clips, or name tracks.csv "
        "with --metadata."
    )


def _find_audio(path: Path, subset: str) -> Path:
    for place in (path / f"fma_{subset}", path):
        if any(place.glob("[0-9][0-9][0-9]")):
            return place
    raise TrainingError(
        f"{path / f'fma_{subset}'}: not there; unpack fma_{subset}.zip, which holds folders such "
        "as 000."
    )


def _rows(table: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Track number and the wanted columns of every line."""
    # Some artists' lives are longer than the module's careful limit.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        try:
            header = list(zip(next(reader), next(reader), strict=True))
            columns = {name: header.index(pair) for name, pair in WANTED.items()}
        except (StopIteration, ValueError):
            raise TrainingError(
                f"{table}: is not FMA's tracks.csv; its two header rows must name "
                + ", ".join("/".join(pair) for pair in WANTED.values())
                + "."
            ) from None
        for row in reader:
            # the line with the index's name, and whatever else is no track
            if len(row) == len(header) and row[0].isdecimal():
                yield int(row[0]), {name: row[place] for name, place in columns.items()}
