"""All that training and evaluation ask of a feature store."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from features import FeatureSpec

from ..datasets.clips import Part
from .tracks import Tracks


class Store(Protocol):
    """Labelled features of a data set.

    Attributes
    ----------
    name, licence : of the data set.
    folders : where it lies: one folder, or those of the stores that are read as one.
    genres : sorted names.
    genre_of : genre of every track.
    groups : artist, album or recording of every track; the track itself where unknown.
    replicas : pairs of tracks that are (nearly) the same recording.
    groups_may_cross : whether the split keeps only recordings apart: it was made by others, or by
        track where nobody knows the artists.
    """

    name: str
    licence: str
    folders: tuple[Path, ...]
    genres: tuple[str, ...]
    genre_of: dict[str, str]
    groups: dict[str, str]
    replicas: list[tuple[str, str]]

    @property
    def train_only(self) -> bool:
        """Whether all tracks are for training, and for folds, and none for a test."""
        ...

    @property
    def groups_may_cross(self) -> bool:
        """See above."""
        ...

    def split(self, which: Part) -> list[str]:
        """Tracks of "train", "validation" or "test"; none where all are for training."""
        ...

    def load(self, spec: FeatureSpec, names: list[str], copies: bool = False) -> Tracks:
        """Features of these tracks; with `copies` also the augmented copies, for training."""
        ...
