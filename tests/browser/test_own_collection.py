"""Own genres in the tools above the list: order, filter, chart, playlists, exports and print."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from .screenshots import LOOKS
from .site import Site
from .sounds import write
from .test_accessibility import broken_rules
from .visit import Visit

# Names as people type them, and as nobody should.
MORNING = "Sunday morning"
ODD = '=1+1,"<b>&'
NONE = "none of these"

# Own genres of all songs, by name; null for those without an answer in them.
ANSWERS = """() => Object.fromEntries([...document.querySelectorAll('article.song')].map((song) =>
  [song.dataset.name, song.dataset.ownGenre ?? null]))"""
ROWS = """(rows) => Object.fromEntries(rows.map((row) => [
  row.querySelector('.group-name').textContent,
  Number(row.querySelector('.group-count').textContent),
]))"""
MODEL_GROUPS = """(songs) => Object.fromEntries(songs.map(({ dataset, classList }) =>
  [dataset.name, classList.contains('doubted') ? 'not sure' : dataset.genre]))"""
SHOWN = """(songs) => songs.map((song) => song.dataset.name)"""
# Notes every time at which the chart of own genres is told.
COUNT_UPDATES = """() => {
  globalThis.updates = 0;
  new MutationObserver((all) => { globalThis.updates += all.length; })
    .observe(document.getElementById('own-mix'), { attributeFilter: ['aria-label'] });
}"""


@pytest.fixture(scope="module")
def learning_site(make_site: Callable[..., Site]) -> Site:
    """Return a site whose version can learn own genres."""
    return make_site(MODEL="v10")


@pytest.fixture
def here(warm: Callable[..., Visit], learning_site: Site) -> Iterator[Visit]:
    """Return a warm page, whose own genres are forgotten after the test."""
    visitor = warm(learning_site.url)
    yield visitor
    visitor.page.emulate_media(media="null")
    if visitor.page.is_visible("#own-forget"):
        if visitor.page.is_visible("[name=own-mode][value=own]"):
            visitor.page.check("[name=own-mode][value=own]")
        visitor.page.click("#own-forget")
        visitor.page.wait_for_selector("#own-genres[data-state=none]")


def drone(path: Path, seconds: float = 12, *, seed: int = 0) -> Path:
    """Write low tones that swell, which no one takes for the band, to `path`."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 22050)) / 22050
    tones = [np.sin(2 * np.pi * f * time) for f in rng.uniform(60, 400, 5)]
    sound = sum(tones) * (1 + np.sin(2 * np.pi * 0.2 * time + seed)) / 12
    soundfile.write(path, sound.astype(np.float32), 22050)
    return path


def songs_of(folder: Path, bands: int = 3, drones: int = 3) -> list[Path]:
    """Write songs of two kinds; return their files."""
    return [
        *(write(folder / f"band {n}.wav", 12, 22050, seed=n) for n in range(bands)),
        *(drone(folder / f"drone {n}.wav", seed=n) for n in range(drones)),
    ]


def file_under(visitor: Visit, name: str, genre: str) -> None:
    """File an answered song under a genre, and fold it again."""
    song = visitor.song(name)
    song.locator(".song-toggle").click()
    song.locator("form.teach input[name=genre]").fill(genre)
    song.locator("form.teach button").first.click()
    song.locator(".song-toggle").click()


def counted(answers: dict[str, str | None]) -> Counter[str]:
    """Return how many songs each own genre has."""
    return Counter(NONE if own == "" else own for own in answers.values() if own is not None)


def settled(visitor: Visit) -> dict[str, str | None]:
    """Wait until the chart tells what the songs do and nothing changes; return their genres."""
    page = visitor.page
    page.wait_for_selector("#own-genres[data-state=ready]")
    seen: list[dict[str, str | None]] = [{}]

    def agree() -> bool:
        page.wait_for_timeout(200)
        seen.append(page.evaluate(ANSWERS))
        rows: dict[str, int] = page.locator("#own-groups li").evaluate_all(ROWS)
        done = page.locator("article.song[data-state=done]").count()
        counts = counted(seen[-1])
        return counts.total() == done and +Counter(rows) == counts and seen[-1] == seen[-2]

    visitor.wait_until(agree, "the chart to tell what the songs do")
    return seen[-1]


def teach(visitor: Visit, folder: Path, odd: str = ODD) -> dict[str, str | None]:
    """Let songs be answered, and file one of each kind; return the own genres of all songs."""
    files = songs_of(folder)
    visitor.finish(files)
    file_under(visitor, "band 0.wav", MORNING)
    file_under(visitor, "drone 0.wav", odd)
    return settled(visitor)


def shown(visitor: Visit) -> list[str]:
    """Return the names of the visible songs, from top to bottom."""
    found: list[str] = visitor.page.locator("article.song:not([hidden])").evaluate_all(SHOWN)
    return found


def saved(visitor: Visit, selector: str) -> tuple[str, bytes]:
    """Click a button; return name and content of the file that it downloads."""
    with visitor.page.expect_download() as download:
        visitor.page.click(selector)
    return download.value.suggested_filename, download.value.path().read_bytes()


def entries(visitor: Visit, selector: str) -> list[str]:
    """Return the values of a menu's entries."""
    found: list[str] = visitor.page.locator(f"{selector} option").evaluate_all(
        "options => options.map(({ value }) => value)"
    )
    return found


def test_without_own_genres_the_tools_are_as_before(here: Visit, tmp_path: Path):
    files = songs_of(tmp_path, 2, 1)
    here.finish(files)
    page = here.page
    assert entries(here, "#order") == ["added", "genre", "surest", "unsurest"]
    assert page.locator("#filter optgroup").count() == 0
    page.click("#collection summary")
    for part in ("#mix-title", "#own-mix-side", "#groups-title", "#own-groups-part"):
        assert page.locator(part).is_hidden(), part
    _, content = saved(here, "#export-csv")
    head = content.decode("utf-8-sig").splitlines()[0]
    assert head.startswith("file,genre,probability,unfamiliar,seconds,version,")
    assert "own" not in head
    _, content = saved(here, "#export-json")
    assert not any("own" in song for song in json.loads(content)["songs"])


def test_order_filter_chart_and_playlists_know_own_genres(here: Visit, tmp_path: Path):
    page = here.page
    answers = teach(here, tmp_path)
    counts = counted(answers)
    assert answers["band 0.wav"] == MORNING
    assert answers["drone 0.wav"] == ODD
    assert page.locator("#filter optgroup").evaluate_all("all => all.map((o) => o.label)") == [
        "The model\N{RIGHT SINGLE QUOTATION MARK}s genres", "Your genres",
    ]  # fmt: skip
    own_entries = page.locator("#filter optgroup").nth(1).locator("option")
    texts = [f"{name} ({counts[name]})" for name in (MORNING, ODD, NONE)]
    assert own_entries.all_text_contents() == texts

    page.select_option("#order", "own")
    places = [[MORNING, ODD, ""].index(answers[name] or "") for name in shown(here)]
    assert places == sorted(places)

    for own, name in ((MORNING, MORNING), (ODD, ODD)):
        page.select_option("#filter", f"own:{own}")
        assert set(shown(here)) == {song for song, genre in answers.items() if genre == own}
        assert page.inner_text("#shown") == f"{counts[name]} of 6 songs shown"
    page.select_option("#filter", "")
    # the model's genres still filter by the model's answers
    groups = page.locator("article.song").evaluate_all(MODEL_GROUPS)
    for group in set(groups.values()):
        page.select_option("#filter", group)
        assert set(shown(here)) == {name for name in groups if groups[name] == group}
    page.select_option("#filter", "")

    page.click("#collection summary")
    label = page.get_attribute("#own-mix", "aria-label") or ""
    for name in counts:
        assert f"{name} {counts[name]}" in label
    button = page.get_by_role("button", name=f"Playlist of your genre {MORNING}", exact=True)
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "Sunday-morning.m3u8"
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    in_order = [name for name in shown(here) if answers[name] == MORNING]
    assert [line for line in lines if not line.startswith("#")] == in_order
    odd = page.get_by_role("button", name=f"Playlist of your genre {ODD}", exact=True)
    with page.expect_download() as download:
        odd.click()
    assert download.value.suggested_filename == "-1-1-b-.m3u8"
    assert broken_rules(here) == []


def test_exports_have_own_genres(here: Visit, tmp_path: Path):
    answers = teach(here, tmp_path)
    here.page.click("#collection summary")
    _, content = saved(here, "#export-csv")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert list(rows[0])[5:8] == ["version", "own_genre", "own_probability"]
    assert {row["file"]: row["own_genre"] for row in rows} == {
        name: f"'{own}" if own == ODD else own for name, own in answers.items()
    }
    for row in rows:
        assert row["genre"] == here.song(row["file"]).get_attribute("data-genre")
        assert 0.5 <= float(row["own_probability"]) <= 1

    _, content = saved(here, "#export-json")
    songs = {song["file"]: song for song in json.loads(content)["songs"]}
    for name, own in answers.items():
        found = songs[name]["own"]
        assert list(found) == ["genres", "probabilities", "genre", "unsure"]
        assert found["genres"] == [MORNING, ODD]
        assert sum(found["probabilities"]) == pytest.approx(1, abs=1e-9)
        assert found["genre"] == found["genres"][int(np.argmax(found["probabilities"]))]
        assert found["unsure"] == (own == "")
        assert own in ("", found["genre"])
    # of the songs that are shown, none has an answer: the file is as without own genres
    here.page.click("#own-forget")
    here.page.wait_for_selector("#own-genres[data-state=none]")
    _, content = saved(here, "#export-csv")
    assert "own_genre" not in content.decode()


def test_a_song_that_is_filed_elsewhere_leaves_the_filter_and_the_next_one_has_the_focus(
    here: Visit, tmp_path: Path
):
    page = here.page
    teach(here, tmp_path)
    page.select_option("#filter", f"own:{MORNING}")
    # the example itself stays, or there would be no such genre
    example, first, *_ = shown(here)
    assert example == "band 0.wav"
    song = here.song(first)
    song.locator(".song-toggle").click()
    song.locator("form.teach input[name=genre]").fill("Malhun")
    song.locator("form.teach input[name=genre]").press("Enter")
    song.wait_for(state="hidden")
    focused = page.evaluate("document.activeElement.closest('article.song')?.dataset.name")
    assert focused in shown(here)
    answers = settled(here)
    assert answers[first] == "Malhun"
    assert "own:Malhun" in entries(here, "#filter")
    assert page.input_value("#filter") == f"own:{MORNING}"


def test_a_song_that_moves_in_the_order_stays_where_it_is_on_the_screen(
    here: Visit, tmp_path: Path
):
    page = here.page
    here.finish(songs_of(tmp_path, 10, 4))
    file_under(here, "band 0.wav", MORNING)
    file_under(here, "drone 0.wav", "Drones")
    settled(here)
    page.select_option("#order", "own")
    place = shown(here).index("band 0.wav")
    name = next(name for name in shown(here)[place + 3 :] if name.startswith("band"))
    before = shown(here).index(name)
    song = here.song(name)
    song.locator(".song-toggle").click()
    word = song.locator("form.teach input[name=genre]")
    word.fill("Malhun")
    word.scroll_into_view_if_needed()
    top = word.evaluate("word => word.getBoundingClientRect().top")
    word.press("Enter")
    here.wait_until(lambda: shown(here).index(name) > before, "the song to move")
    assert word.evaluate("word => word === document.activeElement")
    after = word.evaluate("word => word.getBoundingClientRect().top")
    assert after == pytest.approx(top, abs=40)


def test_what_is_gone_is_chosen_no_longer(here: Visit, tmp_path: Path):
    page = here.page
    answers = teach(here, tmp_path)
    added = list(answers)
    page.select_option("#order", "own")
    page.select_option("#filter", f"own:{ODD}")
    row = page.locator("#own-rows tr").nth(1)
    row.locator(".own-rename").click()
    row.locator("[name=name]").fill("Drones")
    row.locator("[name=name]").press("Enter")
    page.wait_for_selector('article.song[data-own-genre="Drones"]', state="attached")
    settled(here)
    # its songs have another genre now, so all songs are shown
    assert page.input_value("#filter") == ""
    assert len(shown(here)) == len(added)
    assert f"own:{ODD}" not in entries(here, "#filter")
    page.select_option("#filter", "own:Drones")
    page.click("#own-forget")
    page.wait_for_selector("#own-mix-side", state="hidden")
    assert page.input_value("#filter") == ""
    assert page.input_value("#order") == "added"
    assert shown(here) == added
    assert page.locator("#filter optgroup").count() == 0
    page.click("#own-undo")
    settled(here)
    assert "own" in entries(here, "#order")
    assert page.input_value("#order") == "added"


def test_beside_the_model_its_genres_are_groups_of_their_own(here: Visit, tmp_path: Path):
    page = here.page
    teach(here, tmp_path, "rock")
    page.check("[name=own-mode][value=beside]")
    song = here.song("band 1.wav")
    song.locator(".song-toggle").click()
    song.locator(".own-bars li").nth(2).wait_for()
    answers = settled(here)
    model = set(
        page.evaluate(
            "JSON.parse(document.getElementById('config').textContent).models"
            ".find(({ version }) => version === 'v10').genres"
        )
    )
    used = {own for own in answers.values() if own} - {MORNING, "rock"}
    assert used <= model
    values = entries(here, "#filter optgroup:nth-of-type(2)")
    assert values[:2] == [f"own:{MORNING}", "own:rock"]
    assert set(values[2:-1]) == {f"own:{name}" for name in used}
    assert values[-1] == "own:"
    for own in {own for own in answers.values() if own is not None}:
        page.select_option("#filter", f"own:{own}")
        assert set(shown(here)) == {name for name in answers if answers[name] == own}
    page.select_option("#filter", "")
    page.select_option("#order", "own")
    places = [values.index(f"own:{answers[name]}") for name in shown(here)]
    assert places == sorted(places)


def test_the_answers_of_one_moment_are_one_update(here: Visit, tmp_path: Path):
    page = here.page
    here.finish(songs_of(tmp_path, 12, 4))
    file_under(here, "band 0.wav", MORNING)
    file_under(here, "drone 0.wav", "Drones")
    settled(here)
    page.evaluate(COUNT_UPDATES)
    file_under(here, "band 1.wav", "Malhun")
    page.wait_for_selector("article.song[data-own-genre=Malhun]", state="attached")
    settled(here)
    # all 16 songs are answered anew
    assert 1 <= page.evaluate("updates") <= 4


@pytest.mark.parametrize("look", ["phone-dark-en", "phone-light-en"])
def test_long_names_fit_a_narrow_page(
    warm: Callable[..., Visit], learning_site: Site, tmp_path: Path, look: str
):
    visitor = warm(learning_site.url, **LOOKS[look])
    page = visitor.page
    teach(visitor, tmp_path, "W" * 60)
    page.click("#collection summary")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for row in page.locator("#own-groups li").all():
        name, button = (
            row.locator(".group-name").bounding_box(),
            row.locator("button").bounding_box(),
        )
        assert name
        assert button
        assert name["x"] + name["width"] <= button["x"]
    assert broken_rules(visitor) == []
    page.click("#own-forget")
    page.wait_for_selector("#own-genres[data-state=none]")


def test_own_genres_are_printed_with_each_song_and_in_the_chart(here: Visit, tmp_path: Path):
    page = here.page
    counts = counted(teach(here, tmp_path))
    page.emulate_media(media="print")
    for row in page.locator("article.song").all():
        assert row.locator(".song-own").is_visible()
        box = row.bounding_box()
        assert box
        assert box["height"] < 60
    assert page.locator("#own-mix").is_visible()
    names = page.inner_text("#own-mix-names")
    for name in counts:
        assert f"{name} {counts[name]}" in names
    stripe = page.locator("#own-mix .mix-part").first
    assert stripe.evaluate("stripe => getComputedStyle(stripe).printColorAdjust") == "exact"
    for control in ("#own-genres", "#filter", "#order", "#collection", "#map", "#pause"):
        assert page.locator(control).is_hidden(), control
    page.emulate_media(media="null")
    here.song("band 1.wav").locator(".song-toggle").click()
    page.emulate_media(media="print")
    song = here.song("band 1.wav")
    assert song.locator(".own-genre").is_visible()
    assert song.locator(".own-bars").is_visible()
    for control in (".teach", ".own-timeline"):
        assert song.locator(control).is_hidden(), control
    assert page.locator("#tools").is_hidden()
