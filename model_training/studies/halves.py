"""Draws of examples and of songs that are asked, from two halves that share no group.

Each half gets `SONGS` songs of every genre where the groups allow it. Where there are fewer, as in
a fold, the halves are as even as the groups allow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import TrainingError
from .study import Rows

# Songs of every genre that each half gets, and the fewest with which a genre takes part.
SONGS = 15
FEWEST = 5
# Beginnings of a parting that are tried until each half has what it gets, or the best is taken.
TRIES = 20


@dataclasses.dataclass(frozen=True)
class Draw:
    """One draw.

    Attributes
    ----------
    examples : rows of the examples of each genre, in the order in which fewer take the first ones.
    asked : (n_asked,) rows of all songs of the other half.
    fewest : (n_genres,) songs of each genre in the half that has fewer of it.
    """

    examples: tuple[Rows, ...]
    asked: Rows
    fewest: Rows

    def first(self, n: int) -> Rows:
        """Rows of the first `n` examples of every genre."""
        return np.concatenate([rows[:n] for rows in self.examples])


def most_even(labels: Rows, groups: Sequence[str], genre: int) -> int:
    """Songs of a genre in the smaller half, when its groups are parted as evenly as they can be."""
    mine = np.asarray(groups)[labels == genre]
    reachable = {0}
    for size in np.unique(mine, return_counts=True)[1].tolist():
        reachable |= {size + other for other in reachable}
    return max(min(n, len(mine) - n) for n in reachable)


def draw_halves(
    labels: Rows, groups: Sequence[str], n_genres: int, n_examples: int, rng: np.random.Generator
) -> Draw:
    """Part the groups at random, and draw examples from one half.

    Parameters
    ----------
    labels, groups : (n,) genre and group of every song; a group may have several genres.
    n_examples : of each genre, or all of the half where it has fewer.

    Raises
    ------
    TrainingError : when no parting is found that leaves `FEWEST` songs of each genre on both sides.
    """
    side = _part(labels, groups, n_genres, rng)
    first = np.bincount(labels[side], minlength=n_genres)
    sizes = np.bincount(labels, minlength=n_genres)
    examples = tuple(
        rng.permutation(np.flatnonzero(side & (labels == genre)))[:n_examples]
        for genre in range(n_genres)
    )
    return Draw(examples, np.flatnonzero(~side), np.minimum(first, sizes - first))


def _part(
    labels: Rows, groups: Sequence[str], n_genres: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """On which side each song (n,) is.

    A coin tells the side of each group. As long as a genre lacks songs on one side, groups that
    make the lack smaller change sides.
    """
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    contents = np.zeros((len(names), n_genres), dtype=np.int64)
    np.add.at(contents, (group_of, labels), 1)
    sizes = contents.sum(axis=0)
    wanted = np.array([min(SONGS, most_even(labels, groups, row)) for row in range(n_genres)])

    def lack(first: Rows) -> int:
        return int((np.maximum(wanted - np.minimum(first, sizes - first), 0) ** 2).sum())

    best, least = None, np.inf
    for _ in range(TRIES):
        side = rng.random(len(names)) < 0.5
        first = contents[side].sum(axis=0)
        missing, moved = lack(first), True
        while missing and moved:
            moved = False
            for group in rng.permutation(len(names)):
                other = first + (-contents[group] if side[group] else contents[group])
                if (less := lack(other)) < missing:
                    first, missing, moved = other, less, True
                    side[group] = not side[group]
        if missing < least and np.minimum(first, sizes - first).min() >= FEWEST:
            best, least = side, missing
        if not least:
            break
    if best is None:
        raise TrainingError(
            f"The groups cannot be parted into two halves with {FEWEST} songs of each genre on "
            "both sides; take more songs, or groups that are smaller."
        )
    return np.asarray(best[group_of])
