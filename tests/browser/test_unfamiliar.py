"""A sound unlike the training music: the answer of the page begins with the doubt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from webapp.inference import Predictor, Predictors, Registry

from .chain import check_chain
from .site import Site
from .sounds import hiss, write
from .visit import Visit

PHONE = {"width": 360, "height": 740}

# Answers one song several times, each time with the next flag. Returns for each answer whether the
# doubt, the note on it and the accuracy are hidden, and whether the song is marked as doubted.
ANSWERED = """async (flags) => {
  const { SongView } = await import('/static/js/answer/song_view.js');
  const genres = ['blues', 'jazz'];
  const version = document.querySelector('#version').value;
  const model = { version, genres, segmentSeconds: 5, pageUrl: '/' };
  const song = Object.assign(new EventTarget(), {
    id: 'again', name: 'again.wav', size: 1, model, predictions: new Map(), extractions: new Map(),
    file: new File(['x'], 'again.wav'), seconds: 5, progress: null, retryable: false,
    extraction: { repeated: false, body: new Blob(['{}']), pieces: [[0, 5]], skipped: 0 },
  });
  song.sent = song.extraction;
  const own = Object.assign(new EventTarget(), {
    able: false, ableVersions: [], answerTo: () => null, filedAs: () => null,
  });
  const around = {
    engine: new EventTarget(), layout: new EventTarget(), own, queue: { model }, models: [model],
  };
  const view = new SongView(song, around, {});
  view.open(true);
  return flags.map((flag) => {
    const probabilities = [0.2, 0.8];
    song.prediction = {
      genres,
      segments: [{ start: 0, end: 5, genre: 'jazz', probabilities }],
      aggregate: {
        genre: 'jazz', probabilities, votes: { jazz: 1 },
        unfamiliar: flag === null ? null : { score: 1, threshold: 1, flag },
      },
    };
    for (song.state of ['predicting', 'done']) song.dispatchEvent(new Event('change'));
    return [
      ...['.verdict-doubt', '.unfamiliar', '.honest'].map((part) =>
        view.element.querySelector(part).hidden),
      view.element.classList.contains('doubted'),
    ];
  });
}"""


@pytest.fixture(scope="module")
def predictor(doubting_models: Path) -> Predictor:
    return Predictors(Registry.load(doubting_models)).get("doubting")


@pytest.fixture(scope="module")
def doubting_site(make_site: Callable[..., Site], doubting_models: Path) -> Site:
    return make_site(MODELS_DIR=doubting_models, MODEL="doubting")


def test_music_is_answered_without_doubt(
    warm: Callable[..., Visit], doubting_site: Site, predictor: Predictor, tmp_path: Path
):
    visitor = warm(doubting_site.url)
    answer = check_chain(visitor, predictor, write(tmp_path / "song.mp3", 60, 44100, channels=2))
    assert answer["aggregate"]["unfamiliar"]["flag"] is False
    song = visitor.song("song.mp3")
    assert "unlike" not in visitor.status("song.mp3")
    for part in (".verdict-doubt", ".unfamiliar"):
        assert song.locator(part).is_hidden()
    assert "was right for about" in song.locator(".honest").inner_text()
    assert "doubted" not in (song.get_attribute("class") or "")


def test_the_doubt_follows_the_latest_answer(warm: Callable[..., Visit], doubting_site: Site):
    visitor = warm(doubting_site.url)
    sure, unsure = [True, True, False, False], [False, False, True, True]
    found = visitor.page.evaluate(ANSWERED, [False, True, False, True, None])
    assert found == [sure, unsure, sure, unsure, sure]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_short_and_unfamiliar_on_a_phone(
    warm: Callable[..., Visit], doubting_site: Site, tmp_path: Path, scheme: str
):
    visitor = warm(doubting_site.url, viewport=PHONE, color_scheme=scheme)
    files = [hiss(tmp_path / "drop.wav", 2), write(tmp_path / "song.wav", 60, 22050)]
    visitor.finish(files)
    status = visitor.status("drop.wav")
    assert status.startswith("Not sure: unlike the music it learned from; closest is ")
    assert status.endswith("; weak, because it is shorter than one piece")
    assert "unlike" not in visitor.status("song.wav")
    song = visitor.song("drop.wav")
    song.locator(".song-toggle").click()
    for note in (".weak", ".unfamiliar"):
        assert song.locator(note).is_visible()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_answer_to_noise_begins_with_the_doubt(
    warm: Callable[..., Visit], doubting_site: Site, predictor: Predictor, tmp_path: Path
):
    visitor = warm(doubting_site.url)
    answer = check_chain(visitor, predictor, hiss(tmp_path / "rain.wav", 100))
    assert answer["aggregate"]["unfamiliar"]["flag"] is True
    genre = answer["aggregate"]["genre"]
    status = visitor.status("rain.wav")
    assert status == f"Not sure: unlike the music it learned from; closest is {genre}"
    song = visitor.song("rain.wav")
    verdict = song.locator(".verdict").inner_text().split("\n")
    assert verdict[0] == "Not sure"
    assert (
        "unlike the music that the model learned from" in song.locator(".verdict-word").inner_text()
    )
    assert song.locator(".verdict-genre").inner_text() == genre
    # the doubt is the largest word, and no other word of the page calls the answer likely
    script = "e => parseFloat(getComputedStyle(e).fontSize)"
    parts = ("doubt", "genre", "word")
    sizes = [song.locator(f".verdict-{part}").evaluate(script) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.5 * sizes[1]
    for word in ("Very likely", "Probably", "Perhaps"):
        assert word not in song.inner_text()
    assert "among its 10 genres" in song.locator(".verdict-share").inner_text()
    # the accuracy on music like the training music says nothing about this sound, so it is hidden
    assert song.locator(".honest").is_hidden()
    assert song.locator(".weak").is_hidden()
    # the page shows every piece as for music
    assert song.locator(".segment").count() == len(answer["segments"])
    assert song.locator(".song-strip .bar").count() == len(answer["segments"])
    assert song.locator(".gap").all_inner_texts() == ["intro, left out"]
    song.locator(".unfamiliar a").click()
    visitor.page.wait_for_url("**/models/doubting#unfamiliar")
    assert "Mahalanobis distance" in visitor.page.inner_text("main")
