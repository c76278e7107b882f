"""Bad requests of any kind are answered with a clear JSON error and never a 500."""

from __future__ import annotations

import copy
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.asking import JSON, post, refused, replace
from tests.webapp.conftest import request_of
from webapp import create_app
from webapp.inference import Registry
from webapp.state import site_of


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_body"),
        (b" ", "invalid_json"),
        (b"{", "invalid_json"),
        (b"not json", "invalid_json"),
        (b'{"feature_spec": "x", "segments": [}', "invalid_json"),
        (b"{} {}", "invalid_json"),
        (b'\xef\xbb\xbf{"feature_spec": "x"}', "invalid_json"),
        (b'{"feature_spec": "\xff\xfe"}', "invalid_json"),
        ('{"feature_spec": "x"}'.encode("utf-16"), "invalid_json"),
        (b'{"feature_spec": "\\ud800"}', "invalid_json"),
        (b'{"a": 01}', "invalid_json"),
        (b"[" * 100_000, "too_deep"),
        (b"[" * 100_000 + b"]" * 100_000, "too_deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
        (b'{"feature_spec":' + b"[" * 100_000, "too_deep"),
    ],
)
def test_bodies_that_are_not_json(client: FlaskClient, url: str, data: bytes, code: str) -> None:
    refused(post(client, url, data), 400, code)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "+1", ".5", "1.", "0x10"])
@pytest.mark.parametrize("place", ["start", "feature"])
def test_numbers_that_json_does_not_know(
    client: FlaskClient, body: dict[str, Any], url: str, number: str, place: str
) -> None:
    refused(post(client, url, with_number(body, place, number)), 400, "invalid_json")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400, "-" + "9" * 5000])
@pytest.mark.parametrize("place", ["start", "feature"])
def test_numbers_that_no_float_holds(
    client: FlaskClient, body: dict[str, Any], url: str, number: str, place: str
) -> None:
    details = refused(post(client, url, with_number(body, place, number)), 422, "invalid_request")
    assert details["path"].startswith("$.segments[1]")


@pytest.mark.parametrize("number", ["1000001", "-1.1e6", "1e38", "-3.5e38", "1" + "0" * 40])
def test_features_that_no_music_has(
    client: FlaskClient, body: dict[str, Any], url: str, number: str
) -> None:
    details = refused(post(client, url, with_number(body, "feature", number)), 422, "out_of_range")
    assert details == {
        "path": "$.segments[1].features.mfcc[2][3]",
        "minimum": -1e6,
        "maximum": 1e6,
    }


@pytest.mark.parametrize("number", [1e6, -1e6])
def test_the_network_bears_the_largest_features(
    client: FlaskClient, body: dict[str, Any], registry: Registry, number: float
) -> None:
    for version, card in registry.cards.items():
        rows = np.full(card.spec.shape, number).tolist()
        body["feature_spec"] = card.spec.id
        body["segments"] = [{"start": 0, "end": 5, "features": {card.spec.kind: rows}}]
        response = client.post(f"/api/v1/models/{version}/predictions", json=body)
        assert response.status_code == 200
        probabilities = response.get_json()["aggregate"]["probabilities"]
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("number", ["1e6", "-1e6", "1e-999", "-0", "-0.0", "7", "0.1e1", "1E+2"])
def test_odd_but_good_numbers(
    client: FlaskClient, body: dict[str, Any], url: str, number: str
) -> None:
    response = post(client, url, with_number(body, "feature", number))
    assert response.status_code == 200
    assert all(
        math.isfinite(p) for s in response.get_json()["segments"] for p in s["probabilities"]
    )


def with_number(body: dict[str, Any], place: str, number: str) -> str:
    """The body's JSON with `number` written as it is in one place of the second segment."""
    segment = body["segments"][1]
    if place == "start":
        segment["start"] = "@"
    else:
        segment["features"]["mfcc"][2][3] = "@"
    return json.dumps(body).replace('"@"', number)


WRONG_VALUES: list[Any] = [None, True, False, "1", "", [], {}, [1.0], {"a": 1}]


@pytest.mark.parametrize("value", WRONG_VALUES)
@pytest.mark.parametrize(
    "path",
    [
        ("feature_spec",),
        ("segments",),
        ("segments", 1),
        ("segments", 1, "start"),
        ("segments", 1, "end"),
        ("segments", 1, "features"),
        ("segments", 1, "features", "mfcc"),
        ("segments", 1, "features", "mfcc", 2),
        ("segments", 1, "features", "mfcc", 2, 3),
    ],
)
def test_wrong_types(
    client: FlaskClient, body: dict[str, Any], url: str, path: tuple[Any, ...], value: Any
) -> None:
    replace(body, path, value)
    response = client.post(url, json=body)
    code = response.get_json()["error"]["code"]
    details = refused(response, 422, code)
    if path == ("feature_spec",) and isinstance(value, str):
        assert code == "wrong_spec"
    elif path == ("segments",) and value == []:
        assert code == "wrong_number_of_segments"
    else:
        assert code == "invalid_request"
        # msgspec names the list for a wrong length, the item for a wrong type
        assert details["path"].startswith("$." + str(path[0]))
        assert details["expected"]["kind"] == "mfcc"


@pytest.mark.parametrize("path", [(), ("segments", 0), ("segments", 0, "features")])
def test_unknown_keys(
    client: FlaskClient, body: dict[str, Any], url: str, path: tuple[Any, ...]
) -> None:
    replace(body, (*path, "file_name"), "song.mp3")
    details = refused(client.post(url, json=body), 422, "invalid_request")
    assert details["path"] == "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in path
    )


@pytest.mark.parametrize(
    "path",
    [
        ("feature_spec",),
        ("segments",),
        ("segments", 0, "start"),
        ("segments", 0, "end"),
        ("segments", 0, "features"),
        ("segments", 0, "features", "mfcc"),
    ],
)
def test_missing_keys(
    client: FlaskClient, body: dict[str, Any], url: str, path: tuple[Any, ...]
) -> None:
    parent: Any = body
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    response = client.post(url, json=body)
    refused(response, 422, "invalid_request")
    assert f"`{path[-1]}`" in response.get_json()["error"]["message"]


def test_too_few_and_too_many_numbers(
    client: FlaskClient, body: dict[str, Any], url: str, registry: Registry, version: str
) -> None:
    spec = registry.get(version).spec
    for change in ("row+", "row-", "frame+", "frame-"):
        broken = copy.deepcopy(body)
        frames = broken["segments"][1]["features"]["mfcc"]
        if change == "row+":
            frames[5].append(0.0)
        elif change == "row-":
            frames[5].pop()
        elif change == "frame+":
            frames.append(frames[0])
        else:
            frames.pop()
        details = refused(client.post(url, json=broken), 422, "invalid_request")
        where = "$.segments[1].features.mfcc"
        assert details["path"] == (where + "[5]" if change.startswith("row") else where)
        assert details["expected"]["shape"] == [spec.n_frames, spec.n_coefficients]


def test_another_spec_is_named_with_ours(
    client: FlaskClient, body: dict[str, Any], url: str, registry: Registry, version: str
) -> None:
    ours = registry.get(version).spec.id
    body["feature_spec"] = "mfcc-20x64-0000000000"
    expected = {"path": "$.feature_spec", "sent": "mfcc-20x64-0000000000", "expected": ours}
    assert refused(client.post(url, json=body), 422, "wrong_spec") == expected
    # also when its shape is another one: the spec is the cause
    body["segments"][0]["features"] = {"log_mel": [[1.0]]}
    assert refused(client.post(url, json=body), 422, "wrong_spec") == expected
    body["feature_spec"] = "x" * 5000
    assert len(refused(client.post(url, json=body), 422, "wrong_spec")["sent"]) < 100


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (5.0, 5.0, "wrong_times"),
        (5.0, 4.0, "wrong_times"),
        (0.0, -1.0, "wrong_times"),
        (-0.5, 4.0, "invalid_request"),
    ],
)
def test_wrong_times(
    client: FlaskClient, body: dict[str, Any], url: str, start: float, end: float, code: str
) -> None:
    body["segments"][1] |= {"start": start, "end": end}
    details = refused(client.post(url, json=body), 422, code)
    assert details["path"].startswith("$.segments[1].")


@pytest.mark.full
def test_number_of_segments(
    client: FlaskClient, registry: Registry, version: str, url: str
) -> None:
    spec = registry.get(version).spec
    request = request_of(spec, 1)
    request["segments"] *= 1201
    for segments in (request["segments"], list[Any]()):
        sent = {**request, "segments": segments}
        details = refused(client.post(url, json=sent), 422, "wrong_number_of_segments")
        assert details["expected"]["max_segments"] == 1200


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=latin-1",
        "application/json+x",
        "application/jsonp",
    ],
)
def test_content_type(
    client: FlaskClient, body: dict[str, Any], url: str, kind: str | None
) -> None:
    response = post(client, url, json.dumps(body), kind)
    assert refused(response, 415, "wrong_content_type") == {"accepted": [JSON]}


@pytest.fixture(scope="module")
def small_app() -> Flask:
    return create_app({"MAX_BODY_MB": 1})


def test_body_size(small_app: Flask, url: str) -> None:
    limit = 1024 * 1024
    client = small_app.test_client()
    details = refused(post(client, url, b"[" * (limit + 1)), 413, "body_too_large")
    assert details == {"max_bytes": limit}
    refused(post(client, url, b" " * limit), 400, "invalid_json")


def test_body_size_without_a_length(small_app: Flask, url: str) -> None:
    """As a chunked request arrives from the WSGI server."""
    for size, status, code in ((1024 * 1024 + 1, 413, "body_too_large"), (9, 400, "invalid_json")):
        response = small_app.test_client().post(
            url,
            input_stream=io.BytesIO(b"[" * size),
            content_type=JSON,
            environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        )
        refused(response, status, code)


def test_a_body_that_breaks_off(client: FlaskClient, url: str) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise ConnectionResetError

    response = client.post(
        url,
        content_type=JSON,
        environ_overrides={"wsgi.input": Broken(), "wsgi.input_terminated": True},
    )
    refused(response, 400, "incomplete_body")


@pytest.mark.parametrize(
    "name", ["v999", "..", "%2e%2e", "V1", "v1%00", "\u202ev1", "v1%2f..", "a" * 3000]
)
@pytest.mark.parametrize("rest", ["", "/embedding", "/predictions"])
def test_unknown_versions(client: FlaskClient, body: dict[str, Any], name: str, rest: str) -> None:
    address = f"/api/v1/models/{name}{rest}"
    posted = rest == "/predictions"
    response = client.post(address, json=body) if posted else client.get(address)
    assert response.status_code == 404
    details = refused(response, 404, response.get_json()["error"]["code"])
    if name == "v999":
        assert details["available"]


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v1", "/api/v1/models/", "/api//v1/models", "/api/v2/models"]
)
def test_nothing_there(client: FlaskClient, path: str) -> None:
    refused(client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/v1/models", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/api/v1/models", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/api/v1/models/v1/predictions", {"POST", "OPTIONS"}),
        ("POST", "/api/v1/models/v1/embedding", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/api/v1/models/v1/predictions", {"POST", "OPTIONS"}),
        ("BREW", "/api/openapi.json", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_methods(client: FlaskClient, method: str, path: str, allowed: set[str]) -> None:
    response = client.open(path, method=method)
    refused(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_an_internal_error_shows_nothing_inside(
    caplog: pytest.LogCaptureFixture, body: dict[str, Any], url: str
) -> None:
    app = create_app()
    text = "secret place"

    def fail(_version: str) -> None:
        raise RuntimeError(text)

    site_of(app).predictors.get = fail  # type: ignore[method-assign, assignment]
    response = app.test_client().post(url, json=body)
    refused(response, 500, "internal_error")
    assert "secret" not in response.text
    assert "RuntimeError" not in response.text
    assert "RuntimeError" in caplog.text
    # the text of an exception may hold what a visitor sent
    assert "secret" not in caplog.text
