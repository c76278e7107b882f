"""An experiment that trains in a moment, and a watch on the test tracks."""

import keras
import pytest

from model_training.architectures import BUILDERS, dense_statistics
from model_training.stores.gtzan_store import GtzanStore

STATISTICS = """\
title = "Dense"
[feature_spec]
kind = "statistics"
statistics = ["rms", "tempo"]
standardise = false
hop_length = 512
n_mels = 128
fmax = 11025.0
n_frames = 1292
[architecture]
name = "dense_statistics"
options = { units = [8] }
[training]
epochs = 2
batch_size = 4
crops_per_track = 1
"""


@pytest.fixture
def dense(tmp_path):
    path = tmp_path / "dense.toml"
    path.write_text(STATISTICS)
    return path


@pytest.fixture
def teachable(tmp_path, monkeypatch):
    """An experiment with an embedding, whose network trains in a moment."""

    def build(spec, n_genres, units):
        model = dense_statistics.build(spec, n_genres, units=units)
        hidden = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
        hidden.name = "hidden"
        return model

    monkeypatch.setitem(BUILDERS, "dense_statistics", build)
    path = tmp_path / "teachable.toml"
    path.write_text(STATISTICS + '[embedding]\nlayer = "hidden"\n')
    return path


@pytest.fixture
def never_the_test(store, watch_loading):
    """Fail when a study loads a test track."""
    tested = set(GtzanStore(store).split("test"))

    def refuse_tested(names):
        assert not tested.intersection(names)

    watch_loading(refuse_tested)
