"""An experiment that trains in a moment, and a watch on the test tracks."""

import pytest

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
def never_the_test(store, watch_loading):
    """Fail when a study loads a test track."""
    tested = set(GtzanStore(store).split("test"))

    def refuse_tested(names):
        assert not tested.intersection(names)

    watch_loading(refuse_tested)
