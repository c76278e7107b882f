from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp import create_app
from webapp.security import CONTENT_SECURITY_POLICY, HEADERS

EVERYTHING = [
    "/",
    "/nothing",
    "/models/v999",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/openapi.json",
    "/api/v1/models",
    "/api/nothing",
    "/features.zip",
    "/static/nothing.js",
    "/static/runtime/pyodide.mjs",
    "/static/runtime/pyodide.asm.wasm",
]


@pytest.mark.parametrize("path", EVERYTHING)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_headers_stand_on_every_response(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)
    for name, value in HEADERS.items():
        assert response.headers.getlist(name) == [value]
    assert "Set-Cookie" not in response.headers
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


def test_headers_stand_on_every_static_file(app: Flask, client: FlaskClient) -> None:
    from webapp.assets import STATIC

    scripts = sorted(STATIC.rglob("*.js"))
    assert scripts
    for script in scripts:
        path = script.relative_to(STATIC.parent).as_posix()
        response = client.get(f"/{path}")
        assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert response.mimetype == "text/javascript"


def test_headers_stand_on_internal_errors(url: str, body: dict[str, Any]) -> None:
    app = create_app()
    app.add_url_rule("/api/broken", view_func=lambda: str(1 / 0))
    response = app.test_client().get("/api/broken")
    assert response.status_code == 500
    for name, value in HEADERS.items():
        assert response.headers[name] == value


def test_the_policy_lets_nothing_foreign_in() -> None:
    rules = dict(rule.split(" ", 1) for rule in CONTENT_SECURITY_POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert rules["connect-src"] == rules["worker-src"] == "'self'"
    assert "unsafe-inline" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY


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
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/v1/models", "/features.zip"])
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


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:5001"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://["},
        {"Origin": "http://[x]y"},
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
