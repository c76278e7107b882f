"""MFCC JSON of the first MusiClassify: into a feature store and out of one."""

import json
from pathlib import Path

import numpy as np
import pytest

from features import FeatureSpec, dct_matrix, extract_segments
from model_training.__main__ import main
from model_training.sound.audio import load_audio
from model_training.stores.mfcc_exchange import import_mfcc_json
from model_training.stores.store import ExtractedStore
from model_training.stores.tracks import cut, features_at

from .. import music

FRAMES, COEFFICIENTS = 40, 13
SPEC = """title = "Original"
[feature_spec]
n_frames = 40
hop_length = 512
n_mels = 128
fmax = 11025.0
n_mfcc = 13
standardise = false
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "original.toml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """Two genres of three songs, five pieces each, in the first MusiClassify's form."""
    rng = np.random.default_rng(0)
    # Smooth spectra that fall by 40 dB, as those of music do.
    slope = np.linspace(0, -40, 128)
    log_mel = slope + rng.normal(0, 2, (30, FRAMES, 128))
    mfcc = log_mel @ dct_matrix(128, COEFFICIENTS)
    data = {
        "mapping": ["chaabi", "gnawa"],
        "mfcc": mfcc.tolist(),
        "labels": [0] * 15 + [1] * 15,
    }
    path = tmp_path / "data.json"
    path.write_text(json.dumps(data))
    return path


def words(path: Path, experiment: Path, out: Path, n: int | None = 5) -> list[str]:
    count = [] if n is None else ["--segments-per-track", str(n)]
    command = ["extract", "mfcc-json", str(path), "--spec", str(experiment), "--out", str(out)]
    return command + count


def test_the_pieces_of_a_song_become_one_track(original, experiment, tmp_path, capsys):
    assert main(words(original, experiment, tmp_path / "store")) == 0
    assert "6 tracks, 30 excerpts, 0 skipped" in capsys.readouterr().out
    store = ExtractedStore(tmp_path / "store")
    assert sorted(store.groups) == [f"{g}.0000{i}" for g in ("chaabi", "gnawa") for i in range(3)]
    names = sorted(store.groups)
    tracks = store.load(store.spec, names)
    first, track = cut(tracks, store.spec)
    assert track.tolist() == np.repeat(np.arange(6), 5).tolist()
    stored = features_at(tracks, first, store.spec)
    given = np.array(json.loads(original.read_text())["mfcc"])
    # The store's level is relative to the loudest value of a track, which moves c0 only. 8 bits
    # for 80 dB move a coefficient by a few tenths.
    difference = stored - given
    assert np.abs(difference[..., 1:]).max() < 1.0
    for song in range(6):
        level = difference[track == song][..., 0]
        assert np.ptp(level) < 1.5
    with np.load(tmp_path / "store" / "features.npz") as arrays:
        piece_s = FRAMES * 512 / 22050
        np.testing.assert_allclose(arrays["excerpt_start"][:5], np.arange(5) * piece_s)
    assert main(["split", str(tmp_path / "store")]) == 0


def test_a_store_comes_out_as_the_first_musiclassify_read_it(experiment, tmp_path, capsys):
    songs = music.write_genres(tmp_path / "songs", {"chaabi": 3, "gnawa": 3}, seconds=4.0)
    out = tmp_path / "out.json"
    command = ["extract", "folder", str(songs), "--spec", str(experiment), "--jobs", "1"]
    command += ["--out", str(tmp_path / "store"), "--mfcc-json", str(out), "--copies", "1"]
    assert main(command) == 0
    data = json.loads(out.read_text())
    assert data["mapping"] == ["chaabi", "gnawa"]
    spec = ExtractedStore(tmp_path / "store").spec
    expected = [
        segment.values
        for path in sorted(songs.rglob("*.wav"))
        for segment in extract_segments(load_audio(path, spec.sample_rate), spec)
    ]
    assert f"MFCC of {len(expected)} segments" in capsys.readouterr().out
    assert data["labels"] == [0] * (len(expected) // 2) + [1] * (len(expected) // 2)
    found = np.array(data["mfcc"])
    assert found.shape == (len(expected), FRAMES, COEFFICIENTS)
    np.testing.assert_allclose(found, expected, atol=2.5)
    assert np.abs(found - expected).mean() < 0.2
    # The file can be imported again.
    again = tmp_path / "again"
    report = import_mfcc_json(out, spec, len(expected) // 6, again)
    assert (report.n_tracks, report.n_excerpts) == (6, len(expected))


@pytest.mark.parametrize(
    ("change", "n", "message"),
    [
        ("", None, "does not say which pieces are of one song"),
        ("", 7, "has 15 pieces, which 7 per song does not divide"),
        ("n_mfcc = 20", 5, "n_mfcc = 20, but the pieces"),
        ("n_frames = 64", 5, "n_frames = 64, but the pieces"),
        ('kind = "log_mel"', 5, "holds MFCC, not log_mel"),
    ],
)
def test_settings_that_do_not_fit_are_refused(change, n, message, original, tmp_path, capsys):
    key = change.split(" = ")[0] or "nothing"
    lines = [line for line in SPEC.splitlines() if not line.startswith(key)]
    experiment = tmp_path / "other.toml"
    experiment.write_text("\n".join([*lines, change]) + "\n")
    assert main(words(original, experiment, tmp_path / "store", n)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_a_file_without_enough_songs_is_refused(original, experiment, tmp_path, capsys):
    assert main(words(original, experiment, tmp_path / "store", 15)) == 2
    assert "chaabi has 1 clip" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more", [["--copies", "1"], ["--scheduler", "tcp://x:1"], ["--statistics-csv", "t.csv"]]
)
def test_options_that_need_sound_are_refused(more, original, experiment, tmp_path, capsys):
    assert main([*words(original, experiment, tmp_path / "store"), *more]) == 2
    assert f"{more[0]}: mfcc-json holds no sound" in capsys.readouterr().err


def test_features_other_than_mfcc_are_not_exported(tmp_path, capsys):
    songs = music.write_genres(tmp_path / "songs", {"chaabi": 3, "gnawa": 3}, seconds=1.0)
    experiment = tmp_path / "log_mel.toml"
    experiment.write_text('title = "Log-mel"\n[feature_spec]\nkind = "log_mel"\n')
    command = ["extract", "folder", str(songs), "--spec", str(experiment)]
    command += ["--out", str(tmp_path / "store"), "--mfcc-json", str(tmp_path / "out.json")]
    assert main(command) == 2
    assert "holds MFCC, not log_mel" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_spec_is_that_of_the_experiment(original, experiment, tmp_path):
    assert main(words(original, experiment, tmp_path / "store")) == 0
    spec = ExtractedStore(tmp_path / "store").spec
    assert spec == FeatureSpec(
        n_frames=40, hop_length=512, n_mels=128, fmax=11025.0, n_mfcc=13, standardise=False
    )
