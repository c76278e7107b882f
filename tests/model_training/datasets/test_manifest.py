"""A CSV file that names files and genres."""

import codecs
from pathlib import Path

import pytest

from model_training.datasets import open_dataset
from model_training.errors import TrainingError


def write(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    for name in ("live/lila 1.m4a", "été.mp3", "b.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    path = folder / "songs.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_rows_become_clips(tmp_path, separator, mark):
    text = (
        "Path,Label,group,split,comment\r\n"
        '"live/lila 1.m4a",Gnawa,Maalem Sam,train,"loud"\r\n'
        "été.mp3,Raï,,Validation,\r\n"
        "\r\n"
        "./b.wav,raï,,\r\n"
    )
    path = write(tmp_path, text.replace(",", separator))
    path.write_bytes(mark + path.read_bytes())
    dataset = open_dataset("manifest", path)
    assert [(clip.track, clip.genre, clip.group, clip.split) for clip in dataset.clips] == [
        ("./b.wav", "raï", "./b.wav", None),
        ("live/lila 1.m4a", "gnawa", "Maalem Sam", "train"),
        ("été.mp3", "raï", "été.mp3", "validation"),
    ]
    assert all(clip.path.is_file() for clip in dataset.clips)
    assert (dataset.name, dataset.folder, dataset.problems) == ("songs", tmp_path, [])


def test_group_and_split_may_be_left_out_and_paths_may_be_absolute(tmp_path):
    path = write(tmp_path, f"label,path\ngnawa,{tmp_path}/b.wav\n")
    (clip,) = open_dataset("manifest", path).clips
    assert (clip.path, clip.group, clip.split) == (tmp_path / "b.wav", clip.track, None)


def test_windows_paths_are_understood(tmp_path):
    path = write(tmp_path, "path,label\nlive\\lila 1.m4a,gnawa\n")
    (clip,) = open_dataset("manifest", path).clips
    assert (clip.track, clip.path) == ("live/lila 1.m4a", tmp_path / "live/lila 1.m4a")


def test_bad_rows_are_named_and_the_others_stay(tmp_path):
    rows = [
        "path,label,split", "b.wav,gnawa,", "b.wav,raï,", "gone.mp3,gnawa,", ",gnawa,",
        "été.mp3,,", "live/lila 1.m4a,gnawa,holdout",
    ]  # fmt: skip
    dataset = open_dataset("manifest", write(tmp_path, "\n".join(rows)))
    assert [clip.track for clip in dataset.clips] == ["b.wav"]
    assert [(problem.track, problem.code, problem.reason) for problem in dataset.problems] == [
        ("b.wav", "bad_row", "line 3 names this file again; its first line counts."),
        ("gone.mp3", "missing", "line 4: there is no such file."),
        ("line 5", "bad_row", "line 5 has no path."),
        ("été.mp3", "no_genre", "line 6 has no label."),
        ("live/lila 1.m4a", "bad_row", "line 7: 'holdout' is not train, validation or test."),
    ]


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        ("file,genre\nb.wav,gnawa\n", "utf-8", "its first line has no column 'path'"),
        ("path;genre\nb.wav;gnawa\n", "utf-8", "its first line has no column 'label'"),
        ("", "utf-8", "its first line has no column 'path'"),
        ("path,label\n", "utf-8", "names no file that is there"),
        ("path,label\nx.wav,gnawa\n", "utf-8", "names no file that is there"),
        ("path,label\nété.mp3,raï\n", "latin-1", "is not UTF-8; save it as CSV UTF-8"),
        ("path,label\nb.wav,gnawa\n", "utf-16", "is not UTF-8"),
    ],
)
def test_files_that_are_no_manifest_are_refused(tmp_path, text, encoding, told):
    with pytest.raises(TrainingError, match=r"songs\.csv") as caught:
        open_dataset("manifest", write(tmp_path, text, encoding=encoding))
    assert told in str(caught.value)


def test_a_folder_is_no_manifest(tmp_path):
    with pytest.raises(TrainingError, match="is no file; a CSV file with path, label is needed"):
        open_dataset("manifest", tmp_path)


def test_artists_and_genres_have_one_spelling_and_links_are_one_recording(tmp_path):
    text = "path,label,group\nb.wav,Lo-Fi,El Anka\nété.mp3,lo  fi,el-anka\nlink.wav,raï,Sam\n"
    path = write(tmp_path, text)
    (tmp_path / "link.wav").symlink_to(tmp_path / "b.wav")
    dataset = open_dataset("manifest", path)
    assert [(clip.track, clip.genre, clip.group) for clip in dataset.clips] == [
        ("b.wav", "lo-fi", "El Anka"), ("link.wav", "raï", "Sam"), ("été.mp3", "lo-fi", "El Anka"),
    ]  # fmt: skip
    assert dataset.replicas == [("b.wav", "link.wav")]
