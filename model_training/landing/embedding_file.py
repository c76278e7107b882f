"""`embedding.json` of a version: where songs of its genres lie, for those who teach others.

Its layout stands in docs/model-card.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from features import FeatureSpec
from webapp.inference.embedding import LARGEST_EMBEDDING

from ..errors import TrainingError
from ..files import read_json, write_text
from ..paths import TEACHING
from ..stores.store import Store
from ..training.embedding import Space, measure_spread, song_embeddings
from ..training.run_record import parts_trained_on

FORMAT = 1
# Significant digits of the numbers: as many of these as fit into the file.
DIGITS = (6, 5, 4, 3)


def describe_songs(
    model: keras.Model, record: Mapping[str, Any], store: Store, spec: FeatureSpec, version: str
) -> dict[str, Any]:
    """The content of `embedding.json`, from the songs trained on.

    The spread is that of the validation tracks or, in a final training, that of the
    cross-validation (`add_cross_validation`).

    Raises
    ------
    TrainingError : when the network's answers are not finite.
    """
    names = [name for part in parts_trained_on(record) for name in store.split(part)]
    trained = store.load(spec, names)
    space = Space.of(song_embeddings(model, trained, spec), trained.labels, len(trained.genres))
    if record["validation"]:
        held_out = store.load(spec, store.split("validation"))
        spread = measure_spread(space, song_embeddings(model, held_out, spec), held_out.labels)
    else:
        spread = record["embedding"]["spread"]
    covariance = space.covariance()
    size = len(covariance)
    return {
        "format": FORMAT,
        "version": version,
        "size": size,
        "standardisation": {"mean": space.mean.tolist(), "scale": space.scale.tolist()},
        "genres": [
            {"name": name, "songs": int(songs), "mean": centre.tolist()}
            for name, songs, centre in zip(trained.genres, space.counts, space.centres, strict=True)
        ],
        "covariance": covariance[np.triu_indices(size)].tolist(),
        "spread": spread,
    }


def write_embedding(path: Path, content: Mapping[str, Any]) -> None:
    """Write `embedding.json`, with as many digits as fit.

    Raises
    ------
    TrainingError : when it is too large with three digits, too, or cannot be written.
    """
    for digits in DIGITS:
        text = json.dumps(_rounded(content, digits), separators=(",", ":")) + "\n"
        if (n_bytes := len(text.encode())) <= LARGEST_EMBEDDING:
            write_text(path, text)
            return
    raise TrainingError(
        f"{path.name} would take {n_bytes:,} bytes, more than {LARGEST_EMBEDDING:,}: take a "
        "smaller layer in [embedding]."
    )


def _rounded(content: Any, digits: int) -> Any:
    """The same with floats of so many significant digits."""
    if isinstance(content, float):
        return float(f"{content:.{digits}g}")
    if isinstance(content, Mapping):
        return {key: _rounded(value, digits) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value, digits) for value in content]
    return content


def read_taught(record: Mapping[str, Any], folder: Path | None) -> dict[str, Any] | None:
    """What the study `teaching` of the run's experiment found; None without a study.

    Raises
    ------
    TrainingError : when it is missing, superfluous, or of another experiment or other data.
    """
    if folder is None:
        return None
    if not record["experiment"]["embedding"]["layer"]:
        raise TrainingError("--teaching is for experiments with [embedding] layer; this has none.")
    path = folder / TEACHING
    try:
        study = read_json(path)
        recipe = study["recipe"]
        same = all(
            recipe.get(key) == record.get(key)
            for key in ("experiment", "data_digest", "teacher_sha256", "start_sha256")
        )
        taught: dict[str, Any] = study["taught"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: no finished study of teaching there ({error}).") from error
    if not same:
        raise TrainingError(f"{path}: made by another experiment or of other data than this run.")
    return taught
