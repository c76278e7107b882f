"""`test-range`: the original's spot check, with an interval that tells how little it proves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model_training.__main__ import main
from model_training.stores.store import open_store
from model_training.studies.comparison import compute_answers
from webapp.inference import Card

from ..cards import GENRES, V1, lines_within, write_gtzan, write_version

TRUTH = {f"{genre}.{number}": genre for genre in GENRES for number in range(10)}
# All malhun is called gnawa.
WINNERS = [genre.replace("malhun", "gnawa") for genre in TRUTH.values()]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    write_version(tmp_path / "models", "v7", TRUTH, WINNERS)
    return tmp_path / "models"


def check(models: Path, *words: str | int | Path) -> int:
    return main(["test-range", *map(str, words), "--models", str(models)])


def tracks_of(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines() if line.endswith(("right", "WRONG"))]


def test_some_tracks_right_or_wrong(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(models, 12, "--seed", 5) == 0
    out = capsys.readouterr().out
    rows = tracks_of(out)
    assert len({row[0] for row in rows}) == 12
    for track, truth, answer, sure, verdict in rows:
        assert TRUTH[track] == truth
        assert answer == truth.replace("malhun", "gnawa")
        assert sure == "60.0%"
        assert verdict == ("right" if truth == answer else "WRONG")
    right = sum(row[4] == "right" for row in rows)
    told = " ".join(out.split())
    assert "v7, 12 random test tracks (seed 5):" in told
    assert f"{right} of 12 right. This is a spot check, not a measurement" in told
    assert "Measured on all 30 test tracks: 66.7% [" in told
    assert lines_within(out)


def test_few_tracks_have_a_wide_interval(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(models, 30) == 0
    # Wilson, 20 of 30
    assert "anything from 49% to 81% is plausible" in " ".join(capsys.readouterr().out.split())


def test_a_seed_draws_the_same_tracks_again(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = []
    for words in (["--seed", "5"], ["--seed", "5"], ["--seed", "6"]):
        assert check(models, 10, *words) == 0
        drawn.append(tracks_of(capsys.readouterr().out))
    assert drawn[0] == drawn[1] != drawn[2]
    assert check(models, 10) == 0
    out = capsys.readouterr().out
    seed = re.search(r"\(seed (\d+)\)", out)
    assert seed
    assert check(models, 10, "--seed", seed[1]) == 0
    assert capsys.readouterr().out == out


@pytest.mark.parametrize("n", [0, -3, 31])
def test_more_tracks_than_there_are(
    models: Path, n: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(models, n) == 2
    assert "There are 30 test tracks; ask for 1 to 30" in capsys.readouterr().err


def test_without_answers_and_without_a_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(V1.parents[1], 5, "--version", "v1") == 2
    err = capsys.readouterr().err
    assert err.startswith("error: v1 keeps no test.csv")
    assert "--data" in err


def test_a_store_is_asked_instead(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_gtzan(tmp_path)
    assert check(V1.parents[1], 6, "--version", "v1", "--data", folder, "--seed", 2) == 0
    out = capsys.readouterr().out
    answers = compute_answers(Card(V1.parent), open_store(folder))
    rows = tracks_of(out)
    assert len({row[0] for row in rows}) == 6
    for track, truth, answer, sure, _ in rows:
        row = answers.tracks.index(track)
        assert truth == track.split(".")[0]
        assert answer == answers.winners[row]
        assert sure == f"{answers.probabilities[row].max():.1%}"
    assert "Measured on all 290 test tracks: 66.5% [61.0, 72.1]." in " ".join(out.split())


def test_a_store_of_other_genres_is_refused(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(V1.parents[1], 5, "--version", "v1", "--data", store) == 2
    assert "v1 does not know the genre 'chaabi' of the store" in capsys.readouterr().err
    assert check(V1.parents[1], 10, "--version", "v1", "--data", store) == 2
    assert "There are 9 test tracks" in capsys.readouterr().err
