"""Folders of versions that somebody made with bad intent, or damaged, with sha256 that fit."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from webapp.inference import Card, CardError, EngineError, Predictor, Registry, card
from webapp.inference.engines import KerasEngine, LiteRTEngine

VERSION = "v2"
# read before VERSION and after it
GOOD_VERSIONS = ["v1", "v3"]


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """The copy of a version that a test may damage; good versions stand beside it."""
    models = tmp_path / "models"
    shutil.copytree(root / "trained_models" / VERSION, models / VERSION)
    for name in GOOD_VERSIONS:
        (models / name).symlink_to(root / "trained_models" / name)
    return models / VERSION


def put(folder: Path, name: str, content: bytes) -> Card:
    """Replace a file, and its sha256 in the card."""
    told = json.loads((folder / "model.json").read_text())
    (folder / name).write_bytes(content)
    told["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / "model.json").write_text(json.dumps(told))
    return Card(folder)


def refused(folder: Path) -> str:
    """The registry's reason for refusing the folder; it must take the good ones beside it."""
    registry = Registry.load(folder.parent)
    assert list(registry.cards) == GOOD_VERSIONS
    assert list(registry.refused) == [VERSION]
    return registry.refused[VERSION]


@pytest.mark.parametrize("name", ["model.tflite", "model.keras", "report.html", "model.json"])
def test_a_link_out_of_the_folder(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.move(folder / name, tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    assert refused(folder) == f"{name} is a link that leads out of its folder"


def test_a_link_inside_the_folder(folder: Path) -> None:
    """Systems that mount folders make such links."""
    (folder / "data").mkdir()
    shutil.move(folder / "model.tflite", folder / "data" / "model.tflite")
    (folder / "model.tflite").symlink_to("data/model.tflite")
    assert Card(folder).version == VERSION


@pytest.mark.parametrize("name", ["model.tflite", "model.json"])
def test_a_pipe(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(CardError, match=f"{name} is not a file"):
        Card(folder)


def test_files_that_are_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # more than any file of the good versions has
    largest = 8 * 2**20
    monkeypatch.setattr(card, "LARGEST_FILE", largest)
    with (folder / "model.tflite").open("ab") as file:
        file.truncate(largest + 1)
    assert refused(folder) == f"model.tflite has more than {largest} bytes"
    with (folder / "model.json").open("ab") as file:
        file.truncate(2**40)
    with pytest.raises(CardError, match=r"model\.json has more than 16777216 bytes"):
        Card(folder)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_card_that_breaks_off(folder: Path, share: float) -> None:
    text = (folder / "model.json").read_bytes()
    (folder / "model.json").write_bytes(text[: int(share * len(text))])
    assert "model.json is not a valid card" in refused(folder)


@pytest.mark.parametrize("name", ["..", "../v1/model.tflite", "/etc/passwd", "a/b", "", "\0"])
def test_names_that_lead_elsewhere(folder: Path, name: str) -> None:
    told = json.loads((folder / "model.json").read_text())
    told["files"][name] = "0" * 64
    (folder / "model.json").write_text(json.dumps(told))
    sentence = f"model.json: {name!r} is not the name of a file in its folder"
    with pytest.raises(CardError, match=f"^{re.escape(sentence)}$"):
        Card(folder)


def test_damaged_networks_are_refused_or_answer(folder: Path) -> None:
    """A network that can be loaded but not run is an error of the model, not of the program."""
    good = (folder / "model.tflite").read_bytes()
    chance = random.Random(2)
    outcomes = set()
    for _ in range(60):
        damaged = bytearray(good)
        # the structure of the network stands at the end of the file, its weights before that
        at = len(good) - 4 * chance.randrange(1, 1500)
        damaged[at : at + 4] = chance.choice((b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0" * 4))
        made = put(folder, "model.tflite", bytes(damaged))
        try:
            Predictor(made, LiteRTEngine(made, threads=1)).warm_up()
            outcomes.add("answers")
        except EngineError:
            outcomes.add("refused")
    assert outcomes == {"answers", "refused"}


def test_a_network_that_fails_while_it_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LiteRTEngine(Card(folder))

    def fail(*_: object) -> None:
        raise RuntimeError("Input tensor 30 lacks data")

    monkeypatch.setattr(engine, "_invoke", fail)
    with pytest.raises(EngineError, match=r"v2: model\.tflite cannot be run \(Input tensor 30"):
        Predictor(Card(folder), engine).warm_up()


def repacked(content: bytes, change: Callable[[dict[str, Any]], None], **more: bytes) -> bytes:
    """A .keras file with another configuration, and with bytes appended to parts of it."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            part = old.read(name)
            if name == "config.json":
                config = json.loads(part)
                change(config)
                part = json.dumps(config).encode()
            new.writestr(name, part + more.get(name.partition(".")[0], b""))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        ("os", "system", {"command": "touch PROOF"}),
        ("subprocess", "Popen", {"args": ["touch", "PROOF"]}),
        ("builtins", "exec", {"object": "open('PROOF', 'w')"}),
        ("keras.utils", "get_file", {"fname": "PROOF", "origin": "file:///etc/passwd"}),
        ("keras.layers", "TFSMLayer", {"filepath": "PROOF"}),
        ("keras.layers", "Lambda", {"function": {"class_name": "__lambda__", "config": {
            "code": "4wAAAAAAAAAAAAAAAAAAAAAAAAAA", "defaults": None, "closure": None}}}),
    ],
)  # fmt: skip
@pytest.mark.full
def test_a_keras_file_cannot_call_anything(
    folder: Path, tmp_path: Path, module: str, name: str, options: dict[str, Any]
) -> None:
    proof = tmp_path / "proof"

    def change(config: dict[str, Any]) -> None:
        layer = config["config"]["layers"][1]
        layer |= {"module": module, "class_name": name, "registered_name": None}
        layer["config"] = json.loads(json.dumps(options).replace("PROOF", str(proof)))

    made = put(folder, "model.keras", repacked((folder / "model.keras").read_bytes(), change))
    with pytest.raises(EngineError, match=r"v2: model\.keras cannot be loaded"):
        KerasEngine(made)
    assert not proof.exists()


@pytest.mark.full
def test_a_keras_file_that_becomes_huge(folder: Path) -> None:
    content = repacked(
        (folder / "model.keras").read_bytes(), lambda _: None, model=bytes(520 * 2**20)
    )
    assert len(content) < 10 * 2**20
    with pytest.raises(EngineError, match="unpacked it has"):
        KerasEngine(put(folder, "model.keras", content))
