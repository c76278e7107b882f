"""`convert`, `trim` and `segment`, as they are typed."""

import concurrent.futures
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model_training.__main__ import main
from model_training.sound import conversion
from model_training.sound.audio import decode

from .. import music


def names(folder: Path) -> list[str]:
    """All files below, hidden ones too."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Songs of several kinds, a broken one, and things that are no songs."""
    folder = tmp_path / "music"
    music.write(folder / "gnawa" / "lïla 1.mp3", music.tune(1, 44100, channels=2), 44100)
    music.write(folder / "gnawa" / "lila 2.m4a", music.tune(1, 44100, seed=1), 44100)
    music.write(folder / "chaabi" / "live" / "a.flac", music.tune(1, seed=2))
    music.write(folder / "chaabi" / "live" / "a.ogg", music.tune(1, seed=3))
    (folder / "chaabi" / "bad.mp3").write_bytes(b"no sound at all")
    (folder / "chaabi" / "cover.jpg").write_bytes(b"a picture")
    (folder / "chaabi" / ".hidden.wav").write_bytes(b"")
    return folder


WAVS = ["chaabi/live/a.flac.wav", "chaabi/live/a.ogg.wav", "gnawa/lila 2.wav", "gnawa/lïla 1.wav"]


def test_convert_mirrors_a_tree(tree, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["convert", str(tree), "--out", str(out)]) == 0
    assert names(out) == WAVS
    info = soundfile.info(out / "gnawa" / "lïla 1.wav")
    assert (info.format, info.subtype, info.samplerate, info.channels) == (
        "WAV", "PCM_16", 44100, 2,
    )  # fmt: skip
    assert info.duration == pytest.approx(1, abs=0.06)
    printed = capsys.readouterr().out
    assert "4 converted, 0 there already, 1 failed" in printed
    assert f"{tree / 'chaabi' / 'bad.mp3'}: this is a text or another document" in printed
    assert "Left out, as no sound by name: 1 hidden, 1 .jpg." in printed


def test_convert_goes_on_where_it_was(tree, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["convert", str(tree), "--out", str(out)]
    assert main(command) == 0
    (out / WAVS[0]).unlink()
    (out / WAVS[1]).write_bytes(b"made by hand")
    capsys.readouterr()
    assert main(command) == 0
    assert "1 converted, 3 there already, 1 failed" in capsys.readouterr().out
    assert (out / WAVS[1]).read_bytes() == b"made by hand"
    assert main([*command, "--overwrite"]) == 0
    assert "4 converted, 0 there already, 1 failed" in capsys.readouterr().out
    assert soundfile.info(out / WAVS[1]).frames == 22050


def test_convert_inside_of_the_source_does_not_convert_its_own_results(tree, capsys):
    command = ["convert", str(tree), "--out", str(tree / "wav"), "--overwrite"]
    assert main(command) == 0
    assert main(command) == 0
    assert names(tree / "wav") == WAVS


@pytest.mark.parametrize("out", ["song.wav", "folder"])
def test_convert_one_file(tree, tmp_path, out):
    words = ["--sample-rate", "22050", "--mono"]
    assert (
        main(["convert", str(tree / "gnawa/lïla 1.mp3"), "--out", str(tmp_path / out), *words]) == 0
    )
    made = tmp_path / out if out.endswith(".wav") else tmp_path / out / "lïla 1.wav"
    info = soundfile.info(made)
    assert (info.samplerate, info.channels) == (22050, 1)


@pytest.mark.parametrize(
    ("path", "words", "told"),
    [
        ("music/chaabi/bad.mp3", ["--out", "x.wav"], "holds no sound: take a song"),
        ("gone", ["--out", "x"], "not there; name a sound file or a folder"),
        ("empty", ["--out", "x"], "holds no sound file (aac, aiff, flac"),
        ("music", ["--out", "music"], "is the source itself"),
        ("music/gnawa/lïla 1.mp3", ["--out", "x", "--sample-rate", "0"], "--sample-rate: 0 Hz"),
        ("music", ["--out", "music/gnawa/lila 2.m4a"], "is a file; name a folder"),
        ("song.wav", ["--out", "song.wav", "--overwrite"], "is the source itself"),
        ("only_bad", ["--out", "x"], "None of 2 files could be converted"),
    ],
)
def test_convert_refuses_with_a_sentence(tree, tmp_path, monkeypatch, capsys, path, words, told):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("only_bad").mkdir()
    Path("only_bad/a.mp3").write_bytes(b"no")
    Path("only_bad/b.mp3").write_bytes(b"no")
    music.write_tune(Path("song.wav"), 1)
    before = names(tmp_path)
    assert main(["convert", path, *words]) == 2
    assert told in capsys.readouterr().err
    assert names(tmp_path) == before


def test_ctrl_c_leaves_nothing_half_written(tree, tmp_path, monkeypatch, capsys):
    class Interrupted(concurrent.futures.ThreadPoolExecutor):
        def map(self, fn, *iterables, **options):
            done = super().map(fn, *iterables, **options)
            yield next(done)
            yield next(done)
            raise KeyboardInterrupt

    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", Interrupted)
    out = tmp_path / "out"
    assert main(["convert", str(tree), "--out", str(out), "--jobs", "1"]) == 130
    left = names(out)
    assert left
    assert set(left) <= set(WAVS)
    assert all(soundfile.info(out / name).frames > 20000 for name in left)


# --- trim -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        (["--start", "1.5", "--end", "3"], 33075, 66150),
        (["--start", "0:02"], 44100, 88200),
        (["--end", "1"], 0, 22050),
        (["--start", "0:00:01", "--end", "4.0"], 22050, 88200),
    ],
)
def test_trim_keeps_the_samples_between_two_times(tmp_path, capsys, words, first, last):
    path = music.write_tune(tmp_path / "song.flac", 4)
    out = tmp_path / "parts" / "part.wav"
    assert main(["trim", str(path), "--out", str(out), *words]) == 0
    np.testing.assert_array_equal(decode(out).samples, decode(path).samples[first:last])
    assert f"{(last - first) / 22050:.2f} s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--start", "3", "--end", "3"], "Nothing lies between 3 s and 3 s"),
        (["--start", "2", "--end", "9"], "lasts 4.00 s; the part from 2 s to 9 s is not in it"),
        (["--start", "5"], "the part from 5 s to its end is not in it"),
        (["--out", "part.mp3"], "name a file that ends in .wav"),
        (["--out", "there.wav"], "is there already; --overwrite replaces it"),
    ],
)
def test_trim_refuses_with_a_sentence(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    music.write_tune(Path("song.flac"), 4)
    Path("there.wav").write_bytes(b"mine")
    out = [] if "--out" in words else ["--out", "part.wav"]
    assert main(["trim", "song.flac", *words, *out]) == 2
    assert told in capsys.readouterr().err
    assert names(tmp_path) == ["song.flac", "there.wav"]
    assert Path("there.wav").read_bytes() == b"mine"


def test_trim_overwrites_when_told_so(tmp_path):
    path = music.write_tune(tmp_path / "song.wav", 4)
    assert main(["trim", str(path), "--end", "1", "--out", str(path), "--overwrite"]) == 0
    assert decode(path).seconds == 1


@pytest.mark.parametrize("time", ["soon", "-3", "1:", "nan", "inf"])
def test_trim_refuses_an_impossible_time(capsys, time):
    with pytest.raises(SystemExit) as caught:
        main(["trim", "song.wav", f"--start={time}", "--out", "part.wav"])
    assert caught.value.code == 2
    assert "is no time: seconds, or minutes:seconds" in capsys.readouterr().err


# --- segment ----------------------------------------------------------------------------------


def test_segment_cuts_equal_pieces_that_make_up_the_file(tmp_path, capsys):
    path = music.write_tune(tmp_path / "song.flac", 3.5)
    out = tmp_path / "pieces"
    assert main(["segment", str(path), "--seconds", "1", "--out", str(out)]) == 0
    assert names(out) == [f"song/song.0{number}.wav" for number in range(3)]
    pieces = [decode(out / name).samples for name in names(out)]
    assert [len(piece) for piece in pieces] == [22050] * 3
    np.testing.assert_array_equal(np.concatenate(pieces), decode(path).samples[:66150])
    assert "3 pieces in" in capsys.readouterr().out


def test_segment_keeps_the_rest_when_told_so(tmp_path):
    path = music.write_tune(tmp_path / "song.flac", 3.5)
    words = ["--seconds", "1", "--out", str(tmp_path / "pieces"), "--keep-rest"]
    assert main(["segment", str(path), *words]) == 0
    pieces = [decode(path).samples for path in sorted((tmp_path / "pieces/song").iterdir())]
    assert [len(piece) for piece in pieces] == [22050] * 3 + [11025]
    np.testing.assert_array_equal(np.concatenate(pieces), decode(path).samples)


def test_segment_gives_each_song_of_a_tree_a_folder(tree, tmp_path, capsys):
    out = tmp_path / "pieces"
    command = ["segment", str(tree), "--seconds", "0.4", "--out", str(out)]
    assert main(command) == 0
    assert sorted({name.rpartition("/")[0] for name in names(out)}) == [
        "chaabi/live/a.flac", "chaabi/live/a.ogg", "gnawa/lila 2", "gnawa/lïla 1",
    ]  # fmt: skip
    assert "4 cut, 0 there already, 1 failed" in capsys.readouterr().out
    before = names(out)
    assert main(command) == 0
    assert "0 cut, 4 there already, 1 failed" in capsys.readouterr().out
    (out / "gnawa" / "lila 2" / "stray.wav").touch()
    assert main([*command, "--overwrite"]) == 0
    assert names(out) == before


def test_pieces_that_cannot_be_put_in_their_place_leave_the_old_ones(tmp_path, refuse_move, capsys):
    music.write_tune(tmp_path / "song.wav", 3)
    command = ["segment", str(tmp_path / "song.wav"), "--out", str(tmp_path / "pieces")]
    assert main([*command, "--seconds", "1"]) == 0
    before = names(tmp_path)
    refuse_move(tmp_path / "pieces" / "song")
    assert main([*command, "--seconds", "0.5", "--overwrite"]) == 2
    assert "No space" in capsys.readouterr().err
    assert names(tmp_path) == before
    assert len(before) == 4


def test_segment_names_files_that_are_too_short(tmp_path, capsys):
    music.write_tune(tmp_path / "music" / "long.wav", 3)
    music.write_tune(tmp_path / "music" / "short.wav", 1)
    command = ["segment", str(tmp_path / "music"), "--out", str(tmp_path / "out"), "--seconds"]
    assert main([*command, "2"]) == 0
    assert "short.wav: is shorter than 2 s" in capsys.readouterr().out
    assert names(tmp_path / "out") == ["long/long.00.wav"]
    assert main([*command, "0"]) == 2
    assert "must be more than zero" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_fails_that_file_only(tmp_path, capsys):
    music.write_tune(tmp_path / "music" / "a" / "1.wav", 1)
    music.write_tune(tmp_path / "music" / "b" / "1.wav", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").touch()
    outcomes = conversion.segment(tmp_path / "music", tmp_path / "out", 0.5)
    assert [outcome.written for outcome in outcomes] == [0, 2]
    assert "cannot be written" in str(outcomes[0].failure)
    assert names(tmp_path / "out") == ["a", "b/1/1.00.wav", "b/1/1.01.wav"]
