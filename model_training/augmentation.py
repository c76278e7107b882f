"""Batches of augmented MFCC segments, made for whole batches at once.

All changes happen on log-mel in dB, where an equaliser is an addition and a time stretch an
interpolation; then the same `features.coefficients` as in the browser makes the MFCC. SpecAugment:
Park et al., 2019. Mixup: Zhang et al., 2018.
"""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from features import FeatureSpec, dct_matrix
from features.mel import mel_edges
from features.segments import standardise

from .config import Augmentation

Floats = npt.NDArray[np.float32]


def random_crops(
    log_mel: Floats,
    rows: npt.NDArray[np.int64],
    spec: FeatureSpec,
    options: Augmentation,
    rng: Generator,
) -> Floats:
    """A random segment of each track, stretched in time and shifted in frequency.

    `log_mel` (n_tracks, n_columns, n_mels), `rows` (batch,) -> (batch, n_frames, n_mels).
    """
    n = len(rows)
    rate = rng.uniform(1 - options.stretch, 1 + options.stretch, n)
    last = log_mel.shape[1] - 1 - (spec.n_frames - 1) * rate
    start = rng.uniform(0, 1, n) * last
    columns = start[:, None] + np.arange(spec.n_frames) * rate[:, None]
    low = np.clip(columns.astype(np.int64), 0, log_mel.shape[1] - 2)
    weight = (columns - low)[..., None].astype(np.float32)
    crops = log_mel[rows[:, None], low]
    crops += weight * (log_mel[rows[:, None], low + 1] - crops)
    if not options.shift_bands:
        return crops
    shift = rng.uniform(-options.shift_bands, options.shift_bands, n)
    bands = np.clip(np.arange(spec.n_mels) + shift[:, None], 0, spec.n_mels - 1)
    low = np.minimum(bands.astype(np.int64), spec.n_mels - 2)
    weight = (bands - low)[:, None, :].astype(np.float32)
    batch = np.arange(n)[:, None, None]
    frames = np.arange(spec.n_frames)[None, :, None]
    below = crops[batch, frames, low[:, None, :]]
    return below + weight * (crops[batch, frames, low[:, None, :] + 1] - below)


def disturb(crops: Floats, spec: FeatureSpec, options: Augmentation, rng: Generator) -> Floats:
    """Equaliser, low-pass and noise floor on log-mel (batch, n_frames, n_mels) in dB."""
    n = len(crops)
    position = np.linspace(-1, 1, spec.n_mels)
    curve = rng.uniform(-options.tilt_db, options.tilt_db, (n, 1)) * position
    for order in (1, 2, 3):
        amplitude = rng.normal(0, options.equaliser_db / order, (n, 1))
        phase = rng.uniform(0, 2 * np.pi, (n, 1))
        curve = curve + amplitude * np.cos(np.pi * order * position + phase)
    cut = rng.uniform(0, 1, (n, 1)) < options.low_pass
    corner = rng.uniform(3000, 8000, (n, 1))
    octaves = np.log2(np.maximum(mel_edges(spec.n_mels, spec.fmin, spec.fmax)[1:-1] / corner, 1))
    curve = curve - cut * octaves * 120.0
    crops = crops + curve[:, None, :].astype(np.float32)
    loudest = crops.max(axis=(1, 2), keepdims=True)
    noisy = rng.uniform(0, 1, (n, 1, 1)) < options.noise
    floor = np.where(noisy, rng.uniform(-50, -15, (n, 1, 1)), -np.inf)
    if options.noise:
        # The floor is a power spectrum of noise: its bands flutter by a few dB.
        flutter = rng.normal(0, 2, crops.shape)
        crops = np.logaddexp(
            crops * (np.log(10) / 10), (loudest + floor + flutter) * (np.log(10) / 10)
        ) * (10 / np.log(10))
    return np.maximum(crops, loudest - spec.top_db).astype(np.float32)


def mask(segments: Floats, options: Augmentation, rng: Generator) -> Floats:
    """SpecAugment on standardised segments: stretches of frames and of bands become the mean."""
    segments = segments.copy()
    for axis, widest in ((1, options.time_mask), (2, options.band_mask)):
        if not widest:
            continue
        size = segments.shape[axis]
        for _ in range(2):
            width = rng.integers(0, widest + 1, len(segments))
            first = rng.integers(0, size - width + 1)
            index = np.arange(size)
            hidden = (index >= first[:, None]) & (index < (first + width)[:, None])
            segments[np.broadcast_to(np.expand_dims(hidden, 3 - axis), segments.shape)] = 0.0
    return segments


def augmented_batch(
    log_mel: Floats,
    rows: npt.NDArray[np.int64],
    spec: FeatureSpec,
    options: Augmentation,
    rng: Generator,
) -> Floats:
    """MFCC (batch, n_frames, n_mfcc) of random, disturbed, masked segments of tracks `rows`."""
    segments = disturb(random_crops(log_mel, rows, spec, options, rng), spec, options, rng)
    if spec.standardise:
        segments = standardise(segments)
    return mask(segments, options, rng) @ dct_matrix(spec.n_mels, spec.n_mfcc)


class AugmentedTracks(keras.utils.PyDataset):
    """One epoch: `crops_per_track` random segments of every track, with mixup.

    Yields (batch, n_frames, n_mfcc) float32 and soft labels (batch, n_genres) float32. Each batch
    has its own generator, so a run does not depend on the order in which batches are made.
    """

    def __init__(
        self,
        log_mel: Floats,
        targets: Floats,
        spec: FeatureSpec,
        options: Augmentation,
        *,
        batch_size: int,
        crops_per_track: int,
        mixup: float,
        seed: int,
    ):
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self._log_mel, self._targets, self._spec, self._options = log_mel, targets, spec, options
        self._batch_size, self._mixup, self._seed = batch_size, mixup, seed
        self._crops_per_track = crops_per_track
        self._epoch = 0
        self._shuffle()

    def _shuffle(self) -> None:
        rng = np.random.default_rng([self._seed, self._epoch])
        self._order = rng.permutation(np.tile(np.arange(len(self._log_mel)), self._crops_per_track))

    def __len__(self) -> int:
        return len(self._order) // self._batch_size

    def __getitem__(self, index: int) -> tuple[Floats, Floats]:
        rng = np.random.default_rng([self._seed, self._epoch, index])
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        batch = augmented_batch(self._log_mel, rows, self._spec, self._options, rng)
        targets = self._targets[rows]
        if self._mixup:
            weight = rng.beta(self._mixup, self._mixup, (len(rows), 1, 1)).astype(np.float32)
            partner = rng.permutation(len(rows))
            batch = weight * batch + (1 - weight) * batch[partner]
            targets = weight[:, 0] * targets + (1 - weight[:, 0]) * targets[partner]
        return batch, targets

    def on_epoch_end(self) -> None:
        """Shuffle anew."""
        self._epoch += 1
        self._shuffle()
