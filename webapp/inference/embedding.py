"""The file `embedding.json` of a version: where its genres lie among the embeddings of songs.

Whoever teaches a version genres of their own from few songs begins with it. The site hands it out
as it is; `docs/model-card.md` says what its numbers mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

EMBEDDING_NAME = "embedding.json"
# Bytes, before compression.
LARGEST_EMBEDDING = 300_000
# Every size differs from the one score of unfamiliar sounds.
SMALLEST_SIZE, LARGEST_SIZE = 2, 256

Positive = Annotated[float, msgspec.Meta(gt=0.0)]


# msgspec reads no NaN, no Infinity and no number that float64 does not hold: all are finite.
class _Standardisation(msgspec.Struct):
    mean: list[float]
    scale: list[Positive]


class _Genre(msgspec.Struct):
    name: str
    songs: Annotated[int, msgspec.Meta(ge=1)]
    mean: list[float]


class _EmbeddingFile(msgspec.Struct):
    """Keys that every file must have; it may have more."""

    format: Literal[1]
    version: str
    size: int
    standardisation: _Standardisation
    genres: list[_Genre]
    covariance: list[float]
    spread: Positive


def check_embedding(content: bytes, version: str, genres: Sequence[str], size: int) -> None:
    """Check an `embedding.json` against what its card says.

    Raises
    ------
    ValueError : saying what is wrong, as the rest of a sentence about the file.
    """
    try:
        file = msgspec.json.decode(content, type=_EmbeddingFile)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"is not valid: {error}") from error
    if file.version != version:
        raise ValueError(f"belongs to the version {file.version!r}")
    if file.size != size:
        raise ValueError(f"has embeddings of {file.size} numbers, but the card says {size}")
    if [genre.name for genre in file.genres] != list(genres):
        raise ValueError("has other genres than the card, or in another order")
    lists = {
        "standardisation.mean": (file.standardisation.mean, size),
        "standardisation.scale": (file.standardisation.scale, size),
        "covariance": (file.covariance, size * (size + 1) // 2),
        **{f"the mean of {genre.name!r}": (genre.mean, size) for genre in file.genres},
    }
    for name, (values, length) in lists.items():
        if len(values) != length:
            raise ValueError(f"has {len(values)} numbers in {name}, not {length}")
