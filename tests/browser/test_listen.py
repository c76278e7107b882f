"""Three excerpts of a song: cut out of the file, decoded, judged."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from .lessons import bands, bars, drone, drones, genres, learned, own_answers, teach_folder
from .site import Site
from .test_history import remember, settled
from .visit import Visit

RATE = 22050
STARTS = (30, 90, 120)
CLICKS = (37.5, 101.25, 149.0)
# Clicks of the cut excerpts, and the largest difference from the same excerpts of the whole song.
CUT = """async ([name, content, sampleRate]) => {
  const { decodeCut } = await import('/static/js/sound/excerpts.js');
  const { decode } = await import('/static/js/sound/decode.js');
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const { mix } = JSON.parse(document.getElementById('config').textContent);
  const file = new File([bytes], name);
  const { signal } = new AbortController();
  const bounds = [30, 90, 120].map((s) => [s * sampleRate, (s + 30) * sampleRate]);
  const cut = await decodeCut(
    file, { sampleRate, patienceMs: 60000, mix, signal }, async () => bounds,
  );
  const whole = await decode(file, { sampleRate, maxMinutes: 60, mix });
  return bounds.map(([first, last], i) => {
    const length = last - first;
    const found = cut.samples.subarray(i * length, (i + 1) * length);
    let [click, most] = [0, 0];
    for (let n = 0; n < length; n += 1) {
      if (Math.abs(found[n]) > Math.abs(found[click])) click = n;
      most = Math.max(most, Math.abs(found[n] - whole.samples[first + n]));
    }
    return [(first + click) / sampleRate, most];
  });
}"""
# aac's decoder fills bands with noise of its own, which differs each time; not so without PNS.
KINDS = {
    "a.mp3": ("-q:a", "4"), "low.mp3": ("-b:a", "320k", "-write_xing", "0"),
    "a.aac": ("-aac_pns", "0"), "a.m4a": ("-aac_pns", "0"), "a.flac": (),
    "a.ogg": ("-c:a", "libvorbis"), "a.opus": ("-c:a", "libopus"), "a.wav": (), "a.aiff": (),
}  # fmt: skip


def _clicks(path: Path, rate: int, *how: str) -> Path:
    sound = np.random.default_rng(0).normal(scale=0.02, size=round(155 * rate))
    for second in CLICKS:
        sound[round(second * rate) :][:3] = 0.9
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "f32le", "-ar", str(rate),
        "-ac", "1", "-i", "pipe:0", *how, str(path),
    ]  # fmt: skip
    subprocess.run(command, input=sound.astype(np.float32).tobytes(), check=True)
    return path


@pytest.mark.parametrize("name", KINDS)
def test_a_click_in_each_excerpt_is_where_it_is_in_the_whole_song(
    here: Visit, tmp_path: Path, name: str
) -> None:
    rate = 48000 if name == "a.opus" else 44100
    path = _clicks(tmp_path / name, rate, *KINDS[name])
    content = base64.b64encode(path.read_bytes()).decode()
    found = here.page.evaluate(CUT, [name, content, RATE])
    # An encoder's delay that the file does not tell is heard in the whole song, too.
    late = {"a.aac": 0.025, "low.mp3": 0.027}.get(name, 0.002)
    for (second, most), wanted in zip(found, CLICKS, strict=True):
        assert wanted - 0.002 < second < wanted + late
        assert most < 1e-6


def test_the_answer_says_so_and_all_of_it_is_one_click(here: Visit, tmp_path: Path) -> None:
    path = _clicks(tmp_path / "song.mp3", 44100)
    here.page.select_option("#listen", "excerpts")
    try:
        here.choose([path])
        song = here.wait_for(path.name, "done", "failed")
        assert song.get_attribute("data-state") == "done"
        assert song.get_attribute("data-listened") == "excerpts"
        assert "three excerpts" in song.locator(".listened").inner_text()
        song.locator(".pieces summary").click()
        rows = song.locator(".pieces-body tbody tr")
        rows.nth(17).wait_for()
        assert rows.count() == 18
        song.locator(".listened button").click()
        here.page.wait_for_selector("article.song[data-listened=whole][data-state=done]")
        assert song.locator(".listened").is_hidden()
    finally:
        here.page.select_option("#listen", "whole")


def test_a_remembered_answer_of_three_excerpts_is_back(here: Visit, tmp_path: Path) -> None:
    path = _clicks(tmp_path / "song.mp3", 44100)
    page = here.page
    remember(here)
    page.select_option("#listen", "excerpts")
    try:
        here.finish([path])
        settled(page, 1, 1, 0, "done")
        page.reload()
        here.wait_for_engine("ready")
        page.wait_for_selector("article.song[data-listened=excerpts][data-state=done]")
        song = here.song(path.name)
        song.locator(".song-toggle").click()
        assert "three excerpts" in song.locator(".listened").inner_text()
    finally:
        page.click("#erase")
        page.wait_for_selector("#erase", state="hidden")


def test_a_short_song_is_listened_to_as_a_whole(here: Visit, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    _clicks(path, 44100, "-t", "20")
    here.page.select_option("#listen", "excerpts")
    try:
        here.choose([path])
        song = here.wait_for(path.name, "done")
        assert song.get_attribute("data-listened") == "whole"
    finally:
        here.page.select_option("#listen", "whole")


def test_more_than_fifty_waiting_songs_are_offered_excerpts(here: Visit, tmp_path: Path) -> None:
    first = _clicks(tmp_path / "first.wav", 8000, "-t", "1")
    songs = [tmp_path / f"song {number}.wav" for number in range(60)]
    for path in songs:
        path.hardlink_to(first)
    here.page.evaluate("document.getElementById('pause').click()")
    here.choose(songs)
    offer = here.page.locator("#listen-offer")
    offer.wait_for()
    offer.locator("button").click()
    assert offer.is_hidden()
    assert here.page.input_value("#listen") == "excerpts"
    here.page.select_option("#listen", "whole")
    here.page.click("#clear")


def test_own_genres_work_with_three_excerpts_and_with_all_of_it(
    warm: Callable[..., Visit], learning_site: Site, tmp_path: Path
) -> None:
    here = warm(learning_site.url)
    page = here.page
    music = tmp_path / "music"
    bands(music / "Band")
    drones(music / "Drones")
    taught = drone(music / "Drones" / "long.wav", 155, seed=7)
    song = drone(tmp_path / "song.wav", 155, seed=8)
    page.select_option("#listen", "excerpts")
    try:
        # One of the examples is heard in excerpts, too.
        teach_folder(here, music)
        assert genres(here) == {"Band": 3, "Drones": 4}
        here.finish([song])
        learned(here)
        for file in (taught, song):
            assert here.song(file.name).get_attribute("data-listened") == "excerpts"
        wanted = {file.name: file.parts[len(music.parts)] for file in music.rglob("*.wav")}
        wanted[song.name] = "Drones"
        assert own_answers(here) == wanted
        in_excerpts = bars(here, song.name)

        for file in (song, taught):
            element = here.song(file.name)
            if element.locator(".song-body").is_hidden():
                element.locator(".song-toggle").click()
            element.locator(".listened button").click()
            page.wait_for_selector(
                f'article.song[data-name="{file.name}"][data-listened=whole][data-state=done]'
            )
            learned(here)
        assert own_answers(here) == wanted
        assert genres(here) == {"Band": 3, "Drones": 4}
        # The answer is one of its own, from all pieces.
        assert bars(here, song.name).keys() == in_excerpts.keys()
        assert bars(here, song.name) != in_excerpts
    finally:
        page.select_option("#listen", "whole")
