"""Every network: built, trained a step, converted, the same answers in LiteRT."""

from typing import Any

import keras
import numpy as np
import pytest

from features import FeatureSpec, coefficients
from model_training.architectures import BUILDERS, build
from model_training.errors import TrainingError
from model_training.landing.export import FIXED_BATCH, convert, require_builtin_layers
from model_training.training.embedding import embedding_size

SPECS = {
    "mfcc": FeatureSpec(n_mfcc=20),
    "log_mel": FeatureSpec(kind="log_mel", n_frames=96),
    "statistics": FeatureSpec(
        kind="statistics", statistics=("rms", "mfcc", "tempo"), n_mfcc=13, standardise=False
    ),
}
SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "dense_statistics": ("statistics", {"units": [16, 8]}),
    "image_cnn": ("mfcc", {"filters": [4, 4, 8, 8], "units": 8}),
    "lstm": ("mfcc", {"units": [8, 8], "dense_units": 8}),
    "conv_lstm": ("mfcc", {"filters": [8, 8], "units": 8}),
    "log_mel_cnn": ("log_mel", {"filters": [2, 2, 4, 4], "batch_normalisation": True}),
    "mfcc_cnn": ("mfcc", {"n_bands": 16, "stem": 4, "filters": [4, 4]}),
    "second_order": (
        "mfcc",
        {"n_coefficients": 4, "filters": 4, "n_channels": 4, "n_bands": 16, "hidden": 8},
    ),
}


def run_litert(content: bytes, batch: np.ndarray) -> tuple[np.ndarray, int]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    inputs = interpreter.get_input_details()[0]
    fixed = int(inputs["shape_signature"][0])
    if fixed > 0:
        batch = np.concatenate([batch, np.zeros((fixed - len(batch), *batch.shape[1:]))])
    else:
        interpreter.resize_tensor_input(inputs["index"], batch.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(inputs["index"], batch.astype(np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), fixed


def test_all_networks_are_tried():
    assert SMALL.keys() == BUILDERS.keys()


@pytest.mark.parametrize("name", SMALL)
def test_a_network_learns_and_converts(name):
    kind, options = SMALL[name]
    spec = SPECS[kind]
    keras.utils.set_random_seed(0)
    model = build(name, spec, 3, options)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 48)
    # Genres differ by their slope over the last axis; standardising would remove a level.
    slope = np.linspace(-1, 1, spec.shape[-1])
    features = (
        rng.standard_normal((48, *spec.shape))
        + (labels.reshape(-1, *[1] * len(spec.shape)) - 1) * 2 * slope
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    losses = model.fit(features, labels, epochs=6, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    require_builtin_layers(model)
    batch = features[:3].astype(np.float32)
    wanted = model.predict(batch, verbose=0)
    np.testing.assert_allclose(wanted.sum(axis=1), 1, atol=1e-5)
    got, fixed = run_litert(convert(model), batch)
    np.testing.assert_allclose(got[:3], wanted, atol=1e-4)
    # Recurrent networks convert with a fixed batch only.
    assert fixed == (FIXED_BATCH if "lstm" in name else -1)


def test_second_order_has_an_embedding():
    kind, options = SMALL["second_order"]
    model = build("second_order", SPECS[kind], 3, options)
    assert embedding_size(model, "embedding") == 8
    # The answer depends on it alone.
    answer = keras.Model(model.get_layer("embedding").output, model.output)
    assert answer.input_shape == (None, 8)


@pytest.mark.parametrize(
    ("name", "kind", "options", "sentence"),
    [
        ("perceptron", "mfcc", {}, "perceptron"),
        ("mfcc_cnn", "log_mel", {}, "takes mfcc"),
        ("dense_statistics", "mfcc", {}, "takes statistics"),
        ("lstm", "statistics", {}, "mfcc or log_mel"),
        ("lstm", "mfcc", {"layers": 3}, "layers"),
        ("image_cnn", "mfcc", {"dropout": 1.5}, "options"),
        ("second_order", "log_mel", {}, "takes mfcc"),
        ("second_order", "mfcc", {"n_coefficients": 0}, "n_coefficients"),
        ("second_order", "mfcc", {"lag": 0}, "lag"),
        ("second_order", "mfcc", {"lag": 32}, "two frames"),
        ("second_order", "mfcc", {"ridge": 0.0}, "ridge"),
        ("second_order", "mfcc", {"iterations": 0}, "iterations"),
        ("second_order", "mfcc", {"n_bands": 12}, "multiple of 8"),
    ],
)
def test_options_that_do_not_fit_are_a_sentence(name, kind, options, sentence):
    with pytest.raises(TrainingError, match=sentence):
        build(name, SPECS[kind], 3, options)


def test_cepstrum_is_turned_back_into_bands():
    """The frozen first layer undoes the DCT: smooth spectra come back."""
    spec = FeatureSpec()
    model = build("mfcc_cnn", spec, 10, {})
    bands = keras.Model(model.input, model.get_layer("cepstrum_to_bands").output)
    position = (np.arange(116) + 0.5) / 116
    frame = np.cos(2 * np.pi * position) + 0.3 * np.cos(9 * np.pi * position)
    log_mel = np.tile(frame, (64, 1)).astype(np.float32)
    got = np.asarray(bands(coefficients(log_mel, FeatureSpec(standardise=False))[None]))[0, 5]
    position = (np.arange(64) + 0.5) / 64
    wanted = np.cos(2 * np.pi * position) + 0.3 * np.cos(9 * np.pi * position)
    np.testing.assert_allclose(got, wanted, atol=1e-4)


def second_order_root(features: np.ndarray, **options: Any) -> np.ndarray:
    """Output of the layer `covariance` for MFCC (n, 64, 20), of which it takes eight."""
    small = {"n_coefficients": 8, "filters": 4, "n_channels": 4, "n_bands": 16}
    model = build("second_order", SPECS["mfcc"], 3, small | options)
    named = keras.Model(model.input, model.get_layer("covariance").output)
    return named.predict(features.astype(np.float32), verbose=0)


def test_the_iteration_finds_the_square_root_of_the_covariance():
    rng = np.random.default_rng(0)
    mixing = rng.normal(0, 1, (20, 20)) / np.arange(1, 21)
    features = rng.normal(0, 1, (3, 64, 20)) @ mixing + 5
    keras.utils.set_random_seed(0)
    got = second_order_root(features, iterations=20)
    coefficients_of = features[:, 1:-1, :8]
    deltas = features[:, 2:, :8] - features[:, :-2, :8]
    frames = np.concatenate([coefficients_of, deltas], axis=2)
    # The channels of the convolutions follow, with random weights. Only the part without them is
    # compared: the square of the root is the covariance.
    size = 20
    root = np.zeros((3, size, size))
    upper = np.triu_indices(size)
    root[:, upper[0], upper[1]] = got[:, : len(upper[0])]
    root = root + np.triu(root, 1).transpose(0, 2, 1)
    wanted = np.stack([np.cov(each.T, ddof=0) for each in frames]) + 0.01 * np.eye(16)
    np.testing.assert_allclose((root @ root)[:, :16, :16], wanted, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(got[:, len(upper[0]) :][:, :16], frames.mean(axis=1), atol=1e-4)


def test_a_steady_sound_has_a_square_root():
    steady = np.tile(np.linspace(2, -1, 20), (2, 64, 1))
    assert np.isfinite(second_order_root(steady)).all()
