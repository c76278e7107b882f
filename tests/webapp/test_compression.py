"""Compressed answers: for which files and browsers, and that they unpack to the plain ones."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from webapp import copies
from webapp.inference import Registry
from webapp.runtime import RUNTIME_DIR, RuntimeFiles

from .conftest import VERSION, request_of

WASM = "pyodide.asm.wasm"
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.fixture
def runtime(client: FlaskClient) -> str:
    html = client.get("/").text
    return json.loads(html.split('id="config">')[1].split("</script>")[0])["runtimeUrl"]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("zstd", None),
        ("gzip;q=0", None),
        ("", None),
    ],
)
def test_the_best_copy_that_a_browser_takes(
    client: FlaskClient, runtime: str, accepted: str, coding: str | None
) -> None:
    response = client.get(runtime + WASM, headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == coding
    assert response.mimetype == "application/wasm"
    assert "Accept-Encoding" in response.headers["Vary"]
    assert "immutable" in response.headers["Cache-Control"]
    assert response.get_etag()[1] is (coding is not None)
    content = response.data
    if coding == "gzip":
        content = gzip.decompress(content)
    if coding == "br":
        assert content == (RUNTIME_DIR / f"{WASM}.br").read_bytes()
        assert len(content) < 3_500_000
    else:
        assert sha256(content) == RuntimeFiles.load().files[WASM]


def test_parts_are_parts_of_the_plain_file(client: FlaskClient, runtime: str) -> None:
    response = client.get(runtime + WASM, headers={**BROWSER, "Range": "bytes=0-3"})
    assert (response.status_code, response.data) == (206, b"\0asm")
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("name", [f"{WASM}.br", f"{WASM}.gz", copies.LIST_NAME])
def test_copies_have_no_address_of_their_own(client: FlaskClient, runtime: str, name: str) -> None:
    assert client.get(runtime + name).status_code == 404
    assert client.get(f"/static/runtime/{name}").status_code == 404


def test_texts_come_compressed_and_are_the_same(client: FlaskClient) -> None:
    for url in ("/", "/api/openapi.json", "/sw.js", "/static/js/app.js", "/static/css/base.css"):
        plain, packed = client.get(url), client.get(url, headers=BROWSER)
        assert "Content-Encoding" not in plain.headers, url
        assert packed.headers["Content-Encoding"] == "gzip", url
        assert gzip.decompress(packed.data) == plain.data, url
        assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 1.5
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert "Accept-Encoding" in plain.headers["Vary"]
        head = client.head(url, headers=BROWSER)
        assert head.headers["Content-Length"] == packed.headers["Content-Length"]
        assert not head.data


def test_unchanged_files_are_not_sent_again(client: FlaskClient) -> None:
    for url in ("/static/js/app.js", "/sw.js"):
        first = client.get(url, headers=BROWSER)
        again = client.get(url, headers={**BROWSER, "If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b""), url
        assert again.headers["ETag"] == first.headers["ETag"]
        assert "Content-Encoding" not in again.headers


def test_answers_about_songs_and_small_ones_are_left_alone(
    client: FlaskClient, registry: Registry
) -> None:
    spec = registry.cards[VERSION].spec
    url = f"/api/v1/models/{VERSION}/predictions"
    answer = client.post(url, json=request_of(spec, 30), headers=BROWSER)
    assert answer.status_code == 200
    assert len(answer.data) > 1024
    assert "Content-Encoding" not in answer.headers
    assert "Content-Encoding" not in client.get("/healthz", headers=BROWSER).headers
    missing = client.get("/static/none.js", headers=BROWSER)
    assert missing.status_code == 404
    assert "Content-Encoding" not in missing.headers


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "core.mjs").write_bytes(b"export const nothing = 0;\n" * 100)
    (tmp_path / "library.zip").write_bytes(b"packed already " * 100)
    return tmp_path


NAMES = ["core.mjs", "library.zip"]


def test_copies_are_made_once_and_anew_when_a_file_is_another(folder: Path) -> None:
    path = folder / "core.mjs"
    assert copies.make(folder, NAMES, write)
    first = copies.find(path, sha256(path.read_bytes()))
    assert list(first) == ["br", "gzip"]
    assert gzip.decompress(first["gzip"].read_bytes()) == path.read_bytes()
    assert not (folder / "library.zip.gz").exists()
    assert not copies.make(folder, NAMES, write)
    path.write_bytes(b"export const everything = 1;\n" * 100)
    assert copies.find(path, sha256(path.read_bytes())) == {}
    assert copies.make(folder, NAMES, write)
    again = copies.find(path, sha256(path.read_bytes()))
    assert gzip.decompress(again["gzip"].read_bytes()) == path.read_bytes()


def test_a_damaged_copy_is_not_served_and_is_made_again(folder: Path) -> None:
    path = folder / "core.mjs"
    digest = sha256(path.read_bytes())
    copies.make(folder, NAMES, write)
    (folder / "core.mjs.br").write_bytes(b"something else")
    copies.find.cache_clear()
    assert list(copies.find(path, digest)) == ["gzip"]
    assert copies.make(folder, NAMES, write)
    assert list(copies.find(path, digest)) == ["br", "gzip"]
    for wrong in (b"{", b"[]", b'{"core.mjs": []}'):
        (folder / copies.LIST_NAME).write_bytes(wrong)
        copies.find.cache_clear()
        assert copies.find(path, digest) == {}


def test_without_node_there_is_gzip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    path = folder / "core.mjs"
    assert copies.make(folder, NAMES, write)
    assert list(copies.find(path, sha256(path.read_bytes()))) == ["gzip"]
    assert not copies.make(folder, NAMES, write)
