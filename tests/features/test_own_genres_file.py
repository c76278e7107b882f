"""Files of own genres: what is written is read again, and what is damaged is refused."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.own_genres import MAX_GENRES, OwnGenre, OwnGenres, Recognised, answer
from features.own_genres_file import (
    FILE_ERRORS,
    KEYS,
    LEAST_EIGENVALUE,
    LEAST_VARIANCE,
    MOST_BYTES,
    MOST_NESTED,
    OwnGenresFile,
    OwnGenresFileError,
    read_own_genres,
    write_own_genres,
)

from .lessons import make_lesson, teach

Content = dict[str, Any]
Change = Callable[[Content], object]

LESSON = make_lesson([7, 3, 8], size=4, seed=1)
SONGS = (("one.mp3", "genre 0"), ('<b>"zwei"</b>.ogg', "genre 2"))
FILE = OwnGenresFile("v10", "mfcc-64x64-0123456789", "f" * 64, teach(LESSON).own, SONGS)
TEXT = write_own_genres(FILE)
CONTENT: Content = json.loads(TEXT)


def changed(change: Change) -> str:
    content = copy.deepcopy(CONTENT)
    change(content)
    return json.dumps(content)


def refusal(content: bytes | str) -> OwnGenresFileError:
    with pytest.raises(OwnGenresFileError) as caught:
        read_own_genres(content)
    assert str(caught.value) == FILE_ERRORS[caught.value.code]
    return caught.value


# --- what is written is read --------------------------------------------------------------------


@pytest.mark.parametrize("content", [TEXT, TEXT.encode(), json.dumps(CONTENT, indent=2)])
def test_what_is_written_is_read_to_six_digits(content: bytes | str) -> None:
    file = read_own_genres(content)
    assert dataclasses.replace(file, own=FILE.own) == FILE
    own, before = file.own, FILE.own
    assert (own.mode, own.names) == (before.mode, before.names)
    for genre, known in zip(own.genres, before.genres, strict=True):
        assert genre.songs == known.songs
        np.testing.assert_allclose(genre.mean, known.mean, rtol=5e-6)
        assert (genre.recognised is None) == (known.recognised is None)
        if genre.recognised and known.recognised:
            assert dataclasses.astuple(genre.recognised) == pytest.approx(
                dataclasses.astuple(known.recognised), rel=5e-6
            )
    np.testing.assert_allclose(own.covariance, before.covariance, rtol=5e-6)
    for key in ("shrinkage", "temperature", "threshold"):
        assert getattr(own, key) == pytest.approx(getattr(before, key), rel=5e-6)
    told, expected = (answer(each, LESSON.model, LESSON.embeddings) for each in (own, before))
    np.testing.assert_allclose(told.probabilities, expected.probabilities, atol=1e-4)


def test_a_file_that_was_read_is_written_as_it_was() -> None:
    assert write_own_genres(read_own_genres(TEXT)) == TEXT


def test_the_keys_stand_in_the_order_of_the_documentation() -> None:
    assert list(CONTENT) == [
        "format", "version", "feature_spec", "model_sha256", "size", "mode", "genres",
        "covariance", "shrinkage", "temperature", "threshold", "songs",
    ]  # fmt: skip
    assert list(CONTENT["genres"][0]) == ["name", "songs", "mean", "recognised"]
    assert list(CONTENT["genres"][0]["recognised"]) == ["value", "low", "high"]
    assert CONTENT["genres"][0]["name"] in {"genre 0", "genre 1", "genre 2"}
    assert len(CONTENT["covariance"]) == 10
    assert CONTENT["songs"][1] == {"name": '<b>"zwei"</b>.ogg', "genre": "genre 2"}


@pytest.mark.parametrize("songs", [None, ()])
def test_names_of_songs_need_not_be_there(songs: tuple[()] | None) -> None:
    text = write_own_genres(dataclasses.replace(FILE, songs=songs))
    assert ("songs" in json.loads(text)) == (songs is not None)
    assert read_own_genres(text).songs == songs


def test_names_of_any_characters_are_kept() -> None:
    own = dataclasses.replace(
        FILE.own, genres=tuple(
            dataclasses.replace(genre, name=name)
            for genre, name in zip(FILE.own.genres, ("شعبي", "<i>", 'q"\\'), strict=True)
        )
    )  # fmt: skip
    songs = (("été\n\u2028.mp3", "شعبي"), ("bad \udc80.mp3", "<i>"))
    text = write_own_genres(dataclasses.replace(FILE, own=own, songs=songs))
    file = read_own_genres(text.encode())
    assert file.own.names == ("شعبي", "<i>", 'q"\\')
    # what is no Unicode is written out
    assert file.songs == (songs[0], (r"bad \udc80.mp3", "<i>"))


def test_a_file_that_nobody_could_read_is_not_written() -> None:
    with pytest.raises(OwnGenresFileError) as caught:
        write_own_genres(dataclasses.replace(FILE, songs=SONGS * 30_000))
    assert caught.value.code == "too_large"
    nothing = dataclasses.replace(FILE.own, threshold=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_own_genres(dataclasses.replace(FILE, own=nothing))


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2),
    st.lists(st.floats(1e-9, 1e18), min_size=2, max_size=2),
    st.floats(-0.9, 0.9),
    st.floats(0, 1),
    st.floats(0.2, 500),
    st.floats(0, 1e30),
)
def test_numbers_of_any_size_are_kept(
    mean: list[float],
    variances: list[float],
    correlation: float,
    shrinkage: float,
    temperature: float,
    threshold: float,
) -> None:
    between = correlation * np.sqrt(variances[0]) * np.sqrt(variances[1])
    own = OwnGenres(
        "beside",
        (OwnGenre("a", 3, np.array(mean), Recognised(shrinkage, 0.0, 1.0)),),
        np.array([[variances[0], between], [between, variances[1]]]),
        shrinkage,
        temperature,
        threshold,
    )
    again = read_own_genres(write_own_genres(dataclasses.replace(FILE, own=own, songs=None))).own
    np.testing.assert_allclose(again.covariance, own.covariance, rtol=5e-6)
    np.testing.assert_allclose(again.genres[0].mean, mean, rtol=5e-6)
    assert again.threshold == pytest.approx(threshold, rel=5e-6)


# --- what is no such file -----------------------------------------------------------------------


NO_FILES: dict[str, bytes | str] = {
    "nothing": b"",
    "no text": "",
    "zeros": b"\x00" * 100,
    "no UTF-8": b"\xff\xfe{}",
    "UTF-16": TEXT.encode("utf-16"),
    "a byte that is no UTF-8": TEXT.encode().replace(b"v10", b"v\xff0"),
    "end cut off": TEXT[:-3],
    "half": TEXT[: len(TEXT) // 2],
    "two": TEXT + TEXT,
    "byte order mark": "\ufeff" + TEXT,
    "null": "null",
    "list": "[]",
    "empty": "{}",
    "text": '"format"',
    "number": "1",
    "without format": '{"version": "v10"}',
    "many lists": "[" * 200,
    "many objects": '{"a":' * 200,
    "many lists in a file": TEXT.replace('"v10"', "[" * 200),
    "some lists in a file": TEXT.replace('"v10"', "[" * MOST_NESTED + "]" * MOST_NESTED),
    # must not take long
    "quotes that never end": '"' + '\\"' * 900_000,
    "backslashes": '{"' + "\\" * 1_900_001,
    "half a character": "\ud800",
}


@pytest.mark.parametrize("content", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_such_file_is_refused(content: bytes | str) -> None:
    assert refusal(content).code == "no_file"


def test_brackets_in_names_are_not_inside_each_other() -> None:
    songs = (("[" * 900 + '"' + "{" * 90, "genre 0"),)
    assert read_own_genres(write_own_genres(dataclasses.replace(FILE, songs=songs))).songs == songs


def test_two_megabytes_are_the_most() -> None:
    full = TEXT + " " * (MOST_BYTES - len(TEXT.encode()))
    assert read_own_genres(full).own.names == FILE.own.names
    assert read_own_genres(full.encode()).own.names == FILE.own.names
    assert refusal(full + " ").code == "too_large"
    assert refusal((full + " ").encode()).code == "too_large"


def test_bytes_count_and_not_characters() -> None:
    text = '"' + "é" * (MOST_BYTES // 2) + '"'
    assert len(text) < MOST_BYTES
    assert refusal(text).code == "too_large"


@pytest.mark.parametrize("kind", [2, 3, 10**50])
def test_a_newer_file_says_that_it_is_newer(kind: int) -> None:
    text = json.dumps({"format": kind, "all": "different"})
    assert refusal(text).code == "newer"


@pytest.mark.parametrize("kind", [0, -1, 1.0, 1.5, True, "1", None, [1], {}])
def test_a_file_of_no_known_kind_is_damaged(kind: object) -> None:
    error = refusal(changed(lambda content: content.update(format=kind)))
    assert (error.code, error.detail) == ("damaged", "format")


# --- what is damaged ----------------------------------------------------------------------------

LEVELS: dict[str, Callable[[Content], Content]] = {
    "the file": lambda content: content,
    "a genre": lambda content: content["genres"][1],
    "recognised": lambda content: content["genres"][0]["recognised"],
    "a song": lambda content: content["songs"][1],
}
EACH_KEY = [(where, key) for where, at in LEVELS.items() for key in at(CONTENT)]


def put(where: str, **values: object) -> Change:
    """Put values in the place of others."""
    return lambda content: LEVELS[where](content).update(values)


@pytest.mark.parametrize(("where", "key"), EACH_KEY)
def test_a_missing_key_is_named(where: str, key: str) -> None:
    text = changed(lambda content: LEVELS[where](content).pop(key))
    if key == "songs" and where == "the file":
        assert read_own_genres(text).songs is None
    elif key == "format":
        assert refusal(text).code == "no_file"
    else:
        error = refusal(text)
        assert (error.code, error.detail) == ("damaged", f"{key!r} is missing in {where}")


@pytest.mark.parametrize("where", LEVELS)
@pytest.mark.parametrize("key", ["note", "Format", "__proto__", ""])
def test_an_unknown_key_is_named(where: str, key: str) -> None:
    error = refusal(changed(lambda content: LEVELS[where](content).update({key: 1})))
    assert (error.code, error.detail) == ("unknown_key", f"{key!r} in {where}")


@pytest.mark.parametrize(("where", "key"), EACH_KEY)
@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "9" * 5000, "true", "[[]]",
     '{"a": 1}', '""', '"\\u0000"', "-1", "[null]", "[true]", '["x"]'],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(where: str, key: str, value: str) -> None:
    text = changed(lambda content: LEVELS[where](content).update({key: "HERE"})).replace(
        '"HERE"', value
    )
    names = ("name", "version", "feature_spec", "model_sha256")
    if value == '"\\u0000"' and key in names and where != "a genre":
        # a song may be called so
        assert read_own_genres(text)
        return
    error = refusal(text)
    newer = key == "format" and value == "9" * 400
    unknown = value == '{"a": 1}' and key == "recognised"
    assert error.code == ("newer" if newer else "unknown_key" if unknown else "damaged")
    assert error.detail or newer


def matrix(scale: float, between: float = 0.0) -> Change:
    """Put a covariance (4, 4) of variances `scale`, with a correlation."""
    found = np.eye(4)
    found[0, 3] = found[3, 0] = between
    return put("the file", covariance=(scale * found)[np.triu_indices(4)].tolist())


def recognised(value: float, low: float, high: float) -> Change:
    return put("a genre", recognised={"value": value, "low": low, "high": high})


GENRE = CONTENT["genres"][0]
NOT_DEFINITE = "covariance is not positive definite"
NO_NUMBERS = "its distances would be no numbers"
NAME = "the name of a genre"
DAMAGES: list[tuple[Change, str]] = [
    (put("the file", genres=[]), "genres"),
    (put("the file", genres=[GENRE] * 2), "a genre stands twice"),
    (
        put("the file", genres=[{**GENRE, "name": name} for name in ("Hip-Hop", "hip hop")]),
        "a genre stands twice",
    ),
    (put("the file", genres=[{**GENRE, "name": f"{k}"} for k in range(MAX_GENRES + 1)]), "genres"),
    (put("the file", size=3), "the mean of a genre has 4 numbers, not 3"),
    (put("the file", size=0), "size"),
    (put("the file", size=10**9), "size"),
    (put("the file", size=4.0), "size"),
    (put("a genre", mean=[0.5] * 3), "the mean of a genre has 3 numbers, not 4"),
    (put("a genre", mean=[0.5] * 5), "the mean of a genre has 5 numbers, not 4"),
    (put("a genre", mean=[0.5, 0.5, 0.5, 1e10]), "the mean of a genre"),
    (put("a genre", mean=[0.5, 0.5, 0.5, False]), "the mean of a genre"),
    (put("the file", covariance=[1.0] * 9), "covariance has 9 numbers, not 10"),
    (put("the file", covariance=[1.0] * 11), "covariance has 11 numbers, not 10"),
    (put("the file", covariance=[1.0] * 10), NOT_DEFINITE),
    (matrix(0), NOT_DEFINITE),
    (matrix(-1), NOT_DEFINITE),
    (matrix(1, -1.5), NOT_DEFINITE),
    (matrix(1, 1 - LEAST_EIGENVALUE / 2), NOT_DEFINITE),
    (matrix(1e-307), NO_NUMBERS),
    (matrix(LEAST_VARIANCE / 2), NO_NUMBERS),
    (matrix(1e30), "covariance"),
    (put("the file", mode="both"), "mode"),
    (put("the file", shrinkage=1.01), "shrinkage"),
    (put("the file", temperature=0), "temperature"),
    (put("the file", threshold=-0.1), "threshold"),
    (put("the file", version="v" * 201), "version"),
    (put("a genre", songs=0), "songs of a genre"),
    (put("a genre", songs=2.5), "songs of a genre"),
    (put("a genre", name=" gnawa"), NAME),
    (put("a genre", name="gna\u200bwa"), NAME),
    (put("a genre", name="e\u0301"), NAME),
    (put("a genre", name="\ud800x"), NAME),
    (put("a genre", name="x" * 61), "A genre's name has at most 60 characters."),
    (put("a genre", name="x" * 201), NAME),
    (put("a genre", name="\u200b"), "A genre needs a name."),
    (put("a genre", recognised=0.5), "recognised"),
    (recognised(0.5, 0.6, 0.7), "recognised"),
    (recognised(0.5, 0.4, 1.1), "recognised"),
    (put("a song", genre="other"), "the genre of a song"),
    (put("a song", name="x" * 1001), "the name of a song"),
    (put("the file", songs=["one.mp3"]), "a song"),
]


@pytest.mark.parametrize(("change", "detail"), DAMAGES)
def test_what_is_damaged_is_refused_and_named(change: Change, detail: str) -> None:
    error = refusal(changed(change))
    assert (error.code, error.detail) == ("damaged", detail)


def test_a_covariance_may_be_near_the_limits() -> None:
    correlation = 1 - 3 * LEAST_EIGENVALUE
    own = read_own_genres(changed(matrix(1, correlation))).own
    assert own.covariance[3, 0] == correlation
    own = read_own_genres(changed(matrix(LEAST_VARIANCE))).own
    told = answer(own, LESSON.model, LESSON.embeddings)
    assert np.isfinite(told.probabilities).all()


# --- whatever stands in it ----------------------------------------------------------------------

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 10**6)
    | st.integers()
    | st.floats()
    | st.sampled_from([1e999, 10**400, 1e-320, "", "own", "genre 0", "hiphop", "\ud800", 0.5])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*KEYS, "name", "genre", "value", "low", "high", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths to everything that stands in a file."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path] + [found for key, each in items for found in places(each, (*path, key))]


PLACES = places(CONTENT)[1:]


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.just("out") | VALUES), min_size=1, max_size=3)
)
@settings(deadline=None, max_examples=400)
def test_changes_anywhere_are_refused_or_harmless(changes: list[tuple[Any, Any]]) -> None:
    content = copy.deepcopy(CONTENT)
    for path, value in changes:
        at: Any = content
        try:
            for key in path[:-1]:
                at = at[key]
            if value == "out":
                del at[path[-1]]
            else:
                at[path[-1]] = value
        except (LookupError, TypeError):
            # an earlier change took the place away
            continue
    read_or_refuse(json.dumps(content))


@pytest.mark.full
@given(
    st.lists(
        st.tuples(st.integers(0, len(TEXT)), st.integers(0, 9), st.binary(max_size=4)), max_size=4
    )
)
@settings(deadline=None, max_examples=400)
def test_bytes_changed_anywhere_are_refused_or_harmless(
    changes: list[tuple[int, int, bytes]],
) -> None:
    content = TEXT.encode()
    for start, length, put in changes:
        content = content[:start] + put + content[start + length :]
    read_or_refuse(content)


def read_or_refuse(content: bytes | str) -> None:
    """Read a file that may be damaged; what is taken for good has answers and is written again."""
    try:
        file = read_own_genres(content)
    except OwnGenresFileError as error:
        assert str(error) == FILE_ERRORS[error.code]  # noqa: PT017
        return
    read_own_genres(write_own_genres(file))
    size = len(file.own.covariance)
    lesson = make_lesson([3], size)
    for mode in ("own", "beside"):
        own = dataclasses.replace(file.own, mode=mode)
        told = answer(own, lesson.model, lesson.embeddings)
        assert np.isfinite(told.probabilities).all()
