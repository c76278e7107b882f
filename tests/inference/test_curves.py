"""Curves of a card: all that it holds, with their areas; malformed ones are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import card_of
from webapp.inference import curves
from webapp.inference.curves import Bin, Learning


def card_with(roc: Any = None, reliability: Any = None, history: Any = None) -> dict[str, Any]:
    return {
        "genres": ["blues"],
        "metrics": {"test": {"n_tracks": 40, "track": {"roc": roc, "reliability": reliability}}},
        "training": {"history": history},
    }


def area(points: curves.Points) -> float:
    x, y = np.array(points).T
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


@pytest.mark.parametrize("version", [f"v{n}" for n in range(2, 10)])
def test_roc_curves_have_the_areas_that_the_card_tells(root: Path, version: str) -> None:
    card = card_of(root, version)
    told = card["metrics"]["test"]["track"]["roc_auc"]
    found = curves.roc(card)
    assert [curve.key for curve in found] == [*card["genres"], "macro"]
    for curve in found:
        assert curve.area == told[curve.key]
        # a card keeps 50 points of a longer curve, and four digits of each
        kept_all = curve.key != "macro" and len(curve.points) < 50
        tolerance = 1e-4 if kept_all else 1e-2
        assert area(curve.points) == pytest.approx(told[curve.key], abs=tolerance)
    exact = np.mean([area(curve.points) for curve in found[:-1]])
    assert area(found[-1].points) == pytest.approx(exact, abs=1e-4)


def test_true_positive_rate_at_a_false_positive_rate() -> None:
    steps = [(0.0, 0.0), (0.0, 0.5), (0.1, 0.5), (0.1, 0.75), (1.0, 1.0)]
    for x, y in ((0, 0.5), (0.05, 0.5), (0.1, 0.75), (0.55, 0.875), (1, 1)):
        assert curves.value_at(steps, x) == pytest.approx(y)
    chance = [(0.0, 0.0), (1.0, 1.0)]
    assert curves.mean_curve([steps, chance]) == [
        (0.0, 0.0), (0.0, 0.25), (0.1, 0.3), (0.1, 0.425), (1.0, 1.0),
    ]  # fmt: skip


def test_one_genre_without_a_curve_leaves_no_mean(root: Path) -> None:
    card = card_of(root, "v9")
    del card["metrics"]["test"]["track"]["roc"]["jazz"]
    assert [curve.key for curve in curves.roc(card)] == [
        genre for genre in card["genres"] if genre != "jazz"
    ]


def test_a_roc_curve_needs_no_area() -> None:
    (curve, mean) = curves.roc(card_with(roc={"blues": {"fpr": [0, 1], "tpr": [0, 1]}}))
    assert curve.points == mean.points == [(0, 0), (1, 1)]
    assert curve.area is mean.area is None


def test_reliability_is_sorted_by_confidence_and_has_counts() -> None:
    card = card_with(
        reliability=[
            {"confidence": 0.9, "accuracy": 0.8, "share": 0.75},
            {"confidence": 0.35, "accuracy": 0.5, "share": 0.25},
        ]
    )
    assert curves.reliability(card) == [Bin(0.35, 0.5, 0.25, n=10), Bin(0.9, 0.8, 0.75, n=30)]


def test_learning_curves_are_grouped_by_measure(root: Path) -> None:
    card = card_with(
        history={
            "accuracy": [0.1, 0.2],
            "val_loss": [3, 2],
            "tags_loss": [0.2, 0.1],
            "loss": [2, 1],
        }
    )
    assert curves.history(card) == [
        Learning("loss", {"training": [2, 1], "validation": [3, 2]}),
        Learning("tags_loss", {"training": [0.2, 0.1]}),
        Learning("accuracy", {"training": [0.1, 0.2]}),
    ]
    assert [curve.is_share for curve in curves.history(card)] == [False, False, True]
    # an accuracy above 1 is no share
    assert not Learning("accuracy", {"training": [0.1, 1.2]}).is_share
    kept = curves.history(card_of(root, "v6"))
    losses = card_of(root, "v6")["training"]["history"]["val_loss"]
    assert {curve.kept for curve in kept} == {np.argmin(losses) + 1}
    assert {curve.kept for curve in curves.history(card_of(root, "v7"))} == {None}


@pytest.mark.parametrize("told", [None, "none", [], {}, 3, {"blues": None}, [{}], {"loss": None}])
def test_missing_or_malformed_data_give_no_curve(told: Any) -> None:
    card = card_with(told, told, told)
    assert [*curves.roc(card), *curves.reliability(card), *curves.history(card)] == []


@pytest.mark.parametrize(
    ("fpr", "tpr"),
    [
        ([0, 1], [0]),
        ([0], [1]),
        ([0, 0.9, 0.5, 1], [0, 1, 1, 1]),
        ([0, 0.5, 1], [0.5, 0.2, 1]),
        ([0, 1], [-0.1, 1]),
        ([0, 0.5], [0, 1]),
        ([0.1, 1], [0, 1]),
        ([0, 1], [0, 0.9]),
        ([0, 0.5, 1], [0, float("nan"), 1]),
        ([0, 1], [False, True]),
        (["0", "1"], [0, 1]),
    ],
)
def test_a_roc_curve_rises_from_the_left_to_one(fpr: list[Any], tpr: list[Any]) -> None:
    assert curves.roc(card_with(roc={"blues": {"fpr": fpr, "tpr": tpr}})) == []


@pytest.mark.parametrize("key", ["confidence", "accuracy", "share"])
@pytest.mark.parametrize("value", [2, -0.1, float("nan"), None, "0.5"])
def test_reliability_holds_shares(key: str, value: Any) -> None:
    whole = {"confidence": 0.5, "accuracy": 0.5, "share": 0.5}
    assert len(curves.reliability(card_with(reliability=[whole]))) == 1
    assert curves.reliability(card_with(reliability=[whole, {**whole, key: value}])) == []


@pytest.mark.parametrize(
    "values", [[1], [0.1], ["a", "b"], [1.0, float("inf")], [True, False], [[1, 2]], 3]
)
def test_epochs_have_numbers_and_are_more_than_one(values: Any) -> None:
    assert curves.history(card_with(history={"loss": values, "learning_rate": values})) == []
