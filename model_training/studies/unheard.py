"""Songs of a store, and the networks that never heard them.

Either one network, of a run on other stores, or those of a cross-validation that kept its networks:
each for the songs of the fold that it was trained without.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from features import FeatureSpec
from features.own_genres import ModelGenres
from webapp.inference.card import part

from ..errors import TrainingError
from ..experiment import Training
from ..files import read_json
from ..paths import CROSS_VALIDATION
from ..stores.joined_store import JoinedStore
from ..stores.store import Store, digest, folders_of, open_store
from ..stores.tracks import Tracks
from ..training.embedding import Space, Wide, embedding_size, measure_spread, song_embeddings
from ..training.run_record import load_run, parts_trained_on
from ..training.start import Heard
from .cross_validation import fold_path


@dataclasses.dataclass(frozen=True)
class Network:
    """A network and songs that it never heard.

    Attributes
    ----------
    path : its file.
    trained : names of the songs that it was trained on, in its store.
    asked : names of the songs that it never heard, in the asked store.
    validation : names of songs that tell the spread; empty where it is known.
    spread : how many times as far from their genre's mean songs lie that were not trained on; None
        where the validation tells.
    """

    path: Path
    trained: list[str]
    asked: list[str]
    validation: list[str]
    spread: float | None


@dataclasses.dataclass(frozen=True)
class Source:
    """Networks of one experiment.

    Attributes
    ----------
    experiment : as its record has it.
    store : that they were trained on.
    networks : one, or that of each fold.
    """

    experiment: dict[str, Any]
    store: Store
    networks: tuple[Network, ...]

    @property
    def spec(self) -> FeatureSpec:
        """Of its features."""
        return FeatureSpec.from_json(self.experiment["feature_spec"])

    def embed(self, network: Network, asked: Tracks) -> tuple[Wide, ModelGenres]:
        """Embeddings (n_asked, size) of songs, and where the genres lie that were trained on.

        Raises
        ------
        TrainingError : when the network cannot be read, or its answers are not finite.
        """
        layer, spec = self.experiment["embedding"]["layer"], self.spec
        model = load_network(network.path)
        embedding_size(model, layer)
        embedder = keras.Model(model.input, model.get_layer(layer).output)
        trained = self.store.load(spec, network.trained)
        known = song_embeddings(embedder, trained, spec)
        space = Space.of(known, trained.labels, len(trained.genres))
        spread = network.spread
        if spread is None:
            held_out = self.store.load(spec, network.validation)
            values = song_embeddings(embedder, held_out, spec)
            spread = measure_spread(space, values, held_out.labels)
        genres = ModelGenres(
            mean=space.mean,
            scale=space.scale,
            names=trained.genres,
            songs=space.counts.astype(np.float64),
            means=space.centres,
            covariance=space.covariance() * spread,
        )
        return song_embeddings(embedder, asked, spec), genres


def open_source(
    source: Path, data: Sequence[Path], asked: Path, spread: float | None = None
) -> Source:
    """The networks in the folder of a run, or of a cross-validation that kept them.

    Parameters
    ----------
    data : stores that they were trained on; none for those that the experiment names.
    asked : store whose songs are asked: another one or, of a cross-validation, one of `data`. Its
        test tracks stay closed.
    spread : of a run that was trained on the validation tracks too.

    Raises
    ------
    TrainingError : when there are none, they give no embedding, or have heard the songs.
    """
    if (source / "run.json").is_file():
        record = load_run(source)
        experiment, digest_then = record["experiment"], record["data_digest"]
    elif (source / CROSS_VALIDATION).is_file():
        try:
            record = read_json(source / CROSS_VALIDATION)["recipe"]
            experiment, digest_then = record["experiment"], record["data_digest"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{source / CROSS_VALIDATION}: is damaged ({error}).") from error
    else:
        raise TrainingError(
            f"{source}: neither a run nor a finished cross-validation there; give the folder of "
            "one."
        )
    if not experiment["embedding"]["layer"]:
        raise TrainingError(
            f"{source}: its experiment gives no embedding to learn from; name its layer in "
            "[embedding] layer and train again."
        )
    folders = list(data) or [Path(each["folder"]) for each in experiment.get("data", [])]
    if not folders or not all(map(str, folders)):
        raise TrainingError(f"{source}: give the stores that it was trained on with --data.")
    store = open_store(folders if len(folders) > 1 else folders[0])
    if digest(store) != digest_then:
        names = " and ".join(map(str, folders_of(folders)))
        raise TrainingError(
            f"{source}: was trained on other data or another split than {names} now; give its "
            "stores with --data, in their order."
        )
    if (source / "run.json").is_file():
        network = _of_run(source, record, store, open_store(asked), spread)
        return Source(experiment, store, (network,))
    return Source(experiment, store, tuple(_of_folds(source, record, store, folders, asked)))


def _of_run(
    run: Path, record: dict[str, Any], store: Store, asked: Store, spread: float | None
) -> Network:
    names = asked.split("train") + asked.split("validation")
    if (heard := part(record.get("heard"), Heard)) is None:
        raise TrainingError(
            f"{run}: does not say which tracks it was trained on, so it could have heard those "
            "that are asked; train it again."
        )
    if heard.knows(asked):
        raise TrainingError(
            f"{run}: was trained on {asked.name}, and would seem better than it is; take a network "
            "that never heard it, or the networks of a cross-validation."
        )
    spec = FeatureSpec.from_json(record["experiment"]["feature_spec"])
    refuse_heard_by(str(run), heard, asked.load(spec, names))
    validation = []
    if record["validation"]:
        validation, spread = store.split("validation"), None
    elif spread is None and (spread := (record.get("embedding") or {}).get("spread")) is None:
        raise TrainingError(
            f"{run}: was trained on the validation tracks too, so nothing tells how far other "
            "songs lie: give --spread, such as that in the cross-validation of its recipe."
        )
    trained = [name for each in parts_trained_on(record) for name in store.split(each)]
    return Network(run / "model.keras", trained, names, validation, spread)


def refuse_heard_by(who: str, heard: Heard, asked: Tracks) -> None:
    """Refuse a network that was trained on songs that are asked.

    Raises
    ------
    TrainingError : naming one of them.
    """
    if known := heard.among(asked):
        raise TrainingError(
            f"{who}: was trained on {len(known)} of the {len(asked)} tracks that would be asked, "
            f"such as {known[0]!r}, and would seem better than it is; take one that never heard "
            "them."
        )


def _of_folds(
    study: Path, recipe: dict[str, Any], store: Store, folders: list[Path], asked: Path
) -> list[Network]:
    """The network of each fold, for the asked store's songs in it."""
    mine = [row for row, folder in enumerate(folders) if asked.exists() and asked.samefile(folder)]
    if not mine:
        raise TrainingError(
            f"{asked}: is none of the stores of the cross-validation {study}; give one of "
            f"{', '.join(map(str, folders))}, or a run that never heard it."
        )
    prefix = f"{store.names[mine[0]]}/" if isinstance(store, JoinedStore) else ""
    k, training = recipe["k"], recipe["experiment"]["training"]
    chooses = Training(**training).needs_validation
    paths = [fold_path(study, number + 1) for number in range(k)]
    if missing := [path for path in paths if not path.with_suffix(".keras").is_file()]:
        raise TrainingError(
            f"{missing[0].with_suffix('.keras')}: not there; run cross-validate with "
            "--keep-networks in a new folder."
        )
    try:
        parts = [read_json(path) for path in paths]
        names = [list(map(str, each["names"])) for each in parts]
        spreads = [float(each["spread"]) for each in parts]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{study}: a fold is damaged ({error}).") from error
    own = open_store(asked)
    found = []
    for number in range(k):
        held_out, chosen_on = set(names[number]), (number + 1) % k if chooses else number
        rest = [row for row in range(k) if row not in (number, chosen_on)]
        others = [spreads[row] for row in range(k) if row != number]
        found.append(
            Network(
                path=paths[number].with_suffix(".keras"),
                trained=[name for row in rest for name in names[row]],
                asked=[name for name in own.genre_of if {name, prefix + name} & held_out],
                validation=[],
                # What this fold's own songs say of it would be learned from those that are asked.
                spread=float(np.mean(others)),
            )
        )
    return found


def load_network(path: Path) -> keras.Model:
    """A network from its file.

    Raises
    ------
    TrainingError : when it cannot be loaded.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds for a file that is no model
        raise TrainingError(f"{path}: cannot be loaded ({error}).") from error
