"""Own genres learned from examples, beside scikit-learn and beside the plain formulas."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf
from sklearn.preprocessing import StandardScaler

from features.own_genres import (
    MAX_GENRES,
    MODEL_SONGS,
    Mode,
    OwnGenres,
    TeachingError,
    answer,
)
from features.own_genres_file import OwnGenresFile, read_own_genres, write_own_genres
from features.teaching import ENOUGH_TO_VARY, MODEL_WEIGHT, learn, shrink

from .lessons import Lesson, make_lesson, make_model, refit, teach

seeds = st.integers(0, 2**32 - 1)


def kept(own: OwnGenres) -> OwnGenres:
    """The same genres, written to a file and read again."""
    return read_own_genres(write_own_genres(OwnGenresFile("v", "spec", "0", own))).own


# --- beside scikit-learn ------------------------------------------------------------------------


@st.composite
def lessons(draw: st.DrawFn) -> Lesson:
    """Five songs and more of each genre; some numbers do not vary, others by far more or less."""
    size = draw(st.integers(1, 12))
    counts = draw(st.lists(st.integers(ENOUGH_TO_VARY, 14), min_size=2, max_size=6))
    numbers = draw(st.integers(0, size - 1))
    lesson = make_lesson(counts, size, draw(seeds), numbers=numbers)
    powers = draw(st.lists(st.floats(-1.5, 2), min_size=size, max_size=size))
    return dataclasses.replace(lesson, z=lesson.z * 10 ** np.array(powers))


@pytest.mark.full
@given(lessons(), seeds)
@settings(deadline=None)
def test_probabilities_are_scikit_learn_s(lesson: Lesson, seed: int) -> None:
    own = dataclasses.replace(teach(lesson).own, temperature=1.0)
    assert sorted(own.names) == [f"genre {label}" for label in np.unique(lesson.labels)]
    random = np.random.default_rng(seed)
    z = lesson.z[random.integers(len(lesson.z), size=30)]
    z = z + 0.5 * random.normal(size=z.shape) * lesson.z.std(axis=0)
    told = answer(own, lesson.model, z * lesson.model.scale + lesson.model.mean)
    expected = refit(lesson.z, lesson.labels).predict_proba(z)
    order = [int(name.split()[1]) for name in told.genres]
    np.testing.assert_allclose(told.probabilities, expected[:, order], rtol=0, atol=1e-4)


@given(seeds, st.integers(3, 40), st.integers(1, 12), st.integers(0, 5), st.floats(-6, 6))
def test_a_genre_s_covariance_is_scikit_learn_s(
    seed: int, n: int, size: int, constant: int, power: float
) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, size)) @ random.normal(size=(size, size))
    values = values * 10 ** random.uniform(-2, 2, size) * 10**power + random.normal(size=size)
    values[:, :constant] = random.normal()
    covariance, shrinkage = shrink(values)
    scaler = StandardScaler().fit(values)
    expected, expected_shrinkage = ledoit_wolf(scaler.transform(values))
    expected = scaler.scale_[:, None] * expected * scaler.scale_
    np.testing.assert_allclose(covariance, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    if size - constant > 1:
        assert shrinkage == pytest.approx(expected_shrinkage, abs=1e-6)
    assert 0 <= shrinkage <= 1


@pytest.mark.full
def test_it_is_scikit_learn_s_for_embeddings_of_128_numbers() -> None:
    lesson = make_lesson([10, 12, 8, 25], size=128, seed=5, apart=0.4)
    own = dataclasses.replace(teach(lesson).own, temperature=1.0)
    asked = make_lesson([40], size=128, seed=5).z
    told = answer(own, lesson.model, asked * lesson.model.scale + lesson.model.mean)
    expected = refit(lesson.z, lesson.labels).predict_proba(asked)
    order = [int(name.split()[1]) for name in told.genres]
    np.testing.assert_allclose(told.probabilities, expected[:, order], rtol=0, atol=1e-4)
    assert (told.probabilities.max(axis=1) < 0.99).mean() > 0.1


# --- what is taught in odd ways -----------------------------------------------------------------


@pytest.mark.parametrize("mode", ["own", "beside"])
@pytest.mark.parametrize(
    "rows",
    [[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3], [0] * 12],
    ids=["one song six times", "two songs three times", "one song in both genres"],
)
def test_copies_of_songs_teach_what_can_be_kept_and_asked(rows: list[int], mode: Mode) -> None:
    """Copies say little of how songs vary, so the covariance has to come from elsewhere."""
    songs = make_lesson([2, 2], size=128, seed=6)
    lesson = dataclasses.replace(
        songs, z=songs.z[rows], labels=np.repeat(np.arange(2, dtype=np.int64), 6)
    )
    learned = teach(lesson, mode)
    told = answer(kept(learned.own), lesson.model, songs.embeddings)
    np.testing.assert_allclose(told.probabilities.sum(axis=1), 1)
    assert not told.unsure[rows].any()
    if len(set(rows)) == 1:
        np.testing.assert_allclose(told.probabilities[:, 0], told.probabilities[:, 1])
    else:
        assert (told.winners[rows] == lesson.labels).all()
    # the copies of a song tell nothing of how well it is recognised
    if len(set(rows)) < 4:
        assert not learned.left_out.judged.any()
        assert all(report.few for report in learned.reports)


def test_numbers_that_say_the_same_do_not_make_a_covariance_that_no_file_can_keep() -> None:
    lesson = make_lesson([300, 300], size=6, seed=4)
    z = np.concatenate([lesson.z, lesson.z[:, :3] + 1e-7 * lesson.z[:, 3:]], axis=1)
    lesson = dataclasses.replace(lesson, model=make_model(9), z=z)
    learned = teach(lesson)
    assert learned.own.shrinkage < 0.05
    before = answer(learned.own, lesson.model, lesson.embeddings)
    after = answer(kept(learned.own), lesson.model, lesson.embeddings)
    assert (before.winners == after.winners).mean() > 0.99


@given(
    seeds,
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from(["own", "beside"]),
    st.floats(-6, 8),
)
@settings(deadline=None)
def test_whatever_is_learned_can_be_kept_and_asked(
    seed: int, counts: list[int], size: int, copies: int, mode: Mode, power: float
) -> None:
    assume(mode == "beside" or len(counts) > 1)
    lesson = make_lesson(counts, size, seed)
    random = np.random.default_rng(seed)
    rows = random.integers(max(1, len(lesson.z) // copies), size=len(lesson.z))
    lesson = dataclasses.replace(lesson, z=10**power * lesson.z[rows])
    own = teach(lesson, mode).own
    again = kept(own)
    told = answer(again, lesson.model, lesson.embeddings)
    assert np.isfinite(told.probabilities).all()
    assert np.linalg.eigvalsh(again.covariance)[0] > 0
    more = teach(lesson, mode, base=again).own
    assert [genre.songs for genre in more.genres] == [2 * genre.songs for genre in own.genres]
    assert kept(more).names == own.names


def test_one_example_of_each_genre_is_enough() -> None:
    lesson = make_lesson([1, 1, 1], size=8, apart=3)
    learned = teach(lesson)
    assert [report.few for report in learned.reports] == [True] * 3
    assert not learned.misfiled.any()
    np.testing.assert_array_equal(learned.own.covariance.diagonal() > 0, True)
    np.testing.assert_allclose(learned.own.covariance, lesson.model.prior(), atol=1e-8)
    assert learned.own.shrinkage == 1
    told = answer(learned.own, lesson.model, lesson.embeddings)
    assert [told.genres[row] for row in told.winners] == lesson.names


def test_one_genre_tells_nothing_apart_but_stands_beside_others() -> None:
    lesson = make_lesson([6], size=5)
    with pytest.raises(TeachingError) as caught:
        teach(lesson)
    assert caught.value.code == "one_genre"
    learned = teach(lesson, "beside")
    assert learned.own.names == ("genre 0",)
    assert learned.left_out.genres == ("genre 0", "blues", "hiphop")


@pytest.mark.parametrize("counts", [[1] * 60, [2] * 60, [6] * 60, [1] * MAX_GENRES])
def test_sixty_genres_and_a_hundred_are_learned(counts: list[int]) -> None:
    lesson = make_lesson(counts, size=16, apart=3)
    learned = teach(lesson)
    assert len(learned.own.names) == len(learned.reports) == len(counts)
    told = answer(kept(learned.own), lesson.model, lesson.embeddings)
    right = np.array([told.genres[row] for row in told.winners]) == lesson.names
    assert right.mean() > 0.9


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ([], "no_examples"),
        (["a"] * 3, "one_genre"),
        (["Hip-Hop", "hiphop", "hip hop"], "one_genre"),
        (["a", "", "b"], "empty_name"),
        (["a", "\u200b", "b"], "empty_name"),
        (["a", "b" * 200, "c"], "long_name"),
        ([f"genre {number}" for number in range(101)], "many_genres"),
        # a song more than there are numbers for
        (["a", "b"], "bad_numbers"),
    ],
)
def test_what_cannot_be_learned_is_refused(names: list[str], code: str) -> None:
    model = make_model(2)
    n = 3 if code == "bad_numbers" else len(names)
    with pytest.raises(TeachingError) as caught:
        learn(np.zeros((n, 2)), names, model)
    assert caught.value.code == code


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
def test_a_song_of_impossible_numbers_is_refused(bad: float) -> None:
    lesson = make_lesson([3, 3], size=4)
    embeddings = lesson.embeddings
    embeddings[4, 2] = bad
    with pytest.raises(TeachingError) as caught:
        learn(embeddings, lesson.names, lesson.model)
    assert caught.value.code == "bad_numbers"


# --- names, the model's genres, and a file ------------------------------------------------------


def test_spellings_of_a_genre_teach_one() -> None:
    lesson = make_lesson([4, 2], size=4)
    shown = {0: ["Hip-Hop", "hiphop", "HIP\u200b HOP", "\u202eHip_Hop"], 1: ["<b>gnawa</b>"] * 2}
    names = [shown[int(label)].pop(0) for label in lesson.labels]
    own = learn(lesson.embeddings, names, lesson.model).own
    assert sorted(zip(own.names, (genre.songs for genre in own.genres), strict=True)) == [
        ("<b>gnawa</b>", 2),
        ("Hip-Hop", 4),
    ]


def test_a_corrected_genre_of_the_model_moves_and_keeps_its_new_spelling() -> None:
    lesson = make_lesson([5], size=4, seed=2)
    model = lesson.model
    corrected = learn(lesson.embeddings, ["Hip-Hop"] * 5, model, "beside")
    assert corrected.left_out.genres == ("Hip-Hop", "blues")
    assert corrected.own.genres[0].songs == 5
    np.testing.assert_allclose(corrected.own.genres[0].mean, lesson.z.mean(axis=0))
    other = learn(lesson.embeddings, ["other"] * 5, model, "beside")
    assert other.left_out.genres == ("other", "blues", "hiphop")
    # songs where the examples are go over from the model's genre to the corrected one
    moved = (MODEL_SONGS * model.means[1] + 5 * lesson.z.mean(axis=0)) / (MODEL_SONGS + 5)
    share = answer(corrected.own, model, (moved * model.scale + model.mean)[None])
    assert share.genres[share.winners[0]] == "Hip-Hop"
    nowhere = dataclasses.replace(corrected.own, threshold=1e-9)
    assert not answer(nowhere, model, (moved * model.scale + model.mean)[None]).unsure[0]


def test_a_spelling_of_a_file_is_taken_for_the_model_s_genre_too() -> None:
    lesson = make_lesson([3, 3], size=4)
    names = ["Hip-Hop" if label else "gnawa" for label in lesson.labels]
    base = learn(lesson.embeddings, names, lesson.model).own
    beside = learn(lesson.embeddings, names, lesson.model, "beside", base=base)
    assert sorted(beside.left_out.genres) == ["Hip-Hop", "blues", "gnawa"]


@pytest.mark.parametrize("mode", ["own", "beside"])
def test_examples_are_added_to_a_file(mode: Mode) -> None:
    first = make_lesson([6, 8], size=5, seed=3)
    second = make_lesson([0, 7, 9], size=5, seed=3)
    second = dataclasses.replace(second, model=first.model)
    base = teach(first, mode)
    both = teach(second, mode, base=base.own)
    genres = {genre.name: genre for genre in both.own.genres}
    assert {name: genre.songs for name, genre in genres.items()} == {
        "genre 0": 6,
        "genre 1": 15,
        "genre 2": 9,
    }
    of_one = np.concatenate([first.z[first.labels == 1], second.z[second.labels == 1]])
    np.testing.assert_allclose(genres["genre 1"].mean, of_one.mean(axis=0))
    before = {genre.name: genre.recognised for genre in base.own.genres}
    assert before["genre 0"]
    assert before["genre 1"]
    # nothing new is known of a genre without new examples, but how wide its interval is
    kept_share = genres["genre 0"].recognised
    assert kept_share
    assert kept_share.value == pytest.approx(before["genre 0"].value)
    winners = both.left_out.distances[second.labels == 1].argmin(axis=1)
    hits = (winners == both.own.names.index("genre 1")).sum()
    share = genres["genre 1"].recognised
    assert share
    assert share.value == pytest.approx((8 * before["genre 1"].value + hits) / 15)
    assert share.high - share.low < before["genre 1"].high - before["genre 1"].low + 0.2
    # the covariance is between the file's and that of the new songs, and so is its shrinkage
    fresh = np.mean([shrink(second.z[second.labels == k])[0] for k in (1, 2)], axis=0)
    weight = 12 + (MODEL_WEIGHT if mode == "beside" else 0)
    np.testing.assert_allclose(
        both.own.covariance, (weight * base.own.covariance + 14 * fresh) / (weight + 14), atol=1e-8
    )
    shrunk = np.mean([shrink(second.z[second.labels == k])[1] for k in (1, 2)])
    assert both.own.shrinkage == pytest.approx(
        (weight * base.own.shrinkage + 14 * shrunk) / (weight + 14)
    )


def test_a_file_alone_teaches_what_it_holds() -> None:
    lesson = make_lesson([6, 8], size=5)
    own = teach(lesson).own
    again = learn(np.zeros((0, 5)), [], lesson.model, base=own).own
    assert again.names == own.names
    assert again.shrinkage == own.shrinkage
    assert again.threshold == own.threshold
    assert again.temperature == pytest.approx(own.temperature, rel=1e-3)
    one, other = (answer(each, lesson.model, lesson.embeddings) for each in (own, again))
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-3)
    assert [g.recognised and g.recognised.value for g in again.genres] == pytest.approx(
        [g.recognised and g.recognised.value for g in own.genres]
    )


def test_beside_the_model_its_covariance_counts_as_fifty_songs() -> None:
    lesson = make_lesson([6, 3, 8], size=5)
    own = teach(lesson, "beside").own
    of_songs = np.mean([shrink(lesson.z[lesson.labels == k])[0] for k in (0, 2)], axis=0)
    mixed = (50 * lesson.model.prior() + 12 * of_songs) / 62
    np.testing.assert_allclose(own.covariance, mixed, atol=1e-8)
    shrunk = np.mean([shrink(lesson.z[lesson.labels == k])[1] for k in (0, 2)])
    assert own.shrinkage == pytest.approx((50 + 12 * shrunk) / 62)


def test_folders_have_to_be_as_many_as_songs() -> None:
    lesson = make_lesson([3, 3], size=4)
    with pytest.raises(ValueError, match="zip"):
        teach(lesson, folders=["a"])
