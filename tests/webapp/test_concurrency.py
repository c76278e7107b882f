from __future__ import annotations

import concurrent.futures
import json
import math

import pytest
from flask import Flask

from tests.webapp.conftest import request_of
from webapp import create_app
from webapp.inference import Registry


@pytest.mark.full
def test_each_thread_gets_its_own_answer(app: Flask, registry: Registry) -> None:
    requests = [
        (f"/api/v1/models/{version}/predictions", json.dumps(request_of(card.spec, n, seed=seed)))
        for version, card in registry.cards.items()
        for seed, n in enumerate([1, 2, 5, 12, 30, 3, 7, 64, 65, 4, 9, 31])
        # half a minute of log-mel has fifty thousand numbers
        if n * math.prod(card.spec.shape) < 300_000
    ]

    def post(request: tuple[str, str]) -> bytes:
        url, body = request
        response = app.test_client().post(url, data=body, content_type="application/json")
        assert response.status_code == 200
        return response.data

    serial = [post(request) for request in requests]
    assert len(set(serial)) == len(serial)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            assert list(pool.map(post, requests)) == serial


def test_many_first_requests_at_once(registry: Registry, version: str) -> None:
    """Nobody warmed the model up: all of them race to load it."""
    app = create_app()
    body = json.dumps(request_of(registry.get(version).spec, 3))

    def post(_number: int) -> bytes:
        response = app.test_client().post(
            f"/api/v1/models/{version}/predictions", data=body, content_type="application/json"
        )
        assert response.status_code == 200
        return response.data

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(post, range(24)))) == 1
