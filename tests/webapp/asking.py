"""Asking the API and checking how it refuses."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

JSON = "application/json"


def refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Check the shape of an error and return its details."""
    assert response.status_code == status, response.text
    assert response.mimetype == JSON
    assert list(response.get_json()) == ["error"]
    error = response.get_json()["error"]
    assert list(error) == ["status", "code", "message", "details"]
    assert (error["status"], error["code"]) == (status, code), error
    assert len(error["message"]) > 15
    assert error["message"][0].isupper()
    assert error["message"][-1] in ".;`"
    assert isinstance(error["details"], dict)
    details: dict[str, Any] = error["details"]
    return details


def post(client: FlaskClient, url: str, data: bytes | str, kind: str | None = JSON) -> TestResponse:
    return client.post(url, data=data, content_type=kind)


def replace(body: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        body = body[step]
    body[path[-1]] = value
