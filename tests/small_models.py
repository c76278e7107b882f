"""Small versions of every kind of features, with networks of the families that are trained.

`python -m tests.small_models FOLDER` writes them as a models folder; `--doubting` writes versions
that also flag sounds unlike those of `band`, and `--embedding` those that give embeddings as well.
The cards are v1's, with what `write` changes.

The networks are stored in `tests/data/networks`, as making them takes TensorFlow and half a minute;
`python -m tests.small_models --make` makes them anew. They are not trained: tests only need answers
that depend on every number that is sent.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features import FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import keras
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]

# Versions with a score for unfamiliar sounds -> the small version that each extends, and whether
# the score is its first output.
DOUBTING = {"doubting": ("images", False), "doubting_sequence": ("sequence", True)}
# Versions with such a score and an embedding -> the small version that each extends, and the order
# of its outputs: 0 the probabilities, 1 the score, 2 the embedding.
EMBEDDING = {"embedding": ("table", (0, 1, 2)), "embedding_sequence": ("sequence", (2, 1, 0))}
# The threshold, in multiples of the largest score of the songs that the score is fitted on.
MARGIN = 3.0

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = ROOT / "tests" / "data" / "networks"
# File beside each stored network: the values that its version's card takes from it.
MADE = "made.json"

# version -> features, network, its options. The shapes and frame rates are those of real versions.
SMALL: dict[str, tuple[FeatureSpec, str, dict[str, Any]]] = {
    # raw MFCC of five seconds
    "images": (
        FeatureSpec(n_mfcc=25, standardise=False), "image_cnn", {"filters": [4, 4], "units": 8},
    ),
    # three seconds at the full frame rate; LiteRT takes a fixed batch only
    "sequence": (
        FeatureSpec(n_mfcc=13, hop_length=512, n_frames=130), "lstm",
        {"units": [8], "dense_units": 8},
    ),
    # half a minute at once
    "log_mel": (
        FeatureSpec(kind="log_mel", n_mels=128, fmax=11025.0, n_frames=387), "log_mel_cnn",
        {"filters": [4, 4, 4, 4], "batch_normalisation": True},
    ),
    # statistics of half a minute: one row without frames
    "table": (
        FeatureSpec(
            kind="statistics",
            statistics=(
                "chroma", "chroma_all", "rms", "spectral_centroid", "spectral_bandwidth",
                "rolloff", "zero_crossing_rate", "tempo", "mfcc",
            ),
            n_mfcc=20, hop_length=512, n_mels=128, fmax=11025.0, n_frames=1292, standardise=False,
            decimals=4,
        ),
        "dense_statistics", {"units": [16]},
    ),
}  # fmt: skip


def write(folder: Path, versions: Iterable[str] = tuple(SMALL)) -> None:
    """Write some versions, those of `SMALL` if none are named, into the models folder `folder`."""
    v1 = json.loads((ROOT / "trained_models" / "v1" / "model.json").read_text(encoding="utf-8"))
    for version in versions:
        spec, name, options = SMALL[small_of(version)]
        network, made = NETWORKS / version, folder / version
        shutil.copytree(network, made, ignore=shutil.ignore_patterns(MADE))
        told = json.loads((network / MADE).read_text(encoding="utf-8"))
        card = v1 | {
            "version": version,
            "title": f"Small {name}",
            "feature_spec": spec.to_json(),
            "architecture": {
                "name": name, "options": options, "n_parameters": told["n_parameters"],
            },
            **{key: told[key] for key in ("unfamiliar", "embedding") if key in told},
            "files": {
                path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(made.iterdir())
            },
        }  # fmt: skip
        (made / "model.json").write_text(json.dumps(card), encoding="utf-8")


def make(folder: Path) -> None:
    """Make the networks of all small versions, a folder each, with Keras."""
    import keras
    import numpy as np

    from features import extract_segments
    from model_training.architectures import build
    from model_training.landing.export import write_model_files
    from tests.browser.sounds import band

    v1 = json.loads((ROOT / "trained_models" / "v1" / "model.json").read_text(encoding="utf-8"))
    sounds = [band(61, 22050, seed) for seed in range(2)]
    for version in (*SMALL, *DOUBTING, *EMBEDDING):
        spec, name, options = SMALL[small_of(version)]
        songs = [np.array([s.values for s in extract_segments(x, spec)]) for x in sounds]
        keras.utils.set_random_seed(7)
        model = build(name, spec, len(v1["genres"]), options)
        _spread(model, np.concatenate(songs))
        made = folder / version
        made.mkdir(parents=True)
        unfamiliar, more = None, {}
        if version in DOUBTING:
            model, unfamiliar = _with_score(model, songs, DOUBTING[version][1])
        elif version in EMBEDDING:
            hidden = model.layers[-1].input
            model, unfamiliar = _with_score(model, songs, False)
            outputs = [*model.outputs, keras.layers.Activation("linear", name="embedding")(hidden)]
            model = keras.Model(model.input, [outputs[at] for at in EMBEDDING[version][1]])
            more = {"embedding": {"layer": "embedding", "size": hidden.shape[1], "decimals": 4}}
            of_songs = keras.Model(model.input, hidden)
            means = [of_songs.predict(song, verbose=0).mean(axis=0) for song in songs]
            file = _embedding_file(version, v1["genres"], np.array(means, np.float64))
            (made / "embedding.json").write_text(json.dumps(file) + "\n", encoding="utf-8")
        write_model_files(model, made)
        told = {"n_parameters": model.count_params(), "unfamiliar": unfamiliar, **more}
        (made / MADE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def small_of(version: str) -> str:
    """The small version whose network `version` uses or extends."""
    extended = {**DOUBTING, **EMBEDDING}
    return extended[version][0] if version in extended else version


def _embedding_file(
    version: str, genres: Sequence[str], values: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """The `embedding.json` of songs (n, size), which the genres share out in turn."""
    import numpy as np

    n, size = values.shape
    mean, scale = values.mean(axis=0), values.std(axis=0) + 0.01
    means = np.round((values - mean) / scale, 4).tolist()
    return {
        "format": 1,
        "version": version,
        "size": size,
        "standardisation": {
            "mean": np.round(mean, 4).tolist(),
            "scale": np.round(scale, 4).tolist(),
        },
        "genres": [
            {"name": genre, "songs": 1, "mean": means[place % n]}
            for place, genre in enumerate(genres)
        ],
        "covariance": np.eye(size)[np.triu_indices(size)].tolist(),
        "spread": 1.5,
    }


def _spread(model: keras.Model, features: FloatArray) -> None:
    """Scale the network to real features, so that its answers are neither chance nor certain."""
    import keras
    import numpy as np

    first = next(x for x in model.layers if isinstance(x, keras.layers.BatchNormalization))
    if first.input.shape[1:] == features.shape[1:]:
        across = tuple(range(features.ndim - 1))
        mean, variance = features.mean(axis=across), features.var(axis=across)
        first.set_weights([mean, variance + np.square(0.1 * mean) + 1e-6])
    last = model.layers[-1]
    kernel, bias = last.get_weights()
    values = keras.Model(model.input, last.input).predict(features, verbose=0) @ kernel
    scale = 1.5 / values.std()
    last.set_weights([kernel * scale, bias - values.mean(axis=0) * scale])


def _with_score(
    model: keras.Model, songs: Sequence[FloatArray], score_first: bool
) -> tuple[keras.Model, dict[str, Any]]:
    """Add an output, the squared Mahalanobis distance from `songs`; also the card's `unfamiliar`.

    `songs` are (n_segments, *shape) each; the distance is taken in the last layer but one.
    """
    import keras
    import numpy as np
    from keras import layers

    last = model.layers[-1]
    inner = keras.Model(model.input, last.input)
    values = np.concatenate([inner.predict(song, verbose=0) for song in songs])
    # shrunk, as units that are never active have no variance
    covariance = np.cov(values.T) + 0.1 * values.var() * np.eye(values.shape[1])
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    whiten = layers.Dense(values.shape[1], trainable=False)
    distance = whiten(last.input)
    whiten.set_weights([root, -values.mean(axis=0) @ root])
    score = layers.Dot(axes=1)([distance, distance])
    outputs = [score, model.output] if score_first else [model.output, score]
    doubting = keras.Model(model.input, outputs)
    of_songs = keras.Model(model.input, score)
    means = [float(of_songs.predict(song, verbose=0).mean()) for song in songs]
    return doubting, {
        "method": "mahalanobis",
        "threshold": MARGIN * max(means),
        "fitted_on": "songs of a small band",
        "flagged_share": 0.0,
    }


if __name__ == "__main__":
    if sys.argv[1:] == ["--make"]:
        shutil.rmtree(NETWORKS, ignore_errors=True)
        make(NETWORKS)
    else:
        chosen = {"--doubting": tuple(DOUBTING), "--embedding": tuple(EMBEDDING)}
        write(Path(sys.argv[1]), *(chosen[option] for option in sys.argv[2:]))
