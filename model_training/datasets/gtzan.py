"""GTZAN: 10 genres of 100 clips of 30 s, 22,050 Hz mono.

Citation: Tzanetakis and Cook, "Musical genre classification of audio signals", IEEE Transactions on
Speech and Audio Processing 10(5), 2002. The clips carry no permission of their owners: for research
use only.

Layout: through `mirdata`, whose index names every clip; mirdata fetches the index from the web, or
takes a local one (`index`). Without an index, from the folders as the collection is passed around:
`<path>/<genre>/<genre>.00000.wav`, also below `genres/`, `genres_original/` or `Data/`.

Lists, each used when it is there (`lists`, by default the folder itself):

- `splits/{train,valid,test}_filtered.txt`, one `genre/track.wav` per line: the fault-filtered split
  (Kereliuk, Sturm and Larsen, "Deep learning and music adversaries", 2015). Clips that it leaves
  out belong to no part. Without it, `split` makes a stratified one.
- `replicas.json`, `[[track, track, correlation], ...]`: clips of the same recording.
- `artists.csv`, `track,artist,...`: a clip's artist is its group.

The faults are described by Sturm, "The GTZAN dataset: its contents, its faults, their effects on
evaluation, and its future use", 2013.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import soundfile

from ..errors import TrainingError
from ..files import read_json
from ..sound.kinds import SUFFIXES
from ..sound.listing import is_hidden, sound_files
from .clips import Clip, Dataset, Part, Problem, genre_name

NAME = "GTZAN"
LICENCE = "No licence is known; the clips carry no permission of their owners. Research use."
CITATION = (
    "G. Tzanetakis and P. Cook, Musical genre classification of audio signals, IEEE Transactions "
    "on Speech and Audio Processing, 2002"
)
SPLIT_FILES: dict[Part, str] = {
    "train": "train_filtered.txt",
    "validation": "valid_filtered.txt",
    "test": "test_filtered.txt",
}
# Damaged in the wav files that most people have; whole in the first edition's au files.
KNOWN_FAULTY = frozenset({"jazz.00054"})
TRACK = re.compile(r"[a-z]+\.\d{5}")
ROOTS = (
    "genres_original",
    "genres",
    "gtzan_genre/genres",
    "Data/genres_original",
    "Data/genres",
    ".",
)


def load(path: Path, *, index: Path | None = None, lists: Path | None = None) -> Dataset:
    """List the clips.

    Parameters
    ----------
    path : folder of the collection, in one of the layouts above.
    index : mirdata's index, a JSON file; without it, the one that mirdata has already fetched, else
        the folders.
    lists : folder of the split, of the replicas and of the artists.

    Raises
    ------
    TrainingError : when there is no such clip, or an index or a list cannot be read.
    """
    if not path.is_dir():
        raise TrainingError(f"{path}: is no folder; point at the folder of GTZAN.")
    if lists is not None and not lists.is_dir():
        raise TrainingError(f"{lists}: is no folder; splits/, replicas.json, artists.csv go there.")
    lists = lists or path
    artists = read_artists(lists)
    part_of = {track: part for part, tracks in read_splits(lists).items() for track in tracks}
    clips: list[Clip] = []
    problems: list[Problem] = []
    on_disk = _on_disk(path)
    for track, file in sorted((_indexed(path, index, on_disk) or on_disk).items()):
        if not file.is_file():
            problems.append(Problem(track, file, "missing", "the index names it; it is not there."))
        elif track in KNOWN_FAULTY and not _has_header(file):
            reason = "known to be damaged in the common copies of GTZAN."
            problems.append(Problem(track, file, "known_faulty", reason))
        else:
            genre = genre_name(track.split(".")[0])
            group = artists.get(track, track)
            clips.append(Clip(track, file, genre, group, part_of.get(track)))
    if not clips:
        raise TrainingError(
            f"{path}: holds no clip of GTZAN; expected <genre>/<genre>.00000.wav, or the same "
            "below genres/ or genres_original/."
        )
    return Dataset(NAME, LICENCE, CITATION, path, clips, problems, read_replicas(lists))


def _on_disk(path: Path) -> dict[str, Path]:
    """Clips by track in the first of the known places that has any."""
    for root in ROOTS:
        found: dict[str, Path] = {}
        for folder in sorted(path.glob(f"{root}/*/")):
            if not is_hidden(folder):
                for file in sound_files(folder, deep=False):
                    if TRACK.fullmatch(file.stem) and file.stem.startswith(f"{folder.name}."):
                        found[file.stem] = file
        if found:
            return found
    return {}


def _indexed(path: Path, index: Path | None, on_disk: dict[str, Path]) -> dict[str, Path] | None:
    """Clips by track as mirdata's index names them; None without an index."""
    import mirdata

    collection = mirdata.initialize("gtzan_genre", data_home=str(path))
    if index is not None:
        collection.index_path = str(index)
    elif not Path(collection.index_path).is_file():
        return None
    try:
        tracks = collection.load_tracks()
        named = {name: Path(track.audio_path) for name, track in tracks.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            f"{collection.index_path}: is no index of mirdata's gtzan_genre ({error})."
        ) from None
    # The index knows one layout; a clip may lie in another.
    return {
        name: file if file.is_file() else on_disk.get(name, file) for name, file in named.items()
    }


def _has_header(file: Path) -> bool:
    try:
        return soundfile.info(file).frames > 0
    except (soundfile.SoundFileRuntimeError, OSError):
        return False


def read_splits(folder: Path) -> dict[Part, list[str]]:
    """Tracks of the fault-filtered split's parts; empty when the folder has no `splits/`.

    Raises
    ------
    TrainingError : when only some of the three lists are there.
    """
    files = {part: folder / "splits" / name for part, name in SPLIT_FILES.items()}
    there = [file for file in files.values() if file.is_file()]
    if not there:
        return {}
    if missing := [file for file in files.values() if file not in there]:
        raise TrainingError(
            f"{missing[0]}: not there, while {there[0].name} is; all three or none."
        )
    return {part: list(_track_names(file)) for part, file in files.items()}


def _track_names(file: Path) -> Iterator[str]:
    for line in file.read_text(encoding="utf-8").splitlines():
        name = line.strip().split("/")[-1]
        stem, dot, end = name.rpartition(".")
        if name:
            yield stem if f"{dot}{end}".lower() in SUFFIXES else name


def read_replicas(folder: Path) -> list[tuple[str, str]]:
    """Pairs of tracks of `replicas.json`; empty when the folder has none.

    Raises
    ------
    TrainingError : when the file holds something else.
    """
    file = folder / "replicas.json"
    if not file.is_file():
        return []
    try:
        pairs = read_json(file)
        return [(str(first), str(second)) for first, second, *_ in pairs]
    except (ValueError, TypeError):
        raise TrainingError(f"{file}: is no list of [track, track, ...].") from None


def read_artists(folder: Path) -> dict[str, str]:
    """Artist by track of `artists.csv`, where it is known; empty when the folder has none.

    Raises
    ------
    TrainingError : when the file has other columns.
    """
    file = folder / "artists.csv"
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8", newline="") as lines:
        try:
            return {row["track"]: row["artist"] for row in csv.DictReader(lines) if row["artist"]}
        except KeyError as error:
            raise TrainingError(f"{file}: has no column {error}.") from None
