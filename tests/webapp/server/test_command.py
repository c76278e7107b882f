"""`python -m webapp`: what it says, and what it refuses."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.webapp.running import PYTHON, free_port, program, server


def test_the_terminal_shows_only_what_people_need(recommended: str) -> None:
    with server() as site:
        site.wait_ready()
        assert site.output == (
            f"Loading model {recommended} (litert) ...\n"
            f"MusiClassify with model {recommended} is ready: http://127.0.0.1:{site.port}/"
            "  (Ctrl-C ends it)\n"
        )


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
def test_wrong_options_and_settings_are_named(
    options: list[str], settings: dict[str, str], words: list[str]
) -> None:
    arguments = [*PYTHON, "-m", "webapp", "--port", str(free_port()), *options]
    with program(*arguments, terminal=False, **settings) as site:
        assert site.end() == 2
        for word in words:
            assert word in site.output
        assert "Traceback" not in site.output


def make_unloadable(folder: Path) -> None:
    """Put nonsense in place of the model, with the right sha256, so that only loading fails."""
    import hashlib

    card = json.loads((folder / "model.json").read_text())
    for name in ("model.tflite", "model.keras"):
        (folder / name).write_bytes(b"nonsense")
        card["files"][name] = hashlib.sha256(b"nonsense").hexdigest()
    (folder / "model.json").write_text(json.dumps(card))


def test_a_model_that_cannot_be_loaded_ends_the_server(copy_models: Callable[..., Path]) -> None:
    folder = copy_models("a1", recommended="a1")
    make_unloadable(folder / "a1")
    with server(MODELS_DIR=folder) as site:
        assert site.end(30) == 2
        assert "a1: model.tflite" in site.output
        for word in ("Traceback", "Shutting down", "Worker", "ready"):
            assert word not in site.output


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
