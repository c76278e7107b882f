"""Start from the layers of a network that was trained before, on other songs and genres.

Layers that know other music may need fewer songs and less time to learn new genres: Yosinski et
al., "How transferable are features in deep neural networks?", 2014. Whether they do is to be
measured, and not always true (docs/experiments.md). A network that has heard a song is no honest
judge of it: what it starts from must not have heard what is tested.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import msgspec

from features import FeatureSpec
from webapp.inference.card import VERSION_PATTERN, part

from ..errors import TrainingError
from ..experiment import Architecture, Experiment
from ..files import sha256
from ..paths import MODELS
from ..stores.store import Store, digest, parts_of
from ..stores.tracks import Tracks
from ..versions import open_version
from .run_record import load_run

# The layer that answers with the genres, which are the experiment's own.
LAST = "genre"


class HeardStore(msgspec.Struct, frozen=True):
    """A store that a network, or one that it started from, was trained on."""

    name: str
    digest: str
    licence: str


class Heard(msgspec.Struct, frozen=True):
    """What a network heard, and what those heard that it started from.

    Attributes
    ----------
    genres : that it learned.
    tracks : fingerprints of the tracks that were trained on, or that chose the weights.
    """

    stores: list[HeardStore]
    genres: list[str]
    tracks: list[str]

    def among(self, tracks: Tracks) -> list[str]:
        """Names of those of the tracks that were heard."""
        heard = set(self.tracks)
        marks = zip(tracks.names, tracks.fingerprints(), strict=True)
        return [name for name, mark in marks if mark in heard]

    def knows(self, store: Store) -> bool:
        """Whether the store, or one that is read in it, was trained on."""
        digests = {each.digest for each in self.stores}
        return any(digest(each) in digests for each in parts_of(store))


@dataclasses.dataclass(frozen=True)
class Start:
    """A network to start from.

    Attributes
    ----------
    name : as the experiment has it.
    model : `model.keras` of the version or the run.
    architecture : of its experiment.
    """

    name: str
    model: Path
    architecture: Architecture
    heard: Heard


def find_start(experiment: Experiment) -> Start | None:
    """What `[training] start_from` names; None where it names nothing.

    Raises
    ------
    TrainingError : when it is not there, was trained on other features, or does not tell which
        tracks it was trained on.
    """
    name = experiment.training.start_from
    if not name:
        return None
    said = f"[training] start_from = {name!r}"
    if VERSION_PATTERN.fullmatch(name) and (MODELS / name).is_dir():
        card = open_version(MODELS, name)
        folder, spec, about = MODELS / name, card.spec, card.to_json()
        architecture, told = about["architecture"], about["training"].get("heard")
    elif Path(name).is_dir():
        folder, record = Path(name), load_run(Path(name))
        spec = FeatureSpec.from_json(record["experiment"]["feature_spec"])
        architecture, told = record["experiment"]["architecture"], record.get("heard")
    else:
        raise TrainingError(f"{said}: neither a version in {MODELS}/ nor the folder of a run.")
    if spec != experiment.feature_spec:
        raise TrainingError(
            f"{said}: was trained on features {spec.id}, and this experiment takes "
            f"{experiment.feature_spec.id}; give both one [feature_spec]."
        )
    if (heard := part(told, Heard)) is None:
        raise TrainingError(
            f"{said}: does not say which tracks it was trained on, so it could have heard those "
            "that are tested; start from a version whose card has them."
        )
    options = dict(architecture.get("options", {}))
    return Start(
        name, folder / "model.keras", Architecture(architecture.get("name", ""), options), heard
    )


def refuse_heard(experiment: Experiment, tested: Tracks) -> None:
    """Refuse to test tracks that the network which is started from was trained on.

    Raises
    ------
    TrainingError : naming one of them; or see `find_start`.
    """
    start = find_start(experiment)
    if start is None:
        return
    if known := start.heard.among(tested):
        raise TrainingError(
            f"[training] start_from = {start.name!r}: was trained on {len(known)} of the "
            f"{len(tested)} tracks that would be tested, such as {known[0]!r}, and would seem "
            "better than it is; start from a network that never heard them."
        )


def refuse_learned(experiment: Experiment, genres: Sequence[str]) -> None:
    """Refuse a start that learned one of these genres, which shall be new to the network.

    Raises
    ------
    TrainingError : naming them; or see `find_start`.
    """
    start = find_start(experiment)
    if start and (known := sorted(set(genres) & set(start.heard.genres))):
        raise TrainingError(
            f"[training] start_from = {start.name!r}: learned {', '.join(known)}, which would be "
            "called new; leave start_from out, or take a network that never learned them."
        )


def refuse_store(experiment: Experiment, store: Store) -> None:
    """Refuse a start that was trained on this very store, which shall be foreign to it.

    Raises
    ------
    TrainingError : naming it; or see `find_start`.
    """
    start = find_start(experiment)
    if start and start.heard.knows(store):
        raise TrainingError(
            f"[training] start_from = {start.name!r}: was trained on {store.name}, which would be "
            "called foreign; start from a network that never heard it."
        )


def start_digest(experiment: Experiment) -> str | None:
    """The sha256 of the network that is started from; None without one.

    Raises
    ------
    TrainingError : see `find_start`; and when it cannot be read.
    """
    start = find_start(experiment)
    if start is None:
        return None
    try:
        return sha256(start.model)
    except OSError as error:
        raise TrainingError(f"{start.model}: cannot be read ({error.strerror}).") from error


def describe_heard(experiment: Experiment, store: Store, heard: Sequence[Tracks]) -> dict[str, Any]:
    """What a run's record and a card say of the tracks `heard`, and of those of the start.

    Raises
    ------
    TrainingError : see `find_start`.
    """
    start = find_start(experiment)
    before = start.heard if start else Heard([], [], [])
    own = [HeardStore(each.name, digest(each), each.licence) for each in parts_of(store)]
    tracks = {mark for each in heard for mark in each.fingerprints()}
    told: dict[str, Any] = msgspec.to_builtins(
        Heard(
            stores=list(dict.fromkeys([*own, *before.stores])),
            genres=sorted({*store.genres, *before.genres}),
            tracks=sorted(tracks | set(before.tracks)),
        )
    )
    return told


def take_layers(
    model: keras.Model, experiment: Experiment, start: Start
) -> list[keras.layers.Layer]:
    """Give the network the weights of all layers but the last; returns those that can learn.

    Of several networks that are averaged the first is taken.

    Raises
    ------
    TrainingError : when the layers are others.
    """
    others = TrainingError(
        f"[training] start_from = {start.name!r}: has other layers than this experiment's "
        "[architecture]; give both the same."
    )
    if start.architecture != experiment.architecture:
        raise others
    try:
        source = keras.models.load_model(start.model, compile=False)
    except Exception as error:  # Keras raises many kinds for a file that is no model
        raise TrainingError(f"{start.model}: cannot be loaded ({error}).") from error
    source = next((layer for layer in source.layers if isinstance(layer, keras.Model)), source)
    mine = _with_weights(model)
    names = [layer.name for layer in source.layers]
    theirs = []
    if LAST in names:
        # Without the score of unfamiliar sounds and what else was added behind.
        theirs = _with_weights(keras.Model(source.input, source.get_layer(LAST).output))
    if [_shapes(layer) for layer in mine] != [_shapes(layer) for layer in theirs]:
        raise others
    for layer, trained in zip(mine, theirs, strict=True):
        layer.set_weights(trained.get_weights())
    return [layer for layer in mine if layer.trainable]


def _with_weights(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.weights and layer.name != LAST]


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
