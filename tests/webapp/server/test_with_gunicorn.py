"""The processes of the real `python -m webapp`: signals, ends, workers that die, systemd."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.running import (
    PYTHON,
    events,
    free_port,
    numbers,
    program,
    server,
    wait_for,
    workers,
)
from tests.webapp.server.clients import begin, connect, post_head
from webapp.inference import Registry

ROUTE = "/api/v1/models/<version>/predictions"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly(number: signal.Signals) -> None:
    with server() as site:
        site.wait_ready()
        quiet = site.output
        with (
            contextlib.closing(http.client.HTTPConnection("127.0.0.1", site.port)) as kept,
            socket.create_connection(("127.0.0.1", site.port)),
        ):
            kept.request("GET", "/healthz")
            kept.getresponse().read()
            started = time.monotonic()
            if number == signal.SIGINT:
                site.interrupt(number)
            else:
                os.kill(site.process.pid, number)
            assert site.end(10) == 0
        assert time.monotonic() - started < 5
        assert site.output == quiet


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_running_requests_are_finished(
    number: signal.Signals, url: str, body: dict[str, Any]
) -> None:
    data = json.dumps(body).encode()
    with server() as site:
        site.wait_ready()
        with socket.create_connection(("127.0.0.1", site.port), timeout=30) as connection:
            begin(connection, url, len(data))
            site.interrupt(number)
            time.sleep(0.7)
            connection.sendall(data)
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"aggregate"' in answer
        assert site.end(10) == 0


def test_a_second_interrupt_does_not_wait(url: str) -> None:
    with server() as site:
        site.wait_ready()
        with socket.create_connection(("127.0.0.1", site.port)) as connection:
            begin(connection, url, 1000)
            site.interrupt()
            time.sleep(0.5)
            started = time.monotonic()
            site.interrupt()
            site.end(10)
            assert time.monotonic() - started < 6


def test_an_interrupt_while_loading() -> None:
    with server() as site:
        site.expect("Loading model")
        site.interrupt()
        assert site.end(10) == 0
        assert "Traceback" not in site.output


def test_the_end_of_the_terminal_ends_the_server() -> None:
    with server("--model", "v1", terminal=True) as site:
        site.wait_ready()
        os.kill(site.process.pid, signal.SIGHUP)
        assert site.end(15) == 0


def test_a_worker_that_dies_while_loading_ends_the_server() -> None:
    """As TensorFlow does on a processor that it was not built for."""
    code = (
        "import os, signal, sys; from webapp import state; from webapp.server import command; "
        "state.Site.warm_up = lambda self: os.kill(os.getpid(), signal.SIGILL); "
        f"sys.exit(command.main(['--port', '{free_port()}']))"
    )
    with program(*PYTHON, "-c", code) as site:
        assert site.end(20) == 2
        assert site.output.count("The model could not be loaded") == 1
        assert "Traceback" not in site.output


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
            # one of the two workers has the request: its end cuts the connection
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
    """There are more requests than threads, and no worker has accepted one yet."""
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


def test_several_processes_count_together(url: str, body: dict[str, Any], version: str) -> None:
    with server(WORKERS=2) as site:
        site.wait_ready()
        for _ in range(10):
            assert site.ask("POST", url, body)[0] == 200
        text = site.ask("GET", "/metrics")[2].decode()
        assert f'musiclassify_prediction_segments_sum{{version="{version}"}} 20.0' in text
        site.interrupt()
        assert site.end(15) == 0
