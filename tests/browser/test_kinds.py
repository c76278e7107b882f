"""Kinds of sound: read whatever the browser's own decoder knows of them, or named."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from features import extract_segments
from model_training.sound.audio import ffmpeg, load_audio
from webapp.inference import Predictors, Registry

from .site import ROOT
from .sounds import band
from .visit import Visit

RATE = 44100
SECONDS = 6
# How much the level of what a coding loses may be, in dB below the sound's.
LOSSES = {"PCM_S8": -20, "PCM_U8": -20, "ULAW": -35, "ALAW": -35, "PCM_16": -60}
PLAIN = [
    (kind, subtype, endian)
    for kind, subtypes in {
        "AIFF": ("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
        "AU": ("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
        "CAF": ("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"),
        "W64": ("PCM_U8", "PCM_24", "DOUBLE"),
        "RF64": ("PCM_16", "DOUBLE"),
        "WAV": ("DOUBLE",),
    }.items()
    for subtype in subtypes
    for endian in ("FILE",)
] + [("AIFF", "PCM_16", "LITTLE"), ("AU", "PCM_16", "LITTLE"), ("CAF", "PCM_24", "LITTLE"),
     ("WAV", "PCM_16", "BIG")]  # fmt: skip


@pytest.fixture(scope="module")
def song() -> npt.NDArray[np.float32]:
    """Return a song of two channels."""
    return np.stack([band(SECONDS, RATE, seed) for seed in (0, 1)], axis=1)


@pytest.fixture
def wav(tmp_path: Path, song: npt.NDArray[np.float32]) -> Path:
    """Return the song as an ordinary wav file."""
    path = tmp_path / "song.wav"
    soundfile.write(path, song, RATE, "PCM_24")
    return path


def difference(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """Return the level of the difference, in dB below the sound's."""
    assert len(found) == len(expected)
    ratio = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
    return float(20 * np.log10(ratio + 1e-12))


def convert(source: Path, name: str, *options: str) -> Path:
    """Make another file of a song, with ffmpeg."""
    target = source.with_name(name)
    program = ffmpeg()
    assert program
    subprocess.run(
        [program, "-nostdin", "-v", "error", "-i", str(source), *options, str(target)], check=True
    )
    return target


def id3(size: int) -> bytes:
    """Return a tag with a picture's worth of bytes."""
    return b"ID3\x03\0\0" + bytes(size >> shift & 127 for shift in (21, 14, 7, 0)) + bytes(size)


def test_plain_samples_are_those_of_the_wav_file_at_once_and_bit_by_bit(
    here: Visit, tmp_path: Path, wav: Path, song: npt.NDArray[np.float32]
):
    expected = here.decoded(wav)
    for kind, subtype, endian in PLAIN:
        # The name tells nothing: the first bytes do.
        path = tmp_path / f"{kind}-{subtype}-{endian}.bin"
        soundfile.write(path, song, RATE, subtype, endian, kind)
        for stream_minutes in (60.0, 0.01):
            found = here.decoded(path, stream_minutes=stream_minutes)
            assert difference(found, expected) < LOSSES.get(subtype, -100), (path, stream_minutes)


def test_headers_that_tell_too_little_and_tags_are_no_obstacle(here: Visit, wav: Path):
    expected = here.decoded(wav)
    content = wav.read_bytes()
    at = content.index(b"data") + 4
    flac = convert(wav, "song.flac")
    files = {
        "no-size.wav": content[:4] + bytes(4) + content[8:at] + bytes(4) + content[at + 4 :],
        "tagged.wav": id3(2000) + content,
        "large-cover.flac": id3(1_200_000) + flac.read_bytes(),
    }
    for name, changed in files.items():
        path = wav.with_name(name)
        path.write_bytes(changed)
        assert difference(here.decoded(path), expected) < -100, name


def test_kinds_that_the_browser_refuses_at_once_are_read_bit_by_bit(here: Visit, wav: Path):
    files = [
        convert(wav, "radio.mp2", "-c:a", "mp2"),
        convert(wav, "radio.ts", "-c:a", "aac", "-f", "mpegts"),
    ]
    here.finish(files)
    for file in files:
        assert here.song(file.name).locator(".weak").is_hidden()
        assert "0:06" in here.song(file.name).locator(".song-facts").inner_text()


def test_a_piece_of_an_aiff_file_plays(here: Visit, tmp_path: Path):
    path = tmp_path / "song.aiff"
    soundfile.write(path, band(12, 22050), 22050, "PCM_16")
    here.finish([path])
    # The answer of a single song has unfolded by itself.
    song = here.song(path.name)
    here.page.wait_for_function("() => document.querySelector('.player').duration === 12")
    song.locator(".segment").nth(1).click()
    here.page.wait_for_function("""() => {
      const { paused, currentTime } = document.querySelector('.player');
      return !paused && currentTime > 5;
    }""")


def refused(wav: Path) -> dict[str, tuple[bytes, str]]:
    """Return contents of files that cannot be heard, and a part of the sentence about each."""
    rest = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8).tobytes()
    alac, aac = (convert(wav, f"{c}.m4a", "-c:a", c).read_bytes() for c in ("alac", "aac"))
    wma = convert(wav, "windows.wma", "-c:a", "wmav2").read_bytes()
    return {
        "apple.m4a": (alac, "This is Apple Lossless (ALAC), which this browser cannot decode"),
        "bought.m4p": (aac.replace(b"mp4a", b"drms"), "is protected against copying (DRM)"),
        "song.mp3": (wma, "This is Windows Media (WMA), which this browser cannot decode"),
        "monkey.ape": (b"MAC \x96\x0f\0\0" + rest, "s Audio (APE), which this browser"),
        "sony.dsf": (b"DSD " + struct.pack("<Q", 28) + rest, "This is DSD (DSF)"),
        "speech.spx": (b"OggS\0\2" + bytes(20) + b"\1\x50Speex   1.2" + rest, "This is Speex"),
        "notes.mid": (b"MThd\0\0\0\x06" + rest, "This is MIDI, which holds notes"),
        "songs.zip": (b"PK\3\4" + rest, "This is an archive (ZIP)"),
        "list.m3u": (b"one.mp3\ntwo.mp3\n", "This is a playlist"),
        "cover.jpg": (b"\xff\xd8\xff\xe0" + rest, "This is a picture (JPEG)"),
        "gone.mp3": (b"<!DOCTYPE html><title>404</title>", "This is a text or another document"),
        "._song.mp3": (b"\0\5\x16\7\0\2" + rest, "a companion that a Mac made"),
        "noise.mp3": (rest, "This cannot be decoded: the file is damaged"),
    }


def test_files_that_cannot_be_heard_are_named_within_seconds(here: Visit, wav: Path):
    # The library for streams warns of codecs that it does not know.
    here.expected_complaints = ("Unsupported audio codec",)
    for name, (content, sentence) in refused(wav).items():
        path = wav.with_name(name)
        path.write_bytes(content)
        here.clear()
        here.page.evaluate("performance.mark('chosen')")
        here.choose([path])
        here.wait_for(name, "failed")
        took = here.page.evaluate("performance.measure('took', 'chosen').duration")
        assert sentence in here.status(name)
        assert took < 5_000, name
        # What was named would end in the same way again.
        named = not sentence.startswith(("This cannot be decoded", "This is a text"))
        assert here.song(name).locator(".song-retry").is_hidden() == named, name


def test_a_playlist_makes_the_browser_ask_for_nothing(here: Visit, tmp_path: Path):
    path = tmp_path / "song.mp3"
    path.write_text("#EXTM3U\n#EXTINF:-1,A song\nhttp://songs.test/stream.mp3\n")
    here.asked.clear()
    here.choose([path])
    here.wait_for(path.name, "failed")
    assert "This is a playlist" in here.status(path.name)
    assert not any("songs.test" in line for line in here.asked)


@pytest.mark.parametrize("rate", [96_000, 192_000])
def test_sound_above_hearing_does_not_change_the_answer(here: Visit, tmp_path: Path, rate: int):
    # A loud tone that rises from 13 kHz to what the rate can hold, over the song.
    time = np.arange(20 * rate) / rate
    high = 0.3 * np.sin(2 * np.pi * np.cumsum(13_000 + (rate / 2 - 15_000) * time / 20) / rate)
    wav = tmp_path / "studio.wav"
    soundfile.write(wav, 0.6 * band(20, rate, 4) + high, rate, "PCM_24")
    # The frames of this file give 192,000 Hz in kHz; the library for streams finds none of them.
    flac = convert(wav, "studio.flac")
    predictor = Predictors(Registry.load(ROOT / "trained_models")).get("v9")
    spec = predictor.card.spec

    def answer(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        segments = extract_segments(samples, spec)
        found = predictor.predict(np.stack([segment.values for segment in segments]))
        return np.asarray(found.probabilities, np.float64)

    expected = answer(load_audio(wav, spec.sample_rate))
    for path in (wav, flac):
        found = answer(here.decoded(path, spec.sample_rate))
        np.testing.assert_allclose(found, expected, atol=0.02)
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_the_file_dialog_offers_the_kinds_that_are_read(here: Visit):
    accepted = (here.page.get_attribute("#songs", "accept") or "").split(",")
    assert {".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".mp2", ".ts", ".m4b"} <= set(accepted)
