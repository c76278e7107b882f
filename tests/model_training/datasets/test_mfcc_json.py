"""MFCC as JSON: read, written, and turned to log-mel."""

import json
from pathlib import Path

import librosa
import numpy as np
import pytest

from features import dct_matrix
from model_training.datasets.mfcc_json import MfccPieces, read, write
from model_training.errors import TrainingError
from tests.model_training import music

CONTENT = {
    "mapping": ["genres/Gnawa", "chaabi"],
    "labels": [0, 0, 0, 0, 1, 1],
    "mfcc": [[[piece + frame / 10, -1.5, 2] for frame in range(4)] for piece in range(6)],
}


def save(folder: Path, **changes) -> Path:
    path = folder / "data.json"
    path.write_text(json.dumps(CONTENT | changes))
    return path


def test_pieces_and_their_clips(tmp_path):
    pieces = read(save(tmp_path), 2)
    assert pieces.mfcc.shape == (6, 4, 3)
    assert pieces.mfcc.dtype == np.float32
    np.testing.assert_allclose(pieces.mfcc[2, 1], [2.1, -1.5, 2])
    assert pieces.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert pieces.genres == ("gnawa", "chaabi")
    assert pieces.tracks == ["gnawa.00000"] * 2 + ["gnawa.00001"] * 2 + ["chaabi.00000"] * 2


def test_reading_needs_the_number_of_pieces_per_song(tmp_path):
    with pytest.raises(TrainingError, match=r"which pieces are of one song.* 8 to 15 points"):
        read(save(tmp_path), None)


@pytest.mark.parametrize(
    ("changes", "segments", "told"),
    [
        ({}, 0, "0 pieces per song: must be 1 or more"),
        ({}, 4, "chaabi has 2 pieces, which 4 per song does not divide"),
        ({"labels": [0, 0, 0, 0, 1]}, 1, "has 6 pieces, but 5 labels"),
        ({"labels": [0, 0, 0, 0, 1, 2]}, 1, "label 5 is 2; labels are places in mapping"),
        ({"labels": [0, 0, 0, 0, 1, "pop"]}, 1, "label 5 is 'pop'"),
        ({"labels": [0, 0, 0, 0, 1, True]}, 1, "label 5 is True"),
        ({"mfcc": "none"}, 1, "must hold the lists mapping, mfcc, labels"),
        ({"mfcc": [[[1, 2]], [[1, 2], [3, 4]]]}, 1, "piece 1 has 2 frames of 2 coefficients"),
        ({"mfcc": [[[1, 2], [3]]]}, 1, "piece 0 is no table of numbers"),
        ({"mfcc": [[[1, float("nan")]]]}, 1, "piece 0 is no table of numbers"),
        ({"mfcc": [[["a", "b"]]]}, 1, "piece 0 is no table of numbers"),
        ({"mfcc": [[]]}, 1, "piece 0 is no table of numbers"),
        ({"mfcc": [], "labels": []}, 1, "holds no pieces"),
    ],
)
def test_wrong_files_are_refused(tmp_path, changes, segments, told):
    with pytest.raises(TrainingError) as caught:
        read(save(tmp_path, **changes), segments)
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\ufeff{}"])
def test_missing_and_other_json_is_refused(tmp_path, text):
    path = tmp_path / "data.json"
    path.write_text(text)
    with pytest.raises(TrainingError, match=r"data.json: (is no JSON|must hold the lists)"):
        read(path, 1)
    with pytest.raises(TrainingError, match=r"gone.json: cannot be read"):
        read(tmp_path / "gone.json", 1)


def test_written_pieces_are_read_again(tmp_path):
    rng = np.random.default_rng(0)
    pieces = MfccPieces(
        mfcc=rng.normal(0, 100, (6, 5, 4)).astype(np.float32),
        labels=np.array([1, 1, 1, 0, 0, 0]),
        genres=("gnawa", "raï"),
        tracks=["raï.00000"] * 3 + ["gnawa.00000"] * 3,
    )
    path = tmp_path / "new" / "data.json"
    write(path, pieces)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == ["mapping", "mfcc", "labels"]
    assert content["mapping"] == ["gnawa", "raï"]
    again = read(path, 3)
    np.testing.assert_allclose(again.mfcc, pieces.mfcc, rtol=0, atol=2e-5)
    assert again.labels.tolist() == pieces.labels.tolist()
    assert (again.genres, again.tracks) == (pieces.genres, pieces.tracks)
    assert [file.name for file in path.parent.iterdir()] == ["data.json"]


def test_pieces_out_of_order_are_not_written(tmp_path):
    pieces = MfccPieces(
        np.zeros((3, 2, 2), np.float32), np.zeros(3, np.int64), ("pop",), ["a", "b", "a"]
    )
    with pytest.raises(TrainingError, match="must follow one another"):
        write(tmp_path / "data.json", pieces)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="must agree on the number of pieces"):
        MfccPieces(np.zeros((3, 2, 2), np.float32), np.zeros(2, np.int64), ("pop",), ["a"] * 3)


def test_log_mel_of_librosas_mfcc_has_the_same_mfcc():
    samples = music.tune(2)[:, 0]
    mfcc = librosa.feature.mfcc(y=samples, sr=22050, n_mfcc=25, n_fft=2048, hop_length=512).T
    pieces = MfccPieces(mfcc[None], np.zeros(1, np.int64), ("pop",), ["a"])
    for n_mels in (25, 116, 128):
        log_mel = pieces.to_log_mel(n_mels)
        assert log_mel.shape == (1, len(mfcc), n_mels)
        np.testing.assert_allclose(log_mel[0] @ dct_matrix(n_mels, 25), mfcc, rtol=0, atol=1e-2)
    db = librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr=22050))
    smooth = pieces.to_log_mel(128)[0]
    assert np.corrcoef(db.T.ravel(), smooth.ravel())[0, 1] > 0.9
    with pytest.raises(TrainingError, match="25 MFCC need at least as many bands, not 20"):
        pieces.to_log_mel(20)
