"""FMA: the table with two header rows, the numbered folders, the clips without sound."""

import csv
from pathlib import Path

import pytest

from model_training.datasets import open_dataset
from model_training.errors import TrainingError

# The real table's first columns and all that is read of it; album/id comes before artist/id, and
# album/type before track/..., so that names alone would not do.
HEADER = [
    ("", ""), ("album", "comments"), ("album", "id"), ("artist", "bio"), ("artist", "id"),
    ("set", "split"), ("set", "subset"), ("track", "bit_rate"), ("track", "genre_top"),
    ("track", "genres"), ("track", "title"),
]  # fmt: skip
ROWS = [
    (2, 1, "training", "small", "Hip-Hop"),
    (5, 1, "training", "small", "Hip-Hop"),
    (10, 6, "validation", "small", "Pop"),
    (140, 54, "test", "medium", "Folk"),
    (141, 55, "test", "large", ""),
    (142, 56, "training", "small", ""),
    (99134, 77, "training", "small", "Electronic"),
    (155066, "", "test", "small", "Rock"),
]


def lay_out(
    folder: Path, *, present: tuple[int, ...] = (2, 5, 10, 140, 99134), audio: str = "fma_small"
) -> Path:
    table = folder / "fma_metadata" / "tracks.csv"
    table.parent.mkdir(parents=True)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([group for group, _ in HEADER])
        writer.writerow([column for _, column in HEADER])
        writer.writerow(["track_id"] + [""] * (len(HEADER) - 1))
        for number, artist, split, subset, genre in ROWS:
            bio = 'Born,\nand "then" played. ' * (9000 if number == 5 else 1)
            writer.writerow(
                [number, 0, 7, bio, artist, split, subset, 256000, genre, "[21]", "Título"]
            )
    for number in present:
        path = folder / audio / f"{number:06d}"[:3] / f"{number:06d}.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return table


def test_small(tmp_path):
    lay_out(tmp_path)
    dataset = open_dataset("fma", tmp_path)
    assert [
        (clip.track, clip.genre, clip.group, clip.split, clip.path.relative_to(tmp_path).as_posix())
        for clip in dataset.clips
    ] == [
        ("000002", "hiphop", "artist 1", "train", "fma_small/000/000002.mp3"),
        ("000005", "hiphop", "artist 1", "train", "fma_small/000/000005.mp3"),
        ("000010", "pop", "artist 6", "validation", "fma_small/000/000010.mp3"),
    ]
    assert [(problem.track, problem.code) for problem in dataset.problems] == [
        ("000142", "no_genre"), ("099134", "known_faulty"), ("155066", "missing"),
    ]  # fmt: skip
    assert dataset.name == "FMA small"
    assert "ISMIR 2017" in dataset.citation


def test_medium_includes_small(tmp_path):
    lay_out(tmp_path, audio="fma_medium")
    dataset = open_dataset("fma", tmp_path, subset="medium")
    assert [clip.track for clip in dataset.clips] == ["000002", "000005", "000010", "000140"]


def test_a_track_without_an_artist_stands_for_itself(tmp_path):
    lay_out(tmp_path, present=(155066,))
    (clip,) = open_dataset("fma", tmp_path).clips
    assert (clip.group, clip.split) == ("155066", "test")


@pytest.mark.parametrize("told", ["beside", "folder", "file"])
def test_the_table_may_lie_elsewhere(tmp_path, told):
    table = lay_out(tmp_path)
    metadata = None
    if told != "beside":
        (tmp_path / "fma_metadata").rename(tmp_path / "tables")
        metadata = tmp_path / "tables" if told == "folder" else tmp_path / "tables" / table.name
    dataset = open_dataset("fma", tmp_path / "fma_small", metadata=metadata)
    assert len(dataset.clips) == 3


def test_missing_and_wrong_files_are_named(tmp_path):
    with pytest.raises(TrainingError, match=r"tracks.csv: not there; unpack fma_metadata.zip"):
        open_dataset("fma", tmp_path)
    table = lay_out(tmp_path, present=())
    with pytest.raises(TrainingError, match=r"fma_small: not there; unpack fma_small.zip"):
        open_dataset("fma", tmp_path)
    (tmp_path / "fma_small" / "000").mkdir(parents=True)
    with pytest.raises(TrainingError, match="none of the 6 clips"):
        open_dataset("fma", tmp_path)
    with pytest.raises(TrainingError, match="--subset: 'tiny' is not one of small, medium"):
        open_dataset("fma", tmp_path, subset="tiny")
    table.write_text("track_id,genre\n2,Rock\n")
    with pytest.raises(TrainingError, match="its two header rows must name set/subset"):
        open_dataset("fma", tmp_path)
    table.write_text("")
    with pytest.raises(TrainingError, match="is not FMA's"):
        open_dataset("fma", tmp_path)
