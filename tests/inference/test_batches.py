"""Networks of every shape of features, with free and with fixed batches, in both engines."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.small_models import SMALL
from webapp.inference import Predictors, Registry
from webapp.inference.engines import (
    MAX_BATCH,
    MAX_BATCH_VALUES,
    KerasEngine,
    LiteRTEngine,
    batch_size,
)


@pytest.fixture(scope="module")
def registry(small_models: Path) -> Registry:
    return Registry.load(small_models)


def batch(shape: tuple[int, ...], n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (n, *shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1,), MAX_BATCH),
        ((77,), MAX_BATCH),
        ((64, 64), MAX_BATCH),
        ((128, 128), MAX_BATCH),
        ((129, 128), MAX_BATCH - 1),
        ((387, 128), 5),
        ((1288, 128), 1),
        # one segment is above the limit of a batch, and still runs alone
        ((5000, 128), 1),
    ],
)
def test_large_segments_make_small_batches(shape: tuple[int, ...], expected: int) -> None:
    assert batch_size(shape) == expected
    assert expected == 1 or expected * math.prod(shape) <= MAX_BATCH_VALUES


@pytest.mark.parametrize("version", SMALL)
def test_forward_passes_are_few_and_of_one_size(
    registry: Registry, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = SMALL[version][0].shape
    most = 16 if version == "sequence" else batch_size(shape)
    sizes = []
    real = LiteRTEngine._invoke

    def counting(engine: LiteRTEngine, interpreter: Any, part: np.ndarray) -> list[np.ndarray]:
        sizes.append(len(part))
        return real(engine, interpreter, part)

    monkeypatch.setattr(LiteRTEngine, "_invoke", counting)
    engine = LiteRTEngine(registry.cards[version])
    for n in (1, most, most + 1, 2 * most, 2 * most + 1, 5 * most - 3):
        sizes.clear()
        engine.run(batch(shape, n))
        assert sum(sizes) == n
        assert len(sizes) == -(-n // most)
        # all alike but the last; a recurrent network has a size of its own
        assert set(sizes[:-1]) <= {most if engine._fixed_batch else sizes[0]}
        assert sizes[-1] <= sizes[0] <= most


@pytest.mark.parametrize("version", SMALL)
@pytest.mark.full
def test_the_engines_agree_on_any_number_of_segments(registry: Registry, version: str) -> None:
    card, shape = registry.cards[version], SMALL[version][0].shape
    litert, keras = LiteRTEngine(card), KerasEngine(card)
    for n in (1, 2, 15, 16, 17, 33):
        features = batch(shape, n, seed=n)
        answer, expected = litert.run(features), keras.run(features)
        assert answer.probabilities.shape == (n, len(card.genres))
        np.testing.assert_allclose(answer.probabilities, expected.probabilities, rtol=0, atol=1e-4)
        np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)
        assert answer.unfamiliarity is expected.unfamiliarity is None


@pytest.mark.parametrize("version", SMALL)
def test_padding_of_a_fixed_batch_changes_nothing(registry: Registry, version: str) -> None:
    shape = SMALL[version][0].shape
    engine = LiteRTEngine(registry.cards[version])
    features = batch(shape, 18)
    together = engine.run(features).probabilities
    # a full batch before it leaves its numbers in the interpreter
    for place in (0, 15, 16, 17):
        alone = engine.run(features[place : place + 1]).probabilities
        np.testing.assert_allclose(alone[0], together[place], rtol=0, atol=1e-5)


def test_only_the_recurrent_network_has_a_fixed_batch(registry: Registry) -> None:
    fixed = {version: LiteRTEngine(registry.cards[version])._fixed_batch for version in SMALL}
    assert fixed == {"images": None, "sequence": 16, "log_mel": None, "table": None}


@pytest.mark.parametrize("version", SMALL)
def test_other_shapes_are_refused_in_words(registry: Registry, version: str) -> None:
    predictor, shape = Predictors(registry).get(version), SMALL[version][0].shape
    predictor.warm_up()
    wanted = rf"expected \(n >= 1, {', '.join(map(str, shape))}\), got"
    for features in (batch(shape, 0), batch(shape, 1)[0], batch((*shape, 1), 1), batch((3,), 1)):
        with pytest.raises(ValueError, match=wanted):
            predictor.predict(features)
