"""Good songs: formats, answers, keyboard, playing, dropping, removing and the layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .site import Site
from .sounds import write
from .visit import Visit

# name, sample rate in Hz, channels, subtype
FORMATS = [
    ("pcm16.wav", 22050, 1, "PCM_16"),
    ("pcm24-stereo.wav", 48000, 2, "PCM_24"),
    ("float-surround.wav", 44100, 6, "FLOAT"),
    ("phone.wav", 8000, 1, "PCM_U8"),
    ("cd.flac", 44100, 2, None),
    ("studio.flac", 96000, 2, "PCM_24"),
    ("song.mp3", 44100, 2, None),
    ("speech.mp3", 16000, 1, None),
    ("song.ogg", 44100, 2, None),
    ("song.opus", 48000, 2, None),
    ("song.m4a", 44100, 2, None),
    ("Été & <b>ça #1 100%.m4a", 32000, 1, None),
]


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("formats")
    return [
        write(folder / name, 12, rate, channels=channels, subtype=subtype, seed=7)
        for name, rate, channels, subtype in FORMATS
    ]


def test_many_formats_at_once(here: Visit, formats: list[Path]):
    here.finish(formats)
    genres = here.page.evaluate(
        "JSON.parse(document.getElementById('config').textContent).models[0].genres"
    )
    for file in formats:
        song = here.song(file.name)
        genre = song.get_attribute("data-genre") or ""
        assert genre in genres
        assert genre in here.status(file.name)
        assert "0:12" in song.locator(".song-facts").inner_text()
    assert here.page.inner_text("#summary") == "12 of 12 songs done"
    # two pieces of 4.97 s fit in 12 s, whatever the sample rate
    assert [len(answer["segments"]) for answer in here.answers] == [2] * 12
    assert len({answer["version"] for answer in here.answers}) == 1


def test_shared_songs(here: Visit, shared_songs: list[Path], tmp_path: Path):
    files = shared_songs or [write(tmp_path / "long.ogg", 100, 44100, channels=2)]
    here.finish(files)
    assert len(here.answers) == len(files)


def test_result_of_one_song(here: Visit, tmp_path: Path):
    file = write(tmp_path / "one.flac", 100, 22050)
    here.finish([file])
    song = here.song("one.flac")
    (answer,) = here.answers
    best = answer["aggregate"]["genre"]
    assert song.get_attribute("data-genre") == best
    # a single song unfolds without a click
    assert song.locator(".verdict-genre").inner_text() == best
    bars = song.locator(".bars li")
    assert bars.count() == len(answer["genres"])
    assert bars.first.locator(".bars-name").inner_text() == best
    widths = bars.locator(".bar").evaluate_all("bars => bars.map((b) => parseFloat(b.style.width))")
    assert widths == sorted(widths, reverse=True)
    assert sum(widths) == pytest.approx(100, abs=0.1)
    assert "was right for about" in song.locator(".honest").inner_text()
    # the first 30 s of a song of more than 90 s are left out; the timeline shows that
    segments = song.locator(".segment")
    assert segments.count() == len(answer["segments"])
    assert float(segments.first.get_attribute("data-start") or "") == 30
    assert song.locator(".gap").all_inner_texts() == ["intro, left out"]
    song.locator(".pieces summary").click()
    song.locator(".pieces table").wait_for()
    assert song.locator(".pieces tbody tr").count() == len(answer["segments"])


def test_keyboard_alone(here: Visit, tmp_path: Path):
    files = [write(tmp_path / name, 21, 22050, seed=n) for n, name in enumerate(("a.wav", "b.wav"))]
    with here.page.expect_file_chooser() as chooser:
        # Focus in here: key presses can overtake the command that catches the dialog. The answer to
        # focus() shows that this command has arrived.
        here.page.focus("#songs")
        here.page.keyboard.press("Enter")
    chooser.value.set_files([str(file) for file in files])
    for file in files:
        here.wait_for(file.name, "done")
    first = here.song("a.wav")
    assert first.locator(".song-body").is_hidden()

    def press_until(selector: str, key: str = "Tab") -> None:
        for _ in range(40):
            here.page.keyboard.press(key)
            if first.locator(selector).evaluate("(e) => e === document.activeElement"):
                return
        raise AssertionError(f"{selector} cannot be reached by keyboard")

    press_until(".song-toggle")
    outline = here.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    here.page.keyboard.press("Enter")
    assert first.locator(".song-body").is_visible()
    assert first.locator(".song-toggle").get_attribute("aria-expanded") == "true"
    press_until("li:nth-child(1) > .segment")
    here.page.keyboard.press("ArrowRight")
    here.page.keyboard.press("ArrowRight")
    chosen = first.locator("li:nth-child(3) > .segment")
    assert chosen.evaluate("(e) => e === document.activeElement")
    start = float(chosen.get_attribute("data-start") or "")
    here.page.keyboard.press("Enter")
    here.page.wait_for_function(
        "(start) => { const a = document.querySelector('article .player');"
        " return !a.paused && a.currentTime > start && a.currentTime < start + 20; }",
        arg=start,
    )
    press_until(".sent summary")
    here.page.keyboard.press("Enter")
    first.locator(".sent-json").wait_for()
    for _ in range(80):
        here.page.keyboard.press("Shift+Tab")
        if first.locator(".song-remove").evaluate("(e) => e === document.activeElement"):
            break
    here.page.keyboard.press("Enter")
    assert here.page.locator("article.song").count() == 1
    # the focus moves to the next song
    assert here.page.evaluate("document.activeElement.ariaLabel") == "Remove b.wav"


def test_only_one_song_plays(here: Visit, tmp_path: Path):
    files = [write(tmp_path / name, 12, 22050, seed=n) for n, name in enumerate(("a.wav", "b.wav"))]
    here.finish(files)
    for file in files:
        song = here.song(file.name)
        song.locator(".song-toggle").click()
        song.locator(".segment").first.click()
        # The event that stops the others comes a moment after play().
        here.page.wait_for_function(
            "(name) => [...document.querySelectorAll('article.song')].every("
            "(song) => (song.querySelector('.player')?.paused ?? true)"
            " === (song.dataset.name !== name))",
            arg=file.name,
        )


def test_a_folded_song_has_only_its_row_in_the_page(here: Visit, tmp_path: Path):
    files = [write(tmp_path / name, 12, 22050, seed=n) for n, name in enumerate(("a.wav", "b.wav"))]
    here.finish(files)
    song = here.song("a.wav")
    body, toggle = song.locator(".song-body"), song.locator(".song-toggle")
    assert body.locator("*").count() == 0
    toggle.click()
    shown = body.inner_text()
    assert (song.get_attribute("data-genre") or "?") in shown
    song.locator(".sent summary").click()
    song.locator(".sent-json").wait_for()
    toggle.click()
    assert body.locator("*").count() == 0
    # The song unfolds in the state in which it was folded.
    toggle.click()
    assert song.locator(".sent-json").is_visible()
    assert here.song("b.wav").locator(".song-body *").count() == 0


def test_drop_of_files_and_a_folder(here: Visit, tmp_path: Path):
    album = tmp_path / "album"
    (album / "side b").mkdir(parents=True)
    loose = write(tmp_path / "loose.wav", 6, 22050)
    write(album / "one.mp3", 6, 22050)
    write(album / "side b" / "two.ogg", 6, 22050)
    (album / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (album / "album.m3u").write_text("one.mp3\n")
    devtools = here.page.context.new_cdp_session(here.page)
    data = {"items": [], "files": [str(loose), str(album)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    here.page.wait_for_selector("body.dropping #veil", state="visible")
    devtools.send("Input.dispatchDragEvent", {"type": "drop", "x": 300, "y": 300, "data": data})
    for name in ("loose.wav", "one.mp3", "two.ogg"):
        here.wait_for(name, "done")
    assert here.page.locator("article.song").count() == 3
    assert here.page.is_hidden("#veil")
    assert here.page.inner_text("#left-out").startswith("2 files in the folder left out")


def test_what_is_surely_no_song_is_left_out_among_several_and_refused_alone(
    here: Visit, tmp_path: Path
):
    twin = tmp_path / "._song.mp3"
    twin.write_bytes(b"\0\x05\x16\x07" + bytes(4000))
    notes = tmp_path / "song.mid"
    notes.write_bytes(b"MThd\0\0\0\x06\0\0\0\x01\0\x60" + bytes(50))
    here.choose([twin, notes])
    here.page.wait_for_selector("#left-out", state="visible")
    assert here.page.inner_text("#left-out") == (
        "2 files left out: no audio (1), companions that a Mac makes (1)."
    )
    assert here.page.locator("article.song").count() == 0
    for file, reason in ((twin, "a companion that a Mac made"), (notes, "This is MIDI")):
        here.choose([file])
        here.wait_for(file.name, "failed")
        assert reason in here.status(file.name)
    assert here.page.is_hidden("#left-out")


def test_songs_can_be_chosen_before_the_analysis_is_loaded(visit, site, tmp_path: Path):
    files = [write(tmp_path / name, 6, 22050) for name in ("early.wav", "bird.wav")]
    visitor = visit(site.url)
    asked: set[str] = set()
    visitor.page.on("request", lambda request: asked.add(request.url))
    with visitor.held("**/python_stdlib.zip") as waiting:
        visitor.page.goto(site.url)
        visitor.choose(files)
        while not waiting:
            visitor.page.wait_for_timeout(50)
        assert visitor.page.get_attribute("#engine", "data-state") == "loading"
        for file in files:
            assert visitor.song(file.name).get_attribute("data-state") == "queued"
        waiting.pop().continue_()
    for file in files:
        visitor.wait_for(file.name, "done")
    # the page has loaded as many files as its progress bar expects
    loaded = [url for url in asked if "/runtime/" in url or "/features.zip" in url]
    expected = visitor.page.evaluate("JSON.parse(document.getElementById('config').textContent)")
    assert len(loaded) == expected["filesToLoad"]
    assert visitor.page.locator("#engine progress").get_attribute("max") == str(len(loaded) + 1)


# Counts the object URLs that the page makes and holds, until `undo` is called.
COUNT_URLS = """() => {
  window.urls = { made: 0, held: new Set() };
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const url = createObjectURL.call(URL, blob);
    window.urls.made += 1;
    window.urls.held.add(url);
    return url;
  };
  URL.revokeObjectURL = (url) => { window.urls.held.delete(url); revokeObjectURL.call(URL, url); };
  window.undo = () => { Object.assign(URL, { createObjectURL, revokeObjectURL }); };
}"""


def test_removed_songs_leave_nothing_behind(here: Visit, tmp_path: Path):
    here.page.evaluate(COUNT_URLS)
    files = [write(tmp_path / f"{n}.wav", 30, 22050) for n in range(6)]
    here.choose(files)
    here.song("3.wav").locator(".song-remove").click()
    here.song("0.wav").locator(".song-remove").click()
    for n in (1, 2, 4, 5):
        here.wait_for(f"{n}.wav", "done")
    assert here.page.locator("article.song").count() == 4
    assert here.page.inner_text("#summary") == "4 of 4 songs done"
    # an unfolded song holds two URLs, of its sound and its download, until it is removed
    here.page.wait_for_function("() => window.urls.held.size === 0")
    for n in (1, 2):
        song = here.song(f"{n}.wav")
        song.locator(".song-toggle").click()
        song.locator(".sent summary").click()
        song.locator(".sent-json").wait_for()
    assert here.page.evaluate("window.urls.held.size") == 4
    here.song("1.wav").locator(".song-remove").click()
    assert here.page.evaluate("window.urls.held.size") == 2
    here.page.click("#clear")
    assert here.page.locator("article.song").count() == 0
    assert here.page.is_hidden("#queue")
    assert here.page.evaluate("window.urls.held.size") == 0
    assert here.page.evaluate("window.urls.made") > 4


def test_the_layout_does_not_shift_when_the_answer_comes(here: Visit, tmp_path: Path):
    files = [write(tmp_path / f"{n}.flac", 100, 44100, channels=2, seed=n) for n in range(2)]
    where = "document.getElementById('how').getBoundingClientRect().top + scrollY"
    # one song unfolds at once; more stay folded
    for batch in (files[:1], files):
        here.choose(batch)
        here.page.wait_for_selector("article.song")
        before = here.page.evaluate(where)
        for file in batch:
            here.wait_for(file.name, "done")
        assert here.page.evaluate(where) == before
        here.clear()


def test_phone_width_needs_no_sideways_scrolling(
    warm: Callable[..., Visit], site: Site, tmp_path: Path
):
    phone = {"width": 360, "height": 740}
    visitor = warm(site.url, viewport=phone)
    visitor.finish(
        [write(tmp_path / "a rather long name of a song, as they come from stores.wav", 12, 22050)]
    )
    visitor.page.locator(".sent summary").click()
    visitor.page.wait_for_selector(".sent-json")
    visitor.page.locator(".pieces summary").click()
    visitor.page.wait_for_selector(".pieces table")
    wide = visitor.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    other = visitor.another_tab().page
    other.set_viewport_size({"width": 360, "height": 740})
    other.goto(f"{site.url}/models/v1")
    assert other.evaluate("document.documentElement.scrollWidth") <= 360
