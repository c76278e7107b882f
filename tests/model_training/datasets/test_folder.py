"""A folder per genre: what is a clip, what is its group, what is left alone."""

import shutil
import unicodedata
from pathlib import Path

import pytest

from model_training.__main__ import main
from model_training.datasets import Clip, check_dataset, open_dataset
from model_training.errors import TrainingError

from .. import music


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
        ("Chaabi/El Anka/1979/a.FLAC", "chaabi", "El Anka"),
        ("Chaabi/El Anka/El Hamam.mp3", "chaabi", "El Anka"),
        ("Chaabi/solo.ogg", "chaabi", "Chaabi/solo.ogg"),
        ("gnawa/Maalem/lila 2.opus", "gnawa", "Maalem"),
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
    with pytest.raises(TrainingError, match="come from two sources, a, b; at least 3"):
        check_dataset(open_dataset("folder", tmp_path))
    check_dataset(open_dataset("folder", tmp_path, group="file"))


def test_no_clips_at_all():
    from model_training.datasets import check_clips

    with pytest.raises(TrainingError, match="there is no usable clip"):
        check_clips([], Path("music"))
    clip = Clip("a", Path("a"), "gnawa", "a")
    with pytest.raises(TrainingError, match="one genre only"):
        check_clips([clip], Path("music"))


def test_an_artist_is_one_group_in_all_genres_and_spellings(tmp_path):
    artist = unicodedata.normalize("NFD", "EL-ANKÀ")
    touch(tmp_path, "chaabi/El Ankà/1.mp3", f"malhun/{artist}/2.mp3", "malhun/el  ankà/cd 1/3.mp3",
          "malhun/Sam/4.mp3", "malhun/alone.mp3")  # fmt: skip
    dataset = open_dataset("folder", tmp_path)
    groups = {clip.path.stem: clip.group for clip in dataset.clips}
    assert groups.pop("1") == groups.pop("2") == groups.pop("3") == "El Ankà"
    assert groups == {"4": "Sam", "alone": "malhun/alone.mp3"}
    assert dataset.remarks == ["In several genres, and on one side of every split: El Ankà."]


@pytest.mark.parametrize("other", ["GNAWA LILA", "gnawa-lila", "gnawa  lila", "Gnawa_Lila"])
def test_a_genre_that_is_spelled_twice_is_one(tmp_path, other):
    touch(tmp_path, "gnawa lila/a.mp3", f"{other}/b.mp3", "raï/c.mp3")
    dataset = open_dataset("folder", tmp_path)
    assert len(dataset.genres) == 2
    assert len(dataset.clips) == 3


def test_a_genre_that_is_spelled_twice_is_told(tmp_path):
    touch(tmp_path, "Lo-Fi/a.mp3", "lo fi/b.mp3")
    dataset = open_dataset("folder", tmp_path)
    assert dataset.genres == ["lo-fi"]
    assert dataset.remarks == ["Spelled in several ways and taken as one genre each: lo fi."]


def test_artists_linked_into_genre_folders_are_read(tmp_path):
    touch(tmp_path, "artists/Maalem Sam/1.mp3", "artists/Maalem Sam/2.mp3")
    for genre, name in (("gnawa", "Maalem Sam"), ("chaabi", "Sam")):
        (tmp_path / "music" / genre).mkdir(parents=True)
        (tmp_path / "music" / genre / name).symlink_to(tmp_path / "artists" / "Maalem Sam")
    dataset = open_dataset("folder", tmp_path / "music")
    assert [clip.track for clip in dataset.clips] == [
        "chaabi/Sam/1.mp3", "chaabi/Sam/2.mp3", "gnawa/Maalem Sam/1.mp3", "gnawa/Maalem Sam/2.mp3",
    ]  # fmt: skip
    assert dataset.replicas == [
        ("chaabi/Sam/1.mp3", "gnawa/Maalem Sam/1.mp3"),
        ("chaabi/Sam/2.mp3", "gnawa/Maalem Sam/2.mp3"),
    ]
    assert dataset.remarks == [
        "By links, 2 clips of files that are there as another clip, too, such as gnawa/Maalem "
        "Sam/1.mp3 (chaabi/Sam/1.mp3): one recording each, on one side of every split."
    ]


def test_what_is_left_out_is_one_line(tmp_path):
    touch(tmp_path, "gnawa/a.mp3", "gnawa/._a.mp3", "gnawa/cover.jpg", "gnawa/song.mid", "list.m3u",
          "__MACOSX/gnawa/._a.mp3", ".DS_Store", "chaabi/app.ts")  # fmt: skip
    assert open_dataset("folder", tmp_path).remarks == [
        "Left out, as no sound by name: 3 hidden, 1 .ts, 1 .jpg, 1 .mid, 1 .m3u."
    ]


def test_various_artists_everywhere_are_refused_in_a_sentence(tmp_path):
    touch(tmp_path, *(f"{genre}/{name}/{number}.mp3" for number in range(9) for genre, name in
                      (("chaabi", "Various Artists"), ("gnawa", "various-artists"))))  # fmt: skip
    told = "come from Various Artists; .* Various Artists lies in several genres and counts as one"
    with pytest.raises(TrainingError, match=told):
        check_dataset(open_dataset("folder", tmp_path))


def test_a_link_to_nothing_is_a_clip_that_cannot_be_read(tmp_path, capsys):
    for genre in ("gnawa", "chaabi"):
        for artist in ("Sam", "Hassan", "Fatna"):
            music.write(tmp_path / genre / artist / "song.wav", music.tune(2, 22050), 22050)
    (tmp_path / "gnawa" / "Sam" / "gone.flac").symlink_to(tmp_path / "nowhere.flac")
    main(["validate", "folder", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "gone.flac" in printed
    assert "there is no such file" in printed
