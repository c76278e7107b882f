"""Files that a version's page hands out: as downloads, verified, and only those of the list."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.webapp.asking import refused
from webapp import create_app
from webapp.pages import DOWNLOADS
from webapp.security import HEADERS

REPORT = "<!doctype html><style>p { color: red }</style><p>Report <script>alert(1)</script></p>"
CONTENT = {
    "report.html": REPORT,
    "test.csv": "track,genre,winner\nblues.1,blues,jazz\n",
    "experiment.toml": 'title = "x"\n',
}


@pytest.fixture
def models(copy_models: Callable[..., Path]) -> Path:
    """a1 has all files, a2 none but its model."""
    folder = copy_models("a1", "a2", recommended="a1")
    card = json.loads((folder / "a1" / "model.json").read_text())
    for name in DOWNLOADS:
        (folder / "a1" / name).unlink(missing_ok=True)
        (folder / "a1" / name).write_text(CONTENT[name])
        card["files"][name] = hashlib.sha256(CONTENT[name].encode()).hexdigest()
    (folder / "a1" / "model.json").write_text(json.dumps(card))
    bare = json.loads((folder / "a2" / "model.json").read_text())
    bare["files"] = {name: bare["files"][name] for name in ("model.keras", "model.tflite")}
    (folder / "a2" / "model.json").write_text(json.dumps(bare))
    return folder


@pytest.fixture
def client(models: Path) -> FlaskClient:
    return create_app({"MODELS_DIR": models}).test_client()


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_file_of_the_card_is_a_download(client: FlaskClient, name: str) -> None:
    response = client.get(f"/models/a1/{name}")
    assert response.status_code == 200
    assert response.text == CONTENT[name]
    assert response.headers["Content-Type"] == f"{DOWNLOADS[name]}; charset=utf-8"
    # saved and never shown as a page of the site; its security headers are there all the same
    assert response.headers["Content-Disposition"] == f'attachment; filename="a1-{name}"'
    for header, value in HEADERS.items():
        assert response.headers[header] == value
    again = client.get(f"/models/a1/{name}", headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_the_page_offers_what_there_is(client: FlaskClient) -> None:
    page = client.get("/models/a1").text
    for name in DOWNLOADS:
        assert f'href="/models/a1/{name}" download' in page
    assert "Download the whole report" in page
    page = client.get("/models/a2").text
    assert " download" not in page
    assert "Download the whole report" not in page


@pytest.mark.parametrize(
    "path",
    [
        "a2/report.html",
        "a2/test.csv",
        "a1/model.keras",
        "a1/model.tflite",
        "a1/model.json",
        "a1/..",
        "a1/%2e%2e%2fa2%2fmodel.json",
        "a1/report.html/",
        "v999/report.html",
    ],
)
def test_nothing_else_is_handed_out(client: FlaskClient, path: str) -> None:
    response = client.get(f"/models/{path}")
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "404" in response.text


def test_a_file_that_was_changed_is_not_handed_out(
    client: FlaskClient, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (models / "a1" / "report.html").write_text(REPORT + "more")
    response = client.get("/models/a1/report.html")
    assert (response.status_code, response.mimetype) == (503, "text/html")
    assert "was changed after it was made" in response.text
    assert "differs from the sha256" in caplog.text
    assert client.get("/models/a1/test.csv").status_code == 200


def test_the_api_has_no_such_files(client: FlaskClient) -> None:
    refused(client.get("/api/v1/models/a1/report.html"), 404, "not_found")
