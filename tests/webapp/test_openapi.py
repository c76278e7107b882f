from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.webapp.conftest import request_of
from tests.webapp.judged import ELSEWHERE
from webapp import create_app
from webapp.inference import Registry

# files, not operations
FILES = {
    "/static/<path:name>",
    "/static/page/<version>/<path:name>",
    "/static/runtime/<version>/<name>",
    "/static/snapshot/<digest>",
    "/features.zip",
    "/sw.js",
}


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    answer: dict[str, Any] = app.test_client().get("/api/openapi.json").get_json()
    return answer


def schema(document: dict[str, Any], name: str) -> OAS31Validator:
    return OAS31Validator(
        {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    )


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_each_route_is_documented(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in FILES
    }
    documented = {(path, method) for path, item in document["paths"].items() for method in item}
    assert served == documented


@pytest.mark.full
def test_answers_are_as_documented(
    client: FlaskClient, registry: Registry, document: dict[str, Any]
) -> None:
    schema(document, "ModelList").validate(client.get("/api/v1/models").get_json())
    told = client.get("/api/v1/models").get_json()
    told["models"][0]["elsewhere"] = dict(ELSEWHERE)
    schema(document, "ModelList").validate(told)
    told["models"][0]["elsewhere"]["n_tracks"] = 0
    assert not schema(document, "ModelList").is_valid(told)
    del told["models"][0]["elsewhere"]
    assert not schema(document, "ModelList").is_valid(told)
    schema(document, "Health").validate(client.get("/healthz").get_json())
    schema(document, "Ready").validate(client.get("/readyz").get_json())
    for version, card in registry.cards.items():
        address = f"/api/v1/models/{version}"
        schema(document, "ModelCard").validate(client.get(address).get_json())
        request = request_of(card.spec, 2)
        schema(document, "PredictionRequest").validate(request)
        answer = client.post(f"{address}/predictions", json=request)
        schema(document, "Prediction").validate(answer.get_json())


def test_errors_are_as_documented(client: FlaskClient, document: dict[str, Any], url: str) -> None:
    operation = document["paths"]["/api/v1/models/{version}/predictions"]["post"]
    big = create_app({"MAX_BODY_MB": 1}).test_client()
    responses = [
        client.post(url, data="{", content_type="application/json"),
        client.post(url, json={}, headers={"Origin": "http://evil.example"}),
        client.post("/api/v1/models/v999/predictions", json={}),
        big.post(url, data=b"[" * 2**21, content_type="application/json"),
        client.post(url, data="x", content_type="text/plain"),
        client.post(url, json={}),
    ]
    assert [response.status_code for response in responses] == [400, 403, 404, 413, 415, 422]
    for response in responses:
        schema(document, "Error").validate(response.get_json())
        assert str(response.status_code) in operation["responses"]


def test_the_limits_are_those_of_the_site(registry: Registry, version: str) -> None:
    document = create_app({"MAX_SEGMENTS": 7}).test_client().get("/api/openapi.json").get_json()
    segments = document["components"]["schemas"]["PredictionRequest"]["properties"]["segments"]
    assert segments["maxItems"] == 7
    request = request_of(registry.get(version).spec, 8)
    assert list(schema(document, "PredictionRequest").iter_errors(request))
