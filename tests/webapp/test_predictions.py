from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.webapp.conftest import features_of, request_of
from webapp.inference import Predictors, Registry
from webapp.inference.engines import Outputs


def test_lists_the_models(client: FlaskClient, registry: Registry) -> None:
    answer = client.get("/api/v1/models").get_json()
    assert list(answer) == ["selected", "recommended", "models"]
    assert answer["recommended"] == answer["selected"] == registry.recommended
    # as JSON: a spec in Python holds tuples
    summaries = [json.loads(json.dumps(card.summary())) for card in registry.cards.values()]
    assert answer["models"] == summaries


def test_shows_each_card(client: FlaskClient, registry: Registry) -> None:
    for version, card in registry.cards.items():
        assert client.get(f"/api/v1/models/{version}").get_json() == card.to_json()


def test_a_network_that_overflows_is_no_internal_error(
    client: FlaskClient, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = registry.cards["v1"].spec

    def overflow(_engine: object, features: np.ndarray) -> Outputs:
        shape = (len(features), len(registry.cards["v1"].genres))
        return Outputs(np.full(shape, np.nan, np.float32), None)

    client.post("/api/v1/models/v1/predictions", json=request_of(spec, 1))
    monkeypatch.setattr("webapp.inference.engines.LiteRTEngine.run", overflow)
    response = client.post("/api/v1/models/v1/predictions", json=request_of(spec, 2))
    error = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (422, "out_of_range")
    assert "overflows" in error["message"]


def test_every_version_predicts(
    client: FlaskClient, registry: Registry, predictors: Predictors
) -> None:
    for version, card in registry.cards.items():
        request = request_of(card.spec, 7)
        response = client.post(f"/api/v1/models/{version}/predictions", json=request)
        answer = response.get_json()
        expected = predictors.get(version).predict(features_of(card.spec, 7).astype(np.float32))

        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert list(answer) == ["version", "genres", "segments", "aggregate"]
        assert answer["version"] == version
        assert answer["genres"] == list(card.genres)
        assert [(s["start"], s["end"]) for s in answer["segments"]] == [
            (s["start"], s["end"]) for s in request["segments"]
        ]
        assert [s["genre"] for s in answer["segments"]] == expected.winners
        rows = np.array([s["probabilities"] for s in answer["segments"]])
        np.testing.assert_allclose(rows, expected.probabilities, rtol=0, atol=1e-6)
        np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=0, atol=1e-5)

        aggregate = answer["aggregate"]
        assert list(aggregate) == ["genre", "probabilities", "votes", "unfamiliar"]
        assert aggregate["genre"] == expected.winner
        np.testing.assert_allclose(aggregate["probabilities"], rows.mean(axis=0), atol=2e-6)
        assert sum(aggregate["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert set(aggregate["votes"]) == set(card.genres)
        assert sum(aggregate["votes"].values()) == 7
        if card.unfamiliar_threshold is None:
            assert aggregate["unfamiliar"] is None
        else:
            assert aggregate["unfamiliar"] == pytest.approx(expected.unfamiliar, rel=1e-5)


def test_requests_of_the_page_are_accepted(
    client: FlaskClient, registry: Registry, version: str, url: str
) -> None:
    from features import build_request

    spec = registry.get(version).spec
    noise = np.random.default_rng(3).normal(0, 0.1, 40 * spec.sample_rate).astype(np.float32)
    request = build_request(noise, spec)
    response = client.post(url, data=request.body, content_type="application/json")
    assert response.status_code == 200
    assert len(response.get_json()["segments"]) == request.n_segments


@pytest.mark.full
def test_one_segment_and_the_most_segments(
    client: FlaskClient, registry: Registry, version: str, url: str
) -> None:
    spec = registry.get(version).spec
    for count in (1, 1200):
        response = client.post(url, json=request_of(spec, count))
        assert response.status_code == 200
        assert len(response.get_json()["segments"]) == count


def test_json_may_be_written_in_any_valid_way(
    client: FlaskClient, body: dict[str, Any], url: str
) -> None:
    plain = client.post(url, json=body).data
    pretty = client.post(url, data=json.dumps(body, indent=2), content_type="application/json")
    charset = client.post(
        url, data=json.dumps(body), content_type="Application/JSON; charset=UTF-8"
    )
    encoded = json.dumps(body)
    # the last of two equal keys counts, as in every JSON library
    doubled = '{"feature_spec": "something else", ' + encoded[1:]
    twice = client.post(url, data=doubled, content_type="application/json")
    body["segments"][0]["features"]["mfcc"][0][0] = 2
    whole = client.post(url, json=body)
    assert plain == pretty.data == charset.data == twice.data
    assert whole.status_code == 200


def test_answers_do_not_depend_on_earlier_requests(
    client: FlaskClient, registry: Registry, version: str, url: str
) -> None:
    spec = registry.get(version).spec
    first = client.post(url, json=request_of(spec, 3, seed=1)).data
    assert client.post(url, json=request_of(spec, 5, seed=2)).data != first
    assert client.post(url, json={"feature_spec": spec.id}).status_code == 422
    assert client.post(url, json=request_of(spec, 3, seed=1)).data == first


def test_a_longer_song_does_not_change_earlier_segments(
    client: FlaskClient, registry: Registry, version: str, url: str
) -> None:
    spec = registry.get(version).spec
    request = request_of(spec, 80)
    long = client.post(url, json=request).get_json()["segments"]
    request["segments"] = request["segments"][:30]
    short = client.post(url, json=request).get_json()["segments"]
    difference = np.array([s["probabilities"] for s in short]) - np.array(
        [s["probabilities"] for s in long[:30]]
    )
    assert np.abs(difference).max() <= 2e-6


def test_the_answer_is_valid_strict_json(
    client: FlaskClient, body: dict[str, Any], url: str
) -> None:
    # msgspec refuses NaN and Infinity
    msgspec.json.decode(client.post(url, json=body).data)
