"""The site with versions that flag sounds unlike their training music."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator

from features import build_request
from tests.browser.sounds import band
from tests.small_models import DOUBTING
from tests.webapp.asking import refused
from tests.webapp.conftest import forget_settings, request_of
from webapp import create_app
from webapp.inference import Predictors, Registry
from webapp.inference.engines import LiteRTEngine, Outputs

URL = "/api/v1/models/doubting/predictions"


@pytest.fixture(scope="module")
def registry(doubting_models: Path) -> Registry:
    return Registry.load(doubting_models)


@pytest.fixture(scope="module")
def app(doubting_models: Path) -> Iterator[Flask]:
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        yield create_app({"TESTING": True, "MODELS_DIR": doubting_models, "MODEL": "doubting"})


def schema(app: Flask, name: str) -> OAS31Validator:
    document = app.test_client().get("/api/openapi.json").get_json()
    reference = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return OAS31Validator(reference)


def sounds() -> dict[str, np.ndarray[Any, Any]]:
    noise = np.random.default_rng(0).normal(0, 0.3, 20 * 22050).astype(np.float32)
    return {"noise": noise, "music": band(42, 22050, seed=5)}


def test_noise_is_flagged_as_on_the_command_line(
    app: Flask, client: FlaskClient, registry: Registry
) -> None:
    card = registry.cards["doubting"]
    predictor = Predictors(registry).get("doubting")
    prediction = schema(app, "Prediction")
    for name, sound in sounds().items():
        request = build_request(sound, card.spec)
        response = client.post(URL, data=request.body, content_type="application/json")
        assert response.status_code == 200
        prediction.validate(response.get_json())
        found = response.get_json()["aggregate"]["unfamiliar"]
        assert list(found) == ["score", "threshold", "flag"]
        assert found["flag"] is (name == "noise")
        sent = [segment["features"]["mfcc"] for segment in json.loads(request.body)["segments"]]
        expected = predictor.predict(np.array(sent, np.float32)).unfamiliar
        assert found == pytest.approx(expected, rel=1e-5)
        # no more digits than float32 has
        for key in ("score", "threshold"):
            assert len(repr(found[key]).replace(".", "").lstrip("0")) <= 6


def test_cards_and_answers_are_as_documented(
    app: Flask, client: FlaskClient, registry: Registry
) -> None:
    for version in DOUBTING:
        card = client.get(f"/api/v1/models/{version}").get_json()
        schema(app, "ModelCard").validate(card)
        request = request_of(registry.get(version).spec, 17)
        answer = client.post(f"/api/v1/models/{version}/predictions", json=request).get_json()
        schema(app, "Prediction").validate(answer)
        for broken in ({"score": 1.0}, {**answer["aggregate"]["unfamiliar"], "flag": "yes"}, 3):
            aggregate = {**answer["aggregate"], "unfamiliar": broken}
            assert not schema(app, "Prediction").is_valid({**answer, "aggregate": aggregate})
    for broken in ({"method": "energy", "threshold": 1.0}, {"method": "mahalanobis"}):
        assert not schema(app, "ModelCard").is_valid({**card, "unfamiliar": broken})
    assert schema(app, "ModelCard").is_valid({**card, "unfamiliar": None})


def test_a_score_that_overflows_is_no_internal_error(
    client: FlaskClient, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of(registry.get("doubting").spec, 2)
    assert client.post(URL, json=request).status_code == 200
    real = LiteRTEngine.run

    def overflow(engine: LiteRTEngine, features: np.ndarray[Any, Any]) -> Outputs:
        return Outputs(real(engine, features).probabilities, np.array([1.0, np.inf], np.float32))

    monkeypatch.setattr(LiteRTEngine, "run", overflow)
    refused(client.post(URL, json=request), 422, "out_of_range")


def test_a_version_whose_model_disagrees_with_its_card_says_so(
    doubting_models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = doubting_models / "doubting"
    made = tmp_path / "doubting"
    shutil.copytree(source, made)
    card = json.loads((made / "model.json").read_text()) | {"unfamiliar": None}
    (made / "model.json").write_text(json.dumps(card))
    client = create_app({"MODELS_DIR": tmp_path}).test_client()
    request = request_of(Registry.load(tmp_path).get("doubting").spec, 1)
    response = client.post(URL, json=request)
    assert response.status_code == 503
    assert "without a score for unfamiliar sounds" in caplog.text


def one_line(html: str) -> str:
    """A page with its tags, and one space for each gap."""
    return " ".join(html.split())


def steps(html: str) -> str:
    """The steps that the page shows for the version that answers; those of others are hidden."""
    (found,) = re.findall(r'<ol class="steps" data-version="[^"]*">(.*?)</ol>', html, re.S)
    return one_line(found)


def test_pages_tell_of_doubt_only_where_the_version_has_a_score(client: FlaskClient) -> None:
    assert "says that it is not sure" in steps(client.get("/").text)
    page = one_line(client.get("/models/doubting").text)
    assert '<h2 id="unfamiliar">When it is not sure</h2>' in page
    assert "The threshold is set so that it doubts 0.0% of the songs that were held out" in page
    assert "Of the test songs" not in page
    assert "<dd>Mahalanobis distance</dd>" in page
    assert "<dd>songs of a small band</dd>" in page
    assert "Sounds tried" not in page
    others = create_app({"MODEL": "v1"}).test_client()
    assert "says that it is not sure" not in steps(others.get("/").text)
    assert "When it is not sure" not in others.get("/models/v1").text


def test_the_model_page_lists_the_sounds_tried(doubting_models: Path, tmp_path: Path) -> None:
    shutil.copytree(doubting_models / "doubting", tmp_path / "doubting")
    path = tmp_path / "doubting" / "model.json"
    card = json.loads(path.read_text())
    card["unfamiliar"] = {
        "method": "mahalanobis",
        "threshold": 12.5,
        "sounds": [
            {"name": "<b>whale</b>", "score": 33.512, "flag": True},
            {"name": "trumpet", "score": 4, "flag": False},
        ],
    }
    path.write_text(json.dumps(card))
    page = one_line(create_app({"MODELS_DIR": tmp_path}).test_client().get("/models/doubting").text)
    assert "is above 12.5, the answer says so" in page
    assert "of the songs that were held out" not in page
    row = '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>'
    assert row.format("&lt;b&gt;whale&lt;/b&gt;", "33.51", "not sure") in page
    assert row.format("trumpet", "4", "a genre") in page
