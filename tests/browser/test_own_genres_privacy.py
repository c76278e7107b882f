"""Own genres stay in the browser: of all that is done with them, only features are sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from .lessons import (
    bands,
    drones,
    file_under,
    genres,
    learned,
    own_answers,
    saved_genres,
    shares,
    teach_folder,
)
from .site import Recorder, Site
from .test_history import remember, settled
from .visit import Visit

# Words of the visitor, of which none may be sent: genres, folders, songs, what is typed.
WORDS = ("Geheimnis", "Confidential", "Schlummer", "Beruhigung", "Lullaby", "Sorrow", "Liebling")
PREDICTIONS = "POST /api/v1/models/v10/predictions?embedding=1"
EMBEDDING = "GET /api/v1/models/v10/embedding"


@pytest.fixture
def recorder(learning_site: Site) -> Iterator[Recorder]:
    relay = Recorder(learning_site.port)
    yield relay
    relay.close()


def lesson(folder: Path) -> Path:
    """Write a folder whose names, of folders and songs, all have words of `WORDS`."""
    for place, files in (
        (folder / "Geheimnis" / "Sorrow", bands(folder, 3)),
        (folder / "Confidential", drones(folder, 3)),
    ):
        place.mkdir(parents=True)
        for file in files:
            file.rename(place / f"Liebling {file.name}")
    return folder


def test_only_features_leave(visit: Callable[..., Visit], recorder: Recorder, tmp_path: Path):
    visitor = visit(recorder.url).opened()
    page = visitor.page
    requested: list[str] = []
    page.context.on("request", lambda request: requested.append(request.url))
    remember(visitor)
    teach_folder(visitor, lesson(tmp_path / "Geheimnis und Confidential"))
    (late,) = bands(tmp_path, 1, first=5)
    name = f"Liebling {late.name}"
    visitor.finish([late.rename(tmp_path / name)])

    # Filing by hand, taking out, several at once, renaming, merging, undoing.
    file_under(visitor, name, "Schlummer")
    visitor.wait_until(lambda: "Schlummer" in genres(visitor), "the new genre")
    learned(visitor)
    page.click("#own-pick")
    page.get_by_label("Pick Liebling drone 1.wav").check()
    page.fill("#own-file input", "Beruhigung")
    page.keyboard.press("Enter")
    visitor.wait_until(lambda: "Beruhigung" in genres(visitor), "the new genre")
    page.click("#own-pick")
    row = page.locator("#own-rows tr[data-genre=Beruhigung]")
    row.locator(".own-rename").click()
    row.locator("input").fill("Lullaby")
    row.locator("input").press("Enter")
    visitor.wait_until(lambda: "Lullaby" in genres(visitor), "the new name")
    row = page.locator("#own-rows tr[data-genre=Lullaby]")
    row.locator(".own-rename").click()
    row.locator("input").fill("schlummer")
    row.locator("input").press("Enter")
    visitor.wait_until(lambda: "Lullaby" not in genres(visitor), "one genre of two")
    page.click("#own-undo")
    visitor.wait_until(lambda: "Lullaby" in genres(visitor), "two genres again")
    learned(visitor)

    # Both modes, the pieces of a song, the exports, a file with names.
    page.check("[name=own-mode][value=beside]")
    song = visitor.song(name)
    if song.locator(".song-body").is_hidden():
        song.locator(".song-toggle").click()
    visitor.wait_until(lambda: song.locator(".own-bars li").count() > 5, "answers in all genres")
    song.locator(".own-timeline input[value=own]").check()
    song.locator(".pieces summary").click()
    song.locator(".pieces table").wait_for()
    page.click("#map > summary")
    page.wait_for_selector("#map[data-points='7']")
    page.click("#collection summary")
    for button in ("#export-csv", "#export-json"):
        with page.expect_download():
            page.click(button)
    learned(visitor)
    file = tmp_path / "Geheimnis.json"
    file.write_text(json.dumps(saved_genres(visitor, named=True)), encoding="utf-8")
    answers = shares(visitor)

    # Another visit, and the file instead of what was kept.
    settled(page, 7, 7, 0)
    page.wait_for_function("localStorage.getItem('musiclassify-own-genres')?.includes('Lullaby')")
    page.reload()
    visitor.wait_for_engine("ready")
    learned(visitor)
    assert shares(visitor) == answers
    page.set_input_files("#own-load", str(file))
    visitor.wait_until(lambda: page.is_visible("#own-undo"), "the file to be loaded")
    learned(visitor)
    page.click("#own-forget")
    page.wait_for_selector("#own-genres[data-state=none]")
    assert set(own_answers(visitor).values()) == {None}

    # What the browser reports: only requests to our own origin, and to blobs of the page.
    assert [
        url for url in requested if not url.startswith((recorder.url, f"blob:{recorder.url}"))
    ] == []
    # What reached the server: answers were asked for once a song, and the version for what it
    # knows, once.
    requests = recorder.requests()
    api = Counter(line.removesuffix(" HTTP/1.1") for line, _ in requests if " /api/" in line)
    assert api == {PREDICTIONS: 7, EMBEDDING: 1}
    for line, body in requests:
        if not line.startswith(PREDICTIONS):
            assert not body, line
            continue
        sent = json.loads(body)
        assert sent.keys() == {"feature_spec", "segments"}
        for segment in sent["segments"]:
            assert segment.keys() == {"start", "end", "features"}
    # Heads and bodies of all requests, in any spelling.
    everything = recorder.sent.lower()
    assert b"feature_spec" in everything
    for word in (*WORDS, "band 5", "drone 1", str(tmp_path)):
        for spelled in (word, quote(word), quote_plus(word)):
            assert spelled.lower().encode() not in everything, spelled
    assert b"cookie" not in everything
    assert b"referer" not in everything
