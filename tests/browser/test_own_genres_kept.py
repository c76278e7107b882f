"""Own genres are kept in the browser, in files and without a server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

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
    shares,
    teach_folder,
)
from .site import Site
from .test_history import CHANGE, STORED, posts, remember, settled
from .visit import GONE, Visit

KEY = "musiclassify-own-genres"
KEPT = f"localStorage.getItem('{KEY}')"
PANEL = "() => document.getElementById('own-rows').innerText"


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


def kept(visitor: Visit, genre: str) -> None:
    """Wait until the browser has stored own genres with this one."""
    visitor.page.wait_for_function(
        f"(genre) => ({KEPT} ?? '').includes(JSON.stringify(genre))", arg=genre
    )


def reload(visitor: Visit) -> None:
    """Load the page anew, and forget what was asked before."""
    visitor.asked.clear()
    visitor.page.reload()
    visitor.wait_for_engine("ready")


def test_a_reload_brings_everything_back_without_asking_again(here: Visit, music: Path):
    page = here.page
    remember(here)
    teach_folder(here, music)
    here.finish(drones(music.parent, 1, first=5))
    page.check("[name=own-mode][value=beside]")
    here.wait_until(lambda: len(bars(here, "drone 5.wav")) > 2, "answers in all genres")
    learned(here)
    answers, texts, panel = own_answers(here), shares(here), page.evaluate(PANEL)
    precise = bars(here, "drone 5.wav")
    settled(page, 5, 5, 0)
    kept(here, "Gnawa")
    reload(here)
    learned(here)
    assert own_answers(here) == answers
    assert shares(here) == texts
    assert bars(here, "drone 5.wav") == precise
    assert page.evaluate(PANEL) == panel
    assert page.is_checked("[name=own-mode][value=beside]")
    assert [line for line in here.asked if "/api/" in line] == []
    # What teaches is known, too: a song is filed without the server.
    file_under(here, "drone 5.wav", "Malhun")
    page.wait_for_selector("article.song[data-own-genre=Malhun]")
    assert [line for line in here.asked if "/api/" in line] == []

    # Erasing the list erases own genres, but not from the page.
    page.click("#erase")
    page.wait_for_selector("#history-message", state="visible")
    assert page.evaluate(KEPT) is None
    assert page.evaluate(STORED) == [0, 0]
    assert genres(here) == {"Drones": 2, "Gnawa": 2, "Malhun": 1}
    page.click("#own-undo")
    here.wait_until(lambda: genres(here) == {"Drones": 2, "Gnawa": 2}, "the genres before")
    assert page.evaluate(STORED) == [0, 0]


def test_nothing_is_kept_of_a_list_that_is_not_remembered(here: Visit, music: Path):
    teach_folder(here, music)
    assert here.page.evaluate(STORED) == [0, 0]
    assert here.page.evaluate("sessionStorage.length") == 0
    # Only from now on.
    remember(here)
    kept(here, "Gnawa")
    here.page.click("#own-forget")
    here.page.wait_for_selector("#own-genres[data-state=none]")
    here.page.wait_for_function(f"() => !{KEPT}.includes('Gnawa')")
    reload(here)
    assert here.page.get_attribute("#own-genres", "data-state") == "none"
    assert genres(here) == {}


def test_another_tab_has_the_same_genres_and_loses_none(here: Visit, music: Path):
    remember(here)
    other = here.another_tab().opened()
    # A tab in the background is not driven.
    here.page.bring_to_front()
    teach_folder(here, music)
    other.page.bring_to_front()
    other.wait_until(lambda: genres(other) == {"Drones": 2, "Gnawa": 2}, "the first tab's genres")
    other.finish(drones(music.parent, 1, first=5))
    learned(other)
    file_under(other, "drone 5.wav", "Malhun")
    expected = {"Drones": 2, "Gnawa": 2, "Malhun": 1}
    here.wait_until(lambda: genres(here) == expected, "the second tab's genre")
    other.page.click("#own-forget")
    here.page.wait_for_selector("#own-genres[data-state=none]")
    other.check_console()


def test_a_file_gives_the_same_answers_in_another_profile(
    here: Visit, visit: Callable[..., Visit], learning_site: Site, music: Path, tmp_path: Path
):
    teach_folder(here, music)
    asked = drones(tmp_path, 1, first=5)
    here.finish(asked)
    learned(here)
    named = saved_genres(here, named=True)
    plain = saved_genres(here)
    assert {"band 0.wav", "drone 1.wav"} < {song["name"] for song in named.pop("songs")}
    assert plain == named
    assert ".wav" not in json.dumps(plain)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(saved_genres(here, named=True)), encoding="utf-8")

    there = visit(learning_site.url, own_profile=True).opened()
    page = there.page
    there.finish(asked)
    page.set_input_files("#own-load", str(file))
    learned(there)
    assert page.locator("article.song").count() == 1
    assert bars(there, "drone 5.wav") == bars(here, "drone 5.wav")
    assert genres(there) == {"Drones": 2, "Gnawa": 2}
    assert saved_genres(there) == plain
    assert len(saved_genres(there, named=True)["songs"]) == 4

    # Both modes answer, and back.
    alone = bars(there, "drone 5.wav")
    page.check("[name=own-mode][value=beside]")
    there.wait_until(lambda: len(bars(there, "drone 5.wav")) > 2, "answers in all genres")
    assert saved_genres(there)["mode"] == "beside"
    page.check("[name=own-mode][value=own]")
    there.wait_until(lambda: bars(there, "drone 5.wav") == alone, "the answers as before")

    # Examples are added to it.
    there.finish(bands(tmp_path, 1, first=7))
    learned(there)
    file_under(there, "band 7.wav", "gnawa")
    there.wait_until(lambda: genres(there) == {"Drones": 2, "Gnawa": 3}, "one more example")
    file_under(there, "drone 5.wav", "Malhun")
    expected = {"Drones": 2, "Gnawa": 3, "Malhun": 1}
    there.wait_until(lambda: genres(there) == expected, "a genre more")
    learned(there)
    assert own_answers(there) == {"drone 5.wav": "Malhun", "band 7.wav": "Gnawa"}
    more = saved_genres(there, named=True)
    assert {genre["name"]: genre["songs"] for genre in more["genres"]} == expected
    assert len(more["songs"]) == 6

    # Its genres are renamed and forgotten, with the names of their songs.
    row = page.locator("#own-rows tr[data-genre=Drones]")
    row.locator(".own-rename").click()
    row.locator("input").fill("Low")
    row.locator("input").press("Enter")
    there.wait_until(lambda: "Low" in genres(there), "the new name")
    page.click("#own-rows tr[data-genre=Malhun] .own-drop")
    there.wait_until(lambda: genres(there) == {"Low": 2, "Gnawa": 3}, "a genre less")
    learned(there)
    rest = saved_genres(there, named=True)["songs"]
    assert sorted(song["genre"] for song in rest) == ["Gnawa"] * 3 + ["Low"] * 2
    # Of one genre alone nothing is told, also where it comes from a file.
    page.click("#own-rows tr[data-genre=Gnawa] .own-drop")
    page.wait_for_selector("#own-genres[data-state=failed]")
    assert said(there).startswith("One genre alone tells nothing apart")
    page.click("#own-forget")
    page.wait_for_selector("#own-genres[data-state=none]")


def test_examples_wait_for_the_server_also_across_a_reload(
    visit: Callable[..., Visit], make_site: Callable[..., Site], music: Path, tmp_path: Path
):
    site = make_site(own="learning", MODEL="v10")
    visitor = visit(site.url, service_worker=True).opened()
    page = visitor.page
    page.wait_for_selector("#kept:not([hidden])", state="attached")
    visitor.expected_complaints = GONE
    remember(visitor)
    teach_folder(visitor, music)
    answers = own_answers(visitor)
    settled(page, 4, 4, 0)
    site.stop()
    late = tmp_path / "later"
    bands(late / "Malhun", 2, first=5)
    page.set_input_files("#examples", str(late))
    for n in (5, 6):
        visitor.song(f"band {n}.wav").get_by_text("Waiting for the server").wait_for()
    page.wait_for_selector("#own-genres[data-state=learning]")
    assert "2 examples wait for their songs" in page.inner_text("#own-status")
    assert genres(visitor) == {"Drones": 2, "Gnawa": 2, "Malhun": 2}
    # The others answer meanwhile.
    unanswered = {"band 5.wav": None, "band 6.wav": None}
    assert own_answers(visitor) == answers | unanswered
    settled(page, 6, 6, 2)
    kept(visitor, "Malhun")

    page.reload()
    visitor.wait_for_engine("ready")
    visitor.wait_until(lambda: own_answers(visitor) == answers | unanswered, "the answers")
    assert page.get_attribute("#own-genres", "data-state") == "learning"
    assert genres(visitor) == {"Drones": 2, "Gnawa": 2, "Malhun": 2}
    # Without the server, what is known is changed all the same.
    file_under(visitor, "drone 0.wav", "Low")
    visitor.wait_until(lambda: own_answers(visitor)["drone 0.wav"] == "Low", "the correction")

    site.start()
    learned(visitor)
    assert genres(visitor) == {"Drones": 1, "Gnawa": 2, "Low": 1, "Malhun": 2}
    found = own_answers(visitor)
    assert found["band 5.wav"] == found["band 6.wav"] == "Malhun"


def test_what_the_version_knows_is_asked_for_until_it_comes(here: Visit, tmp_path: Path):
    page = here.page
    # Of a page that has not asked for it before.
    here.opened()
    here.finish([*bands(tmp_path, 1), *drones(tmp_path, 1)])
    here.expected_complaints = ("ERR_FAILED",)
    for address in ("**/embedding", "**/healthz"):
        page.route(address, lambda route: route.abort())
    file_under(here, "band 0.wav", "Gnawa")
    file_under(here, "drone 0.wav", "Drones")
    page.wait_for_selector("#own-genres[data-state=failed]")
    here.page.get_by_text("What the model knows of its genres cannot be loaded").wait_for()
    assert own_answers(here) == {"band 0.wav": None, "drone 0.wav": None}
    page.unroute_all()
    learned(here)
    assert own_answers(here) == {"band 0.wav": "Gnawa", "drone 0.wav": "Drones"}
    assert said(here) == ""


def test_a_version_that_cannot_learn_keeps_own_genres_unseen(here: Visit, music: Path):
    page = here.page
    teach_folder(here, music)
    answers = shares(here)
    page.select_option("#version", "v9")
    for name in own_answers(here):
        here.wait_for(name, "done")
    page.wait_for_selector("#own-genres[data-state=none]")
    assert set(own_answers(here).values()) == {None}
    assert said(here) == "Model v9 cannot learn own genres; choose v10 above."
    assert page.inner_text("#own-status") == "Your genres are kept; they are not used now."
    assert page.is_hidden("#own-body")
    assert page.is_hidden("#own-file")
    song = here.song("band 0.wav")
    song.locator(".song-toggle").click()
    assert song.locator("form.teach").is_hidden()
    # A folder and a file are refused with the same sentence.
    count = page.locator("article.song").count()
    page.set_input_files("#examples", str(music))
    page.wait_for_timeout(300)
    assert said(here) == "Model v9 cannot learn own genres; choose v10 above."
    assert page.locator("article.song").count() == count

    here.asked.clear()
    page.select_option("#version", "v10")
    learned(here)
    assert shares(here) == answers
    assert genres(here) == {"Drones": 2, "Gnawa": 2}
    assert said(here) == ""
    # The songs had answers of both versions already.
    assert posts(here) == []


def test_songs_of_an_older_page_are_asked_once_more_from_their_numbers(here: Visit, tmp_path: Path):
    page = here.page
    remember(here)
    here.finish([*bands(tmp_path, 2), *drones(tmp_path, 2)])
    settled(page, 4, 4, 0)
    page.evaluate(CHANGE % "(record) => { delete record.prediction.embedding; }")
    reload(here)
    here.wait_for("drone 1.wav", "done")
    # Nobody needs them before.
    page.wait_for_timeout(300)
    assert posts(here) == []
    file_under(here, "band 0.wav", "Gnawa")
    file_under(here, "drone 0.wav", "Drones")
    learned(here)
    assert None not in own_answers(here).values()
    assert genres(here) == {"Gnawa": 1, "Drones": 1}
    assert len(posts(here)) == 4
    assert here.measures("decode") == here.measures("extract") == 0
    # The answers are stored, so another visit does not ask again.
    page.wait_for_timeout(600)
    reload(here)
    learned(here)
    assert [line for line in here.asked if "/api/" in line] == []


def test_a_model_that_was_exported_again_learns_from_the_songs_that_are_there(
    here: Visit, music: Path, tmp_path: Path
):
    page = here.page
    remember(here)
    teach_folder(here, music)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(saved_genres(here)), encoding="utf-8")
    settled(page, 4, 4, 0)
    kept(here, "Gnawa")
    (current,) = {
        model["embedding"]["modelSha256"]
        for model in json.loads(page.locator("#config").text_content() or "")["models"]
        if model["embedding"]
    }
    older = "0" * len(current)
    page.evaluate(CHANGE % f"(record) => {{ record.prediction.embedding.model = '{older}'; }}")
    change = f"localStorage.setItem('{KEY}', {KEPT}.replaceAll('{current}', '{older}'))"
    page.evaluate(change)
    reload(here)
    learned(here)
    assert len(posts(here)) == 4
    assert set(own_answers(here).values()) == {"Gnawa", "Drones"}
    assert genres(here) == {"Drones": 2, "Gnawa": 2}

    # Of a file there are no songs from which it could learn again.
    page.set_input_files("#own-load", str(file))
    here.wait_until(lambda: 'base":{' in page.evaluate(KEPT), "the file to be kept")
    page.evaluate(change)
    reload(here)
    page.wait_for_selector("#own-genres[data-state=failed]")
    assert said(here) == (
        "Model v10 was exported again since these genres were learned. "
        "Teach it again from your songs."
    )
    assert set(own_answers(here).values()) == {None}
    assert genres(here) == {"Drones": 2, "Gnawa": 2}
