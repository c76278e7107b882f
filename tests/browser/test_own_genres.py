"""Own genres: folders or songs of the list teach them, and every song has an answer."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.own_genres import ModelGenres
from features.teaching import learn
from model_training.__main__ import main
from model_training.studies.folder_teaching import embed_examples, find_examples
from model_training.studies.own_genres import require_embedding
from webapp.inference import Predictors, Registry

from .lessons import (
    bands,
    bars,
    drones,
    file_under,
    genres,
    learned,
    own_answers,
    said,
    saved_genres,
    teach_folder,
    write_lesson,
)
from .site import ROOT, Site
from .test_history import posts
from .visit import Visit

VERSION = "v10"
ONE_GENRE = "One genre alone tells nothing apart"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a folder of songs for each of two genres, and files beside them."""
    return write_lesson(tmp_path_factory.mktemp("music") / "my music")


@pytest.fixture
def here(warm: Callable[..., Visit], learning_site: Site) -> Visit:
    """Return a warm page whose version can learn own genres."""
    return warm(learning_site.url)


def filed(folder: Path) -> dict[str, str]:
    """Return the genre of each song in the folders of a folder."""
    return {
        file.name: file.relative_to(folder).parts[0]
        for file in folder.rglob("*.wav")
        if file.parent != folder
    }


def _has(visitor: Visit, expected: dict[str, int]) -> bool:
    return genres(visitor) == expected


def test_a_folder_with_a_folder_per_genre_teaches_all_of_it(here: Visit, lesson: Path):
    page = here.page
    listed = lesson / "Drones" / "drone 2.wav"
    here.finish([listed])
    assert page.get_attribute("#own-genres", "data-state") == "none"
    assert here.song(listed.name).get_attribute("data-own-genre") is None
    here.asked.clear()
    teach_folder(here, lesson)
    assert own_answers(here) == filed(lesson)
    assert genres(here) == {"Band": 7, "Drones": 5}
    assert page.inner_text("#own-status") == (
        "2 genres learned; every song of the list is answered in them."
    )
    assert said(here) == (
        "1 song beside the genres\N{RIGHT SINGLE QUOTATION MARK} folders is left out. "
        "2 files left out: no audio."
    )
    # The song that was there already was not analysed again.
    assert len(posts(here)) == 11

    here.asked.clear()
    teach_folder(here, lesson)
    assert own_answers(here) == filed(lesson)
    assert genres(here) == {"Band": 7, "Drones": 5}
    assert posts(here) == []


def drop(visitor: Visit, path: Path, selector: str) -> None:
    """Drop a file or a folder from the desktop on an element."""
    visitor.page.locator(selector).scroll_into_view_if_needed()
    box = visitor.page.locator(selector).bounding_box()
    assert box
    devtools = visitor.page.context.new_cdp_session(visitor.page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send(
            "Input.dispatchDragEvent",
            {"type": kind, "x": box["x"] + 20, "y": box["y"] + 10, "data": data},
        )
    devtools.detach()


def test_a_folder_that_is_dropped_on_the_panel_teaches(here: Visit, lesson: Path, tmp_path: Path):
    page = here.page
    # Anywhere else on the page its songs only join the list.
    drones(tmp_path / "more" / "Drones", 1, first=6)
    drop(here, tmp_path / "more", "#engine")
    here.wait_for("drone 6.wav", "done")
    assert page.get_attribute("#own-genres", "data-state") == "none"
    drop(here, lesson, "#own-genres")
    page.wait_for_selector("#own-rows tr")
    learned(here)
    assert genres(here) == {"Band": 7, "Drones": 5}
    assert own_answers(here) == {**filed(lesson), "drone 6.wav": "Drones"}
    assert said(here).endswith("2 files left out: no audio.")


def test_what_cannot_teach_joins_the_list_from_the_panel_too(here: Visit, tmp_path: Path):
    page = here.page
    drones(tmp_path / "more" / "Drones", 2, first=6)
    drop(here, tmp_path / "more" / "Drones" / "drone 6.wav", "#own-genres")
    here.wait_for("drone 6.wav", "done")
    page.select_option("#version", "v9")
    here.wait_for_engine("ready")
    drop(here, tmp_path / "more", "#own-genres")
    here.wait_for("drone 7.wav", "done")
    assert page.get_attribute("#own-genres", "data-state") == "none"
    assert "choose v10" in page.inner_text("#own-status")


def check_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Fail unless two files of own genres agree to a thousandth."""
    words = {"format", "version", "feature_spec", "model_sha256", "size", "mode"}
    assert found.keys() == expected.keys()
    assert {key: found[key] for key in words} == {key: expected[key] for key in words}
    of_genre = {genre["name"]: genre for genre in found["genres"]}
    assert set(of_genre) == {genre["name"] for genre in expected["genres"]}
    for genre in expected["genres"]:
        mine = of_genre[genre["name"]]
        assert mine["songs"] == genre["songs"]
        assert mine["recognised"] == pytest.approx(genre["recognised"], abs=1e-3)
        np.testing.assert_allclose(mine["mean"], genre["mean"], atol=1e-3)
    for key in ("covariance", "shrinkage", "temperature", "threshold"):
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-3, atol=1e-3, err_msg=key)


@pytest.mark.parametrize("mode", ["own", "beside"])
def test_page_and_command_learn_the_same_from_a_folder(
    here: Visit, lesson: Path, tmp_path: Path, mode: str
):
    teach_folder(here, lesson)
    if mode == "beside":
        here.page.check(f"[name=own-mode][value={mode}]")
        here.page.wait_for_function(
            "() => document.querySelector('.song-body') && document.querySelector('.own-status')"
        )
        here.page.wait_for_timeout(500)
        learned(here)
    found = saved_genres(here, named=True)
    out = tmp_path / "own.json"
    words = ["teach", str(lesson), "--out", str(out), "--version", VERSION, "--mode", mode]
    assert main([*words, "--names"]) == 0
    expected = json.loads(out.read_text(encoding="utf-8"))
    check_same(found, expected)
    names = sorted((song["name"], song["genre"]) for song in found["songs"])
    assert names == sorted((song["name"], song["genre"]) for song in expected["songs"])
    assert dict(names) == filed(lesson)
    assert "songs" not in saved_genres(here)


def test_songs_of_an_artist_are_left_out_together(here: Visit, lesson: Path):
    """The hissing artist is not recognised by the rest of the band."""
    teach_folder(here, lesson)
    registry = Registry.load(ROOT / "trained_models")
    model: ModelGenres = require_embedding(registry.cards[VERSION], ROOT / "trained_models")
    examples = find_examples(lesson, "own", lambda line: None)
    examples, embeddings = embed_examples(
        examples, Predictors(registry).get(VERSION), lambda line: None
    )
    names = [example.genre for example in examples]
    folders = [example.folder for example in examples]
    together = learn(embeddings, names, model, "own", folders).own.genres[0].recognised
    alone = learn(embeddings, names, model, "own").own.genres[0].recognised
    assert together
    assert alone
    assert round(7 * together.value) != round(7 * alone.value)
    row = here.page.locator("#own-rows tr[data-genre=Band] .own-recognised")
    assert row.inner_text().startswith(f"{round(7 * together.value)} of 7 ")


def test_songs_of_the_list_are_filed_one_by_one(here: Visit, tmp_path: Path):
    page = here.page
    here.finish([*bands(tmp_path), *drones(tmp_path)])
    here.asked.clear()
    file_under(here, "band 0.wav", "Gnawa")
    page.wait_for_selector("#own-genres[data-state=failed]")
    assert said(here).startswith(ONE_GENRE)
    file_under(here, "drone 0.wav", "Chaabi")
    learned(here)
    assert said(here) == ""
    assert genres(here) == {"Gnawa": 1, "Chaabi": 1}
    first = own_answers(here)
    assert {first[f"drone {n}.wav"] for n in range(3)} == {"Chaabi"}
    assert {first["band 0.wav"], first["band 2.wav"]} == {"Gnawa"}
    # It may be too far from the only example.
    assert first["band 1.wav"] in ("", "Gnawa")
    assert page.locator("#own-rows .own-recognised").all_inner_texts() == 2 * ["too few to say"]

    # A correction moves the answer, and undoing it moves it back.
    song = here.song("band 2.wav")
    song.locator(".song-toggle").click()
    assert song.locator(".teach-out").is_hidden()
    song.locator("form.teach input").fill("  Malhun ")
    song.locator("form.teach input").press("Enter")
    page.wait_for_selector('article[data-name="band 2.wav"][data-own-genre=Malhun]')
    learned(here)
    assert genres(here) == {"Gnawa": 1, "Chaabi": 1, "Malhun": 1}
    assert song.locator(".teach-message").inner_text() == "Filed under Malhun."
    assert song.locator(".own-genre").inner_text() == "Malhun"
    page.click("#own-undo")
    page.wait_for_selector('article[data-name="band 2.wav"][data-own-genre=Gnawa]')
    learned(here)
    assert own_answers(here) == first
    assert genres(here) == {"Gnawa": 1, "Chaabi": 1}
    assert song.locator(".teach-message").inner_text() == ""

    # In another spelling it is the same genre.
    song.locator("form.teach input").fill("GNAWA")
    song.locator("form.teach button").first.click()
    page.wait_for_selector("#own-rows tr[data-genre=Gnawa][data-examples='2']")
    song.locator(".teach-out").click()
    page.wait_for_selector("#own-rows tr[data-genre=Gnawa][data-examples='1']")
    assert song.locator(".teach-out").is_hidden()
    assert song.locator("form.teach input").evaluate("input => input === document.activeElement")
    # For all of this the server was not asked.
    assert posts(here) == []


def rename(visitor: Visit, genre: str, name: str) -> None:
    """Give a genre of the panel another name."""
    row = visitor.page.locator("#own-rows tr").and_(
        visitor.page.locator(f"[data-genre={json.dumps(genre)}]")
    )
    row.locator(".own-rename").click()
    row.locator("input").fill(name)
    row.locator("input").press("Enter")


def test_genres_are_renamed_merged_forgotten_and_brought_back(here: Visit, tmp_path: Path):
    page = here.page
    for n, genre in enumerate(("Gnawa", "Chaabi")):
        bands(tmp_path / "music" / genre, 2, first=2 * n)
    drones(tmp_path / "music" / "Malhun", 2)
    teach_folder(here, tmp_path / "music")
    first = own_answers(here)
    rename(here, "Malhun", "Drones")
    page.wait_for_selector("article.song[data-own-genre=Drones]")
    learned(here)
    assert genres(here) == {"Chaabi": 2, "Gnawa": 2, "Drones": 2}
    assert own_answers(here) == {
        name: "Drones" if genre == "Malhun" else genre for name, genre in first.items()
    }
    focused = "document.activeElement.closest('tr')?.dataset.genre ?? document.activeElement.id"
    assert page.evaluate(focused) == "Drones"

    # Given the name of another, in any spelling, the two become one.
    rename(here, "Chaabi", "g N a w a")
    page.wait_for_selector("#own-rows tr[data-genre=Gnawa][data-examples='4']")
    learned(here)
    assert genres(here) == {"Gnawa": 4, "Drones": 2}
    assert set(own_answers(here).values()) == {"Gnawa", "Drones"}

    page.click("#own-rows tr[data-genre=Drones] .own-drop")
    page.wait_for_selector("#own-genres[data-state=failed]")
    assert genres(here) == {"Gnawa": 4}
    assert said(here).startswith(ONE_GENRE)
    assert set(own_answers(here).values()) == {None}
    assert page.evaluate(focused) == "own-undo"
    page.click("#own-forget")
    page.wait_for_selector("#own-genres[data-state=none]")
    assert genres(here) == {}
    assert page.is_hidden("#own-body")
    assert page.is_hidden("#own-forget")
    assert page.evaluate(focused) == "own-undo"
    assert said(here) == ""

    # Four changes are taken back, one by one.
    for expected in (
        {"Gnawa": 4}, {"Gnawa": 4, "Drones": 2}, {"Chaabi": 2, "Gnawa": 2, "Drones": 2},
        {"Chaabi": 2, "Gnawa": 2, "Malhun": 2},
    ):  # fmt: skip
        page.click("#own-undo")
        here.wait_until(functools.partial(_has, here, expected), str(expected))
    learned(here)
    assert own_answers(here) == first


def test_several_songs_are_filed_at_once(here: Visit, tmp_path: Path):
    page = here.page
    assert page.is_hidden("#own-file")
    here.finish([*bands(tmp_path, 4), *drones(tmp_path)])
    assert page.inner_text("#own-which") == "The 7 songs shown are"
    page.click("#own-pick")
    assert page.inner_text("#own-which") == "0 picked songs are"
    page.fill("#own-file input", "Gnawa")
    page.click("#own-file button:not([type])")
    assert page.inner_text(".own-file-message") == "Pick songs first."
    for n in range(3):
        page.get_by_label(f"Pick band {n}.wav").check()
    assert page.inner_text("#own-which") == "3 picked songs are"
    page.fill("#own-file input", "Gnawa")
    page.keyboard.press("Enter")
    assert page.inner_text(".own-file-message") == "3 songs filed under Gnawa."
    assert page.inner_text("#own-which") == "0 picked songs are"
    page.click("#own-pick")
    assert page.get_by_label("Pick band 0.wav").is_hidden()

    # Those that the filter shows, and no others.
    file_under(here, "drone 0.wav", "Drones")
    learned(here)
    answers = own_answers(here)
    page.select_option("#filter", "own:Gnawa")
    shown = {name for name, genre in answers.items() if genre == "Gnawa"}
    assert 2 < len(shown) < 7
    page.get_by_text(f"The {len(shown)} songs shown are").wait_for()
    page.fill("#own-file input", "Gnawa")
    page.keyboard.press("Enter")
    expected = {"Gnawa": len(shown), "Drones": 1}
    here.wait_until(lambda: genres(here) == expected, str(expected))
    page.select_option("#filter", "")


def test_own_genres_answer_alone_or_beside_those_of_the_model(here: Visit, tmp_path: Path):
    """A genre that is another spelling of one of the model's takes its place."""
    page = here.page
    bands(tmp_path / "music" / "Hip-Hop", seconds=12)
    drones(tmp_path / "music" / "Drones")
    teach_folder(here, tmp_path / "music")
    config = json.loads(page.locator("#config").text_content() or "")
    (model,) = [model for model in config["models"] if model["version"] == VERSION]
    assert "hiphop" in model["genres"]
    alone = bars(here, "band 0.wav")
    assert set(alone) == {"Hip-Hop", "Drones"}
    assert sum(alone.values()) == pytest.approx(1, abs=1e-4)
    page.check("[name=own-mode][value=beside]")
    here.wait_until(lambda: len(bars(here, "band 0.wav")) > 2, "answers in all genres")
    learned(here)
    beside = bars(here, "band 0.wav")
    assert set(beside) == {"Hip-Hop", "Drones", *model["genres"]} - {"hiphop"}
    assert sum(beside.values()) == pytest.approx(1, abs=1e-4)
    song = here.song("band 0.wav")
    assert song.get_attribute("data-own-genre") == max(beside, key=lambda name: beside[name])
    # The model's own answer stays as it was.
    assert song.get_attribute("data-genre") in model["genres"]
    assert set(song.locator(".verdict + .bars .bars-name").all_inner_texts()) == set(
        model["genres"]
    )
    page.check("[name=own-mode][value=own]")
    here.wait_until(lambda: bars(here, "band 0.wav") == alone, "the answers as before")


def test_the_pieces_of_a_song_are_shown_in_own_genres(here: Visit, tmp_path: Path):
    page = here.page
    bands(tmp_path / "music" / "Gnawa", seconds=12)
    drones(tmp_path / "music" / "Drones", seconds=12)
    teach_folder(here, tmp_path / "music")
    song = here.song("band 0.wav")
    song.locator(".song-toggle").click()
    song.locator(".pieces summary").click()
    table = song.locator(".pieces table")
    table.wait_for()
    words = {"Gnawa", "Drones"}

    def told() -> set[str]:
        return set(table.locator("td:nth-child(3)").all_inner_texts())

    assert not told() & words
    before = song.locator(".timeline-rows .segment").first.get_attribute("aria-label")
    count = song.locator(".segment").count()
    song.locator(".own-timeline input[value=own]").check()
    here.wait_until(lambda: told() <= words, "the pieces in own genres")
    assert told() == {"Gnawa"}
    assert table.locator("tbody tr").count() == song.locator(".segment").count() == count == 2
    first = song.locator(".timeline-rows .segment").first
    assert "Gnawa" in (first.get_attribute("aria-label") or "")
    # When the song is answered in other genres, so are its pieces.
    rename(here, "Gnawa", "Sunday morning")
    here.wait_until(lambda: told() == {"Sunday morning"}, "the pieces in the new genre")
    song.locator(".own-timeline input[value=model]").check()
    here.wait_until(lambda: not told() & {"Sunday morning", "Drones"}, "the model's pieces")
    assert first.get_attribute("aria-label") == before
    # Without own genres nothing of them is left.
    song.locator(".own-timeline input[value=own]").check()
    here.wait_until(lambda: told() == {"Sunday morning"}, "the pieces in own genres")
    page.click("#own-forget")
    page.wait_for_selector("#own-genres[data-state=none]")
    assert song.locator(".own-timeline").is_hidden()
    assert song.locator(".own-verdict").is_hidden()
    here.wait_until(lambda: not told() & {"Sunday morning", "Drones"}, "the model's pieces")
