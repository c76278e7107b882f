"""Intervals, left-out answers and doubts of own genres, on points that are easy to tell."""

import dataclasses

import numpy as np
import pytest

from features.own_genres import ModelGenres
from model_training.studies.halves import draw_halves
from model_training.studies.learning_checks import judge_doubts, judge_intervals, judge_left_out
from model_training.studies.taught_songs import Task

SIZE = 4


def task_of(n_genres, apart, *, n_examples=10, songs=30, seed=0):
    """Songs of `n_genres`, each a cloud of deviation 1 so far from the others."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_genres), songs)
    centres = apart * np.eye(n_genres, SIZE)
    model = ModelGenres(
        mean=np.zeros(SIZE),
        scale=np.ones(SIZE),
        names=("rock", "jazz"),
        songs=np.array([50.0, 50.0]),
        means=np.zeros((2, SIZE)),
        covariance=np.eye(SIZE),
    )
    groups = [f"group {row}" for row in range(len(labels))]
    draws = [
        draw_halves(labels, groups, n_genres, n_examples, np.random.default_rng(number))
        for number in range(12)
    ]
    return Task(
        network="model.keras",
        rows=np.arange(len(labels)),
        labels=labels,
        genres=tuple("abcd"[:n_genres]),
        places=np.arange(n_genres),
        left_out=(),
        embeddings=centres[labels] + rng.normal(size=(len(labels), SIZE)),
        model=model,
        draws=draws[:4],
        further=draws[4:],
    )


def test_genres_that_nobody_confuses_are_recognised_and_recalled():
    found = judge_intervals([task_of(3, 40.0)])
    assert found
    assert found["draws"] == 8
    assert (found["covers"], found["recognised"], found["recall"]) == (1.0, 1.0, 1.0)
    assert list(found["by_genre"]) == ["a", "b", "c"]


def test_an_interval_covers_the_recall_or_lies_above_or_below_it():
    found = judge_intervals([task_of(3, 1.5)])
    assert found
    assert 0 < found["covers"] <= 1
    total = found["covers"] + found["recall_below"] + found["recall_above"]
    assert total == pytest.approx(1, abs=3e-4)


def test_a_recall_far_from_what_the_examples_promised_is_not_covered():
    task = task_of(2, 40.0)
    # Songs that are asked lie where the examples of the other genre are.
    draw = task.further[0]
    moved = task.embeddings.copy()
    moved[draw.asked] += 40.0 * np.array([[-1, 1], [1, -1]])[task.labels[draw.asked]] @ np.eye(2, 4)
    found = judge_intervals([dataclasses.replace(task, embeddings=moved, further=[draw])])
    assert found
    assert (found["recognised"], found["recall"]) == (1.0, 0.0)
    assert (found["covers"], found["recall_below"]) == (0.0, 1.0)


def test_too_few_examples_for_an_interval_have_none():
    task = task_of(2, 2.0, n_examples=4)
    assert judge_intervals([task]) is None
    assert judge_left_out([task]) is None


@pytest.mark.parametrize("n_genres", [2, 4])
def test_left_out_answers_are_those_of_a_new_fit_where_genres_are_far_apart(n_genres):
    found = judge_left_out([task_of(n_genres, 40.0)])
    assert found
    assert found["n"] == 4 * 10 * n_genres
    assert found["largest_difference"] < 0.01
    assert found["other_winner"] == 0


def test_left_out_answers_are_close_to_a_new_fit_where_genres_overlap():
    found = judge_left_out([task_of(4, 2.0)])
    assert found
    assert 0 < found["mean_difference"] < 0.05
    assert found["mean_difference"] <= found["largest_difference"] < 0.5
    assert found["other_winner"] < 0.1


def test_songs_of_a_genre_that_was_not_taught_are_doubted():
    found = judge_doubts([task_of(3, 40.0)])
    assert found["untaught"] == 1.0
    assert found["taught"] < 0.3
    assert found["by_genre"]["b"] == {
        "taught": pytest.approx(found["taught"], abs=0.3), "untaught": 1.0,
    }  # fmt: skip


def test_of_two_genres_neither_can_be_left_out():
    found = judge_doubts([task_of(2, 5.0)])
    assert found["untaught"] is None
    assert 0 <= found["taught"] < 0.3
