"""Features of the older systems against librosa: raw MFCC images, and log-mel with z-scores."""

from __future__ import annotations

import json

import librosa
import numpy as np
import pytest
import scipy.stats

from features import FeatureSpec, build_request, extract_segments
from features.mel import Float32Array

from .sounds import SAMPLE_RATE, SOUNDS, oracle

# The original CNN's 25 MFCC of 5 s, at its own frame rate and with a frame every 77.6 ms.
RAW_MFCC = {
    "215 x 25": FeatureSpec(
        standardise=False, n_mfcc=25, n_mels=128, fmax=11025.0, hop_length=512, n_frames=215
    ),
    "64 x 25": FeatureSpec(standardise=False, n_mfcc=25, n_mels=128, fmax=11025.0),
}
# The 2D CNN's 29.9 s in one image as published, and with a frame every 77.6 ms.
LOG_MEL = {
    "1288 x 128": FeatureSpec(
        kind="log_mel", n_mels=128, fmax=11025.0, hop_length=512, n_frames=1288, excerpt_s=29.9
    ),
    "387 x 128": FeatureSpec(kind="log_mel", n_mels=128, fmax=11025.0, n_frames=387),
}
TOLERANCE_DB = 1e-2  # of MFCC, whose values span hundreds
TOLERANCE_Z = 1e-3  # of z-scores, which span about ten

NAMES = ["band", "tone", "chirp", "quiet noise", "over full scale", "silence inside", "short"]


def songs(seconds: float) -> dict[str, Float32Array]:
    length = round(seconds * SAMPLE_RATE)
    return {name: np.resize(SOUNDS[name], length) for name in NAMES}


def log_mel_of_librosa(samples: Float32Array, spec: FeatureSpec) -> Float32Array:
    mel = oracle(
        librosa.feature.melspectrogram, y=samples, sr=spec.sample_rate, n_fft=spec.n_fft,
        hop_length=spec.hop_length, n_mels=spec.n_mels, fmax=spec.fmax,
    )  # fmt: skip
    return librosa.power_to_db(mel, ref=np.max)


@pytest.mark.parametrize("key", RAW_MFCC)
@pytest.mark.parametrize("name", NAMES)
def test_raw_mfcc_images_equal_librosas(name: str, key: str) -> None:
    spec = RAW_MFCC[key]
    song = songs(30)[name]
    mfcc = librosa.feature.mfcc(S=log_mel_of_librosa(song, spec), n_mfcc=25).T
    segments = extract_segments(song, spec)
    assert len(segments) == len(mfcc) // spec.n_frames == 6
    for number, segment in enumerate(segments):
        assert segment.values.shape == spec.shape == (spec.n_frames, 25)
        assert segment.start == pytest.approx(number * spec.segment_s)
        wanted = mfcc[number * spec.n_frames : (number + 1) * spec.n_frames]
        np.testing.assert_allclose(segment.values, wanted, rtol=0, atol=TOLERANCE_DB)


@pytest.mark.parametrize("key", RAW_MFCC)
def test_raw_mfcc_equal_librosas_but_for_their_level(key: str) -> None:
    spec = RAW_MFCC[key]
    song = songs(30)["band"]
    options = {"n_fft": spec.n_fft, "hop_length": spec.hop_length, "n_mels": 128, "fmax": 11025}
    theirs = librosa.feature.mfcc(y=song, sr=SAMPLE_RATE, n_mfcc=25, **options).T
    ours = np.concatenate([segment.values for segment in extract_segments(song, spec)])
    difference = theirs[: len(ours)] - ours
    # librosa's dB are relative to 1, ours to the loudest point: c0 differs by a constant
    np.testing.assert_allclose(difference[:, 1:], 0, atol=TOLERANCE_DB)
    np.testing.assert_allclose(difference[:, 0], difference[0, 0], atol=2 * TOLERANCE_DB)


@pytest.mark.parametrize("key", LOG_MEL)
@pytest.mark.parametrize("name", NAMES)
def test_log_mel_z_scores_equal_librosas(name: str, key: str) -> None:
    spec = LOG_MEL[key]
    song = songs(spec.excerpt_s)[name]
    log_mel = log_mel_of_librosa(song, spec)
    wanted = scipy.stats.zscore(log_mel.astype(np.float64), axis=None)
    [segment] = extract_segments(song, spec)
    assert segment.values.shape == spec.shape == log_mel.T.shape
    assert segment.values.dtype == np.float32
    np.testing.assert_allclose(segment.values, wanted.T, rtol=0, atol=TOLERANCE_Z)


@pytest.mark.parametrize("key", LOG_MEL)
def test_a_long_song_has_one_image_per_excerpt(key: str) -> None:
    spec = LOG_MEL[key]
    song = songs(125)["band"]
    segments = extract_segments(song, spec)
    assert [segment.start for segment in segments] == [
        30.0,
        30 + spec.excerpt_s,
        30 + 2 * spec.excerpt_s,
    ]
    first = 30 * SAMPLE_RATE + spec.excerpt_samples
    [alone] = extract_segments(song[first : first + spec.excerpt_samples], spec)
    np.testing.assert_array_equal(segments[1].values, alone.values)
    # an image reaches to the end of its excerpt, not beyond
    assert segments[0].end == pytest.approx(30 + spec.excerpt_s, abs=spec.hop_length / SAMPLE_RATE)
    assert segments[0].end <= segments[1].start + 1e-9


@pytest.mark.parametrize("key", LOG_MEL)
def test_a_short_song_is_repeated(key: str) -> None:
    spec = LOG_MEL[key]
    request = build_request(SOUNDS["band"], spec)
    assert request.repeated
    assert request.n_segments == 1
    values = np.array(json.loads(request.body)["segments"][0]["features"]["log_mel"])
    assert values.shape == spec.shape
    assert values.mean() == pytest.approx(0, abs=1e-3)
    assert values.std() == pytest.approx(1, abs=1e-3)


def test_louder_is_the_same() -> None:
    song = songs(30)["band"]
    for spec in (*RAW_MFCC.values(), LOG_MEL["387 x 128"]):
        for once, half in zip(
            extract_segments(song, spec), extract_segments(0.5 * song, spec), strict=True
        ):
            np.testing.assert_allclose(half.values, once.values, rtol=0, atol=TOLERANCE_DB)
