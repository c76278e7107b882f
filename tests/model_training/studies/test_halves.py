"""Halves of whole groups, and the examples that are drawn from one of them."""

import numpy as np
import pytest

from model_training.errors import TrainingError
from model_training.studies.halves import FEWEST, SONGS, draw_halves, most_even


def songs_of(*groups):
    """Labels and groups of songs, told as ({genre: songs}, ...) group by group."""
    labels = [genre for content in groups for genre, n in content.items() for _ in range(n)]
    names = [
        f"group {number}"
        for number, content in enumerate(groups)
        for n in content.values()
        for _ in range(n)
    ]
    return np.array(labels), names


def draw(labels, groups, seed=0, n_examples=10):
    n_genres = int(labels.max()) + 1
    return draw_halves(labels, groups, n_genres, n_examples, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(10))
def test_each_half_has_fifteen_songs_of_every_genre_where_the_groups_allow_it(seed):
    rng = np.random.default_rng(seed)
    contents = [{int(rng.integers(3)): int(rng.integers(1, 7))} for _ in range(60)]
    # Some groups are of two genres.
    contents += [{0: 2, 1: 3}, {1: 1, 2: 4}]
    labels, groups = songs_of(*contents)
    drawn = draw(labels, groups, seed)
    assert (drawn.fewest >= SONGS).all()
    asked = {groups[row] for row in drawn.asked}
    for genre, rows in enumerate(drawn.examples):
        assert len(rows) == len(set(rows.tolist())) == 10
        assert (labels[rows] == genre).all()
        assert not {groups[row] for row in rows} & asked
    # All songs of a group that is asked are asked.
    assert sorted(drawn.asked) == [row for row, group in enumerate(groups) if group in asked]


def test_halves_are_as_even_as_whole_groups_allow():
    labels, groups = songs_of({0: 18}, *[{0: 1}] * 5, *[{1: 1}] * 24)
    assert [most_even(labels, groups, genre) for genre in (0, 1)] == [5, 12]
    sides = set()
    for seed in range(8):
        drawn = draw(labels, groups, seed)
        assert drawn.fewest.tolist() == [5, 12]
        sides.add(len(drawn.examples[0]))
    # Either half is the one that teaches; of five songs, all do.
    assert sides == {5, 10}


def test_a_genre_of_one_large_group_cannot_be_parted():
    labels, groups = songs_of({0: 30}, {0: 1}, {0: 1}, {1: 8}, {1: 7})
    assert most_even(labels, groups, 0) < FEWEST <= most_even(labels, groups, 1)


def test_the_same_seed_draws_the_same_and_fewer_examples_are_the_first():
    labels, groups = songs_of(*[{0: 2}] * 20, *[{1: 2}] * 20)
    first, again, other = draw(labels, groups, 1), draw(labels, groups, 1), draw(labels, groups, 2)
    assert np.array_equal(first.first(10), again.first(10))
    assert np.array_equal(first.asked, again.asked)
    assert not np.array_equal(first.asked, other.asked)
    expected = np.concatenate([rows[:3] for rows in first.examples])
    assert np.array_equal(first.first(3), expected)
    assert labels[first.first(3)].tolist() == [0, 0, 0, 1, 1, 1]


def test_genres_that_pull_their_groups_apart_are_a_sentence():
    # Each genre has two groups, and two of three groups are always on one side.
    labels, groups = songs_of({0: 5, 1: 5}, {0: 5, 2: 5}, {1: 5, 2: 5})
    with pytest.raises(TrainingError, match="cannot be parted into two halves with 5 songs"):
        draw(labels, groups)
