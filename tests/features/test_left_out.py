"""Examples that are left out and asked, beside the plain formulas and beside scikit-learn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.left_out import (
    TEMPERATURES,
    USUAL_DISTANCE,
    USUAL_TEMPERATURE,
    find_temperature,
)
from features.own_genres import MODEL_SONGS, Mode, OwnGenres, answer
from features.teaching import ENOUGH_TO_VARY, FEW, MODEL_WEIGHT, Learned, recall_interval, shrink

from .lessons import Floats, Labels, Lesson, make_lesson, make_model, refit, teach

seeds = st.integers(0, 2**32 - 1)


def scatter(z: Floats) -> Floats:
    return np.atleast_2d(np.cov(z.T, bias=True))


def slowly(
    lesson: Lesson, rows: Labels, learned: Learned, grown: bool, base: OwnGenres | None = None
) -> Floats:
    """Distances of songs to all genres, by all formulas anew without the songs.

    Parameters
    ----------
    rows : the songs, all of one genre.
    grown : whether the variances that a covariance is shrunk towards are those of all songs of its
        genre, as if those left out had varied like the others; or those of the other songs.
    """
    z, labels, model, own = lesson.z, lesson.labels, lesson.model, learned.own
    rest = np.delete(np.arange(len(z)), rows)
    covariances, freedom = [], 0
    means, weights = [], []
    for genre in own.genres:
        label = int(genre.name.split()[1])
        all_mine, mine = z[labels == label], z[rest[labels[rest] == label]]
        before = next((g for g in base.genres if g.name == genre.name), None) if base else None
        sums, weight = mine.sum(axis=0), float(len(mine))
        if before:
            sums, weight = sums + before.songs * before.mean, weight + before.songs
        if own.mode == "beside" and genre.name in model.names:
            known = model.means[model.names.index(genre.name)]
            sums, weight = sums + MODEL_SONGS * known, weight + MODEL_SONGS
        means.append(sums / weight)
        weights.append(weight)
        if len(all_mine) >= ENOUGH_TO_VARY:
            shrinkage = shrink(all_mine)[1]
            varied = mine.var(axis=0)
            if grown:
                varied = all_mine.var(axis=0) * len(all_mine) / len(mine)
            covariances.append((1 - shrinkage) * scatter(mine) + shrinkage * np.diag(varied))
            freedom += len(mine) - 1
    weight = MODEL_WEIGHT if own.mode == "beside" else 0.0
    prior = model.prior()
    if base:
        prior = base.covariance
        weight += sum(genre.songs for genre in base.genres) - len(base.genres)
    covariance = prior
    if covariances:
        of_songs = np.mean(covariances, axis=0)
        covariance = of_songs
        if weight:
            covariance = (weight * prior + freedom * of_songs) / (weight + freedom)
    means += [
        mean
        for name, mean in zip(model.names, model.means, strict=True)
        if own.mode == "beside" and name not in own.names
    ]
    inverse = np.linalg.inv(covariance)
    return np.array(
        [[(song - mean) @ inverse @ (song - mean) for mean in means] for song in z[rows]]
    )


@st.composite
def left_out_cases(draw: st.DrawFn) -> tuple[Lesson, Mode, OwnGenres | None]:
    size = draw(st.integers(2, 9))
    counts = draw(st.lists(st.integers(2, 12), min_size=2, max_size=4))
    lesson = make_lesson(counts, size, draw(seeds))
    model = make_model(size, ["blues", "genre 1", "rock"], draw(seeds))
    lesson = dataclasses.replace(lesson, model=model)
    mode: Mode = draw(st.sampled_from(["own", "beside"]))
    base = None
    if draw(st.booleans()):
        before = make_lesson([6, 4], size, draw(seeds))
        base = teach(dataclasses.replace(before, model=model), mode).own
    return lesson, mode, base


@pytest.mark.full
@given(left_out_cases())
@settings(deadline=None)
def test_a_left_out_song_is_answered_as_if_it_had_never_been_there(
    case: tuple[Lesson, Mode, OwnGenres | None],
) -> None:
    lesson, mode, base = case
    learned = teach(lesson, mode, base=base)
    assert learned.left_out.judged.all()
    for row in range(len(lesson.z)):
        rows = np.array([row])
        found = learned.left_out.distances[rows]
        expected = slowly(lesson, rows, learned, grown=True, base=base)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
        # The one thing that is not as by fitting anew: the variances that the covariance is shrunk
        # towards may be too large, so that distances are too short, by the same factor at most.
        anew = slowly(lesson, rows, learned, grown=False, base=base)
        mine = lesson.labels == lesson.labels[row]
        others = np.delete(lesson.z, row, axis=0)[np.delete(mine, row)]
        factor = 1.0
        if mine.sum() >= ENOUGH_TO_VARY:
            more = mine.sum() / len(others) * lesson.z[mine].var(axis=0) / others.var(axis=0)
            factor = float(more.max())
            assert factor >= 1
        assert (found <= anew * (1 + 1e-5) + 1e-7).all()
        assert (found >= anew / factor * (1 - 1e-5) - 1e-7).all()


@pytest.mark.full
@given(left_out_cases(), seeds, st.integers(1, 4))
@settings(deadline=None)
def test_songs_of_one_folder_are_left_out_together(
    case: tuple[Lesson, Mode, OwnGenres | None], seed: int, n_folders: int
) -> None:
    lesson, mode, base = case
    random = np.random.default_rng(seed)
    folders = [
        f"artist {k}" if k else "" for k in random.integers(n_folders + 1, size=len(lesson.z))
    ]
    learned = teach(lesson, mode, base=base, folders=folders)
    left_out = learned.left_out
    for row, (label, folder) in enumerate(zip(lesson.labels, folders, strict=True)):
        of_genre = {each for at, each in enumerate(folders) if lesson.labels[at] == label}
        rows = np.array([row])
        if folder and len(of_genre) > 1:
            rows = np.flatnonzero((lesson.labels == label) & (np.array(folders) == folder))
        assert left_out.judged[row]
        expected = slowly(lesson, rows, learned, grown=True, base=base)
        np.testing.assert_allclose(left_out.distances[rows], expected, rtol=1e-5, atol=1e-7)


def test_a_folder_tells_how_an_artist_s_other_songs_would_fare() -> None:
    random = np.random.default_rng(2)
    lesson = make_lesson([24, 24], size=6, seed=2, apart=0.6)
    artists = random.integers(4, size=48)
    voices = 2.5 * random.normal(size=(8, 6))[artists + 4 * lesson.labels]
    lesson = dataclasses.replace(lesson, z=lesson.z + voices)
    alone = teach(lesson).own.genres
    together = teach(lesson, folders=[f"artist {artist}" for artist in artists]).own.genres
    shares = [
        [genre.recognised.value for genre in own if genre.recognised] for own in (alone, together)
    ]
    assert np.mean(shares[1]) < np.mean(shares[0]) - 0.1
    # one folder for all of a genre says nothing of artists
    assert teach(lesson, folders=["all"] * 48).own.genres[0].recognised == alone[0].recognised


@pytest.mark.full
def test_left_out_songs_go_where_scikit_learn_puts_them() -> None:
    agreed, differences = [], []
    for seed in range(4):
        lesson = make_lesson([9, 10, 11], size=20, seed=seed, apart=0.5)
        learned = teach(lesson)
        order = [int(name.split()[1]) for name in learned.left_out.genres]
        for row in range(len(lesson.z)):
            rest = np.delete(np.arange(len(lesson.z)), row)
            fit = refit(lesson.z[rest], lesson.labels[rest])
            scores = fit.decision_function(lesson.z[[row]])[0, order]
            likely = np.exp((scores - scores.max()) / learned.own.temperature)
            likely /= likely.sum()
            found = learned.left_out.probabilities[row]
            differences.append(np.abs(found - likely).max())
            agreed.append(found.argmax() == likely.argmax())
    assert np.mean(agreed) >= 0.95
    assert np.mean(differences) < 0.05


def test_the_only_song_of_a_genre_cannot_be_left_out() -> None:
    lesson = make_lesson([1, 6, 1], size=5)
    left_out = teach(lesson).left_out
    np.testing.assert_array_equal(left_out.judged, lesson.labels == 1)
    assert np.isfinite(left_out.distances[left_out.judged]).all()
    assert np.isnan(left_out.probabilities[~left_out.judged]).all()
    # but what is known before, of a file or of the model, goes on
    base = teach(lesson).own
    assert teach(lesson, base=base).left_out.judged.all()


# --- temperature, threshold, what is said of genres ---------------------------------------------


def log_loss(learned: Learned, lesson: Lesson, temperature: float) -> float:
    left_out = learned.left_out
    rows = np.flatnonzero(left_out.judged)
    scores = -left_out.distances[rows] / 2 / temperature
    own = [left_out.genres.index(lesson.names[row]) for row in rows]
    return float((np.logaddexp.reduce(scores, axis=1) - scores[range(len(rows)), own]).sum())


@pytest.mark.full
@given(left_out_cases(), st.floats(-4, 3))
@settings(deadline=None)
def test_the_temperature_makes_left_out_songs_most_probable(
    case: tuple[Lesson, Mode, OwnGenres | None], power: float
) -> None:
    lesson, mode, base = case
    lesson = dataclasses.replace(lesson, z=lesson.z * 10**power)
    learned = teach(lesson, mode, base=base)
    usual = base.temperature if base else USUAL_TEMPERATURE
    weight = 1 + (sum(genre.songs for genre in base.genres) if base else 0)

    def loss(temperature: float) -> float:
        far = np.log(temperature / usual) ** 2
        return log_loss(learned, lesson, temperature) + weight * float(far)

    found = learned.own.temperature
    assert TEMPERATURES[0] <= found <= TEMPERATURES[1]
    least = min(map(loss, np.geomspace(*TEMPERATURES, 100)))
    assert loss(found) <= least + 1e-4 * max(1, abs(least))


def test_without_left_out_songs_temperature_and_threshold_are_the_usual_ones() -> None:
    lesson = make_lesson([1, 1], size=5)
    own = teach(lesson).own
    assert own.temperature == pytest.approx(USUAL_TEMPERATURE, rel=1e-3)
    assert own.threshold == 5 * USUAL_DISTANCE


def test_as_many_left_out_songs_are_near_as_have_to_be() -> None:
    lesson = make_lesson([30, 31], size=5)
    learned = teach(lesson)
    nearest = np.sort(learned.left_out.distances.min(axis=1))
    # 95 % of 61 songs are 57.95
    assert learned.own.threshold == nearest[57]
    unsure = answer(learned.own, lesson.model, lesson.embeddings).unsure
    assert unsure.mean() <= 0.05
    far = lesson.part([0, 1])
    far = dataclasses.replace(far, z=far.z + 30)
    assert answer(learned.own, lesson.model, far.embeddings).unsure.all()


def test_probabilities_of_left_out_songs_sum_to_one() -> None:
    lesson = make_lesson([7, 3, 8], size=5)
    told = teach(lesson, "beside").left_out
    assert told.probabilities.shape == (18, 5)
    np.testing.assert_allclose(told.probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(told.probabilities.argmax(1), told.distances.argmin(1))


def test_a_genre_says_how_often_it_is_recognised_and_what_it_is_taken_for() -> None:
    # genre 2 lies where genre 0 does; genre 1 is far
    lesson = make_lesson([20, 20, 4], size=4, seed=8, apart=4)
    z = lesson.z.copy()
    z[lesson.labels == 2] += lesson.z[lesson.labels == 0].mean(0) - z[lesson.labels == 2].mean(0)
    labels = lesson.labels.copy()
    labels[np.flatnonzero(labels == 0)[:9]] = 3
    lesson = dataclasses.replace(lesson, z=z, labels=labels)
    learned = teach(lesson)
    winners = learned.left_out.distances.argmin(axis=1)
    for row, (genre, report) in enumerate(zip(learned.own.genres, learned.reports, strict=True)):
        mine = winners[[name == genre.name for name in lesson.names]]
        assert genre.songs == len(mine)
        assert report.few == (genre.recognised is None) == (len(mine) < FEW)
        if genre.recognised:
            assert genre.recognised.value == pytest.approx((mine == row).mean())
            assert genre.recognised.low < genre.recognised.value <= genre.recognised.high
        counts = np.bincount(np.delete(mine, np.flatnonzero(mine == row)), minlength=4)
        if counts.any():
            assert report.taken_for in np.array(learned.own.names)[counts == counts.max()]
            assert report.taken_share == pytest.approx(counts.max() / len(mine))
        else:
            assert (report.taken_for, report.taken_share) == (None, 0)
        overlaps = report.taken_share >= 1 / 3 and not report.few
        assert report.overlaps == (report.taken_for if overlaps else None)
    told = dict(zip(learned.own.names, learned.reports, strict=True))
    assert told["genre 1"].overlaps is None
    assert told["genre 2"].few
    assert told["genre 0"].overlaps in {"genre 2", "genre 3"}


def test_an_example_of_another_genre_looks_misfiled() -> None:
    lesson = make_lesson([12, 12], size=4, seed=1, apart=4)
    labels = lesson.labels.copy()
    labels[3] = 1 - labels[3]
    learned = teach(dataclasses.replace(lesson, labels=labels))
    assert learned.misfiled[3]
    assert learned.misfiled.sum() == 1
    assert not teach(lesson).misfiled.any()


def test_the_lowest_of_two_valleys_is_found() -> None:
    """Many songs that are right by a hair pull far away, past a valley at the usual temperature."""
    distances = np.tile([0.0, 0.0008], (30_000, 1))
    labels = np.zeros(30_000, dtype=np.int64)
    temperatures = np.geomspace(*TEMPERATURES, 2000)
    losses = [
        30_000 * np.logaddexp(0, -0.0004 / t) + np.log(t / USUAL_TEMPERATURE) ** 2
        for t in temperatures
    ]
    valleys = [i for i in range(1, 1999) if losses[i] < min(losses[i - 1], losses[i + 1])]
    assert valleys
    found = find_temperature(distances, labels, None)
    assert found == pytest.approx(temperatures[np.argmin(losses)], rel=0.01)


@pytest.mark.parametrize("n", [5, 6, 10, 40, 1000])
def test_the_interval_holds_the_share_and_narrows_with_more_songs(n: int) -> None:
    for hits in range(n + 1):
        found = recall_interval(hits, n)
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.value == hits / n
        # Wilson's interval: its ends are where the share is 1.2816 deviations away
        for end in {found.low, found.high} - {0.0, 1.0}:
            deviation = np.sqrt(end * (1 - end) / max(1, 0.35 * n))
            assert abs(found.value - end) == pytest.approx(1.2816 * deviation, rel=1e-6, abs=1e-9)
        more = recall_interval(10 * hits, 10 * n)
        assert more.high - more.low < found.high - found.low
    assert recall_interval(0, n).low == 0
    assert recall_interval(n, n).high == 1
