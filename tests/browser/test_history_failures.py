"""Browsers that can store the list in part or not at all: one message, and nothing else breaks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .site import Site
from .sounds import write
from .test_accessibility import broken_rules
from .test_collection import band_files, names
from .test_history import ALL_DONE, CHANGE, STORED, remember, settled
from .visit import Visit

# As in private windows of WebKit.
NO_BLOBS = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (value, key) {
  if (value instanceof Blob) throw new DOMException('no blobs', 'DataCloneError');
  return put.call(this, value, key);
};
"""
# Returns what the database holds in place of blobs, by kind.
KINDS = """async (store) => {
  const open = indexedDB.open('musiclassify');
  const database = await new Promise((resolve) => {
    open.onsuccess = () => resolve(open.result);
  });
  const request = database.transaction(store).objectStore(store).getAll();
  await new Promise((resolve) => { request.onsuccess = resolve; });
  database.close();
  return request.result.map((value) => Object.prototype.toString.call(value.bytes ?? value));
}"""


def test_songs_are_analysed_although_storing_fails(
    visit: Callable[..., Visit], site: Site, tmp_path: Path
):
    visitor = visit(site.url)
    page = visitor.page
    page.add_init_script(
        "IDBObjectStore.prototype.put = () => { throw new DOMException('no', 'UnknownError'); };"
    )
    visitor.opened()
    files = band_files(tmp_path, 3, 6)
    remember(visitor)
    visitor.choose(files)
    page.wait_for_selector("#history-message", state="visible")
    assert page.inner_text("#history-message").startswith("Remembering failed (no).")
    assert not page.is_checked("#remember")
    page.wait_for_function(ALL_DONE, arg=3)
    page.click("#erase")
    page.wait_for_function("() => localStorage.length === 0")
    assert page.evaluate(STORED) == [0, 0]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("delete Window.prototype.indexedDB; delete window.indexedDB", "does not let the page"),
        (
            "IDBFactory.prototype.open = () => { throw new DOMException('private'); }",
            "does not let the page remember anything now (private)",
        ),
        (
            "Storage.prototype.setItem = () => { throw new DOMException('full'); }",
            "does not let the page remember anything now (full)",
        ),
    ],
)
def test_browsers_that_store_nothing(
    visit: Callable[..., Visit], site: Site, tmp_path: Path, fault: str, words: str
):
    visitor = visit(site.url)
    visitor.page.add_init_script(fault)
    visitor.opened()
    visitor.page.click("#remember")
    visitor.page.wait_for_selector("#history-message", state="visible")
    assert words in visitor.page.inner_text("#history-message")
    assert not visitor.page.is_checked("#remember")
    visitor.finish(band_files(tmp_path, 1, 6))


def test_database_of_a_newer_page(here: Visit, tmp_path: Path):
    page = here.page
    remember(here)
    here.finish(band_files(tmp_path, 1, 6))
    settled(page, 1, 1, 0)
    page.evaluate(CHANGE % "(record) => { record.schema = 99; record.state = ['odd']; }")
    page.reload()
    page.wait_for_selector("#history-message", state="visible")
    assert "1 song was stored by a newer version" in page.inner_text("#history-message")
    assert page.locator("article.song").count() == 0
    settled(page, 1, 1, 0)
    # A newer page in another tab gives the whole database a newer version.
    other = page.context.new_page()
    other.goto(f"{here.url}/healthz")
    other.evaluate(
        "async () => { const open = indexedDB.open('musiclassify', 7);"
        " await new Promise((resolve) => { open.onsuccess = resolve; });"
        " open.result.close(); }"
    )
    page.wait_for_function("() => !document.getElementById('remember').checked")
    assert "newer version" in page.inner_text("#history-message")
    page.reload()
    page.wait_for_selector("#history-message", state="visible")
    assert "newer version" in page.inner_text("#history-message")
    assert not page.is_checked("#remember")
    here.finish(band_files(tmp_path, 2, 6))
    page.click("#erase")
    page.wait_for_function("() => localStorage.length === 0")
    assert page.evaluate(STORED) == [0, 0]


def test_songs_beyond_the_storage_quota(here: Visit, tmp_path: Path):
    page = here.page
    files = band_files(tmp_path, 4, 20)
    devtools = page.context.new_cdp_session(page)
    quota = {"origin": here.url, "quotaSize": 400_000}
    devtools.send("Storage.overrideQuotaForOrigin", quota)
    with here.held("**/python_stdlib.zip"):
        page.goto(here.url)
        remember(here)
        here.choose(files)
        page.wait_for_selector("#history-message", state="visible")
        assert page.inner_text("#history-message").startswith("There is no room to keep the sound")
        assert page.is_checked("#remember")
        settled(page, 4, 0, 0)
    here.complaints.clear()
    devtools.send("Storage.overrideQuotaForOrigin", {"origin": here.url})
    page.reload()
    here.wait_for_engine("ready")
    for file in files:
        here.wait_for(file.name, "failed")
        assert here.status(file.name) == "Choose this file again to analyse it"
    assert broken_rules(here) == []
    # Retry asks for the file. Files chosen with it go to their songs, or become new songs.
    with page.expect_file_chooser() as chooser:
        here.song(files[0].name).locator(".song-retry").click()
    new = write(tmp_path / "new.wav", 6, 22050)
    chooser.value.set_files([str(file) for file in (*files, new)])
    page.wait_for_function(ALL_DONE, arg=5)
    assert names(here) == [*(file.name for file in files), "new.wav"]


def test_the_list_is_remembered_where_no_blobs_are_stored(
    visit: Callable[..., Visit], site: Site, tmp_path: Path
):
    visitor = visit(site.url)
    page = visitor.page
    page.add_init_script(NO_BLOBS)
    files = band_files(tmp_path, 2, 6)
    large = tmp_path / "large.wav"
    large.write_bytes(files[0].read_bytes())
    os.truncate(large, 100_000_001)
    with visitor.held("**/python_stdlib.zip"):
        page.goto(site.url)
        remember(visitor)
        visitor.choose([files[0], large, files[1]])
        settled(page, 3, 0, 2)
        assert page.inner_text("#history-message") == (
            "In this window the browser keeps no files above 100 MB: "
            "after a reload 1 song has to be chosen again."
        )
        assert page.is_checked("#remember")
        assert page.evaluate(KINDS, "files") == ["[object ArrayBuffer]"] * 2
    visitor.complaints.clear()
    page.reload()
    visitor.wait_for(large.name, "failed")
    assert visitor.status(large.name) == "Choose this file again to analyse it"
    for file in files:
        visitor.wait_for(file.name, "done")
    settled(page, 3, 2, 0)
    assert page.evaluate(KINDS, "bodies") == ["[object ArrayBuffer]"] * 2
    sent = [visitor.sent(file.name) for file in files]
    page.reload()
    page.wait_for_function(ALL_DONE, arg=2)
    assert [visitor.sent(file.name) for file in files] == sent
