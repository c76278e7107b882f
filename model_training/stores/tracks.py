"""The tracks of a split in memory, and the segments that the site would cut of them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features import FeatureSpec, coefficients
from features.segments import FLAT_DB, count_segments

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Tracks:
    """Labelled tracks; each is one or more excerpts, as the site cuts them.

    Attributes
    ----------
    names : (n_tracks,) such as `blues.00000`.
    labels : int64 (n_tracks,), index into `genres`.
    groups : (n_tracks,) artist, album or recording; a split never parts a group.
    genres : sorted names.
    values : float32 (n_rows, width). Log-mel: the columns of all excerpts, one excerpt after the
        other, (n_columns, n_mels) in dB below the excerpt's maximum. Statistics: one row per
        segment, (n_segments, n_coefficients), each an excerpt of length one.
    excerpt_track, excerpt_first, excerpt_columns : int64 (n_excerpts,), in the order of tracks:
        the track, the first row and the number of rows of each excerpt.
    excerpt_start_s : float64 (n_excerpts,), seconds from the track's start; NaN for augmented
        copies, whose time runs otherwise, and for segments that are tracks of their own.
    collection : int64 (n_tracks,), number of the store that each track comes from.
    """

    names: list[str]
    labels: Index
    groups: list[str]
    genres: tuple[str, ...]
    values: Floats
    excerpt_track: Index
    excerpt_first: Index
    excerpt_columns: Index
    excerpt_start_s: npt.NDArray[np.float64]
    collection: Index

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: Sequence[int] | Index) -> Tracks:
        """Only the tracks `rows`, in that order; the values are shared, not copied."""
        excerpts = [np.flatnonzero(self.excerpt_track == row) for row in rows]
        chosen = np.concatenate(excerpts) if excerpts else np.empty(0, dtype=np.int64)
        return dataclasses.replace(
            self,
            names=[self.names[row] for row in rows],
            labels=self.labels[np.asarray(rows, dtype=np.int64)],
            groups=[self.groups[row] for row in rows],
            excerpt_track=np.repeat(np.arange(len(rows)), [len(found) for found in excerpts]),
            excerpt_first=self.excerpt_first[chosen],
            excerpt_columns=self.excerpt_columns[chosen],
            excerpt_start_s=self.excerpt_start_s[chosen],
            collection=self.collection[np.asarray(rows, dtype=np.int64)],
        )

    def relabelled(self, genres: tuple[str, ...]) -> Tracks:
        """The same with labels that are indices into other `genres`, which hold every track's."""
        labels = [genres.index(self.genres[label]) for label in self.labels]
        return dataclasses.replace(self, labels=np.array(labels, dtype=np.int64), genres=genres)

    def equal_collections(self) -> npt.NDArray[np.float64]:
        """Weights (n_tracks,), above 0, with which each collection counts as any other."""
        sizes = np.bincount(self.collection)
        return np.asarray(1 / sizes[self.collection])

    def fingerprints(self) -> list[str]:
        """What tells each track (n_tracks,) from others, whatever its name: 16 hex digits.

        Of its features to four decimals, without augmented copies.
        """
        found = []
        for row in range(len(self)):
            excerpts = np.flatnonzero(self.excerpt_track == row)
            own = excerpts[np.isfinite(self.excerpt_start_s[excerpts])]
            content = hashlib.sha256()
            for excerpt in own if len(own) else excerpts:
                first = self.excerpt_first[excerpt]
                values = self.values[first : first + self.excerpt_columns[excerpt]]
                content.update(np.rint(values.astype(np.float64) * 1e4).astype("<i8").tobytes())
            found.append(content.hexdigest()[:16])
        return found


def of_equal_length(
    names: list[str], labels: Index, groups: list[str], genres: tuple[str, ...], values: Floats
) -> Tracks:
    """Tracks of one store, of one excerpt each; `values` (n_tracks, n_columns, width)."""
    n, columns, width = values.shape
    return Tracks(
        names=names,
        labels=labels,
        groups=groups,
        genres=genres,
        values=values.reshape(n * columns, width),
        excerpt_track=np.arange(n),
        excerpt_first=np.arange(n) * columns,
        excerpt_columns=np.full(n, columns),
        excerpt_start_s=np.zeros(n),
        collection=np.zeros(n, dtype=np.int64),
    )


def cut(tracks: Tracks, spec: FeatureSpec) -> tuple[Index, Index]:
    """First row and track (n_segments,) of every segment that the site would cut.

    Segments in which nothing changes (digital silence) are left out, as on the site, unless a
    track has no other.
    """
    if spec.kind == "statistics":
        return tracks.excerpt_first, tracks.excerpt_track
    counts = count_segments(tracks.excerpt_columns, spec)
    excerpt = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(excerpt)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = tracks.excerpt_first[excerpt] + number * spec.n_frames
    track = tracks.excerpt_track[excerpt]
    sounds = np.array(
        [tracks.values[row : row + spec.n_frames].std() >= FLAT_DB for row in first], dtype=bool
    )
    silent_tracks = np.setdiff1d(track, track[sounds])
    kept = sounds | np.isin(track, silent_tracks)
    return first[kept], track[kept]


def features_at(tracks: Tracks, first: Index, spec: FeatureSpec) -> Floats:
    """Features (n, *spec.shape) of the segments that begin at rows `first` (n,)."""
    if spec.kind == "statistics":
        return tracks.values[first]
    return coefficients(tracks.values[first[:, None] + np.arange(spec.n_frames)], spec)


def segments_as_tracks(tracks: Tracks, spec: FeatureSpec) -> Tracks:
    """Every segment as a track of its own.

    This is how a segment-level split looks at the data: pieces of one recording become strangers.
    For showing what that does to the numbers, never for measuring.
    """
    first, track = cut(tracks, spec)
    length = 1 if spec.kind == "statistics" else spec.n_frames
    return dataclasses.replace(
        tracks,
        names=[f"{tracks.names[row]}@{start}" for row, start in zip(track, first, strict=True)],
        labels=tracks.labels[track],
        groups=[tracks.groups[row] for row in track],
        excerpt_track=np.arange(len(first)),
        excerpt_first=first,
        excerpt_columns=np.full(len(first), length),
        excerpt_start_s=np.full(len(first), np.nan),
        collection=tracks.collection[track],
    )
