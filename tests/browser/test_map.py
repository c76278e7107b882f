"""The map of the list, and the songs that are like one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route

from .screenshots import LOOKS
from .site import Site
from .sounds import write
from .test_accessibility import broken_rules
from .test_own_collection import file_under, songs_of
from .visit import Visit

# Where the picture tells each song: the middle of all such places in a grid over it, in the window.
SPOTS = """(picture) => {
  const { left, top, width, height } = picture.getBoundingClientRect();
  const found = {};
  for (let x = left + 1; x < left + width; x += 4) {
    for (let y = top + 1; y < top + height; y += 4) {
      picture.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y }));
      const name = document.getElementById('map-readout').textContent.split(':')[0];
      if (name) (found[name] ??= []).push([x, y]);
    }
  }
  picture.dispatchEvent(new PointerEvent('pointerleave'));
  return Object.fromEntries(Object.entries(found).map(([name, all]) =>
    [name, [0, 1].map((i) => all.reduce((sum, each) => sum + each[i], 0) / all.length)]));
}"""
# Number of dots that are painted, and a checksum of all.
PAINTED = """(canvas) => {
  const { width, height } = canvas;
  // The browser warns of a picture that is read often, unless it is made for that.
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  let [dots, sum] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3]) dots += 1;
    sum = (sum * 31 + data[i] + 7 * data[i + 1] + 11 * data[i + 2] + 13 * data[i + 3]) % 1000003;
  }
  return [dots, sum];
}"""
ROWS = """(rows) => rows.map((row) => ({
  song: row.querySelector('.map-song').textContent,
  genre: row.querySelector('.map-genre').textContent,
  nearest: row.querySelector('.map-nearest').textContent,
  marked: row.querySelector('input').checked,
  filtered: !row.querySelector('.map-filtered').hidden,
}))"""
FOCUSED = "document.activeElement.closest('article.song')?.dataset.name"
OWN = """() => Object.fromEntries([...document.querySelectorAll('article.song')].map((song) =>
  [song.dataset.name, song.dataset.ownGenre ?? null]))"""


@pytest.fixture
def here(warm: Callable[..., Visit], learning_site: Site) -> Visit:
    """Return a warm page of a site whose version can tell which songs are alike."""
    # the page then scrolls at once, and what a test points at stays where it is
    return warm(learning_site.url, reduced_motion="reduce")


def opened(visitor: Visit, folder: Path, bands: int = 3, drones: int = 3) -> Locator:
    """Let songs of two kinds be answered, open their map and return its picture."""
    files = songs_of(folder, bands, drones)
    visitor.finish(files)
    return unfolded(visitor, len(files))


def unfolded(visitor: Visit, n: int) -> Locator:
    """Open the map of n songs and return its picture."""
    page = visitor.page
    page.click("#map > summary")
    page.wait_for_selector(f'#map[data-points="{n}"]')
    picture = page.locator("#map-picture")
    picture.wait_for()
    # two frames later it is painted
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    return picture


def spots(visitor: Visit) -> dict[str, tuple[float, float]]:
    """Bring the picture before the eyes; return where its songs are in the window."""
    picture = visitor.page.locator("#map-picture")
    picture.scroll_into_view_if_needed()
    found: dict[str, tuple[float, float]] = picture.evaluate(SPOTS)
    return found


def table(visitor: Visit) -> dict[str, dict[str, object]]:
    """Return the rows of the table below the map by their songs; open it first."""
    page = visitor.page
    if page.get_attribute("#map-table", "open") is None:
        page.click("#map-table > summary")
    points = page.get_attribute("#map", "data-points")
    page.wait_for_selector(f'#map-rows[data-filled="{points}"]')
    return {row["song"]: row for row in page.locator("#map-rows tr").evaluate_all(ROWS)}


def draw_box(visitor: Visit, names: list[str]) -> None:
    """Draw a box around the points of some songs."""
    places = spots(visitor)
    xs, ys = zip(*(places[name] for name in names), strict=True)
    mouse = visitor.page.mouse
    mouse.move(min(xs) - 9, min(ys) - 9)
    mouse.down()
    mouse.move(max(xs), max(ys))
    mouse.move(max(xs) + 9, max(ys) + 9)
    mouse.up()


def marked(visitor: Visit) -> set[str]:
    """Return the names of the marked songs."""
    return {name for name, row in table(visitor).items() if row["marked"]}


def test_every_song_with_an_answer_is_a_point(here: Visit, tmp_path: Path):
    page = here.page
    opened(here, tmp_path)
    assert set(spots(here)) == set(page.evaluate(OWN))
    dots, _ = page.locator("#map-canvas").evaluate(PAINTED)
    assert dots > 6 * 40
    legend = page.locator("#map-legend li").all_inner_texts()
    assert sum(int(text.split()[-1]) for text in legend if text[-1].isdigit()) == 6
    assert "of the differences between these songs" in page.inner_text("#map-caption")
    # one more song is one more point, and one that leaves takes its point along
    here.finish([write(tmp_path / "late.wav", 12, 22050, seed=9)])
    page.wait_for_selector('#map[data-points="7"]')
    assert "late.wav" in spots(here)
    here.song("late.wav").locator(".song-remove").click()
    page.wait_for_selector('#map[data-points="6"]')
    assert "late.wav" not in spots(here)
    # what was asked for is the one file that the version publishes
    assert len([asked for asked in here.asked if asked.endswith("/embedding")]) <= 1
    here.clear()
    assert page.get_attribute("#map", "open") is None


def test_songs_of_one_kind_lie_together(here: Visit, tmp_path: Path):
    opened(here, tmp_path)
    places = spots(here)
    for name, (x, y) in places.items():
        others = {
            other: (x - places[other][0]) ** 2 + (y - places[other][1]) ** 2
            for other in places
            if other != name
        }
        assert min(others, key=others.__getitem__).split()[0] == name.split()[0]


def test_the_keyboard_reaches_and_opens_songs(here: Visit, tmp_path: Path):
    page = here.page
    picture = opened(here, tmp_path)
    page.locator("#map > summary").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "map-picture"
    first = page.inner_text("#map-readout")
    assert first.startswith("band 0.wav: ")
    assert "Nearest: band " in first
    places = spots(here)
    page.locator("#map > summary").focus()
    page.keyboard.press("Tab")
    seen: set[str] = set()
    for key in ["End", "Home", *["ArrowLeft"] * 6, *["ArrowRight", "ArrowUp", "ArrowDown"] * 8]:
        before = page.inner_text("#map-readout").split(":")[0]
        page.keyboard.press(key)
        name = page.inner_text("#map-readout").split(":")[0]
        seen.add(name)
        if key == "ArrowRight" and name != before:
            assert places[name][0] > places[before][0]
        if key == "ArrowUp" and name != before:
            assert places[name][1] < places[before][1]
    assert len(seen) >= 4
    assert picture.evaluate("(each) => each.matches(':focus-visible')")
    page.keyboard.press("Enter")
    song = here.song(name)
    song.locator(".song-body").wait_for()
    assert page.evaluate(FOCUSED) == name


def test_a_click_opens_the_song_under_the_pointer(here: Visit, tmp_path: Path):
    page = here.page
    picture = opened(here, tmp_path)
    for name in ("band 1.wav", "drone 2.wav"):
        page.mouse.click(*spots(here)[name])
        here.song(name).locator(".song-body").wait_for()
        assert page.evaluate(FOCUSED) == name
    # beside the points nothing happens
    spots(here)
    box = picture.bounding_box()
    assert box
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    assert page.locator("#map-file").is_hidden()
    assert page.locator("article.song:not(.folded)").count() == 2


def test_a_box_files_the_songs_in_it(here: Visit, tmp_path: Path):
    page = here.page
    opened(here, tmp_path)
    drones = [f"drone {n}.wav" for n in range(3)]
    draw_box(here, drones)
    assert marked(here) == set(drones)
    form = page.locator("#map-file")
    assert page.inner_text("#map-which") == "File 3 songs under"
    form.locator("button").click()
    assert page.inner_text("#map-file-message") == "A genre needs a name."
    form.locator("input").fill("Drones & co.")
    form.locator("button").click()
    assert page.inner_text("#map-file-message") == "3 songs filed under Drones & co.."
    assert form.is_hidden()
    assert marked(here) == set()
    assert page.evaluate("document.activeElement.id") == "map-picture"

    draw_box(here, ["band 0.wav", "band 1.wav", "band 2.wav"])
    form.locator("input").fill("Band")
    form.locator("input").press("Enter")
    page.wait_for_selector("#own-genres[data-state=ready]")
    counts = page.locator("#own-genres [data-genre]").evaluate_all(
        "rows => rows.map(({ dataset }) => [dataset.genre, dataset.examples])"
    )
    assert counts == [["Drones & co.", "3"], ["Band", "3"]]
    # points, legend and table tell own genres now
    here.wait_until(
        lambda: "Band 3" in page.locator("#map-legend li").all_inner_texts(),
        "the legend to tell own genres",
    )
    answers = page.evaluate(OWN)
    for name, row in table(here).items():
        assert str(row["genre"]).startswith(answers[name] or "none of your genres")


def test_a_box_adds_with_shift_and_is_given_up_with_escape(here: Visit, tmp_path: Path):
    page = here.page
    picture = opened(here, tmp_path)
    bands, drones = ([f"{kind} {n}.wav" for n in range(3)] for kind in ("band", "drone"))
    draw_box(here, bands)
    page.keyboard.down("Shift")
    draw_box(here, drones)
    page.keyboard.up("Shift")
    assert marked(here) == {*bands, *drones}
    draw_box(here, bands)
    assert marked(here) == set(bands)
    page.click("#map-unmark")
    assert marked(here) == set()
    box = picture.bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    picture.press("Escape")
    page.mouse.up()
    assert marked(here) == set()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    page.mouse.up()
    assert marked(here) == {*bands, *drones}


def test_songs_are_marked_by_keyboard_and_in_the_table(here: Visit, tmp_path: Path):
    page = here.page
    picture = opened(here, tmp_path)
    picture.focus()
    picture.press("Home")
    picture.press(" ")
    picture.press("End")
    picture.press(" ")
    assert page.inner_text("#map-readout").endswith("Marked.")
    rows = table(here)
    assert marked(here) == {next(iter(rows)), list(rows)[-1]}
    picture.press(" ")
    assert marked(here) == {next(iter(rows))}
    page.get_by_role("checkbox", name="Mark band 2.wav").check()
    assert page.inner_text("#map-which") == "File 2 songs under"
    picture.focus()
    picture.press("Escape")
    assert marked(here) == set()


def test_the_table_says_the_same_and_opens_songs(here: Visit, tmp_path: Path):
    page = here.page
    picture = opened(here, tmp_path)
    rows = table(here)
    assert list(rows) == list(page.evaluate(OWN))
    picture.focus()
    picture.press("Home")
    for name in spots(here):
        box = page.get_by_role("checkbox", name=f"Mark {name}")
        assert box.count() == 1
        assert str(rows[name]["nearest"]).split()[0] == name.split()[0]
    text = page.inner_text("#map-readout")
    first = rows["band 0.wav"]
    assert text.startswith(f"band 0.wav: {first['genre']}. Nearest: {first['nearest']} (")
    page.get_by_role("button", name="drone 1.wav").first.click()
    here.song("drone 1.wav").locator(".song-body").wait_for()
    assert page.evaluate(FOCUSED) == "drone 1.wav"


def test_filtered_out_songs_are_faint_and_not_filed(here: Visit, tmp_path: Path):
    page = here.page
    picture = opened(here, tmp_path)
    file_under(here, "band 0.wav", "Band")
    file_under(here, "drone 0.wav", "Drones")
    page.wait_for_selector("#own-genres[data-state=ready]")
    box = picture.bounding_box()
    assert box
    everything = list(spots(here))
    draw_box(here, everything)
    assert marked(here) == set(everything)
    _, bright = page.locator("#map-canvas").evaluate(PAINTED)
    page.select_option("#filter", "own:Drones")
    shown = {name for name, own in page.evaluate(OWN).items() if own == "Drones"}
    assert 0 < len(shown) < len(everything)
    # marks of songs that are not shown are gone
    assert marked(here) == shown
    assert {name for name, row in table(here).items() if row["filtered"]} == {*everything} - shown
    here.wait_until(
        lambda: page.locator("#map-canvas").evaluate(PAINTED)[1] != bright, "a fainter picture"
    )
    draw_box(here, everything)
    assert marked(here) == shown
    # a song that is filtered out is shown again when it is opened
    picture.focus()
    picture.press("Home")
    assert page.inner_text("#map-readout").endswith("The list does not show it now.")
    picture.press("Enter")
    here.song("band 0.wav").locator(".song-body").wait_for()
    assert page.input_value("#filter") == ""
    assert page.evaluate(FOCUSED) == "band 0.wav"


def test_the_picture_follows_theme_size_and_pixels(here: Visit, tmp_path: Path):
    page = here.page
    opened(here, tmp_path)
    canvas = page.locator("#map-canvas")
    fit = "(each) => each.width === Math.round(each.clientWidth * devicePixelRatio)"
    assert canvas.evaluate(fit)
    _, light = canvas.evaluate(PAINTED)
    page.emulate_media(color_scheme="dark")
    here.wait_until(lambda: canvas.evaluate(PAINTED)[1] != light, "the colours of the dark")
    page.emulate_media(color_scheme="light")
    here.wait_until(lambda: canvas.evaluate(PAINTED)[1] == light, "the colours of the light")
    page.set_viewport_size({"width": 700, "height": 720})
    here.wait_until(lambda: canvas.evaluate(fit), "a picture of another size")
    assert canvas.evaluate(PAINTED)[0] > 6 * 40
    page.emulate_media(media="print")
    assert page.locator("#map").is_hidden()


@pytest.mark.parametrize("look", ["wide-light-en", "phone-dark-en"])
def test_no_rule_of_axe_is_broken(
    warm: Callable[..., Visit], learning_site: Site, tmp_path: Path, look: str
):
    visitor = warm(learning_site.url, **LOOKS[look])
    page = visitor.page
    picture = opened(visitor, tmp_path)
    file_under(visitor, "band 0.wav", "W" * 60)
    file_under(visitor, "drone 0.wav", "Drones")
    page.wait_for_selector("#own-genres[data-state=ready]")
    picture.focus()
    picture.press("Home")
    picture.press(" ")
    table(visitor)
    song = visitor.song("drone 1.wav")
    song.locator(".song-toggle").click()
    song.locator(".similar summary").click()
    song.locator(".similar-songs li").nth(4).wait_for()
    assert broken_rules(visitor) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_fingers_open_and_mark_songs(
    warm: Callable[..., Visit], learning_site: Site, tmp_path: Path
):
    visitor = warm(
        learning_site.url, has_touch=True, reduced_motion="reduce", **LOOKS["phone-light-en"]
    )
    page = visitor.page
    opened(visitor, tmp_path)
    page.click("#map-mark")
    names = []
    for name, (x, y) in spots(visitor).items():
        page.touchscreen.tap(x, y)
        names.append(name)
    assert marked(visitor) == set(names)
    page.click("#map-mark")
    name, (x, y) = next(iter(spots(visitor).items()))
    page.touchscreen.tap(x, y)
    visitor.song(name).locator(".song-body").wait_for()


# --- songs like this one -------------------------------------------------------------------------


def similar(visitor: Visit, name: str) -> Locator:
    """Unfold a song, and what is like it; return the body of that."""
    song = visitor.song(name)
    if song.locator(".song-body").is_hidden():
        song.locator(".song-toggle").click()
    song.locator(".similar summary").click()
    return song.locator(".similar-body")


def test_the_nearest_songs_stand_under_an_answer(here: Visit, tmp_path: Path):
    page = here.page
    files = songs_of(tmp_path, 4, 3)
    shutil.copy(files[0], tmp_path / "copy of band 0.wav")
    here.finish([*files, tmp_path / "copy of band 0.wav"])
    body = similar(here, "band 0.wav")
    items = body.locator("li")
    items.nth(4).wait_for()
    assert items.count() == 5
    names = items.locator("button").all_inner_texts()
    assert names[0] == "copy of band 0.wav"
    assert set(names[1:4]) == {"band 1.wav", "band 2.wav", "band 3.wav"}
    assert "band 0.wav" not in names
    assert items.first.locator(".similar-near").inner_text() == "the same to the model"
    assert "of the usual distance" in items.nth(1).inner_text()
    items.nth(1).locator("button").click()
    here.song(names[1]).locator(".song-body").wait_for()
    assert page.evaluate(FOCUSED) == names[1]


def test_an_open_list_of_nearest_songs_follows_the_list_and_own_genres(here: Visit, tmp_path: Path):
    here.finish(songs_of(tmp_path, 3, 0))
    body = similar(here, "band 0.wav")
    body.locator("li").nth(1).wait_for()
    assert body.locator("li").count() == 2
    here.finish([write(tmp_path / "new.wav", 12, 22050, seed=7)])
    body.locator("li").nth(2).wait_for()
    here.song("new.wav").locator(".song-remove").click()
    here.wait_until(lambda: body.locator("li").count() == 2, "the song to leave")
    file_under(here, "band 1.wav", "Malhun")
    file_under(here, "band 2.wav", "Chaabi")
    here.page.wait_for_selector("#own-genres[data-state=ready]")
    here.wait_until(
        lambda: all(
            text.startswith(("Malhun", "Chaabi", "none of your genres"))
            for text in body.locator(".similar-genre").all_inner_texts()
        ),
        "own genres beside the nearest songs",
    )


def test_a_song_alone_has_no_nearest_ones(here: Visit, tmp_path: Path):
    here.finish(songs_of(tmp_path, 1, 0))
    body = similar(here, "band 0.wav")
    here.wait_until(
        lambda: body.inner_text().startswith("There is no other song to compare it with"),
        "a sentence",
    )
    assert here.page.locator("#map").is_hidden()


def test_a_version_that_cannot_compare_songs_says_which_can(
    warm: Callable[..., Visit], site: Site, tmp_path: Path
):
    visitor = warm(site.url)
    visitor.finish(songs_of(tmp_path, 2, 0))
    body = similar(visitor, "band 0.wav")
    sentence = "Model v1 does not tell which songs are alike; choose v10 above."
    visitor.wait_until(lambda: body.inner_text() == sentence, "a sentence")
    assert visitor.page.locator("#map").is_hidden()
    visitor.page.select_option("#version", "v10")
    body.locator("li").first.wait_for()
    visitor.page.wait_for_selector('#map[data-points="2"]')
    # of two songs nothing can be said about how near they are
    assert body.locator(".similar-near").all_inner_texts() == [""]


def test_what_cannot_be_laid_out_is_told(
    visit: Callable[..., Visit], learning_site: Site, tmp_path: Path
):
    visitor = visit(learning_site.url).opened()
    visitor.expected_complaints = ("ERR_FAILED",)
    visitor.finish(songs_of(tmp_path, 2, 0))

    def fail(route: Route) -> None:
        route.abort()

    visitor.page.route("**/embedding", fail)
    visitor.page.click("#map > summary")
    visitor.wait_until(
        lambda: "cannot be loaded" in visitor.page.inner_text("#map-message"), "a sentence"
    )
    assert visitor.page.locator("#map-parts").is_hidden()
    visitor.page.unroute("**/embedding", fail)
    visitor.page.click("#map > summary")
    visitor.page.click("#map > summary")
    visitor.page.locator("#map-picture").wait_for()
