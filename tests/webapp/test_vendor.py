"""Other people's scripts: served as they came, and only those."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from webapp import assets, vendor
from webapp.settings import REPOSITORY, StartError


def test_every_script_is_served_with_its_digest(client: FlaskClient) -> None:
    for name, script in vendor.SCRIPTS.items():
        response = client.get(f"/static/vendor/{name}")
        assert (response.status_code, response.mimetype) == (200, "text/javascript")
        assert hashlib.sha256(response.data).hexdigest() == script.sha256
    for name in ("", "nothing.js", "../pyodide/pyodide.mjs"):
        assert client.get(f"/static/vendor/{name}").status_code == 404


def test_every_script_is_of_a_package_that_is_installed() -> None:
    wanted = json.loads((REPOSITORY / "package.json").read_text())["dependencies"]
    packages = {script.path.split("/")[0] for script in vendor.SCRIPTS.values()}
    assert packages == set(wanted) - {"pyodide"}


def test_a_changed_or_missing_script_is_refused_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "NODE_MODULES", tmp_path)
    first, *_ = vendor.SCRIPTS.values()
    first.file.parent.mkdir(parents=True)
    first.file.write_text("something else")
    problems = vendor.problems()
    assert len(problems) == len(vendor.SCRIPTS)
    assert "is not the expected file" in problems[0]
    assert all("is missing" in problem for problem in problems[1:])
    with pytest.raises(StartError, match="npm ci"):
        assets.check_runtime()
