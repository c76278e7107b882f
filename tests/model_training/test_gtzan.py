"""The feature store and its splits."""

import numpy as np
import pytest

from features import FeatureSpec
from features.mel import mel_edges
from model_training.datasets import gtzan
from model_training.errors import TrainingError

SPEC = FeatureSpec()


def test_levels_become_decibels(store):
    tracks = gtzan.load(store, SPEC, gtzan.SPLITS["train"])
    with np.load(store / "logmel30s.npz") as raw:
        row = list(raw["track"]).index(tracks.names[2])
        level = raw["level"][row, :116].T.astype(np.float64)
    np.testing.assert_allclose(tracks.log_mel[2], -80 * (1 - (level + 0.5) / 256), atol=1e-4)
    assert tracks.log_mel.shape == (18, 387, 116)
    assert tracks.genres == ("chaabi", "gnawa", "malhun")
    assert [tracks.genres[label] for label in tracks.labels] == [n[:-6] for n in tracks.names]


def test_a_track_that_the_store_lacks_is_left_out(store):
    assert len(gtzan.read_split(store, gtzan.SPLITS["train"])) == 19
    assert "chaabi.99999" not in gtzan.load(store, SPEC, gtzan.SPLITS["train"]).names


def test_segments_are_those_of_the_site(store):
    tracks = gtzan.load(store, SPEC, gtzan.SPLITS["validation"])
    pieces = gtzan.segments(tracks, SPEC)
    assert pieces.shape == (6, 6, 64, 116)
    np.testing.assert_array_equal(pieces[1, 2], tracks.log_mel[1, 128:192])


@pytest.mark.parametrize(
    "change",
    [{"hop_length": 512}, {"n_fft": 1024}, {"fmin": 20.0}, {"fmax": 8000.0}, {"n_mels": 100}],
)
def test_a_spec_that_the_store_cannot_give_is_refused(store, change):
    with pytest.raises(TrainingError, match="feature_spec"):
        gtzan.load(store, FeatureSpec(**change), gtzan.SPLITS["train"])


def test_any_number_of_first_bands_is_possible(store):
    edges = mel_edges(128, 0.0, 11025.0)
    spec = FeatureSpec(n_mels=80, n_mfcc=40, fmax=float(edges[81]))
    assert gtzan.load(store, spec, gtzan.SPLITS["train"]).log_mel.shape == (18, 387, 80)


def test_missing_data_is_a_sentence(tmp_path, store):
    with pytest.raises(TrainingError, match="--data"):
        gtzan.load(tmp_path, SPEC, gtzan.SPLITS["train"])
    with pytest.raises(TrainingError, match=r"splits/other\.txt"):
        gtzan.load(store, SPEC, "other.txt")
    (tmp_path / "splits").mkdir()
    (tmp_path / "logmel30s.npz").symlink_to(store / "logmel30s.npz")
    (tmp_path / "splits" / "train_filtered.txt").write_text("rock/rock.00000.wav\n")
    with pytest.raises(TrainingError, match="none of the tracks"):
        gtzan.load(tmp_path, SPEC, gtzan.SPLITS["train"])


def test_artists_and_replicas(store):
    assert gtzan.read_artists(store)["chaabi.00000"] == "A"
    assert gtzan.read_replicas(store) == [("chaabi.00000", "chaabi.00001")]
