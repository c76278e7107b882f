"""A second small store, as `extract` writes them, to be read beside that of `conftest.store`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from features import FeatureSpec
from model_training.stores.levels import to_levels
from model_training.stores.store_writer import About, Excerpts, StoredTrack, write_store

SECOND_GENRES = ("gnawa", "rai")
SPEC = FeatureSpec(n_mfcc=20)


def write_second(
    folder: Path,
    *,
    genres: Sequence[str] = SECOND_GENRES,
    groups: int | Mapping[str, int] = 3,
    spec: FeatureSpec = SPEC,
    name: str = "Second",
    prefix: str = "",
    tracks_per_genre: int = 6,
    artist: str = "artist",
) -> Path:
    """Tracks of two excerpts of 100 columns, by `groups` artists a genre, or so many of each."""
    artists = {genre: groups if isinstance(groups, int) else groups[genre] for genre in genres}
    tracks = [
        StoredTrack(
            f"{prefix}{genre}.{n:05d}",
            genre,
            f"{genre} {artist} {n % artists[genre]}",
            "",
            60.0,
            "",
        )
        for genre in genres
        for n in range(tracks_per_genre)
    ]

    def excerpts_of(row: int) -> Excerpts:
        rng = np.random.default_rng(100 + row)
        bands = np.arange(spec.n_mels)
        shape = 30 * np.exp(-(((bands - 15 - 60 * (row // tracks_per_genre)) / 10.0) ** 2)) - 50
        log_mel = shape + rng.normal(0, 4, (200, spec.n_mels))
        return Excerpts(
            values=to_levels(np.clip(log_mel, -80, 0), spec.top_db),
            start=np.array([0.0, 30.0]),
            columns=np.array([100, 100], np.int32),
            copy=np.zeros(2, np.int16),
        )

    about = About(spec, name, f"{name}'s licence.", "", "python -m model_training extract")
    write_store(folder, about, tracks, excerpts_of)
    return folder
