"""Songs that a network never heard, drawn as examples and as songs that are asked."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from features.own_genres import ModelGenres, same_names

from ..errors import TrainingError
from ..stores.store import Store, merged_groups
from ..training.embedding import Wide
from .halves import FEWEST, Draw, draw_halves, most_even
from .study import Rows
from .unheard import Source


@dataclasses.dataclass(frozen=True)
class Songs:
    """Songs of a store: `genres` its names, `labels` (n,) among them, `groups` (n,)."""

    names: list[str]
    labels: Rows
    groups: list[str]
    genres: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Task:
    """Songs that one network never heard, of the genres that can be taught with them.

    Attributes
    ----------
    network : name of its file.
    rows : (n,) place of each song among all that are asked.
    labels : (n,) genre of each, counted among `genres`.
    genres : names; `places` (n_genres,) their numbers in the store.
    left_out : names of genres whose groups cannot be parted.
    embeddings : (n, size).
    model : where the genres lie that the network was trained on.
    draws : that all ways are judged by; `further` : that the intervals are judged by.
    """

    network: str
    rows: Rows
    labels: Rows
    genres: tuple[str, ...]
    places: Rows
    left_out: tuple[str, ...]
    embeddings: Wide
    model: ModelGenres
    draws: list[Draw]
    further: list[Draw]

    def names(self, rows: Rows) -> list[str]:
        """The genre's name of each of the songs `rows`."""
        return [self.genres[label] for label in self.labels[rows]]

    def told(self, songs: Songs, draw: Draw) -> dict[str, Any]:
        """A draw by the songs' names."""
        examples = np.concatenate(draw.examples)
        return {
            "examples": [songs.names[row] for row in self.rows[examples]],
            "asked": [songs.names[row] for row in self.rows[draw.asked]],
        }


def songs_of(source: Source, store: Store) -> Songs:
    """All songs that are asked, network by network.

    Raises
    ------
    TrainingError : when two of their genres are one in another spelling.
    """
    names = [name for network in source.networks for name in network.asked]
    merged = merged_groups(store)
    if len(set(same_names(store.genres))) < len(store.genres):
        raise TrainingError(
            f"{store.name}: two of its genres are one in another spelling; give them one name and "
            "extract again."
        )
    labels = np.array([store.genres.index(store.genre_of[name]) for name in names])
    return Songs(names, labels, [merged[name] for name in names], store.genres)


def make_tasks(
    source: Source,
    songs: Songs,
    store: Store,
    n_examples: int,
    n_draws: tuple[int, int],
    seed: int,
) -> list[Task]:
    """What is asked of each network; `n_draws` for all ways, and further ones.

    A genre whose groups cannot be parted with `FEWEST` songs on both sides is left out.

    Raises
    ------
    TrainingError : when fewer than two genres remain.
    """
    tasks, begin = [], 0
    for number, network in enumerate(source.networks):
        rows = np.arange(begin, begin + len(network.asked))
        begin += len(rows)
        labels, groups = songs.labels[rows], [songs.groups[row] for row in rows]
        parted = [most_even(labels, groups, row) >= FEWEST for row in range(len(songs.genres))]
        places = np.flatnonzero(parted)
        if len(places) < 2:
            raise TrainingError(
                f"{store.name}: fewer than two genres have {FEWEST} songs in each half when whole "
                "groups are parted; take more songs, or fewer folds."
            )
        embeddings, model = source.embed(network, store.load(source.spec, network.asked))
        kept = np.flatnonzero(np.isin(labels, places))
        labels, groups = np.searchsorted(places, labels[kept]), [groups[row] for row in kept]
        draws = [
            [
                draw_halves(labels, groups, len(places), n_examples, rng)
                for rng in np.random.default_rng([seed, number, part]).spawn(n)
            ]
            for part, n in enumerate(n_draws)
        ]
        tasks.append(
            Task(
                network=network.path.name,
                rows=rows[kept],
                labels=labels,
                genres=tuple(songs.genres[place] for place in places),
                places=places,
                left_out=tuple(
                    name for name, able in zip(songs.genres, parted, strict=True) if not able
                ),
                embeddings=embeddings[kept],
                model=model,
                draws=draws[0],
                further=draws[1],
            )
        )
        print(f"{network.path}: {len(kept)} songs that it never heard", flush=True)
    return tasks
