"""Requests that simdjson reads are judged, and become numbers, as msgspec alone would have it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import FeatureSpec
from webapp import simd
from webapp.errors import RequestError
from webapp.schema import RequestSchema

MOST_SEGMENTS = 4
SPECS = {
    "mfcc": FeatureSpec(n_frames=3, n_mfcc=2),
    "statistics": FeatureSpec(kind="statistics", statistics=("rms",), standardise=False),
}
SCHEMAS = {kind: RequestSchema(spec, MOST_SEGMENTS) for kind, spec in SPECS.items()}
VALUES: dict[str, list[Any]] = {
    "mfcc": [[1, 2.5], [-3.25, 4e-2], [5, 6.125]],
    "statistics": [1, 2.5],
}


def body(kind: str = "mfcc", n_segments: int = 2) -> bytes:
    segments = [
        {"start": 5.5 * number, "end": 5.5 * number + 5, "features": {kind: VALUES[kind]}}
        for number in range(n_segments)
    ]
    request = {"feature_spec": SPECS[kind].id, "segments": segments}
    return json.dumps(request, separators=(",", ":")).encode()


def outcome(schema: RequestSchema, sent: bytes) -> Any:
    try:
        times, features = schema.parse(sent)
    except RequestError as error:
        return error.status, error.code, str(error), error.details
    return times, features.shape, features.tobytes()


def check_same(sent: bytes, kind: str = "mfcc") -> bool:
    """Compare with msgspec alone; tells whether simdjson read the body in one pass."""
    schema = SCHEMAS[kind]
    found = outcome(schema, sent)
    alone = RequestSchema(SPECS[kind], MOST_SEGMENTS)
    # no body has as many brackets: nothing is read by simdjson
    alone._reader.brackets = 10**9
    assert found == outcome(alone, sent)
    try:
        schema._reader.read(sent, MOST_SEGMENTS)
    except simd.Unusual:
        return False
    return True


def swapped(old: str, new: str) -> bytes:
    sent = body()
    assert old.encode() in sent
    return sent.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("n_segments", [1, 2, MOST_SEGMENTS])
def test_what_is_as_asked_for_is_read_by_simdjson(kind: str, n_segments: int) -> None:
    sent = body(kind, n_segments)
    assert check_same(sent, kind)
    assert check_same(json.dumps(json.loads(sent), indent=1).encode(), kind)
    features = SCHEMAS[kind].parse(sent)[1]
    np.testing.assert_array_equal(features, np.array([VALUES[kind]] * n_segments, dtype=np.float32))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # too large, which is found afterwards
        ("2.5", "1000001"),
        ("2.5", "1e39"),
        ("2.5", "1e6"),
        ("2.5", "2.500000000000000000000000000000000000001"),
        ("2.5", "-0"),
        ("2.5", "-0.0"),
        ("2.5", "18446744073709551615"),
        ("2.5", "-9223372036854775808"),
        ("2.5", "1e-400"),
        ("2.5", "5e-324"),
        ("2.5", "9007199254740993"),
        ("2.5", "0.1000000014901161193847656249999999"),
        ('"start"', '"st\\u0061rt"'),
        ('"start":0.0', '"start":0'),
        ('"start":0.0', '"start":-0.0'),
    ],
)
def test_unusual_numbers_and_keys_are_read_alike(old: str, new: str) -> None:
    assert check_same(swapped(old, new))


ROWS = "[[1,2.5],[-3.25,0.04],[5,6.125]]"


@pytest.mark.parametrize(
    "sent",
    [
        swapped(ROWS, "[[1,2],[3]]"),
        # as many numbers and rows, but not the form
        swapped(ROWS, "[[1,2.5,3],[4],[5,6]]"),
        swapped(ROWS, "[[[1,2],[]],[3,4],[5,6]]"),
        swapped(ROWS, "[1,2,3,4,5,6]"),
        swapped(ROWS, '["12",[3,4],[5,6]]'),
        swapped(ROWS, "[{},[3,4],[5,6]]"),
        swapped(ROWS, '[{"a":1,"b":2},[3,4],[5,6]]'),
        swapped(ROWS, "null"),
        swapped(ROWS, '"abc"'),
        swapped(ROWS, "{}"),
        *(
            swapped("2.5", wrong)
            for wrong in ("NaN", "null", "true", '"2"', "1e999", "9" * 400, "18446744073709551616",
                          "01", "1.", ".5", "+1", "-", "0x1", "[2]", "{}",
                          "[" * 2000, "[" * 200 + "]" * 200)
        ),
        *(
            swapped('"start":0.0', f'"start":{wrong}')
            for wrong in ("-1", "true", "null", '"0"', "[0]", "5", "9", "1e999")
        ),
        swapped('"start":0.0', '"start":0.0,"start":1'),
        swapped('"start":0.0', '"start":0.0,"x":[]'),
        swapped('"start":0.0,', ""),
        swapped('{"mfcc":', '{"mfcc":[[0,0],[0,0],[0,0]],"mfcc":'),
        swapped('{"mfcc":', '{"x":1,"mfcc":'),
        swapped('{"mfcc":', '{"MFCC":'),
        swapped('{"feature_spec":', '{"feature_spec":"[","feature_spec":'),
        swapped('{"feature_spec":', '{"name":1,"feature_spec":'),
        swapped(SPECS["mfcc"].id, "other"),
        swapped(SPECS["mfcc"].id, "\\ud800"),
        swapped('"segments":[', '"segments":[],"segments":['),
        body(n_segments=MOST_SEGMENTS + 1),
        body(n_segments=0),
        b"\xef\xbb\xbf" + body(),
        body() + b" x",
        body() + body(),
        body()[:-1],
        body().replace(b",", b"\x0c"),
        body().replace(b":", b"\x1a"),
        body().replace(b"start", b"\xff"),
        b"", b" ", b"1", b"null", b'"segments"', b"[]", b"{}", b"[" * 5000, b"\x00",
    ],
)  # fmt: skip
def test_all_else_is_left_to_msgspec(sent: bytes) -> None:
    assert not check_same(sent)


PARTS = [
    b"[", b"]", b"[]", b"{", b"}", b"{}", b",", b":", b'"', b"1", b"-", b"0", b".", b"e9999",
    b"null", b"true", b"NaN", b" ", b"\n", b"\\", b"\xff", b"\xef\xbb\xbf", b"[1,2.5]",
    b'"start":1,', b"\x00",
]  # fmt: skip


@pytest.mark.full
@settings(max_examples=3000, deadline=None, database=None)
@given(
    kind=st.sampled_from(sorted(SPECS)),
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.integers(0, 12), st.sampled_from(PARTS) | st.binary(max_size=3)
        ),
        max_size=3,
    ),
)
def test_changed_bytes_are_judged_alike(kind: str, edits: list[tuple[float, int, bytes]]) -> None:
    sent = body(kind)
    for where, cut, junk in edits:
        place = int(where * len(sent))
        sent = sent[:place] + junk + sent[place + cut :]
    check_same(sent, kind)


@pytest.mark.full
@settings(max_examples=3000, deadline=None, database=None)
@given(
    number=st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
)
def test_numbers_become_the_same_bits(number: str) -> None:
    check_same(swapped("2.5", number))


@pytest.mark.full
def test_threads_do_not_mix_their_requests() -> None:
    spec = FeatureSpec(n_frames=64, n_mfcc=64)
    schema = RequestSchema(spec, 30)

    def read(seed: int) -> bool:
        values = np.round(np.random.default_rng(seed).normal(size=(seed % 20 + 1, 64, 64)), 3)
        segments = [{"start": 0, "end": 5, "features": {"mfcc": each}} for each in values.tolist()]
        sent = json.dumps({"feature_spec": spec.id, "segments": segments}).encode()
        return all(
            np.array_equal(schema.parse(sent)[1], values.astype(np.float32)) for _ in range(10)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(40)))
