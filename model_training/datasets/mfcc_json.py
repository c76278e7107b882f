"""MFCC as JSON, the exchange format of the first MusiClassify.

Layout: `{"mapping": [genre, ...], "mfcc": [[[...n_mfcc] x n_frames] x n_pieces], "labels":
[...n_pieces]}`; `labels` are places in `mapping`. The pieces of a clip follow one another, but the
file does not say where a clip ends, and pieces of one recording must never stand in training and in
test. So reading needs the number of pieces per clip: the first MusiClassify cut each 30 s clip in
10, 7 or 6.

A feature store keeps log-mel instead of MFCC; `to_log_mel` gives the smooth log-mel of which these
MFCC are the DCT.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features import dct_matrix

from ..errors import TrainingError
from ..files import read_json, reading, replacing
from .clips import genre_name

# Digits after the point: below float32's own steps at 100, and half the size of all digits.
DECIMALS = 5


@dataclasses.dataclass(frozen=True)
class MfccPieces:
    """Pieces of clips.

    Attributes
    ----------
    mfcc : float32 (n_pieces, n_frames, n_mfcc), in dB units as librosa gives them.
    labels : int64 (n_pieces,), places in `genres`.
    genres : names, in the file's order.
    tracks : the clip of each piece (n_pieces,); pieces of one clip follow one another.
    """

    mfcc: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    genres: tuple[str, ...]
    tracks: list[str]

    def __post_init__(self) -> None:
        n_pieces = len(self.mfcc)
        if self.mfcc.ndim != 3 or len(self.labels) != n_pieces or len(self.tracks) != n_pieces:
            raise ValueError(
                f"mfcc {self.mfcc.shape}, labels ({len(self.labels)},) and tracks "
                f"({len(self.tracks)},) must agree on the number of pieces"
            )

    def to_log_mel(self, n_mels: int) -> npt.NDArray[np.float32]:
        """Smooth log-mel (n_pieces, n_frames, n_mels) in dB with exactly these MFCC.

        The DCT is orthonormal, so its transpose undoes it. Detail beyond n_mfcc coefficients is
        lost.

        Raises
        ------
        TrainingError : when n_mels is less than the number of coefficients.
        """
        n_mfcc = self.mfcc.shape[2]
        if n_mels < n_mfcc:
            raise TrainingError(f"n_mels: {n_mfcc} MFCC need at least as many bands, not {n_mels}.")
        return self.mfcc @ dct_matrix(n_mels, n_mfcc).T


def read(path: Path, segments_per_track: int | None) -> MfccPieces:
    """Read the pieces and say which belong to one clip.

    Tracks are named `<genre>.00000` in the file's order.

    Parameters
    ----------
    segments_per_track : pieces per clip; a clip's pieces follow one another.

    Raises
    ------
    TrainingError : when it is not given, when a genre's pieces cannot be shared out by it, or when
        the file is not such a file.
    """
    if segments_per_track is None:
        raise TrainingError(
            f"{path}: does not say which pieces are of one song, and pieces of a song in training "
            "and in test make a model look 8 to 15 points better than it is on new music. Say how "
            "many pieces each song was cut in (10, 7 or 6 in the first MusiClassify)."
        )
    if segments_per_track < 1:
        raise TrainingError(f"{segments_per_track} pieces per song: must be 1 or more.")
    content = _read(path)
    # Some writers kept the folder before the genre.
    names = [str(name).replace("\\", "/").rstrip("/").split("/")[-1] for name in content["mapping"]]
    genres = tuple(genre_name(name) for name in names)
    labels = _labels(path, content["labels"], len(genres))
    mfcc = _pieces(path, content["mfcc"])
    if len(mfcc) != len(labels):
        raise TrainingError(f"{path}: has {len(mfcc)} pieces, but {len(labels)} labels.")
    return MfccPieces(mfcc, labels, genres, _tracks(path, labels, genres, segments_per_track))


def _read(path: Path) -> dict[str, Any]:
    try:
        with reading(path):
            content = read_json(path)
    except ValueError as error:
        raise TrainingError(f"{path}: is no JSON ({error}).") from None
    keys = ("mapping", "mfcc", "labels")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in keys):
        raise TrainingError(f"{path}: must hold the lists {', '.join(keys)}.")
    return content


def _labels(path: Path, labels: list[Any], n_genres: int) -> npt.NDArray[np.int64]:
    for number, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < n_genres:
            raise TrainingError(
                f"{path}: label {number} is {label!r}; labels are places in mapping, which has "
                f"{n_genres} names."
            )
    return np.array(labels, dtype=np.int64)


def _pieces(path: Path, pieces: list[Any]) -> npt.NDArray[np.float32]:
    shape: tuple[int, ...] = ()
    for number, piece in enumerate(pieces):
        try:
            values = np.asarray(piece, dtype=np.float32)
        except (ValueError, TypeError):
            values = np.empty(0, dtype=np.float32)
        if values.ndim != 2 or not values.size or not np.isfinite(values).all():
            raise TrainingError(
                f"{path}: piece {number} is no table of numbers (frames x coefficients)."
            )
        shape = shape or values.shape
        if values.shape != shape:
            raise TrainingError(
                f"{path}: piece {number} has {_size(values.shape)}, the first {_size(shape)}; all "
                "pieces must be of one size."
            )
        pieces[number] = values
    if not pieces:
        raise TrainingError(f"{path}: holds no pieces.")
    return np.stack(pieces)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} frames of {shape[1]} coefficients"


def _tracks(
    path: Path, labels: npt.NDArray[np.int64], genres: tuple[str, ...], segments_per_track: int
) -> list[str]:
    seen: collections.Counter[int] = collections.Counter()
    tracks = []
    for label in labels.tolist():
        tracks.append(f"{genres[label]}.{seen[label] // segments_per_track:05d}")
        seen[label] += 1
    for label, count in sorted(seen.items()):
        if count % segments_per_track:
            raise TrainingError(
                f"{path}: {genres[label]} has {count} pieces, which {segments_per_track} per song "
                "does not divide. Either it is another number, or the writer left pieces out; then "
                "nothing says where a song ends, and the audio has to be extracted again."
            )
    return tracks


def write(path: Path, pieces: MfccPieces) -> None:
    """Write pieces in their order.

    Raises
    ------
    TrainingError : when the pieces of a clip do not follow one another, so that no reader could
        tell the clips apart, or when the file cannot be written.
    """
    runs = [track for track, _ in itertools.groupby(pieces.tracks)]
    if len(set(runs)) < len(runs):
        raise TrainingError(f"{path}: the pieces of a clip must follow one another.")
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        # Piece by piece: a whole collection as Python numbers would take gigabytes.
        file.write(f'{{"mapping": {json.dumps(list(pieces.genres), ensure_ascii=False)}, "mfcc": [')
        for number, piece in enumerate(pieces.mfcc):
            rounded = np.round(piece.astype(np.float64), DECIMALS).tolist()
            file.write(("," if number else "") + json.dumps(rounded, separators=(",", ":")))
        file.write(f'], "labels": {json.dumps(pieces.labels.tolist())}}}\n')
