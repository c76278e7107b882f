"""Thousands of random requests: always a JSON answer, never a 500."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator

from tests.small_models import EMBEDDING, SMALL, small_of, write
from tests.webapp.asking import JSON, post, refused
from tests.webapp.conftest import request_of
from webapp import create_app
from webapp.inference import Registry

pytestmark = pytest.mark.full

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([1e39, -1e308, 5e-324, 2**63, 2**64, -(2**63) - 1, "mfcc", "", "NaN"])
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["feature_spec", "segments", "start", "end", "features", "mfcc", "statistics", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
OFTEN = settings(
    max_examples=1500,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
EXPECTED = {200, 400, 403, 404, 405, 413, 415, 422}


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, list[float], Any]]:
    """Up to three edits; a place is a list of shares that choose a child at each level."""
    edit = st.tuples(
        st.sampled_from(["replace", "delete", "insert", "wrap", "double"]),
        st.lists(st.floats(0, 0.999), min_size=1, max_size=6),
        anything,
    )
    return draw(st.lists(edit, min_size=1, max_size=3))


def apply(value: Any, kind: str, place: list[float], new: Any) -> Any:
    """Apply one edit somewhere in a JSON value."""
    if isinstance(value, dict) and value and len(place) > 1:
        key = sorted(value)[int(place[0] * len(value))]
        return {**value, key: apply(value[key], kind, place[1:], new)}
    if isinstance(value, list) and value and len(place) > 1:
        index = int(place[0] * len(value))
        return [*value[:index], apply(value[index], kind, place[1:], new), *value[index + 1 :]]
    if kind == "wrap":
        return [value]
    if kind == "insert" and isinstance(value, dict):
        return {**value, "x": new}
    if kind == "insert" and isinstance(value, list):
        return [*value, new]
    if kind == "delete" and isinstance(value, dict) and value:
        return dict(sorted(value.items())[1:])
    if kind == "delete" and isinstance(value, list):
        return value[1:]
    if kind == "double" and isinstance(value, list):
        return value + value
    return new


def check_changed(
    client: FlaskClient, url: str, body: dict[str, Any], schema: OAS31Validator, edits: Any
) -> None:
    changed: Any = body
    for edit in edits:
        changed = apply(changed, *edit)
    response = client.post(url, json=changed)
    assert response.status_code in EXPECTED
    if response.status_code == 200:
        # only bodies that the published schema allows are accepted
        schema.validate(changed)
    else:
        refused(response, response.status_code, response.get_json()["error"]["code"])


@OFTEN
@given(edits=changes())
def test_changed_requests(
    client: FlaskClient, url: str, small_body: dict[str, Any], app: Flask, edits: Any
) -> None:
    check_changed(client, url, small_body, request_schema(app), edits)


@pytest.mark.parametrize("version", ["table", "sequence", "embedding"])
@settings(OFTEN, max_examples=300)
@given(edits=changes())
def test_changed_requests_of_other_kinds(all_kinds: Flask, version: str, edits: Any) -> None:
    check_changed(
        all_kinds.test_client(),
        f"/api/v1/models/{version}/predictions",
        request_of(SMALL[small_of(version)][0], 1),
        request_schema(all_kinds),
        edits,
    )


@settings(OFTEN, max_examples=300)
@given(
    values=st.lists(
        st.text(max_size=5) | st.sampled_from(["1", " 1", "1.0", "+1", "true", "\uff11"]),
        max_size=2,
    )
)
def test_values_of_a_parameter(all_kinds: Flask, values: list[str]) -> None:
    response = all_kinds.test_client().post(
        "/api/v1/models/embedding/predictions",
        query_string={"embedding": values},
        json=request_of(SMALL["table"][0], 1),
    )
    if values in ([], ["1"]):
        assert response.status_code == 200
        assert ("embedding" in response.get_json()["aggregate"]) is bool(values)
    else:
        refused(response, 400, "bad_embedding")


@OFTEN
@given(
    where=st.floats(0, 1),
    cut=st.integers(0, 3),
    junk=st.binary(max_size=6) | st.sampled_from([b"[", b"{", b'"', b",", b"NaN", b"\\", b"e9999"]),
)
def test_damaged_bytes(
    client: FlaskClient, url: str, small_json: bytes, where: float, cut: int, junk: bytes
) -> None:
    at = int(where * len(small_json))
    response = post(client, url, small_json[:at] + junk + small_json[at + cut :])
    assert response.status_code in EXPECTED
    if response.status_code != 200:
        refused(response, response.status_code, response.get_json()["error"]["code"])


@OFTEN
@given(data=st.binary(max_size=200) | anything.map(json.dumps).map(str.encode))
def test_other_bodies(client: FlaskClient, url: str, data: bytes) -> None:
    response = post(client, url, data)
    assert response.status_code in {400, 422}
    refused(response, response.status_code, response.get_json()["error"]["code"])


@OFTEN
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "FOO"]),
    path=st.text(st.characters(codec="utf-8", exclude_characters="?#"), max_size=30),
    query=st.text(max_size=10),
    kind=st.sampled_from([JSON, "text/plain", "", "a/b; charset=\xe9", "application/json;;;="]),
)
def test_other_addresses(
    client: FlaskClient, method: str, path: str, query: str, kind: str
) -> None:
    response = client.open(
        "/api/v1/" + path, method=method, query_string={"q": query}, content_type=kind, data=b"x"
    )
    assert response.status_code in EXPECTED
    assert response.mimetype == JSON or method in ("HEAD", "OPTIONS")


@pytest.fixture(scope="module")
def small_body(registry: Registry, version: str) -> dict[str, Any]:
    return request_of(registry.get(version).spec, 1)


@pytest.fixture(scope="module")
def small_json(small_body: dict[str, Any]) -> bytes:
    return json.dumps(small_body).encode()


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder = tmp_path_factory.mktemp("kinds")
    write(folder, [*SMALL, *EMBEDDING])
    return create_app({"MODELS_DIR": folder})


@functools.cache
def request_schema(app: Flask) -> OAS31Validator:
    document = app.test_client().get("/api/openapi.json").get_json()
    return OAS31Validator(
        {"$ref": "#/components/schemas/PredictionRequest", "components": document["components"]}
    )
