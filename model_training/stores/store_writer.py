"""Write a feature store: a folder that training reads (`store.ExtractedStore`).

- `store.json`: data set, licence, feature spec, genres, checksums, what was skipped.
- `tracks.csv`: `track,genre,group,split,seconds,path`; the path is relative to the data set.
- `features.npz`: all excerpts of all tracks one after the other, in the order of `tracks.csv`.
  Log-mel kinds have `level` uint8 (n_columns, n_mels): dB below the excerpt's maximum is
  `-top_db * (1 - (level + 0.5) / 256)`, before standardisation and DCT, so that augmentation can
  work on it. Statistics have `values` float32 (n_segments, n_coefficients), each an excerpt of one
  row. Both have `excerpt_track` int32 (row of tracks.csv), `excerpt_start` float64 (seconds from
  the track's start), `excerpt_columns` int32 and `excerpt_copy` int16 (0 for the clip itself,
  1, 2, ... for its augmented copies), each (n_excerpts,).
- `splits/<part>.txt`: one track a line, when the data set prescribes them (see `splits`).
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import importlib.metadata
import platform
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from features import FeatureSpec

from ..files import refuse_existing, replacing_folder, sha256, write_json
from .splits import write_splits
from .store import FORMAT, STORE_NAME

LIBRARIES = ("numpy", "soundfile", "soxr", "joblib", "audiomentations")
COLUMNS = ("track", "genre", "group", "split", "seconds", "path")


@dataclasses.dataclass(frozen=True)
class StoredTrack:
    """One row of `tracks.csv`; `seconds` is the length of the whole sound."""

    track: str
    genre: str
    group: str
    split: str
    seconds: float
    path: str


@dataclasses.dataclass(frozen=True)
class Excerpts:
    """The features of one track.

    Attributes
    ----------
    values : uint8 levels (n_columns, n_mels) of all excerpts, or float32 statistics
        (n_segments, n_coefficients).
    start : float64 (n_excerpts,), seconds.
    columns : int32 (n_excerpts,), rows of `values` of each excerpt.
    copy : int16 (n_excerpts,), 0 for the clip itself.
    """

    values: npt.NDArray[Any]
    start: npt.NDArray[np.float64]
    columns: npt.NDArray[np.int32]
    copy: npt.NDArray[np.int16]


@dataclasses.dataclass(frozen=True)
class About:
    """The description of a store in `store.json`.

    Attributes
    ----------
    spec : of the features.
    name, licence, citation : of the data set.
    command : that made the store.
    replicas : pairs of tracks that are the same recording.
    skipped : {"track", "path", "reason"} of every clip that gave no features.
    options : anything else that decided the features, such as the augmentation of copies.
    """

    spec: FeatureSpec
    name: str
    licence: str
    citation: str
    command: str
    replicas: Sequence[tuple[str, str]] = ()
    skipped: Sequence[Mapping[str, str]] = ()
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def write_store(
    folder: Path,
    about: About,
    tracks: Sequence[StoredTrack],
    excerpts: Callable[[int], Excerpts],
    splits: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write a store; it appears under its name only when it is whole.

    Parameters
    ----------
    folder : of the new store.
    about : the description.
    tracks : rows of `tracks.csv`.
    excerpts : called as excerpts(row) and asked again for every array, so that the features of
        one track at a time are in memory.
    splits : parts that the data set prescribes.

    Raises
    ------
    TrainingError : when the folder exists or cannot be written.
    """
    refuse_existing(folder)
    with replacing_folder(folder) as made:
        _write_tracks(made / "tracks.csv", tracks)
        n_excerpts = _write_features(made / "features.npz", about.spec, len(tracks), excerpts)
        content = {
            "format": FORMAT,
            "name": about.name,
            "licence": about.licence,
            "citation": about.citation,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": about.command,
            "feature_spec": about.spec.to_json(),
            "genres": sorted({track.genre for track in tracks}),
            "n_tracks": len(tracks),
            "n_excerpts": n_excerpts,
            "files": {name: sha256(made / name) for name in ("tracks.csv", "features.npz")},
            "replicas": [list(pair) for pair in about.replicas],
            "skipped": [dict(entry) for entry in about.skipped],
            "libraries": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in LIBRARIES},
            },
            **about.options,
        }
        write_json(made / STORE_NAME, content)
        if splits is not None:
            write_splits(made, splits, {"by": "data set", "command": about.command}, False)


def _write_tracks(path: Path, tracks: Iterable[StoredTrack]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for track in tracks:
            writer.writerow({**dataclasses.asdict(track), "seconds": round(track.seconds, 3)})


def _write_features(
    path: Path, spec: FeatureSpec, n_tracks: int, excerpts: Callable[[int], Excerpts]
) -> int:
    """Write `features.npz` track by track; returns the number of excerpts."""
    statistics = spec.kind == "statistics"
    width = spec.n_coefficients if statistics else spec.n_mels
    dtype = np.dtype(np.float32 if statistics else np.uint8)
    start, columns, copy, owner = [], [], [], []
    for row in range(n_tracks):
        found = excerpts(row)
        if found.values.shape != (int(found.columns.sum()), width) or found.values.dtype != dtype:
            raise ValueError(f"excerpts({row}): values {found.values.dtype} {found.values.shape}")
        start.append(found.start)
        columns.append(found.columns)
        copy.append(found.copy)
        owner.append(np.full(len(found.columns), row, dtype=np.int32))
    lengths = np.concatenate(columns).astype(np.int32)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with _member(archive, "values" if statistics else "level") as file:
            header = {
                "descr": np.lib.format.dtype_to_descr(dtype),
                "fortran_order": False,
                "shape": (int(lengths.sum(dtype=np.int64)), width),
            }
            np.lib.format.write_array_header_1_0(file, header)
            for row in range(n_tracks):
                file.write(excerpts(row).values.tobytes())
        for name, array in (
            ("excerpt_track", np.concatenate(owner)),
            ("excerpt_start", np.concatenate(start).astype(np.float64)),
            ("excerpt_columns", lengths),
            ("excerpt_copy", np.concatenate(copy).astype(np.int16)),
        ):
            with _member(archive, name) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return len(lengths)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    # The size of a member is not known beforehand, so it may be one of the large ones.
    return archive.open(f"{name}.npy", "w", force_zip64=True)
