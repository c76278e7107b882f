"""`/metrics` for Prometheus: counts, times and batch sizes; nothing about songs or visitors."""

from __future__ import annotations

import os
from typing import cast

from flask import Blueprint, Flask, Response, current_app
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from .access_log import elapsed, method, route

bp = Blueprint("metrics", __name__)

EXTENSION = "musiclassify_metrics"
# set when several processes serve together, before prometheus_client is first imported
MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SEGMENTS = (1, 6, 12, 24, 30, 48, 96, 192, 384, 720, 1200)


class Metrics:
    """The metrics of one app; labels take their values from fixed sets only."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "musiclassify_requests",
            "Requests by method, route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "musiclassify_request_seconds",
            "Time to answer a request.",
            ["method", "route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.prediction_seconds = Histogram(
            "musiclassify_prediction_seconds",
            "Time of the model itself, per request.",
            ["version"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.segments = Histogram(
            "musiclassify_prediction_segments",
            "Segments per request.",
            ["version"],
            buckets=SEGMENTS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def page(self) -> bytes:
        """All numbers in Prometheus' text format, over all processes."""
        if os.environ.get(MULTIPROCESS_FOLDER):
            everyone = CollectorRegistry()
            MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
            return generate_latest(everyone)
        return generate_latest(self.registry)


@bp.record_once
def _create(state: object) -> None:
    app: Flask = state.app  # type: ignore[attr-defined]
    app.extensions[EXTENSION] = Metrics()


def metrics() -> Metrics:
    """The metrics of the current request's app."""
    return cast(Metrics, current_app.extensions[EXTENSION])


@bp.after_app_request
def count(response: Response) -> Response:
    """Count the finished request."""
    numbers = metrics()
    numbers.requests.labels(method(), route(), str(response.status_code)).inc()
    numbers.request_seconds.labels(method(), route()).observe(elapsed())
    return response


@bp.get("/metrics")
def show() -> Response:
    """Serve the numbers."""
    response = Response(metrics().page(), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response
