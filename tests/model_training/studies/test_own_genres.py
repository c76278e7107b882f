"""`predict --own-genres`: answers in genres that `teach` or the page has learned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.own_genres_file import FILE_ERRORS, MOST_BYTES
from model_training.studies.own_genres import rounded_shares
from model_training.versions import open_version

from ..own_music import (
    MODELS,
    VERSION,
    content,
    error_lines,
    predict,
    teach,
    write_lessons,
    write_songs,
)

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lessons(tmp_path_factory.mktemp("lessons"))


@pytest.fixture(scope="module")
def mine(lessons: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("own") / "mine.json"
    assert teach(lessons, "--out", out) == 0
    return out


@pytest.fixture(scope="module")
def beside(lessons: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("own") / "beside.json"
    assert teach(lessons, "--out", out, "--mode", "beside") == 0
    return out


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A song of each genre that was no example, and one of neither."""
    folder = tmp_path_factory.mktemp("asked")
    return {
        genre: write_songs(folder, genre, range(32, 33))[0] for genre in ("band", "tune", "rain")
    }


def answers(
    capsys: pytest.CaptureFixture[str], *words: str | Path, models: Path = MODELS
) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert predict(*words, "--json", models=models) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_songs_are_answered_in_own_genres(
    mine: Path, asked: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = answers(capsys, *asked.values(), "--own-genres", mine)
    for line in found:
        own = line["own"]
        assert line["version"] == VERSION
        assert list(own) == ["genres", "probabilities", "genre", "unsure"]
        assert own["genres"] == ["Band", "tune"]
        assert abs(sum(own["probabilities"]) - 1) <= 1e-5
        assert all(round(share, 6) == share for share in own["probabilities"])
        assert own["genre"] == own["genres"][int(np.argmax(own["probabilities"]))]
    assert [line["own"]["genre"] for line in found[:2]] == ["Band", "tune"]
    # Rain is none of these, and has a most probable genre all the same.
    assert [line["own"]["unsure"] for line in found] == [False, False, True]


def test_beside_the_own_genres_stand_the_model_s(
    beside: Path, asked: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = answers(capsys, asked["tune"], "--own-genres", beside)
    assert found["own"]["genres"] == ["Band", "tune", *found["genres"]]
    assert abs(sum(found["own"]["probabilities"]) - 1) <= 1e-5
    assert found["own"]["genre"] == "tune"


def test_the_own_answer_comes_first(
    mine: Path, asked: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    found = answers(capsys, *asked.values(), "--own-genres", mine)
    assert predict(*asked.values(), "--own-genres", mine) == 0
    lines = iter(capsys.readouterr().out.splitlines())
    for line, path in zip(found, asked.values(), strict=True):
        own = line["own"]
        share = max(own["probabilities"])
        doubt = "none of these, closest to " if own["unsure"] else ""
        first = next(each for each in lines if not each.startswith("  unlike"))
        assert first.startswith(f"{path}: {doubt}{own['genre']} {share:.1%}, ")
        assert next(lines).startswith("  of the model's genres: ")


def test_nothing_else_of_the_answer_changes(
    mine: Path, asked: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str | Path) -> str:
        assert predict(asked["rain"], *words) == 0
        return capsys.readouterr().out

    capsys.readouterr()
    plain = said("--version", VERSION, "--json")
    found = json.loads(said("--own-genres", mine, "--json"))
    assert list(found)[-1] == "own"
    del found["own"]
    assert json.dumps(found, ensure_ascii=False) + "\n" == plain
    plain = said("--version", VERSION, "--segments")
    own, _, model = said("--own-genres", mine, "--segments").partition("  of the model's genres: ")
    assert own.count("\n") == 1
    assert f"{asked['rain']}: {model}" == plain


def test_another_version_than_the_file_s_is_an_error(
    mine: Path, asked: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(asked["band"], "--own-genres", mine, "--version", VERSION) == 0
    capsys.readouterr()
    assert predict(asked["band"], "--own-genres", mine, "--version", "v1") == 2
    assert capsys.readouterr() == (
        "",
        f"error: {mine}: was learned with 'v10', so v1 cannot answer in its genres; leave "
        "--version out.\n",
    )


def test_a_file_of_a_version_that_is_not_there_is_refused(
    mine: Path, asked: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(MODELS / "v1", tmp_path / "v1")
    assert predict(asked["band"], "--own-genres", mine, models=tmp_path) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {mine}: was learned with 'v10', which is not used here.")
    assert "Available: v1." in err
    assert "Name its folder with --models, or teach again with another --version." in err


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.update(model_sha256="0" * 64),
        lambda file: file.update(feature_spec="mfcc-64x64-0000000000"),
        lambda file: file.update(
            version="v1",
            model_sha256=open_version(MODELS, "v1").files["model.tflite"],
            feature_spec=open_version(MODELS, "v1").spec.id,
        ),
    ],
    ids=["exported anew", "other features", "no embedding"],
)
def test_a_file_of_another_model_is_refused(
    change: Change,
    mine: Path,
    asked: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = content(mine)
    change(changed)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(changed))
    assert predict(asked["band"], "--own-genres", path) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{path}: was learned with another model than the {changed['version']} in" in err
    assert "teach again from the songs" in err


def halve(file: dict[str, Any]) -> None:
    """Embeddings of half as many numbers, in a file that is whole."""
    half = file["size"] // 2
    file.update(size=half, covariance=np.eye(half)[np.triu_indices(half)].tolist())
    for genre in file["genres"]:
        genre["mean"] = genre["mean"][:half]


@pytest.mark.parametrize(
    ("change", "code", "detail"),
    [
        (lambda file: file.clear(), "no_file", ""),
        (lambda file: file.update(format=2), "newer", ""),
        (lambda file: file.update(note="mine"), "unknown_key", "'note' in the file"),
        (lambda file: file.pop("threshold"), "damaged", "'threshold' is missing in the file"),
        (lambda file: file.update(temperature=float("nan")), "damaged", "NaN"),
        (halve, "damaged", "size"),
        (lambda file: file["genres"][0].update(name="x" * MOST_BYTES), "too_large", ""),
    ],
    ids=["empty", "newer", "unknown key", "missing key", "NaN", "other size", "too large"],
)
def test_a_damaged_file_is_one_sentence(
    change: Change,
    code: str,
    detail: str,
    mine: Path,
    asked: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = content(mine)
    change(changed)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(changed))
    assert predict(asked["band"], "--own-genres", path) == 2
    out, err = capsys.readouterr()
    assert out == ""
    reason = f" ({detail})" if detail else ""
    assert err == f"error: {path}: {FILE_ERRORS[code].rstrip('.')}{reason}.\n"


def test_a_file_that_is_cut_off_missing_or_a_folder_is_one_sentence(
    mine: Path, asked: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes(mine.read_bytes()[:1000])
    for path, sentence in (
        (cut, "was cut off ("),
        (tmp_path / "nowhere.json", "cannot be read (No such file or directory)."),
        (tmp_path, "cannot be read (Is a directory)."),
    ):
        assert predict(asked["band"], "--own-genres", path) == 2
        (line,) = error_lines(capsys.readouterr().err)
        assert line.startswith(f"error: {path}: ")
        assert sentence in line


@given(st.lists(st.floats(0, 1), min_size=2, max_size=111).filter(lambda shares: sum(shares) > 0))
def test_rounded_shares_still_sum_to_one(shares: list[float]) -> None:
    exact = np.array(shares) / sum(shares)
    rounded = rounded_shares(exact)
    assert abs(rounded.sum() - 1) <= 1e-5
    assert (rounded >= 0).all()
    assert [round(share, 6) for share in rounded.tolist()] == rounded.tolist()
    assert np.abs(rounded - exact).max() <= 1e-4
    # The first of equals stays the first.
    assert exact[rounded.argmax()] >= exact.max() - 1e-6
