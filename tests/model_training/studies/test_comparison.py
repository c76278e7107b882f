"""`compare`: side by side, and McNemar's test on the same tracks or a clear word why not."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from features import FeatureSpec, coefficients
from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.stores.store import open_store
from model_training.studies.comparison import answers_of, compute_answers, holm, mcnemar, pair_up
from model_training.studies.prediction import load_predictor
from tests.webapp.judged import add_elsewhere
from webapp.inference import Card

from ..cards import GENRES, V1, lines_within, v1_card, write_gtzan, write_version

TRUTH = {f"{genre}.{number}": genre for genre in GENRES for number in range(10)}
WRONG = {"chaabi": "gnawa", "gnawa": "malhun", "malhun": "chaabi"}


def wrong_at(*rows: int) -> list[str]:
    """Answers that are right but for these rows."""
    return [WRONG[genre] if row in rows else genre for row, genre in enumerate(TRUTH.values())]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    write_version(folder, "v1", TRUTH, wrong_at(0, 1, 2, 3, 4, 5, 6, 7, 8))
    write_version(folder, "v2", TRUTH, wrong_at(8, 9))
    return folder


def compare(models: Path, *words: str | Path) -> int:
    return main(["compare", *map(str, words), "--models", str(models)])


def test_mcnemar_of_known_counts() -> None:
    # 1 against 8 of 9: (1 + 9) of 512 on either side
    first, second = np.ones(20, dtype=bool), np.ones(20, dtype=bool)
    first[:8] = False
    second[8] = False
    assert mcnemar(first, second) == pytest.approx((1, 8, 20 / 512))
    assert mcnemar(second, first) == pytest.approx((8, 1, 20 / 512))
    assert mcnemar(first, first) == (0, 0, 1.0)


def test_holm_of_known_values() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_tables_and_paired_test(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(models, "v1", "v2") == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert ["v1", "and", "v2", "1", "8", "0.039"] in lines
    row = next(line for line in lines if line[:2] == ["v2", "93.3%"])
    assert "898,218" in row
    assert ["genre", "v1", "v2"] in lines
    chaabi = next(line for line in lines if line[0:1] == ["chaabi"])
    # v1 finds one of ten chaabi, v2 eight; neither calls another genre chaabi
    assert chaabi == ["chaabi", "0.182", "0.889"]
    assert lines_within(out)


def test_elsewhere_is_not_compared(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(models, "v1", "v2") == 0
    before = capsys.readouterr().out
    path = models / "v2" / "model.json"
    card = json.loads(path.read_text())
    add_elsewhere(card)
    path.write_text(json.dumps(card))
    assert compare(models, "v1", "v2") == 0
    assert capsys.readouterr().out == before


def test_the_order_of_tracks_does_not_matter(models: Path) -> None:
    shuffled = dict(reversed(TRUTH.items()))
    write_version(models, "v3", shuffled, list(reversed(wrong_at(8, 9))))
    pairs = pair_up([Card(models / version) for version in ("v1", "v2", "v3")], None)
    assert [(pair.b, pair.c) for pair in pairs] == [(1, 8), (1, 8), (0, 0)]
    assert [pair.p for pair in pairs] == pytest.approx([20 / 512, 20 / 512, 1])
    assert [pair.adjusted for pair in pairs] == pytest.approx([60 / 512, 60 / 512, 1])


def test_other_test_sets_and_genres_are_not_paired(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fewer = dict(list(TRUTH.items())[:20])
    write_version(models, "fewer", fewer, list(fewer.values()))
    renamed = {f"new {name}": genre for name, genre in TRUTH.items()}
    write_version(models, "renamed", renamed, wrong_at())
    relabelled = TRUTH | {"chaabi.0": "malhun"}
    write_version(models, "relabelled", relabelled, wrong_at())
    rai = {name: genre.replace("malhun", "rai") for name, genre in TRUTH.items()}
    write_version(models, "rai", rai, list(rai.values()), ("chaabi", "gnawa", "rai"))
    assert compare(models, "v1", "v2", "fewer", "renamed", "relabelled", "rai") == 0
    out = capsys.readouterr().out
    for sentence in (
        "v1 and fewer not paired: they were tested on different tracks (30 and 20, 20 of them",
        "v1 and renamed not paired: they were tested on different tracks (30 and 30, 0 of them",
        "v1 and relabelled not paired: chaabi.0 is chaabi for one and malhun for the other",
        "v1 and rai not paired: one of them does not know the genre rai of the other's test",
    ):
        assert sentence in out
    assert "F1 per genre" not in out
    assert "v1 and v2" in out


def test_a_version_that_knows_a_further_genre_is_paired(models: Path) -> None:
    wrong = [*wrong_at()[:-1], "rai"]
    write_version(models, "more", TRUTH, wrong, ("chaabi", "gnawa", "malhun", "rai"))
    (pair,) = pair_up([Card(models / version) for version in ("v1", "more")], None)
    assert not pair.refused
    right = [winner == genre for winner, genre in zip(wrong, TRUTH.values(), strict=True)]
    assert right[-1] is False


def test_the_page_shows_all_side_by_side(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_version(models, "v3", dict(list(TRUTH.items())[:15]), wrong_at()[:15])
    card = json.loads((models / "v3" / "model.json").read_text())
    del card["training"]["history"]
    (models / "v3" / "model.json").write_text(json.dumps(card))
    path = tmp_path / "pages" / "comparison.html"
    assert compare(models, "v1", "v2", "v3", "--out", path) == 0
    assert str(path) in capsys.readouterr().out
    page = path.read_text(encoding="utf-8")
    # accuracies; confusion, ROC and reliability of each of the three, loss of two
    assert page.count("<svg") == 1 + 3 * 3 + 2
    assert "v3: its card does not hold the numbers." in page
    assert ">None<" not in page
    assert "<script" not in page
    assert "src=" not in page
    assert "<td>1</td><td>8</td><td>0.039</td>" in page
    assert (
        "not paired: they were tested on different tracks (30 and 15, 15 of them in both)" in page
    )
    assert page.count('class="best"') > 0
    assert [path.name for path in path.parent.iterdir()] == ["comparison.html"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["v1"], "two or more"),
        (["v1", "v1"], "two or more different"),
        (["v1", "v9"], "There is no model version 'v9'"),
        (["v1", "v2", "--data", "{models}"], "no feature store"),
        (["v1", "v2", "--out", "{models}/v1/model.json/x.html"], "cannot be written"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_2(
    models: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert compare(models, *(word.format(models=models) for word in words)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert sentence in error


@pytest.mark.parametrize(
    ("old", "new"),
    [("winner,chaabi", "winner,gnawa"), ("chaabi.3,chaabi,chaabi,0.6", "chaabi.3"), ("0.6", "x")],
)
def test_answers_of_another_shape_are_not_paired(
    models: Path, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = models / "v2" / "test.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    card = json.loads((models / "v2" / "model.json").read_text())
    card["files"]["test.csv"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (models / "v2" / "model.json").write_text(json.dumps(card))
    assert compare(models, "v1", "v2") == 0
    assert f"v1 and v2 not paired: {path}: " in capsys.readouterr().out


def test_damaged_answers_are_named(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = models / "v2" / "test.csv"
    path.write_text(path.read_text().replace("chaabi.3", "chaabi.x"))
    assert compare(models, "v1", "v2") == 2
    assert "test.csv differs from the sha256" in capsys.readouterr().err


# --- versions that keep no answers: v1 itself, on a small store in GTZAN's layout -----------------


@pytest.fixture(scope="module")
def gtzan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gtzan(tmp_path_factory.mktemp("gtzan"))


def direct_answers(store: Path) -> np.ndarray:
    """v1's soft votes (n_tracks, n_genres) of that store, without any of the code under test."""
    card = Card(V1.parent)
    spec: FeatureSpec = card.spec
    with np.load(store / "logmel30s.npz") as arrays:
        level = arrays["level"].astype(np.float32)
    decibels = (-80 * (1 - (level[:, : spec.n_mels] + 0.5) / 256)).transpose(0, 2, 1)
    count = decibels.shape[1] // spec.n_frames
    segments = decibels[:, : count * spec.n_frames].reshape(-1, count, spec.n_frames, spec.n_mels)
    predictor = load_predictor(card)
    return np.array([predictor.predict(coefficients(track, spec)).aggregate for track in segments])


def test_answers_are_computed_from_a_store(gtzan: Path) -> None:
    answers = compute_answers(Card(V1.parent), open_store(gtzan))
    np.testing.assert_allclose(answers.probabilities, direct_answers(gtzan), atol=1e-5)
    assert answers.tracks[:2] == ["blues.00000", "blues.00001"]
    assert answers.truth[:3] == ["blues", "blues", "classical"]
    some = compute_answers(Card(V1.parent), open_store(gtzan), ["rock.00001", "jazz.00000"])
    assert some.truth == ["rock", "jazz"]
    np.testing.assert_allclose(some.probabilities[0], answers.probabilities[-1], atol=1e-5)


@pytest.fixture
def without_answers(tmp_path: Path, gtzan: Path) -> Path:
    """v1 as if it had been measured on the small store, and a rival that keeps its answers."""
    folder = tmp_path / "models"
    shutil.copytree(V1.parent, folder / "v1")
    card = v1_card()
    genres = card["genres"]
    truth = {f"{genre}.0000{number}": genre for genre in genres for number in range(2)}
    winners = [genres[row] for row in direct_answers(gtzan).argmax(axis=1)]
    right = np.mean(
        [winner == genre for winner, genre in zip(winners, truth.values(), strict=True)]
    )
    card["metrics"]["test"]["n_tracks"] = 20
    card["metrics"]["test"]["track"]["accuracy"]["value"] = round(float(right), 4)
    (folder / "v1" / "model.json").write_text(json.dumps(card), encoding="utf-8")
    write_version(folder, "v2", truth, list(truth.values()), genres)
    return folder


def test_a_store_stands_in_for_answers_that_are_not_kept(
    without_answers: Path, gtzan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(without_answers, "v1", "v2") == 0
    assert "v1 and v2 not paired: v1 keeps no test.csv" in capsys.readouterr().out
    assert compare(without_answers, "v1", "v2", "--data", gtzan) == 0
    wrong = round(
        20 * (1 - Card(without_answers / "v1").metrics["test"]["track"]["accuracy"]["value"])
    )
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert wrong > 10
    assert ["v1", "and", "v2", "0", str(wrong), "<", "0.001"] in words


def test_a_store_of_other_tracks_or_genres_is_refused(
    without_answers: Path, gtzan: Path, store: Path
) -> None:
    card = Card(without_answers / "v1")
    with pytest.raises(
        TrainingError, match=r"v1 does not know the genre 'chaabi' of the store .*; it knows blues"
    ):
        answers_of(card, open_store(store))
    with pytest.raises(TrainingError, match=r"its card says 66\.\d% of 290; that is another test"):
        answers_of(Card(V1.parent), open_store(gtzan))


def test_kept_answers_are_what_the_card_was_measured_on(models: Path) -> None:
    with (models / "v1" / "test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    answers = answers_of(Card(models / "v1"), None)
    assert answers.winners == [row["winner"] for row in rows]
    assert answers.right.sum() == 21
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1)
