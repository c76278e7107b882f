"""Faults of disks and folders, when the site starts and while it runs."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.running import PYTHON, ROOT, environment, free_port, program, raw, server

HEALTHY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def remove_network(folder: Path) -> None:
    (folder / "model.tflite").unlink()


def tamper_keras(folder: Path) -> None:
    (folder / "model.keras").write_bytes(b"tampered")


def cut_card(folder: Path) -> None:
    text = (folder / "model.json").read_bytes()
    (folder / "model.json").write_bytes(text[: len(text) // 2])


def test_each_fault_is_named_and_the_rest_is_served(copy_models: Callable[..., Path]) -> None:
    folder = copy_models("good", "missing", "tampered", "truncated", recommended="tampered")
    remove_network(folder / "missing")
    tamper_keras(folder / "tampered")
    cut_card(folder / "truncated")
    with server(MODELS_DIR=folder) as site:
        site.wait_ready()
        for line in (
            "Not used: missing: model.tflite cannot be read (No such file or directory)",
            "Not used: tampered: model.keras differs from the sha256 in model.json",
            "Not used: truncated: model.json is not a valid card",
            "Not used: index.json: recommends 'tampered', which is not there",
        ):
            assert line in site.output
        listed = json.loads(site.ask("GET", "/api/v1/models")[2])
        assert [model["version"] for model in listed["models"]] == ["good"]
        assert listed["selected"] == listed["recommended"] == "good"
        page = site.ask("GET", "/")[2].decode()
        assert "good" in page
        for version in ("missing", "tampered", "truncated"):
            assert f"/models/{version}" not in page
            assert site.ask("GET", f"/models/{version}")[0] == 404
        assert "Traceback" not in site.output


def test_a_fault_of_the_chosen_version_ends_the_command(copy_models: Callable[..., Path]) -> None:
    folder = copy_models("good", "tampered")
    tamper_keras(folder / "tampered")
    command = [*PYTHON, "-m", "webapp", "--model", "tampered", "--port", str(free_port())]
    with program(*command, MODELS_DIR=folder) as site:
        assert site.end() == 2
        assert "Available: good. Its folder is not used: model.keras differs" in site.output
        assert "Traceback" not in site.output


@pytest.mark.parametrize("form", ["text", "json"])
def test_logs_on_a_full_disk(url: str, body: dict[str, Any], form: str) -> None:
    port = free_port()
    environ = environment({"LOG_LEVEL": "info", "LOG_FORMAT": form, "MODEL": "v1"})
    # buffered, as most people run it
    environ.pop("PYTHONUNBUFFERED", None)
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "webapp", "--port", str(port)],
            cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=full, stderr=full,
        )  # fmt: skip
    try:
        wait_ready(port, process)
        data = json.dumps(body).encode()
        head = (
            f"POST {url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        for _ in range(3):
            assert raw(port, head.encode() + data).startswith(b"HTTP/1.1 200 ")
        assert raw(port, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_no_byte_can_be_written() -> None:
    """As on a full disk: every write to a file fails."""

    def forbid() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = subprocess.run(
        [sys.executable, "-m", "webapp", "--port", str(free_port())],
        cwd=ROOT, env=environment({}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, preexec_fn=forbid, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "No folder for temporary files can be written to" in done.stdout
    assert "Traceback" not in done.stdout


def wait_ready(port: int, process: subprocess.Popen[Any]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, process.stdout and process.stdout.read()
        try:
            if raw(port, HEALTHY).startswith(b"HTTP/1.1 200 "):
                return
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise AssertionError("it did not become ready")
