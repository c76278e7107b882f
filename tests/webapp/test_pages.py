from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp import assets, create_app, features_zip, snapshot
from webapp.inference import Registry
from webapp.runtime import RuntimeFiles

FOREVER = "public, max-age=31536000, immutable"


def config_of(client: FlaskClient) -> dict[str, Any]:
    page = client.get("/").text
    found = re.search(r'<script type="application/json" id="config">(.*?)</script>', page, re.S)
    assert found
    config: dict[str, Any] = json.loads(found[1])
    return config


def test_the_page_gets_its_configuration(
    client: FlaskClient, registry: Registry, recommended: str
) -> None:
    response = client.get("/")
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert response.headers["Cache-Control"] == "no-cache"
    config = config_of(client)
    card = registry.get(recommended)
    assert config["selected"] == recommended
    models = {model["version"]: model for model in config["models"]}
    assert list(models) == list(registry.cards)
    model = models[recommended]
    assert model["predictUrl"] == f"/api/v1/models/{recommended}/predictions"
    assert model["featureSpec"] == card.spec.to_json()
    assert model["genres"] == list(card.genres)
    assert config["maxMinutes"] == 180
    assert config["maxWholeMinutes"] == 60
    assert config["streamMinutes"] == 15
    assert config["mix"] == {"blockSeconds": 30, "oppositeDb": 20}
    assert config["maxSegments"] == 1200
    assert config["maxBodyBytes"] == 48 * 1024 * 1024


def test_each_version_may_be_the_one_that_answers(registry: Registry) -> None:
    for version, card in registry.cards.items():
        client = create_app({"MODEL": version}).test_client()
        config = config_of(client)
        assert config["selected"] == version
        (model,) = (model for model in config["models"] if model["version"] == version)
        assert model["featureSpec"]["id"] == card.spec.id
        page = client.get("/").text
        assert f'<option value="{version}" selected>' in page
        assert f'href="/models/{version}"' in page


def test_every_address_in_the_configuration_works(client: FlaskClient) -> None:
    config = config_of(client)
    assert config["filesToLoad"] == len(RuntimeFiles.load().files) + 1
    features = client.get(str(config["featuresUrl"]))
    assert (features.status_code, features.mimetype) == (200, "application/zip")
    assert features.headers["Cache-Control"] == FOREVER
    for name, kind in {
        "pyodide.mjs": "text/javascript",
        "pyodide.asm.wasm": "application/wasm",
        "python_stdlib.zip": "application/zip",
        "pyodide-lock.json": "application/json",
    }.items():
        response = client.get(f"{config['runtimeUrl']}{name}")
        assert (response.status_code, response.mimetype) == (200, kind)
        assert response.headers["Cache-Control"] == FOREVER
        assert client.get(f"/static/runtime/{name}").data == response.data
    assert client.get("/static/runtime/000000000000/pyodide.mjs").status_code == 404


def test_the_snapshot_has_an_address_of_its_own(client: FlaskClient) -> None:
    config = config_of(client)
    address = dict(config["snapshot"])
    response = client.get(address["url"])
    assert (response.status_code, response.mimetype) == (200, "application/octet-stream")
    assert response.headers["Cache-Control"] == FOREVER
    assert len(response.data) == address["bytes"]
    assert address["url"] == f"/static/snapshot/{hashlib.sha256(response.data).hexdigest()}"
    packed = client.get(address["url"], headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == response.data
    # one of another host, and its files under other addresses
    for path in (
        f"/static/snapshot/{'0' * 64}",
        "/static/snapshot/",
        "/static/runtime/python.snapshot",
    ):
        assert client.get(path).status_code == 404
    assert client.get(f"{config['runtimeUrl']}python.snapshot").status_code == 404


def test_without_a_snapshot_the_page_is_the_same(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = config_of(client)
    kept = client.get("/sw.js").data
    monkeypatch.setattr(snapshot, "find", lambda *_: None)
    after = config_of(client)
    assert client.get(str(before["snapshot"]["url"])).status_code == 404
    assert after.pop("snapshot") is None
    del before["snapshot"]
    assert after == before
    assert client.get("/sw.js").data == kept


def test_an_edited_script_of_features_goes_without_the_snapshot(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "features"
    shutil.copytree(root / "features", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(features_zip, "FEATURES", copy)
    same = create_app().test_client()
    assert config_of(same)["snapshot"] is not None
    with (copy / "mel.py").open("a", encoding="utf-8") as script:
        script.write("# edited\n")
    # the site that runs serves what it has read at its start
    assert config_of(same)["snapshot"] is not None
    edited = create_app().test_client()
    assert config_of(edited)["snapshot"] is None
    assert config_of(edited)["featuresUrl"] != config_of(same)["featuresUrl"]


def test_the_model_pages(client: FlaskClient, registry: Registry) -> None:
    for version, card in registry.cards.items():
        response = client.get(f"/models/{version}")
        assert (response.status_code, response.mimetype) == (200, "text/html")
        assert card.title in response.text


@pytest.mark.parametrize("path", ["/nothing", "/models/v999", "/static/../webapp/api.py"])
def test_errors_for_people_are_pages(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "404" in response.text


def test_an_internal_error_is_a_page_without_internals() -> None:
    from webapp import create_app

    app = create_app()
    app.add_url_rule("/broken", view_func=lambda: str(1 / 0))
    response = app.test_client().get("/broken")
    assert (response.status_code, response.mimetype) == (500, "text/html")
    assert "division" not in response.text
    assert "ZeroDivisionError" not in response.text


def test_assets_carry_the_hash_of_their_content(app: Flask, client: FlaskClient) -> None:
    style = sorted(assets.STATIC.rglob("*.css"))[0].relative_to(assets.STATIC).as_posix()
    digest = hashlib.sha256((assets.STATIC / style).read_bytes()).hexdigest()
    with app.test_request_context():
        address = assets.asset(style)
    path, tag = address.split("?v=")
    assert digest.startswith(tag)
    assert len(tag) == 12
    assert client.get(address).headers["Cache-Control"] == FOREVER
    # anything else may change: ask each time, and hear 304
    for other in (path, f"{path}?v=000000000000"):
        response = client.get(other)
        assert response.headers["Cache-Control"] == "no-cache"
        again = client.get(other, headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304


def test_a_changed_file_gets_another_address(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    file = tmp_path / "a.css"
    file.write_text("a{}")
    with app.test_request_context():
        first = assets.asset("a.css")
        assert assets.asset("a.css") == first
        file.write_text("b{ }")
        assert assets.asset("a.css") != first
        assert assets.asset("missing.css") == "/static/missing.css"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../webapp/settings.py",
        "/static/%2e%2e/webapp/settings.py",
        "/static/..%2fwebapp/settings.py",
        "/static//etc/passwd",
        "/static/runtime",
        "/static/",
        "/static/" + "a" * 300,
        "/static/runtime/" + "a" * 300,
    ],
)
def test_nothing_outside_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_only_listed_files_of_the_runtime_are_served(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    (runtime / "more").mkdir()
    for name in ("pyodide.mjs", "other.mjs", "more/pyodide.mjs"):
        (runtime / name).write_text("export {};")
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    monkeypatch.setattr(assets, "RUNTIME_DIR", runtime)
    for folder in ("/static/runtime/", str(config_of(client)["runtimeUrl"])):
        assert client.get(f"{folder}pyodide.mjs").status_code == 200
        for name in ("other.mjs", "more/pyodide.mjs"):
            assert client.get(folder + name).status_code == 404


def test_features_zip_holds_the_very_files(client: FlaskClient, root: Path) -> None:
    response = client.get("/features.zip")
    assert response.headers["Cache-Control"] == "no-cache"
    again = client.get("/features.zip", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    files = sorted((root / "features").rglob("*.py"))
    assert held == {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_features_zip_is_deterministic_and_importable(client: FlaskClient, tmp_path: Path) -> None:
    assert features_zip.build().content == client.get("/features.zip").data
    archive = tmp_path / "features.zip"
    archive.write_bytes(features_zip.build().content)
    code = "import features; print(features.FeatureSpec().id, features.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "features.zip" in done.stdout
