"""Cards, registry, engines, calibration and votes, on the real versions."""

import hashlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from webapp.inference import Card, CardError, EngineError, Predictor, Predictors, Registry
from webapp.inference.aggregation import soft_vote, vote_counts
from webapp.inference.calibration import calibrate
from webapp.inference.engines import MAX_BATCH, KerasEngine, LiteRTEngine, Outputs, batch_size
from webapp.inference.registry import natural_key

MODELS = Path(__file__).resolve().parents[2] / "trained_models"
REGISTRY = Registry.load(MODELS)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with copies of v1 as v1, v2 and v10."""
    for version in ("v1", "v2", "v10"):
        shutil.copytree(MODELS / "v1", tmp_path / version)
        edit(tmp_path / version, version=version)
    return tmp_path


def edit(folder: Path, **changes) -> None:
    path = folder / "model.json"
    card = json.loads(path.read_text())
    for key, value in changes.items():
        if value is KeyError:
            del card[key]
        else:
            card[key] = value
    path.write_text(json.dumps(card))


def batch(n: int, seed: int = 0, version: str = "v1") -> np.ndarray:
    """Random features of unit variance."""
    shape = (n, *REGISTRY.cards[version].spec.shape)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_every_landed_version_is_valid():
    assert REGISTRY.refused == {}
    assert "v1" in REGISTRY.cards
    assert REGISTRY.recommended in REGISTRY.cards


@pytest.mark.parametrize("version", REGISTRY.cards)
def test_landed_cards_are_complete_and_consistent(version):
    card = REGISTRY.cards[version].to_json()
    assert [key for key in card if key != "embedding"] == [
        "version", "title", "created", "genres", "feature_spec", "architecture", "training",
        "metrics", "calibration", "unfamiliar", "latency", "licence", "intended_use", "files",
    ]  # fmt: skip
    assert isinstance(card["training"]["seed"], int)
    assert card["training"]["command"].startswith("python -m model_training")
    # Measured on held-out tracks, by validation or by cross-validation, and on the test tracks.
    final = card["training"]["options"].get("train_on") == "train+validation"
    assert set(card["metrics"]) - {"elsewhere"} == {
        "cross_validation" if final else "validation",
        "test",
    }
    for name in set(card["metrics"]) - {"elsewhere"}:
        report = card["metrics"][name]
        matrix = np.array(report["track"]["confusion_matrix"])
        assert matrix.sum() == report["n_tracks"]
        accuracy = report["track"]["accuracy"]
        assert matrix.trace() / matrix.sum() == pytest.approx(accuracy["value"], abs=1e-4)
        assert accuracy["low"] < accuracy["value"] < accuracy["high"]
        assert set(report["track"]["per_genre"]) == set(card["genres"])
    assert card["latency"]["largest_difference_to_keras"] <= 1e-4
    assert sum((MODELS / version / name).stat().st_size for name in card["files"]) < 10_000_000


def test_natural_order(models):
    assert list(Registry.load(models).cards) == ["v1", "v2", "v10"]
    assert sorted(["v10", "v9", "a1", "v1"], key=natural_key) == ["a1", "v1", "v9", "v10"]


def test_recommended_falls_back_to_the_newest(models):
    assert Registry.load(models).recommended == "v10"
    (models / "index.json").write_text('{"recommended": "v2"}')
    assert Registry.load(models).recommended == "v2"
    for broken in ("{", "[]", '{"recommended": "v3"}', '{"recommended": ["v1"]}', "[" * 100_000):
        (models / "index.json").write_text(broken)
        registry = Registry.load(models)
        assert registry.recommended == "v10"
        assert "index.json" in registry.refused


def test_no_folder_and_no_version(tmp_path):
    assert Registry.load(tmp_path).recommended is None
    missing = Registry.load(tmp_path / "nowhere")
    assert missing.cards == {}
    assert "cannot be read" in next(iter(missing.refused.values()))


BAD_CARDS = [
    ({"genres": KeyError}, "genres"),
    ({"genres": ["rock"]}, "genres"),
    ({"genres": ["rock"] * 10}, "twice"),
    ({"version": "v7"}, "v7"),
    ({"calibration": {"temperature": 0}}, "temperature"),
    ({"calibration": {}}, "temperature"),
    ({"metrics": {}}, "test"),
    ({"unfamiliar": {"method": "energy", "threshold": 1.0}}, "unfamiliar"),
    ({"feature_spec": {}}, "feature spec"),
    ({"files": {}}, "model.keras"),
    ({"files": {"../../etc/passwd": "0" * 64}}, "model.keras"),
    ({"files": {"model.keras": "abc", "model.tflite": "abc"}}, "files"),
]


@pytest.mark.parametrize(("changes", "word"), BAD_CARDS, ids=str)
def test_a_bad_card_is_refused_and_the_others_work(models, changes, word):
    edit(models / "v2", **changes)
    registry = Registry.load(models)
    assert list(registry.cards) == ["v1", "v10"]
    assert word in registry.refused["v2"]


ELSEWHERE = {
    "value": 0.43, "low": 0.35, "high": 0.51, "n_tracks": 150, "of": "Emotify", "by": "a sister"
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"value": 1.2, "high": 1.3}, "Expected `float` <= 1.0 - at `$.metrics.elsewhere.value`"),
        ({"low": -0.1}, "Expected `float` >= 0.0 - at `$.metrics.elsewhere.low`"),
        ({"low": 0.44}, "does not lie between `low` and `high` - at `$.metrics.elsewhere`"),
        ({"high": 0.42}, "does not lie between `low` and `high` - at `$.metrics.elsewhere`"),
        ({"value": float("nan")}, "elsewhere"),
        ({"value": "0.43"}, "Expected `float`, got `str` - at `$.metrics.elsewhere.value`"),
        ({"value": True}, "Expected `float`, got `bool` - at `$.metrics.elsewhere.value`"),
        ({"n_tracks": 0}, "Expected `int` >= 1 - at `$.metrics.elsewhere.n_tracks`"),
        ({"n_tracks": 1.5}, "elsewhere.n_tracks"),
        ({"of": ""}, "length >= 1 - at `$.metrics.elsewhere.of`"),
        ({"by": "a" * 301}, "length <= 300 - at `$.metrics.elsewhere.by`"),
        ({"by": KeyError}, "missing required field `by` - at `$.metrics.elsewhere`"),
    ],
    ids=str,
)
def test_a_figure_from_elsewhere_that_cannot_be_refuses_the_card(models, changes, why):
    found = {key: each for key, each in (ELSEWHERE | changes).items() if each is not KeyError}
    metrics = json.loads((models / "v2" / "model.json").read_text())["metrics"]
    edit(models / "v2", metrics=metrics | {"elsewhere": found})
    registry = Registry.load(models)
    assert list(registry.cards) == ["v1", "v10"]
    assert registry.refused["v2"].startswith("model.json is not a valid card: ")
    assert why in registry.refused["v2"]


def test_the_summary_tells_how_good_it_is_elsewhere(models):
    metrics = json.loads((models / "v2" / "model.json").read_text())["metrics"]
    edit(models / "v2", metrics=metrics | {"elsewhere": ELSEWHERE})
    edit(models / "v10", metrics=metrics | {"elsewhere": None})
    cards = Registry.load(models).cards
    assert [card.summary()["elsewhere"] for card in cards.values()] == [None, ELSEWHERE, None]
    # the test keeps its meaning
    told = [
        (card.summary()["accuracy"], card.summary()["n_test_tracks"]) for card in cards.values()
    ]
    assert told == [told[0]] * 3


def test_the_recommended_version_does_not_depend_on_figures(models):
    metrics = json.loads((models / "v2" / "model.json").read_text())["metrics"]
    edit(models / "v2", metrics=metrics | {"elsewhere": ELSEWHERE | {"value": 1, "high": 1}})
    assert Registry.load(models).recommended == "v10"


def test_a_card_cannot_reach_out_of_its_folder(models):
    outside = models / "secret"
    outside.write_bytes(b"secret")
    card = json.loads((models / "v2" / "model.json").read_text())
    digest = hashlib.sha256(b"secret").hexdigest()
    edit(models / "v2", files=card["files"] | {"../secret": digest})
    assert "not the name of a file" in Registry.load(models).refused["v2"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"null"])
def test_a_card_that_is_no_json(models, content):
    (models / "v2" / "model.json").write_bytes(content)
    assert "v2" in Registry.load(models).refused


@pytest.mark.parametrize("name", ["model.keras", "model.tflite"])
def test_missing_and_tampered_files_are_refused(models, name):
    path = models / "v2" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "sha256" in Registry.load(models).refused["v2"]
    path.unlink()
    assert "cannot be read" in Registry.load(models).refused["v2"]


@pytest.mark.parametrize("engine", ["litert", pytest.param("keras", marks=pytest.mark.full)])
def test_a_file_changed_after_the_start_is_not_loaded(models, engine):
    predictors = Predictors(Registry.load(models), engine)
    for name in ("model.keras", "model.tflite"):
        (models / "v2" / name).write_bytes(b"changed")
    with pytest.raises(EngineError, match="sha256"):
        predictors.get("v2")
    assert predictors.get("v1")


@pytest.mark.parametrize("engine", ["litert", pytest.param("keras", marks=pytest.mark.full)])
def test_files_that_are_no_models_are_an_engine_error(models, engine):
    folder = models / "v2"
    for name in ("model.keras", "model.tflite"):
        (folder / name).write_bytes(b"no model")
    digest = hashlib.sha256(b"no model").hexdigest()
    edit(folder, files={"model.keras": digest, "model.tflite": digest})
    with pytest.raises(EngineError, match="v2"):
        Predictors(Registry.load(models), engine).get("v2")


def test_a_model_of_another_shape_is_an_engine_error(models):
    card = json.loads((models / "v2" / "model.json").read_text())
    edit(models / "v2", genres=[*card["genres"], "chaabi"])
    with pytest.raises(EngineError, match="export it again"):
        Predictors(Registry.load(models)).get("v2")


def test_unknown_engine_and_version(models):
    with pytest.raises(EngineError, match="litert, keras"):
        Predictors(Registry.load(models), "onnx")
    with pytest.raises(KeyError):
        Predictors(Registry.load(models)).get("../v1")


@pytest.mark.parametrize("version", REGISTRY.cards)
@pytest.mark.full
def test_engines_answer_the_same(version):
    card = REGISTRY.cards[version]
    features = batch(2 * batch_size(card.spec.shape) + 5, version=version)
    litert, keras = LiteRTEngine(card).run(features), KerasEngine(card).run(features)
    assert litert.probabilities.shape == (len(features), len(card.genres))
    np.testing.assert_allclose(litert.probabilities, keras.probabilities, atol=1e-4)
    scored = card.unfamiliar_threshold is not None
    assert (litert.unfamiliarity is not None) is (keras.unfamiliarity is not None) is scored
    if litert.unfamiliarity is not None and keras.unfamiliarity is not None:
        np.testing.assert_allclose(litert.unfamiliarity, keras.unfamiliarity, rtol=1e-3, atol=1e-3)


def test_an_answer_does_not_depend_on_its_batch():
    predictor = Predictors(REGISTRY).get("v1")
    features = batch(MAX_BATCH + 3)
    together = predictor.predict(features).probabilities
    for index in (0, 1, MAX_BATCH, MAX_BATCH + 2):
        alone = predictor.predict(features[index : index + 1]).probabilities[0]
        np.testing.assert_allclose(alone, together[index], atol=1e-5)


def test_a_prediction_adds_up():
    result = Predictors(REGISTRY).get("v1").predict(batch(9))
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(result.aggregate, result.probabilities.mean(axis=0))
    assert sum(result.votes.values()) == 9
    assert list(result.votes) == list(result.genres)
    assert result.winner == result.genres[result.aggregate.argmax()]
    assert result.winners == [result.genres[i] for i in result.probabilities.argmax(axis=1)]


def test_threads_get_their_own_answers():
    predictor = Predictors(REGISTRY).get("v1")
    inputs = [batch(1 + seed % 5, seed) for seed in range(60)]
    wanted = [predictor.predict(features).probabilities for features in inputs]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda features: predictor.predict(features).probabilities, inputs))
    for first, second in zip(wanted, got, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_wrong_features_are_a_value_error():
    predictor = Predictors(REGISTRY).get("v1")
    for features in (batch(1)[:, :10], batch(1)[..., :10], batch(0), batch(1)[0]):
        with pytest.raises(ValueError, match="expected"):
            predictor.predict(features)
    with pytest.raises(ValueError, match="finite"):
        predictor.predict(np.full_like(batch(1), np.nan))
    with pytest.raises(ValueError, match="too large"):
        predictor.predict(np.full_like(batch(1), 3e38))


def test_a_model_without_a_finite_answer_does_not_become_ready():
    class Broken:
        def run(self, features):
            return Outputs(np.full((len(features), 10), np.nan, np.float32), None)

    with pytest.raises(EngineError, match="v1: the model's answers are not finite"):
        Predictor(REGISTRY.cards["v1"], Broken()).warm_up()


def test_at_most_two_versions_stay_loaded(models):
    predictors = Predictors(Registry.load(models))
    first = predictors.get("v1")
    second = predictors.get("v2")
    assert predictors.get("v1") is first
    predictors.get("v10")
    assert predictors.get("v1") is first
    assert predictors.get("v2") is not second


def test_two_visitors_at_once_load_a_version_once(models):
    made: list[Card] = []
    predictors = Predictors(Registry.load(models))
    make = predictors._make
    started = threading.Barrier(4)

    def counting(card):
        made.append(card)
        return make(card)

    predictors._make = counting

    def visit(_) -> Predictor:
        started.wait()
        return predictors.get("v1")

    with ThreadPoolExecutor(4) as pool:
        assert len({id(predictor) for predictor in pool.map(visit, range(4))}) == 1
    assert len(made) == 1


def test_temperature():
    probabilities = np.array([[0.7, 0.2, 0.1]])
    np.testing.assert_allclose(calibrate(probabilities, 1.0), probabilities)
    logits = np.log(probabilities) + 3.0
    scaled = np.exp(logits / 2) / np.exp(logits / 2).sum()
    np.testing.assert_allclose(calibrate(probabilities, 2.0), scaled)
    assert np.isfinite(calibrate(np.array([[1.0, 0.0]]), 0.3)).all()


def test_votes():
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9], [0.6, 0.4]])
    np.testing.assert_allclose(soft_vote(probabilities), [1.3 / 3, 1.7 / 3])
    assert vote_counts(np.array([0, 1, 0]), ["a", "b"]) == {"a": 2, "b": 1}


def test_card_error_names_the_reason(tmp_path):
    with pytest.raises(CardError, match="cannot be read"):
        Card(tmp_path)
