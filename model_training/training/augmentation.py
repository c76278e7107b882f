"""Batches of augmented segments, made for whole batches at once.

All changes happen on log-mel in dB, where an equaliser is an addition and a time stretch an
interpolation; then features are made of it as in the browser. SpecAugment:
Park et al., 2019. Mixup: Zhang et al., 2018.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from features import FeatureSpec, dct_matrix
from features.mel import mel_edges
from features.segments import standardise

from ..experiment import Augmentation
from ..stores.tracks import Floats, Tracks
from .distillation import TeacherTags


def choose_excerpts(
    tracks: Tracks, rows: npt.NDArray[np.int64], rng: Generator
) -> npt.NDArray[np.int64]:
    """A random excerpt (batch,) of each track in `rows` (batch,), long ones more often."""
    if len(tracks.excerpt_track) == len(tracks):
        return rows
    weight = np.cumsum(tracks.excerpt_columns.astype(np.float64))
    last = np.searchsorted(tracks.excerpt_track, rows, side="right") - 1
    first = np.searchsorted(tracks.excerpt_track, rows, side="left")
    below = weight[first] - tracks.excerpt_columns[first]
    drawn = below + rng.uniform(0, 1, len(rows)) * (weight[last] - below)
    return np.clip(np.searchsorted(weight, drawn, side="right"), first, last)


@dataclasses.dataclass(frozen=True)
class Crops:
    """Where the segments of a batch lie.

    Attributes
    ----------
    excerpt : int64 (batch,), index into the tracks' excerpts.
    start : (batch,), first column within the excerpt, not whole.
    rate : (batch,), columns per frame: above 1 plays faster.
    """

    excerpt: npt.NDArray[np.int64]
    start: npt.NDArray[np.float64]
    rate: npt.NDArray[np.float64]

    def span(self, spec: FeatureSpec) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Seconds within the excerpt (batch,) at which the segments begin and end."""
        column_s = spec.hop_length / spec.sample_rate
        return self.start * column_s, (self.start + spec.n_frames * self.rate) * column_s


def place_crops(
    tracks: Tracks,
    rows: npt.NDArray[np.int64],
    spec: FeatureSpec,
    options: Augmentation,
    rng: Generator,
) -> Crops:
    """A random segment of each track in `rows` (batch,), stretched in time.

    Of excerpts too short to be stretched, as they are.
    """
    n = len(rows)
    excerpts = choose_excerpts(tracks, rows, rng)
    columns = tracks.excerpt_columns[excerpts]
    rate = rng.uniform(1 - options.stretch, 1 + options.stretch, n)
    rate = np.minimum(rate, (columns - 1) / max(1, spec.n_frames - 1))
    start = rng.uniform(0, 1, n) * (columns - 1 - (spec.n_frames - 1) * rate)
    return Crops(excerpts, start, rate)


def read_crops(
    tracks: Tracks, crops: Crops, spec: FeatureSpec, options: Augmentation, rng: Generator
) -> Floats:
    """Log-mel of the segments, shifted in frequency: float32 (batch, n_frames, n_mels)."""
    n = len(crops.excerpt)
    columns = tracks.excerpt_columns[crops.excerpt]
    position = crops.start[:, None] + np.arange(spec.n_frames) * crops.rate[:, None]
    low = np.clip(position.astype(np.int64), 0, np.maximum(columns - 2, 0)[:, None])
    weight = (position - low)[..., None].astype(np.float32)
    low += tracks.excerpt_first[crops.excerpt][:, None]
    values = tracks.values[low]
    values += weight * (tracks.values[np.minimum(low + 1, len(tracks.values) - 1)] - values)
    if not options.shift_bands:
        return values
    shift = rng.uniform(-options.shift_bands, options.shift_bands, n)
    bands = np.clip(np.arange(spec.n_mels) + shift[:, None], 0, spec.n_mels - 1)
    low = np.minimum(bands.astype(np.int64), spec.n_mels - 2)
    weight = (bands - low)[:, None, :].astype(np.float32)
    batch = np.arange(n)[:, None, None]
    frames = np.arange(spec.n_frames)[None, :, None]
    below = values[batch, frames, low[:, None, :]]
    return below + weight * (values[batch, frames, low[:, None, :] + 1] - below)


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
    """SpecAugment: stretches of frames and of bands become the segment's mean."""
    mean = segments.mean(axis=(1, 2), keepdims=True)
    segments = segments.copy()
    for axis, widest in ((1, options.time_mask), (2, options.band_mask)):
        if not widest:
            continue
        size = segments.shape[axis]
        for _ in range(2):
            width = rng.integers(0, min(widest, size) + 1, len(segments))
            first = rng.integers(0, size - width + 1)
            index = np.arange(size)
            hidden = (index >= first[:, None]) & (index < (first + width)[:, None])
            segments = np.where(np.expand_dims(hidden, 3 - axis), mean, segments)
    return segments


def augmented_batch(
    tracks: Tracks, crops: Crops, spec: FeatureSpec, options: Augmentation, rng: Generator
) -> Floats:
    """Features (batch, *spec.shape) of disturbed, masked segments."""
    if spec.kind == "statistics":
        return tracks.values[tracks.excerpt_first[crops.excerpt]]
    segments = read_crops(tracks, crops, spec, options, rng)
    if options.disturbs:
        segments = disturb(segments, spec, options, rng)
    if spec.standardise:
        segments = standardise(segments)
    segments = mask(segments, options, rng)
    return segments if spec.kind == "log_mel" else segments @ dct_matrix(spec.n_mels, spec.n_mfcc)


def shown_share(
    tracks: Tracks, group_balance: float, weights: Sequence[float] = ()
) -> npt.NDArray[np.float64]:
    """How often each track is shown (n_tracks,), summing to one.

    Genres are shown equally often; within one a track counts the size of its group to the power of
    minus `group_balance`. With the `weights` of the stores that is so within each, and the stores'
    shares are in proportion to them.
    """
    if weights:
        share = np.zeros(len(tracks))
        for number in np.unique(tracks.collection):
            mine = np.flatnonzero(tracks.collection == number)
            share[mine] = weights[number] * shown_share(tracks.take(mine), group_balance)
        return share / share.sum()
    keys = list(zip(tracks.labels.tolist(), tracks.groups, strict=True))
    sizes = Counter(keys)
    share = np.array([sizes[key] ** -group_balance for key in keys])
    per_genre = np.bincount(tracks.labels, share)
    share = share / per_genre[tracks.labels]
    return np.asarray(share / share.sum())


class AugmentedTracks(keras.utils.PyDataset):
    """One epoch: `crops_per_track` random segments of every track, with mixup.

    Yields (batch, *spec.shape) float32 and soft labels (batch, n_genres) float32; with a teacher,
    labels and tags (batch, n_tags), and the weight (batch,) of each: none where tags are unknown.
    With `elders` their answer to the batch is `elders_weight` of the labels. A rest smaller than a
    batch waits for another epoch. Each batch has its own generator, so a run
    does not depend on the order in which batches are made.
    """

    def __init__(
        self,
        tracks: Tracks,
        targets: Floats,
        spec: FeatureSpec,
        options: Augmentation,
        *,
        batch_size: int,
        crops_per_track: int,
        mixup: float,
        seed: int,
        teacher: TeacherTags | None = None,
        group_balance: float = 0.0,
        weights: Sequence[float] = (),
        elders: keras.Model | None = None,
        elders_weight: float = 0.0,
    ):
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self._tracks, self._targets, self._spec, self._options = tracks, targets, spec, options
        self._batch_size, self._mixup, self._seed = batch_size, mixup, seed
        self._crops_per_track = crops_per_track
        self._teacher = teacher
        self._elders, self._elders_weight = elders, elders_weight
        balanced = group_balance or weights
        self._share = shown_share(tracks, group_balance, weights) if balanced else None
        self._epoch = 0
        self._shuffle()

    def _shuffle(self) -> None:
        rng = np.random.default_rng([self._seed, self._epoch])
        rows = np.tile(np.arange(len(self._tracks)), self._crops_per_track)
        if self._share is None:
            self._order = rng.permutation(rows)
        else:
            self._order = rng.choice(len(self._tracks), len(rows), p=self._share)

    def __len__(self) -> int:
        return len(self._order) // self._batch_size

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rng = np.random.default_rng([self._seed, self._epoch, index])
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        crops = place_crops(self._tracks, rows, self._spec, self._options, rng)
        batch = augmented_batch(self._tracks, crops, self._spec, self._options, rng)
        targets = self._targets[rows]
        if self._teacher is not None:
            start_s, end_s = crops.span(self._spec)
            first_s = self._tracks.excerpt_start_s[crops.excerpt]
            tags, known = self._teacher.during(rows, first_s + start_s, first_s + end_s)
        if self._mixup:
            weight = rng.beta(self._mixup, self._mixup, (len(rows), 1)).astype(np.float32)
            partner = rng.permutation(len(rows))
            wide = weight.reshape(-1, *[1] * (batch.ndim - 1))
            batch = wide * batch + (1 - wide) * batch[partner]
            targets = weight * targets + (1 - weight) * targets[partner]
            if self._teacher is not None:
                tags = weight * tags + (1 - weight) * tags[partner]
                known = known * known[partner]
        if self._elders is not None:
            told = self._elders.predict_on_batch(batch)
            targets = (1 - self._elders_weight) * targets + self._elders_weight * told
        if self._teacher is None:
            return batch, targets
        return batch, (targets, tags), (np.ones_like(known), known)

    def on_epoch_end(self) -> None:
        """Shuffle anew."""
        self._epoch += 1
        self._shuffle()
