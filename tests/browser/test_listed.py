"""Files that are in the list already: the same song, whatever folder it comes from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from .pages import ELSEWHERE
from .site import Site
from .sounds import write
from .test_collection import band_files, names, saved
from .test_history import posts, remember, settled
from .visit import Visit

TEXT = "#listed [role=status]"
BUTTON = "#listed button"
# Songs that are put into the file dialog's field by script, so that thousands need no files.
DROP = """async ([n, size]) => {
  const bytes = new Uint8Array(size);
  const files = new DataTransfer();
  for (let i = 0; i < n; i += 1) {
    bytes[0] = i % 256;
    bytes[size - 1] = i >> 8;
    files.items.add(new File([bytes], `song ${i}.mp3`));
  }
  const input = document.getElementById('songs');
  input.files = files.files;
  input.dispatchEvent(new Event('change'));
}"""

# Notes what comes first: songs that are new in the list, or the message.
ORDER = """() => {
  globalThis.order = [];
  new MutationObserver((all) => {
    for (const { addedNodes } of all) {
      order.push(...[...addedNodes].map(({ dataset }) => dataset.name));
    }
  }).observe(document.getElementById('list'), { childList: true });
  const message = document.getElementById('listed');
  new MutationObserver(() => { if (!message.hidden) order.push('message'); })
    .observe(message, { attributeFilter: ['hidden'] });
}"""
# Notes each state of a song.
FOLLOW = """(name) => {
  const song = document.querySelector(`article.song[data-name="${name}"]`);
  globalThis.seen = [];
  new MutationObserver(() => seen.push(song.dataset.state))
    .observe(song, { attributeFilter: ['data-state'] });
}"""


def rows(page: Page) -> int:
    """Return the number of songs in the list."""
    return page.locator("article.song").count()


def copied(files: list[Path], folder: Path) -> list[Path]:
    """Copy files into another folder."""
    folder.mkdir()
    return [Path(shutil.copy(file, folder)) for file in files]


def test_the_same_songs_from_another_folder_are_in_the_list_already(here: Visit, tmp_path: Path):
    page = here.page
    files = band_files(tmp_path, 3, 6)
    here.finish(files)
    assert page.is_hidden("#listed")
    fresh = write(tmp_path / "fresh.wav", 6, 22050, seed=7)
    here.asked.clear()
    here.choose([*copied(files, tmp_path / "moved"), fresh])
    page.wait_for_selector("#listed", state="visible")
    assert page.inner_text(TEXT) == "3 songs are in the list already."
    assert page.inner_text(BUTTON) == "Judge them anew"
    here.wait_for(fresh.name, "done")
    assert names(here) == [*(file.name for file in files), fresh.name]
    assert len(posts(here)) == 1
    assert here.measures("decode") == 4

    page.click(BUTTON)
    assert page.is_hidden("#listed")
    assert page.evaluate("document.activeElement.id") == "pause"
    page.wait_for_function("() => performance.getEntriesByName('request').length === 7")
    for file in files:
        here.wait_for(file.name, "done")
    assert rows(page) == 4
    assert len(posts(here)) == 4


def test_one_song_alone_is_opened_when_it_is_judged_anew(here: Visit, tmp_path: Path):
    page = here.page
    (file,) = band_files(tmp_path, 1, 6)
    here.finish([file])
    here.song(file.name).locator(".song-toggle").click()
    here.choose([file])
    page.wait_for_selector("#listed", state="visible")
    assert page.inner_text(TEXT) == "1 song is in the list already."
    assert page.inner_text(BUTTON) == "Judge it anew"
    page.click(BUTTON)
    page.wait_for_function("() => performance.getEntriesByName('request').length === 2")
    song = here.wait_for(file.name, "done")
    assert song.locator(".song-body").is_visible()
    assert song.locator(".song-toggle").evaluate("(each) => each === document.activeElement")


def test_it_is_said_in_french(warm: Callable[..., Visit], site: Site, tmp_path: Path):
    here = warm(site.url, locale="fr-FR")
    files = band_files(tmp_path, 2, 6)
    here.finish(files)
    here.choose(files[:1])
    here.page.wait_for_selector("#listed", state="visible")
    assert here.page.inner_text(TEXT) == "1 morceau est déjà dans la liste."
    assert here.page.inner_text(BUTTON) == "Le rejuger"
    here.choose(files)
    here.page.wait_for_function("() => document.querySelector('#listed').innerText.includes('2')")
    assert here.page.inner_text(TEXT) == "2 morceaux sont déjà dans la liste."
    assert here.page.inner_text(BUTTON) == "Les rejuger"


def test_another_content_of_one_name_and_size_is_a_song_of_its_own(here: Visit, tmp_path: Path):
    first = write(tmp_path / "song.wav", 6, 22050, seed=1)
    (tmp_path / "other").mkdir()
    second = write(tmp_path / "other" / "song.wav", 6, 22050, seed=2)
    assert first.stat().st_size == second.stat().st_size
    here.finish([first])
    here.choose([second])
    here.page.wait_for_function("() => document.querySelectorAll('article.song').length === 2")
    assert here.page.is_hidden("#listed")
    # The second is known from now on, too.
    here.choose([second])
    here.page.wait_for_selector("#listed", state="visible")
    assert rows(here.page) == 2


def test_one_song_twice_in_a_folder_is_one_song(here: Visit, tmp_path: Path):
    album = tmp_path / "album"
    (album / "one").mkdir(parents=True)
    write(album / "one" / "a.wav", 6, 22050, seed=1)
    write(album / "one" / "b.wav", 6, 22050, seed=2)
    copied([album / "one" / "a.wav"], album / "two")
    here.page.evaluate("document.getElementById('songs').webkitdirectory = true")
    try:
        here.page.set_input_files("#songs", str(album))
    finally:
        here.page.evaluate("document.getElementById('songs').webkitdirectory = false")
    here.page.wait_for_selector("#listed", state="visible")
    assert here.page.inner_text(TEXT) == "1 song is in the list already."
    assert sorted(names(here)) == ["a.wav", "b.wav"]


def test_a_failed_song_is_tried_again_and_a_hopeless_one_only_by_the_button(
    here: Visit, tmp_path: Path
):
    page = here.page
    files = band_files(tmp_path, 2, 6)
    hopeless = tmp_path / "empty.mp3"
    hopeless.write_bytes(b"")
    # Of the player of an empty file.
    here.expected_complaints = ("ERR_REQUEST_RANGE_NOT_SATISFIABLE",)
    with here.held("**/predictions"):
        here.choose(files)
        for file in files:
            here.wait_for(file.name, "predicting")
        page.click("#cancel")
        for file in files:
            here.wait_for(file.name, "cancelled")
    here.finish(files)
    assert page.is_hidden("#listed")

    here.choose([hopeless])
    here.wait_for(hopeless.name, "failed")
    message = here.status(hopeless.name)
    here.choose([hopeless])
    page.wait_for_selector("#listed", state="visible")
    assert here.status(hopeless.name) == message
    page.evaluate(FOLLOW, hopeless.name)
    page.click(BUTTON)
    page.wait_for_function("() => seen.length && seen.at(-1) === 'failed'")
    assert rows(page) == 3


def test_a_song_of_an_earlier_visit_has_its_sound_back_and_is_known(here: Visit, tmp_path: Path):
    page = here.page
    file = write(tmp_path / "song.wav", 6, 22050, seed=1)
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other" / "song.wav", 6, 22050, seed=2)
    remember(here)
    here.finish([file])
    settled(page, 1, 1, 0, "done")
    page.reload()
    here.wait_for_engine("ready")
    song = here.wait_for(file.name, "done")
    # Of the same name and size: its fingerprint was kept, and tells that it is another song.
    here.choose([other])
    page.wait_for_function("() => document.querySelectorAll('article.song').length === 2")
    assert page.is_hidden("#listed")
    page.click("#collection summary")
    before = saved(here, "#export-csv")[1]
    assert before.count(b"song.wav") == 2

    here.asked.clear()
    here.choose(copied([file], tmp_path / "moved"))
    page.wait_for_selector("#listed", state="visible")
    assert page.inner_text(TEXT) == "1 song is in the list already."
    assert rows(page) == 2
    song.first.locator(".player[src]").wait_for(state="attached")
    assert posts(here) == []
    # Judged anew, it is remembered with its new answer.
    page.click(BUTTON)
    page.wait_for_function("() => performance.getEntriesByName('request').length === 2")
    settled(page, 2, 2, 0, "done")
    assert saved(here, "#export-csv")[1] == before


def test_the_message_goes_with_its_songs(here: Visit, tmp_path: Path):
    page = here.page
    files = band_files(tmp_path, 3, 6)
    here.finish(files)
    here.choose(files[:2])
    page.wait_for_selector("#listed", state="visible")
    here.song(files[0].name).locator(".song-remove").click()
    assert page.inner_text(TEXT) == "1 song is in the list already."
    here.song(files[1].name).locator(".song-remove").click()
    assert page.is_hidden("#listed")
    here.choose(files[2:])
    page.wait_for_selector("#listed", state="visible")
    page.click("#clear")
    assert page.is_hidden("#listed")


def test_thousands_of_files_again_do_not_hold_new_ones_up(here: Visit):
    page = here.page
    # An earlier list may have left the button disabled.
    page.evaluate("Object.assign(document.getElementById('pause'), { disabled: false }).click()")
    page.evaluate(DROP, [2000, 300_000])
    page.wait_for_function("() => document.querySelectorAll('article.song').length === 2000")
    page.evaluate(ORDER)
    # The last one is new.
    page.evaluate(DROP, [2001, 300_000])
    page.wait_for_selector("#listed", state="visible")
    assert page.inner_text(TEXT) == "2,000 songs are in the list already."
    assert rows(page) == 2001
    # It was in the list before the others had been compared.
    assert page.evaluate("order") == ["song 2000.mp3", "message"]


def test_plain_http_compares_the_bytes(
    visit: Callable[..., Visit], make_site: Callable[..., Site], tmp_path: Path
):
    site = make_site(TRUSTED_HOSTS=f"{ELSEWHERE},127.0.0.1")
    visitor = visit(f"http://{ELSEWHERE}:{site.port}")
    # Browsers warn of headers that they ignore over plain http.
    visitor.expected_complaints = ("Cross-Origin-Opener-Policy",)
    visitor.opened()
    assert visitor.page.evaluate("globalThis.crypto?.subtle === undefined")
    first = write(tmp_path / "song.wav", 6, 22050, seed=1)
    (tmp_path / "other").mkdir()
    second = write(tmp_path / "other" / "song.wav", 6, 22050, seed=2)
    visitor.finish([first])
    visitor.choose([second])
    visitor.page.wait_for_function("() => document.querySelectorAll('article.song').length === 2")
    visitor.choose([first])
    visitor.page.wait_for_selector("#listed", state="visible")
    assert visitor.page.inner_text(TEXT) == "1 song is in the list already."
    assert rows(visitor.page) == 2
