"""What those see who run the site: logs, numbers, ends, and workers that die."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from tests.webapp.running import Server, server
from tests.webapp.test_serving import begin, connect, post_head
from webapp import create_app, logs
from webapp.inference import Registry

ROUTE = "/api/v1/models/<version>/predictions"


def numbers(text: str) -> dict[str, float]:
    """Sums over all labels, by the names of the samples."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def events(site: Server) -> list[dict[str, Any]]:
    """Every line so far, each of which is an object."""
    while site.read(0.2):
        if not site.output or site.output.endswith("\n"):
            break
    return [json.loads(line) for line in site.output.splitlines()]


def workers(site: Server) -> set[int]:
    """Processes that said that they began, less those that ended."""
    found = events(site)
    started = {event["pid"] for event in found if event["event"] == "worker_started"}
    return started - {event["worker"] for event in found if event["event"] == "worker_stopped"}


def wait_for(what: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_worker_that_dies_in_the_middle_of_a_request(
    url: str, body: dict[str, Any], version: str
) -> None:
    with server(WORKERS=2, LOG_FORMAT="json", LOG_LEVEL="info") as site:
        wait_for(lambda: len(workers(site)) == 2)
        for _ in range(4):
            assert site.ask("POST", url, body)[0] == 200
        before = numbers(site.ask("GET", "/metrics")[2].decode())
        first = workers(site)
        with connect(site) as connection:
            begin(connection, url, 1000)
            killed = 0
            # it is one of the two: the first that cuts the connection
            for pid in first:
                os.kill(pid, signal.SIGKILL)
                killed += 1
                connection.settimeout(1.5)
                # the other one answers at once
                assert site.ask("POST", url, body)[0] == 200
                wait_for(lambda pid=pid: pid not in workers(site) and len(workers(site)) == 2)
                assert site.ask("GET", "/readyz")[0] == 200
                with contextlib.suppress(TimeoutError):
                    assert connection.recv(1) == b""
                    break
            else:
                raise AssertionError("no worker had the request")
        text = site.ask("GET", "/metrics")[2].decode()
        after = numbers(text)
        predictions = "musiclassify_prediction_segments_count"
        assert before[predictions] == 4
        assert after[predictions] == 4 + killed
        assert after["musiclassify_workers"] == 2
        assert after["musiclassify_models_loaded"] >= 2
        assert after["musiclassify_requests_in_progress"] == 1
        assert after["musiclassify_build_info"] == 1
        assert after["process_resident_memory_bytes"] > 2 * 30e6
        assert set(re.findall(r'process_open_fds\{pid="(\d+)"', text)) == {
            str(pid) for pid in workers(site)
        }
        os.kill(site.process.pid, signal.SIGTERM)
        assert site.end(15) == 0
        found = events(site)
        assert [event["event"] for event in found if event["pid"] == site.process.pid] == [
            "server_loading",
            *["message", "worker_stopped"] * killed,
            *["worker_stopped"] * 2,
            "server_stopped",
        ]
        asked = [event for event in found if event.get("route") == ROUTE]
        assert len(asked) == 4 + killed
        for event in asked:
            assert event.keys() == {
                "time", "level", "event", "pid", "request_id", "method", "route", "status", "ms",
                "version", "segments",
            }  # fmt: skip
            assert (event["event"], event["status"]) == ("request", 200)
            assert (event["version"], event["segments"]) == (version, 2)
        assert {e["model"] for e in found if e["event"] == "model_loaded"} >= {version}


def test_an_end_lets_load_balancers_turn_away(
    url: str, body: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with server(DRAIN_SECONDS=2, LOG_LEVEL="info") as site:
            assert systemd.recv(100) == b"READY=1"
            assert site.ask("GET", "/readyz")[0] == 200
            # reloading: other workers, no moment without one
            os.kill(site.process.pid, signal.SIGHUP)
            for _ in range(20):
                assert site.ask("POST", url, body)[0] == 200
            site.expect(r"Worker \d+ stopped")
            os.kill(site.process.pid, signal.SIGTERM)
            site.expect("Stopping in 2 s")
            status, _, answer = site.ask("GET", "/readyz")
            assert (status, json.loads(answer)["error"]["code"]) == (503, "stopping")
            assert site.ask("POST", url, body)[0] == 200
            assert systemd.recv(100) == b"STOPPING=1"
            assert site.end(15) == 0
            assert "Traceback" not in site.output


def test_requests_that_were_sent_are_answered_before_the_end(
    registry: Registry, version: str, url: str
) -> None:
    """More of them than threads, and none that a worker has accepted yet."""
    from tests.webapp.conftest import request_of

    data = json.dumps(request_of(registry.get(version).spec, 12)).encode()
    request = post_head(url, f"Content-Length: {len(data)}") + data
    with (
        server(WORKERS=2, THREADS=1, LOG_FORMAT="json") as site,
        contextlib.ExitStack() as open_connections,
    ):
        wait_for(lambda: len(workers(site)) == 2)
        running = workers(site)
        for pid in running:
            os.kill(pid, signal.SIGSTOP)
        waiting = [open_connections.enter_context(connect(site)) for _ in range(24)]
        for connection in waiting:
            connection.sendall(request)
        os.kill(site.process.pid, signal.SIGTERM)
        time.sleep(0.5)
        for pid in running:
            os.kill(pid, signal.SIGCONT)
        for connection in waiting:
            assert connection.makefile("rb").read().startswith(b"HTTP/1.1 200 ")
        assert site.end(15) == 0


def test_clients_that_do_not_close_hold_nobody_up() -> None:
    with server() as site, contextlib.ExitStack() as open_connections:
        site.wait_ready()
        for _ in range(16):
            connection = open_connections.enter_context(connect(site))
            connection.sendall(
                b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
        started = time.monotonic()
        assert site.ask("GET", "/healthz")[0] == 200
        # one after the other they would take half a minute
        assert time.monotonic() - started < 10


def test_a_body_refused_unread_leaves_the_connection_usable(body: dict[str, Any]) -> None:
    large = json.dumps(body) + " " * 500_000
    with server() as site:
        site.wait_ready()
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        for _ in range(3):
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/api/v1/models/v999/predictions", large, headers)
            response = connection.getresponse()
            response.read()
            assert response.status == 404
            assert connection.sock is not None
        connection.close()


def test_the_end_of_the_terminal_ends_the_server() -> None:
    with server("--model", "v1", terminal=True) as site:
        site.wait_ready()
        os.kill(site.process.pid, signal.SIGHUP)
        assert site.end(15) == 0


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
def test_errors_are_placed_without_their_words(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_text_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    create_app({"LOG_FORMAT": "json"})
    create_app()
    assert not logs.is_json()
    assert logging.getLogger("webapp.life").level == logging.NOTSET


def test_numbers_of_an_operator(url: str, body: dict[str, Any], version: str) -> None:
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
