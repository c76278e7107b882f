"""The served OpenAPI document and the real server, held against each other by schemathesis.

It makes requests that the document allows and such that it forbids, for every operation and always
the same ones. None may end in a 5xx, and every answer must be one that the document describes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import small_models
from tests.webapp.running import server
from webapp.pages import DOWNLOADS

pytestmark = pytest.mark.full

# Its segments have 77 numbers; making up the thousands of other versions takes minutes.
VERSION = "embedding"
CONFIGURATION = """
[generation]
deterministic = true
database = "none"

[phases.fuzzing.generation]
max-examples = 60

# JSON Schema cannot say that a segment ends after it starts: looked at below.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 422]
"""


def test_the_server_does_what_it_documents(models_dir: Path, tmp_path: Path) -> None:
    models, configuration, report = (tmp_path / x for x in ("models", "st.toml", "report.ndjson"))
    write_version(models, models_dir / "v2")
    configuration.write_text(CONFIGURATION)
    with server(MODELS_DIR=models) as site:
        site.wait_ready()
        address = f"http://127.0.0.1:{site.port}/api/openapi.json"
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run",
            address, "--no-color", "--request-timeout", "20", "--report-ndjson-path", str(report),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        documented = json.loads(site.ask("GET", "/api/openapi.json")[2])["paths"]
        assert "Traceback" not in site.output
    counts: Counter[tuple[str, int]] = Counter()
    for operation, allowed, status, answer in requests(report):
        counts[operation, status] += 1
        if allowed and status == 422:
            assert json.loads(answer)["error"]["code"] == "wrong_times"
    operations = {f"{method.upper()} {path}" for path in documented for method in documented[path]}
    # the document itself was asked for first
    assert operations - {operation for operation, _ in counts} == {"GET /api/openapi.json"}
    predictions = "POST /api/v1/models/{version}/predictions"
    for status in (200, 400, 404, 405, 415, 422):
        assert counts[predictions, status], counts
    for operation in operations - {"GET /api/openapi.json"}:
        assert counts[operation, 200], counts


def write_version(models: Path, landed: Path) -> None:
    """Write a version that has an embedding, and the downloads of the version `landed`."""
    small_models.write(models, [VERSION])
    path = models / VERSION / "model.json"
    card = json.loads(path.read_text())
    for name in DOWNLOADS:
        content = (landed / name).read_bytes()
        (models / VERSION / name).write_bytes(content)
        card["files"][name] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(card))


def requests(report: Path) -> Iterator[tuple[str, bool, int, bytes]]:
    """Operation, whether the document allows the request, status and content of the answer."""
    for line in report.read_text().splitlines():
        recorded: dict[str, Any] = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for name, case in recorded.get("cases", {}).items():
            response = recorded["interactions"][name]["response"]
            mode = case["value"]["meta"]["generation"]["mode"]
            content = base64.b64decode((response["content"] or {"$base64": ""})["$base64"])
            yield recorded["label"], mode == "positive", response["status_code"], content
