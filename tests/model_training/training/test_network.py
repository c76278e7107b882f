"""Options of training do what they say."""

import dataclasses
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest

from features import FeatureSpec
from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.experiment import Architecture, Augmentation, Training, load_experiment
from model_training.judging.answers import predict_tracks
from model_training.judging.evaluation import negative_log_likelihood, per_track
from model_training.stores.store import open_store
from model_training.stores.tracks import Tracks
from model_training.training.network import fit, has_gpu

STATISTICS = FeatureSpec(
    kind="statistics", statistics=("rms", "tempo"), standardise=False, hop_length=512, n_mels=128,
    fmax=11025.0, n_frames=1292,
)  # fmt: skip


@pytest.fixture
def experiment(experiment_file: Path):
    """A dense network on statistics: an epoch takes milliseconds."""
    return dataclasses.replace(
        load_experiment(experiment_file),
        feature_spec=STATISTICS,
        architecture=Architecture("dense_statistics", {"units": [8], "dropout": 0.0}),
        augmentation=Augmentation(),
        training=Training(epochs=4, batch_size=9, crops_per_track=1, learning_rate=0.01, mixup=0),
    )


@pytest.fixture
def parts(store) -> tuple[Tracks, Tracks]:
    opened = open_store(store)
    return (
        opened.load(STATISTICS, opened.split("train")),
        opened.load(STATISTICS, opened.split("validation")),
    )


def misleading(validation: Tracks) -> Tracks:
    """Wrong labels: the better the training tracks are learned, the worse these become."""
    return dataclasses.replace(validation, labels=(validation.labels + 1) % 3)


def changed(experiment, **options):
    return dataclasses.replace(
        experiment, training=dataclasses.replace(experiment.training, **options)
    )


def losses(model, tracks: Tracks) -> float:
    probabilities, track = predict_tracks(model, tracks, STATISTICS)
    return negative_log_likelihood(per_track(probabilities, track, len(tracks)), tracks.labels)


def test_best_weights_come_back(experiment, parts):
    training, validation = parts[0], misleading(parts[1])
    wild = changed(experiment, keep="best", learning_rate=0.1, schedule="constant", epochs=12)
    model, history = fit(wild, training, 3, validation, verbose=0)
    assert losses(model, validation) == pytest.approx(min(history["val_loss"]), abs=1e-5)
    assert history["val_loss"][-1] > min(history["val_loss"])
    last, _ = fit(changed(wild, keep="last"), training, 3, validation, verbose=0)
    assert losses(last, validation) == pytest.approx(history["val_loss"][-1], abs=1e-3)


def test_early_stopping_stops(experiment, parts):
    training, validation = parts[0], misleading(parts[1])
    wild = changed(experiment, learning_rate=0.1, schedule="constant", epochs=60, early_stopping=3)
    _, history = fit(wild, training, 3, validation, verbose=0)
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_loss"]) == best + 4 < 60


def test_plateau_halves_the_rate(experiment, parts):
    training, validation = parts[0], misleading(parts[1])
    rates: list[float] = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    wild = changed(experiment, learning_rate=0.1, schedule="plateau", patience=2, epochs=14)
    _, history = fit(wild, training, 3, validation, verbose=0, callbacks=[Watch()])
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] < 0.09
    lowered = [epoch for epoch in range(1, 14) if rates[epoch] < rates[epoch - 1]]
    for epoch in lowered:
        assert rates[epoch] == pytest.approx(rates[epoch - 1] / 2)
        before = history["val_loss"][: epoch - 1]
        assert min(history["val_loss"][epoch - 1 : epoch + 1]) >= min(before)


def test_weight_penalties_make_weights_smaller(experiment, parts):
    sizes = {}
    for name, options in (("none", {}), ("l1", {"l1": 0.05}), ("l2", {"l2": 0.05})):
        adam = changed(experiment, optimizer="adam", epochs=60, schedule="constant", **options)
        model, _ = fit(adam, parts[0], 1, verbose=0)
        kernels = [v.numpy() for v in model.trainable_variables if v.name == "kernel"]
        sizes[name] = sum(float(np.abs(kernel).sum()) for kernel in kernels)
    assert sizes["l1"] < 0.7 * sizes["none"]
    assert sizes["l2"] < 0.7 * sizes["none"]


def test_choosing_on_validation_needs_validation(experiment, parts):
    for options in ({"keep": "best"}, {"early_stopping": 2}, {"schedule": "plateau"}):
        with pytest.raises(TrainingError, match="validation"):
            fit(changed(experiment, **options), parts[0], 1, verbose=0)


def test_a_batch_larger_than_an_epoch_is_the_epoch(experiment, parts):
    _, history = fit(changed(experiment, batch_size=1000), parts[0], 1, verbose=0)
    assert len(history["loss"]) == 4
    assert history["loss"][-1] != history["loss"][0]


def test_diverging_weights_are_a_sentence(store, experiment_file, tmp_path, capsys):
    wild = tmp_path / "wild.toml"
    text = experiment_file.read_text()
    wild.write_text(text.replace("learning_rate = 0.01", "learning_rate = 1e30"))
    words = ["train", str(wild), "--data", str(store), "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "learning_rate" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wild.toml"]


def test_a_place_that_cannot_be_written_is_told_before_training(
    store, experiment_file, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    words = ["train", str(experiment_file), "--data", str(store), "--seed", "1"]
    assert main([*words, "--out", str(tmp_path / "file" / "run")]) == 2
    printed = capsys.readouterr()
    assert "file" in printed.err
    assert "Epoch" not in printed.out
    assert main([*words[:-1], "-1", "--out", str(tmp_path / "run")]) == 2
    assert "--seed" in capsys.readouterr().err


def test_half_precision_gives_a_model_in_single_precision(experiment, parts, monkeypatch):
    monkeypatch.setattr("model_training.training.network.has_gpu", lambda: True)
    seen: list[str] = []

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.extend(layer.compute_dtype for layer in self.model.layers[1:])

    half = changed(experiment, mixed_precision=True)
    model, _ = fit(half, parts[0], 1, verbose=0, callbacks=[Watch()])
    # All layers but the last, which gives the probabilities.
    assert set(seen[:-1]) == {"float16"}
    assert seen[-1] == "float32"
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    assert np.isfinite(losses(model, parts[1]))


@pytest.mark.parametrize("seen", [True, False])
def test_a_gpu_of_pytorch_is_found(monkeypatch, seen):
    torch = types.ModuleType("torch")
    torch.cuda = types.SimpleNamespace(is_available=lambda: seen)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    assert has_gpu() is seen


def test_tensorboard_gets_the_numbers_of_every_epoch(store, experiment_file, tmp_path):
    words = ["train", str(experiment_file), "--data", str(store), "--out", str(tmp_path / "run")]
    assert main([*words, "--tensorboard", str(tmp_path / "logs")]) == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for part in ("train", "validation"):
        reader = EventAccumulator(str(tmp_path / "logs" / "run" / part))
        reader.Reload()
        assert {"epoch_loss", "epoch_accuracy"} <= set(reader.Tags()["tensors"])
        assert len(reader.Tensors("epoch_loss")) == 3
