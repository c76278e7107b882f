"""How long LiteRT takes for a song of three minutes."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from features import FeatureSpec
from features.segments import excerpt_bounds, segment_times
from webapp.inference.card import CARD_NAME
from webapp.inference.engines import LiteRTEngine

from ..files import sha256, write_json
from ..paths import REPORT_NAME
from ..reporting.report import write_report
from ..versions import open_version

SONG_SECONDS = 180
ROUNDS = 30


def measure_latency(engine: LiteRTEngine, spec: FeatureSpec) -> dict[str, Any]:
    """Median time of LiteRT for a song of three minutes, on this machine."""
    rng = np.random.default_rng(0)
    segments = segment_times(excerpt_bounds(SONG_SECONDS * spec.sample_rate, spec), spec)
    batch = rng.standard_normal((len(segments), *spec.shape)).astype(np.float32)
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        engine.run(batch)
        times.append(time.perf_counter() - started)
    return {
        "engine": "litert",
        "song_seconds": SONG_SECONDS,
        "segments": len(batch),
        "milliseconds": round(float(np.median(times)) * 1000, 2),
        "rounds": ROUNDS,
        "processors": os.cpu_count(),
        "machine": platform.machine(),
    }


def remeasure(models: Path, version: str) -> dict[str, Any]:
    """Measure a version anew and write the numbers into its card and report; nothing else changes.

    Raises
    ------
    TrainingError : for a version that is not there or not valid.
    """
    card = open_version(models, version)
    content = card.to_json()
    measured = measure_latency(LiteRTEngine(card), card.spec)
    content["latency"] = {**content["latency"], **measured}
    if REPORT_NAME in card.files:
        report = card.folder / REPORT_NAME
        # A version whose report does not yet fit its card is refused, never served wrongly.
        write_report(content, report)
        content["files"] = {**card.files, REPORT_NAME: sha256(report)}
    write_json(card.folder / CARD_NAME, content)
    return measured
