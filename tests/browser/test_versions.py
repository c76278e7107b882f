"""Each version on the site: the page extracts the features of its spec, and describes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from features.statistics import statistics_names
from tests.small_models import SMALL
from webapp.inference import Predictors, Registry

from .chain import check_chain
from .site import ROOT, Site
from .sounds import write
from .visit import Visit

LANDED = Registry.load(ROOT / "trained_models")
CROSS = "\N{MULTIPLICATION SIGN}"
# labels in the timeline of a song of 98 s for the stretches without a piece, after the intro
LEFT_OUT = {
    "images": ["end, left out"],
    # pieces of three seconds fill 27 of the 30 s of an excerpt
    "sequence": ["left out", "left out", "end, left out"],
    "log_mel": ["end, left out"],
    "table": ["end, left out"],
}


@pytest.fixture(scope="module")
def small_site(make_site: Callable[..., Site], small_models: Path) -> Site:
    return make_site(MODELS_DIR=small_models, MODEL="table")


@pytest.fixture
def small(warm: Callable[..., Visit], small_site: Site) -> Visit:
    """Return a page that offers every small version."""
    return warm(small_site.url)


@pytest.mark.parametrize("version", LANDED.cards)
def test_every_landed_version_answers_as_in_python(here: Visit, tmp_path: Path, version: str):
    predictor = Predictors(LANDED).get(version)
    here.page.select_option("#version", version)
    check_chain(here, predictor, write(tmp_path / "song.mp3", 42, 44100, channels=2))
    here.clear()
    # shorter than a piece of any version
    check_chain(here, predictor, write(tmp_path / "sting.wav", 2.5, 22050, subtype="FLOAT"))
    assert "weak" in here.status("sting.wav")
    link = here.page.locator(f'nav >> text="Model {version}"').get_attribute("href")
    assert link == f"/models/{version}"
    page = here.another_tab().page
    page.goto(f"{here.url}{link}")
    assert page.inner_text("h1") == predictor.card.title
    # the page has words for the keys of the card
    assert "_" not in "".join(page.locator("main dt").all_text_contents())


@pytest.mark.parametrize("version", SMALL)
def test_every_feature_kind_from_the_song_to_the_answer(
    small: Visit, small_models: Path, tmp_path: Path, version: str
):
    registry = Registry.load(small_models)
    spec = SMALL[version][0]
    shape = f" {CROSS} ".join(map(str, spec.shape))
    small.page.select_option("#version", version)
    how = small.page.inner_text("#how")
    assert f"pieces of about {spec.segment_s:.0f} seconds: {shape} numbers each" in how

    file = write(tmp_path / "song.flac", 98, 22050)
    answer = check_chain(small, Predictors(registry).get(version), file)
    n_segments = len(answer["segments"])
    song = small.song(file.name)
    assert song.locator(".segment").count() == n_segments
    assert song.locator(".song-strip .bar").count() == n_segments
    assert song.locator(".gap").all_text_contents() == ["intro, left out", *LEFT_OUT[version]]
    numbers = n_segments
    for length in spec.shape:
        numbers *= length
    told = song.locator(".sent-shape").inner_text()
    pieces = f"{n_segments} pieces of {shape} numbers ({numbers:,} in all)"
    assert f"/api/v1/models/{version}/predictions: {pieces}" in told
    assert song.locator(".honest").inner_text().startswith(f"Model {version} was right")

    # the first piece in readable form: a line for each frame, or for each number with its name
    first = small.sent(file.name)["segments"][0]["features"][spec.kind]
    lines = song.locator(".sent-json").inner_text().splitlines()
    begin = lines.index(f'        "{spec.kind}": [') + 1
    end = lines.index("        ]")
    if spec.kind == "statistics":
        shown = [line.split() for line in lines[begin:end]]
        assert [float(number.rstrip(",")) for number, _ in shown] == first
        assert [name for _, name in shown] == statistics_names(spec)
        assert song.locator(".sent-names").is_visible()
    else:
        hidden = max(0, spec.n_frames - 128)
        assert end - begin == min(spec.n_frames, 128) + bool(hidden)
        assert lines[begin].strip().rstrip(",") == str(first[0])
        assert not hidden or f"{hidden} more such lines" in lines[end - 1]
        assert song.locator(".sent-names").is_hidden()

    song.locator(".pieces summary").click()
    song.locator(".pieces table").wait_for()
    assert song.locator(".pieces tbody tr").count() == n_segments


def test_a_sound_shorter_than_one_piece_is_reported_as_repeated(small: Visit, tmp_path: Path):
    small.page.select_option("#version", "log_mel")
    small.finish([write(tmp_path / "jingle.wav", 20, 22050)])
    song = small.song("jingle.wav")
    weak = "hears 30.0 s at a time, but the sound lasts only 20.0 s and was repeated to fill"
    assert weak in song.locator(".weak").inner_text()
    assert "weak, because it is shorter than one piece" in small.status("jingle.wav")
    assert song.locator(".verdict-share").inner_text().endswith("1 of 1 piece")
    # one piece, as long as the song
    assert song.locator(".gap").count() == 0
    assert song.locator(".segments li").get_attribute("style") == "left: 0%; width: 100%;"


def test_all_versions_fit_a_narrow_page(
    warm: Callable[..., Visit], small_site: Site, tmp_path: Path
):
    phone = {"width": 360, "height": 740}
    visitor = warm(small_site.url, viewport=phone)
    visitor.finish([write(tmp_path / "song.wav", 35, 22050)])
    visitor.sent("song.wav")
    wide = "document.documentElement.scrollWidth"
    assert visitor.page.evaluate(wide) <= phone["width"]
    visitor.page.click("text=4 versions")
    visitor.page.wait_for_url("**/models/table#versions")
    for summary in visitor.page.locator("main details > summary").all():
        summary.click()
    assert visitor.page.evaluate(wide) <= phone["width"]
    rows = visitor.page.locator(".versions tbody tr")
    # versions are listed in natural order
    assert rows.locator("th").all_inner_texts() == ["images", "log_mel", "sequence", "table"]
    marked = rows.filter(has_text="answers here")
    assert marked.locator("th").all_inner_texts() == ["table"]
    visitor.page.click(".versions >> text=log_mel")
    visitor.page.wait_for_url("**/models/log_mel")
    assert visitor.page.locator("[aria-current=page]").inner_text() == "log_mel"
