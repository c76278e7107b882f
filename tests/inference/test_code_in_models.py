"""A model file that brings code along, under its right sha256, is refused; nothing of it runs."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from webapp.inference import Card, EngineError
from webapp.inference.engines import KerasEngine

pytestmark = pytest.mark.full


def lambda_layer(mark: Path) -> dict[str, Any]:
    code = f"lambda x: __import__('pathlib').Path({str(mark)!r}).touch()"
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {
            "name": "evil",
            "function": {"class_name": "__lambda__", "config": {"value": code}},
        },
    }


def any_class(mark: Path) -> dict[str, Any]:
    config = {"args": ["touch", str(mark)]}
    return {"module": "subprocess", "class_name": "Popen", "config": config}


def any_function(mark: Path) -> dict[str, Any]:
    config = {"command": f"touch '{mark}'"}
    return {"module": "os", "class_name": "system", "config": config}


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda_layer, "Lambda.*disallowed by default"),
        (any_class, "Could not locate class 'Popen'"),
        (any_function, "Could not locate class 'system'"),
    ],
)
def test_code_in_a_keras_file_is_not_run(
    root: Path, tmp_path: Path, layer: Any, reason: str
) -> None:
    folder = tmp_path / "v1"
    shutil.copytree(root / "trained_models" / "v1", folder)
    mark, path = tmp_path / "ran", folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    # in place of a real layer, with its name and its inputs
    config["config"]["layers"][1] |= layer(mark) | {"registered_name": None}
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    card = json.loads((folder / "model.json").read_text())
    card["files"]["model.keras"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(EngineError, match=rf"model\.keras cannot be loaded[\s\S]*{reason}"):
        KerasEngine(Card(folder))
    assert not mark.exists()
