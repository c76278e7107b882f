"""Names of own genres, the version's genres, and answers from given means and covariance."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.own_genres import (
    LARGEST,
    MAX_NAME,
    MODEL_SHRINKAGE,
    MODEL_SONGS,
    TEACHING_ERRORS,
    Mode,
    ModelGenres,
    OwnGenre,
    OwnGenres,
    TeachingError,
    answer,
    clean_name,
    principal_axes,
    same_names,
    softmax,
    spelling,
    squared_distances,
    symmetric,
)

from .lessons import Floats, make_lesson, make_model


def own_genres(
    model: ModelGenres, means: dict[str, Floats], mode: Mode = "own", **changes: Any
) -> OwnGenres:
    """Own genres of four songs each, under the model's covariance."""
    genres = tuple(OwnGenre(name, 4, mean) for name, mean in means.items())
    own = OwnGenres(mode, genres, model.prior(), 1.0, 1.0, 1e9)
    return dataclasses.replace(own, **changes)


def embeddings_of(model: ModelGenres, z: Floats) -> Floats:
    """Embeddings (n, size) of songs at z (n, size)."""
    return z * model.scale + model.mean


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Chaabi", "Chaabi"),
        ("  Sunday \t\n morning  ", "Sunday morning"),
        ("no\u00a0break\u2003space", "no break space"),
        ("gn\u200bawa\ufeff", "gnawa"),
        ("\u202egnawa\u202c\u200f", "gnawa"),
        ("so\u00adul\x00\x1b", "soul"),
        ("e\u0301lectro", "électro"),
        # an accent that finds its letter once nothing invisible stands between them
        ("e\u200d\u0301lectro", "électro"),
        ("rock\ud800", "rock"),
        ("<b onclick=alert(1)>rock & roll</b>", "<b onclick=alert(1)>rock & roll</b>"),
        ("شعبي", "شعبي"),
        ("🎷 late", "🎷 late"),
    ],
)
def test_a_name_loses_only_what_nobody_sees(typed: str, shown: str) -> None:
    assert clean_name(typed) == shown


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u200b\u200f\u202e", "\x00"])
def test_a_name_that_nobody_sees_is_refused(name: str) -> None:
    with pytest.raises(TeachingError) as caught:
        clean_name(name)
    assert caught.value.code == "empty_name"
    assert str(caught.value) == TEACHING_ERRORS["empty_name"]


@pytest.mark.parametrize(("length", "extra"), [(61, ""), (200, ""), (61, "\u200b")])
def test_a_name_of_more_than_60_characters_is_refused(length: int, extra: str) -> None:
    with pytest.raises(TeachingError) as caught:
        clean_name("ß" * length + extra)
    assert caught.value.code == "long_name"
    assert str(MAX_NAME) in str(caught.value)


def test_what_nobody_sees_counts_for_nothing() -> None:
    assert clean_name(" \u200b" * 200 + "e\u0301" * MAX_NAME) == "é" * MAX_NAME


@given(st.text(max_size=70))
def test_a_name_that_was_made_clean_stays_as_it_is(typed: str) -> None:
    try:
        name = clean_name(typed)
    except TeachingError:
        return
    assert clean_name(name) == name
    assert 0 < len(name) <= MAX_NAME
    assert name == name.strip()
    assert name.isprintable() or not name.isascii()


@pytest.mark.parametrize(
    "names",
    [
        ("Hip-Hop", "hiphop", "HIP HOP", "hip_hop", "hip - hop"),
        ("Électro", "électro", "E\u0301LECTRO"),
        ("gnawa", "gna\u200bwa", "\u202bGNAWA\u202c"),
        ("<I>rock</I>", "<i>rock</i>"),
    ],
)
def test_spellings_of_a_name_are_one(names: tuple[str, ...]) -> None:
    assert len({spelling(clean_name(name)) for name in names}) == 1
    assert same_names(names) == [clean_name(names[0])] * len(names)
    known = clean_name(names[-1])
    assert same_names(names, [known]) == [known] * len(names)


def test_names_that_differ_stay_apart() -> None:
    names = ["rock", "röck", "rocks", "-", "_", "--", "R & B", "RB", "1", "l"]
    assert same_names(names) == names
    assert same_names(names, ["Rock"]) == ["Rock", *names[1:]]


@pytest.mark.full
def test_the_page_takes_names_in_the_same_way(root: Path) -> None:
    names = [
        "Hip-Hop", "  Sunday \t morning ", "gn\u200bawa", "\u202eRTL\u202c", "E\u0301LECTRO",
        "Straße", "STRASSE", "ΡΟΚΑΣ", "ροκας", "İzmir", "شعبي", "🎷 late", "a_-b", "---",
        "<b>x</b>", "e\u200d\u0301lectro", "a\ufeffb", "a\x85b\x1fc\x00d", "so\u00adul",
    ]  # fmt: skip
    script = """
        const { cleanName, spelling } = await import(process.argv[1]);
        const clean = JSON.parse(process.argv[2]).map(cleanName);
        console.log(JSON.stringify([clean, clean.map(spelling)]));
    """
    node = shutil.which("node")
    assert node, "Node.js is needed: `make test` says how to get it"
    module = root / "static/js/own/names.js"
    done = subprocess.run(
        [node, "--input-type=module", "-e", script, module.as_uri(), json.dumps(names)],
        capture_output=True,
        text=True,
        check=True,
    )
    clean = [clean_name(name) for name in names]
    assert json.loads(done.stdout) == [clean, [spelling(name) for name in clean]]


# --- the version's genres -----------------------------------------------------------------------


def test_the_content_of_an_embedding_file_is_taken_as_it_is() -> None:
    model = ModelGenres.from_json(
        {
            "size": 2,
            "standardisation": {"mean": [1, 2], "scale": [0.5, 4]},
            "genres": [
                {"name": "blues", "songs": 90, "mean": [0.1, 0.2]},
                {"name": "rock", "songs": 7, "mean": [-1, 3]},
            ],
            "covariance": [1, 0.5, 2],
            "spread": 1.5,
        }
    )
    assert (model.names, model.size) == (("blues", "rock"), 2)
    np.testing.assert_array_equal(model.songs, [90, 7])
    np.testing.assert_array_equal(model.means, [[0.1, 0.2], [-1, 3]])
    np.testing.assert_array_equal(model.covariance, [[1.5, 0.75], [0.75, 3]])
    np.testing.assert_array_equal(model.place([[2, 2], [1, 10]]), [[2, 0], [0, 2]])
    np.testing.assert_array_equal(model.place([2, 2, 1, 10]), [[2, 0], [0, 2]])
    level = 2.25
    np.testing.assert_allclose(
        model.prior(),
        (1 - MODEL_SHRINKAGE) * model.covariance + MODEL_SHRINKAGE * level * np.eye(2),
    )


@pytest.mark.parametrize(
    "embeddings",
    [
        [[0.0, np.nan, 0.0]],
        [[0.0, np.inf, 0.0]],
        [[0.0, 1e300, 0.0]],
        [0.0, 0.0],
        # as many numbers as two songs have, but of another size
        np.zeros((3, 2)),
        np.zeros((1, 6)),
    ],
    ids=["NaN", "infinite", "huge", "too few", "three of two", "one of six"],
)
def test_embeddings_that_cannot_be_are_refused(embeddings: Any) -> None:
    model = make_model(3)
    own = own_genres(model, {"a": np.zeros(3), "b": np.ones(3)})
    with pytest.raises(TeachingError) as caught:
        answer(own, model, embeddings)
    assert caught.value.code == "bad_numbers"


def test_no_song_has_no_answer() -> None:
    model = make_model(3)
    told = answer(own_genres(model, {"a": np.zeros(3), "b": np.ones(3)}), model, np.zeros((0, 3)))
    assert told.probabilities.shape == (0, 2)
    assert len(told.unsure) == len(told.winners) == 0


# --- answers ------------------------------------------------------------------------------------


def test_answers_come_from_the_distances_to_the_means() -> None:
    lesson = make_lesson([6, 6], size=4)
    model = lesson.model
    means = {"a": lesson.z[0], "b": lesson.z[1], "c": lesson.z[2]}
    own = own_genres(model, means, temperature=3.0, threshold=2.0)
    told = answer(own, model, lesson.embeddings)
    inverse = np.linalg.inv(own.covariance)
    distances = np.array(
        [[(z - mean) @ inverse @ (z - mean) for mean in means.values()] for z in lesson.z]
    )
    likely = np.exp(-distances / 6)
    np.testing.assert_allclose(told.probabilities, likely / likely.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(told.unsure, distances.min(axis=1) > 2)
    np.testing.assert_array_equal(told.winners, distances.argmin(axis=1))
    assert told.genres == ("a", "b", "c")
    # songs at the means are surely these, whatever the threshold
    assert not told.unsure[:3].any()
    assert told.unsure.any()


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 8),
    st.integers(1, 9),
    st.floats(-3, 6).map(lambda power: 10**power),
    st.floats(-2, 4).map(lambda power: 10**power),
)
@settings(deadline=None)
def test_probabilities_sum_to_one_wherever_a_song_lies(
    seed: int, n_genres: int, size: int, far: float, temperature: float
) -> None:
    model = make_model(size, seed=seed)
    random = np.random.default_rng(seed)
    means = {f"genre {row}": random.normal(size=size) for row in range(n_genres)}
    for mode in ("own", "beside"):
        own = own_genres(model, means, mode, temperature=temperature)
        told = answer(own, model, embeddings_of(model, far * random.normal(size=(20, size))))
        assert told.probabilities.shape == (20, n_genres + (2 if mode == "beside" else 0))
        np.testing.assert_allclose(told.probabilities.sum(axis=1), 1, rtol=1e-12)
        assert (told.probabilities >= 0).all()


def test_what_all_songs_have_in_common_costs_no_digits() -> None:
    """Differences of a millionth of where the songs are still tell genres apart."""
    random = np.random.default_rng(3)
    z, centres = random.normal(size=(9, 5)), random.normal(size=(3, 5))
    mix = np.eye(5) + 0.3 * random.normal(size=(5, 5))
    near = squared_distances(z, centres, mix @ mix.T)
    far = squared_distances(z + 1e6, centres + 1e6, mix @ mix.T)
    np.testing.assert_allclose(far, near, rtol=1e-7)


def test_far_away_there_is_still_an_answer() -> None:
    model = make_model(3)
    own = own_genres(model, {"a": np.zeros(3), "b": np.ones(3)}, temperature=1e-6)
    told = answer(own, model, embeddings_of(model, np.array([[-0.9, 0, 0.5]]) * LARGEST))
    assert np.isfinite(told.probabilities).all()
    assert told.unsure.all()


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=9))
def test_softmax_outlives_any_scores(scores: list[float]) -> None:
    found = softmax(np.array([scores]))[0]
    assert found.sum() == pytest.approx(1)
    assert found[np.argmax(scores)] == found.max()


def test_softmax_leaves_out_what_is_not_known() -> None:
    found = softmax(np.array([[np.nan, np.nan], [0.0, 0.0]]))
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1], [0.5, 0.5])


def test_a_matrix_comes_of_its_upper_triangle() -> None:
    np.testing.assert_array_equal(
        symmetric([1, 2, 3, 4, 5, 6], 3), [[1, 2, 3], [2, 4, 5], [3, 5, 6]]
    )


# --- beside the model's genres ------------------------------------------------------------------


def test_a_new_genre_joins_the_model_s() -> None:
    model = make_model(4)
    means = {"gnawa": np.full(4, 5.0)}
    told = answer(
        own_genres(model, means, "beside"),
        model,
        embeddings_of(model, np.concatenate([means["gnawa"][None], model.means])),
    )
    assert told.genres == ("gnawa", "blues", "hiphop")
    np.testing.assert_array_equal(told.winners, [0, 1, 2])


@pytest.mark.parametrize("name", ["hiphop", "Hip-Hop"])
def test_a_known_genre_in_any_spelling_is_moved_by_its_examples(name: str) -> None:
    model = make_model(4)
    mean = model.means[1] + 1.0
    own = own_genres(model, {name: mean}, "beside", temperature=0.5)
    # four songs beside the ten that the model's count as
    moved = (MODEL_SONGS * model.means[1] + 4 * mean) / (MODEL_SONGS + 4)
    centres = np.stack([moved, model.means[0]])
    z = make_lesson([9], size=4).z
    told = answer(own, model, embeddings_of(model, z))
    assert told.genres == (name, "blues")
    expected = softmax(-squared_distances(z, centres, own.covariance))
    np.testing.assert_allclose(told.probabilities, expected, rtol=1e-6, atol=1e-12)


def test_a_genre_of_few_songs_of_the_model_counts_as_few() -> None:
    model = dataclasses.replace(make_model(4), songs=np.array([64.0, 2.0]))
    mean = model.means[1] + 1.0
    own = own_genres(model, {"hiphop": mean}, "beside")
    z = (2 * model.means[1] + 4 * mean)[None] / 6
    nearest = dataclasses.replace(own, threshold=1e-9)
    assert not answer(nearest, model, embeddings_of(model, z)).unsure[0]


# --- songs among each other ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 7])
def test_places_keep_mahalanobis_distances_and_axes_show_most_of_them(size: int) -> None:
    lesson = make_lesson([30, 10], size=size)
    covariance = lesson.model.covariance
    places, points, shares = principal_axes(lesson.z, covariance)
    inverse = np.linalg.inv(covariance)
    for one, other in ((0, 1), (5, 17)):
        difference = lesson.z[one] - lesson.z[other]
        assert ((places[one] - places[other]) ** 2).sum() == pytest.approx(
            difference @ inverse @ difference
        )
    assert points.shape == (40, 2)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-12)
    # the same as by singular values, but for the direction
    left, values, _ = np.linalg.svd(places - places.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(points), np.abs(left[:, :2] * values[:2]), atol=1e-8)
    np.testing.assert_allclose(shares, values[:2] ** 2 / (values**2).sum())


def test_the_map_is_not_mirrored_by_another_order_of_songs() -> None:
    lesson = make_lesson([30, 10], size=7)
    points = principal_axes(lesson.z, lesson.model.covariance)[1]
    order = np.random.default_rng(1).permutation(40)
    again = principal_axes(lesson.z[order], lesson.model.covariance)[1]
    np.testing.assert_allclose(again, points[order], atol=1e-9)


@pytest.mark.parametrize("n_songs", [0, 1, 2, 3])
@pytest.mark.parametrize("same", [False, True])
def test_few_songs_and_songs_in_one_place_have_a_map(n_songs: int, same: bool) -> None:
    z = make_lesson([3], size=6).z[:n_songs]
    if same:
        z = 0 * z + 1
    places, points, shares = principal_axes(z, np.eye(6))
    assert places.shape == (n_songs, 6)
    assert points.shape == (n_songs, 2)
    assert np.isfinite(points).all()
    assert ((shares >= 0) & (shares <= 1)).all()
    if same or n_songs < 2:
        assert not points.any()
        assert not shares.any()
