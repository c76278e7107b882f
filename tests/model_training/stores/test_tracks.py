"""Tracks in memory: parts of them, and the segments that the site would cut."""

import numpy as np
import pytest

from features import FeatureSpec
from features.segments import extract_segments
from model_training.stores.tracks import Tracks, cut, features_at, segments_as_tracks

SPEC = FeatureSpec(n_frames=4, n_mels=8, n_mfcc=8)


@pytest.fixture
def tracks() -> Tracks:
    """Three tracks: one with two excerpts, one that begins with silence, and a silent one."""
    lengths = np.array([9, 4, 12, 4])
    values = np.random.default_rng(0).normal(-40, 10, (29, 8)).astype(np.float32)
    values[13:17] = -80  # the first segment of the second track
    values[25:29] = -80  # the third track
    return Tracks(
        names=["a", "b", "c"], labels=np.array([1, 0, 1]), groups=["x", "x", "y"],
        genres=("p", "q"), values=values, excerpt_track=np.array([0, 0, 1, 2]),
        excerpt_first=np.cumsum(lengths) - lengths, excerpt_columns=lengths,
        excerpt_start_s=np.array([0.0, 30.0, 0.0, 0.0]), collection=np.array([0, 0, 1]),
    )  # fmt: skip


def test_segments_stay_inside_excerpts_and_silence_has_none(tracks):
    first, track = cut(tracks, SPEC)
    assert first.tolist() == [0, 4, 9, 17, 21, 25]
    # The third track keeps its silent segment: without any segment it would have no answer.
    assert track.tolist() == [0, 0, 0, 1, 1, 2]
    assert features_at(tracks, first, SPEC).shape == (6, 4, 8)


def test_taking_tracks_keeps_their_own_excerpts(tracks):
    part = tracks.take([2, 0])
    assert part.names == ["c", "a"]
    assert part.labels.tolist() == [1, 1]
    assert part.groups == ["y", "x"]
    assert part.excerpt_track.tolist() == [0, 1, 1]
    assert part.excerpt_first.tolist() == [25, 0, 9]
    first, track = cut(part, SPEC)
    assert (first.tolist(), track.tolist()) == ([25, 0, 4, 9], [0, 1, 1, 1])


def test_segments_as_tracks_are_the_same_segments(tracks):
    pieces = segments_as_tracks(tracks, SPEC)
    assert pieces.names == ["a@0", "a@4", "a@9", "b@17", "b@21", "c@25"]
    assert pieces.labels.tolist() == [1, 1, 1, 0, 0, 1]
    first, track = cut(pieces, SPEC)
    assert first.tolist() == [0, 4, 9, 17, 21, 25]
    assert track.tolist() == list(range(6))


def test_segments_from_a_store_are_those_from_audio():
    """The same sound through extraction's log-mel and through the site's way."""
    from features.segments import excerpt_bounds, excerpt_log_mel

    spec = FeatureSpec()
    rng = np.random.default_rng(3)
    seconds = np.arange(22050 * 47) / 22050
    sound = np.sin(2 * np.pi * 220 * seconds) * (1 + np.sin(2 * np.pi * 0.7 * seconds)) / 3
    sound = (sound + 0.05 * rng.standard_normal(len(sound))).astype(np.float32)
    parts = [excerpt_log_mel(sound[a:b], spec) for a, b in excerpt_bounds(len(sound), spec)]
    lengths = np.array([len(part) for part in parts])
    stored = Tracks(
        names=["a"], labels=np.array([0]), groups=["a"], genres=("p", "q"),
        values=np.concatenate(parts), excerpt_track=np.zeros(len(parts), np.int64),
        excerpt_first=np.cumsum(lengths) - lengths, excerpt_columns=lengths,
        excerpt_start_s=np.arange(0.0, 30.0 * len(parts), 30.0), collection=np.zeros(1, np.int64),
    )  # fmt: skip
    wanted = np.stack([segment.values for segment in extract_segments(sound, spec)])
    got = features_at(stored, cut(stored, spec)[0], spec)
    np.testing.assert_allclose(got, wanted, atol=1e-4)
