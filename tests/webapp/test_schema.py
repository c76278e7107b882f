"""The request schema follows the kind of the spec."""

from __future__ import annotations

import json
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from features import FeatureSpec
from webapp.errors import RequestError
from webapp.schema import LARGEST, RequestSchema

MOST_SEGMENTS = 4
SPECS = {
    "mfcc": FeatureSpec(n_frames=3, n_mfcc=2),
    "log_mel": FeatureSpec(kind="log_mel", n_frames=3, n_mels=2, n_mfcc=1),
    "statistics": FeatureSpec(kind="statistics", statistics=("rms",), standardise=False),
}


def schema(kind: str) -> RequestSchema:
    return RequestSchema(SPECS[kind], max_segments=MOST_SEGMENTS)


def body(kind: str, *values: Any, sent: str | None = None) -> bytes:
    segments = [{"start": 0, "end": 5, "features": {sent or kind: value}} for value in values]
    return json.dumps({"feature_spec": SPECS[kind].id, "segments": segments}).encode()


def refused(kind: str, sent: bytes) -> RequestError:
    with pytest.raises(RequestError) as error:
        schema(kind).parse(sent)
    assert error.value.status == 422
    return error.value


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("mfcc", [[1, 2], [3, 4], [5, 6.5]]),
        ("log_mel", [[1, 2], [3, 4], [5, 6.5]]),
        ("statistics", [1, 2.5]),
    ],
)
def test_each_kind_has_its_shape(kind: str, values: list[Any]) -> None:
    assert SPECS[kind].shape == np.shape(values)
    other = (np.array(values) + 10).tolist()
    times, features = schema(kind).parse(body(kind, values, other))
    assert [(time.start, time.end) for time in times] == [(0, 5), (0, 5)]
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, np.array([values, other]))


@pytest.mark.parametrize(
    ("kind", "sent", "values"),
    [
        ("mfcc", "log_mel", [[1, 2], [3, 4], [5, 6]]),
        ("mfcc", "mfcc", [1, 2]),
        ("mfcc", "mfcc", [[1, 2], [3, 4]]),
        ("mfcc", "mfcc", [[1, 2, 3], [4, 5, 6]]),
        ("log_mel", "mfcc", [[1, 2], [3, 4], [5, 6]]),
        ("log_mel", "log_mel", [[1, 2], [3, 4], [5]]),
        ("statistics", "statistics", [[1, 2]]),
        ("statistics", "statistics", [1, 2, 3]),
        ("statistics", "statistics", []),
        ("statistics", "statistics", {"rms_mean": 1, "rms_std": 2}),
        ("statistics", "mfcc", [1, 2]),
    ],
)
def test_other_kinds_and_shapes_are_refused(kind: str, sent: str, values: list[Any]) -> None:
    good = np.ones(SPECS[kind].shape).tolist()
    request = json.loads(body(kind, good, good))
    request["segments"][1]["features"] = {sent: values}
    error = refused(kind, json.dumps(request).encode())
    assert error.code == "invalid_request"
    assert error.details["path"].startswith("$.segments[1].features")
    assert error.details["expected"] == {
        "feature_spec": SPECS[kind].id,
        "kind": kind,
        "shape": list(SPECS[kind].shape),
        "max_segments": MOST_SEGMENTS,
    }
    numbers = {"statistics": "2 numbers"}.get(kind, "3 x 2 numbers")
    assert f"features.{kind} with {numbers}." in error.message


@pytest.mark.parametrize(
    ("kind", "place"), [("mfcc", (2, 1)), ("log_mel", (0, 1)), ("statistics", (1,))]
)
@pytest.mark.parametrize("value", [2 * LARGEST, -1e30])
def test_a_feature_that_is_too_large_is_named(
    kind: str, place: tuple[int, ...], value: float
) -> None:
    values = np.ones((2, *SPECS[kind].shape))
    values[(1, *place)] = value
    error = refused(kind, body(kind, *values.tolist()))
    assert error.code == "out_of_range"
    where = "".join(f"[{index}]" for index in place)
    assert error.details["path"] == f"$.segments[1].features.{kind}{where}"
    # the message must not tell raw kinds to standardise
    assert "as the version's feature_spec says" in error.message


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (b"[", b"{}]", "invalid_request"),
        (b"[", b"{}", "invalid_json"),
        (b'{"feature_spec": [', b"{}]}", "invalid_request"),
        (b'{"x": [', b'{}], "feature_spec": "other-spec"}', "wrong_spec"),
    ],
)
def test_refusing_a_body_takes_no_memory(start: bytes, end: bytes, code: str) -> None:
    refusing, sent = schema("mfcc"), start + b"{}," * 2**20 + end
    peak = peak_of(refusing, sent, code)
    # a part of the body may be copied once; a million Python objects would take 64 bytes each
    assert peak < 2 * len(sent)


@pytest.mark.full
def test_reading_a_body_takes_little_memory() -> None:
    spec = FeatureSpec(kind="log_mel", n_mels=128, fmax=11025.0, n_frames=387)
    values = json.dumps(np.full(spec.shape, 0.123).tolist(), separators=(",", ":")).encode()
    segment = b'{"start":0,"end":30,"features":{"log_mel":%s}}' % values
    sent = b'{"feature_spec":"%s","segments":[%s]}' % (spec.id.encode(), b",".join([segment] * 20))
    numbers = 20 * math.prod(spec.shape)
    # the array takes 4 bytes for each number; Python's own numbers would take 32
    assert peak_of(RequestSchema(spec, 20), sent) < 8 * numbers


def peak_of(reading: RequestSchema, sent: bytes, code: str | None = None) -> int:
    """Most bytes that Python held at a time while the body was read, or refused with `code`."""
    tracemalloc.start()
    try:
        if code is None:
            reading.parse(sent)
        else:
            with pytest.raises(RequestError) as error:
                reading.parse(sent)
            assert error.value.code == code
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def outcome(sent: bytes) -> Any:
    try:
        times, features = schema("mfcc").parse(sent)
    except RequestError as error:
        return error.status, error.code, str(error), error.details
    return times, features.tobytes()


GOOD = [[1, 2], [3, 4], [5, 6.5]]


@pytest.mark.parametrize(
    "sent",
    [
        body("mfcc", GOOD),
        body("mfcc", *[GOOD] * MOST_SEGMENTS),
        body("mfcc", *[GOOD] * (MOST_SEGMENTS + 1)),
        body("mfcc"),
        body("mfcc", GOOD, [[1, 2], [3, 4], [5, "6"]]),
        body("mfcc", GOOD, [[1, 2], [3, 4], [5, 2 * LARGEST]]),
        body("mfcc", GOOD, GOOD[:2]),
        body("mfcc", GOOD, GOOD, sent="log_mel"),
        body("mfcc", GOOD).replace(b"6.5", b"1e999"),
        body("mfcc", GOOD).replace(b"6.5", b"NaN"),
        body("mfcc", GOOD).replace(b"6.5", b"9" * 400),
        body("mfcc", GOOD).replace(b'"start": 0', b'"start": -1'),
        body("mfcc", GOOD).replace(b'"end": 5', b'"end": 0'),
        body("mfcc", GOOD).replace(b'"end": 5', b'"end": 5, "name": "song"'),
        body("mfcc", GOOD).replace(b'"mfcc":', b'"mfcc": [[0, 0], [0, 0], [0, 0]], "mfcc":'),
        body("mfcc", GOOD).replace(SPECS["mfcc"].id.encode(), b"another"),
        body("mfcc", GOOD)[:-1],
        body("mfcc", GOOD) + b"]",
        body("mfcc", GOOD).replace(b"start", b"\xff"),
        b"[" * 5000,
        b"",
    ],
)
def test_small_and_large_bodies_are_judged_alike(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = outcome(sent)
    monkeypatch.setattr("webapp.schema.ONE_PASS_BYTES", -1)
    assert outcome(sent) == small
