"""`excerpts`: three excerpts of songs against the whole of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from model_training.__main__ import main
from model_training.studies.excerpts import Pair, share, summary
from tests.browser.sounds import band
from webapp.inference import Prediction

from ..cards import V1

RATE = 22050


def ask(*words: str | Path) -> int:
    return main(["excerpts", *map(str, words), "--version", "v1", "--models", str(V1.parents[1])])


def prediction(*probabilities: float) -> Prediction:
    genres = ("blues", "pop", "rock")
    winner = genres[int(np.argmax(probabilities))]
    aggregate = np.array(probabilities)
    return Prediction(genres, aggregate[None], [winner], aggregate, winner, {winner: 1}, None)


def test_both_answers_of_long_songs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Of four excerpts the first, the third and the last are heard; the second is another band.
    parts = [band(30, RATE, seed) for seed in (1, 1, 2, 1, 1)]
    soundfile.write(tmp_path / "long.wav", np.concatenate(parts), RATE)
    soundfile.write(tmp_path / "short.wav", band(20, RATE), RATE)
    (tmp_path / "torn.mp3").write_bytes(b"ID3 and no sound")
    assert ask(tmp_path) == 0
    told = capsys.readouterr()
    [line] = [line for line in told.out.splitlines() if "long.wav" in line]
    assert "lead 0." in line
    assert "v1, 1 songs: same winner: " in told.out
    assert "short.wav: no more than three excerpts, left out." in told.err
    assert "torn.mp3" in told.err


def test_no_long_song_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "short.wav", band(20, RATE), RATE)
    assert ask(tmp_path) == 2
    assert "No song of more than three excerpts" in capsys.readouterr().err


def test_shares_of_all_and_of_those_with_a_clear_lead() -> None:
    sure, unsure = prediction(0.1, 0.7, 0.2), prediction(0.3, 0.38, 0.32)
    rock = prediction(0.1, 0.3, 0.6)
    pairs = [
        Pair(Path("a"), sure, sure),
        Pair(Path("b"), sure, rock),
        Pair(Path("c"), unsure, rock),
    ]
    assert [pair.same for pair in pairs] == [True, False, False]
    assert pairs[2].lead == pytest.approx(0.06)
    # Wilson's interval: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    assert share(pairs) == "1 of 3, 33.3% [6.1%, 79.2%]"
    told = " ".join(summary(pairs).split())
    assert "same winner: 1 of 3, 33.3%" in told
    assert "leads by 0.1 or more: 1 of 2, 50.0%" in told
    assert share([]) == "none"
