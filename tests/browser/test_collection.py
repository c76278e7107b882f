"""Lists of many songs: pause, cancel, order, filter, counts and export."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .site import Site
from .sounds import hiss, write
from .visit import Visit, release_next


def band_files(folder: Path, count: int, seconds: float = 12) -> list[Path]:
    """Write different short songs; return their files."""
    return [write(folder / f"{n:02}.wav", seconds, 22050, seed=n) for n in range(count)]


def names(here: Visit) -> list[str]:
    """Return the names of the visible songs, from top to bottom."""
    found: list[str] = here.page.locator("article.song:not([hidden])").evaluate_all(
        "songs => songs.map((song) => song.dataset.name)"
    )
    return found


def saved(here: Visit, selector: str) -> tuple[str, bytes]:
    """Click a button; return name and content of the file that it downloads."""
    with here.page.expect_download() as download:
        here.page.click(selector)
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_pause_and_go_on(visit: Callable[..., Visit], site: Site, tmp_path: Path):
    files = band_files(tmp_path, 4)
    visitor = visit(site.url)
    # While the analysis is loading, all songs are sure to wait.
    with visitor.held("**/python_stdlib.zip") as waiting:
        visitor.page.goto(site.url)
        visitor.choose(files[:3])
        visitor.wait_for(files[2].name, "queued")
        visitor.page.click("#pause")
        visitor.choose(files[3:])
        for file in files:
            visitor.wait_for(file.name, "paused")
        assert visitor.page.inner_text("#pause") == "Go on"
        assert visitor.page.inner_text("#time-left") == "Paused"
        release_next(visitor, waiting)
        visitor.wait_for_engine("ready")
        visitor.page.wait_for_timeout(500)
        assert visitor.page.locator("article.song[data-state=paused]").count() == 4
    visitor.page.click("#pause")
    for file in files:
        visitor.wait_for(file.name, "done")
    assert visitor.page.inner_text("#pause") == "Pause"
    assert visitor.page.inner_text("#time-left") == ""
    assert visitor.page.is_disabled("#pause")
    assert visitor.page.is_disabled("#cancel")


def test_pause_lets_begun_songs_finish(here: Visit, tmp_path: Path):
    begun, late = band_files(tmp_path, 2)
    with here.held("**/predictions") as waiting:
        here.choose([begun, write(tmp_path / "another.wav", 12, 22050, seed=5)])
        for name in (begun.name, "another.wav"):
            here.wait_for(name, "predicting")
        here.page.click("#pause")
        here.choose([late])
        release_next(here, waiting)
        release_next(here, waiting)
        for name in (begun.name, "another.wav"):
            here.wait_for(name, "done")
        assert here.song(late.name).get_attribute("data-state") == "paused"
        here.page.click("#pause")
        release_next(here, waiting)
        here.wait_for(late.name, "done")


def test_cancel_and_retry(here: Visit, tmp_path: Path):
    files = band_files(tmp_path, 5)
    with here.held("**/predictions"):
        here.choose(files[:2])
        for file in files[:2]:
            here.wait_for(file.name, "predicting")
        here.page.click("#pause")
        here.choose(files[2:])
        here.page.click("#cancel")
        for file in files:
            here.wait_for(file.name, "cancelled")
        assert here.page.inner_text("#summary") == "0 of 5 songs done, 5 cancelled"
        # Songs whose request may have been sent unfold to show it; the others have nothing to show.
        opens = [here.song(file.name).locator(".song-toggle").is_enabled() for file in files]
        assert opens == [True, True, False, False, False]
    # No answer of a cancelled request arrives.
    here.page.wait_for_timeout(500)
    assert here.page.locator("article.song[data-state=cancelled]").count() == 5
    assert here.answers == []
    here.page.click("#retry-failed")
    for file in files:
        here.wait_for(file.name, "done")
    assert here.page.inner_text("#summary") == "5 of 5 songs done"
    assert here.page.locator("article.song .song-retry:visible").count() == 0


def test_order_filter_and_counts(here: Visit, tmp_path: Path):
    files = [*band_files(tmp_path, 5), hiss(tmp_path / "hiss.wav", 12)]
    (tmp_path / "letter.mp3").write_text("no song")
    here.choose([tmp_path / "letter.mp3", *files])
    for file in files:
        here.wait_for(file.name, "done")
    here.wait_for("letter.mp3", "failed")
    added = ["letter.mp3", *(file.name for file in files)]
    assert names(here) == added

    answers = {
        name: here.song(name).get_attribute("data-genre") or ""
        for name in added
        if name != added[0]
    }
    shares = {
        name: int("".join(c for c in here.status(name).rsplit(",", 1)[1] if c.isdigit()))
        for name in answers
    }
    here.page.select_option("#order", "surest")
    order = names(here)
    # A song without an answer has no probability to compare: it comes last in either order.
    assert order[-1] == "letter.mp3"
    assert [shares[name] for name in order[:-1]] == sorted(shares.values(), reverse=True)
    here.page.select_option("#order", "unsurest")
    assert [shares[name] for name in names(here)[:-1]] == sorted(shares.values())
    here.page.select_option("#order", "genre")
    genres = here.page.evaluate(
        "JSON.parse(document.getElementById('config').textContent).models[0].genres"
    )
    places = [genres.index(answers[name]) for name in names(here)[:-1]]
    assert places == sorted(places)

    genre = answers["hiss.wav"]
    of_genre = {name for name in answers if answers[name] == genre}
    here.page.select_option("#filter", genre)
    assert set(names(here)) == of_genre
    assert here.page.inner_text("#shown") == f"{len(of_genre)} of 7 songs shown"
    here.page.click("#collection summary")
    row = here.page.locator("#groups li", has_text=genre)
    assert row.locator(".group-count").inner_text() == str(len(of_genre))
    assert f"{genre} {len(of_genre)}" in (here.page.get_attribute("#mix", "aria-label") or "")
    # Removing a song moves the focus to a visible song.
    first = names(here)[0]
    here.song(first).locator(".song-remove").click()
    if len(of_genre) > 1:
        assert here.page.evaluate("document.activeElement.checkVisibility()")
    here.page.select_option("#filter", "")
    here.page.select_option("#order", "added")
    assert names(here) == [name for name in added if name != first]


def test_export(here: Visit, tmp_path: Path):
    album = tmp_path / "album"
    (album / "side b").mkdir(parents=True)
    formula = write(album / '=HYPERLINK("x"),1.wav', 12, 22050, seed=1)
    inner = write(album / "side b" / "Été & #1.ogg", 12, 44100, seed=2)
    (album / "broken.mp3").write_text("no song")
    devtools = here.page.context.new_cdp_session(here.page)
    data = {"items": [], "files": [str(album)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    for file in (formula, inner):
        here.wait_for(file.name, "done")
    here.wait_for("broken.mp3", "failed")
    answers = {
        name: here.song(name).get_attribute("data-genre") for name in (formula.name, inner.name)
    }
    here.page.click("#collection summary")

    name, content = saved(here, "#export-csv")
    assert name.startswith("musiclassify-")
    assert name.endswith(".csv")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    files = ["album/side b/Été & #1.ogg", 'album/=HYPERLINK("x"),1.wav']
    assert sorted(row["file"] for row in rows) == sorted(files)
    for row in rows:
        assert row["genre"] == answers[row["file"].rsplit("/", 1)[1]]
        assert row["version"] == "v1"
        assert float(row["seconds"]) == pytest.approx(12, abs=0.1)
        shares = {genre: float(row[genre]) for genre in list(row)[6:]}
        assert max(shares, key=lambda genre: shares[genre]) == row["genre"]
        assert float(row["probability"]) == max(shares.values())

    # The browser's language is English, and so is the page.
    assert here.page.input_value("#csv-form") == "comma"
    here.page.select_option("#csv-form", "semicolon")
    _, content = saved(here, "#export-csv")
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    french = list(csv.DictReader(text, delimiter=";"))
    assert [row["file"] for row in french] == [row["file"] for row in rows]
    for row, other in zip(french, rows, strict=True):
        assert "," in row["probability"]
        assert {key: value.replace(",", ".") for key, value in row.items() if key != "file"} == {
            key: value for key, value in other.items() if key != "file"
        }
    here.page.select_option("#csv-form", "comma")

    _, content = saved(here, "#export-json")
    songs = json.loads(content)["songs"]
    assert {song["file"]: song["aggregate"]["genre"] for song in songs} == {
        row["file"]: row["genre"] for row in rows
    }
    assert all(len(song["segments"]) == 2 for song in songs)

    genre = answers[inner.name]
    name, content = saved(here, f'[aria-label="Playlist of {genre}"]')
    assert name == f"{genre}.m3u8"
    lines = content.decode().splitlines()
    assert lines[0] == "#EXTM3U"
    assert "#EXTINF:12,Été & #1" in lines
    assert "album/side b/Été & #1.ogg" in lines
    assert lines.count("#EXTM3U") == 1
    assert "broken" not in content.decode()


def test_pause_and_filter_do_not_hold_back_later_songs(
    visit: Callable[..., Visit], site: Site, tmp_path: Path
):
    files = band_files(tmp_path, 3, 6)
    visitor = visit(site.url)
    page = visitor.page
    with visitor.held("**/python_stdlib.zip") as waiting:
        page.goto(site.url)
        visitor.choose(files[:2])
        page.click("#pause")
        # The one paused song that is left can go on.
        visitor.song("00.wav").locator(".song-remove").click()
        assert page.is_visible("#pause")
        page.click("#pause")
        visitor.wait_for("01.wav", "queued")
        page.wait_for_selector("#tools", state="hidden")
        visitor.choose(files[:1])
        page.click("#pause")
        page.click("#clear")
        visitor.choose(files[2:])
        release_next(visitor, waiting)
    # Emptying the list has ended the pause.
    visitor.wait_for("02.wav", "done")

    genre = visitor.song("02.wav").get_attribute("data-genre") or ""
    (tmp_path / "letter.mp3").write_text("no song")
    visitor.choose([*files[:2], tmp_path / "letter.mp3"])
    for file in files[:2]:
        visitor.wait_for(file.name, "done")
    visitor.wait_for("letter.mp3", "failed")
    page.select_option("#filter", genre)
    for name in names(visitor):
        visitor.song(name).locator(".song-remove").click()
    # No song is visible, so export is disabled; the filter stays, so that the others can be shown.
    assert names(visitor) == []
    page.click("#collection summary")
    assert page.is_disabled("#export-csv")
    page.select_option("#filter", "")
    assert "letter.mp3" in names(visitor)
    page.select_option("#filter", genre)
    # New songs reset the filter, so that they are visible.
    visitor.choose(files)
    assert page.input_value("#filter") == ""
    assert visitor.song("02.wav").is_visible()
