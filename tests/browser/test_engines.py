"""The page in Firefox and in WebKitGTK: answers as of the command line, and all around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.segments import Listen
from model_training.studies.prediction import choose, load_predictor, predict_file
from webapp.inference import Predictor

from .engines import installed
from .engines.engine import Engine
from .file_kinds import Kind
from .files_table import (
    EMPTY,
    KEEP_ANSWERS,
    LOOK,
    VERSION,
    check_column,
    on_page,
    outcome_of,
)
from .site import ROOT, Site
from .sounds import write, write_long
from .test_history import STATES

# Largest difference of a piece's probabilities between an engine and the command line.
ALIKE = 0.02
# Longer songs than of 15 minutes are decoded bit by bit.
LONG_S = 16 * 60


@pytest.fixture(scope="module", params=installed.NAMES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Start an engine."""
    started = installed.start(request.param)
    yield started
    started.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """Return a running site that only the tests of this file use, so that they may stop it."""
    return make_site(own="engines", MODEL=VERSION)


@pytest.fixture
def page(engine: Engine, site: Site) -> Engine:
    """Return an engine with the ready page and an empty list."""
    there = "return location.href === arguments[0] && document.querySelector('#engine').dataset"
    if not engine.script(f"{there}.state === 'ready'", f"{site.url}/"):
        engine.ready(site.url)
    # Else a test before has done so.
    if not engine.script("return Array.isArray(window.kept)"):
        run(engine, KEEP_ANSWERS)
    run(engine, EMPTY)
    return engine


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    """Return the model of the site."""
    return load_predictor(choose(ROOT / "trained_models", VERSION))


def run(engine: Engine, function: str, *values: object) -> Any:
    """Call a function of JavaScript, given as text."""
    return engine.script(f"return ({function})(...arguments)", *values)


def test_python_starts_from_its_snapshot(page: Engine):
    assert page.script("return document.querySelector('#engine').dataset.snapshot") == "used"


def check_answer(page: Engine, file: Path, predictor: Predictor, listen: Listen = "whole") -> None:
    """Let a page hear a song; compare with the command line."""
    run(page, EMPTY)
    assert page.finish(file)[0] == "done", file.name
    seen = page.wait_for(f"return ({LOOK})(...arguments)", file.name)
    found = outcome_of(seen["answers"], seen["said"]).probabilities
    expected = predict_file(file, predictor, listen=listen).prediction
    assert found is not None, seen["said"]
    np.testing.assert_allclose(found, expected.probabilities, atol=ALIKE, err_msg=file.name)
    genre = page.script("return document.querySelector('article.song').dataset.genre")
    assert genre == expected.winner, file.name


def test_songs_are_answered_as_by_the_command_line(
    page: Engine, predictor: Predictor, tmp_path: Path
):
    for suffix in ("ogg", "wav", "mp3", "m4a"):
        song = write(tmp_path / f"song.{suffix}", 15.5, 44100, channels=2, seed=4)
        check_answer(page, song, predictor)


def test_files_of_all_kinds_are_heard_or_refused_as_the_table_says(
    page: Engine, request: pytest.FixtureRequest, kinds: list[Kind]
):
    found = on_page(
        kinds,
        lambda function, *values: run(page, function, *values),
        lambda path: page.set_files("#songs", [path]),
    )
    check_column(kinds, request.node.callspec.params["engine"], found)


def test_a_long_song_is_answered_as_by_the_command_line(
    page: Engine, predictor: Predictor, tmp_path: Path
):
    check_answer(page, write_long(tmp_path / "long.mp3", LONG_S, 22050, channels=1), predictor)


def test_three_excerpts_are_answered_as_by_the_command_line(
    page: Engine, predictor: Predictor, tmp_path: Path
):
    listen = "const select = document.querySelector('#listen'); select.value = arguments[0];"
    change = "select.dispatchEvent(new Event('change'));"
    page.script(listen + change, "excerpts")
    try:
        for suffix in ("ogg", "wav", "mp3", "m4a"):
            song = write(tmp_path / f"long.{suffix}", 160, 44100, channels=2, seed=4)
            check_answer(page, song, predictor, "excerpts")
            heard = page.script("return document.querySelector('article.song').dataset.listened")
            assert heard == "excerpts", suffix
    finally:
        page.script(listen + change, "whole")


def test_a_piece_plays(page: Engine, tmp_path: Path):
    assert page.finish(write(tmp_path / "song.mp3", 15.5, 22050))[0] == "done"
    # The answer of a single song has unfolded by itself.
    page.click(".segments li:nth-child(2) .segment")
    page.wait_for(
        "const { paused, currentTime } = document.querySelector('.player');"
        "return !paused && currentTime > 5"
    )


def test_the_list_comes_back_after_a_reload(page: Engine, tmp_path: Path):
    page.click("#remember")
    # The page has made its database by then; asked for before, an empty one would be made.
    page.wait_for("return localStorage.getItem('musiclassify-remember') !== null")
    assert page.finish(write(tmp_path / "kept.ogg", 6, 22050))[0] == "done"
    answer = "return document.querySelector('article.song [role=status]')?.textContent"
    said = page.script(answer)
    page.wait_for(f"return ({STATES})('songs').then((states) => states[0] === 'done')")
    page.reload()
    assert page.wait_for(answer) == said
    assert not page.script("return document.querySelector('#history-message').textContent")
    page.click("#erase")
    page.wait_for("return document.querySelector('#erase').hidden")


def test_a_file_that_cannot_be_heard_is_refused_in_a_sentence(page: Engine, tmp_path: Path):
    path = tmp_path / "notes.mp3"
    path.write_bytes(b"MThd\0\0\0\x06" + bytes(20_000))
    state, message = page.finish(path)
    assert state == "failed"
    assert message.startswith("This is MIDI, which holds notes")


def test_the_page_speaks_french(page: Engine):
    page.script("scrollTo(0, 0)")
    page.click("a.switch[lang=fr]")
    page.wait_for(
        "return document.documentElement.lang === 'fr'"
        " && document.querySelector('#engine[data-state=ready]')?.textContent.includes('Prêt')"
    )
    assert page.script("return document.querySelector('h1').textContent") == (
        "De quel genre est votre musique\u202f?"
    )


def test_the_page_opens_without_its_server(page: Engine, site: Site):
    page.wait_for("return document.querySelector('#kept:not([hidden])') !== null")
    site.stop()
    page.reload()
    page.wait_for("return document.querySelector('#engine[data-state=ready]') !== null")
    assert page.script("return document.querySelector('h1').textContent") == (
        "What genre is your music?"
    )
