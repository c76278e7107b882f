"""Versions of every kind of features: each is described, answered and refused in its way."""

from __future__ import annotations

import concurrent.futures
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator

from features import build_request
from features.statistics import statistics_names
from tests.browser.sounds import band
from tests.small_models import SMALL
from tests.webapp.asking import refused, replace
from tests.webapp.conftest import features_of, forget_settings, request_of, words
from webapp import create_app
from webapp.inference import Predictors, Registry
from webapp.inference.engines import batch_size

VERSIONS = list(SMALL)


@pytest.fixture(scope="module")
def registry(small_models: Path) -> Registry:
    return Registry.load(small_models)


@pytest.fixture(scope="module")
def predictors(registry: Registry) -> Predictors:
    return Predictors(registry)


@pytest.fixture(scope="module")
def app(small_models: Path) -> Iterator[Flask]:
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        yield create_app({"TESTING": True, "MODELS_DIR": small_models})


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    answer: dict[str, Any] = app.test_client().get("/api/openapi.json").get_json()
    return answer


def url(version: str) -> str:
    return f"/api/v1/models/{version}/predictions"


def test_all_kinds_are_listed(client: FlaskClient, registry: Registry) -> None:
    assert not registry.refused
    assert {card.spec.kind for card in registry.cards.values()} == {"mfcc", "log_mel", "statistics"}
    models = client.get("/api/v1/models").get_json()["models"]
    assert [model["feature_spec"]["id"] for model in models] == [
        card.spec.id for card in registry.cards.values()
    ]
    # the lists in the JSON are those of the card, not Python's tuples
    table = next(model for model in models if model["version"] == "table")
    assert table["feature_spec"]["statistics"] == list(SMALL["table"][0].statistics)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_song_gets_the_answer_of_the_command_line(
    client: FlaskClient, predictors: Predictors, version: str
) -> None:
    spec = SMALL[version][0]
    request = build_request(band(65, spec.sample_rate, seed=5), spec)
    response = client.post(url(version), data=request.body, content_type="application/json")
    assert response.status_code == 200
    answer = response.get_json()
    sent = [segment["features"][spec.kind] for segment in json.loads(request.body)["segments"]]
    expected = predictors.get(version).predict(np.array(sent, np.float32))
    rows = np.array([segment["probabilities"] for segment in answer["segments"]])
    np.testing.assert_allclose(rows, expected.probabilities, rtol=0, atol=1e-6)
    assert answer["aggregate"]["genre"] == expected.winner
    assert len(rows) == request.n_segments


@pytest.mark.parametrize("version", VERSIONS)
def test_a_segments_answer_does_not_depend_on_the_others(client: FlaskClient, version: str) -> None:
    spec = SMALL[version][0]
    # around a full batch, whether the network has a fixed one or not
    full = 16 if version == "sequence" else batch_size(spec.shape)
    for count in (1, full, full + 1):
        request = request_of(spec, count)
        together = client.post(url(version), json=request).get_json()["segments"]
        assert len(together) == count
        for place in {0, count - 1}:
            alone = {**request, "segments": [request["segments"][place]]}
            (answer,) = client.post(url(version), json=alone).get_json()["segments"]
            np.testing.assert_allclose(
                together[place]["probabilities"], answer["probabilities"], rtol=0, atol=2e-6
            )


@pytest.mark.full
@pytest.mark.parametrize("version", VERSIONS)
def test_requests_and_answers_are_as_documented(
    client: FlaskClient, document: dict[str, Any], version: str
) -> None:
    def schema(name: str) -> OAS31Validator:
        reference = {"$ref": f"#/components/schemas/{name}"}
        return OAS31Validator({**reference, "components": document["components"]})

    spec = SMALL[version][0]
    request = request_of(spec, 2)
    schema("PredictionRequest").validate(request)
    schema("Prediction").validate(client.post(url(version), json=request).get_json())
    schema("ModelCard").validate(client.get(f"/api/v1/models/{version}").get_json())
    values = request["segments"][0]["features"][spec.kind]
    values.append(values[0])
    assert list(schema("PredictionRequest").iter_errors(request))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("value", [None, "1", [], {}, 1e999])
def test_wrong_numbers_are_named_with_their_place(
    client: FlaskClient, version: str, value: Any
) -> None:
    spec = SMALL[version][0]
    place = tuple(length - 1 for length in spec.shape)
    body = request_of(spec, 2)
    replace(body, ("segments", 1, "features", spec.kind, *place), value)
    sent = json.dumps(body).replace("Infinity", "1e999")
    response = client.post(url(version), data=sent, content_type="application/json")
    details = refused(response, 422, "invalid_request")
    assert details["path"].startswith(f"$.segments[1].features.{spec.kind}[")
    assert details["expected"]["shape"] == list(spec.shape)
    assert " x ".join(map(str, spec.shape)) in response.get_json()["error"]["message"]


@pytest.mark.parametrize("version", VERSIONS)
def test_features_of_another_version_are_refused(client: FlaskClient, version: str) -> None:
    for other, (spec, _, _) in SMALL.items():
        if other == version:
            continue
        details = refused(client.post(url(version), json=request_of(spec)), 422, "wrong_spec")
        assert details == {
            "path": "$.feature_spec",
            "sent": spec.id,
            "expected": SMALL[version][0].id,
        }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", [1e6, -1e6, 0.0])
def test_the_networks_bear_the_largest_features(
    client: FlaskClient, version: str, number: float
) -> None:
    spec = SMALL[version][0]
    body = request_of(spec, 1)
    body["segments"][0]["features"][spec.kind] = np.full(spec.shape, number).tolist()
    response = client.post(url(version), json=body)
    assert response.status_code == 200
    assert sum(response.get_json()["aggregate"]["probabilities"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.full
def test_each_thread_gets_its_own_answer(app: Flask) -> None:
    """Versions of all kinds at once: two stay loaded, the others come and go."""
    requests = [
        (url(version), json.dumps(request_of(spec, count, seed=count)))
        for version, (spec, _, _) in SMALL.items()
        for count in (1, 5, 17)
    ]

    def post(request: tuple[str, str]) -> bytes:
        response = app.test_client().post(
            request[0], data=request[1], content_type="application/json"
        )
        assert response.status_code == 200
        return response.data

    serial = [post(request) for request in requests]
    assert len(set(serial)) == len(serial)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(post, requests)) == serial


@pytest.mark.parametrize("version", VERSIONS)
def test_the_page_tells_what_its_version_measures(small_models: Path, version: str) -> None:
    client = create_app({"MODELS_DIR": small_models, "MODEL": version}).test_client()
    html = client.get("/").text
    spec = SMALL[version][0]
    # lists of other versions are marked hidden, so the pattern passes over them
    steps = re.findall(r'<ol class="steps" data-version="([^"]*)">(.*?)</ol>', html, re.S)
    assert [of for of, _ in steps] == [version]
    text = words(steps[0][1])
    shape = " \N{MULTIPLICATION SIGN} ".join(map(str, spec.shape))
    assert f"pieces of about {spec.segment_s:.0f} seconds: {shape} numbers each" in text
    if spec.kind == "statistics":
        assert (
            "77 numbers each, means and deviations of chroma, chroma as a whole, loudness (RMS), "
            "spectral centroid, spectral bandwidth, spectral roll-off, zero-crossing rate, tempo "
            "and MFCC. Songs longer" in text
        )
    else:
        assert "numbers each. Songs longer than 90 seconds" in text
    found = re.search(r'<script type="application/json" id="config">(.*?)</script>', html, re.S)
    assert found
    whole = json.loads(found[1])
    assert whole["selected"] == version
    assert {model["version"] for model in whole["models"]} == set(SMALL)
    config = next(model for model in whole["models"] if model["version"] == version)
    assert config["predictUrl"] == url(version)
    assert config["featureSpec"] == json.loads(json.dumps(spec.to_json()))
    assert config["shape"] == list(spec.shape)
    assert config["segmentSeconds"] == spec.segment_s
    names = statistics_names(spec) if spec.kind == "statistics" else []
    assert config["numberNames"] == names
    assert f'<option value="{version}" selected>' in html
    assert "All 4 versions" in words(html)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_model_page_tells_the_parameters_that_matter(client: FlaskClient, version: str) -> None:
    spec = SMALL[version][0]
    html = client.get(f"/models/{version}").text
    text = words(html)
    assert ("MFCCs" in text) == (spec.kind != "log_mel")
    names = statistics_names(spec) if spec.kind == "statistics" else []
    assert re.findall(r"<li><code>(\w+)</code>", html) == names
    assert ("All 77 numbers of a piece, in order" in text) == bool(names)
    # the table of all versions, this one marked
    assert [name for name in SMALL if f'<a href="/models/{name}"' in html] == VERSIONS
    assert html.count('aria-current="page"') == 1
    assert f'href="/models/{version}" aria-current="page"' in html


def test_features_follow_the_shape_of_the_spec() -> None:
    """The helper that all these tests trust."""
    for spec, _, _ in SMALL.values():
        assert features_of(spec, 3).shape == (3, *spec.shape)
