"""Augmented batches."""

import numpy as np
import pytest

from features import FeatureSpec, coefficients
from model_training.experiment import Augmentation
from model_training.stores.tracks import Tracks, of_equal_length
from model_training.training.augmentation import (
    AugmentedTracks,
    augmented_batch,
    disturb,
    mask,
    place_crops,
    read_crops,
)

SPEC = FeatureSpec()
NOTHING = Augmentation(
    stretch=0, shift_bands=0, tilt_db=0, equaliser_db=0, low_pass=0, noise=0, time_mask=0,
    band_mask=0,
)  # fmt: skip


def tracks_of(log_mel: np.ndarray) -> Tracks:
    n = len(log_mel)
    names = [f"track {number}" for number in range(n)]
    return of_equal_length(names, np.arange(n), names, tuple(names), log_mel)


def random_crops(tracks, rows, spec, options, rng) -> np.ndarray:
    return read_crops(tracks, place_crops(tracks, rows, spec, options, rng), spec, options, rng)


def random_batch(tracks, rows, spec, options, rng) -> np.ndarray:
    crops = place_crops(tracks, rows, spec, options, rng)
    return augmented_batch(tracks, crops, spec, options, rng)


@pytest.fixture
def log_mel() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(rng.normal(-40, 12, (5, 387, 116)), -80, 0).astype(np.float32)


def test_without_augmentation_a_batch_holds_the_tracks_own_features():
    # A slope over time, so that interpolation between columns is exact.
    slope = np.linspace(-70, -10, 387)[None, :, None] + np.sin(np.arange(116) / 5)
    log_mel = np.broadcast_to(slope, (1, 387, 116)).astype(np.float32)
    rng = np.random.default_rng(1)
    batch = random_batch(tracks_of(log_mel), np.zeros(4, np.int64), SPEC, NOTHING, rng)
    wanted = coefficients(log_mel[:, 100:164], SPEC)[0]
    for segment in batch:
        np.testing.assert_allclose(segment, wanted, atol=2e-3)


def test_crops_stay_inside_and_keep_their_track(log_mel):
    constant = np.arange(5, dtype=np.float32)[:, None, None] + np.zeros_like(log_mel)
    rows = np.array([3, 0, 4, 4])
    crops = random_crops(tracks_of(constant), rows, SPEC, Augmentation(), np.random.default_rng(0))
    assert crops.shape == (4, 64, 116)
    np.testing.assert_allclose(crops, rows[:, None, None] + np.zeros((4, 64, 116)), atol=1e-5)


def test_frequency_shift_moves_bands():
    ramp = np.broadcast_to(np.arange(116, dtype=np.float32), (1, 387, 116))
    options = Augmentation(stretch=0, shift_bands=3)
    crops = random_crops(
        tracks_of(ramp), np.zeros(50, np.int64), SPEC, options, np.random.default_rng(0)
    )
    shift = crops[:, 0, 60] - 60
    assert -3 <= shift.min() < -1
    assert 1 < shift.max() <= 3


def test_disturbances_keep_the_floor(log_mel):
    options = Augmentation(low_pass=1.0, noise=0.5, tilt_db=20)
    out = disturb(log_mel[:, :64], SPEC, options, np.random.default_rng(0))
    assert np.isfinite(out).all()
    assert (out.max(axis=(1, 2)) - out.min(axis=(1, 2)) <= 80.2).all()


def test_low_pass_removes_the_top(log_mel):
    options = Augmentation(low_pass=1.0, noise=0, tilt_db=0, equaliser_db=0)
    out = disturb(log_mel[:, :64], SPEC, options, np.random.default_rng(0))
    assert (out[:, :, -1].mean() < log_mel[:, :64, -1].mean() - 20).all()
    np.testing.assert_allclose(out[:, :, :40], log_mel[:, :64, :40], atol=1e-4)


def test_masks_hide_stretches():
    # Values are -1 and 1, so that masks, which have their mean, stand out as 0.
    values = np.ones((20, 64, 116), np.float32)
    values[:, ::2] = -1
    kept = values.copy()
    masked = mask(values, Augmentation(time_mask=10, band_mask=16), np.random.default_rng(0))
    hidden = masked == 0
    assert 0.02 < hidden.mean() < 0.6
    frames = hidden.all(axis=2).sum(axis=1)
    bands = hidden.all(axis=1).sum(axis=1)
    assert frames.max() <= 20
    assert bands.max() <= 32
    assert frames.sum() > 0
    assert bands.sum() > 0
    np.testing.assert_array_equal(values, kept)


def test_masks_wider_than_the_segment_hide_it_all_at_most():
    values = np.random.default_rng(0).normal(size=(40, 8, 6)).astype(np.float32)
    masked = mask(values, Augmentation(), np.random.default_rng(0))
    assert masked.shape == values.shape
    assert np.isfinite(masked).all()


def test_batches_are_reproducible_and_differ_by_epoch_and_seed(log_mel):
    targets = np.eye(5, dtype=np.float32)

    def dataset(seed: int) -> AugmentedTracks:
        return AugmentedTracks(
            tracks_of(log_mel), targets, SPEC, Augmentation(), batch_size=4, crops_per_track=2,
            mixup=0.3, seed=seed,
        )  # fmt: skip

    first, again, other = dataset(1), dataset(1), dataset(2)
    assert len(first) == 2
    np.testing.assert_array_equal(first[1][0], again[1][0])
    assert not np.array_equal(first[1][0], other[1][0])
    again.on_epoch_end()
    assert not np.array_equal(first[1][0], again[1][0])
    features, labels = first[0]
    assert features.shape == (4, 64, 64)
    assert features.dtype == np.float32
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)


def ragged() -> Tracks:
    """Track 0 has two excerpts (70 and 140 columns), track 1 one of exactly a segment."""
    lengths = np.array([70, 140, 64])
    owner = np.array([0, 0, 1])
    first = np.cumsum(lengths) - lengths
    values = np.repeat([10.0, 20.0, 30.0], lengths)[:, None] * np.ones((1, 116))
    return Tracks(
        names=["long", "short"], labels=np.array([0, 1]), groups=["a", "b"], genres=("x", "y"),
        values=values.astype(np.float32), excerpt_track=owner, excerpt_first=first,
        excerpt_columns=lengths, excerpt_start_s=np.array([0.0, 30.0, 0.0]),
        collection=np.zeros(2, np.int64),
    )  # fmt: skip


def test_crops_of_tracks_with_several_excerpts_never_mix_them():
    rows = np.array([0] * 400 + [1] * 50)
    crops = random_crops(ragged(), rows, SPEC, Augmentation(), np.random.default_rng(0))
    means = crops.mean(axis=(1, 2))
    np.testing.assert_allclose(crops, means[:, None, None] * np.ones_like(crops), atol=1e-4)
    np.testing.assert_allclose(means[400:], 30, atol=1e-4)
    assert set(np.round(means[:400]).tolist()) == {10, 20}
    # The longer excerpt is drawn twice as often.
    assert 0.57 < (np.round(means[:400]) == 20).mean() < 0.76


def test_log_mel_and_statistics_batches_have_their_shapes(log_mel):
    rng = np.random.default_rng(0)
    spec = FeatureSpec(kind="log_mel", n_frames=387)
    batch = random_batch(tracks_of(log_mel), np.array([0, 4]), spec, Augmentation(), rng)
    assert batch.shape == (2, 387, 116)
    np.testing.assert_allclose(batch.mean(axis=(1, 2)), 0, atol=0.1)
    table = FeatureSpec(
        kind="statistics", statistics=("rms", "tempo"), standardise=False, n_frames=64
    )
    rows = np.arange(6, dtype=np.float32).reshape(2, 1, 3)
    batch = random_batch(tracks_of(rows), np.array([1, 0]), table, Augmentation(), rng)
    np.testing.assert_array_equal(batch, [[3, 4, 5], [0, 1, 2]])


def test_raw_features_keep_their_level(log_mel):
    """Raw features are masked by the segment's mean, not by a value that they never have."""
    spec = FeatureSpec(standardise=False)
    options = Augmentation(time_mask=30, band_mask=0, stretch=0, shift_bands=0, tilt_db=0,
                           equaliser_db=0, low_pass=0, noise=0)  # fmt: skip
    batch = random_batch(
        tracks_of(log_mel), np.zeros(30, np.int64), spec, options, np.random.default_rng(0)
    )
    # The first coefficient is the mean level times sqrt(116): -40 dB everywhere.
    assert (np.abs(batch[:, :, 0] / np.sqrt(116) + 40) < 6).all()
