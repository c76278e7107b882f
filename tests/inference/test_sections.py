"""Sections of a card: all that it tells, each thing once, and nothing that makes no sense."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.conftest import card_of
from tests.webapp.judged import ELSEWHERE as FIGURE
from tests.webapp.judged import add_elsewhere, add_judgements
from webapp.inference.card import Elsewhere, Interval
from webapp.inference.sections import Sections, compared, facts, sections

VERSIONS = [f"v{n}" for n in range(1, 10)]
# Keys of the card that sections hold by other names, in other words or in tables and curves.
ELSEWHERE = {
    "value", "low", "high", "options", "per_genre", "confusion_matrix", "roc", "roc_auc",
    "reliability", "segment", "disturbances", "sounds", "test", "validation", "cross_validation",
    "elsewhere", "track", "n_coefficients", "command", "export_command",
    "cross_validation_command", "fpr", "tpr", "macro",
}  # fmt: skip


@pytest.fixture
def card(root: Path) -> dict[str, Any]:
    return card_of(root, "v9")


def plain(told: Any) -> Any:
    """Sections as the JSON that they are made of."""
    return msgspec.to_builtins(dataclasses.asdict(told) if isinstance(told, Sections) else told)


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from keys(inner)


def test_the_order_of_sections(root: Path) -> None:
    whole = sections(card_of(root, "v9"))
    assert [key for key, _ in whole.items()] == [
        "accuracy", "confusion", "per_genre", "reliability", "unfamiliar", "robustness", "training",
        "measuring", "roc", "history", "licence", "details",
    ]  # fmt: skip
    assert [key for key, _ in sections(card_of(root, "v1")).items()] == [
        "accuracy", "confusion", "per_genre", "training", "measuring", "history", "licence",
        "details",
    ]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_every_key_of_a_card_is_told(root: Path, version: str) -> None:
    card = card_of(root, version)
    # a version without validation tracks does not tell their number
    if not card["training"]["n_validation_tracks"]:
        del card["training"]["n_validation_tracks"]
    told = set(keys(plain(sections(card)))) | ELSEWHERE | set(card["genres"])
    for part in ("training", "calibration", "latency", "architecture", "metrics", "unfamiliar"):
        assert set(keys(card[part])) - {"flagged_share"} - told == set()
    spec = sections(card).details.facts["feature_spec"]
    assert set(card["feature_spec"]) - set(spec) <= {"n_coefficients", "n_mfcc", "statistics"}


@pytest.mark.parametrize("version", VERSIONS)
def test_no_key_of_the_training_is_told_twice(root: Path, version: str) -> None:
    told = sections(card_of(root, version))
    assert told.measuring
    places = [
        *told.training.facts, *told.measuring.facts, *told.details.facts["repeat"],
    ]  # fmt: skip
    assert len(places) == len(set(places))


def test_accuracy_of_the_test_comes_first(card: dict[str, Any]) -> None:
    card["metrics"] = dict(reversed(card["metrics"].items())) | {"speed": {"songs": 3}}
    told = sections(card).accuracy
    assert [report.name for report in told.reports] == ["test", "cross_validation"]
    assert told.test is told.reports[0]
    assert told.test.n_tracks == 290
    assert told.test.accuracy == Interval(**card["metrics"]["test"]["track"]["accuracy"])
    assert told.test.roc_auc == card["metrics"]["test"]["track"]["roc_auc"]["macro"]
    assert told.facts == {"speed": {"songs": 3}}
    assert next(iter(told.test.facts)) == "segment_accuracy"
    assert told.test.facts["shared_artists"]["n_tracks"] == 35
    assert compared(card).test == told.test


def test_elsewhere_stands_apart(card: dict[str, Any]) -> None:
    assert sections(card).accuracy.elsewhere is None
    before = compared(card)
    add_elsewhere(card)
    told = sections(card).accuracy
    assert told.elsewhere == Elsewhere(**FIGURE)
    assert [report.name for report in told.reports] == ["test", "cross_validation"]
    assert told.facts == {}
    # versions are not compared by it
    assert compared(card) == before


def test_mistakes_are_sorted_by_their_number(card: dict[str, Any]) -> None:
    told = sections(card).confusion
    assert told
    assert [(each.true, each.called, each.count, each.total) for each in told.mistakes[:2]] == [
        ("country", "rock", 11, 30), ("blues", "jazz", 6, 31),
    ]  # fmt: skip
    assert len(told.mistakes) == 6


def test_disturbances_are_matched_by_name(card: dict[str, Any]) -> None:
    card["metrics"]["validation"] = {}
    add_judgements(card)
    told = sections(card)
    assert [(row.name, study and study.accuracy) for row, study in told.robustness] == [
        ("clean", 0.6267), ("noise 20 dB SNR", None), ("speed +5 %", 0.5812),
    ]  # fmt: skip
    assert told.unfamiliar
    assert (told.unfamiliar.held_out, told.unfamiliar.test) == (0.0448, 0.0517)
    assert told.unfamiliar.facts == {
        "method": "mahalanobis", "layer": "block_1", "fitted_on": "held-out answers",
    }  # fmt: skip


def test_limits(root: Path) -> None:
    told = sections(card_of(root, "v9")).training
    assert (told.n_genres, told.n_test, told.fewest, told.most) == (10, 290, 26, 32)
    assert told.shared_artists
    assert told.shared_artists.n_tracks == 35
    assert told.doubts
    # it was trained on the validation tracks, too
    assert set(told.facts) == {"data", "n_tracks"}
    assert not sections(card_of(root, "v1")).training.doubts


def test_one_command_for_all_is_told_once(card: dict[str, Any]) -> None:
    training = card["training"]
    told = sections(card).details.commands
    assert told == [
        training["cross_validation_command"], training["command"], training["export_command"],
    ]  # fmt: skip
    training |= dict.fromkeys(
        ("cross_validation_command", "command", "export_command"), "land v1.toml"
    )
    assert sections(card).details.commands == ["land v1.toml"]


def test_only_parameters_that_matter_for_the_kind_of_features(root: Path) -> None:
    def spec(version: str, **changed: Any) -> dict[str, Any]:
        card = card_of(root, version)
        card["feature_spec"] |= changed
        return sections(card).details.facts["feature_spec"]

    assert spec("v1")["n_mfcc"] == 64
    assert "n_mfcc" not in spec("v1", kind="log_mel")
    table = spec("v1", kind="statistics", statistics=["rms", "mfcc"], n_coefficients=42)
    assert table["numbers_per_piece"] == 42
    assert table["n_mfcc"] == 64
    assert "n_coefficients" not in table
    assert "n_mfcc" not in spec("v1", kind="statistics", statistics=["rms"])


def test_empty_values_are_left_out_and_zeros_are_not() -> None:
    told = facts(
        {
            "none": None, "empty": {}, "list": [], "hollow": {"inner": {"none": None}},
            "zero": 0, "no": False, "text": "",
            "share": {"value": 0.5, "low": 0.25, "high": 0.75},
            "no share": {"value": 5, "low": 0.25, "high": 0.75},
        }
    )  # fmt: skip
    assert told == {
        "zero": 0, "no": False, "text": "",
        "share": Interval(0.5, 0.25, 0.75),
        "no share": {"value": 5, "low": 0.25, "high": 0.75},
    }  # fmt: skip
    assert facts("text") == facts(None) == {}


def test_the_least_card_that_the_site_takes(card: dict[str, Any]) -> None:
    accuracy = card["metrics"]["test"]["track"]["accuracy"]
    card["metrics"] = {"test": {"n_tracks": 290, "track": {"accuracy": accuracy}}}
    card |= {"training": {}, "architecture": {}, "latency": {}, "unfamiliar": None}
    told = sections(card)
    assert [key for key, _ in told.items()] == ["accuracy", "training", "licence", "details"]
    assert told.accuracy.test.facts == {}
    assert told.training.fewest is None
    assert set(told.details.facts) == {"calibration", "feature_spec"}
    assert told.details.commands == []
    assert (compared(card).n_parameters, compared(card).milliseconds) == (None, None)


@pytest.mark.parametrize("nonsense", [3, "text", True, [], {}, [[1]], {"a": 1}, float("nan")])
def test_a_part_that_makes_no_sense_is_left_out(card: dict[str, Any], nonsense: Any) -> None:
    free = {
        "metrics.test.track": (
            "per_genre", "confusion_matrix", "roc", "roc_auc", "reliability", "macro_f1",
        ),
        "metrics.test": ("segment", "shared_artists", "disturbances", "flagged_share"),
        "metrics": ("cross_validation", "elsewhere"),
        "training": ("history", "options", "note", "method", "command", "libraries"),
        "architecture": ("options", "n_parameters"),
        "latency": ("milliseconds",),
    }  # fmt: skip
    for path, names in free.items():
        for name in names:
            changed = copy.deepcopy(card)
            part = changed
            for step in path.split("."):
                part = part[step]
            part[name] = nonsense
            told = sections(changed)
            assert compared(changed).test == told.accuracy.test
            if name in ("per_genre", "reliability", "roc", "history", "robustness"):
                assert not getattr(told, name)
            if name == "confusion_matrix":
                assert told.confusion is None
