"""Ways of learning genres from examples: the page's own, and plain ones to compare it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.own_genres import Mode, ModelGenres, answer, same_names
from features.teaching import learn
from webapp.inference import Card
from webapp.inference.card import part

from ..errors import TrainingError
from ..files import undamaged
from ..judging.answers import predict_outputs
from ..judging.evaluation import per_track
from ..stores.store import Store
from ..stores.tracks import Tracks
from ..training.embedding import Wide
from ..training.start import LAST, Heard
from .study import Rows
from .unheard import load_network, refuse_heard_by

# From rows of examples and of songs that are asked, the genre of each of the latter; -1 for a genre
# that was not taught.
Way = Callable[[Rows, Rows], Rows]


def own_way(
    embeddings: Wide, labels: Rows, genres: Sequence[str], model: ModelGenres, mode: Mode
) -> Way:
    """As the page and `teach` do it, from embeddings (n, size) of songs of genres (n,)."""
    spelled = same_names(genres, model.names if mode == "beside" else ())

    def ask(examples: Rows, asked: Rows) -> Rows:
        names = [spelled[label] for label in labels[examples]]
        own = learn(embeddings[examples], names, model, mode).own
        found = answer(own, model, embeddings[asked])
        rows = [spelled.index(name) if name in spelled else -1 for name in found.genres]
        return np.array(rows)[found.winners]

    return ask


def logistic_way(values: Wide, labels: Rows) -> Way:
    """scikit-learn's logistic regression on values (n, size), standardised by the examples."""

    def ask(examples: Rows, asked: Rows) -> Rows:
        way = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        way.fit(values[examples], labels[examples])
        return np.asarray(way.predict(values[asked]))

    return ask


def centroid_way(values: Wide, labels: Rows) -> Way:
    """The genre whose examples' mean of the values (n, size) is nearest, by Euclid's distance."""

    def ask(examples: Rows, asked: Rows) -> Rows:
        taught, rows = np.unique(labels[examples], return_inverse=True)
        centres = per_track(values[examples], rows, len(taught))
        away = ((values[asked][:, None] - centres) ** 2).sum(axis=2)
        return np.asarray(taught[away.argmin(axis=1)])

    return ask


def version_activations(card: Card, store: Store, names: list[str]) -> Wide:
    """What the last layer of a version hears of each song (n, size), its members' side by side.

    The mean over the song's segments.

    Raises
    ------
    TrainingError : when the version has heard the songs, as far as its card tells, does not fit the
        store, or has no such layer.
    """
    tracks = store.load(card.spec, names)
    refuse_version(card, store, tracks)
    model = load_network(card.folder / "model.keras")
    parts = []
    for member in [each for each in model.layers if isinstance(each, keras.Model)] or [model]:
        if LAST not in [layer.name for layer in member.layers]:
            raise TrainingError(f"{card.version}: its network has no layer {LAST!r}.")
        heard = keras.Model(member.input, member.get_layer(LAST).input)
        outputs, track = predict_outputs(heard, tracks, card.spec)
        parts.append(per_track(outputs[0], track, len(tracks)))
    return np.concatenate(parts, axis=1)


def refuse_version(card: Card, store: Store, tracks: Tracks) -> None:
    """Refuse a version that was trained on the tracks of a store.

    One whose card tells no fingerprints is told by the name of what it was trained on.

    Raises
    ------
    TrainingError : saying so.
    """
    about = card.to_json()["training"]
    heard = part(about.get("heard"), Heard)
    if store.name in str(about.get("data", "")).split(" + ") or (heard and heard.knows(store)):
        raise TrainingError(
            f"{card.version}: was trained on {store.name}, and would seem better than it is; leave "
            "--beside out, or take a version that never heard it."
        )
    if heard:
        refuse_heard_by(card.version, heard, tracks)


def kept_activations(path: Path, names: Sequence[str]) -> Wide:
    """Activations (n, size) of each song, the mean over the windows in a teacher's file.

    The file holds `track` (n_windows,) and `penultimate` (n_windows, size).

    Raises
    ------
    TrainingError : when it is damaged, or a song is not in it.
    """
    with undamaged(path), np.load(path) as file:
        found, values = file["track"].astype(str), file["penultimate"].astype(np.float64)
        if values.ndim != 2 or found.shape != values.shape[:1] or not np.isfinite(values).all():
            raise ValueError("track and penultimate do not fit together")
    row_of = {name: row for row, name in enumerate(names)}
    rows = np.array([row_of.get(name, -1) for name in found.tolist()])
    if missing := sorted(set(range(len(names))) - set(rows.tolist())):
        raise TrainingError(f"{path}: holds no activations of {names[missing[0]]!r}.")
    return per_track(values[rows >= 0], rows[rows >= 0], len(names))
