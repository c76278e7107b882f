"""The browser remembers the list only when asked to, without loss, and erases it at one click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

from .site import Site
from .sounds import write
from .test_collection import band_files, names, saved
from .visit import Visit

STORED = "async () => [(await indexedDB.databases()).length, localStorage.length]"
# Returns the state of each record of a store; records of other stores than "songs" have none.
STATES = """async (store) => {
  const open = indexedDB.open('musiclassify');
  const database = await new Promise((resolve) => {
    open.onsuccess = () => resolve(open.result);
  });
  const request = database.transaction(store).objectStore(store).getAll();
  const found = await new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  database.close();
  return found.map(({ state }) => state ?? null);
}"""
# Changes each song record of the page's database with the function in place of %s.
CHANGE = """async (change) => {
  const open = indexedDB.open('musiclassify');
  const database = await new Promise((resolve) => {
    open.onsuccess = () => resolve(open.result);
  });
  const transaction = database.transaction('songs', 'readwrite');
  const store = transaction.objectStore('songs');
  const request = store.getAll();
  request.onsuccess = () => {
    for (const record of request.result) {
      (0, %s)(record);
      store.put(record, record.key);
    }
  };
  await new Promise((resolve) => { transaction.oncomplete = resolve; });
  database.close();
}"""
ALL_DONE = """(n) => document.querySelectorAll('article.song[data-state=done]').length === n"""


def remember(visitor: Visit) -> None:
    """Switch remembering on, and wait until the page has stored that it is on."""
    visitor.page.check("#remember")
    visitor.page.wait_for_function("() => localStorage.getItem('musiclassify-remember') !== null")


def settled(page: Page, songs: int, bodies: int, files: int, state: str | None = None) -> None:
    """Wait until the database holds so many songs, bodies and files, all songs in this state."""
    for _ in range(400):
        found = [page.evaluate(STATES, store) for store in ("songs", "bodies", "files")]
        alike = state is None or {*found[0]} == {state}
        if alike and [*map(len, found)] == [songs, bodies, files]:
            return
        page.wait_for_timeout(50)
    raise AssertionError(
        f"the database does not hold {songs} songs, {bodies} bodies and {files} files: {found}"
    )


def answer_of(visitor: Visit, name: str) -> list[str]:
    """Return the texts of the answer of an unfolded song."""
    song = visitor.song(name)
    parts = (".verdict", ".bars", ".names", ".scale", ".sent-size")
    return [text for part in parts for text in song.locator(part).all_inner_texts()]


def posts(visitor: Visit) -> list[str]:
    """Return every POST request so far."""
    return [line for line in visitor.asked if line.startswith("POST ")]


def test_nothing_is_stored_unless_asked_for(
    visit: Callable[..., Visit], site: Site, tmp_path: Path
):
    visitor = visit(site.url).opened()
    page = visitor.page
    assert not page.is_checked("#remember")
    assert page.is_hidden("#erase")
    assert page.is_hidden("#history-message")
    visitor.finish(band_files(tmp_path, 2, 6))
    assert page.evaluate(STORED) == [0, 0]
    assert page.evaluate("sessionStorage.length") == 0
    page.reload()
    visitor.wait_for_engine("ready")
    assert page.locator("article.song").count() == 0


def test_answered_songs_come_back(here: Visit, tmp_path: Path):
    page = here.page
    long = write(tmp_path / "long.ogg", 100, 44100)
    files = [long, *band_files(tmp_path, 2)]
    (tmp_path / "letter.mp3").write_text("no song")
    # Songs that are in the list already are stored, too.
    here.finish(files[:1])
    remember(here)
    here.finish(files[1:])
    here.choose([tmp_path / "letter.mp3"])
    here.wait_for("letter.mp3", "failed")
    status = {file.name: here.status(file.name) for file in files}
    failure = here.status("letter.mp3")
    shown = answer_of(here, "long.ogg")
    sent = here.sent("long.ogg")
    genre = here.song("long.ogg").get_attribute("data-genre") or ""
    page.click("#collection summary")
    buttons = ("#export-csv", "#export-json", f'[aria-label="Playlist of {genre}"]')
    exports = [saved(here, button) for button in buttons]
    # The failed song can be tried again, so its file is kept.
    settled(page, 4, 3, 1)

    here.asked.clear()
    page.reload()
    here.wait_for_engine("ready")
    assert page.is_checked("#remember")
    page.wait_for_function(ALL_DONE, arg=3)
    assert names(here) == [*(file.name for file in files), "letter.mp3"]
    assert {file.name: here.status(file.name) for file in files} == status
    assert here.status("letter.mp3") == failure
    assert page.inner_text("#summary") == "3 of 4 songs done, 1 failed"
    song = here.song("long.ogg")
    song.locator(".song-toggle").click()
    kept_away = "The sound itself is not kept; choose the file again to hear it."
    assert song.locator(".no-sound").inner_text() == kept_away
    assert song.locator(".player").is_hidden()
    assert answer_of(here, "long.ogg") == shown
    assert song.locator(".gap").all_inner_texts() == ["intro, left out"]
    song.locator(".segment").nth(2).click()
    assert song.locator(".timeline-readout").inner_text() == kept_away
    song.locator(".pieces summary").click()
    song.locator(".pieces table").wait_for()
    assert song.locator(".pieces tbody tr").count() == song.locator(".segment").count()
    assert here.sent("long.ogg") == sent
    page.click("#collection summary")
    assert [saved(here, button) for button in buttons] == exports
    page.select_option("#order", "surest")
    assert names(here)[-1] == "letter.mp3"
    page.select_option("#filter", genre)
    assert "long.ogg" in names(here)
    assert posts(here) == []

    # Choosing the same file adds no song: it gives the remembered song its sound back.
    here.choose([long])
    song.locator(".player").wait_for()
    assert page.locator("article.song").count() == 4
    song.locator(".segment").first.click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.player')].some((audio) => !audio.paused)"
    )
    assert posts(here) == []


def test_a_part_of_a_song_whose_sound_is_not_kept(here: Visit, tmp_path: Path):
    page = here.page
    file = write(tmp_path / "song.wav", 20, 22050)
    remember(here)
    here.finish([file])
    settled(page, 1, 1, 0)
    page.reload()
    here.wait_for_engine("ready")
    song = here.wait_for(file.name, "done")
    song.locator(".song-toggle").click()
    first, last = song.locator(".part input").all()
    first.fill("0:05")
    last.fill("0:15")
    message = song.locator(".part-message")
    with page.expect_file_chooser() as chooser:
        song.locator(".part button").click()
    assert "choose the file again, and this part of it is analysed" in message.inner_text()
    chooser.value.set_files(str(file))
    part = here.wait_for("song.wav (0:05\u20130:15)", "done")
    assert names(here) == [file.name, "song.wav (0:05\u20130:15)"]
    assert part.locator(".song-facts").inner_text().startswith("0:10")
    # The song itself has its sound again, so the message about the missing sound is gone.
    assert not message.inner_text()
    assert song.locator(".player").get_attribute("src")
    with page.expect_request(lambda request: request.method == "POST"):
        first.fill("0:01")
        song.locator(".part button").click()
    here.wait_for("song.wav (0:01\u20130:15)", "done")


def test_reload_while_the_server_answers(here: Visit, tmp_path: Path):
    page = here.page
    files = band_files(tmp_path, 24, 6)
    remember(here)
    let_through: list[Route] = []

    def answer_six(route: Route) -> None:
        if len(let_through) < 6:
            let_through.append(route)
            route.continue_()

    page.route("**/predictions", answer_six)
    here.choose(files)
    page.wait_for_function(ALL_DONE, arg=6)
    # Two requests are under way at a time, and one may overtake the other.
    answered = [
        name for name in names(here) if here.song(name).get_attribute("data-state") == "done"
    ]
    for file in files:
        if file.name not in answered:
            here.wait_for(file.name, "predicting")
    done = {name: here.status(name) for name in answered}
    settled(page, 24, 24, 18)
    page.unroute_all()
    page.reload()
    page.wait_for_function(ALL_DONE, arg=24)
    # No song is there twice or lost, and none was decoded again.
    assert names(here) == [file.name for file in files]
    assert {name: here.status(name) for name in done} == done
    # Counted by this page only: the page before sends two more requests while it unloads, in place
    # of those that break off.
    assert here.measures("request") == 18
    assert here.measures("decode") == 0
    settled(page, 24, 24, 0)
    page.reload()
    page.wait_for_function(ALL_DONE, arg=24)
    assert here.measures("request") == 0


def test_reload_before_the_songs_are_decoded(here: Visit, tmp_path: Path):
    page = here.page
    files = band_files(tmp_path, 8, 6)
    with here.held("**/python_stdlib.zip"):
        page.goto(here.url)
        remember(here)
        here.choose(files)
        page.click("#pause")
        here.wait_for(files[7].name, "paused")
        settled(page, 8, 0, 8)
        # The pause is written a moment later.
        page.wait_for_timeout(600)
    page.reload()
    here.wait_for_engine("ready")
    # The page before has logged that its file never came.
    here.complaints.clear()
    # The pause outlives the reload: no song goes on.
    page.wait_for_timeout(300)
    assert page.locator("article.song[data-state=paused]").count() == 8
    assert page.inner_text("#pause") == "Go on"
    page.click("#pause")
    page.wait_for_function(ALL_DONE, arg=8)
    assert names(here) == [file.name for file in files]
    assert here.measures("decode") == 8
    # The open page can still play the files, but the database does not keep them any more.
    settled(page, 8, 8, 0)
    song = here.song(files[0].name)
    song.locator(".song-toggle").click()
    song.locator(".segment").first.click()
    page.wait_for_function("() => !document.querySelector('article .player').paused")


def test_cancelled_songs_come_back_as_cancelled(here: Visit, tmp_path: Path):
    page = here.page
    files = band_files(tmp_path, 3, 6)
    remember(here)
    with here.held("**/predictions"):
        here.choose(files)
        here.wait_for(files[2].name, "predicting")
        page.click("#cancel")
        settled(page, 3, 3, 3, "cancelled")
    page.reload()
    here.wait_for_engine("ready")
    assert page.inner_text("#summary") == "0 of 3 songs done, 3 cancelled"
    page.click("#retry-failed")
    page.wait_for_function(ALL_DONE, arg=3)


@pytest.mark.parametrize("control", ["#erase", "#remember"])
def test_one_click_erases_the_stored_list(here: Visit, tmp_path: Path, control: str):
    page = here.page
    files = band_files(tmp_path, 4, 6)
    with here.held("**/python_stdlib.zip"):
        page.goto(here.url)
        remember(here)
        here.choose(files)
        settled(page, 4, 0, 4)
    here.complaints.clear()
    with here.held("**/predictions"):
        page.reload()
        here.wait_for(files[0].name, "predicting")
        page.click(control)
        page.wait_for_selector("#history-message", state="visible")
        assert page.inner_text("#history-message").startswith("Erased")
        assert page.evaluate(STORED) == [0, 0]
        assert page.evaluate("sessionStorage.length") == 0
        assert not page.is_checked("#remember")
        assert page.is_hidden("#erase")
        assert page.evaluate("document.activeElement.id") == "remember"
    # The songs stay on the page and are analysed to the end.
    for file in files:
        here.wait_for(file.name, "failed", "done")
    if page.is_visible("#retry-failed"):
        page.click("#retry-failed")
    page.wait_for_function(
        "() => ![...document.querySelectorAll('article.song')].some((song) =>"
        " song.dataset.state !== 'done' && !song.querySelector('.song-retry').click())"
    )
    page.wait_for_function(ALL_DONE, arg=4)
    assert page.evaluate(STORED) == [0, 0]
    here.complaints.clear()
    page.reload()
    here.wait_for_engine("ready")
    assert page.locator("article.song").count() == 0


def test_removed_songs_do_not_come_back(here: Visit, tmp_path: Path):
    page = here.page
    files = band_files(tmp_path, 3, 6)
    remember(here)
    here.finish(files)
    here.song(files[1].name).locator(".song-remove").click()
    settled(page, 2, 2, 0)
    page.reload()
    page.wait_for_function(ALL_DONE, arg=2)
    assert names(here) == [files[0].name, files[2].name]
    here.song(files[0].name).locator(".song-remove").click()
    settled(page, 1, 1, 0)
    page.click("#clear")
    settled(page, 0, 0, 0)
    page.reload()
    here.wait_for_engine("ready")
    assert page.locator("article.song").count() == 0
    assert page.is_checked("#remember")


def test_two_tabs(visit: Callable[..., Visit], site: Site, tmp_path: Path):
    first = visit(site.url).opened()
    files = band_files(tmp_path, 4, 6)
    remember(first)
    first.finish(files[:1])
    page = first.page
    # Of this tab alone: were a hold of both let go before it closes, it could still send its songs.
    page.route("**/predictions", lambda route: None)
    first.choose(files[1:])
    for file in files[1:]:
        first.wait_for(file.name, "predicting")
    settled(page, 4, 4, 3)
    second = first.another_tab().opened()
    second.page.wait_for_selector("#history-message", state="visible")
    assert second.page.inner_text("#history-message").startswith("3 songs are being analysed")
    assert names(second) == [files[0].name]
    # The songs stay with the first tab when it is reloaded.
    first.complaints.clear()
    page.reload()
    for file in files[1:]:
        first.wait_for(file.name, "predicting")
    second.page.wait_for_timeout(4000)
    assert names(second) == [files[0].name]
    assert posts(second) == []
    # The songs go on in the second tab when the first is closed.
    page.close()
    second.page.wait_for_function(ALL_DONE, arg=4)
    assert names(second) == [file.name for file in files]
    assert len(posts(second)) == 3
    assert second.page.is_hidden("#history-message")

    # Erasing in one tab erases for all tabs.
    third = second.another_tab().opened()
    third.page.wait_for_function(ALL_DONE, arg=4)
    third.page.click("#erase")
    second.page.wait_for_function("() => !document.getElementById('remember').checked")
    assert "erased in another tab" in second.page.inner_text("#history-message")
    third.page.wait_for_function("() => localStorage.length === 0")
    assert third.page.evaluate(STORED) == [0, 0]
    second.check_console()
    third.check_console()


def test_a_copied_tab_is_another_tab(visit: Callable[..., Visit], site: Site, tmp_path: Path):
    # In its own profile, so that the copy of the tab has no service worker either.
    here = visit(site.url, own_profile=True).opened()
    remember(here)
    here.page.route("**/predictions", lambda route: None)
    here.choose(band_files(tmp_path, 1, 6))
    here.wait_for("00.wav", "predicting")
    settled(here.page, 1, 1, 1)
    # window.open() copies sessionStorage to the new page, as "Duplicate tab" of browsers does.
    with here.page.expect_popup() as popup:
        here.page.evaluate("() => { window.open(location.href, '_blank'); }")
    copy = popup.value
    copy.wait_for_selector("#history-message:not([hidden])")
    assert copy.locator("article.song").count() == 0
    mine = "sessionStorage.getItem('musiclassify-tab')"
    assert copy.evaluate(mine) != here.page.evaluate(mine)


def test_answers_of_another_version(here: Visit, tmp_path: Path):
    page = here.page
    files = band_files(tmp_path, 3)
    remember(here)
    here.finish(files)
    settled(page, 3, 3, 0)
    change = """(record) => {
      if (record.fileName !== '01.wav') return;
      const rename = (genre) => (genre === record.prediction.aggregate.genre ? 'polka' : genre);
      const { prediction } = record;
      const { genre, votes } = prediction.aggregate;
      prediction.version = 'v0';
      record.model = { ...record.model, version: 'v0', shape: [7, 9], pageUrl: '/models/v0',
        featureSpec: { ...record.model.featureSpec, id: 'old' },
        predictUrl: '/api/v1/models/v0/predictions' };
      prediction.genres = prediction.genres.map(rename);
      for (const segment of prediction.segments) segment.genre = rename(segment.genre);
      votes.polka = votes[genre];
      delete votes[genre];
      prediction.aggregate.genre = 'polka';
    }"""
    page.evaluate(CHANGE % change)
    page.reload()
    page.wait_for_function(ALL_DONE, arg=3)
    assert here.status("01.wav").endswith("; answered by v0")
    assert "answered by" not in here.status("00.wav")
    song = here.song("01.wav")
    song.locator(".song-toggle").click()
    assert "answered by model v0" in song.locator(".answered-by").inner_text()
    assert song.locator(".answered-by a").get_attribute("href") == "/models/v0"
    assert song.locator(".honest").is_hidden()
    assert song.locator(".bars-name").first.inner_text() == "polka"
    song.locator(".sent summary").click()
    asked = song.locator(".sent-shape").inner_text()
    assert "/api/v1/models/v0/predictions" in asked
    assert "7 \N{MULTIPLICATION SIGN} 9" in asked
    page.click("#collection summary")
    assert "polka 1" in (page.get_attribute("#mix", "aria-label") or "")
    assert page.locator("#groups li:visible", has_text="polka").count() == 1
    assert page.inner_text("#other-versions").startswith(
        "1 song was answered by another version (v0)"
    )
    _, content = saved(here, "#export-csv")
    head, *rows = content.decode("utf-8-sig").splitlines()
    columns = head.split(",")
    assert columns[-1] == "polka"
    (old,) = [row.split(",") for row in rows if row.startswith("01.wav")]
    assert old[columns.index("version")] == "v0"
    assert old[columns.index("probability")] == old[-1]
    assert all(row.endswith(",") for row in rows if not row.startswith("01.wav"))
    page.select_option("#filter", "polka")
    assert names(here) == ["01.wav"]
    page.select_option("#filter", "")

    # The same file, chosen again, is answered by the current version; the earlier answer stays.
    here.choose(files[1:2])
    page.wait_for_function(ALL_DONE, arg=4)
    assert names(here).count("01.wav") == 2
    # The group of another version goes away with its last song.
    song.first.locator(".song-remove").click()
    assert page.locator("#groups li:visible", has_text="polka").count() == 0
    assert page.is_hidden("#other-versions")


def test_phone_width(warm: Callable[..., Visit], site: Site, tmp_path: Path):
    visitor = warm(site.url, viewport={"width": 360, "height": 740})
    remember(visitor)
    visitor.finish(band_files(tmp_path, 2, 6))
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
    visitor.page.click("#erase")
    visitor.page.wait_for_selector("#history-message", state="visible")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
