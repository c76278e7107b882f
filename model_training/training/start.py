"""Start from the layers of a network that was trained before, on other songs and genres.

A few hundred songs are too few to learn what music sounds like, but enough to learn their genres
from layers that know it: Yosinski et al., "How transferable are features in deep neural networks?",
2014. A network that has heard a song is no honest judge of it: what it starts from must not have
heard what is tested.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from features import FeatureSpec
from webapp.inference.card import VERSION_PATTERN

from ..errors import TrainingError
from ..experiment import Experiment
from ..paths import MODELS
from ..stores.store import Store, digest, parts_of
from ..stores.tracks import Tracks
from ..versions import open_version

# The layer that answers with the genres, which are the experiment's own.
LAST = "genre"


@dataclasses.dataclass(frozen=True)
class Start:
    """A network to start from.

    Attributes
    ----------
    name : as the experiment has it.
    model : `model.keras` of the version or the run.
    heard : fingerprints of the tracks that it was trained on.
    """

    name: str
    model: Path
    heard: frozenset[str]


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
        folder, spec = MODELS / name, card.spec
        heard = card.to_json()["training"].get("heard")
    elif Path(name).is_dir():
        # Imported late: a run is trained by what is imported here.
        from .runs import load_run

        folder, record = Path(name), load_run(Path(name))
        spec = FeatureSpec.from_json(record["experiment"]["feature_spec"])
        heard = record.get("heard")
    else:
        raise TrainingError(f"{said}: neither a version in {MODELS}/ nor the folder of a run.")
    if spec != experiment.feature_spec:
        raise TrainingError(
            f"{said}: was trained on features {spec.id}, and this experiment takes "
            f"{experiment.feature_spec.id}; give both one [feature_spec]."
        )
    if not isinstance(heard, Mapping):
        raise TrainingError(
            f"{said}: does not say which tracks it was trained on, so it could have heard those "
            "that are tested; start from a version whose card has them."
        )
    return Start(name, folder / "model.keras", frozenset(heard["tracks"]))


def refuse_heard(experiment: Experiment, tested: Tracks) -> None:
    """Refuse to test tracks that the network which is started from was trained on.

    Raises
    ------
    TrainingError : naming one of them; or see `find_start`.
    """
    start = find_start(experiment)
    if start is None:
        return
    known = [
        name
        for name, mark in zip(tested.names, tested.fingerprints(), strict=True)
        if mark in start.heard
    ]
    if known:
        raise TrainingError(
            f"[training] start_from = {start.name!r}: was trained on {len(known)} of the "
            f"{len(tested)} tracks that would be tested, such as {known[0]!r}, and would seem "
            "better than it is; start from a network that never heard them."
        )


def describe_heard(store: Store, trained: Tracks) -> dict[str, Any]:
    """What a run's record and a card say of the tracks trained on."""
    return {
        "stores": [{"name": each.name, "digest": digest(each)} for each in parts_of(store)],
        "tracks": sorted(trained.fingerprints()),
    }


def take_layers(model: keras.Model, start: Start) -> list[keras.layers.Layer]:
    """Give the network the weights of all layers but the last; returns those that can learn.

    Of several networks that are averaged the first is taken.

    Raises
    ------
    TrainingError : when the layers are others.
    """
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
        raise TrainingError(
            f"[training] start_from = {start.name!r}: has other layers than this experiment's "
            "[architecture]; give both the same."
        )
    for layer, trained in zip(mine, theirs, strict=True):
        layer.set_weights(trained.get_weights())
    return [layer for layer in mine if layer.trainable]


def _with_weights(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.weights and layer.name != LAST]


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
