"""`create_app()`, as any WSGI server calls it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.webapp.running import PYTHON, free_port, program
from webapp.settings import StartError


@pytest.mark.full
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
