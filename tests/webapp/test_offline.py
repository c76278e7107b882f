"""The service worker's script: what it may cache, and that it is a new one when a file changes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.webapp.test_pages import FOREVER, config_of
from webapp import assets, create_app, language, vendor
from webapp.offline import VERSION_HEADER
from webapp.security import HEADERS


def contents(client: FlaskClient) -> dict[str, Any]:
    """The list in front of the script."""
    found = re.match(r"const SITE = (\{.*?\n\});\n", client.get("/sw.js").text, re.S)
    assert found
    listed: dict[str, Any] = json.loads(found[1])
    return listed


@pytest.fixture
def changeable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of the files of pages: static/ is served from them, all of them make the version."""
    folder = tmp_path / "static"
    shutil.copytree(assets.STATIC, folder, ignore=shutil.ignore_patterns("runtime"))
    monkeypatch.setattr(assets, "STATIC", folder)
    shutil.copytree(assets.TEMPLATES, tmp_path / "templates")
    monkeypatch.setattr(assets, "TEMPLATES", tmp_path / "templates")
    shutil.copytree(language.FOLDER, tmp_path / "translations")
    monkeypatch.setattr(language, "FOLDER", tmp_path / "translations")
    return tmp_path


def test_the_script_governs_the_site_and_is_asked_for_each_time(client: FlaskClient) -> None:
    response = client.get("/sw.js")
    assert (response.status_code, response.mimetype) == (200, "text/javascript")
    assert response.headers["Cache-Control"] == "no-cache"
    for name, value in HEADERS.items():
        assert response.headers.getlist(name) == [value]
    assert "worker-src 'self'" in response.headers["Content-Security-Policy"]
    again = client.get("/sw.js", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert client.post("/sw.js").status_code == 405


def test_every_kept_address_never_changes_its_content(client: FlaskClient) -> None:
    site = contents(client)
    for address in [*site["files"], *site["runtime"]]:
        response = client.get(address)
        assert response.status_code == 200, address
        assert response.headers["Cache-Control"] == FOREVER, address
    assert len(set(site["files"])) == len(site["files"])


def test_all_that_the_page_needs_is_kept(client: FlaskClient) -> None:
    site = contents(client)
    config = config_of(client)
    assert config["pageVersion"] == site["version"]
    assert config["featuresUrl"] in site["files"]
    assert f"{config['runtimeUrl']}pyodide.asm.wasm" in site["runtime"]
    linked = re.findall(r'(?:href|src)="(/[^"#]*\.[^"#]*)"', client.get("/").text)
    assert len(linked) > 8
    assert set(linked) - {"/api/openapi.json"} <= set(site["files"])
    modules = {path.relative_to(assets.STATIC).as_posix() for path in assets.STATIC.rglob("*.js")}
    kept = {address.removeprefix(site["folder"]) for address in site["files"]}
    assert modules - {"js/sw.js"} <= kept
    assert {f"vendor/{name}" for name in vendor.SCRIPTS} <= kept
    assert not [
        address for address in site["files"] if not address.startswith(("/static/", "/features"))
    ]


def test_pages_of_all_languages_are_kept_and_named(client: FlaskClient) -> None:
    site = contents(client)
    assert site["pages"] == ["/", "/?lang=en", "/?lang=fr"]
    assert site["instead"] == ["/offline", "/offline?lang=en", "/offline?lang=fr"]
    for address in (*site["pages"], *site["instead"]):
        response = client.get(address)
        assert response.headers[VERSION_HEADER] == site["version"]
        assert response.headers["Cache-Control"] == "no-cache"
    for address in ("/models/v1", "/healthz", "/nothing", "/sw.js"):
        assert VERSION_HEADER not in client.get(address).headers


@pytest.mark.parametrize(
    "name",
    [
        "static/js/base/format.js",
        "static/css/base.css",
        "static/img/favicon.svg",
        "static/js/sw.js",
        "templates/index.html",
        "translations/fr/LC_MESSAGES/scripts.po",
    ],
)
def test_a_changed_file_makes_another_version(
    client: FlaskClient, changeable: Path, name: str
) -> None:
    before = contents(client)
    script = f"{before['folder']}js/app.js"
    assert client.get(script).status_code == 200
    with (changeable / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    after = contents(client)
    assert after["version"] != before["version"]
    # the runtime, which is large, keeps its version
    assert after["runtimeVersion"] == before["runtimeVersion"]
    assert after["runtime"] == before["runtime"]
    # the old version must not have new files
    assert client.get(script).status_code == 404
    assert client.get(f"{after['folder']}js/app.js").status_code == 200


def test_another_set_of_models_makes_another_version(
    client: FlaskClient, root: Path, tmp_path: Path
) -> None:
    """The page lists the models, so its version depends on them."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("index.json", "v1"):
        (folder / name).symlink_to(root / "trained_models" / name)
    alone = create_app({"MODELS_DIR": folder, "MODEL": "v1", "TESTING": True}).test_client()
    assert contents(alone)["version"] != contents(client)["version"]


def test_the_page_for_other_addresses_speaks_both_languages(client: FlaskClient) -> None:
    for query, words in (("en", "The server does not answer"), ("fr", "Le serveur ne répond pas")):
        text = client.get(f"/offline?lang={query}").text
        assert f"<h1>{words}</h1>" in text
        # the switch of languages keeps the address that was asked for
        other = "fr" if query == "en" else "en"
        assert f'href="?lang={other}"' in text
        assert f'href="/?lang={query}"' in text


def test_nothing_else_is_served_under_a_version(client: FlaskClient) -> None:
    folder = contents(client)["folder"]
    for name in ("../webapp/api.py", "%2e%2e/webapp/api.py", "js", "", "vendor/other.js"):
        assert client.get(folder + name).status_code == 404


# Addresses of modules. A name without a slash works only with an import map, and no page has one.
NAMED = re.compile(r"""(?:\bfrom\s*['"]|\bimport\s*\(?\s*['"`])([^'"`]*/[^'"`]*)""")


@pytest.mark.parametrize(
    "statement",
    [
        'import { show } from "/static/js/answer/show.js";',
        "import {\n  show,\n} from\n  '/static/js/answer/show.js';",
        "import '/static/js/answer/show.js';",
        "export * from '/static/js/answer/show.js';",
        "await import(\n  `/static/js/answer/show.js`\n);",
    ],
)
def test_every_way_to_name_a_module_is_found(statement: str) -> None:
    assert NAMED.findall(statement) == ["/static/js/answer/show.js"]


def test_modules_name_each_other_relatively(root: Path) -> None:
    """An absolute address would bring a module of another version into a page that stays open."""
    static = root / "static"
    named = {
        path: NAMED.findall(path.read_text(encoding="utf-8"))
        for path in (static / "js").rglob("*.js")
    }
    for path, names in named.items():
        for name in names:
            assert name.startswith(("./", "../")), path
            # one that climbs too high leaves the folder of its version
            assert (path.parent / name).resolve().is_relative_to(static), path
    folders = {path.parent for path in named}
    assert len(folders) > 8
    assert {path.parent for path, names in named.items() if names} == folders
