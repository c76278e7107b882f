"""The page of a version tells all that its card does, in the units that people use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.judged import add_judgements
from webapp import create_app


@pytest.fixture
def page_of(copy_models: Callable[..., Path]) -> Callable[[Callable[[dict[str, Any]], None]], str]:
    """What the page says, without its tags, of a version with a changed card."""

    def show(change: Callable[[dict[str, Any]], None]) -> str:
        models = copy_models("a1", recommended="a1")
        path = models / "a1" / "model.json"
        card = json.loads(path.read_text())
        change(card)
        path.write_text(json.dumps(card))
        response = create_app({"MODELS_DIR": models}).test_client().get("/models/a1")
        assert response.status_code == 200
        return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())

    return show


def test_cross_validation_disturbances_and_doubt(page_of: Callable[..., str]) -> None:
    page = page_of(add_judgements)
    for told in (
        "Cross-validation 65.4% of 639 songs right",
        "accuracy of each fold 61.2%; 64.5%; 62.3%",
        "deviation of the folds 1.6 points",
        "accuracy of each member, by fold "
        "58.0%, 59.0%, 60.0%; 61.0%, 62.0%, 63.0%; 64.0%, 65.0%, 66.0%",
        "songs it is not sure of 5.2%",
        "Right Points Another winner Cross-validation: right Points",
        "clean 70.3% +0.0 0.0% 62.7% +0.0",
        "noise 20 dB SNR 69.0% -1.4 9.3% \N{EN DASH} \N{EN DASH} ",
        "speed +5 % 70.7% +0.4 7.2% 58.1% -4.5",
        "A change of level cannot change anything here",
        "is above 1.25, the answer says so, and the genre is only the closest one. The threshold "
        "is set so that it doubts 4.5% of the songs that were held out from training, though they "
        "are of its genres. Of the test songs it doubts 5.2%.",
        "layer block_1",
        "whale 3.5 not sure",
        "trumpet 0.75 a genre",
        "weight 2.5 hop (s) 0.5 window (s) 3.5",
    ):
        assert told in page, told


def test_disturbances_without_cross_validation(page_of: Callable[..., str]) -> None:
    def change(card: dict[str, Any]) -> None:
        add_judgements(card)
        del card["metrics"]["cross_validation"]

    page = page_of(change)
    assert "noise 20 dB SNR 69.0% -1.4 9.3% speed +5 %" in page
    assert "Cross-validation" not in page


def test_lists_keep_the_unit_of_their_key(page_of: Callable[..., str]) -> None:
    def change(card: dict[str, Any]) -> None:
        card["metrics"]["cross_validation"] = {"accuracy_of_folds": [0.5, 0.625]}
        card["training"]["seeds"] = [{"seed": 1, "validation_accuracy": 0.25}]
        card["training"]["history"] = {"accuracy": [0.125 + 0.005 * n for n in range(40)]}
        card["training"]["tags_loss"] = [2.5, 1.25]
        card["training"]["precision"] = "mixed_bfloat16"

    page = page_of(change)
    for told in (
        "cross validation accuracy of folds 50.0%; 62.5%",
        "validation accuracy 25.0%",
        "accuracy 12.5% to 32.0% (40 values)",
        "loss of the tags 2.5; 1.25",
        "numbers computed in mixed_bfloat16",
    ):
        assert told in page, told
