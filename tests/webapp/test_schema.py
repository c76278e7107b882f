"""The request schema follows the kind of the spec."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
from typing import Any, cast

import numpy as np
import pytest

from features import FeatureSpec
from webapp.errors import RequestError
from webapp.schema import RequestSchema


@dataclasses.dataclass(frozen=True)
class Spec:
    """The part of a feature spec that the schema reads."""

    kind: str
    n_frames: int = 3
    n_coefficients: int = 2
    id: str = "some-spec"


def schema(kind: str) -> RequestSchema:
    return RequestSchema(cast(FeatureSpec, Spec(kind)), max_segments=4)


def body(kind: str, values: Any) -> bytes:
    segment = {"start": 0, "end": 5, "features": {kind: values}}
    return json.dumps({"feature_spec": "some-spec", "segments": [segment, segment]}).encode()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("mfcc", [[1, 2], [3, 4], [5, 6.5]]),
        ("log_mel", [[1, 2], [3, 4], [5, 6.5]]),
        ("statistics", [1, 2.5]),
    ],
)
def test_each_kind_has_its_shape(kind: str, values: list[Any]) -> None:
    times, features = schema(kind).parse(body(kind, values))
    assert [(time.start, time.end) for time in times] == [(0, 5), (0, 5)]
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, np.array([values, values]))


@pytest.mark.parametrize(
    ("kind", "sent", "values"),
    [
        ("mfcc", "log_mel", [[1, 2], [3, 4], [5, 6]]),
        ("mfcc", "mfcc", [1, 2]),
        ("mfcc", "mfcc", [[1, 2], [3, 4]]),
        ("mfcc", "mfcc", [[1, 2, 3], [4, 5, 6]]),
        ("statistics", "statistics", [[1, 2]]),
        ("statistics", "statistics", [1, 2, 3]),
        ("statistics", "mfcc", [1, 2]),
    ],
)
def test_other_kinds_and_shapes_are_refused(kind: str, sent: str, values: list[Any]) -> None:
    with pytest.raises(RequestError) as error:
        schema(kind).parse(body(sent, values))
    assert (error.value.status, error.value.code) == (422, "invalid_request")
    assert error.value.details["expected"]["kind"] == kind


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
    tracemalloc.start()
    try:
        with pytest.raises(RequestError) as error:
            refusing.parse(sent)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.value.code == code
    # what it refers to may be copied once; each of the million objects would take 64 bytes more
    assert peak < 2 * len(sent)
