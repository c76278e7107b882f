"""Ids of requests, logs and metrics, for operators of the site."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.webapp.running import numbers
from webapp import create_app, logs


@pytest.mark.parametrize("given", ["0123456789abcdef", "6fa459ea-ee8a-3ca4-894e-db77e160355e"])
def test_the_id_of_a_proxy_is_kept(client: FlaskClient, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["", "song.mp3", "abc", "a" * 65, "0123456789abcdef\x7f", "é" * 9]
)
@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/api/nothing", "/static/nothing.js"])
def test_other_ids_are_made_here(client: FlaskClient, given: str, path: str) -> None:
    first, second = (
        client.get(path, headers={"X-Request-ID": given}).headers["X-Request-ID"] for _ in range(2)
    )
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first != second


@pytest.fixture
def back_to_text() -> Iterator[None]:
    yield
    create_app()


@pytest.mark.usefixtures("back_to_text")
def test_logs_tell_the_place_of_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app({"LOG_FORMAT": "json", "LOG_LEVEL": "info"})

    def broken() -> str:
        raise ValueError("mark")

    app.add_url_rule("/api/broken", view_func=broken)
    response = app.test_client().get("/api/broken?mark")
    assert response.status_code == 500
    with app.test_request_context("/"):
        try:
            broken()
        except ValueError:
            logs.log.exception("a sentence")
    lines = capsys.readouterr().err.splitlines()
    error, request, sentence = (json.loads(line) for line in lines)
    assert (error["event"], error["level"], error["what"]) == ("error", "error", "ValueError")
    assert error["where"][-1].endswith("broken")
    assert error["request_id"] == request["request_id"] == response.headers["X-Request-ID"]
    assert (request["route"], request["status"]) == ("/api/broken", 500)
    assert (sentence["message"], sentence["what"]) == ("a sentence", "ValueError")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", error["time"])
    assert not any("mark" in line for line in lines)


def test_another_site_goes_back_to_text_logs(capsys: pytest.CaptureFixture[str]) -> None:
    create_app({"LOG_FORMAT": "json"})
    create_app()
    assert not logs.is_json()
    assert logging.getLogger("webapp.life").level == logging.NOTSET


def test_metrics_for_operators(url: str, body: dict[str, Any], version: str) -> None:
    app = create_app({"MODEL": version})
    client = app.test_client()
    client.post(url, json=body)
    client.post(url, json={})
    client.get("/api/nothing")
    client.get("/api/nothing")
    text = client.get("/metrics").text
    assert 'musiclassify_errors_total{code="not_found"} 2.0' in text
    assert len(re.findall("musiclassify_errors_total{", text)) == 2
    assert f'musiclassify_models_loaded{{version="{version}"}} 1.0' in text
    assert numbers(text)["musiclassify_requests_in_progress"] == 1
    release = re.search(r'musiclassify_build_info\{engine="litert",model="(\w+)".*\} 1\.0', text)
    assert release is not None
    assert release[1] == version
