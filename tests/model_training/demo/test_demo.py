"""The demo from synthetic sounds to a site that answers, and what it leaves behind."""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from features.segments import build_request
from model_training.demo.sounds import GENRES, SAMPLE_RATE, make
from model_training.quiet import LEVEL
from tests.webapp.running import program, server
from webapp.inference import Registry

DEMO = (sys.executable, "-m", "model_training.demo")
STEPS = ("validate", "extract", "split", "train", "export", "recommend")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, str]:
    """The folder of a small demo that does not serve, and its output."""
    folder = tmp_path_factory.mktemp("place") / "demo"
    small = ("--artists", "4", "--seconds", "6", "--no-serve")
    with pytest.MonkeyPatch.context() as patch:
        # The Keras engine sets it in this process; the demo would take it for the user's choice.
        patch.delenv(LEVEL, raising=False)
        with program(*DEMO, "--folder", str(folder), *small) as running:
            assert running.end(300) == 0, running.output
            return folder, running.output


def test_every_step_is_a_command_that_can_be_typed(demo):
    folder, said = demo
    shown = [line for line in said.splitlines() if line.startswith("$ ")]
    assert [line.split()[4] for line in shown] == list(STEPS)
    assert all(line.startswith("$ python -m model_training ") for line in shown)
    assert f"validate folder {folder / 'genres'}" in shown[0]
    assert "32 of 32 clips usable, 4 genres" in said
    assert "0 problems" in said
    assert "test accuracy" in said


def test_no_library_talks_between_the_sentences(demo):
    _, said = demo
    noise = r"^[IWE]\d{4} |oneDNN|absl|cuda|cuInit|XNNPACK|TensorFlow"
    assert re.findall(noise, said, re.MULTILINE) == []


def test_the_version_lies_in_its_own_folder_and_not_among_the_tracked(demo, root):
    folder, _ = demo
    registry = Registry.load(folder / "models")
    assert registry.recommended == "demo"
    card = registry.cards["demo"]
    assert card.genres == tuple(GENRES)
    assert "no music" in card.title
    assert (folder / "models" / "demo" / "report.html").is_file()
    assert "demo" not in Registry.load(root / "trained_models").cards


def test_artists_stay_on_one_side(demo):
    folder, _ = demo
    parts = [
        {line.rpartition("/")[0] for line in path.read_text().splitlines()}
        for path in sorted((folder / "store" / "splits").glob("*.txt"))
    ]
    assert [len(artists) for artists in parts] == [4, 8, 4]
    assert len(set.union(*parts)) == 16


def test_the_site_knows_sounds_that_training_did_not_hear(demo):
    folder, _ = demo
    spec = Registry.load(folder / "models").cards["demo"].spec
    url = "/api/v1/models/demo/predictions"
    with server("--model", "demo", MODELS_DIR=folder / "models") as site:
        site.wait_ready()
        status, _, page = site.ask("GET", "/models/demo")
        assert status == 200
        assert b"Demo: synthetic sounds" in page
        told = {}
        for genre in GENRES:
            samples, rate = soundfile.read(folder / "new" / f"new {genre}.flac", dtype="float32")
            assert rate == spec.sample_rate
            body = json.loads(build_request(samples, spec).body)
            status, _, answer = site.ask("POST", url, body)
            assert status == 200
            told[genre] = json.loads(answer)["aggregate"]["genre"]
    assert sum(genre == answer for genre, answer in told.items()) >= 3, told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--artists", "2"], "--artists: 3 or more"),
        (["--seconds", "0"], "--seconds: must be"),
        (["--folder", "{here}"], "exists already"),
    ],
)
def test_a_wrong_option_is_one_sentence(words, sentence, tmp_path):
    with program(*DEMO, *(word.format(here=tmp_path) for word in words)) as running:
        assert running.end() == 2
        assert sentence in running.output
        assert "Traceback" not in running.output


def test_a_failing_step_ends_it_and_a_temporary_folder_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    # Too short for one segment: `validate` finds nothing that can be used.
    with program(*DEMO, "--artists", "3", "--seconds", "1", "--no-serve") as running:
        assert running.end() == 2
        assert "validate folder" in running.output
        assert "extract" not in running.output
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_step_and_the_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with program(*DEMO, "--artists", "3", "--seconds", "6", "--no-serve") as running:
        running.expect(r"model_training extract")
        time.sleep(0.5)
        running.interrupt()
        assert running.end() == 130
        assert "model_training split" not in running.output
    assert list(tmp_path.iterdir()) == []


# --- the sounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("genre", GENRES)
def test_clips_are_varied_repeatable_and_within_bounds(genre):
    clips = [make(genre, 5.0, artist, take) for artist in (1, 2) for take in (1, 2)]
    for clip in clips:
        assert clip.shape == (5 * SAMPLE_RATE,)
        assert clip.dtype == np.float32
        assert 0.2 < np.abs(clip).max() <= 1
    np.testing.assert_array_equal(clips[0], make(genre, 5.0, 1, 1))
    likeness = np.abs(np.corrcoef(clips))[np.triu_indices(len(clips), 1)]
    assert likeness.max() < 0.5
