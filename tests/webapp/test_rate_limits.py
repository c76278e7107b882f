"""The limit of predictions for one address, where it is set; nothing else is limited."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from flask.testing import FlaskClient
from limits import parse_many
from limits.errors import StorageError

from tests.webapp.asking import refused
from tests.webapp.running import ROOT, environment, free_port, program, server
from webapp import create_app
from webapp.settings import Settings, StartError

HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def limited(limit: str = "2 per minute", **settings: Any) -> FlaskClient:
    return create_app({"RATE_LIMIT": limit, **settings}).test_client()


def ask(client: FlaskClient, url: str, address: str = "192.0.2.1", **headers: str) -> Any:
    """A request that costs no prediction: refused for what is in it, and counted."""
    base = {"REMOTE_ADDR": address}
    return client.post(url, json={}, headers=headers or None, environ_base=base)


def test_a_good_request_counts_down_and_the_next_is_refused(url: str, body: dict[str, Any]) -> None:
    client = limited("2 per minute; 5 per hour")
    for left in ("1", "0"):
        response = client.post(url, json=body)
        assert response.status_code == 200
        assert [response.headers[name] for name in HEADERS[:2]] == ["2", left]
        assert 55 <= int(response.headers["RateLimit-Reset"]) <= 60
    response = client.post(url, json=body)
    details = refused(response, 429, "too_many_requests")
    seconds = int(response.headers["Retry-After"])
    assert 55 <= seconds <= 60
    assert details == {"limit": "2 per 1 minute", "retry_after": seconds}
    assert f"{seconds} s." in response.get_json()["error"]["message"]
    assert [response.headers[name] for name in HEADERS] == ["2", "0", str(seconds)]
    assert response.headers["Cache-Control"] == "no-store"


def test_the_refusal_speaks_french(url: str) -> None:
    client = limited("1 per minute")
    ask(client, url)
    french = ask(client, url, **{"Accept-Language": "fr"}).get_json()["error"]["message"]
    assert "prédictions" in french


def test_all_versions_count_together_and_each_address_for_itself(url: str) -> None:
    client = limited()
    assert ask(client, url).status_code == 422
    assert ask(client, url.replace("/v1/pre", "/v2/pre")).status_code == 422
    assert ask(client, url).status_code == 429
    assert ask(client, url, "192.0.2.2").status_code == 422


def test_an_ipv6_visitor_has_one_network(url: str) -> None:
    client = limited()
    assert ask(client, url, "2001:db8:0:1::1").status_code == 422
    assert ask(client, url, "2001:db8:0:1:ffff::2").status_code == 422
    assert ask(client, url, "2001:db8:0:1::3").status_code == 429
    assert ask(client, url, "2001:db8:0:2::1").status_code == 422
    assert ask(client, url, "::ffff:192.0.2.1").status_code == 422


def test_addresses_of_proxies_count_only_when_they_are_trusted(url: str) -> None:
    for proxies, last in ((0, 429), (1, 422)):
        client = limited("1 per minute", PROXIES=proxies)
        for number, status in ((1, 422), (2, last)):
            forwarded = {"X-Forwarded-For": f"203.0.113.{number}"}
            assert ask(client, url, **forwarded).status_code == status


def test_nothing_else_is_limited(url: str, version: str) -> None:
    client = limited("1 per hour")
    assert ask(client, url).status_code == 422
    assert ask(client, url).status_code == 429
    paths = ("/", "/healthz", "/readyz", "/metrics", "/static/img/favicon.svg", "/features.zip")
    for path in (*paths, "/api/v1/models", f"/models/{version}"):
        for _ in range(3):
            response = client.get(path)
            assert response.status_code == 200
            assert not set(HEADERS) & set(response.headers.keys())
    text = client.get("/metrics").text
    assert 'musiclassify_errors_total{code="too_many_requests"} 1.0' in text


def test_requests_of_foreign_pages_count_for_nobody(url: str) -> None:
    client = limited("1 per minute")
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        for _ in range(3):
            assert ask(client, url, **headers).status_code in (400, 403)
    assert ask(client, url).status_code == 422


def test_a_redis_that_is_away_does_not_stop_the_site(
    url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limits.storage import MemoryStorage

    client = limited("1 per minute")
    (limiter,) = client.application.extensions["limiter"]

    def away(*_: Any, **__: Any) -> bool:
        raise ConnectionError("mark-in-text")

    monkeypatch.setattr(limiter._limiter, "hit", away)
    assert isinstance(limiter._storage, MemoryStorage)
    assert ask(client, url).status_code == 422
    assert ask(client, url).status_code == 429
    assert "falling back to in-memory storage" in caplog.text
    assert "192.0.2.1" not in caplog.text


def test_threads_that_miss_the_redis_together_all_count(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = limited("1 per minute")
    (limiter,) = client.application.extensions["limiter"]

    def away(*_: Any, **__: Any) -> bool:
        # another thread has begun to count alone while this one waited for the Redis
        limiter._storage_dead = True
        raise StorageError(ConnectionError())

    monkeypatch.setattr(limiter._limiter, "hit", away)
    assert ask(client, url).status_code == 422
    assert ask(client, url).status_code == 429


def test_a_redis_that_goes_after_it_has_counted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = limited("1 per minute")
    (limiter,) = client.application.extensions["limiter"]

    def away(*_: Any, **__: Any) -> Any:
        raise StorageError(ConnectionError())

    monkeypatch.setattr(limiter._limiter, "get_window_stats", away)
    answer = ask(client, url)
    assert answer.status_code == 422
    assert not set(HEADERS) & set(answer.headers.keys())
    answer = ask(client, url)
    assert refused(answer, 429, "too_many_requests")["retry_after"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "60 per minute",
        "60/minute",
        "1 per 2 hours",
        "5 per second; 100/day",
        "3 PER MINUTE, 9/hour",
    ],
)
def test_good_limits_are_those_of_flask_limiter(text: str) -> None:
    limit = Settings.read({"RATE_LIMIT": text}, {}).rate_limit
    assert limit
    assert len(parse_many(limit)) == len(text.replace(",", ";").split(";"))


@pytest.mark.parametrize(
    "text",
    ["60", "many per minute", "0 per minute", "-1/hour", "60 per fortnight", "1/minute;", ";"],
)
def test_bad_limits_are_named(text: str) -> None:
    with pytest.raises(StartError) as error:
        Settings.read({}, {"MUSICLASSIFY_RATE_LIMIT": text})
    assert str(error.value) == (
        f"MUSICLASSIFY_RATE_LIMIT is {text!r}; it must be limits such as 60 per minute; "
        "1000 per hour."
    )


@pytest.mark.parametrize("uri", ["nowhere://user:secret@host", "redis://user:secret@host", "text"])
def test_a_storage_that_is_not_there_is_named_without_its_password(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the site's own requirements have no Redis client
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StartError, match="RATE_LIMIT_STORAGE: requests cannot be counted") as error:
        limited(RATE_LIMIT_STORAGE=uri)
    assert "secret" not in str(error.value)
    # without a limit the storage is not used
    create_app({"RATE_LIMIT_STORAGE": uri})


@pytest.mark.full
def test_the_real_server_counts_and_says_how() -> None:
    with server(RATE_LIMIT="3 per hour", WORKERS=2, LOG_LEVEL="info") as site:
        site.wait_ready()
        assert "Each of the 2 workers counts by itself" in site.output
        url = "/api/v1/models/v1/predictions"
        statuses = [site.ask("POST", url, {})[0] for _ in range(7)]
        assert statuses.count(429) >= 1
        assert statuses[0] == 422
        assert site.ask("GET", "/healthz")[0] == 200
        site.expect(r"POST /api/v1/models/<version>/predictions 429")
        assert "127.0.0.1" not in site.output.split("Ctrl-C ends it)")[1]


@pytest.mark.full
def test_the_command_refuses_before_it_loads_anything() -> None:
    arguments = [sys.executable, "-m", "webapp", "--port", str(free_port())]
    with program(*arguments, RATE_LIMIT="1/hour", RATE_LIMIT_STORAGE="nowhere://x") as site:
        assert site.end() == 2
        assert site.output.startswith("MUSICLASSIFY_RATE_LIMIT_STORAGE: ")
        assert site.output.count("\n") == 1


@pytest.mark.full
def test_without_a_limit_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys; from webapp import create_app; create_app({}); "
        "sys.exit(len({'flask_limiter', 'limits'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
