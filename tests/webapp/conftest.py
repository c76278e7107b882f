from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from werkzeug.test import TestResponse

from features import FeatureSpec
from webapp import create_app
from webapp.inference import Predictors, Registry

# the version whose requests the tests spell out: 64 x 64 MFCC
VERSION = "v1"


def forget_settings(patch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("MUSICLASSIFY_"):
            patch.delenv(name)


class Client(FlaskClient):
    """Reads every response to its end, as a server does, so that no file stays open."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **kwargs})


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the developer's environment must not change the tests."""
    forget_settings(monkeypatch)
    monkeypatch.setattr(Flask, "test_client_class", Client)


@pytest.fixture(scope="session")
def models_dir(root: Path) -> Path:
    return root / "trained_models"


@pytest.fixture(scope="session")
def registry(models_dir: Path) -> Registry:
    return Registry.load(models_dir)


@pytest.fixture(scope="session")
def predictors(registry: Registry) -> Predictors:
    return Predictors(registry)


@pytest.fixture(scope="session")
def app() -> Iterator[Flask]:
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        yield create_app({"TESTING": True})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture(scope="session")
def recommended(registry: Registry) -> str:
    """The version that a site takes when nobody chooses."""
    assert registry.recommended is not None
    return registry.recommended


@pytest.fixture(scope="session")
def version() -> str:
    return VERSION


@pytest.fixture
def url(version: str) -> str:
    return f"/api/v1/models/{version}/predictions"


def features_of(spec: FeatureSpec, n_segments: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Float64 (n_segments, *spec.shape), rounded as the spec says."""
    values = np.random.default_rng(seed).normal(0, 3, (n_segments, *spec.shape))
    return np.asarray(np.round(values, spec.decimals))


def request_of(spec: FeatureSpec, n_segments: int = 2, seed: int = 0) -> dict[str, Any]:
    return {
        "feature_spec": spec.id,
        "segments": [
            {
                "start": 30 + 5.0 * number,
                "end": 34.97 + 5.0 * number,
                "features": {spec.kind: values.tolist()},
            }
            for number, values in enumerate(features_of(spec, n_segments, seed))
        ],
    }


def words(html: str) -> str:
    """The text of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def body(registry: Registry, version: str) -> dict[str, Any]:
    """A good request for that version; each test may break its own."""
    return request_of(registry.get(version).spec)


@pytest.fixture
def copy_models(models_dir: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a models folder of copies of one version under other names."""

    def copy(*versions: str, recommended: str | None = None) -> Path:
        folder = tmp_path / "models"
        folder.mkdir(exist_ok=True)
        for name in versions:
            shutil.copytree(models_dir / VERSION, folder / name)
            card = json.loads((folder / name / "model.json").read_text())
            card["version"] = name
            (folder / name / "model.json").write_text(json.dumps(card))
        if recommended is not None:
            (folder / "index.json").write_text(json.dumps({"recommended": recommended}))
        return folder

    return copy
