"""Python takes the names of genres as the page does: tests/js/own/names.test.js has this table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from features.own_genres import TeachingError, clean_name, spelling

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "genre_names.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case["typed"])[:40])
def test_names_are_taken_as_on_the_page(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(TeachingError) as caught:
            clean_name(case["typed"])
        assert caught.value.code == case["error"]
        return
    assert clean_name(case["typed"]) == case["clean"]
    assert clean_name(case["clean"]) == case["clean"]
    assert spelling(case["clean"]) == case["spelling"]
