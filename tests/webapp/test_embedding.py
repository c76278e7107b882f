"""The site with versions that give embeddings, beside one that gives none."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator

from tests.small_models import EMBEDDING, SMALL, small_of
from tests.webapp.asking import refused
from tests.webapp.conftest import VERSION as WITHOUT
from tests.webapp.conftest import features_of, forget_settings, request_of, words
from tests.webapp.judged import taught
from webapp import create_app
from webapp.inference import Predictors, Registry, predictor

FRENCH = {"Accept-Language": "fr"}


@pytest.fixture(scope="module")
def models(
    embedding_models: Path, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("mixed") / "models"
    shutil.copytree(embedding_models, folder)
    (folder / WITHOUT).symlink_to(models_dir / WITHOUT)
    return folder


@pytest.fixture(scope="module")
def registry(models: Path) -> Registry:
    return Registry.load(models)


@pytest.fixture(scope="module")
def app(models: Path) -> Iterator[Flask]:
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        yield create_app({"TESTING": True, "MODELS_DIR": models, "MODEL": "embedding"})


def schema(app: Flask, name: str) -> OAS31Validator:
    document = app.test_client().get("/api/openapi.json").get_json()
    reference = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return OAS31Validator(reference)


def url(version: str) -> str:
    return f"/api/v1/models/{version}/predictions"


@pytest.mark.parametrize("version", EMBEDDING)
def test_each_segment_and_the_song_get_their_embedding(
    client: FlaskClient, registry: Registry, version: str
) -> None:
    spec = SMALL[small_of(version)][0]
    answer = client.post(f"{url(version)}?embedding=1", json=request_of(spec, 17)).get_json()
    sent = features_of(spec, 17).astype(np.float32)
    expected = Predictors(registry).get(version).predict(sent)
    told = registry.get(version).embedding
    assert expected.embeddings is not None
    assert told is not None
    assert list(answer["segments"][0]) == ["start", "end", "genre", "probabilities", "embedding"]
    assert list(answer["aggregate"]) == [
        "genre", "probabilities", "votes", "unfamiliar", "embedding",
    ]  # fmt: skip
    rows = np.array([segment["embedding"] for segment in answer["segments"]])
    assert rows.shape == (17, told.size)
    np.testing.assert_allclose(rows, expected.embeddings, rtol=0, atol=6e-5)
    mean = expected.embeddings.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(answer["aggregate"]["embedding"], mean, rtol=0, atol=6e-5)
    values = [*rows.ravel(), *answer["aggregate"]["embedding"]]
    assert all(round(value, told.decimals) == value for value in values)


@pytest.mark.parametrize("version", EMBEDDING)
def test_without_the_parameter_the_answer_has_none(
    client: FlaskClient, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of(SMALL[small_of(version)][0], 3)
    whole = client.post(f"{url(version)}?embedding=1", json=request).get_json()
    for part in (*whole["segments"], whole["aggregate"]):
        del part["embedding"]
    monkeypatch.delattr(predictor, "mean_embedding")
    plain = client.post(url(version), json=request)
    assert plain.data == msgspec.json.encode(whole)


def test_several_requests_have_the_mean_weighted_by_segments(client: FlaskClient) -> None:
    request = request_of(SMALL["table"][0], 9)

    def mean(segments: list[Any]) -> np.ndarray[Any, Any]:
        sent = {**request, "segments": segments}
        answer = client.post(f"{url('embedding')}?embedding=1", json=sent).get_json()
        return np.array(answer["aggregate"]["embedding"])

    parts = [mean(request["segments"][:2]), mean(request["segments"][2:])]
    together = np.average(parts, axis=0, weights=[2, 7])
    np.testing.assert_allclose(together, mean(request["segments"]), rtol=0, atol=2e-4)


@pytest.mark.parametrize(
    "query", ["=", "", "=0", "=true", "=01", "=1.0", "=%201", "=1&embedding=1", "=1&embedding=0"]
)
@pytest.mark.parametrize("version", ["embedding", WITHOUT])
def test_other_values_are_refused(
    client: FlaskClient, registry: Registry, version: str, query: str
) -> None:
    body = request_of(registry.get(version).spec, 1)
    address = f"{url(version)}?embedding{query}"
    assert refused(client.post(address, json=body), 400, "bad_embedding") == {}
    french = client.post(address, json=body, headers=FRENCH).get_json()["error"]["message"]
    assert french.startswith("Demandez")


def test_a_version_without_one_says_so(client: FlaskClient, registry: Registry) -> None:
    body = request_of(registry.get(WITHOUT).spec, 1)
    asked = [
        (400, lambda **more: client.post(f"{url(WITHOUT)}?embedding=1", json=body, **more)),
        (404, lambda **more: client.get(f"/api/v1/models/{WITHOUT}/embedding", **more)),
    ]
    for status, ask in asked:
        assert refused(ask(), status, "no_embedding") == {"available": list(EMBEDDING)}
        assert f"Version {WITHOUT} gives no embedding." in ask().get_json()["error"]["message"]
        french = ask(headers=FRENCH).get_json()["error"]["message"]
        assert french.startswith(f"La version {WITHOUT} ne donne pas")
    answer = client.post(url(WITHOUT), json=body).get_json()
    assert "embedding" not in answer["segments"][0] | answer["aggregate"]
    assert "embedding" not in client.get(f"/api/v1/models/{WITHOUT}").get_json()


@pytest.mark.parametrize("version", EMBEDDING)
def test_the_file_is_handed_out(client: FlaskClient, models: Path, version: str) -> None:
    address = f"/api/v1/models/{version}/embedding"
    content = (models / version / "embedding.json").read_bytes()
    plain = client.get(address)
    assert (plain.status_code, plain.data) == (200, content)
    card = client.get(f"/api/v1/models/{version}")
    for name in ("Content-Type", "Cache-Control", "Vary"):
        assert plain.headers[name] == card.headers[name]
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == content
    for first in (plain, packed):
        again = client.get(
            address,
            headers={"If-None-Match": first.headers["ETag"], "Accept-Encoding": "gzip"},
        )
        assert (again.status_code, again.data) == (304, b"")
    head = client.head(address)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(content))


def test_cards_files_and_answers_are_as_documented(
    app: Flask, client: FlaskClient, registry: Registry
) -> None:
    for version in EMBEDDING:
        card = client.get(f"/api/v1/models/{version}").get_json()
        schema(app, "ModelCard").validate(card)
        assert not schema(app, "ModelCard").is_valid({**card, "embedding": {"size": 16}})
        file = client.get(f"/api/v1/models/{version}/embedding").get_json()
        schema(app, "Embedding").validate(file)
        assert not schema(app, "Embedding").is_valid({**file, "format": 2})
        request = request_of(registry.get(version).spec, 2)
        for query in ("", "?embedding=1"):
            answer = client.post(url(version) + query, json=request).get_json()
            schema(app, "Prediction").validate(answer)
        answer["aggregate"]["embedding"] = ["1"]
        assert not schema(app, "Prediction").is_valid(answer)


def test_the_document_names_the_versions_that_give_one(app: Flask) -> None:
    paths = app.test_client().get("/api/openapi.json").get_json()["paths"]
    (version,) = paths["/api/v1/models/{version}/embedding"]["get"]["parameters"]
    assert version["schema"]["enum"] == list(EMBEDDING)
    _version, query = paths["/api/v1/models/{version}/predictions"]["post"]["parameters"]
    assert (query["name"], query["in"], query["required"]) == ("embedding", "query", False)
    assert "embedding, embedding_sequence." in query["description"]


def test_the_page_tells_how_well_a_version_is_taught(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "embedding", tmp_path / "embedding")
    path = tmp_path / "embedding" / "model.json"
    card = json.loads(path.read_text())
    card["embedding"]["taught"] = taught(card["genres"])
    path.write_text(json.dumps(card))
    page = words(create_app({"MODELS_DIR": tmp_path}).test_client().get("/models/embedding").text)
    first, second = card["genres"][:2]
    for told in (
        "From up to 10 songs of each genre it finds 62.5% of the songs of a genre that it never "
        "learned, and 53.7% of those that it calls so are of it; the mean recall of all genres is "
        "51.2%.",
        "Never learned Examples Recall Precision Mean recall",
        f"{first} 10 75% 25% 50% {second} 9 74% 25% 50%",
        f"Embedding layer {card['embedding']['layer']}",
    ):
        assert told in page, told
