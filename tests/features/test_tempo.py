"""Onsets and tempo against librosa, and against metronomes."""

import librosa
import numpy as np
import pytest

from features.mel import mel_spectrogram, power_to_db
from features.tempo import autocorrelation, onset_strength, tempo

from .sounds import SAMPLE_RATE, SOUNDS, metronome

HOPS = [512, 1711, 256]


def onsets_of(samples, hop_length, n_fft=2048):
    log_mel = power_to_db(mel_spectrogram(samples, n_fft=n_fft, hop_length=hop_length))
    return onset_strength(log_mel, n_fft=n_fft, hop_length=hop_length)


@pytest.mark.full
@pytest.mark.parametrize("n_fft", [2048, 1024])
@pytest.mark.parametrize("hop_length", HOPS)
@pytest.mark.parametrize("name", [name for name in SOUNDS if name not in ("short", "one sample")])
def test_onsets_equal_librosas(name, hop_length, n_fft):
    wanted = librosa.onset.onset_strength(
        y=SOUNDS[name], sr=SAMPLE_RATE, n_fft=n_fft, hop_length=hop_length, aggregate=np.median
    )
    got = onsets_of(SOUNDS[name], hop_length, n_fft)
    assert got.dtype == np.float32
    assert got.shape == wanted.shape
    # in dB; near silence, rounding the power to float32 matters most
    np.testing.assert_allclose(got, wanted, rtol=0, atol=5e-3)


@pytest.mark.parametrize("window_length", [2, 51, 103, 344])
def test_autocorrelation_is_the_mean_tempogram(window_length):
    for n_frames in (1, 40, 500):
        onsets = np.random.default_rng(n_frames).uniform(0, 4, n_frames).astype(np.float32)
        onsets[n_frames // 2 :] = 0  # a stretch without onsets
        wanted = librosa.feature.tempogram(onset_envelope=onsets, win_length=window_length)
        got = autocorrelation(onsets, window_length)
        np.testing.assert_allclose(got, wanted.mean(axis=1), rtol=0, atol=1e-8)


@pytest.mark.full
@pytest.mark.parametrize("hop_length", HOPS)
@pytest.mark.parametrize("name", SOUNDS)
def test_tempo_equals_librosas(name, hop_length):
    onsets = onsets_of(SOUNDS[name], hop_length)
    got = tempo(onsets, sample_rate=SAMPLE_RATE, hop_length=hop_length)
    beats, _ = librosa.beat.beat_track(onset_envelope=onsets, sr=SAMPLE_RATE, hop_length=hop_length)
    assert got == pytest.approx(float(np.squeeze(beats)), rel=1e-9)
    if onsets.any():
        wanted = librosa.feature.tempo(onset_envelope=onsets, sr=SAMPLE_RATE, hop_length=hop_length)
        assert got == pytest.approx(float(wanted[0]), rel=1e-9)


@pytest.mark.parametrize("bpm", [75, 90, 100, 120, 133, 150])
def test_a_metronome_is_followed(bpm):
    hop_length = 512
    got = tempo(onsets_of(metronome(bpm), hop_length), sample_rate=SAMPLE_RATE, hop_length=512)
    # the nearest whole number of frames per beat, or the next
    frames = 60 * SAMPLE_RATE / hop_length / np.array([got, bpm])
    assert abs(frames[0] - frames[1]) <= 1


def test_no_onsets_no_tempo():
    for onsets in (np.zeros(500), np.zeros(1), np.zeros(0)):
        got = tempo(onsets.astype(np.float32), sample_rate=SAMPLE_RATE, hop_length=512)
        assert got == 0.0


def test_frames_too_far_apart_have_no_tempo():
    onsets = np.ones(20, dtype=np.float32)
    assert tempo(onsets, sample_rate=SAMPLE_RATE, hop_length=5 * SAMPLE_RATE) == 0.0
    # two frames per second: even the shortest period is below the limit of 320 beats per minute
    assert tempo(onsets, sample_rate=SAMPLE_RATE, hop_length=SAMPLE_RATE // 2) == 120.0


def test_fewer_frames_than_the_delay_have_no_onset():
    log_mel = np.random.default_rng(0).uniform(-60, 0, (2, 40)).astype(np.float32)
    assert (onset_strength(log_mel, n_fft=2048, hop_length=512) == 0).all()
    assert onset_strength(log_mel[:1], n_fft=2048, hop_length=512).shape == (1,)
