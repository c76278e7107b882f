from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from webapp import create_app
from webapp.inference import EngineError
from webapp.state import site_of


def test_alive_without_a_model() -> None:
    app = create_app()
    assert app.test_client().get("/healthz").get_json() == {"status": "ok"}
    assert not site_of(app).ready


def test_ready_only_after_a_prediction(monkeypatch: pytest.MonkeyPatch, recommended: str) -> None:
    from webapp.inference.predictor import Predictor

    batches = []
    predict = Predictor.predict

    def watched(self: Predictor, features: Any) -> Any:
        batches.append(len(features))
        return predict(self, features)

    monkeypatch.setattr(Predictor, "predict", watched)
    client = create_app().test_client()
    assert batches == []
    assert client.get("/readyz").get_json() == {"status": "ready", "model": recommended}
    assert batches == [1]
    assert client.get("/readyz").status_code == 200
    assert batches == [1]


def test_not_ready_while_another_request_loads() -> None:
    app = create_app()
    loading, go_on = threading.Event(), threading.Event()
    load = site_of(app).predictors.get

    def slow(name: str) -> Any:
        loading.set()
        assert go_on.wait(20)
        return load(name)

    site_of(app).predictors.get = slow  # type: ignore[method-assign, assignment]
    statuses = []
    thread = threading.Thread(
        target=lambda: statuses.append(app.test_client().get("/readyz").status_code)
    )
    thread.start()
    assert loading.wait(20)
    response = app.test_client().get("/readyz")
    go_on.set()
    thread.join()
    assert response.status_code == 503
    assert response.get_json()["error"]["code"] == "not_ready"
    assert response.headers["Retry-After"] == "1"
    assert statuses == [200]
    assert app.test_client().get("/readyz").status_code == 200


def test_a_model_that_cannot_be_loaded(
    url: str, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app()

    def fail(_version: str) -> None:
        raise EngineError("/secret/place is broken")

    site_of(app).predictors.get = fail  # type: ignore[method-assign, assignment]
    client = app.test_client()
    for response in (client.get("/readyz"), client.post(url, json=body)):
        assert response.status_code == 503
        assert response.get_json()["error"]["code"] == "model_unavailable"
        assert "secret" not in response.text
    assert "/secret/place is broken" in caplog.text
    assert client.get("/healthz").status_code == 200


def samples(client: FlaskClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = client.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count(url: str, body: dict[str, Any], version: str) -> None:
    client = create_app().test_client()
    for _ in range(3):
        client.post(url, json=body)
    client.post(url, json={})
    numbers = samples(client)
    route = ("route", "/api/v1/models/<version>/predictions")
    requests = "musiclassify_requests_total"
    assert numbers[requests, (("method", "POST"), route, ("status", "200"))] == 3
    assert numbers[requests, (("method", "POST"), route, ("status", "422"))] == 1
    assert numbers["musiclassify_request_seconds_count", (("method", "POST"), route)] == 4
    of_version = (("version", version),)
    assert numbers["musiclassify_prediction_seconds_count", of_version] == 3
    assert numbers["musiclassify_prediction_segments_sum", of_version] == 6


@pytest.mark.full
def test_the_time_of_the_model_is_not_that_of_loading_it(
    url: str, body: dict[str, Any], version: str
) -> None:
    app = create_app()
    load = site_of(app).predictors.get
    load(version).warm_up()

    def slow(name: str) -> Any:
        time.sleep(2)
        return load(name)

    site_of(app).predictors.get = slow  # type: ignore[method-assign, assignment]
    client = app.test_client()
    assert client.post(url, json=body).status_code == 200
    of_version = (("version", version),)
    assert 0 < samples(client)["musiclassify_prediction_seconds_sum", of_version] < 2


def test_labels_are_bounded() -> None:
    client = create_app().test_client()
    client.get("/metrics")
    before = len(samples(client))
    for number in range(50):
        client.get(f"/nothing-{number}")
        client.get(f"/models/nothing-{number}")
        client.get(f"/static/nothing-{number}")
        client.post(f"/api/v1/models/nothing-{number}/predictions", json={"song": number})
        client.open("/", method=f"FOO{number}")
    text = client.get("/metrics").text
    assert "nothing" not in text
    assert "FOO" not in text
    first_round = len(samples(client))
    assert first_round - before < 100
    for number in range(50, 60):
        client.get(f"/nothing-{number}")
        client.open("/", method=f"FOO{number}")
    assert len(samples(client)) == first_round
    assert set(re.findall(r"(\w+)=\"", text)) == {
        "method", "route", "status", "le", "code", "version", "model", "engine", "python",
    }  # fmt: skip
