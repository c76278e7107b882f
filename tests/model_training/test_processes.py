"""Processes of this machine: tasks run wherever temporary files lie."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from . import music

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("words", [["validate"], ["extract", "--version", "v9", "--out", "store"]])
def test_an_accent_in_the_temporary_folder_stops_nothing(tmp_path, words):
    folder = music.write_genres(tmp_path / "müsic", {"raï": 3, "gnawa": 3}, 5)
    temporary = tmp_path / "à côté"
    temporary.mkdir()
    # joblib prefers /dev/shm, where it is large enough, to TMPDIR, but not to its own variable.
    places = {
        "TMPDIR": str(temporary),
        "JOBLIB_TEMP_FOLDER": str(temporary),
        "PYTHONPATH": str(ROOT),
    }
    models = ["--models", str(ROOT / "trained_models")] if words[0] == "extract" else []
    done = subprocess.run(
        [sys.executable, "-m", "model_training", words[0], "folder", str(folder), *words[1:],
         *models, "--jobs", "2"],
        cwd=tmp_path, env=os.environ | places, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []
