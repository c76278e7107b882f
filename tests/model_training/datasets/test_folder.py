"""A folder per genre: what is a clip, what is its group, what is left alone."""

import shutil
import unicodedata
from pathlib import Path

import pytest

from model_training.datasets import Clip, check_dataset, open_dataset
from model_training.errors import TrainingError


def touch(folder: Path, *names: str) -> Path:
    """Make empty files, as listing reads no sound."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_genres_tracks_and_groups(tmp_path):
    touch(
        tmp_path, "Chaabi/El Anka/El Hamam.mp3", "Chaabi/El Anka/1979/a.FLAC", "Chaabi/solo.ogg",
        "gnawa/lila 1.m4a", "gnawa/Maalem/lila 2.opus", "gnawa/cover.jpg", "gnawa/list.m3u",
        "gnawa/.hidden.mp3", "gnawa/._lila 1.m4a", ".git/x.wav", "__MACOSX/gnawa/y.wav",
    )  # fmt: skip
    dataset = open_dataset("folder", tmp_path)
    assert [(clip.track, clip.genre, clip.group) for clip in dataset.clips] == [
        ("Chaabi/El Anka/1979/a.FLAC", "chaabi", "Chaabi/El Anka"),
        ("Chaabi/El Anka/El Hamam.mp3", "chaabi", "Chaabi/El Anka"),
        ("Chaabi/solo.ogg", "chaabi", "Chaabi/solo.ogg"),
        ("gnawa/Maalem/lila 2.opus", "gnawa", "gnawa/Maalem"),
        ("gnawa/lila 1.m4a", "gnawa", "gnawa/lila 1.m4a"),
    ]
    assert dataset.clips[0].path == tmp_path / "Chaabi/El Anka/1979/a.FLAC"
    assert dataset.genres == ["chaabi", "gnawa"]
    assert dataset.problems == []
    assert dataset.name == tmp_path.name
    assert {clip.split for clip in dataset.clips} == {None}


def test_every_file_can_stand_for_itself(tmp_path):
    touch(tmp_path, "chaabi/El Anka/1.mp3", "chaabi/El Anka/2.mp3")
    dataset = open_dataset("folder", tmp_path, group="file")
    assert [clip.group for clip in dataset.clips] == [
        "chaabi/El Anka/1.mp3",
        "chaabi/El Anka/2.mp3",
    ]


def test_accents_have_one_spelling(tmp_path):
    touch(tmp_path, unicodedata.normalize("NFD", "raï/été.mp3"), "raï/b.mp3")
    dataset = open_dataset("folder", tmp_path)
    assert {clip.genre for clip in dataset.clips} == {unicodedata.normalize("NFC", "raï")}
    assert dataset.clips[-1].track == unicodedata.normalize("NFC", "raï/été.mp3")
    assert all(clip.path.is_file() for clip in dataset.clips)
    assert dataset.problems == []


def test_names_that_differ_in_spelling_only_are_not_two_tracks(tmp_path):
    touch(tmp_path, unicodedata.normalize("NFD", "raï/a.mp3"), "raï/a.mp3", "raï/b.mp3")
    dataset = open_dataset("folder", tmp_path)
    assert [clip.track for clip in dataset.clips] == ["raï/a.mp3", "raï/b.mp3"]
    assert [problem.code for problem in dataset.problems] == ["duplicate"]


def test_files_without_a_genre_and_empty_folders_are_named(tmp_path):
    touch(tmp_path, "stray.mp3", "notes/readme.txt", "gnawa/a.mp3")
    dataset = open_dataset("folder", tmp_path)
    assert [(problem.track, problem.code) for problem in dataset.problems] == [
        ("notes", "empty"), ("stray.mp3", "no_genre"),
    ]  # fmt: skip
    assert [clip.track for clip in dataset.clips] == ["gnawa/a.mp3"]


@pytest.mark.parametrize("names", [(), ("song.mp3",), ("gnawa/readme.txt",)])
def test_a_folder_without_sound_is_refused(tmp_path, names):
    touch(tmp_path, *names)
    with pytest.raises(TrainingError, match=r"holds no sound; expected one folder per genre"):
        open_dataset("folder", tmp_path)


def test_wrong_folders_kinds_and_groups_are_refused(tmp_path):
    touch(tmp_path, "song.mp3")
    with pytest.raises(TrainingError, match="is no folder"):
        open_dataset("folder", tmp_path / "song.mp3")
    with pytest.raises(TrainingError, match="'zip' is no kind of data set; choose gtzan, fma"):
        open_dataset("zip", tmp_path)
    with pytest.raises(TrainingError, match="--group: 'album' is neither folder nor file"):
        open_dataset("folder", tmp_path, group="album")


def test_hip_hop_is_written_as_in_gtzan(tmp_path):
    touch(tmp_path, "Hip-Hop/a.mp3", "hip hop/b.mp3", "hiphop/c.mp3")
    assert open_dataset("folder", tmp_path).genres == ["hiphop"]


def test_links_are_read_as_genres_but_never_in_circles(tmp_path):
    touch(tmp_path, "real/a.mp3", "real/b.mp3")
    music = tmp_path / "music"
    music.mkdir()
    (music / "gnawa").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "real" / "loop").symlink_to(music, target_is_directory=True)
    assert [clip.track for clip in open_dataset("folder", music).clips] == [
        "gnawa/a.mp3", "gnawa/b.mp3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("remove", "told"),
    [
        (["chaabi"], "has one genre only (gnawa)"),
        (["gnawa/0.mp3"], "the genre gnawa has 2 clips"),
        (["gnawa/0.mp3", "gnawa/1.mp3"], "the genre gnawa has 1 clip;"),
        ([], None),
    ],
)
def test_least_sizes(tmp_path, remove, told):
    touch(
        tmp_path, *(f"{genre}/{number}.mp3" for genre in ("chaabi", "gnawa") for number in range(3))
    )
    for name in remove:
        path = tmp_path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    dataset = open_dataset("folder", tmp_path)
    if told is None:
        check_dataset(dataset)
        return
    with pytest.raises(TrainingError) as caught:
        check_dataset(dataset)
    assert told in str(caught.value)


def test_two_artists_are_too_few_for_three_parts(tmp_path):
    names = [f"gnawa/{artist}/{number}.mp3" for artist in "ab" for number in range(9)]
    touch(tmp_path, *names, *(f"chaabi/{number}.mp3" for number in range(3)))
    with pytest.raises(TrainingError, match="come from two sources, gnawa/a, gnawa/b; at least 3"):
        check_dataset(open_dataset("folder", tmp_path))
    check_dataset(open_dataset("folder", tmp_path, group="file"))


def test_no_clips_at_all():
    from model_training.datasets import check_clips

    with pytest.raises(TrainingError, match="there is no usable clip"):
        check_clips([], Path("music"))
    clip = Clip("a", Path("a"), "gnawa", "a")
    with pytest.raises(TrainingError, match="one genre only"):
        check_clips([clip], Path("music"))
