"""`extract`: where the feature spec comes from."""

import json

import pytest

from model_training.__main__ import main

from .. import music


def test_the_spec_comes_from_a_version_or_its_card(root, tmp_path):
    models = root / "trained_models"
    version = sorted(path.parent.name for path in models.glob("*/model.json"))[0]
    folder = music.write_genres(tmp_path / "songs", {"gnawa": 3, "chaabi": 3}, seconds=5.0)
    for number, source in enumerate(
        (["--version", version], ["--spec", str(models / version / "model.json")])
    ):
        out = tmp_path / f"store {number}"
        command = ["extract", "folder", str(folder), *source, "--out", str(out), "--jobs", "1"]
        assert main([*command, "--models", str(models)]) == 0
        about = json.loads((out / "store.json").read_text())
        card = json.loads((models / version / "model.json").read_text())
        assert about["feature_spec"] == card["feature_spec"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("card.json", "{}", "not a model card"),
        ("card.json", "[1]", "not a model card"),
        ("card.json", '{"feature_spec": {"kind": "mfcc"}}', "missing"),
        ("spec.toml", "title", "not valid TOML"),
        ("gone.toml", None, "cannot be read"),
        ("gone.json", None, "cannot be read"),
    ],
)
def test_a_file_without_a_spec_is_refused(tmp_path, name, content, message, capsys):
    songs = music.write_genres(tmp_path / "songs", {"gnawa": 3, "chaabi": 3}, seconds=5.0)
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    command = ["extract", "folder", str(songs), "--spec", str(path), "--jobs", "1"]
    assert main([*command, "--out", str(tmp_path / "store")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "store").exists()
