"""Feature stores, from which training and evaluation read.

`extract` writes one (`store_writer` says its layout); the ready-made arrays of GTZAN are another,
and several stores can be read as one (`joined_store`).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from features import FeatureSpec

from ..datasets import PARTS
from ..datasets.clips import Part
from ..errors import TrainingError
from ..files import digest_of, read_json, sha256
from . import levels
from . import splits as splitting
from .gtzan_store import MAIN, GtzanStore
from .joined_store import JoinedStore
from .protocol import Store as Store
from .splits import merge_groups
from .tracks import Tracks

# The folder of a store, or the folders of several that are read as one.
Data = Path | Sequence[Path]

STORE_NAME = "store.json"
FORMAT = 1
# Log-mel is stored before these are applied, so experiments may differ in them.
FREE_PARAMETERS = {"kind", "n_mfcc", "n_frames", "standardise", "decimals"}


class ExtractedStore:
    """A store that `extract` wrote; see `Store`."""

    def __init__(self, folder: Path):
        """Read and check the description.

        Raises
        ------
        TrainingError : for a store that is incomplete or was changed.
        """
        self.folder = folder
        self.folders: tuple[Path, ...] = (folder,)
        try:
            about = read_json(folder / STORE_NAME)
            if about["format"] != FORMAT:
                raise TrainingError(
                    f"{folder}: a store of format {about['format']}, this copy reads {FORMAT}; "
                    "extract it again."
                )
            self.spec = FeatureSpec.from_json(about["feature_spec"])
            self.name, self.licence = str(about["name"]), str(about["licence"])
            self.genres = tuple(str(genre) for genre in about["genres"])
            self.replicas = [(str(a), str(b)) for a, b in about["replicas"]]
            for name, digest in about["files"].items():
                if sha256(folder / name) != digest:
                    raise TrainingError(
                        f"{folder / name}: differs from the checksum in {STORE_NAME}; extract it "
                        "again."
                    )
            with (folder / "tracks.csv").open(encoding="utf-8", newline="") as file:
                self._rows = list(csv.DictReader(file))
            self.genre_of = {row["track"]: row["genre"] for row in self._rows}
            self.groups = {row["track"]: row.get("group", "") for row in self._rows}
            if alone := [track for track, group in self.groups.items() if not group]:
                raise TrainingError(
                    f"{folder / 'tracks.csv'}: {alone[0]!r} has no group, so its artist could be "
                    "trained on and tested; extract it again."
                )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrainingError(f"{folder}: not a complete feature store ({error}).") from error
        self._row_of = {row["track"]: number for number, row in enumerate(self._rows)}

    def split(self, which: Part) -> list[str]:
        """Tracks of "train", "validation" or "test"."""
        path = self.folder / "splits" / f"{which}.txt"
        try:
            names = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise TrainingError(
                f"{self.folder}: has no splits yet; run: python -m model_training split "
                f"{self.folder}"
            ) from error
        if unknown := [name for name in names if name not in self._row_of]:
            raise TrainingError(f"{path}: {unknown[0]!r} is no track of this store; split anew.")
        if not names and not self.train_only:
            raise TrainingError(f"{path}: names no track; split anew.")
        return names

    @property
    def train_only(self) -> bool:
        """Whether the split leaves all tracks to training."""
        return self._about_split.get("by") == splitting.TRAIN_ONLY

    @property
    def groups_may_cross(self) -> bool:
        """Whether the split was made by track, or prescribed by the data set."""
        return self._about_split.get("by") not in ("group", splitting.TRAIN_ONLY)

    @property
    def _about_split(self) -> dict[str, Any]:
        """How the split was made; where nobody says, by group."""
        try:
            about = read_json(self.folder / splitting.FOLDER / splitting.ABOUT)
        except (OSError, ValueError):
            return {"by": "group"}
        return about if isinstance(about, dict) else {"by": "group"}

    def check_spec(self, spec: FeatureSpec) -> None:
        """Refuse a spec whose features cannot be made of the stored ones.

        Raises
        ------
        TrainingError : naming the parameter that differs.
        """
        free = set() if "statistics" in (spec.kind, self.spec.kind) else FREE_PARAMETERS
        wanted, stored = _parameters(spec), _parameters(self.spec)
        for name in sorted(wanted.keys() | stored.keys()):
            if name not in free and wanted.get(name) != stored.get(name):
                raise TrainingError(
                    f"feature_spec: {name} = {wanted.get(name)!r}, but the store {self.folder} was "
                    f"extracted with {stored.get(name)!r}; extract it again for this experiment."
                )
        if spec.n_frames > self.spec.n_frames and spec.kind != "statistics":
            # Excerpts too short for a segment were left out, or repeated just to fill one.
            raise TrainingError(
                f"feature_spec: n_frames = {spec.n_frames}, but the store was extracted for "
                f"segments of {self.spec.n_frames}; extract it again for this experiment."
            )

    def load(self, spec: FeatureSpec, names: list[str], copies: bool = False) -> Tracks:
        """Features of these tracks; with `copies` also the augmented copies, for training.

        Raises
        ------
        TrainingError : when the spec does not fit.
        """
        self.check_spec(spec)
        wanted = {self._row_of[name]: number for number, name in enumerate(names)}
        with np.load(self.folder / "features.npz") as arrays:
            columns = arrays["excerpt_columns"].astype(np.int64)
            first = np.cumsum(columns) - columns
            track = np.array([wanted.get(int(row), -1) for row in arrays["excerpt_track"]])
            kept = (track >= 0) & (copies | (arrays["excerpt_copy"] == 0))
            if missing := sorted(set(range(len(names))) - set(track[kept].tolist())):
                raise TrainingError(f"{self.folder}: {names[missing[0]]!r} has no excerpt.")
            order = np.flatnonzero(kept)[np.argsort(track[kept], kind="stable")]
            start = np.where(arrays["excerpt_copy"] == 0, arrays["excerpt_start"], np.nan)[order]
            rows = np.concatenate([np.arange(first[i], first[i] + columns[i]) for i in order])
            if spec.kind == "statistics":
                values = arrays["values"][rows]
            else:
                values = levels.to_db(arrays["level"][rows], spec.top_db)
        lengths = columns[order]
        return Tracks(
            names=list(names),
            labels=np.array([self.genres.index(self.genre_of[name]) for name in names]),
            groups=[self.groups[name] for name in names],
            genres=self.genres,
            values=values.astype(np.float32, copy=False),
            excerpt_track=track[order].astype(np.int64),
            excerpt_first=np.cumsum(lengths) - lengths,
            excerpt_columns=lengths,
            excerpt_start_s=start,
            collection=np.zeros(len(names), dtype=np.int64),
        )


def _parameters(spec: FeatureSpec) -> dict[str, Any]:
    return {name: value for name, value in spec.to_json().items() if name != "id"} | {
        "n_coefficients": None
    }


def open_store(data: Data) -> Store:
    """The store in a folder, whichever kind it is, or those in several folders as one.

    Raises
    ------
    TrainingError : when there is none, or they do not go together.
    """
    stores = [_open_folder(folder) for folder in folders_of(data)]
    return stores[0] if len(stores) == 1 else JoinedStore(stores)


def _open_folder(folder: Path) -> Store:
    if (folder / STORE_NAME).is_file():
        return ExtractedStore(folder)
    if (folder / MAIN).is_file():
        return GtzanStore(folder)
    raise TrainingError(
        f"{folder}: no feature store there (neither {STORE_NAME} nor {MAIN}); make one with: "
        "python -m model_training extract"
    )


def folders_of(data: Data) -> tuple[Path, ...]:
    """The folders of the stores, in their order."""
    return (data,) if isinstance(data, Path) else tuple(data)


def parts_of(store: Store) -> Sequence[Store]:
    """The stores that are read as one; a store alone is itself."""
    return store.stores if isinstance(store, JoinedStore) else [store]


def digest(store: Store) -> str:
    """A checksum of the data set's name, genres and splits; equal ones make results comparable."""
    content = {
        "name": store.name,
        "genres": list(store.genres),
        "splits": {part: sorted(store.split(part)) for part in PARTS},
    }
    return digest_of(content)


def merged_groups(store: Store) -> dict[str, str]:
    """Groups that must stay on one side of a split, joined where two tracks are replicas."""
    return merge_groups(store.groups, store.replicas)


def check_split(store: Store) -> None:
    """Refuse a split in which a track, a replica or a group is on two sides.

    Where groups may cross (the card reports how many do), a recording that is tested must still
    not be trained or chosen on.

    Raises
    ------
    TrainingError : naming the tracks, the group or the genre that is left out.
    """
    splits: dict[str, list[str]] = {part: store.split(part) for part in PARTS}
    if store.train_only:
        return
    recordings = merge_groups({track: track for track in store.groups}, store.replicas)
    known = {"train and validation": splits["train"] + splits["validation"]}
    if isinstance(store, JoinedStore):
        # Each by its own rule: what one collection lacks, another may have.
        for each in store.stores:
            if not each.train_only:
                check_split(each)
        if store.groups_may_cross:
            splitting.check_apart(known | {"test": splits["test"]}, recordings)
        else:
            splitting.check_apart(splits, merged_groups(store))
    elif store.groups_may_cross:
        splitting.check_split(known | {"test": splits["test"]}, store.genre_of, recordings)
    else:
        splitting.check_split(splits, store.genre_of, merged_groups(store))


def require_test(store: Store) -> None:
    """Refuse a store whose tracks are all for training, where a test will be measured.

    Raises
    ------
    TrainingError : when it is such a store.
    """
    if store.train_only:
        raise TrainingError(
            f"{store.folders[0]}: all its tracks are for training, so nothing is left to measure: "
            "split it anew, or give a store with a test beside it."
        )


def split_store(
    store: Path,
    by: str = "group",
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 1,
    overwrite: bool = False,
    command: str = "",
) -> dict[str, list[str]]:
    """Split an extracted feature store and write the parts into it; returns them.

    Raises
    ------
    TrainingError : for what `split_tracks`, `write_splits` and the store refuse.
    """
    if by == "segment":
        raise TrainingError(splitting.SEGMENT_REFUSAL)
    if by not in splitting.BY:
        raise TrainingError(f"--by {by}: must be one of {', '.join(splitting.BY)}.")
    opened = open_store(store)
    if not isinstance(opened, ExtractedStore):
        raise TrainingError(
            f"{store}: comes with the split that published results use; only stores written by "
            "extract are split."
        )
    genre_of = opened.genre_of
    groups = opened.groups if by == "group" else {track: track for track in genre_of}
    groups = merge_groups(groups, opened.replicas)
    names = sorted(genre_of)
    about: dict[str, Any] = {"by": by, "command": command}
    if by == splitting.TRAIN_ONLY:
        splits = {"train": names, "validation": [], "test": []}
    else:
        splits = splitting.split_tracks(
            names,
            [genre_of[name] for name in names],
            [groups[name] for name in names],
            validation,
            test,
            seed,
        )
        about |= {"validation": validation, "test": test, "seed": seed}
    splitting.write_splits(store, splits, about, overwrite)
    return splits
