"""An unfolded answer: waveform, all genres through the song, a part, other versions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Locator

from .sounds import band, write
from .visit import Visit

# Returns the drawn columns of a waveform, each with its place and height as shares of the canvas,
# and the colours.
DRAWN = """(wave) => {
  const canvas = wave.firstElementChild.shadowRoot.querySelector('canvas');
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  const tall = [];
  const colours = new Set();
  for (let x = 0; x < width; x += 1) {
    let rows = 0;
    for (let y = 0; y < height; y += 1) {
      const at = 4 * (y * width + x);
      if (data[at + 3] < 255) continue;
      rows += 1;
      colours.add([data[at], data[at + 1], data[at + 2]].join());
    }
    if (rows) tall.push([x / width, rows / height]);
  }
  return [tall, [...colours]];
}"""


def waveform(song: Locator) -> Locator:
    """Return the waveform of an unfolded song when it is drawn."""
    wave = song.locator(".wave").first
    wave.locator("canvas").first.wait_for(state="attached")
    return wave


def test_the_waveform_shows_where_the_song_is_loud_in_its_genres_colours(
    here: Visit, tmp_path: Path
):
    # 20 s loud, 20 s at a tenth, 20 s loud
    loud = band(60, 22050)
    loud[20 * 22050 : 40 * 22050] *= 0.1
    soundfile.write(tmp_path / "waves.wav", loud, 22050)
    here.finish([tmp_path / "waves.wav"])
    song = here.song("waves.wav")
    tall, colours = waveform(song).evaluate(DRAWN)
    heights = {
        part: np.mean([height for x, height in tall if low < x < high])
        for part, low, high in (("first", 0, 0.32), ("soft", 0.35, 0.65), ("last", 0.68, 1))
    }
    assert heights["first"] > 4 * heights["soft"]
    assert heights["last"] > 4 * heights["soft"]
    winners = {button.get_attribute("data-genre") for button in song.locator(".segment").all()}
    # stretches without a piece have a colour of their own
    assert len(winners) <= len(colours) <= len(winners) + 1


def test_a_click_on_the_waveform_plays_from_there(here: Visit, tmp_path: Path):
    here.finish([write(tmp_path / "click.wav", 40, 22050)])
    song = here.song("click.wav")
    box = waveform(song).bounding_box()
    assert box
    here.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    here.page.wait_for_function("() => document.querySelector('audio').currentTime > 19")
    assert song.locator("audio").evaluate("(audio) => audio.currentTime") < 25
    song.locator("audio").evaluate("(audio) => audio.pause()")


def test_the_colours_of_the_waveform_follow_the_theme(here: Visit, tmp_path: Path):
    here.finish([write(tmp_path / "theme.wav", 30, 22050)])
    song = here.song("theme.wav")
    _, light = waveform(song).evaluate(DRAWN)
    here.page.emulate_media(color_scheme="dark")
    # Chromium counts how often the test reads the canvas.
    here.expected_complaints = ("willReadFrequently",)
    here.wait_until(
        lambda: not set(light) & set(waveform(song).evaluate(DRAWN)[1]), "the dark colours"
    )
    _, dark = waveform(song).evaluate(DRAWN)
    assert dark


def test_all_genres_through_the_song_add_up(here: Visit, tmp_path: Path):
    here.finish([write(tmp_path / "areas.wav", 60, 22050)])
    song = here.song("areas.wav")
    assert song.locator(".stack").is_hidden()
    assert song.locator(".segment .bar").first.is_visible()
    song.get_by_label("all genres").check()
    assert song.locator(".stack").is_visible()
    assert song.locator(".segment .bar").first.is_hidden()
    [answer] = here.answers
    # an area for each genre in each stretch without a pause; the area of the answer comes first
    paths = song.locator(".stack path")
    assert paths.first.get_attribute("class") == f"area g-{answer['aggregate']['genre']}"
    assert paths.count() % len(answer["genres"]) == 0
    # the last area of a stretch ends at the top: the shares add up to one
    corners = paths.nth(len(answer["genres"]) - 1).get_attribute("d") or ""
    first = corners.removeprefix("M").split("L")[0].split(",")
    assert float(first[1]) == pytest.approx(0, abs=0.5)
    # the pieces still react to the pointer, and each song has its own choice of the picture
    song.locator(".segment").nth(2).hover()
    assert "0:" in song.locator(".timeline-readout").inner_text()
    here.choose([write(tmp_path / "second.wav", 10, 22050)])
    here.wait_for("second.wav", "done")
    assert song.get_by_label("all genres").is_checked()
    assert here.song("second.wav").locator("input[value=winner]").is_checked()


def test_a_part_is_analysed_by_itself(here: Visit, tmp_path: Path):
    # the second half is noise
    sound = band(60, 22050)
    noise = np.random.default_rng(0).normal(scale=0.2, size=30 * 22050)
    sound[30 * 22050 :] = noise.astype(np.float32)
    file = tmp_path / "medley.wav"
    soundfile.write(file, sound, 22050)
    soundfile.write(tmp_path / "second half.wav", sound[30 * 22050 : 55 * 22050], 22050)
    here.finish([file])
    song = here.song(file.name)
    fields = song.locator(".part input")
    fields.first.fill("0:30")
    fields.last.fill("0:55")
    fields.last.press("Enter")
    name = "medley.wav (0:30\N{EN DASH}0:55)"
    here.wait_for(name, "done")
    part = here.song(name)
    assert "0:25" in part.locator(".song-facts").inner_text()
    here.finish([tmp_path / "second half.wav"])
    _, of_part, of_file = here.answers
    assert of_part == of_file
    # the second piece plays from its place in the whole file
    part.locator(".segment").nth(1).click()
    here.page.wait_for_function(
        "(name) => document.querySelector(`[data-name='${name}'] audio`).currentTime > 34", arg=name
    )
    part.locator("audio").evaluate("(audio) => audio.pause()")


def test_a_part_is_marked_with_the_pointer(here: Visit, tmp_path: Path):
    here.finish([write(tmp_path / "drag.wav", 60, 22050)])
    song = here.song("drag.wav")
    wave = waveform(song)
    box = wave.bounding_box()
    assert box
    here.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    here.page.mouse.down()
    here.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 25, steps=8)
    here.page.mouse.up()
    begins, ends = (field.input_value() for field in song.locator(".part input").all())
    # the drag is recognised after its first steps, so its start may be off by a second
    assert begins in ("0:15", "0:16")
    assert ends in ("0:29", "0:30")
    # times that are typed are marked on the waveform, too
    song.locator(".part input").first.fill("0:05")
    marked = wave.locator("[part~=region]")
    assert marked.count() == 1
    assert marked.evaluate("(region) => parseFloat(region.style.left)") == pytest.approx(
        100 * 5 / 60, abs=0.5
    )


def test_an_invalid_part_is_refused_with_a_message(here: Visit, tmp_path: Path):
    here.finish([write(tmp_path / "short.wav", 20, 22050)])
    song = here.song("short.wav")
    for begins, ends, message in (
        ("soon", "", "Write times like 1:05"),
        ("1:10", "", "The song ends at 0:20."),
        ("0:10", "0:10", "a second or more after the start"),
        ("0:05", "0:40", "The song ends at 0:20."),
    ):
        song.locator(".part input").first.fill(begins)
        song.locator(".part input").last.fill(ends)
        song.locator(".part button").click()
        assert message in song.locator(".part-message").inner_text()
        assert here.page.locator("article.song").count() == 1


@pytest.fixture
def versions(here: Visit) -> Visit:
    """Return a page where v9 answers."""
    here.page.select_option("#version", "v9")
    return here


def test_another_version_answers_from_the_same_numbers(versions: Visit, tmp_path: Path):
    files = [write(tmp_path / f"{n}.wav", 40, 22050, seed=n) for n in range(3)]
    versions.finish(files)
    first = {file.name: versions.status(file.name) for file in files}
    versions.page.select_option("#version", "v8")
    versions.page.wait_for_function(
        "() => performance.getEntriesByName('request').length === 6"
        " && document.querySelectorAll('[data-state=done]').length === 3"
    )
    assert versions.measures("decode") == versions.measures("extract") == 3
    assert [answer["version"] for answer in versions.answers] == ["v9"] * 3 + ["v8"] * 3
    assert any(versions.status(name) != text for name, text in first.items())
    song = versions.song("0.wav")
    song.locator(".song-toggle").click()
    assert "Model v8 was right" in " ".join((song.locator(".honest").text_content() or "").split())
    assert versions.page.locator("nav >> text=Model v8").is_visible()
    assert "/api/v1/models/v8/predictions" in sent_shape(song)
    # the page has kept the answers of v9 and does not ask for them again
    versions.page.select_option("#version", "v9")
    for name, text in first.items():
        assert versions.status(name) == text
    assert versions.measures("request") == 6


def sent_shape(song: Locator) -> str:
    """Unfold the request of a song; return the sentence about its address and size."""
    song.locator(".sent summary").click()
    song.locator(".sent-shape").wait_for()
    return song.locator(".sent-shape").inner_text()


def test_a_version_with_another_feature_spec_gets_its_own_features(versions: Visit, tmp_path: Path):
    file = write(tmp_path / "other.wav", 40, 22050)
    versions.finish([file])
    versions.page.select_option("#version", "v5")
    versions.page.wait_for_function("() => performance.getEntriesByName('request').length === 2")
    song = versions.wait_for(file.name, "done")
    assert versions.measures("decode") == versions.measures("extract") == 2
    assert "Model v5 was right" in " ".join((song.locator(".honest").text_content() or "").split())
    steps = versions.page.locator("#how ol.steps:visible")
    assert steps.count() == 1
    assert steps.get_attribute("data-version") == "v5"
    kinds = {tuple(answer["version"]) for answer in versions.answers}
    assert len(kinds) == 2


def test_two_versions_side_by_side(versions: Visit, tmp_path: Path):
    file = write(tmp_path / "duel.wav", 60, 22050)
    versions.finish([file])
    song = versions.song(file.name)
    song.locator(".versus summary").click()
    select = song.locator(".versus select")
    offered = select.locator("option").all_text_contents()
    assert not any(text.startswith("v9") for text in offered)
    for other in ("v8", "v5"):
        select.select_option(other)
        song.locator(f".versus-title >> text={other}:").wait_for()
        titles = song.locator(".versus-title").all_inner_texts()
        assert [title.split(":")[0] for title in titles] == ["v9", other]
        ours, theirs = versions.answers[0], versions.answers[-1]
        assert (ours["version"], theirs["version"]) == ("v9", other)
        for side, answer in zip(song.locator(".versus-side").all(), (ours, theirs), strict=True):
            assert answer["aggregate"]["genre"] in side.locator(".versus-answer").inner_text()
            assert side.locator(".song-strip .bar").count() == len(answer["segments"])
        if other == "v8":
            same = sum(
                a["genre"] == b["genre"]
                for a, b in zip(ours["segments"], theirs["segments"], strict=True)
            )
            told = song.locator(".versus-message").inner_text()
            assert told == f"Both name the same genre for {same} of {len(ours['segments'])} pieces."
    # the main answer is still that of the chosen version
    assert "Model v9 was right" in " ".join((song.locator(".honest").text_content() or "").split())


def test_a_comparison_without_an_answer_shows_a_message(versions: Visit, tmp_path: Path):
    file = write(tmp_path / "lost.wav", 20, 22050)
    versions.finish([file])
    song = versions.song(file.name)
    song.locator(".versus summary").click()
    versions.expected_complaints = ("net::ERR_FAILED",)
    versions.page.route("**/v8/predictions", lambda route: route.abort())
    song.locator(".versus select").select_option("v8")
    versions.page.wait_for_function(
        "() => document.querySelector('.versus-message').textContent.includes('cannot be reached')"
    )
    assert song.get_attribute("data-state") == "done"
    assert song.locator(".versus-side").count() == 0


def test_changing_the_version_while_songs_are_analysed(versions: Visit, tmp_path: Path):
    files = [write(tmp_path / f"{n}.wav", 40, 22050, seed=n) for n in range(4)]
    (tmp_path / "letter.mp3").write_text("no song")
    with versions.held("**/v9/predictions"):
        versions.choose([tmp_path / "letter.mp3", *files])
        versions.wait_for("letter.mp3", "failed")
        versions.wait_for("1.wav", "predicting")
        versions.page.select_option("#version", "v8")
        for file in files:
            versions.wait_for(file.name, "done")
    assert {answer["version"] for answer in versions.answers} == {"v8"}
    assert versions.song("letter.mp3").get_attribute("data-state") == "failed"
    assert versions.measures("decode") == len(files)
