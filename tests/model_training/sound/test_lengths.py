"""Files whose header tells less than they hold: all is heard, with either ffmpeg."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from model_training.__main__ import main
from model_training.sound import audio
from model_training.sound.audio import AudioFileError, Sound, decode
from model_training.sound.lengths import mp3_frames

from .. import music

# Found on the path if there is one, and that of the package: they differ on joined ogg files.
PROGRAMS = {"imageio": imageio_ffmpeg.get_ffmpeg_exe(), "path": shutil.which("ffmpeg")}


def tone(hertz: float, seconds: float = 2.0, rate: int = 44100, channels: int = 1) -> audio.Samples:
    time = np.arange(round(seconds * rate)) / rate
    return np.repeat(0.3 * np.sin(2 * np.pi * hertz * time)[:, None], channels, axis=1).astype("f4")


def written(path: Path, *parts: audio.Samples, rates: tuple[int, ...] = (44100, 44100)) -> Path:
    """Files of these sounds behind one another, as `cat` would join them."""
    content = b""
    for part, rate in zip(parts, rates, strict=False):
        content += music.write(path.with_stem("part"), part, rate).read_bytes()
    path.with_stem("part").unlink()
    path.write_bytes(content)
    return path


def heard(sound: Sound) -> list[int]:
    """The pitch of each half second that holds one, in Hz, without repetitions."""
    samples, rate = sound.mono().samples[:, 0], sound.sample_rate
    found: list[int] = []
    half = rate // 2
    for start in range(half // 2, len(samples) - half, half):
        spectrum = np.abs(np.fft.rfft(samples[start : start + half] * np.hanning(half)))
        pitch = 20 * round(int(spectrum.argmax()) * 2 / 20)
        if spectrum.max() > 10 and pitch not in found[-1:]:
            found.append(pitch)
    return found


@pytest.fixture(params=PROGRAMS)
def _either_ffmpeg(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    program = PROGRAMS[request.param]
    if program is None:
        pytest.skip("no ffmpeg on the search path")
    monkeypatch.setattr(audio, "ffmpeg", lambda: program)


@pytest.fixture
def _no_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "ffmpeg", lambda: None)


@pytest.mark.usefixtures("_either_ffmpeg")
@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".opus", ".flac", ".wav", ".aiff", ".m4a"])
@pytest.mark.parametrize(
    ("rates", "channels"),
    [((48000, 48000), (1, 1)), ((48000, 48000), (1, 2)), ((48000, 24000), (2, 1))],
)
def test_all_songs_of_a_joined_file_are_heard(tmp_path, suffix, rates, channels):
    parts = [
        tone(hertz, rate=rate, channels=count)
        for hertz, rate, count in zip((440, 660), rates, channels, strict=True)
    ]
    sound = decode(written(tmp_path / f"song{suffix}", *parts, rates=rates))
    assert heard(sound) == [440, 660]
    assert sound.sample_rate == rates[0]
    assert sound.seconds == pytest.approx(4, abs=0.15)
    assert sound.remark is not None
    assert sound.remark.code == "joined"
    assert "2 files joined into one" in sound.remark.reason


def test_a_part_that_is_damaged_costs_only_itself(tmp_path):
    path = written(tmp_path / "song.ogg", tone(440), tone(660))
    content = path.read_bytes()
    path.write_bytes(content[: content.rfind(b"OggS\0\2") + 60])
    sound = decode(path)
    assert heard(sound) == [440]
    assert sound.remark is not None
    assert sound.remark.reason == "is 2 files joined into one, of which 1 can be heard."


@pytest.mark.usefixtures("_no_ffmpeg")
@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".flac", ".wav", ".aiff"])
def test_parts_that_libsndfile_reads_need_no_ffmpeg(tmp_path, suffix):
    path = written(tmp_path / f"song{suffix}", tone(440, rate=48000), tone(660, rate=48000),
                   rates=(48000, 48000))  # fmt: skip
    assert heard(decode(path)) == [440, 660]


@pytest.mark.usefixtures("_no_ffmpeg")
def test_half_a_song_is_not_taken_for_the_whole_without_ffmpeg(tmp_path):
    with pytest.raises(
        AudioFileError, match=r"holds 4\.\d\d s, of which 2\.\d\d s .*install it"
    ) as caught:
        decode(written(tmp_path / "song.mp3", tone(440), tone(660)))
    assert caught.value.code == "no_ffmpeg"


def plain(path: Path, told: int) -> Path:
    """Two seconds in a wav file that tells so many bytes."""
    content = bytearray(music.write(path, tone(440), 44100).read_bytes())
    at = content.find(b"data")
    content[at + 4 : at + 8] = struct.pack("<I", told)
    path.write_bytes(content)
    return path


@pytest.mark.usefixtures("_no_ffmpeg")
@pytest.mark.parametrize("told", [0, 100, 0xFFFFFFFF])
def test_a_wav_of_a_recorder_that_lost_power_is_heard_to_its_end(tmp_path, told):
    expected = decode(music.write(tmp_path / "whole.wav", tone(440), 44100))
    sound = decode(plain(tmp_path / "song.wav", told))
    np.testing.assert_array_equal(sound.samples, expected.samples)
    assert (sound.remark is None) == (told == 0xFFFFFFFF)


def au(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8:12] = bytes(4)
    path.write_bytes(content)


def aiff(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.find(b"COMM") + 10
    content[at : at + 4] = bytes(4)
    at = content.find(b"SSND") + 4
    content[at : at + 4] = struct.pack(">I", 8)
    path.write_bytes(content)


def w64(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.find(b"data") + 16
    content[at : at + 8] = struct.pack("<Q", 24)
    path.write_bytes(content)


def rf64(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.find(b"ds64") + 16
    content[at : at + 16] = bytes(16)
    path.write_bytes(content)


@pytest.mark.usefixtures("_no_ffmpeg")
@pytest.mark.parametrize(
    ("kind", "spoil"), [("AU", au), ("AIFF", aiff), ("W64", w64), ("RF64", rf64)]
)
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_other_plain_samples_are_heard_to_their_end(
    tmp_path, kind, spoil: Callable[[Path], None], subtype
):
    path = tmp_path / "song.bin"
    soundfile.write(path, tone(440, channels=2), 44100, format=kind, subtype=subtype)
    expected = decode(path)
    spoil(path)
    np.testing.assert_array_equal(decode(path).samples, expected.samples)


def test_what_follows_the_samples_of_a_wav_is_not_heard(tmp_path):
    path = music.write(tmp_path / "song.wav", tone(440))
    expected = decode(path)
    note = 200_000 * b"x"
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", len(note)) + note)
    np.testing.assert_array_equal(decode(path).samples, expected.samples)
    assert decode(path).remark is None
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 22050)
    empty = (tmp_path / "none.wav").read_bytes()
    (tmp_path / "none.wav").write_bytes(empty + b"LIST" + struct.pack("<I", len(note)) + note)
    with pytest.raises(AudioFileError, match="0 samples"):
        decode(tmp_path / "none.wav")


@pytest.mark.usefixtures("_either_ffmpeg")
def test_a_flac_that_tells_less_than_it_holds_is_heard_to_its_end(tmp_path):
    path = music.write(tmp_path / "song.flac", music.tune(4, 44100), 44100)
    expected = decode(path)
    assert expected.remark is None
    content = bytearray(path.read_bytes())
    for told, remark in ((44100, "tells 1.00 s"), (0, None), (44100 * 9, "only 4.00 s are there")):
        content[22:26] = struct.pack(">I", told)
        path.write_bytes(content)
        sound = decode(path)
        np.testing.assert_array_equal(sound.samples, expected.samples)
        assert remark in sound.remark.reason if remark and sound.remark else sound.remark is None


def unknown_length(path: Path) -> Path:
    """Mp3 of changing bit rate without a header: silence, which takes few bits, then music."""
    sound = np.concatenate([np.zeros((44100 * 3, 1), np.float32), music.tune(5, 44100)])
    music.ffmpeg(
        *("-f", "f32le", "-ar", "44100", "-ac", "1", "-i", "pipe:0"),
        *("-q:a", "2", "-write_xing", "0", f"file:{path}"),
        stdin=sound.tobytes(),
    )
    return path


@pytest.mark.usefixtures("_either_ffmpeg")
def test_an_mp3_without_a_length_is_heard_to_its_end(tmp_path):
    path = unknown_length(tmp_path / "song.mp3")
    music.ffmpeg("-i", f"file:{path}", f"file:{tmp_path / 'all.wav'}")
    sound = decode(path)
    assert sound.seconds == pytest.approx(8, abs=0.1)
    assert len(sound.samples) == len(soundfile.read(tmp_path / "all.wav")[0])


@pytest.mark.usefixtures("_either_ffmpeg")
@pytest.mark.parametrize(
    ("told", "remark"), [(30, "tells 0.73 s, and it holds"), (4000, "only 4.")]
)
def test_an_mp3_whose_header_is_wrong_is_heard_to_its_end(tmp_path, told, remark):
    path = music.write(tmp_path / "song.mp3", music.tune(4, 44100), 44100)
    seconds = decode(path).seconds
    content = bytearray(path.read_bytes())
    at = next(at for word in (b"Xing", b"Info") if (at := content.find(word)) >= 0) + 8
    content[at : at + 4] = struct.pack(">I", told)
    path.write_bytes(content)
    sound = decode(path)
    assert sound.seconds == pytest.approx(seconds, abs=0.05)
    assert sound.remark is not None
    assert sound.remark.code == "wrong_length"
    assert remark in sound.remark.reason


@pytest.mark.parametrize("bitrate", ["64k", "320k"])
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (22050, 1), (8000, 1)])
def test_usual_files_are_read_by_libsndfile_and_get_no_remark(
    tmp_path, monkeypatch, bitrate, rate, channels
):
    """Tags before and behind the sound, constant bit rate, no header with a length: all usual."""
    sound = music.tune(3, rate, channels=channels)
    for number, words in enumerate(
        [["-write_xing", "0"], ["-id3v2_version", "3", "-metadata", "title=x"]]
    ):
        path = tmp_path / f"{number}.mp3"
        music.ffmpeg(
            *("-f", "f32le", "-ar", str(rate), "-ac", str(channels), "-i", "pipe:0"),
            *("-b:a", bitrate, "-write_id3v1", "1", *words, f"file:{path}"),
            stdin=sound.tobytes(),
        )
        cover = b"APETAGEX" + np.random.default_rng(1).bytes(300_000)
        path.write_bytes(path.read_bytes() + cover)
        with monkeypatch.context() as patch:
            patch.setattr(audio, "ffmpeg", lambda: pytest.fail("ffmpeg was asked"))
            found = decode(path)
        assert found.remark is None
        assert found.seconds == pytest.approx(3, abs=0.2)
        frames = mp3_frames(path.read_bytes())
        assert frames is not None
        assert frames.seconds == pytest.approx(3, abs=0.2)


def test_a_file_that_was_cut_short_is_heard_and_named(tmp_path):
    for suffix in (".wav", ".mp3", ".flac"):
        path = music.write(tmp_path / f"song{suffix}", music.tune(4, 44100), 44100)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        sound = decode(path)
        assert sound.seconds == pytest.approx(2, abs=0.3)
        assert sound.remark is not None
        assert "cut short, or is damaged" in sound.remark.reason


def test_validate_names_such_files_and_they_can_be_used(tmp_path, capsys):
    folder = music.write_genres(tmp_path / "music", {"chaabi": 2, "gnawa": 3}, 5)
    long = (tone(440, 5), tone(660, 5))
    written(folder / "chaabi" / "joined.mp3", *long)
    plain(folder / "chaabi" / "lost.wav", 0)
    assert main(["validate", "folder", str(folder), "--jobs", "1", "--min-seconds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "7 of 7 clips usable" in printed
    assert "chaabi/joined.mp3: is 2 files joined into one; all of them are heard." in printed
    assert "chaabi/lost.wav: its header tells 0.00 s, and it holds 2.00 s; all of it" in printed


def test_conversion_cuts_and_trims_all_of_a_joined_file(tmp_path):
    path = written(tmp_path / "song.mp3", tone(440, 3), tone(660, 3))
    assert main(["convert", str(path), "--out", str(tmp_path / "all.wav")]) == 0
    assert heard(decode(tmp_path / "all.wav")) == [440, 660]
    words = ["--start", "4", "--end", "5.5", "--out", str(tmp_path / "end.wav")]
    assert main(["trim", str(path), *words]) == 0
    assert heard(decode(tmp_path / "end.wav")) == [660]
    words = ["--seconds", "2", "--out", str(tmp_path / "pieces")]
    assert main(["segment", str(path), *words]) == 0
    assert len(list((tmp_path / "pieces" / "song").iterdir())) == 3


@pytest.mark.usefixtures("_either_ffmpeg")
def test_a_count_of_samples_that_cannot_be_is_not_believed(tmp_path):
    mp3 = music.write(tmp_path / "song.mp3", tone(440), 44100)
    content = bytearray(mp3.read_bytes())
    at = max(content.find(b"Xing"), content.find(b"Info"))
    content[at + 8 : at + 12] = b"\xff\xff\xff\xf0"
    mp3.write_bytes(content)
    flac = music.write(tmp_path / "song.flac", tone(440), 44100)
    content = bytearray(flac.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff\xff\xff\xff"
    flac.write_bytes(content)
    joined = tmp_path / "joined.flac"
    joined.write_bytes(content + content)
    for path, seconds in ((mp3, 2), (flac, 2), (joined, 4)):
        sound = decode(path)
        assert heard(sound) == [440]
        assert sound.seconds == pytest.approx(seconds, abs=0.1)


def test_a_chunk_that_does_not_even_count_itself_is_passed(tmp_path):
    path = music.write(tmp_path / "song.w64", tone(440), 44100)
    expected = decode(path).samples
    path.write_bytes(path.read_bytes() + b"fact" + bytes(12) + bytes(8) + bytes(64))
    found = decode(path).samples
    np.testing.assert_array_equal(found[: len(expected)], expected)
    assert len(found) < len(expected) + 100
