"""The real `python -m webapp` with the real gunicorn."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.conftest import request_of
from tests.webapp.packing import check_packed
from tests.webapp.running import PYTHON, Server, free_port, program, raw, server
from webapp.inference import Registry
from webapp.security import HEADERS
from webapp.settings import StartError


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server(LOG_LEVEL="info") as site:
        site.wait_ready()
        yield site


def test_it_says_where_it_is(running: Server, recommended: str) -> None:
    line = running.output.splitlines()[-1]
    assert (
        f"MusiClassify with model {recommended} is ready: http://127.0.0.1:{running.port}/" in line
    )
    assert "Ctrl-C ends it" in line


def test_it_answers(
    running: Server, url: str, body: dict[str, Any], version: str, recommended: str
) -> None:
    assert json.loads(running.ask("GET", "/readyz")[2]) == {"status": "ready", "model": recommended}
    status, headers, answer = running.ask("POST", url, body)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert json.loads(answer)["version"] == version
    assert headers["content-security-policy"] == HEADERS["Content-Security-Policy"]


def chunked(parts: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def post_head(url: str, *headers: str) -> bytes:
    lines = [f"POST {url} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def begin(connection: socket.socket, url: str, length: int) -> None:
    """Send the head of a request and wait until the server works on it."""
    expect = "Expect: 100-continue"
    connection.sendall(post_head(url, f"Content-Length: {length}", expect))
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")


def test_chunked_bodies(running: Server, url: str, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    parts = [data[start : start + 9999] for start in range(0, len(data), 9999)]
    head = post_head(url, "Transfer-Encoding: chunked", "Connection: close")
    assert running.raw(head + chunked(parts)).startswith(b"HTTP/1.1 200 ")
    too_large = [b" " * 2**20] * 49
    answer = running.raw(head + chunked(too_large))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


def test_a_body_that_is_too_large(running: Server, url: str) -> None:
    head = post_head(url, f"Content-Length: {49 * 2**20}")
    answer = running.raw(head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"body_too_large"' in answer


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed_http"),
        (b"GET /api HTTP/9.9\r\nHost: localhost\r\n\r\n", 400, "malformed_http"),
        (b"GET /api HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n", 400, "malformed_http"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /api/v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400, "untrusted_host"),
    ],
)
def test_http_that_is_wrong(running: Server, data: bytes, status: int, code: str) -> None:
    head, _, content = running.raw(data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    for name, value in HEADERS.items():
        assert f"{name}: {value}".encode() in head
    assert json.loads(content)["error"]["code"] == code


@pytest.mark.parametrize(
    "framing", ["zz\r\nhello\r\n0\r\n\r\n", "5\r\nhel", "5;a\x00=b\r\nhello\r\n"]
)
def test_broken_chunks(running: Server, url: str, framing: str) -> None:
    answer = running.raw(post_head(url, "Transfer-Encoding: chunked") + framing.encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"error":{"status":400' in answer


def test_a_body_shorter_than_announced(running: Server, url: str) -> None:
    answer = running.raw(post_head(url, "Content-Length: 100") + b'{"feature_spec":')
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"incomplete_body"' in answer


def test_many_visitors_at_once(running: Server, registry: Registry, version: str, url: str) -> None:
    spec = registry.get(version).spec
    requests = [request_of(spec, n, seed=n) for n in range(1, 13)]

    def post(request: dict[str, Any]) -> bytes:
        status, _, answer = running.ask("POST", url, request)
        assert status == 200
        return answer

    serial = [post(request) for request in requests]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert list(pool.map(post, requests * 2)) == serial * 2


def test_idle_connections_block_nobody(running: Server) -> None:
    idle = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(16)]
    started = time.monotonic()
    assert running.ask("GET", "/healthz")[0] == 200
    assert time.monotonic() - started < 4
    for connection in idle:
        connection.close()


@contextlib.contextmanager
def hurried(stall: int, longest: int) -> Iterator[Server]:
    """A server with two threads whose time for slow connections is short."""
    code = (
        "import sys; from webapp import patience, serving; "
        f"patience.STALL, patience.LONGEST = {stall}, {longest}; "
        "sys.exit(serving.main(sys.argv[1:]))"
    )
    with server(command=("-c", code), THREADS=2) as site:
        site.wait_ready()
        yield site
        assert "Traceback" not in site.output
        assert "rror" not in site.output


def connect(site: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=20)


def test_stalled_requests_give_their_threads_back(url: str) -> None:
    with hurried(stall=1, longest=100) as site, contextlib.ExitStack() as open_connections:
        for sent in (post_head(url, "Content-Length: 100") + b"{", b"GET /healthz HTTP/1.1\r\nHo"):
            stalled = [open_connections.enter_context(connect(site)) for _ in range(2)]
            for connection in stalled:
                connection.sendall(sent)
            started = time.monotonic()
            assert site.ask("GET", "/healthz")[0] == 200
            assert time.monotonic() - started < 10
            for connection in stalled:
                answer = connection.makefile("rb").read()
                if sent.startswith(b"POST"):
                    assert answer.startswith(b"HTTP/1.1 400 ")
                    assert b'"code":"incomplete_body"' in answer
                else:
                    assert answer == b""


def test_unread_answers_give_their_threads_back() -> None:
    with hurried(stall=1, longest=100) as site, contextlib.ExitStack() as open_connections:
        for _ in range(2):
            connection = open_connections.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", site.port))
            # far more than the buffers of both ends hold
            connection.sendall(
                b"GET /static/runtime/pyodide.asm.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
        time.sleep(0.5)
        started = time.monotonic()
        assert site.ask("GET", "/healthz")[0] == 200
        assert time.monotonic() - started < 10


def test_trickling_requests_give_their_threads_back(url: str) -> None:
    with hurried(stall=100, longest=2) as site, contextlib.ExitStack() as open_connections:
        trickling = [open_connections.enter_context(connect(site)) for _ in range(2)]
        for connection in trickling:
            connection.sendall(post_head(url, "Content-Length: 1000"))

        def trickle(connection: socket.socket) -> int:
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 100:
                    connection.sendall(b" ")
                    sent += 1
                    time.sleep(0.2)
            return sent

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            ends = [pool.submit(trickle, connection) for connection in trickling]
            time.sleep(0.5)
            started = time.monotonic()
            assert site.ask("GET", "/healthz")[0] == 200
            assert time.monotonic() - started < 10
            assert all(end.result() < 100 for end in ends)


def test_the_log_holds_nothing_of_a_request(running: Server, body: dict[str, Any]) -> None:
    """Last of those that share the server: it looks at all they caused."""
    running.ask("GET", "/api/nothing/mark?mark", headers={"User-Agent": "mark"})
    running.raw(b"GET /mark HTTP/1.1\r\nmark\r\n\r\n")
    running.expect(r"GET unmatched 404 \d+ ms")
    running.expect(r"POST /api/v1/models/<version>/predictions 200 \d+ ms")
    log = running.output.split("Ctrl-C ends it)")[1]
    for word in ("mark", "127.0.0.1", "evil", "Traceback"):
        assert word not in log


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


def test_an_interrupt_while_importing() -> None:
    code = (
        "import os, runpy, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'webapp.inference':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "runpy.run_module('webapp', run_name='__main__')"
    )
    with program(*PYTHON, "-c", code) as site:
        assert site.end(20) == 0
        assert site.output.strip() == ""


def test_a_busy_port() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with program(*PYTHON, "-m", "webapp", "--port", str(port)) as site:
            assert site.end() == 2
            assert site.output.startswith(f"Port {port} is in use.")
            assert "PORT=" in site.output
            assert site.output.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "settings", "words"),
    [
        (["--model", "v999"], {}, ["no model version 'v999'", "Available: v"]),
        (["--engine", "torch"], {}, ["MUSICLASSIFY_ENGINE is 'torch'", "litert, keras"]),
        (["--port", "http"], {}, ["MUSICLASSIFY_PORT is 'http'", "whole number"]),
        (["--host", "192.0.2.1"], {}, ["cannot listen on '192.0.2.1'", "127.0.0.1"]),
        (["--host", "no.such.host.invalid"], {}, ["cannot listen on", "127.0.0.1"]),
        ([], {"MODELS_DIR": "/nowhere/at/all"}, ["no valid model in", "cannot be read"]),
        ([], {"THREADS": "many"}, ["MUSICLASSIFY_THREADS is 'many'"]),
    ],
)
def test_what_is_wrong_is_said(
    options: list[str], settings: dict[str, str], words: list[str]
) -> None:
    arguments = [*PYTHON, "-m", "webapp", "--port", str(free_port()), *options]
    with program(*arguments, terminal=False, **settings) as site:
        assert site.end() == 2
        for word in words:
            assert word in site.output
        assert "Traceback" not in site.output


def break_model(folder: Path) -> None:
    """Put nonsense in place of the model, with the right sha256: only loading can find out."""
    import hashlib

    card = json.loads((folder / "model.json").read_text())
    for name in ("model.tflite", "model.keras"):
        (folder / name).write_bytes(b"nonsense")
        card["files"][name] = hashlib.sha256(b"nonsense").hexdigest()
    (folder / "model.json").write_text(json.dumps(card))


def test_a_model_that_cannot_be_loaded_ends_the_server(copy_models: Callable[..., Path]) -> None:
    folder = copy_models("a1", recommended="a1")
    break_model(folder / "a1")
    with server(MODELS_DIR=folder) as site:
        assert site.end(30) == 2
        assert "a1: model.tflite" in site.output
        for word in ("Traceback", "Shutting down", "Worker", "ready"):
            assert word not in site.output


def test_a_worker_that_dies_while_loading_ends_the_server() -> None:
    """As TensorFlow does on a processor that it was not built for."""
    code = (
        "import os, signal, sys; from webapp import serving, state; "
        "state.Site.warm_up = lambda self: os.kill(os.getpid(), signal.SIGILL); "
        f"sys.exit(serving.main(['--port', '{free_port()}']))"
    )
    with program(*PYTHON, "-c", code) as site:
        assert site.end(20) == 2
        assert site.output.count("The model could not be loaded") == 1
        assert "Traceback" not in site.output


def test_the_terminal_shows_only_what_people_need(recommended: str) -> None:
    with server() as site:
        site.wait_ready()
        assert site.output == (
            f"Loading model {recommended} (litert) ...\n"
            f"MusiClassify with model {recommended} is ready: http://127.0.0.1:{site.port}/"
            "  (Ctrl-C ends it)\n"
        )


def test_refused_folders_are_named_and_the_others_served(copy_models: Callable[..., Path]) -> None:
    folder = copy_models("a1", "a2", recommended="a1")
    (folder / "a2" / "model.tflite").write_bytes(b"tampered")
    (folder / "a3").mkdir()
    with server(MODELS_DIR=folder) as site:
        site.wait_ready()
        assert "Not used: a2: model.tflite differs from the sha256" in site.output
        assert "Not used: a3: model.json" in site.output
        models = json.loads(site.ask("GET", "/api/v1/models")[2])
        assert [model["version"] for model in models["models"]] == ["a1"]
        assert site.ask("POST", "/api/v1/models/a2/predictions", {})[0] == 404


def test_several_processes_count_together(url: str, body: dict[str, Any], version: str) -> None:
    with server(WORKERS=2) as site:
        site.wait_ready()
        for _ in range(10):
            assert site.ask("POST", url, body)[0] == 200
        text = site.ask("GET", "/metrics")[2].decode()
        assert f'musiclassify_prediction_segments_sum{{version="{version}"}} 20.0' in text
        site.interrupt()
        assert site.end(15) == 0


def test_any_wsgi_server_can_serve_it(
    copy_models: Callable[..., Path], body: dict[str, Any]
) -> None:
    folder = copy_models("a1", "a2", recommended="a2")
    port = free_port()
    arguments = [*PYTHON, "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{port}"]
    with program(*arguments, "webapp:create_app()", MODELS_DIR=folder, MODEL="a1") as site:
        site.expect("Booting worker")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/readyz")
        assert json.loads(connection.getresponse().read()) == {"status": "ready", "model": "a1"}
        connection.close()
        site.interrupt()
        assert site.end(15) == 0


def test_waitress_serves_it_where_gunicorn_does_not_run(
    url: str, body: dict[str, Any], recommended: str
) -> None:
    code = (
        "import sys; from webapp import serving, waitress_server; "
        "sys.exit(waitress_server.serve(serving.prepare()))"
    )
    port = free_port()
    with program(*PYTHON, "-c", code, PORT=port) as site:
        site.expect(rf"model {recommended} is ready: http://127\.0\.0\.1:{port}/")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        data = json.dumps(body)
        connection.request("POST", url, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
        response.read()
        connection.request("POST", url, iter([data.encode()]), {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
        check_packed(connection, url, data.encode())
        connection.close()
        for wrong, status, error in (
            (b"GET /api HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n", 400, "malformed_http"),
            (b"GET / HTTP/1.1\r\nA: " + b"a" * 2**19 + b"\r\n\r\n", 431, "headers_too_large"),
            (post_head(url, f"Content-Length: {2**30}"), 413, "body_too_large"),
        ):
            head, _, content = raw(port, wrong).partition(b"\r\n\r\n")
            assert int(head.split()[1]) == status
            for name, value in HEADERS.items():
                assert f"{name}: {value}".lower().encode() in head.lower()
            assert json.loads(content)["error"]["code"] == error
        site.interrupt()
        assert site.end(10) == 0
        assert "Traceback" not in site.output


def test_an_incomplete_runtime_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from webapp import assets, create_app

    monkeypatch.setattr(assets, "verify", lambda: ["pyodide.mjs is missing"])
    with pytest.raises(StartError, match=r"pyodide\.mjs is missing.*make serve"):
        create_app()


def test_the_package_needs_nothing_to_be_imported() -> None:
    """`python -m webapp.runtime` runs before anything is installed."""
    code = (
        "import sys; import webapp; "
        "loaded = {'flask', 'numpy', 'msgspec', 'click'} & set(sys.modules); "
        "sys.exit(str(loaded) if loaded else 0)"
    )
    with program(*PYTHON, "-c", code) as command:
        assert command.end() == 0, command.output
