"""The notebook for students, its cells run in a fresh Python as Jupyter would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model_training.__main__ import main
from tests.conftest import card_of

from .music import write_tune

RUNNER = Path(__file__).with_name("notebook_cells.py")
# Recall, precision and F1 of the genre in the second line of the table.
LIKE_CLASSICAL = ["100.0%", "93.9%", "96.9%"]


def run(root: Path, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the notebook where Jupyter would; temporary files go to `folder`."""
    names = ("matrix", "recall", "precision", "f1", "shares", "song")
    return subprocess.run(
        [
            *(sys.executable, "-P", "-W", "error"),
            *("-W", "ignore:FigureCanvasAgg is non-interactive:UserWarning"),
            *(str(RUNNER), "song_to_genre.ipynb", json.dumps(changes), *names),
        ],
        cwd=root / "docs" / "notebooks",
        env={**os.environ, "MPLBACKEND": "Agg", "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def shown(root: Path, folder: Path, **changes: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the cells show, by their ids, and the values that they leave."""
    ended = run(root, folder, **changes)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    return found["cells"], found["values"]


def predicted(root: Path, song: str, version: str, capsys: pytest.CaptureFixture[str]) -> Any:
    models = str(root / "trained_models")
    assert main(["predict", song, "--json", "--version", version, "--models", models]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_notebook_as_it_is(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells, values = shown(root, tmp_path)
    card = card_of(root, "v9")
    test = card["metrics"]["test"]
    assert values["matrix"] == test["track"]["confusion_matrix"]
    assert sum(map(sum, values["matrix"])) == test["n_tracks"]
    for name in ("recall", "precision", "f1"):
        told = [test["track"]["per_genre"][genre][name] for genre in card["genres"]]
        assert values[name] == pytest.approx(told, abs=1e-4)
    assert cells["recall"]["text"].splitlines()[2].split() == ["classical", *LIKE_CLASSICAL]
    # The file that the notebook made, asked on the command line.
    answer = predicted(root, values["song"], "v9", capsys)
    assert sum(values["shares"]) == pytest.approx(1)
    assert values["shares"] == pytest.approx(answer["aggregate"]["probabilities"], abs=1e-6)
    assert answer["aggregate"]["unfamiliar"]["flag"]
    assert cells["doubt"]["text"].startswith("not sure: ")
    # The figures of docs/versions.md.
    assert cells["mcnemar"]["text"].splitlines()[0] == (
        "only v9 right: 80 tracks; only v2 right: 15"
    )
    assert cells["confusion"]["html"].startswith("<svg")
    assert "Confusion matrix of 10 genres" in cells["confusion"]["html"]
    assert "v9 75.5%" in cells["compare"]["html"]
    assert "v2 53.1%" in cells["compare"]["html"]
    figures = {name: cell["figures"] for name, cell in cells.items() if cell["figures"]}
    assert figures.keys() == {"excerpts", "mel", "mfcc", "answer", "both"}
    assert figures["excerpts"] == [["chords.wav: 3 excerpts (shaded)"]]
    assert figures["mfcc"][0][:3] == ["116 mel bands (dB)", "64 MFCC", "mel bands of these MFCC"]


def test_another_version_and_a_song_of_ones_own(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shorter than one segment; `v3` has no doubt, and `v1` keeps no answers to compare."""
    song = write_tune(tmp_path / "mine.mp3", 4.0, seed=3)
    cells, values = shown(root, tmp_path, VERSION="v3", OTHER="v1", SONG=str(song))
    answer = predicted(root, str(song), "v3", capsys)
    assert values["song"] == str(song)
    assert values["shares"] == pytest.approx(answer["aggregate"]["probabilities"], abs=1e-6)
    assert cells["doubt"]["text"] == "v3 does not judge whether it knows such music.\n"
    assert cells["mcnemar"]["text"].startswith("Not paired: v1 keeps no test.csv")
    assert cells["excerpts"]["figures"] == [["mine.mp3: 1 excerpts (shaded)"]]
    assert cells["mfcc"]["figures"][0][1] == "25 MFCC"


def test_a_version_without_mfcc_is_refused(root: Path, tmp_path: Path) -> None:
    ended = run(root, tmp_path, VERSION="v2")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "ValueError: v2 reads statistics; choose a version that reads MFCC, such as v9."
    )
