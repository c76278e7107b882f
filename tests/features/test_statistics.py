"""Means and deviations of whole sounds against librosa, and their way from a song to the JSON."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest

from features import AudioError, FeatureSpec, build_request, extract_segments
from features.mel import Float32Array
from features.spec import STATISTICS
from features.statistics import statistics, statistics_names

from .sounds import SAMPLE_RATE, SOUNDS, click, oracle

# Largest allowed differences of means and deviations, in the unit of each. Tempo is a whole number
# of frames per beat, so it is the same or wrong.
TOLERANCES = {
    "chroma": 1e-5, "chroma_all": 1e-5, "rms": 1e-6, "spectral_centroid": 0.01,
    "spectral_bandwidth": 0.02, "rolloff": 0.2, "zero_crossing_rate": 1e-6, "mfcc": 5e-3,
    "tempo": 1e-3,
}  # fmt: skip
PURE = {"tone", "chirp", "offset"}  # see test_spectral.py

ALL = FeatureSpec(
    kind="statistics",
    statistics=tuple(STATISTICS),
    standardise=False,
    hop_length=512,
    n_mels=128,
    fmax=11025.0,
    n_mfcc=20,
    n_frames=1292,
    decimals=6,
)
SPECS = {
    "librosas": ALL,
    "77.6 ms": FeatureSpec(
        kind="statistics", statistics=tuple(STATISTICS), standardise=False, n_mfcc=13
    ),
    "odd": FeatureSpec(
        kind="statistics",
        statistics=("tempo", "mfcc", "rolloff", "chroma_all", "rms"),
        standardise=False,
        n_fft=1000,
        hop_length=317,
        n_mels=40,
        fmin=60.0,
        fmax=9000.0,
        n_mfcc=8,
        top_db=60.0,
    ),
}


def of_librosa(samples: Float32Array, spec: FeatureSpec) -> dict[str, Float32Array]:
    """The statistics of every descriptor by librosa: name -> its part of the row."""
    sr, frames = spec.sample_rate, {"frame_length": spec.n_fft, "hop_length": spec.hop_length}
    grid = {"n_fft": spec.n_fft, "hop_length": spec.hop_length}
    feature = librosa.feature
    mel = oracle(
        feature.melspectrogram, y=samples, sr=sr, n_mels=spec.n_mels, fmin=spec.fmin,
        fmax=spec.fmax, **grid,
    )  # fmt: skip
    log_mel = librosa.power_to_db(mel, top_db=spec.top_db)
    onsets = librosa.onset.onset_strength(
        S=log_mel, sr=sr, aggregate=np.median, **grid
    ) if log_mel.shape[1] > 1 else np.zeros(1)  # fmt: skip
    chroma = oracle(feature.chroma_stft, y=samples, sr=sr, **grid)
    rows: dict[str, Any] = {
        "chroma": chroma,
        "chroma_all": chroma.reshape(1, -1),
        "rms": feature.rms(y=samples, **frames),
        "spectral_centroid": oracle(feature.spectral_centroid, y=samples, sr=sr, **grid),
        "spectral_bandwidth": oracle(feature.spectral_bandwidth, y=samples, sr=sr, **grid),
        "rolloff": oracle(feature.spectral_rolloff, y=samples, sr=sr, **grid),
        "zero_crossing_rate": feature.zero_crossing_rate(samples, **frames),
        "mfcc": feature.mfcc(S=log_mel, n_mfcc=spec.n_mfcc),
    }
    summed = {
        name: np.stack([row.mean(axis=1), row.std(axis=1)], axis=-1).ravel()
        for name, row in rows.items()
    }
    tempo, _ = librosa.beat.beat_track(onset_envelope=onsets, sr=sr, hop_length=spec.hop_length)
    summed["tempo"] = np.atleast_1d(tempo)
    return {name: summed[name] for name in spec.statistics}


def by_descriptor(values: Float32Array, spec: FeatureSpec) -> dict[str, Float32Array]:
    """Cut a row into descriptors: name -> its numbers."""
    names = statistics_names(spec)
    assert values.shape == (len(names),) == (spec.n_coefficients,)
    parts: dict[str, list[float]] = {name: [] for name in spec.statistics}
    for name, value in zip(names, values, strict=True):
        parts[name.rsplit("_", 1)[0].rstrip("0123456789")].append(value)
    return {name: np.array(part) for name, part in parts.items()}


def compare(samples: Float32Array, spec: FeatureSpec, where: str) -> None:
    got = by_descriptor(statistics(samples, spec), spec)
    wanted = of_librosa(samples, spec)
    assert list(got) == list(wanted)
    for name, values in wanted.items():
        tolerance = TOLERANCES[name]
        if name == "rms":
            tolerance *= max(float(np.abs(samples).max()), 1e-6)
        if name == "spectral_bandwidth" and where in PURE:
            tolerance = 3.0
        difference = np.abs(got[name] - values).max()
        # float32 has seven digits
        assert difference <= tolerance + 1e-7 * np.abs(values).max(), (where, name, difference)


@pytest.mark.full
@pytest.mark.parametrize("key", SPECS)
@pytest.mark.parametrize("name", SOUNDS)
def test_equal_to_librosas(name: str, key: str) -> None:
    compare(SOUNDS[name], SPECS[key], name)


@pytest.mark.full
def test_recordings_equal_librosas(shared_songs: list[Path]) -> None:
    sounds = {"band": SOUNDS["band"]}
    for path in shared_songs:
        loaded = librosa.load(path, sr=SAMPLE_RATE, offset=1.0, duration=12.0)[0]
        sounds[path.name] = loaded
    for name, samples in sounds.items():
        compare(samples, ALL, name)


def test_a_click_differs_in_its_chroma_only() -> None:
    got = by_descriptor(statistics(click(), ALL), ALL)
    wanted = of_librosa(click(), ALL)
    for name, values in wanted.items():
        tolerance = 0.03 if name.startswith("chroma") else TOLERANCES[name]
        np.testing.assert_allclose(got[name], values, rtol=1e-6, atol=tolerance, err_msg=name)


def test_numbers_have_names() -> None:
    names = statistics_names(ALL)
    assert len(names) == len(set(names)) == ALL.n_coefficients == 24 + 2 + 5 * 2 + 40 + 1
    assert names[:4] == ["chroma1_mean", "chroma1_std", "chroma2_mean", "chroma2_std"]
    assert names[24:28] == ["chroma_all_mean", "chroma_all_std", "rms_mean", "rms_std"]
    assert names[-3:] == ["mfcc20_mean", "mfcc20_std", "tempo"]
    assert statistics_names(SPECS["odd"])[:3] == ["tempo", "mfcc1_mean", "mfcc1_std"]


@pytest.mark.parametrize("name", STATISTICS)
def test_a_descriptor_alone_is_the_same(name: str) -> None:
    everything = by_descriptor(statistics(SOUNDS["band"], ALL), ALL)
    spec = FeatureSpec.from_json(
        {key: value for key, value in ALL.to_json().items() if key not in ("id", "n_coefficients")}
        | {"statistics": [name]}
    )
    np.testing.assert_array_equal(statistics(SOUNDS["band"], spec), everything[name])


def test_silence_is_all_zeros_but_the_mfcc() -> None:
    got = by_descriptor(statistics(SOUNDS["silence"], ALL), ALL)
    mfcc = got.pop("mfcc")
    # -100 dB in each of 128 bands
    assert mfcc[0] == pytest.approx(-100 * np.sqrt(128), abs=0.1)
    assert all((values == 0).all() for values in got.values())


def test_loudness_changes_rms_and_the_first_mfcc_only() -> None:
    once, twice = (by_descriptor(statistics(k * SOUNDS["band"], ALL), ALL) for k in (1, 2))
    np.testing.assert_allclose(twice.pop("rms"), 2 * once.pop("rms"), rtol=1e-5)
    once["mfcc"][0] += 20 * np.log10(2) * np.sqrt(128)
    for name, values in once.items():
        np.testing.assert_allclose(twice[name], values, rtol=1e-4, atol=2e-3, err_msg=name)


def test_a_spec_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        statistics(SOUNDS["noise"], FeatureSpec())


@pytest.mark.full
def test_memory_stays_below_a_multiple_of_the_samples() -> None:
    samples = np.tile(SOUNDS["band"], 25)  # five minutes in one piece
    lean = FeatureSpec(
        kind="statistics",
        statistics=("rms", "spectral_centroid", "spectral_bandwidth", "rolloff", "mfcc", "tempo"),
        standardise=False,
    )
    for spec, most in ((lean, 1.5 * samples.nbytes), (ALL, 6 * samples.nbytes)):
        tracemalloc.start()
        statistics(samples, spec)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < most


# --- from a song ---------------------------------------------------------------------------------


def test_a_song_is_one_row_per_segment() -> None:
    song = np.tile(SOUNDS["band"], 13)  # 156 s: 30 are skipped, then four excerpts of 30 and 6 s
    segments = extract_segments(song, ALL)
    assert [(segment.start, segment.end) for segment in segments] == [
        (30.0, 60.0), (60.0, 90.0), (90.0, 120.0), (120.0, 150.0),
    ]  # fmt: skip
    piece = song[60 * SAMPLE_RATE : 90 * SAMPLE_RATE]
    np.testing.assert_array_equal(segments[1].values, statistics(piece, ALL))


def test_short_segments_share_an_excerpt() -> None:
    spec = SPECS["77.6 ms"]
    song = np.tile(SOUNDS["band"], 3)
    segments = extract_segments(song, spec)
    assert len(segments) == 6 + 1
    first, stop = 2 * spec.segment_samples, 3 * spec.segment_samples
    np.testing.assert_array_equal(segments[2].values, statistics(song[first:stop], spec))


def test_the_json_is_a_flat_list() -> None:
    request = build_request(SOUNDS["another band"], ALL)
    assert request.repeated
    body = json.loads(request.body)
    assert body["feature_spec"] == ALL.id
    [segment] = body["segments"]
    values = segment["features"]["statistics"]
    whole = np.resize(SOUNDS["another band"], ALL.segment_samples)
    assert values == np.round(statistics(whole, ALL).astype(np.float64), 6).tolist()


def test_silent_stretches_have_no_row() -> None:
    silence = np.zeros(30 * SAMPLE_RATE, dtype=np.float32)
    song = np.concatenate([np.resize(SOUNDS["noise"], 30 * SAMPLE_RATE), silence])
    assert [segment.start for segment in extract_segments(song, ALL)] == [0.0]
    with pytest.raises(AudioError, match="silent"):
        extract_segments(silence, ALL)


def test_segments_of_one_frame() -> None:
    spec = FeatureSpec(
        kind="statistics", statistics=("rms",), standardise=False, hop_length=22050, n_frames=1
    )
    segments = extract_segments(np.resize(SOUNDS["noise"], 2 * 22050), spec)
    assert [segment.start for segment in segments] == [0.0, 1.0]
