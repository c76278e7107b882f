"""The stored networks of the tests are those that the code makes today."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from tests import small_models


def test_stored_networks_equal_those_made_today(tmp_path: Path) -> None:
    small_models.make(tmp_path)
    versions = {*small_models.SMALL, *small_models.DOUBTING, *small_models.EMBEDDING}
    assert {path.name for path in small_models.NETWORKS.iterdir()} == versions
    for version in versions:
        kept, made = small_models.NETWORKS / version, tmp_path / version
        assert {path.name for path in kept.iterdir()} == {path.name for path in made.iterdir()}
        before, now = (keras.saving.load_model(x / "model.keras") for x in (kept, made))
        # Names of layers end with a counter of the process, so types are compared.
        kinds, expected_kinds = ([type(layer) for layer in x.layers] for x in (before, now))
        assert kinds == expected_kinds
        for ours, theirs in zip(before.get_weights(), now.get_weights(), strict=True):
            assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)
        told, expected = (
            json.loads((x / small_models.MADE).read_text(encoding="utf-8")) for x in (kept, made)
        )
        threshold, limit = ((x["unfamiliar"] or {}).pop("threshold", 0.0) for x in (told, expected))
        assert threshold == pytest.approx(limit, rel=1e-3)
        assert told == expected


def test_a_version_is_written_with_a_card_of_its_own(tmp_path: Path) -> None:
    small_models.write(tmp_path)
    cards = [json.loads((path / "model.json").read_text()) for path in tmp_path.iterdir()]
    assert {card["version"] for card in cards} == set(small_models.SMALL)
    assert all(card["files"].keys() == {"model.keras", "model.tflite"} for card in cards)
    assert np.unique([card["feature_spec"]["id"] for card in cards]).size == len(cards)
