"""Long files: decoded bit by bit, with early answers; the last equals that of the whole file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, Route

from .site import Site
from .sounds import band, write, write_long
from .test_history import remember, settled
from .test_inversion import KEEP_SOUNDS, made, panel
from .visit import Visit, release_next

# Length of the test song. It comes in chunks of half a minute; requests are due after the 4th and
# the 14th, which is the last.
LONG_S = 400
PREDICTIONS = "**/predictions"
LIBRARY = "mediabunny"
# Whether a song shows first answers while the rest of it is still analysed.
PARTLY_ANSWERED = """(name) =>
  [...document.querySelectorAll('article.song[data-state=extracting]')].some(
  (song) => song.dataset.name === name && song.querySelector('.segment')
    && song.querySelector('.song-progress').value < 1)"""
# Holds back the event that ends reading the header of the next file; `window.readHeader` fires it.
HOLD_HEADER = """() => {
  const real = Object.getOwnPropertyDescriptor(HTMLElement.prototype, 'onloadedmetadata');
  window.readHeader = null;
  Object.defineProperty(HTMLElement.prototype, 'onloadedmetadata', {
    ...real,
    set(listener) {
      Object.defineProperty(HTMLElement.prototype, 'onloadedmetadata', real);
      real.set.call(this, (event) => { window.readHeader = () => listener(event); });
    },
  });
}"""
# Lets the page go on with that header; returns how many workers it then starts and does not end.
COUNT_WORKERS_LEFT = """async () => {
  const real = Worker;
  let left = 0;
  window.Worker = class extends real {
    constructor(...parts) { super(...parts); left += 1; }
    terminate() { super.terminate(); left -= 1; }
  };
  window.readHeader();
  await new Promise((resolve) => setTimeout(resolve));
  window.Worker = real;
  return left;
}"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write a long song in several formats."""
    folder = tmp_path_factory.mktemp("long")
    return {
        ".mp3": write_long(folder / "mix.mp3", LONG_S, 44100),
        ".flac": write_long(folder / "mix.flac", LONG_S, 44100),
        ".wav": write_long(folder / "mix.wav", LONG_S, 48000),
    }


@pytest.fixture(scope="module")
def streaming(make_site: Callable[..., Site]) -> Site:
    """Return a site where songs over a minute are long, and a request has at most 30 pieces."""
    return make_site(STREAM_MINUTES=1, MAX_WHOLE_MINUTES=5, MAX_SEGMENTS=30)


@pytest.fixture
def there(warm: Callable[..., Visit], streaming: Site) -> Visit:
    """Return a warm page of the site `streaming`."""
    return warm(streaming.url)


def shown(visitor: Visit, name: str) -> dict[str, Any]:
    """Return the answer that an unfolded song shows."""
    song = visitor.song(name)
    segments = song.locator(".segment")
    return {
        "genre": song.get_attribute("data-genre"),
        "starts": segments.evaluate_all("all => all.map((s) => Number(s.dataset.start))"),
        "genres": segments.evaluate_all("all => all.map((s) => s.dataset.genre)"),
        "gaps": song.locator(".gap").all_inner_texts(),
        "status": visitor.status(name),
        "bars": song.locator(".bars").inner_text(),
        "verdict": song.locator(".verdict").inner_text(),
    }


def check_alike(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Check that two requests have the same pieces and nearly the same numbers.

    The decoders for whole files and for long ones scale integer samples differently, by 1/32767 or
    1/32768. The tolerance covers this.
    """
    assert found["feature_spec"] == expected["feature_spec"]
    assert len(found["segments"]) == len(expected["segments"])
    for one, other in zip(found["segments"], expected["segments"], strict=True):
        assert (one["start"], one["end"]) == (other["start"], other["end"])
        np.testing.assert_allclose(
            one["features"]["mfcc"], other["features"]["mfcc"], rtol=0, atol=0.005
        )


@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".flac"])
def test_the_answer_equals_that_of_decoding_at_once(
    here: Visit, there: Visit, files: dict[str, Path], suffix: str
):
    file = files[suffix]
    here.finish([file])
    there.finish([file])
    # Only songs that are decoded bit by bit load the library.
    assert not any(LIBRARY in line for line in here.asked)
    assert any(LIBRARY in line for line in there.asked)
    assert shown(there, file.name) == shown(here, file.name)
    check_alike(there.sent(file.name), here.sent(file.name))
    assert len(here.answers) == 1
    assert len(there.answers) > 2
    segments = [segment for answer in there.answers for segment in answer["segments"]]
    (whole,) = here.answers
    assert len(segments) == len(whole["segments"])
    for one, other in zip(segments, whole["segments"], strict=True):
        np.testing.assert_allclose(one["probabilities"], other["probabilities"], atol=1e-3)
    assert max(len(answer["segments"]) for answer in there.answers) <= 30
    shape = there.song(file.name).locator(".sent-shape").inner_text()
    assert f"Sent in {len(there.answers)} requests to " in shape


def test_first_pieces_are_shown_while_the_rest_is_decoded(here: Visit, tmp_path: Path):
    # On a site with default limits.
    file = write_long(tmp_path / "evening.flac", 20 * 60, 22050, channels=1)
    here.choose([file])
    here.page.wait_for_function(PARTLY_ANSWERED, arg=file.name)
    assert here.song(file.name).locator(".verdict-word").inner_text().startswith("So far: ")
    assert "of 20 minutes so far: " in here.status(file.name)
    assert here.song(file.name).get_attribute("data-genre") is None
    here.wait_for(file.name, "done")
    assert len(here.answers) == 5
    assert here.song(file.name).locator(".segment").count() == (20 * 60 - 30) // 30 * 6
    assert "So far" not in here.song(file.name).locator(".verdict").inner_text()
    assert "20:00" in here.song(file.name).locator(".song-facts").inner_text()


def test_giving_up_halfway_and_trying_again(there: Visit, files: dict[str, Path], tmp_path: Path):
    other = write(tmp_path / "short.wav", 20, 22050)
    with there.held(PREDICTIONS) as waiting:
        there.choose([files[".mp3"], other])
        release_next(there, waiting)
        there.song("mix.mp3").locator(".song-toggle").click()
        there.page.wait_for_selector("article.song[data-state=extracting] .segment")
        there.page.click("#cancel")
        for file in (files[".mp3"], other):
            assert there.song(file.name).get_attribute("data-state") == "cancelled"
    # The requests that were sent before can still be seen.
    song = there.song("mix.mp3")
    song.locator(".song-toggle").click()
    assert song.locator(".sent-title").inner_text() == "What was or may have been sent"
    there.answers.clear()
    there.page.click("#retry-failed")
    there.wait_for("short.wav", "done")
    there.wait_for("mix.mp3", "done")
    assert "so far" not in there.status("mix.mp3").lower()
    assert sum(len(answer["segments"]) for answer in there.answers) == 74 + 4
    # Removing the long song in the middle lets another song be analysed.
    with there.held(PREDICTIONS) as waiting:
        there.clear()
        there.choose([files[".wav"]])
        there.wait_for("mix.wav", "extracting")
        there.page.wait_for_timeout(200)
        there.song("mix.wav").locator(".song-remove").click()
    there.finish([other])


def test_changing_the_version_in_the_middle(there: Visit, files: dict[str, Path]):
    with there.held(PREDICTIONS) as waiting:
        there.choose([files[".mp3"]])
        release_next(there, waiting)
        there.page.wait_for_selector("article.song[data-state=extracting] .segment")
        # v9 reads the same features as v1.
        there.page.select_option("#version", "v9")
        there.page.wait_for_function("() => !document.querySelector('.segment')")
    there.answers.clear()
    song = there.wait_for("mix.mp3", "done")
    assert {answer["version"] for answer in there.answers} == {"v9"}
    assert song.locator(".segment").count() == 74
    # v3 reads other features. Back at v9, the page still has its answer and sends nothing.
    there.page.select_option("#version", "v3")
    there.page.wait_for_selector("article.song[data-state=extracting]")
    there.wait_for("mix.mp3", "done")
    assert song.locator(".segment").count() == 74
    there.answers.clear()
    there.page.select_option("#version", "v9")
    there.wait_for("mix.mp3", "done")
    assert not there.answers
    # The comparison with v4 decodes the song once more, bit by bit.
    song.locator(".versus summary").click()
    song.locator(".versus select").select_option("v4")
    there.page.wait_for_selector(".versus-sides .bars")
    assert there.answers[-1]["version"] == "v4"


def test_a_server_that_is_unreachable_in_the_middle(there: Visit, files: dict[str, Path]):
    there.expected_complaints = ("ERR_FAILED",)
    count = 0

    def sometimes(route: Route) -> None:
        nonlocal count
        count += 1
        if count == 2:
            route.abort()
        else:
            route.continue_()

    there.page.route(PREDICTIONS, sometimes)
    there.finish([files[".mp3"]])
    # After the whole song is analysed, all requests are sent again from the first one on.
    assert sum(len(answer["segments"]) for answer in there.answers[1:]) == 74
    assert there.song("mix.mp3").locator(".segment").count() == 74


def test_a_server_that_refuses_in_the_middle(there: Visit, files: dict[str, Path]):
    there.expected_complaints = ("422",)
    error = {"error": {"status": 422, "code": "x", "message": "No more of it.", "details": []}}
    with there.held(PREDICTIONS) as waiting:
        there.choose([files[".mp3"]])
        release_next(there, waiting)
        there.page.wait_for_selector("article.song[data-state=extracting] .segment")
        for _ in range(400):
            if waiting:
                break
            there.page.wait_for_timeout(20)
        waiting.pop(0).fulfill(status=422, json=error)
        there.wait_for("mix.mp3", "failed")
        assert "No more of it." in there.status("mix.mp3")
        assert there.song("mix.mp3").locator(".song-retry").is_hidden()


def test_part_of_a_long_song(here: Visit, there: Visit, files: dict[str, Path]):
    name = "mix.mp3 (1:10\N{EN DASH}5:35)"
    for visitor in (here, there):
        visitor.finish([files[".mp3"]])
        form = visitor.song("mix.mp3").locator(".part")
        first, last = form.locator("input").all()
        first.fill("1:10")
        last.fill("5:35")
        form.locator("button").click()
        visitor.wait_for(name, "done")
    assert shown(there, name) == shown(here, name)
    check_alike(there.sent(name), here.sent(name))


def test_a_remembered_long_song_comes_back(there: Visit, files: dict[str, Path]):
    remember(there)
    there.finish([files[".mp3"]])
    settled(there.page, 1, 1, 0)
    before = there.sent("mix.mp3")
    requests = len(there.answers)
    there.page.reload()
    there.wait_for_engine("ready")
    song = there.wait_for("mix.mp3", "done")
    song.locator(".song-toggle").click()
    assert song.locator(".segment").count() == 74
    assert there.sent("mix.mp3") == before
    # Another version that reads the same features gets the stored ones, again in several requests.
    there.answers.clear()
    there.page.select_option("#version", "v8")
    there.page.wait_for_selector("article.song[data-state=done] .answered-by", state="hidden")
    there.wait_for("mix.mp3", "done")
    assert [answer["version"] for answer in there.answers] == ["v8"] * requests


def damaged(path: Path, sound: bytes, begin: float, end: float, *, largest: int) -> Path:
    """Write `sound` with noise instead of some of its bytes; return `path`.

    Parameters
    ----------
    begin, end : place of the noise, as shares of the length
    largest : largest byte of the noise
    """
    first, last = (round(share * len(sound)) for share in (begin, end))
    random = np.random.default_rng(0)
    noise = random.integers(0, largest + 1, last - first, dtype=np.uint8).tobytes()
    path.write_bytes(sound[:first] + noise + sound[last:])
    return path


# A frame of FLAC begins with the byte 255. The noise for FLAC has no such byte: the reader might
# take it for a frame and go on after it.
@pytest.mark.parametrize(
    ("suffix", "largest", "message", "reached"),
    [
        (".mp3", 255, "damaged, first at 3:20", 370),
        (".flac", 254, "breaks off or is damaged at 3:2", 195),
    ],
)
def test_damage_in_the_middle(
    there: Visit, files: dict[str, Path], tmp_path: Path,
    suffix: str, largest: int, message: str, reached: float,
):  # fmt: skip
    sound = files[suffix].read_bytes()
    file = damaged(tmp_path / f"scratched{suffix}", sound, 0.5, 0.55, largest=largest)
    there.finish([file])
    assert "part of the file is damaged" in there.status(file.name)
    assert message in there.song(file.name).locator(".weak").inner_text()
    # MP3 can be decoded after the damage, FLAC only up to it.
    last = there.song(file.name).locator(".segment").last.get_attribute("data-end")
    assert float(last or 0) > reached


def test_a_file_that_breaks_off(there: Visit, files: dict[str, Path], tmp_path: Path):
    file = tmp_path / "half.flac"
    file.write_bytes(files[".flac"].read_bytes()[: files[".flac"].stat().st_size // 2])
    there.finish([file])
    weak = there.song(file.name).locator(".weak").inner_text()
    assert "The file breaks off or is damaged at 3:2" in weak
    last = there.song(file.name).locator(".segment").last.get_attribute("data-end")
    assert 195 < float(last or 0) < 210


def test_a_small_file_without_audio(there: Visit, tmp_path: Path):
    file = tmp_path / "novel.mp3"
    file.write_bytes(b"Once upon a time there was a very long text. " * 50_000)
    there.choose([file])
    there.wait_for(file.name, "failed")
    assert "is a text" in there.status(file.name)


def test_a_large_file_without_audio(there: Visit, tmp_path: Path):
    file = tmp_path / "library.mp3"
    file.write_bytes(b"Once upon a time there was a very long text. " * 200_000)
    there.choose([file])
    there.wait_for(file.name, "failed")
    status = there.status(file.name)
    assert "of a kind that cannot be read bit by bit" in status
    assert "too large to be decoded at once (9.0 MB)" in status


def without_decoder(page: Page) -> None:
    """Take WebCodecs away from the page's workers, as in older browsers."""

    def older(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=f"delete self.AudioDecoder;\n{response.text()}")

    page.route("**/stream_worker.js", older)


def test_older_browsers_decode_at_once(
    visit: Callable[..., Visit], make_site: Callable[..., Site], files: dict[str, Path]
):
    site = make_site(STREAM_MINUTES=1)
    visitor = visit(site.url).opened()
    without_decoder(visitor.page)
    visitor.finish([files[".mp3"]])
    assert len(visitor.answers) == 1
    assert visitor.song("mix.mp3").locator(".segment").count() == 74
    site.stop()


def test_older_browsers_refuse_songs_that_need_too_much_memory(
    there: Visit, files: dict[str, Path]
):
    without_decoder(there.page)
    there.choose([files[".mp3"]])
    there.wait_for("mix.mp3", "failed")
    status = there.status("mix.mp3")
    assert "Your browser cannot decode its sound bit by bit." in status
    assert "too long to be decoded at once (6:40); at most 5 minutes of sound are" in status
    assert not there.answers


def test_a_library_that_does_not_load(there: Visit, files: dict[str, Path]):
    there.expected_complaints = ("ERR_FAILED",)
    there.page.route(f"**/{LIBRARY}.js", lambda route: route.abort())
    there.choose([files[".mp3"]])
    there.wait_for("mix.mp3", "failed")
    assert "could not be loaded" in there.status("mix.mp3")
    there.page.unroute_all()
    there.song("mix.mp3").locator(".song-retry").click()
    there.wait_for("mix.mp3", "done")


def test_no_worker_is_left_of_a_song_that_is_removed_early(there: Visit, files: dict[str, Path]):
    page = there.page
    page.evaluate(HOLD_HEADER)
    there.choose([files[".wav"]])
    there.wait_for("mix.wav", "decoding")
    page.wait_for_function("() => window.readHeader")
    there.song("mix.wav").locator(".song-remove").click()
    assert page.evaluate(COUNT_WORKERS_LEFT) == 0


def test_a_song_longer_than_the_limit_is_refused(
    visit: Callable[..., Visit], make_site: Callable[..., Site], files: dict[str, Path]
):
    site = make_site(STREAM_MINUTES=1, MAX_MINUTES=5)
    visitor = visit(site.url).opened()
    visitor.choose([files[".mp3"]])
    visitor.wait_for("mix.mp3", "failed")
    assert "it lasts 6:40, and at most 5 minutes are analysed" in visitor.status("mix.mp3")
    site.stop()


def test_long_silence(there: Visit, tmp_path: Path):
    file = tmp_path / "nothing.wav"
    soundfile.write(file, np.zeros(150 * 22050, np.float32), 22050)
    there.choose([file])
    there.wait_for(file.name, "failed")
    assert "silent" in there.status(file.name)
    late = tmp_path / "late.wav"
    sound = np.concatenate([np.zeros(300 * 22050, np.float32), band(60, 22050)])
    soundfile.write(late, sound, 22050)
    there.finish([late])
    assert there.song(late.name).locator(".segment").count() == 12
    assert "silence" in there.song(late.name).locator(".gap").all_inner_texts()


def test_the_made_sound_covers_the_first_two_requests(there: Visit, files: dict[str, Path]):
    there.page.evaluate(KEEP_SOUNDS)
    file = files[".mp3"]
    there.finish([file])
    section = panel(there, file)
    section.locator(".inversion-make").click()
    samples = made(there, section)
    sent = there.sent(file.name)["segments"]
    # number of pieces in the first two requests
    n = sum(len(answer["segments"]) for answer in there.answers[:2])
    assert n < len(sent)
    assert len(samples) == pytest.approx(sent[n - 1]["end"] * 22050, abs=2)
    assert "the song is long" in section.locator(".inversion-status").inner_text()
