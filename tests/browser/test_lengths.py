"""Files whose length is told nowhere or wrongly, and songs one behind the other in one file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from model_training.sound.audio import ffmpeg

from .site import Site
from .sounds import write
from .visit import Visit

RATE = 44100
# A quiet minute, which takes few bits, and then a tone that rises by STEP_HZ every STEP_S.
QUIET_S = 60
STEP_S = 20
STEP_HZ = 100
LOWEST_HZ = 400
STAIR_S = 240
# Whether an <audio> has begun to play.
IS_HEARD = "audio => !audio.paused && audio.readyState > 2"
# The tone that an <audio> plays, in Hz, by the peak of its spectrum.
PLAYED_HZ = """async (audio) => {
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(audio.captureStream()).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  for (let found = 0, moment = 0; moment < 100; moment += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    analyser.getFloatFrequencyData(bins);
    const peak = bins.reduce((best, level, i) => (level > bins[best] ? i : best), 0);
    // The same one twice, so that no sound from before is in it.
    if (bins[peak] > -60 && peak === found) {
      audio.pause();
      await context.close();
      return peak * context.sampleRate / analyser.fftSize;
    }
    found = peak;
  }
  return 0;
}"""
# The seconds of a file as the page decodes it, at once or bit by bit; the tones in it at times,
# in Hz, by their zero crossings; and what it says is lost.
HEARD = """async ([streamed, times]) => {
  const { decode } = await import('/static/js/sound/decode.js');
  const { mix } = JSON.parse(document.getElementById('config').textContent);
  const [file] = document.getElementById('probe').files;
  const streamMinutes = streamed ? 0.01 : 15;
  const limits = { maxMinutes: 180, maxWholeMinutes: 60, streamMinutes, mix };
  const found = await decode(file, { sampleRate: 22050, ...limits });
  let { samples, damage } = found;
  if (found.stream) {
    const all = [];
    for (let last = false; !last;) {
      const chunk = await found.stream.next();
      ({ last, damage } = chunk);
      for (const sample of chunk.samples) all.push(sample);
    }
    found.stream.close();
    samples = all;
  }
  const tone = (from) => {
    let count = 0;
    const begin = Math.round(from * 22050);
    for (let i = begin; i < begin + 22050; i += 1) count += samples[i - 1] < 0 && samples[i] >= 0;
    return count;
  };
  return [Boolean(found.stream), samples.length / 22050, times.map(tone), damage];
}"""
ADD_PROBE = """() => {
  const input = document.createElement('input');
  input.type = 'file';
  input.id = 'probe';
  document.body.append(input);
  globalThis.undo = () => input.remove();
}"""


def _made(*arguments: str, sound: bytes | None = None) -> bytes:
    """Return what ffmpeg writes to a pipe, in which it cannot go back to write a length."""
    program = ffmpeg()
    assert program
    command = [program, "-v", "error", *arguments, "pipe:1"]
    return subprocess.run(command, input=sound, stdout=subprocess.PIPE, check=True).stdout


def _tone(frequency: int, seconds: int, *how: str) -> bytes:
    return _made("-f", "lavfi", "-i", f"sine={frequency}:d={seconds}:r={RATE}", *how)


def _stair(path: Path, seconds: int) -> Path:
    time = np.arange(seconds * RATE) / RATE
    step = np.maximum(0, (time - QUIET_S) // STEP_S)
    turns = np.cumsum(LOWEST_HZ + STEP_HZ * step) / RATE
    noise = np.random.default_rng(0).normal(scale=0.05, size=len(time))
    loud = 0.4 * np.sin(2 * np.pi * turns) + noise
    sound = np.where(time < QUIET_S, 1e-3 * np.sin(2 * np.pi * 100 * time), loud)
    path.write_bytes(
        _made(
            *("-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"),
            *("-ac", "2", "-q:a", "2", "-write_xing", "0", "-f", "mp3"),
            sound=sound.astype("<f4").tobytes(),
        )
    )
    return path


def _click_piece(visitor: Visit, name: str, second: float) -> float:
    """Click on the piece at a time; return its start in seconds."""
    song = visitor.song(name)
    starts: list[float] = song.locator(".segment").evaluate_all(
        "all => all.map((piece) => Number(piece.dataset.start))"
    )
    number = max(n for n, start in enumerate(starts) if start <= second)
    song.locator(".segment").nth(number).dispatch_event("click")
    audio = song.locator(".player")
    visitor.wait_until(lambda: bool(audio.evaluate(IS_HEARD)), "the piece to play")
    return starts[number]


def test_a_piece_plays_what_lies_there_though_the_player_guesses_the_length(
    here: Visit, tmp_path: Path
):
    file = _stair(tmp_path / "stair.mp3", STAIR_S)
    here.finish([file])
    start = _click_piece(here, file.name, 175)
    audio = here.song(file.name).locator(".player")
    played = audio.evaluate(PLAYED_HZ)
    assert played == pytest.approx(LOWEST_HZ + STEP_HZ * ((start - QUIET_S) // STEP_S), abs=10)
    assert audio.evaluate("audio => audio.duration") == pytest.approx(STAIR_S, abs=0.1)
    assert "rough" not in here.song(file.name).locator(".timeline-readout").inner_text()
    # Another piece needs no second decoding.
    start = _click_piece(here, file.name, 85)
    played = audio.evaluate(PLAYED_HZ)
    assert played == pytest.approx(LOWEST_HZ + STEP_HZ * ((start - QUIET_S) // STEP_S), abs=10)


def test_the_song_beside_the_sound_of_its_numbers_is_heard_at_the_same_place(
    here: Visit, tmp_path: Path
):
    file = _stair(tmp_path / "stair.mp3", STAIR_S)
    here.finish([file])
    song = here.song(file.name)
    song.locator(".sent summary").click()
    song.locator(".inversion-make").click()
    song.locator(".inversion-players").wait_for()
    audio = song.locator(".inversion-file")
    length = "audio => audio.duration"
    here.wait_until(lambda: abs(audio.evaluate(length) - STAIR_S) < 0.1, "the sound decoded anew")
    made = song.locator(".inversion-made")
    made.evaluate("audio => { audio.currentTime = 175; return audio.play(); }")
    here.wait_until(lambda: made.evaluate(IS_HEARD), "the made sound")
    song.locator(".inversion-switch").click()
    here.wait_until(lambda: audio.evaluate(IS_HEARD), "the song")
    assert audio.evaluate(PLAYED_HZ) == pytest.approx(
        LOWEST_HZ + STEP_HZ * ((175 - QUIET_S) // STEP_S), abs=10
    )


def test_a_song_is_removed_while_it_is_decoded_anew_for_its_player(here: Visit, tmp_path: Path):
    file = _stair(tmp_path / "stair.mp3", STAIR_S)
    here.finish([file])
    song = here.song(file.name)
    song.locator(".segment").nth(20).dispatch_event("click")
    song.locator(".song-remove").click()
    song.wait_for(state="detached")
    # What the page complains of, at any time of this, fails the test.
    here.finish([write(tmp_path / "next.wav", 6, 22050)])


def test_places_of_a_long_song_whose_length_is_guessed_are_said_to_be_rough(
    here: Visit, tmp_path: Path
):
    file = _stair(tmp_path / "long.mp3", 16 * 60)
    here.finish([file])
    _click_piece(here, file.name, 175)
    readout = here.song(file.name).locator(".timeline-readout")
    here.wait_until(lambda: "places that you hear in it are rough" in readout.inner_text(), "it")
    assert "damaged" not in here.status(file.name)


def test_a_player_that_knows_the_length_plays_the_file_itself(here: Visit, tmp_path: Path):
    file = tmp_path / "tone.mp3"
    file.write_bytes(_tone(440, 40, "-f", "mp3", "-b:a", "128k"))
    here.finish([file])
    audio = here.song(file.name).locator(".player")
    before = audio.evaluate("audio => audio.src")
    _click_piece(here, file.name, 20)
    assert audio.evaluate("audio => audio.src") == before


def test_a_length_that_only_seems_too_long_is_not_refused(here: Visit, tmp_path: Path):
    # As if all of it had the bit rate of its beginning, it would last more than three hours.
    quiet = _made(
        *("-f", "lavfi", "-i", f"anullsrc=r={RATE}:cl=stereo", "-t", "20"),
        *("-b:a", "32k", "-write_xing", "0", "-f", "mp3"),
    )
    minute = _made(
        *("-f", "lavfi", "-i", f"sine=440:d=60:r={RATE}", "-ac", "2"),
        *("-b:a", "320k", "-write_xing", "0", "-f", "mp3"),
    )
    file = tmp_path / "rising.mp3"
    file.write_bytes(quiet + 19 * minute)
    here.choose([file])
    here.wait_for(file.name, "done", "failed")
    assert here.song(file.name).get_attribute("data-state") == "done", here.status(file.name)
    assert "19:20" in here.song(file.name).locator(".song-facts").inner_text()


# Each is two songs, one behind the other: a tone of 300 Hz for 8 s and one of 500 Hz for 9 s.
JOINED = {
    "mono and stereo.mp3": (("-f", "mp3"), ("-ac", "2", "-f", "mp3")),
    "two rates.mp3": (("-f", "mp3"), ("-ar", "22050", "-f", "mp3")),
    "same.mp3": (("-f", "mp3"), ("-f", "mp3")),
    "two rates.ogg": (
        ("-c:a", "libvorbis", "-f", "ogg"),
        ("-ac", "2", "-ar", "48000", "-c:a", "libvorbis", "-f", "ogg"),
    ),
    "chained.opus": (
        ("-c:a", "libopus", "-f", "ogg"),
        ("-ac", "2", "-c:a", "libopus", "-f", "ogg"),
    ),
    "chained flac.oga": (
        ("-c:a", "flac", "-f", "ogg"),
        ("-ac", "2", "-ar", "48000", "-c:a", "flac", "-f", "ogg"),
    ),
    "two rates.flac": (("-f", "flac"), ("-ac", "2", "-ar", "48000", "-f", "flac")),
    "two rates.aac": (("-f", "adts"), ("-ac", "2", "-ar", "48000", "-f", "adts")),
}


@pytest.mark.parametrize("name", JOINED)
def test_all_songs_of_a_joined_file_are_heard(here: Visit, site: Site, tmp_path: Path, name: str):
    file = tmp_path / name
    first, second = JOINED[name]
    file.write_bytes(_tone(300, 8, *first) + _tone(500, 9, *second))
    here.page.evaluate(ADD_PROBE)
    here.page.set_input_files("#probe", str(file))
    for streamed in (False, True):
        was, seconds, tones, damage = here.page.evaluate(HEARD, [streamed, [3, 14]])
        # The library that reads bit by bit knows no flac in ogg.
        assert was == (streamed and not name.endswith(".oga"))
        # Some of these do not tell what their encoders added.
        assert seconds == pytest.approx(17, abs=0.15)
        assert tones == pytest.approx([300, 500], abs=2)
        assert damage == []


def test_a_part_that_cannot_be_decoded_is_told(here: Visit, tmp_path: Path):
    file = tmp_path / "broken.ogg"
    whole = _tone(300, 8, "-c:a", "libvorbis", "-f", "ogg")
    second = bytearray(_tone(500, 9, "-c:a", "libopus", "-f", "ogg"))
    # Its version is one that no decoder knows.
    second[second.index(b"OpusHead") + 8] = 0xFF
    file.write_bytes(whole + second)
    here.finish([file])
    assert "part of the file is damaged" in here.status(file.name)
    song = here.song(file.name)
    assert "breaks off or is damaged at 0:08" in song.locator(".weak").inner_text()
