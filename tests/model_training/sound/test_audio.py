"""Sound files: every format, with librosa's numbers, and messages about files without sound."""

import pickle
import shutil
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from model_training.errors import TrainingError
from model_training.sound import audio
from model_training.sound.audio import (
    AudioFileError,
    Sound,
    decode,
    load_audio,
    write_wav,
)

from .. import music

PLAIN = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff")
WITH_FFMPEG = (".m4a", ".aac", ".wma", ".webm", ".mp4")


@pytest.mark.parametrize("suffix", PLAIN)
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (22050, 1), (48000, 1)])
def test_plain_formats_give_librosas_samples(tmp_path, suffix, rate, channels):
    if suffix == ".opus" and rate != 48000:
        rate = 24000  # the codec knows few rates
    sound = music.tune(1.3, rate, channels=channels)
    path = music.write(tmp_path / f"söng{suffix}", sound, rate)
    samples = load_audio(path, 22050)
    expected, _ = librosa.load(path, sr=22050)
    assert samples.dtype == np.float32
    # how the mp3 decoder rounds depends on where its buffers lie in memory
    np.testing.assert_allclose(samples, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("suffix", WITH_FFMPEG)
def test_other_formats_are_decoded_by_ffmpeg(tmp_path, suffix):
    sound = music.tune(2, 44100, channels=2)
    path = music.write(tmp_path / f"-sóng: 1{suffix}", sound, 44100)
    decoded = decode(path)
    assert decoded.sample_rate in (44100, 48000)
    assert decoded.samples.shape[1] == 2
    assert decoded.seconds == pytest.approx(2, abs=0.06)
    # Encoders delay the sound; the spectrum over time stays.
    ours = librosa.feature.melspectrogram(y=load_audio(path, 22050), sr=22050, n_mels=40)
    mono = librosa.resample(sound.mean(axis=1), orig_sr=44100, target_sr=22050)
    expected = librosa.feature.melspectrogram(y=mono, sr=22050, n_mels=40)
    frames = min(ours.shape[1], expected.shape[1])
    correlation = np.corrcoef(ours[:, :frames].ravel(), expected[:, :frames].ravel())[0, 1]
    assert correlation > 0.8


def test_the_ending_of_a_name_does_not_matter_for_decoding(tmp_path):
    path = music.write_tune(tmp_path / "song.m4a", 1)
    renamed = tmp_path / "song.wav"
    shutil.copy(path, renamed)
    np.testing.assert_array_equal(decode(renamed).samples, decode(path).samples)


def test_values_that_are_not_numbers_are_handed_on(tmp_path):
    samples = music.tune(1)
    samples[500] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, 22050, subtype="FLOAT")
    assert np.isnan(load_audio(tmp_path / "nan.wav", 22050)).any()


def bad_files(folder: Path) -> None:
    noise = np.random.default_rng(0).bytes(6000)
    (folder / "zero.wav").touch()
    (folder / "noise.mp3").write_bytes(noise)
    (folder / "noise.m4a").write_bytes(noise)
    (folder / "noise.wav").write_bytes(b"RIFF" + noise)
    (folder / "folder.wav").mkdir()
    soundfile.write(folder / "nothing.wav", np.zeros((0, 1)), 22050)
    whole = music.write_tune(folder / "whole.m4a", 2).read_bytes()
    (folder / "half.m4a").write_bytes(whole[: len(whole) // 2])
    music.ffmpeg(*["-f", "lavfi", "-i", "testsrc=d=0.2:s=32x32"], str(folder / "mute.mp4"))


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("gone.wav", "missing", "there is no such file"),
        ("folder.wav", "missing", "is a folder"),
        ("zero.wav", "empty", "0 bytes"),
        ("nothing.wav", "empty", "0 samples"),
        ("noise.mp3", "unreadable", "is not readable sound"),
        ("noise.m4a", "unreadable", "is not readable sound"),
        ("noise.wav", "unreadable", "is not readable sound"),
        ("half.m4a", "unreadable", "is not readable sound"),
        ("mute.mp4", "no_sound", "has no sound track"),
    ],
)
def test_bad_files_are_named_with_a_reason(tmp_path, name, code, words):
    bad_files(tmp_path)
    with pytest.raises(AudioFileError, match=words) as caught:
        load_audio(tmp_path / name, 22050)
    assert caught.value.code == code
    assert str(caught.value) == f"{tmp_path / name}: {caught.value.reason}"
    assert caught.value.reason.endswith(".")
    assert isinstance(caught.value, TrainingError)


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("whole.m4a", "no_ffmpeg", "m4a files need ffmpeg: install it"),
        ("noise.wav", "unreadable", "damaged, or of another kind"),
        ("zero.wav", "empty", "0 bytes"),
    ],
)
def test_without_ffmpeg_it_is_said_what_to_install(tmp_path, monkeypatch, name, code, words):
    bad_files(tmp_path)
    monkeypatch.setattr(audio, "ffmpeg", lambda: None)
    with pytest.raises(AudioFileError, match=words) as caught:
        decode(tmp_path / name)
    assert caught.value.code == code
    assert len(decode(music.write_tune(tmp_path / "song.mp3")).samples) > 22050


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = music.write_tune(tmp_path / "song.wav", 1)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(AudioFileError, match="permissions"):
        decode(path)


def test_ffmpeg_is_found_in_the_package_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        audio.ffmpeg.cache_clear()
        assert Path(str(audio.ffmpeg())).parent.name == "binaries"
        monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
        audio.ffmpeg.cache_clear()
        assert audio.ffmpeg() is None
    finally:
        audio.ffmpeg.cache_clear()


def test_errors_come_back_from_other_processes(tmp_path):
    error = AudioFileError(tmp_path / "a.wav", "empty", "holds no sound.")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.path, copy.code, str(copy)) == (error.path, "empty", str(error))


@pytest.mark.parametrize("channels", [1, 2])
def test_16_bits_are_written_as_they_were(tmp_path, channels):
    steps = np.random.default_rng(0).integers(-32768, 32768, (3000, channels)).astype(np.int16)
    steps[0], steps[1] = -32768, 32767
    soundfile.write(tmp_path / "a.flac", steps, 44100)
    write_wav(tmp_path / "new" / "a.wav", decode(tmp_path / "a.flac"))
    written, rate = soundfile.read(tmp_path / "new" / "a.wav", dtype="int16", always_2d=True)
    assert rate == 44100
    np.testing.assert_array_equal(written, steps)
    assert soundfile.info(tmp_path / "new" / "a.wav").subtype == "PCM_16"


def test_louder_than_full_scale_is_clipped(tmp_path):
    write_wav(tmp_path / "a.wav", Sound(np.array([[2.0], [-2.0], [np.nan]], np.float32), 8000))
    written, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert written.tolist() == [32767, -32768, 0]


def test_a_failed_write_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    sound = Sound(music.tune(0.1), 22050)
    with pytest.raises(TrainingError, match="cannot be written"):
        write_wav(tmp_path / "file" / "a.wav", sound)
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(TrainingError, match="cannot be written"):
        write_wav(tmp_path / "b.wav", sound)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b.wav", "file"]


def test_resampling_keeps_the_length_of_librosa():
    for n_samples, rate in ((1, 48000), (999, 44100), (22051, 16000), (100, 8000)):
        sound = Sound(music.tune(1, rate)[:n_samples], rate).resampled(22050)
        assert len(sound.samples) == int(np.ceil(min(n_samples, rate) * (22050 / rate)))
