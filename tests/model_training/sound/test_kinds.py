"""Kinds of files: read by what they are, whatever their names; what holds no song is named."""

import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from model_training.__main__ import main
from model_training.sound import audio
from model_training.sound.audio import AudioFileError, decode
from model_training.sound.kinds import FFMPEG_SUFFIXES, PLAIN_SUFFIXES, SUFFIXES, WORDS

from .. import music

RATE = 44100
TABLE = Path(__file__).parents[2] / "data" / "kinds.json"


def test_the_two_lists_of_endings_have_nothing_in_common():
    assert not PLAIN_SUFFIXES & FFMPEG_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)


def test_the_page_and_the_command_line_know_the_same_first_bytes():
    """tests/js/sound/kind.test.js holds the page to the same table."""
    table = json.loads(TABLE.read_text(encoding="ascii"))
    known = []
    for word in WORDS:
        row: dict[str, object] = {"at": word[0], "word": word[1].decode("latin-1")}
        row |= {"name": word[2], "reason": word[3]}
        if len(word) == 6:
            row["also"] = [word[4], word[5].decode("latin-1")]
        known.append(row)
    assert known == table


# ending and how ffmpeg writes it, for what it writes in more than one way
MADE = {
    "aiff": (), "aifc": ("-f", "aiff", "-c:a", "pcm_s16le"), "au": (), "caf": ("-c:a", "pcm_s24le"),
    "alac.caf": ("-c:a", "alac"), "alac.m4a": ("-c:a", "alac"), "wma": (), "wv": (), "tta": (),
    "mp2": (), "ts": ("-c:a", "mp2"), "aac.ts": ("-c:a", "aac"), "w64": (),
    "rf64": ("-f", "wav", "-rf64", "always"), "3gp": ("-c:a", "aac"), "mka": ("-c:a", "flac"),
    "ac3": (), "flv": (), "mov": ("-c:a", "pcm_s16le"), "avi": ("-c:a", "mp2"),
    "mpg": ("-c:a", "mp2"), "f64.wav": ("-c:a", "pcm_f64le"), "adpcm.wav": ("-c:a", "adpcm_ms"),
    "flac.ogg": ("-c:a", "flac"), "m2ts": ("-c:a", "ac3"), "nut": ("-c:a", "pcm_s16le"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MADE)
def test_all_that_ffmpeg_reads_is_heard_under_any_name(tmp_path, kind):
    sound = music.tune(1.5, RATE, channels=2)
    path = tmp_path / f"song.{kind}"
    music.ffmpeg(
        *("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:0", *MADE[kind], str(path)),
        stdin=sound.tobytes(),
    )
    assert path.suffix in SUFFIXES
    found = decode(path.rename(tmp_path / "song.mp3"))
    assert found.samples.shape[1] == 2
    assert found.sample_rate == RATE
    assert found.seconds == pytest.approx(1.5, abs=0.1)
    assert found.remark is None


def dsf(path: Path) -> None:
    """A quarter of a second of DSD: one bit a sample, 2.8 MHz."""
    n_bytes = 4096 * 22
    form = b"fmt " + struct.pack("<QIIIIIIQII", 52, 1, 0, 1, 1, 2822400, 1, 8 * n_bytes, 4096, 0)
    body = b"data" + struct.pack("<Q", 12 + n_bytes) + np.random.default_rng(0).bytes(n_bytes)
    size = 28 + len(form) + len(body)
    path.write_bytes(b"DSD " + struct.pack("<QQQ", 28, size, 0) + form + body)


def amr(path: Path) -> None:
    """A second of AMR at 12.2 kbit/s, frames of 20 ms."""
    path.write_bytes(b"#!AMR\n" + 50 * (b"\x3c" + bytes(31)))


@pytest.mark.parametrize(("make", "seconds"), [(dsf, 0.25), (amr, 1.0)])
def test_kinds_that_no_free_program_writes_are_heard(tmp_path, make, seconds):
    make(tmp_path / "song.bin")
    assert decode(tmp_path / "song.bin").seconds == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize("kind", ["f64.wav", "flac", "aiff"])
def test_a_tag_before_the_sound_is_skipped(tmp_path, kind):
    path = tmp_path / f"song.{kind}"
    music.ffmpeg(
        *("-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"),
        *(*MADE.get(kind, ()), str(path)),
        stdin=music.tune(1, RATE).tobytes(),
    )
    expected = decode(path)
    cover = b"ID3\4\0\0" + bytes([0, 80, 0, 0]) + bytes(80 << 14)
    path.write_bytes(cover + path.read_bytes())
    np.testing.assert_array_equal(decode(path).samples, expected.samples)


REFUSED = {
    "archive (ZIP)": b"PK\3\4" + bytes(60),
    "archive (RAR)": b"Rar!\x1a\7\0",
    "archive (tar)": bytes(257) + b"ustar" + bytes(60),
    "playlist": b"#EXTM3U\nsecret.mp3\n",
    "playlist, which": b"[playlist]\nFile1=secret.mp3\n",
    "picture (JPEG)": b"\xff\xd8\xff\xe0" + bytes(60),
    "picture (PNG)": b"\x89PNG\r\n\x1a\n" + bytes(60),
    "MIDI": b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0",
    "companion that a Mac made": b"\0\5\x16\7\0\2\0\0" + bytes(60),
    "text or another document": "Paroles de l'été\n".encode(),
    "document and holds": b"%PDF-1.7\n\xe2\xe3" + bytes(60),
}


@pytest.mark.parametrize("told", REFUSED)
@pytest.mark.parametrize("with_ffmpeg", [True, False])
def test_what_holds_no_song_is_named(tmp_path, monkeypatch, told, with_ffmpeg):
    if not with_ffmpeg:
        monkeypatch.setattr(audio, "ffmpeg", lambda: None)
    music.write_tune(tmp_path / "secret.mp3", 1)
    path = tmp_path / "song.mp3"
    path.write_bytes(REFUSED[told])
    with pytest.raises(AudioFileError, match=r"this is .*: (take|unpack|convert)") as caught:
        decode(path)
    assert told in caught.value.reason
    assert caught.value.code == "unreadable"


def test_a_playlist_is_told_by_its_name_too(tmp_path):
    music.write_tune(tmp_path / "secret.mp3", 1)
    (tmp_path / "list.m3u8").write_text("secret.mp3\n")
    with pytest.raises(AudioFileError, match="this is a playlist"):
        decode(tmp_path / "list.m3u8")


def test_protected_songs_are_not_taken_for_noise(tmp_path):
    path = music.write(tmp_path / "song.m4a", music.tune(1, RATE), RATE)
    content = path.read_bytes()
    at = content.find(b"stsd") + 16
    assert content[at : at + 4] == b"mp4a"
    for coding in (b"drms", b"enca", b"aavd"):
        path.write_bytes(content[:at] + coding + content[at + 4 :])
        with pytest.raises(AudioFileError, match=r"protected against copying \(DRM\)"):
            decode(path)
    path = music.write(tmp_path / "song.wma", music.tune(1, RATE), RATE)
    content = path.read_bytes()
    protection = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e")
    path.write_bytes(content[:30] + protection + content[30:])
    with pytest.raises(AudioFileError, match=r"protected against copying \(DRM\)"):
        decode(path)


CODED = [word for word in WORDS if word[3] == "coded" and len(word) == 4]


@pytest.mark.parametrize("word", CODED, ids=[word[1].hex() for word in CODED])
def test_what_ffmpeg_cannot_decode_is_named(tmp_path, monkeypatch, word):
    path = tmp_path / "song.mp3"
    path.write_bytes(word[1] + bytes(40))
    with pytest.raises(
        AudioFileError, match=r"which ffmpeg could not decode .*: convert it to"
    ) as caught:
        decode(path)
    assert f"this is {word[2]}" in caught.value.reason
    monkeypatch.setattr(audio, "ffmpeg", lambda: None)
    with pytest.raises(AudioFileError, match="which needs ffmpeg: install it") as caught:
        decode(path)
    assert caught.value.code == "no_ffmpeg"


def test_flac_in_ogg_without_ffmpeg_says_what_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "song.ogg"
    music.ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "flac", str(path))
    monkeypatch.setattr(audio, "ffmpeg", lambda: None)
    with pytest.raises(AudioFileError, match="coded in a way that needs ffmpeg") as caught:
        decode(path)
    assert caught.value.code == "no_ffmpeg"


def test_one_that_is_named_by_itself_fails_with_its_sentence(tmp_path, capsys):
    twin = tmp_path / "._song.mp3"
    twin.write_bytes(b"\0\5\x16\7" + bytes(60))
    assert main(["convert", str(twin), "--out", str(tmp_path / "x.wav")]) == 2
    assert "this is a companion that a Mac made" in capsys.readouterr().err


def test_no_text_is_followed_to_the_files_that_it_names(tmp_path):
    """ffmpeg would: a concat script is text."""
    music.write_tune(tmp_path / "secret.wav", 1)
    script = tmp_path / "song.mp3"
    script.write_text("ffconcat version 1.0\nfile secret.wav\n")
    followed = subprocess.run(
        [str(audio.ffmpeg()), "-v", "error", "-i", str(script), "-f", "null", "-"],
        check=False, capture_output=True,
    )  # fmt: skip
    assert followed.returncode == 0
    with pytest.raises(AudioFileError, match="this is a text"):
        decode(script)
