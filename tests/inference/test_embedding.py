"""Models that also give an embedding, and the file that says where their genres lie in it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features import FeatureSpec
from tests.small_models import EMBEDDING, NETWORKS, SMALL, small_of
from webapp.inference import Card, CardError, EngineError, FeatureError, Predictor, Registry
from webapp.inference.embedding import LARGEST_EMBEDDING
from webapp.inference.engines import ENGINES, Engine, KerasEngine, LiteRTEngine, Outputs
from webapp.inference.engines import _find_outputs as find_outputs

# Keras is no part of the quick checks.
EITHER = ["litert", pytest.param("keras", marks=pytest.mark.full)]
VERSION = "embedding"
FILE = "embedding.json"
SIZE = 16

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def registry(embedding_models: Path) -> Registry:
    return Registry.load(embedding_models)


@pytest.fixture
def folder(embedding_models: Path, tmp_path: Path) -> Path:
    """The copy of a version that a test may change."""
    return Path(shutil.copytree(embedding_models / VERSION, tmp_path / VERSION))


def recarded(folder: Path, change: Change) -> Path:
    path = folder / "model.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))
    return folder


def replaced(folder: Path, name: str, content: bytes) -> Path:
    """Replace a file, and its sha256 in the card."""
    (folder / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return recarded(folder, lambda card: card["files"].update({name: digest}))


def random_features(spec: FeatureSpec, n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(0, 2, (n, *spec.shape)).astype(np.float32)


def embeddings(engine: Engine, features: np.ndarray) -> np.ndarray:
    found = engine.run(features).embeddings
    assert found is not None
    return found


@pytest.mark.full
def test_the_outputs_come_in_several_orders(registry: Registry) -> None:
    # otherwise the tests below would not show that outputs are found by their shapes
    import keras

    assert registry.refused == {}
    assert list(registry.cards) == list(EMBEDDING)
    of_keras, of_litert = set(), set()
    for card in registry.cards.values():
        assert card.embedding is not None
        # as in EMBEDDING
        places = {10: 0, 1: 1, card.embedding.size: 2}
        model = keras.models.load_model(card.folder / "model.keras", compile=False)
        of_keras.add(tuple(places[output.shape[1]] for output in model.outputs))
        with LiteRTEngine(card)._pool.lend() as interpreter:
            shapes = [each["shape"] for each in interpreter.get_output_details()]
        of_litert.add(tuple(places[int(shape[1])] for shape in shapes))
    assert of_keras == {order for _, order in EMBEDDING.values()}
    assert len(of_litert) == 2


@pytest.mark.full
@pytest.mark.parametrize("version", EMBEDDING)
def test_the_engines_agree_and_give_each_segment_its_embedding(
    registry: Registry, version: str
) -> None:
    card = registry.cards[version]
    assert card.embedding is not None
    litert, keras = LiteRTEngine(card), KerasEngine(card)
    # batches hold 16 segments, fixed or at most: below, at and above that, and several batches
    for n in (1, 16, 17, 65):
        features = random_features(card.spec, n)
        ours, theirs = litert.run(features), keras.run(features)
        for found in (ours, theirs):
            assert found.embeddings is not None
            assert found.embeddings.shape == (n, card.embedding.size)
            assert found.embeddings.dtype == np.float32
            assert found.unfamiliarity is not None
            assert found.unfamiliarity.shape == (n,)
            assert found.probabilities.shape == (n, len(card.genres))
        for mine, other in zip(ours, theirs, strict=True):
            assert mine is not None
            assert other is not None
            np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("version", EMBEDDING)
def test_an_embedding_does_not_depend_on_the_other_segments(
    registry: Registry, version: str
) -> None:
    card = registry.cards[version]
    features = random_features(card.spec, 18)
    engine = LiteRTEngine(card)
    together = embeddings(engine, features)
    assert len(np.unique(together, axis=0)) == 18
    for place in (0, 15, 16, 17):
        alone = embeddings(engine, features[place : place + 1])
        np.testing.assert_allclose(alone[0], together[place], rtol=1e-4, atol=1e-5)


class Given:
    """Answers with these embeddings (n_segments, size)."""

    def __init__(self, values: Any):
        self.values = np.array(values, np.float32)

    def run(self, features: np.ndarray) -> Outputs:
        n = len(features)
        probabilities = np.full((n, 10), 0.1, np.float32)
        return Outputs(probabilities, np.ones(n, np.float32), self.values)


def test_a_song_has_the_mean_of_its_segments_taken_before_rounding(registry: Registry) -> None:
    card = registry.cards[VERSION]
    # rounded first, the mean would be 0.2
    engine = Given([[0.14] * SIZE, [0.16] * SIZE, [0.14] * SIZE])
    prediction = Predictor(card, engine).predict(random_features(card.spec, 3))
    times = [(0.0, 5.0), (5.0, 10.0), (10.0, 15.0)]
    found = prediction.to_json(times, 1)
    assert [segment["embedding"][0] for segment in found["segments"]] == [0.1, 0.2, 0.1]
    assert found["aggregate"]["embedding"] == [0.1] * SIZE
    assert prediction.to_json(times, 4)["aggregate"]["embedding"] == [0.1467] * SIZE
    for segment in found["segments"]:
        del segment["embedding"]
    del found["aggregate"]["embedding"]
    assert found == prediction.to_json(times)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_an_embedding_that_overflows_is_no_answer(registry: Registry, value: float) -> None:
    card = registry.cards[VERSION]
    predictor = Predictor(card, Given([[0.0] * (SIZE - 1) + [value]]))
    with pytest.raises(FeatureError, match="overflows"):
        predictor.predict(random_features(card.spec, 1))
    with pytest.raises(EngineError, match="not finite"):
        predictor.warm_up()


@pytest.mark.parametrize("engine", EITHER)
def test_a_model_and_a_card_that_disagree_are_refused(folder: Path, engine: str) -> None:
    bare = Card(recarded(folder, lambda card: card.pop("embedding")))
    assert (bare.embedding, bare.embedding_file) == (None, None)
    with pytest.raises(EngineError) as refusal:
        ENGINES[engine](bare)
    assert str(refusal.value).startswith("embedding: the model maps (77,) to ")
    assert str(refusal.value).endswith(
        "but its card says (77,) to (10,) and (1,), with a score for unfamiliar sounds and without "
        "an embedding; export it again"
    )


def test_a_model_without_the_embedding_of_its_card_is_refused(folder: Path) -> None:
    replaced(folder, "model.tflite", (NETWORKS / small_of(VERSION) / "model.tflite").read_bytes())
    with pytest.raises(EngineError, match=r"\(10,\), but its card says .* with an embedding;"):
        LiteRTEngine(Card(folder))


def test_an_embedding_needs_no_score(folder: Path) -> None:
    card = Card(recarded(folder, lambda card: card.update(unfamiliar=None)))
    places = find_outputs(card, [(77,)], [(SIZE,), (10,)])
    assert places == {"probabilities": 1, "embeddings": 0}


def test_a_card_holds_what_its_file_says(registry: Registry) -> None:
    for card in registry.cards.values():
        content = (card.folder / FILE).read_bytes()
        assert card.embedding_file == content
        assert card.embedding is not None
        assert card.to_json()["embedding"]["size"] == card.embedding.size
        assert card.spec == SMALL[small_of(card.version)][0]


BAD_KEYS: list[tuple[Any, str]] = [
    ({"layer": "x", "size": 1, "decimals": 4}, "Expected `int` >= 2 - at `$.embedding.size`"),
    ({"layer": "x", "size": 257, "decimals": 4}, "Expected `int` <= 256 - at `$.embedding.size`"),
    ({"layer": "x", "size": "16", "decimals": 4}, "got `str` - at `$.embedding.size`"),
    ({"layer": "x", "size": 16}, "missing required field `decimals` - at `$.embedding`"),
    ({"layer": "x", "size": 16, "decimals": -1}, "at `$.embedding.decimals`"),
    ({"size": 16, "decimals": 4}, "`layer`"),
    ([], "at `$.embedding`"),
    ({"layer": "x", "size": 10, "decimals": 4}, "embedding.size is the number of genres, 10"),
    ({"layer": "x", "size": 17, "decimals": 4}, "has embeddings of 16 numbers, but the card says"),
]


@pytest.mark.parametrize(("value", "words"), BAD_KEYS, ids=str)
def test_a_card_with_a_bad_embedding_is_refused(folder: Path, value: Any, words: str) -> None:
    recarded(folder, lambda card: card.update(embedding=value))
    registry = Registry.load(folder.parent)
    assert registry.cards == {}
    assert words in registry.refused[VERSION]


def test_a_card_may_tell_more_of_its_embedding(folder: Path) -> None:
    recarded(folder, lambda card: card["embedding"].update(taught={"examples": 10}))
    assert Card(folder).embedding is not None


def test_a_card_without_the_file_is_refused(folder: Path) -> None:
    (folder / FILE).unlink()
    with pytest.raises(CardError, match=r"^embedding\.json cannot be read"):
        Card(folder)
    recarded(folder, lambda card: card["files"].pop(FILE))
    with pytest.raises(CardError, match=r"^model\.json lists no embedding\.json under files$"):
        Card(folder)


def test_a_file_that_was_changed_is_refused(folder: Path) -> None:
    path = folder / FILE
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(CardError, match=r"^embedding\.json differs from the sha256"):
        Card(folder)


BAD_FILES: list[tuple[str, Change, str]] = [
    ("format", lambda file: file.update(format=2), "is not valid: Invalid enum value 2"),
    ("version", lambda file: file.update(version="v9"), "belongs to the version 'v9'"),
    ("size", lambda file: file.update(size=8), "has embeddings of 8 numbers, but the card says 16"),
    ("no spread", lambda file: file.pop("spread"), "missing required field `spread`"),
    ("spread", lambda file: file.update(spread=0), "Expected `float` > 0.0 - at `$.spread`"),
    ("infinite", lambda file: file["covariance"].append(float("inf")), "is not valid: JSON"),
    ("no number", lambda file: file["covariance"].append(float("nan")), "is not valid: JSON"),
    ("a text", lambda file: file["covariance"].append("1"), "got `str` - at `$.covariance[136]`"),
    ("longer", lambda file: file["covariance"].append(1), "137 numbers in covariance, not 136"),
    (
        "shorter mean",
        lambda file: file["standardisation"]["mean"].pop(),
        "has 15 numbers in standardisation.mean, not 16",
    ),
    (
        "shorter scale",
        lambda file: file["standardisation"]["scale"].pop(),
        "has 15 numbers in standardisation.scale, not 16",
    ),
    (
        "a scale of nothing",
        lambda file: file["standardisation"]["scale"].__setitem__(3, 0),
        "Expected `float` > 0.0 - at `$.standardisation.scale[3]`",
    ),
    (
        "a genre's mean",
        lambda file: file["genres"][2]["mean"].append(0),
        "has 17 numbers in the mean of 'country', not 16",
    ),
    (
        "no songs",
        lambda file: file["genres"][2].update(songs=0),
        "Expected `int` >= 1 - at `$.genres[2].songs`",
    ),
    ("order", lambda file: file["genres"].reverse(), "has other genres than the card, or in"),
    ("fewer genres", lambda file: file["genres"].pop(), "has other genres than the card, or in"),
    ("a name", lambda file: file["genres"][0].update(name="Blues"), "has other genres than"),
]


@pytest.mark.parametrize(
    ("change", "words"),
    [(change, words) for _, change, words in BAD_FILES],
    ids=[name for name, _, _ in BAD_FILES],
)
def test_a_bad_file_refuses_its_version(
    folder: Path, root: Path, change: Change, words: str
) -> None:
    (folder.parent / "v1").symlink_to(root / "trained_models" / "v1")
    file = json.loads((folder / FILE).read_text())
    change(file)
    replaced(folder, FILE, json.dumps(file).encode())
    registry = Registry.load(folder.parent)
    assert list(registry.cards) == ["v1"]
    sentence = registry.refused[VERSION]
    assert sentence.startswith("embedding.json ")
    assert words in sentence
    assert sentence.endswith("; export the version anew")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"x":' + b"[" * 100_000],
    ids=lambda content: repr(content[:8]),
)
def test_a_file_that_is_no_json(folder: Path, content: bytes) -> None:
    with pytest.raises(CardError, match=r"^embedding\.json is not valid: .*; export the version"):
        Card(replaced(folder, FILE, content))


def test_the_largest_file(folder: Path) -> None:
    content = (folder / FILE).read_bytes()
    filled = content + b" " * (LARGEST_EMBEDDING - len(content))
    assert Card(replaced(folder, FILE, filled)).embedding_file == filled
    with pytest.raises(CardError, match=r"^embedding\.json has more than 300000 bytes$"):
        Card(replaced(folder, FILE, filled + b" "))
