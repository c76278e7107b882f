from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from webapp import create_app


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1:80", "[::1]", "[::1]:5000", "LocalHost:1"]
)
def test_known_hosts(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:5000",
        "127.0.0.1.evil.example",
        "[::2]",
        "localhost@evil.example",
        "localhost/",
        "a b",
        "",
        "localhost:",
        "localhost:0",
        "localhost:65536",
        "localhost:80:80",
        "localhost:evil",
        "localhost:5000@evil.example",
        "localhost.",
        "localhost,evil.example",
        "[::1]evil.example",
        "[::1]:80:80",
        "[::1%25lo]",
        "[::ffff:127.0.0.1]",
        "::1",
        "2130706433",
        "0.0.0.0",
        "\u212aocalhost",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/v1/models"])
def test_unknown_hosts(client: FlaskClient, host: str, path: str) -> None:
    response = client.get(path, headers={"Host": host})
    assert response.status_code == 400
    if path.startswith("/api"):
        assert response.get_json()["error"]["code"] == "untrusted_host"


def test_trusted_hosts_can_be_set() -> None:
    client = create_app({"TRUSTED_HOSTS": "music.example"}).test_client()
    assert client.get("/healthz", headers={"Host": "music.example:8000"}).status_code == 200
    assert client.get("/healthz", headers={"Host": "localhost"}).status_code == 400
    client = create_app({"TRUSTED_HOSTS": "*"}).test_client()
    assert client.get("/healthz", headers={"Host": "anything.example"}).status_code == 200
    assert client.get("/healthz", headers={"Host": "no host name"}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:5001"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://["},
        {"Origin": "http://[x]y"},
        {"Origin": "ftp://localhost:5000"},
        {"Origin": "localhost:5000"},
        {"Origin": "http://localhost:5000.evil.example"},
        {"Origin": "http://evil@localhost:5000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:5000"},
    ],
)
def test_foreign_pages_cannot_post(
    client: FlaskClient, body: dict[str, Any], url: str, headers: dict[str, str]
) -> None:
    response = client.post(url, json=body, headers={"Host": "localhost:5000", **headers})
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "cross_origin"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:5000"},
        {"Origin": "https://localhost:5000", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_page_and_programs_can_post(
    client: FlaskClient, body: dict[str, Any], url: str, headers: dict[str, str]
) -> None:
    response = client.post(url, json=body, headers={"Host": "localhost:5000", **headers})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/models", "/static/css/base.css", "/models/v1"])
def test_foreign_pages_can_link_here_and_embed_nothing(client: FlaskClient, path: str) -> None:
    for fetch_site in ("cross-site", "same-site"):
        for mode, status in (("navigate", 200), ("no-cors", 403), ("cors", 403)):
            headers = {"Sec-Fetch-Site": fetch_site, "Sec-Fetch-Mode": mode}
            assert client.get(path, headers=headers).status_code == status
    headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert client.get(path, headers=headers).status_code == 200


def test_the_words_of_a_card_are_text(copy_models: Callable[..., Path]) -> None:
    """Cards give the pages of a version their words, but no markup."""
    folder = copy_models("a1")
    path = folder / "a1" / "model.json"
    card = json.loads(path.read_text())
    words = "</script><script>evil()</script><img src=x onerror=evil()>\"'"
    card |= {"title": words, "licence": words, "intended_use": words}
    card["genres"][0] = words
    card["training"]["command"] = words
    path.write_text(json.dumps(card))
    client = create_app({"MODELS_DIR": folder}).test_client()
    for page in ("/", "/models/a1"):
        text = client.get(page).text
        assert "evil()" in text
        assert "<script>evil" not in text
        assert "<img src=x" not in text


def test_nothing_of_a_request_is_logged(
    body: dict[str, Any], url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = create_app({"LOG_LEVEL": "debug"}).test_client()
    body["feature_spec"] = "mark-in-body"
    client.post(url + "?mark-in-query", json=body, headers={"User-Agent": "mark-in-header"})
    client.get("/models/mark-in-path", headers={"Referer": "http://mark-in-referer/"})
    client.get("/mark-in-path")
    client.open("/", method="MARK")
    text = caplog.text.lower()
    assert "mark" not in text
    assert "127.0.0.1" not in text
    assert "POST /api/v1/models/<version>/predictions 422" in caplog.text
    assert "GET /models/<version> 404" in caplog.text
    assert "GET unmatched 404" in caplog.text
    assert "other / 405" in caplog.text or "other unmatched 405" in caplog.text


def test_requests_are_not_logged_by_default(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    create_app()
    client.get("/healthz")
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
