"""`show`: a card to read on the terminal."""

from __future__ import annotations

import itertools

import pytest

from model_training.__main__ import main
from model_training.reporting.terminal_card import card_text
from model_training.reporting.words import words
from model_training.terminal import WIDEST, shorten, table
from tests.webapp.judged import add_collections, add_elsewhere, add_judgements, taught
from webapp.inference.sections import sections

from ..cards import V1, full_card, lines_within, v1_card


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act as a wide terminal, whatever terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", str(WIDEST))


def test_v1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "v1", "--models", str(V1.parents[1])]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["v1:", "MFCC", "CNN,", "made", "2026-11-20"]
    for line in (
        "test 290 66.5% [61.0, 72.1] 60.6% [56.1, 65.0] 0.655 0.927 0.085",
        "Genre Precision Recall F1 ROC AUC Test tracks",
        "blues 70.0% 22.6% 0.342 0.809 31",
        "blues 7 . . 4 . 17 . 1 . 2",
        "blues called jazz: 17 of 31",
        "hop length (samples) 1,711",
        "accuracy without them 64.9% [59.3, 70.5]",
        "label smoothing 0.05",
        "TensorFlow 2.21.0",
    ):
        assert line.split() in lines, line
    command, rest = v1_card()["training"]["command"], out.rstrip("\n")
    # the command is not wrapped, so that it can be copied
    assert rest.endswith(f"\n{command}")
    assert lines_within(rest.removesuffix(command))


def test_keys_of_newer_cards_are_told() -> None:
    text = card_text(full_card())
    for told in ("units                             64; 32", "coarser time grid", "export runs/a"):
        assert told in text


def test_elsewhere_comes_before_the_test() -> None:
    card = v1_card()
    add_elsewhere(card)
    text = card_text(card)
    told = " ".join(text.split())
    order = [
        "Of music from elsewhere, expect about 4 of 10 tracks to be named right: a sister network "
        "that never heard Emotify was right for 43.0% of its 150 tracks (95% interval 35.0% to "
        "51.0%).",
        "Model v1 was right for about 7 of 10 tracks",
        "music from elsewhere 150 43.0% [35.0, 51.0] - - - -",
        "test 290 66.5%",
        "A sister network's share, on a collection that it never heard.",
        "collection asked about Emotify",
        "measured with a sister network trained on the other collections alone",
    ]
    places = [told.index(each) for each in order]
    assert places == sorted(places)
    assert lines_within(text.partition("\npython -m")[0])


def test_collections_and_teaching() -> None:
    card = full_card()
    add_collections(card)
    card["embedding"] = {
        "layer": "embedding", "size": 128, "decimals": 4, "taught": taught(card["genres"])
    }  # fmt: skip
    text = card_text(card)
    told = " ".join(text.split())
    for each in (
        "Collection Tracks Right ECE Honest: mean 95% below Not sure of",
        "GTZAN 639 68.7% [63.7, 73.7] 5.2% 3.1% 4.7% 1.4%",
        "Emotify 200 71.2% [66.2, 76.2] 5.2% 3.1% 4.7% -",
        "From up to 10 tracks of each genre it finds 62.5% of the tracks of a genre",
        "Never learned Examples Recall Precision Mean recall",
        "chaabi 10 75.0% 25.0% 50.0%",
        "numbers per segment or track 128",
    ):
        assert each in told, each
    assert "0123456789abcdef" not in told
    assert lines_within(text.partition("\npython -m")[0])


def test_cross_validation_disturbances_and_doubt() -> None:
    card = full_card()
    add_judgements(card)
    text = card_text(card)
    told = " ".join(text.split())
    for each in (
        "cross-validation 639 65.4% [61.7, 69.2]",
        "accuracy of each fold 61.2%; 64.5%; 62.3%",
        "deviation of the folds 1.6 points",
        "accuracy of each member, by fold "
        "58.0%, 59.0%, 60.0%; 61.0%, 62.0%, 63.0%; 64.0%, 65.0%, 66.0%",
        "Change Right Points Another winner Cross-validation: right Points",
        "clean 70.3% +0.0 0.0% 62.7% +0.0",
        "noise 20 dB SNR 69.0% -1.4 9.3% - -",
        "speed +5 % 70.7% +0.4 7.2% 58.1% -4.5",
        "A change of level cannot change anything here",
        "is above 1.25, the answer says so",
        "layer block_1",
        "The threshold is set so that it doubts 4.5% of the tracks that were held out from "
        "training, though they are of its genres. Of the test tracks it doubts 5.2%.",
        "whale 3.500 not sure",
        "trumpet 0.750 a genre",
    ):
        assert each in told, each
    assert lines_within(text.partition("\npython -m")[0])


def test_sections_come_in_their_order() -> None:
    lines = card_text(full_card()).splitlines()
    heads = [above for above, below in itertools.pairwise(lines) if set(below) == {"-"}]
    told = sections(full_card())
    titles = words().titles
    drawn = ("roc", "history", "details")
    assert heads == [
        *(titles[key] for key, _ in told.items() if key not in drawn),
        *(titles[key] for key in told.details.facts),
    ]


def test_columns_stand_below_each_other() -> None:
    lines = card_text(v1_card()).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("is / called"))
    ends = {len(line) for line in lines[start : start + 11]}
    assert len(ends) == 1


@pytest.mark.parametrize(("n", "shown"), [(3, True), (12, True), (16, True), (40, False)])
def test_the_confusion_matrix_when_it_fits(n: int, shown: bool) -> None:
    text = card_text(full_card([f"genre {number}" for number in range(n)], per_genre=6))
    assert ("is / called" in text) == shown
    assert ("too many to show" in text) != shown
    assert lines_within(text.partition("\npython -m")[0])


def test_missing_parts_of_a_card_are_left_out() -> None:
    card = v1_card()
    whole = card_text(card)
    accuracy = card["metrics"]["test"]["track"]["accuracy"]
    card["metrics"] = {"test": {"n_tracks": 290, "track": {"accuracy": accuracy}}}
    card |= {"training": {}, "architecture": {}, "latency": {}}
    text = card_text(card)
    assert "66.5% [61.0, 72.1]" in text
    for absent in ("Per genre", "for what", "Speed", "libraries", "To repeat", "python -m"):
        assert absent in whole
        assert absent not in text
    assert "None" not in text


def test_a_card_does_not_steer_the_terminal() -> None:
    text = card_text(v1_card() | {"title": "\x1b[2J\rMFCC"})
    assert "\x1b" not in text
    assert "\r" not in text


def test_unknown_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "v99", "--models", str(V1.parents[1])]) == 2
    assert "There is no model version 'v99'" in capsys.readouterr().err


def test_tables_keep_numbers_and_shorten_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    rows = [["x [bold]" * 20, "12,345", "1.5"], ["音楽", "1", "20.25"]]
    lines = table(["name", "n", "value"], rows).splitlines()
    assert lines[1].endswith("…  12,345    1.5")
    assert lines[2].endswith("     1  20.25")
    assert len(lines[1]) == 60
    assert "[bold]" in lines[1]
    # both letters of its name are two columns wide
    assert len(lines[2]) == 58
    assert shorten("音楽音楽", 5) == "音楽…"
