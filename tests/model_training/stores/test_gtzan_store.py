"""The arrays of GTZAN: which features they hold, and their splits."""

import numpy as np
import pytest

from features import FeatureSpec
from features.mel import mel_edges
from model_training.errors import TrainingError
from model_training.stores.store import check_split, open_store
from model_training.stores.tracks import cut, features_at

SPEC = FeatureSpec()
FINE = FeatureSpec(hop_length=512, n_frames=130, n_mfcc=25)
TABLE = FeatureSpec(
    kind="statistics", statistics=("rms", "tempo"), standardise=False, hop_length=512, n_mels=128,
    fmax=11025.0, n_frames=1292,
)  # fmt: skip


def test_levels_become_decibels(store):
    opened = open_store(store)
    tracks = opened.load(SPEC, opened.split("train"))
    with np.load(store / "logmel30s.npz") as raw:
        row = list(raw["track"]).index(tracks.names[2])
        level = raw["level"][row, :116].T.astype(np.float64)
    got = tracks.values[tracks.excerpt_first[2] :][: tracks.excerpt_columns[2]]
    np.testing.assert_allclose(got, -80 * (1 - (level + 0.5) / 256), atol=1e-4)
    assert tracks.values.shape == (18 * 387, 116)
    assert tracks.genres == ("chaabi", "gnawa", "malhun")
    assert [tracks.genres[label] for label in tracks.labels] == [n[:-6] for n in tracks.names]
    assert tracks.groups[0] == "A"
    assert tracks.groups[1] == tracks.names[1]


def test_a_track_that_the_store_lacks_is_left_out(store):
    assert "chaabi.99999" in (store / "splits" / "train_filtered.txt").read_text()
    assert len(open_store(store).split("train")) == 18


def test_segments_are_those_of_the_site(store):
    opened = open_store(store)
    tracks = opened.load(SPEC, opened.split("validation"))
    first, track = cut(tracks, SPEC)
    assert track.tolist() == sorted([*range(6)] * 6)
    assert first[:7].tolist() == [0, 64, 128, 192, 256, 320, 387]
    assert features_at(tracks, first, SPEC).shape == (36, 64, 64)


def test_statistics_come_from_the_table(store):
    opened = open_store(store)
    tracks = opened.load(TABLE, ["chaabi.00003", "malhun.00000"])
    # mean, deviation (the table holds the variance), tempo
    np.testing.assert_allclose(tracks.values, [[0.1, 0.5, 93], [2.1, 0.5, 112]], atol=1e-6)
    first, track = cut(tracks, TABLE)
    np.testing.assert_array_equal(features_at(tracks, first, TABLE), tracks.values)
    assert track.tolist() == [0, 1]


def test_the_fine_grid_has_the_first_seconds_and_some_whole_clips_for_training(store):
    opened = open_store(store)
    names = opened.split("train")
    plain = opened.load(FINE, names)
    assert plain.values.shape == (18 * 130, 116)
    training = opened.load(FINE, names, copies=True)
    assert len(training.excerpt_track) == 20
    assert sorted(training.excerpt_columns)[-2:] == [1292, 1292]
    assert (np.diff(training.excerpt_track) >= 0).all()
    # Both are in dB again: the whole clip begins with the first seconds.
    row = names.index("chaabi.00001")
    short, long = np.flatnonzero(training.excerpt_track == row)
    begin = training.excerpt_first[[short, long]]
    np.testing.assert_allclose(
        training.values[begin[0] : begin[0] + 130],
        training.values[begin[1] : begin[1] + 130],
        atol=0.2,
    )


@pytest.mark.parametrize(
    "spec",
    [
        FeatureSpec(hop_length=400),
        FeatureSpec(n_fft=1024),
        FeatureSpec(fmin=20.0),
        FeatureSpec(fmax=8000.0),
        FeatureSpec(n_mels=100),
        FeatureSpec(hop_length=512, n_frames=200),
        FeatureSpec(hop_length=512, standardise=False),
        FeatureSpec(kind="statistics", statistics=("rms",), standardise=False),
    ],
)
def test_a_spec_that_the_store_cannot_give_is_refused(store, spec):
    opened = open_store(store)
    with pytest.raises(TrainingError, match="feature_spec"):
        opened.load(spec, opened.split("train"))


def test_a_statistic_that_the_table_lacks_is_named(store):
    spec = FeatureSpec(**{**TABLE.__dict__, "statistics": ("rms", "chroma")})
    with pytest.raises(TrainingError, match="chroma1_mean"):
        open_store(store).load(spec, ["chaabi.00003"])


def test_any_number_of_first_bands_is_possible(store):
    edges = mel_edges(128, 0.0, 11025.0)
    spec = FeatureSpec(n_mels=80, n_mfcc=40, fmax=float(edges[81]))
    opened = open_store(store)
    assert opened.load(spec, opened.split("train")).values.shape == (18 * 387, 80)


def test_missing_data_is_a_sentence(tmp_path, store):
    with pytest.raises(TrainingError, match="no feature store there"):
        open_store(tmp_path)
    for name in ("logmel30s.npz", "artists.csv", "replicas.json"):
        (tmp_path / name).symlink_to(store / name)
    with pytest.raises(TrainingError, match="fault-filtered lists"):
        open_store(tmp_path).split("train")
    (tmp_path / "splits").mkdir()
    for part in ("train", "valid", "test"):
        (tmp_path / "splits" / f"{part}_filtered.txt").write_text("rock/rock.00000.wav\n")
    with pytest.raises(TrainingError, match="none of the tracks"):
        open_store(tmp_path).split("train")


def test_artists_may_cross_a_published_split_but_recordings_may_not(store):
    opened = open_store(store)
    assert opened.groups["chaabi.00000"] == opened.groups["chaabi.00008"] == "A"
    check_split(opened)  # one is trained on, one tested
    opened.replicas = [("chaabi.00000", "chaabi.00008")]
    with pytest.raises(TrainingError, match="two sides"):
        check_split(opened)
