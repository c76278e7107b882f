"""Models that also give a score for how unlike their training music a sound is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features import FeatureSpec, extract_segments
from tests.browser.sounds import band
from tests.small_models import DOUBTING, SMALL
from webapp.inference import EngineError, FeatureError, Predictor, Predictors, Registry
from webapp.inference.aggregation import judge_familiarity
from webapp.inference.card import Card
from webapp.inference.engines import ENGINES, Engine, KerasEngine, LiteRTEngine, Outputs
from webapp.inference.engines import _find_outputs as find_outputs

# Keras is no part of the quick checks.
EITHER = ["litert", pytest.param("keras", marks=pytest.mark.full)]
NOISE = np.random.default_rng(0).normal(0, 0.3, 22050 * 20).astype(np.float32)


@pytest.fixture(scope="module")
def registry(doubting_models: Path) -> Registry:
    return Registry.load(doubting_models)


@pytest.fixture
def recarded(doubting_models: Path, root: Path, tmp_path: Path) -> Callable[[str, Any], Path]:
    """Copy a version, give its card another `unfamiliar`, and return its models folder."""

    def make(version: str, unfamiliar: Any) -> Path:
        source = doubting_models if version in DOUBTING else root / "trained_models"
        shutil.copytree(source / version, tmp_path / version)
        path = tmp_path / version / "model.json"
        card = json.loads(path.read_text()) | {"unfamiliar": unfamiliar}
        path.write_text(json.dumps(card))
        return tmp_path

    return make


def spec_of(version: str) -> FeatureSpec:
    return SMALL[DOUBTING[version][0]][0]


def features_of(sound: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    return np.stack([segment.values for segment in extract_segments(sound, spec)])


def random_features(spec: FeatureSpec, n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(0, 2, (n, *spec.shape)).astype(np.float32)


def scores(engine: Engine, features: np.ndarray) -> np.ndarray:
    found = engine.run(features).unfamiliarity
    assert found is not None
    return found


@pytest.mark.full
def test_both_orders_of_outputs_come_in_both_engines(registry: Registry) -> None:
    # without both orders, the tests below would not show that outputs are found by their shapes
    import keras

    assert registry.refused == {}
    first: dict[str, set[int]] = {"litert": set(), "keras": set()}
    for card in registry.cards.values():
        model = keras.models.load_model(card.folder / "model.keras", compile=False)
        first["keras"].add(model.outputs[0].shape[1])
        with LiteRTEngine(card)._pool.lend() as interpreter:
            first["litert"].add(int(interpreter.get_output_details()[0]["shape"][1]))
    assert first == {"litert": {1, 10}, "keras": {1, 10}}


@pytest.mark.parametrize("version", DOUBTING)
@pytest.mark.full
def test_the_engines_agree_and_give_each_segment_its_score(
    registry: Registry, version: str
) -> None:
    card, spec = registry.cards[version], spec_of(version)
    litert, keras = LiteRTEngine(card), KerasEngine(card)
    # batches hold 16 segments, fixed or at most: below, at and above that, and several batches
    for n in (1, 16, 17, 65):
        features = random_features(spec, n)
        answers = [engine.run(features) for engine in (litert, keras)]
        for probabilities, unfamiliarity, embeddings in answers:
            assert embeddings is None
            assert probabilities.shape == (n, len(card.genres))
            assert unfamiliarity is not None
            assert unfamiliarity.shape == (n,)
            assert unfamiliarity.dtype == np.float32
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
            np.testing.assert_allclose(probabilities, answers[0].probabilities, atol=1e-4)
            np.testing.assert_allclose(unfamiliarity, scores(litert, features), rtol=1e-4)


@pytest.mark.parametrize("version", DOUBTING)
def test_a_score_does_not_depend_on_the_other_segments(registry: Registry, version: str) -> None:
    features = random_features(spec_of(version), 18)
    engine = LiteRTEngine(registry.cards[version])
    together = scores(engine, features)
    assert len(set(together.tolist())) == 18
    for place in (0, 15, 16, 17):
        alone = scores(engine, features[place : place + 1])
        np.testing.assert_allclose(alone, together[place : place + 1], rtol=1e-4)


@pytest.mark.parametrize("engine", EITHER)
def test_noise_is_flagged_and_music_is_not(registry: Registry, engine: str) -> None:
    predictor = Predictors(registry, engine).get("doubting")
    card, spec = predictor.card, predictor.card.spec
    for sound, flag in ((NOISE, True), (band(42, spec.sample_rate, seed=5), False)):
        features = features_of(sound, spec)
        found = predictor.predict(features).unfamiliar
        assert found is not None
        assert list(found) == ["score", "threshold", "flag"]
        assert found["flag"] is flag
        assert found["threshold"] == card.unfamiliar_threshold
        by_segment = scores(ENGINES[engine](card), features)
        assert found["score"] == pytest.approx(by_segment.mean(), rel=1e-6)


def test_every_engine_is_tested() -> None:
    assert set(ENGINES) == {"litert", "keras"}


def test_a_song_is_flagged_above_the_threshold_not_at_it() -> None:
    for values, flag in (((1.0, 3.0), False), ((1.0, 3.5), True), ((1.0, 2.0), False)):
        judged = judge_familiarity(np.array(values, np.float32), 2.0)
        assert judged == {"score": sum(values) / 2, "threshold": 2.0, "flag": flag}


def test_in_json_scores_have_six_digits_of_any_size(registry: Registry) -> None:
    card = registry.cards["doubting"]

    class Given:
        def __init__(self, score: float):
            self.score = score

        def run(self, features: np.ndarray) -> Outputs:
            probabilities = np.full((len(features), 10), 0.1, np.float32)
            return Outputs(probabilities, np.full(len(features), self.score, np.float32))

    features = random_features(card.spec, 2)
    for score, shown in ((1234567.8, 1234570), (0.000123456789, 0.000123457), (5.5, 5.5)):
        prediction = Predictor(card, Given(score)).predict(features)
        found = prediction.to_json([(0.0, 5.0), (5.0, 10.0)])["aggregate"]["unfamiliar"]
        assert found["score"] == shown
        assert found["threshold"] == float(f"{card.unfamiliar_threshold:.6g}")
    for score in (np.inf, np.nan):
        with pytest.raises(FeatureError, match="overflows"):
            Predictor(card, Given(score)).predict(features)
        with pytest.raises(EngineError, match="not finite"):
            Predictor(card, Given(score)).warm_up()


@pytest.mark.parametrize("engine", EITHER)
@pytest.mark.parametrize(
    ("version", "unfamiliar", "words"),
    [
        ("doubting", None, "but its card says (64, 25) to (10,), without a score"),
        (
            "v1",
            {"method": "mahalanobis", "threshold": 2.0},
            "(10,), but its card says (64, 64) to (10,) and (1,), with a score",
        ),
    ],
)
def test_a_model_and_a_card_that_disagree_are_refused(
    recarded: Callable[[str, Any], Path],
    engine: str,
    version: str,
    unfamiliar: dict[str, Any] | None,
    words: str,
) -> None:
    models = recarded(version, unfamiliar)
    registry = Registry.load(models)
    assert registry.refused == {}
    with pytest.raises(EngineError) as refusal:
        Predictors(registry, engine).get(version)
    assert str(refusal.value).startswith(f"{version}: the model maps")
    assert words in str(refusal.value)
    assert str(refusal.value).endswith("export it again")


GOOD = {"method": "mahalanobis", "threshold": 2}


@pytest.mark.parametrize(
    ("unfamiliar", "words"),
    [
        ({"method": "energy", "threshold": 1.0}, "the method 'energy', which this release"),
        ({"threshold": 1.0}, "the method None"),
        ([], "unfamiliar"),
        ({"method": "mahalanobis"}, "threshold"),
        (GOOD | {"threshold": 0}, "threshold"),
        (GOOD | {"threshold": -1.5}, "threshold"),
        (GOOD | {"threshold": "3"}, "threshold"),
        (GOOD | {"threshold": float("nan")}, "threshold"),
        (GOOD | {"threshold": float("inf")}, "threshold"),
        (GOOD | {"flagged_share": 1.01}, "flagged_share"),
        (GOOD | {"fitted_on": 3}, "fitted_on"),
        (GOOD | {"sounds": [{"name": "whale"}]}, "sounds"),
        (GOOD | {"sounds": [{"name": "whale", "score": float("inf"), "flag": True}]}, "sounds"),
    ],
    ids=str,
)
def test_a_card_with_a_bad_threshold_or_method_is_refused(
    recarded: Callable[[str, Any], Path], unfamiliar: Any, words: str
) -> None:
    registry = Registry.load(recarded("v1", unfamiliar))
    assert registry.cards == {}
    assert words in registry.refused["v1"]


def test_a_card_needs_no_more_than_method_and_threshold(
    recarded: Callable[[str, Any], Path],
) -> None:
    models = recarded("v1", GOOD | {"more": "is welcome"})
    assert Card(models / "v1").unfamiliar_threshold == 2.0


@pytest.mark.parametrize("shapes", [[(None, 10), (10,)], [(10,), (10,)], [(10,), (1,), (1,)], []])
def test_outputs_of_any_other_shapes_are_refused(root: Path, shapes: list[Any]) -> None:
    card = Registry.load(root / "trained_models").get("v1")
    with pytest.raises(EngineError, match="but its card says"):
        find_outputs(card, [card.spec.shape], shapes)
