"""What cannot teach or be loaded costs a sentence, and nothing that was learned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from .lessons import (
    RATE,
    bands,
    bars,
    drone,
    drones,
    file_under,
    genres,
    learned,
    own_answers,
    said,
    saved_genres,
    shares,
    teach_folder,
)
from .site import Site
from .visit import Visit

NO_FILE = "This is no file of own genres, or it was cut off."
TOO_LARGE = "This is no file of own genres: those have at most 2 MB."
DAMAGED = "This file of own genres is damaged: something in it is missing or cannot be right."
UNKNOWN_KEY = (
    "This file of own genres holds something that such files do not hold, so it was not loaded."
)
NEWER = "This file of own genres is of a newer kind; it needs a newer MusiClassify."
EXPORTED = (
    "Model v10 was exported again since these genres were learned. Teach it again from your songs."
)
ELSEWHERE = (
    "These genres were learned with model v99, which is not on this site. "
    "Teach them again from your songs."
)
MARKUP = '<img src=x onerror="document.title = 1">&amp;'
LONG = "A genre\N{RIGHT SINGLE QUOTATION MARK}s name has at most 60 characters."


@pytest.fixture
def here(warm: Callable[..., Visit], learning_site: Site) -> Visit:
    """Return a warm page whose version can learn own genres."""
    return warm(learning_site.url)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Return a folder with two songs of each of two genres."""
    bands(tmp_path / "music" / "Gnawa", 2)
    drones(tmp_path / "music" / "Drones", 2)
    return tmp_path / "music"


def spoiled(whole: dict[str, Any]) -> list[tuple[str | bytes, str]]:
    """Return contents of files that cannot be used, and what is said of each."""
    text = json.dumps(whole)
    first, *others = whole["genres"]
    half = [0.5, *whole["covariance"][1:]]
    return [
        (b"", NO_FILE),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", NO_FILE),
        ("a letter", NO_FILE),
        ("[]", NO_FILE),
        (text[: len(text) // 2], NO_FILE),
        ('{"format":' + "[" * 100_000, NO_FILE),
        (bytes(50_000_000), TOO_LARGE),
        (json.dumps({**whole, "format": 2}), NEWER),
        (json.dumps({**whole, "author": "me"}), UNKNOWN_KEY),
        (json.dumps({**whole, "genres": [{**first, "colour": "red"}, *others]}), UNKNOWN_KEY),
        (json.dumps({key: whole[key] for key in whole if key != "threshold"}), DAMAGED),
        (json.dumps({**whole, "shrinkage": float("nan")}), DAMAGED),
        (text.replace(f'"threshold": {whole["threshold"]}', '"threshold": 1e999'), DAMAGED),
        (json.dumps({**whole, "genres": [first, first]}), DAMAGED),
        (json.dumps({**whole, "genres": [{**first, "name": "x" * 200}, *others]}), DAMAGED),
        (json.dumps({**whole, "covariance": [-half[0], *half[1:]]}), DAMAGED),
        (json.dumps({**whole, "covariance": half[:-1]}), DAMAGED),
        (json.dumps({**whole, "model_sha256": "0" * 64}), EXPORTED),
        (json.dumps({**whole, "model_sha256": "0" * 64, "version": "v99"}), ELSEWHERE),
    ]


def test_files_that_cannot_be_used_lose_nothing(here: Visit, music: Path, tmp_path: Path):
    page = here.page
    teach_folder(here, music)
    answers, whole = shares(here), saved_genres(here)
    for number, (content, sentence) in enumerate(spoiled(whole)):
        file = tmp_path / f"{number}.json"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        page.set_input_files("#own-load", str(file))
        page.locator("#own-message", has_text=sentence).wait_for()
        assert said(here) == sentence
        # Told anew for the next file.
        page.evaluate("() => { document.getElementById('own-message').textContent = ''; }")
    assert page.get_attribute("#own-genres", "data-state") == "ready"
    assert shares(here) == answers
    assert saved_genres(here) == whole

    # The next one that can be used takes the sentence away.
    (tmp_path / "good.json").write_text(json.dumps(whole), encoding="utf-8")
    page.set_input_files("#own-load", str(tmp_path / "good.json"))
    here.wait_until(lambda: said(here) == "", "no sentence")
    learned(here)
    assert shares(here) == answers
    page.click("#own-undo")
    learned(here)
    assert shares(here) == answers


def test_names_that_cannot_be_genres_are_refused(here: Visit, tmp_path: Path):
    page = here.page
    here.finish([*bands(tmp_path, 1), *drones(tmp_path, 1)])
    song = here.song("band 0.wav")
    if song.locator(".song-body").is_hidden():
        song.locator(".song-toggle").click()
    message = song.locator(".teach-message")
    for name, sentence in (
        ("", "A genre needs a name."), (" \t ", "A genre needs a name."), ("x" * 200, LONG),
        ("\N{SAXOPHONE}" * 61, LONG),
    ):  # fmt: skip
        song.locator("form.teach input").fill(name)
        song.locator("form.teach input").press("Enter")
        assert message.inner_text() == sentence
        assert song.locator("form.teach input").evaluate("e => e === document.activeElement")
        assert genres(here) == {}
    # An answer that comes does not take the sentence away.
    here.finish(drones(tmp_path, 1, first=3))
    assert message.inner_text() == LONG

    longest = "\N{SAXOPHONE}" * 60
    file_under(here, "drone 0.wav", longest)
    file_under(here, "band 0.wav", MARKUP)
    learned(here)
    assert genres(here) == {longest: 1, MARKUP: 1}
    assert own_answers(here)["band 0.wav"] == MARKUP
    assert page.locator("#own-rows .own-name").all_inner_texts() == [longest, MARKUP]
    assert MARKUP in bars(here, "band 0.wav")
    assert song.locator(".own-genre").inner_text() == MARKUP
    assert page.locator("img[src=x]").count() == 0
    assert page.title() != "1"

    # Neither are they other names of a genre.
    row = page.locator("#own-rows tr").first
    row.locator(".own-rename").click()
    row.locator("input").fill(" ")
    row.locator("input").press("Enter")
    assert row.locator(".own-rename-message").inner_text() == "A genre needs a name."
    row.locator("input").press("Escape")
    assert row.locator(".own-rename").evaluate("e => e === document.activeElement")
    page.fill("#own-file input", "x" * 61)
    page.click("#own-file button:not([type])")
    assert page.inner_text(".own-file-message") == LONG
    assert genres(here) == {longest: 1, MARKUP: 1}


def test_folders_that_cannot_teach_say_why_and_change_nothing(
    here: Visit, music: Path, tmp_path: Path
):
    page = here.page
    teach_folder(here, music)
    answers = shares(here)
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "letter.txt").write_text("no song")
    bands(tmp_path / "long" / ("x" * 200), 1, first=5)
    bands(tmp_path / "long" / "Malhun", 1, first=6)
    for folder, sentence in (("loose", "No genres in this folder"), ("long", LONG)):
        page.set_input_files("#examples", str(tmp_path / folder))
        page.locator("#own-message", has_text=sentence).wait_for()
    assert page.locator("article.song").count() == 4
    assert genres(here) == {"Drones": 2, "Gnawa": 2}
    assert shares(here) == answers


def test_songs_without_an_answer_teach_nothing_and_stop_nothing(here: Visit, music: Path):
    page = here.page
    (music / "Gnawa" / "letter.mp3").write_text("no song")
    (music / "Silence").mkdir()
    soundfile.write(music / "Silence" / "silent.wav", np.zeros(6 * RATE), RATE)
    page.set_input_files("#examples", str(music))
    for name in ("letter.mp3", "silent.wav"):
        here.wait_for(name, "failed")
    learned(here)
    assert genres(here) == {"Drones": 2, "Gnawa": 3, "Silence": 1}
    assert page.inner_text("#own-rows tr[data-genre=Silence] .own-recognised") == "not learned yet"
    assert page.inner_text("#own-status").endswith(
        "2 examples teach nothing: their songs have no answer. "
        "Choose their files again, or remove the songs."
    )
    assert set(bars(here, "band 0.wav")) == {"Drones", "Gnawa"}
    for name in ("letter.mp3", "silent.wav"):
        here.song(name).locator(".song-remove").click()
    here.wait_until(lambda: genres(here) == {"Drones": 2, "Gnawa": 2}, "the genres of the others")
    assert "teach nothing" not in page.inner_text("#own-status")


def test_nothing_is_learned_of_songs_that_all_failed(here: Visit, tmp_path: Path):
    for genre in ("Gnawa", "Drones"):
        (tmp_path / "music" / genre).mkdir(parents=True)
        (tmp_path / "music" / genre / f"{genre}.mp3").write_text("no song")
    here.page.set_input_files("#examples", str(tmp_path / "music"))
    here.page.wait_for_selector("#own-genres[data-state=failed]")
    assert here.page.inner_text("#own-status").startswith("2 examples teach nothing")
    assert here.page.is_disabled("#own-save")


def test_the_same_sound_under_two_genres_is_told(here: Visit, music: Path):
    shutil.copy(music / "Gnawa" / "band 0.wav", music / "Drones" / "copy.wav")
    teach_folder(here, music)
    notes = here.page.locator("#own-notes li").all_inner_texts()
    (told,) = [note for note in notes if "sound the same to the model" in note]
    assert "band 0.wav" in told
    assert "copy.wav" in told
    assert here.page.get_attribute("#own-genres", "data-state") == "ready"


def test_sixty_genres_are_learned_from_a_song_each(here: Visit, tmp_path: Path):
    page = here.page
    for n in range(60):
        folder = tmp_path / "music" / f"genre {n:02}"
        folder.mkdir(parents=True)
        drone(folder / f"{n:02}.wav", 2.5, seed=n)
    teach_folder(here, tmp_path / "music")
    assert list(genres(here).values()) == 60 * [1]
    found = bars(here, "07.wav")
    assert len(found) == 60
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)
    for name, genre in own_answers(here).items():
        assert genre in ("", f"genre {name[:2]}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert len(saved_genres(here)["genres"]) == 60
