"""Headers of proxies about a visitor are believed only as far as the setting `PROXIES` goes."""

from __future__ import annotations

from typing import Any

import pytest
from flask import request
from flask.testing import FlaskClient

from webapp import create_app

HSTS = "Strict-Transport-Security"
SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/prefix",
    "Forwarded": "for=203.0.113.9;proto=https;host=evil.example",
    "X-Real-IP": "203.0.113.9",
}


def seen(proxies: int, headers: dict[str, str]) -> tuple[dict[str, Any], bool]:
    """The app's view of a request from 192.0.2.1, and whether its answer has HSTS."""
    app = create_app({"PROXIES": proxies})
    found: dict[str, Any] = {}

    def look() -> str:
        found.update(
            address=request.remote_addr,
            scheme=request.scheme,
            host=request.host,
            root=request.root_path,
        )
        return "ok"

    app.add_url_rule("/look", view_func=look)
    response = app.test_client().get(
        "/look", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"}
    )
    assert response.status_code == 200
    return found, HSTS in response.headers


def test_without_proxies_nothing_is_believed() -> None:
    found, hsts = seen(0, SPOOFED)
    assert found == {"address": "192.0.2.1", "scheme": "http", "host": "localhost", "root": ""}
    assert not hsts


def test_one_proxy_tells_address_and_scheme_but_no_host() -> None:
    found, hsts = seen(1, SPOOFED)
    assert found == {"address": "203.0.113.9", "scheme": "https", "host": "localhost", "root": ""}
    assert hsts


@pytest.mark.parametrize(
    ("proxies", "chain", "address"),
    [
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 198.51.100.7", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (3, "evil", "192.0.2.1"),
    ],
)
def test_only_so_many_hops_count(proxies: int, chain: str, address: str) -> None:
    assert seen(proxies, {"X-Forwarded-For": chain})[0]["address"] == address


def test_a_proxy_that_speaks_plain_http_gives_no_hsts() -> None:
    assert seen(1, {"X-Forwarded-Proto": "http"})[1] is False
    assert seen(1, {})[1] is False


@pytest.fixture(scope="module")
def public() -> FlaskClient:
    return create_app({"PROXIES": 1, "TRUSTED_HOSTS": "music.example"}).test_client()


@pytest.mark.parametrize(
    ("origin", "proto", "status"),
    [
        ("https://music.example", "https", 200),
        ("https://MUSIC.example", "https", 200),
        # somebody in the network can make pages of http://music.example
        ("http://music.example", "https", 403),
        ("https://music.example", "http", 403),
        ("https://music.example:444", "https", 403),
        ("https://music.example.evil.example", "https", 403),
        ("null", "https", 403),
    ],
)
def test_origins_behind_a_proxy(
    public: FlaskClient, body: dict[str, Any], url: str, origin: str, proto: str, status: int
) -> None:
    headers = {"Host": "music.example", "Origin": origin, "X-Forwarded-Proto": proto}
    assert public.post(url, json=body, headers=headers).status_code == status


def test_a_forwarded_host_opens_nothing(public: FlaskClient) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "music.example"}
    assert public.get("/api/v1/models", headers=headers).status_code == 400
