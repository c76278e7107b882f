"""Several stores that are read as one: a network can be trained on more than one collection.

A genre may be absent from a collection, a collection may have no test (`split --by none`). Groups
of the same name, in any spelling, are the same group, in whichever store they are. Tracks keep
their names, unless two stores have one of the same name: then the store's name goes before it.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from features import FeatureSpec

from ..datasets.clips import Part, first_spellings
from ..errors import TrainingError
from .protocol import Store
from .tracks import Tracks


class JoinedStore:
    """The tracks of several stores; see `Store`.

    Attributes
    ----------
    stores : those that are read, in the order of `Tracks.collection`.
    names : of the stores, all different.
    """

    def __init__(self, stores: Sequence[Store]):
        """Put them together.

        Raises
        ------
        TrainingError : for a store given twice, or a genre that two of them spell otherwise.
        """
        self.stores = tuple(stores)
        self.folders: tuple[Path, ...] = tuple(
            folder for store in stores for folder in store.folders
        )
        for number, folder in enumerate(self.folders):
            if any(folder.samefile(other) for other in self.folders[:number]):
                raise TrainingError(f"{folder}: given twice; give each store once.")
        _check_spelling(stores)
        self.names = _distinct([store.name for store in stores])
        self.name = " + ".join(self.names)
        self.licence = " ".join(
            f"{name}: {store.licence}" for name, store in zip(self.names, stores, strict=True)
        )
        self.genres = tuple(sorted({genre for store in stores for genre in store.genres}))
        count = collections.Counter(track for store in stores for track in store.genre_of)
        # Number of the store and name there of every track.
        self._place: dict[str, tuple[int, str]] = {}
        self._name_of: list[dict[str, str]] = []
        for number, store in enumerate(stores):
            name_of = {
                track: track if count[track] == 1 else f"{self.names[number]}/{track}"
                for track in store.genre_of
            }
            self._name_of.append(name_of)
            self._place |= {name: (number, track) for track, name in name_of.items()}
        self.genre_of = {
            name: stores[number].genre_of[track] for name, (number, track) in self._place.items()
        }
        groups = {
            name: stores[number].groups[track] for name, (number, track) in self._place.items()
        }
        artists = first_spellings(
            group for name, group in groups.items() if group != self._place[name][1]
        )
        self.groups = {name: artists.get(group, group) for name, group in groups.items()}
        self.replicas = [
            (name_of[first], name_of[second])
            for store, name_of in zip(stores, self._name_of, strict=True)
            for first, second in store.replicas
            if first in name_of and second in name_of
        ]

    @property
    def train_only(self) -> bool:
        """Whether no store has a test."""
        return all(store.train_only for store in self.stores)

    @property
    def groups_may_cross(self) -> bool:
        """Whether that is so in one of the stores."""
        return any(store.groups_may_cross for store in self.stores)

    def split(self, which: Part) -> list[str]:
        """Tracks of "train", "validation" or "test", one store after the other."""
        return [
            name_of[track]
            for store, name_of in zip(self.stores, self._name_of, strict=True)
            for track in store.split(which)
        ]

    def load(self, spec: FeatureSpec, names: list[str], copies: bool = False) -> Tracks:
        """Features of these tracks; `collection` is the number of each one's store.

        Raises
        ------
        TrainingError : when the spec does not fit one of the stores.
        """
        parts, order = [], []
        for number, store in enumerate(self.stores):
            mine = [row for row, name in enumerate(names) if self._place[name][0] == number]
            if mine:
                tracks = store.load(spec, [self._place[names[row]][1] for row in mine], copies)
                parts.append(self._renamed(tracks, number))
                order += mine
        return _concatenated(parts).take(np.argsort(order, kind="stable"))

    def _renamed(self, tracks: Tracks, number: int) -> Tracks:
        names = [self._name_of[number][name] for name in tracks.names]
        return dataclasses.replace(
            tracks.relabelled(self.genres),
            names=names,
            groups=[self.groups[name] for name in names],
            collection=np.full(len(tracks), number),
        )


def _concatenated(parts: Sequence[Tracks]) -> Tracks:
    n_tracks = np.cumsum([0, *(len(part) for part in parts)])
    n_rows = np.cumsum([0, *(len(part.values) for part in parts)])
    return Tracks(
        names=[name for part in parts for name in part.names],
        labels=np.concatenate([part.labels for part in parts]),
        groups=[group for part in parts for group in part.groups],
        genres=parts[0].genres,
        values=np.concatenate([part.values for part in parts]),
        excerpt_track=np.concatenate(
            [part.excerpt_track + n for part, n in zip(parts, n_tracks, strict=False)]
        ),
        excerpt_first=np.concatenate(
            [part.excerpt_first + n for part, n in zip(parts, n_rows, strict=False)]
        ),
        excerpt_columns=np.concatenate([part.excerpt_columns for part in parts]),
        excerpt_start_s=np.concatenate([part.excerpt_start_s for part in parts]),
        collection=np.concatenate([part.collection for part in parts]),
    )


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with their number where one comes twice."""
    return tuple(
        name if names.count(name) == 1 else f"{name} ({number})"
        for number, name in enumerate(names, start=1)
    )


def _check_spelling(stores: Sequence[Store]) -> None:
    """Refuse a genre that differs from another in case, spaces or punctuation only."""
    known: dict[str, tuple[str, str]] = {}
    for store in stores:
        for genre in store.genres:
            plain = "".join(filter(str.isalnum, genre.casefold())) or genre
            other, where = known.setdefault(plain, (genre, store.name))
            if other != genre:
                raise TrainingError(
                    f"The genre {other!r} of {where} is spelled {genre!r} in {store.name}; give it "
                    "one name and extract again."
                )
