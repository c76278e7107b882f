"""No artist is ever on two sides of a split, however a folder spells and links its name."""

import collections
import contextlib
import string
import tempfile
import unicodedata
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from model_training.datasets import open_dataset
from model_training.errors import TrainingError
from model_training.stores.splits import group_folds, merge_groups, split_tracks

GENRES = ("Raï", "Hip-Hop", "Drum and Bass")
ARTISTS = ("El Anka", "Ñusta Picoaga", "Various Artists", "A-ha", "Été 67", "Sam")


def spellings(name: str) -> st.SearchStrategy[str]:
    """Names that people take for the same."""

    def spelled(case: str, form: Literal["NFC", "NFD"], between: str) -> str:
        words = name.replace("-", " ").split()
        text = between.join(words)
        text = {"lower": text.lower(), "upper": text.upper()}.get(case, text)
        return unicodedata.normalize(form, text)

    return st.builds(
        spelled,
        st.sampled_from(["lower", "upper", "as it is"]),
        st.sampled_from(["NFC", "NFD"]),
        st.sampled_from([" ", "-", "  ", "_"]),
    )


SONGS = st.lists(
    st.tuples(
        st.sampled_from(GENRES).flatmap(spellings),
        st.sampled_from(ARTISTS).flatmap(lambda name: st.tuples(st.just(name), spellings(name))),
        st.sampled_from(string.ascii_lowercase[:3]),
        st.sampled_from(["own", "linked"]),
    ),
    min_size=8,
    max_size=40,
)


def build(root: Path, songs: list[tuple[str, tuple[str, str], str, str]]) -> dict[Path, str]:
    """A folder of genres, and the artist of every real file."""
    artist_of = {}
    for number, (genre, (artist, spelled), album, way) in enumerate(songs):
        folder = root / "music" / genre / spelled
        if way == "linked":
            real = root / "artists" / artist
            real.mkdir(parents=True, exist_ok=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            link = folder.with_name(f"link to {artist} {number % 2}")
            if not link.exists():
                link.symlink_to(real)
            folder = link
        file = folder / album / f"{number}.mp3"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        artist_of[file.resolve()] = f"{artist} by links" if way == "linked" else artist
    return artist_of


@settings(max_examples=60, deadline=None, derandomize=True)
@given(songs=SONGS, seed=st.integers(0, 3))
def test_no_artist_is_on_two_sides(songs, seed):
    with tempfile.TemporaryDirectory() as folder:
        artist_of = build(Path(folder), songs)
        dataset = open_dataset("folder", Path(folder) / "music")
        clips = {clip.track: clip for clip in dataset.clips}
        artists = {track: artist_of[clip.path.resolve()] for track, clip in clips.items()}
    assert set(artists.values()) == set(artist_of.values())
    assert len(dataset.genres) == len({genre.casefold() for genre in dataset.genres}) <= 3
    names = list(clips)
    labels = [clips[name].genre for name in names]
    groups = merge_groups({name: clips[name].group for name in names}, dataset.replicas)
    with contextlib.suppress(TrainingError):  # a sentence says why there is none
        parts = split_tracks(names, labels, [groups[name] for name in names], seed=seed)
        assert_apart(list(parts.values()), artists)
    try:
        folds = group_folds(labels, [groups[name] for name in names], 2, seed)
    except TrainingError:
        return
    assert_apart([[names[row] for row in fold] for fold in folds], artists)


def assert_apart(parts: list[list[str]], artists: dict[str, str]) -> None:
    """No artist is in two parts."""
    sides = collections.defaultdict(set)
    for number, part in enumerate(parts):
        for track in part:
            sides[artists[track]].add(number)
    assert {artist: len(found) for artist, found in sides.items()} == dict.fromkeys(sides, 1)
