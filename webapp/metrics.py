"""`/metrics` for Prometheus: counts, times and batch sizes; nothing about songs or visitors."""

from __future__ import annotations

import functools
import os
import platform
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from .access_log import elapsed, method, route
from .logs import event, log
from .settings import METRICS_FOLDER, REPOSITORY
from .state import site_of

bp = Blueprint("metrics", __name__)

EXTENSION = "musiclassify_metrics"
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SEGMENTS = (1, 6, 12, 24, 30, 48, 96, 192, 384, 720, 1200)


class Metrics:
    """The metrics of one app; labels take their values from fixed sets only.

    Gauges are summed over the processes that live.
    """

    def __init__(self, model: str, engine: str) -> None:
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
        self.errors = Counter(
            "musiclassify_errors",
            "Errors that clients were answered with, by the code in their JSON.",
            ["code"],
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "musiclassify_requests_in_progress",
            "Requests that are being answered, the one for these numbers included.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.models_loaded = Gauge(
            "musiclassify_models_loaded",
            "Processes that have the version in memory.",
            ["version"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.workers = Gauge(
            "musiclassify_workers",
            "Processes that answer requests.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.workers.set(1)
        self.build = Gauge(
            "musiclassify_build_info",
            "Always 1; its labels tell what is running.",
            ["version", "model", "engine", "python"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.build.labels(_release(), model, engine, platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)

    def loaded(self, version: str, seconds: float, gone: list[str]) -> None:
        """Note that this process loaded a version, and dropped others (`gone`) for it."""
        self.models_loaded.labels(version).set(1)
        for other in gone:
            self.models_loaded.labels(other).set(0)
        log.info(
            "Model %s loaded in %.2f s",
            version,
            seconds,
            extra=event("model_loaded", model=version, seconds=round(seconds, 3), dropped=gone),
        )

    def page(self) -> bytes:
        """All numbers in Prometheus' text format, over all processes."""
        if os.environ.get(METRICS_FOLDER):
            everyone = CollectorRegistry()
            MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
            everyone.register(_Processes())
            return generate_latest(everyone)
        return generate_latest(self.registry)


class _Processes:
    """Memory, files and processor time of every living process.

    prometheus_client itself tells them of a single process only.
    """

    def collect(self) -> Iterator[Metric]:
        """The process metrics, with the label `pid`."""
        families: dict[str, Metric] = {}
        for file in Path(os.environ[METRICS_FOLDER]).glob("gauge_livesum_*.db"):
            pid = file.stem.rpartition("_")[2]
            process = ProcessCollector(pid=functools.partial(int, pid), registry=None)
            for found in process.collect():
                family = families.setdefault(
                    found.name, Metric(found.name, found.documentation, found.type)
                )
                for sample in found.samples:
                    family.add_sample(sample.name, {"pid": pid}, sample.value)
        yield from families.values()


@functools.cache
def _release() -> str:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


@bp.record_once
def _create(state: object) -> None:
    app: Flask = state.app  # type: ignore[attr-defined]
    here = site_of(app)
    numbers = Metrics(here.selected, here.settings.engine)
    app.extensions[EXTENSION] = numbers
    here.predictors.on_load = numbers.loaded


def metrics_of(app: Flask) -> Metrics:
    """The metrics of `app`."""
    return cast(Metrics, app.extensions[EXTENSION])


def metrics() -> Metrics:
    """The metrics of the current request's app."""
    return metrics_of(current_app)


@bp.before_app_request
def begin() -> None:
    """Count a request in progress."""
    metrics().in_progress.inc()
    g.in_progress = True


@bp.teardown_app_request
def end(_error: BaseException | None) -> None:
    """Take the request off the count, however it ended."""
    if g.pop("in_progress", False):
        metrics().in_progress.dec()


@bp.after_app_request
def count(response: Response) -> Response:
    """Count the finished request."""
    numbers = metrics()
    numbers.requests.labels(method(), route(), str(response.status_code)).inc()
    numbers.request_seconds.labels(method(), route()).observe(elapsed())
    if "error_code" in g:
        numbers.errors.labels(g.error_code).inc()
    return response


@bp.get("/metrics")
def show() -> Response:
    """Serve the numbers."""
    response = Response(metrics().page(), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response
