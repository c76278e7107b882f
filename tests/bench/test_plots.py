"""The figures of the benchmarks: drawn from points alone, the same bytes for the same report."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import plots
from bench.setting import point_row, row

ROWS = [
    row("a figure without a curve", 1.4, "x"),
    *(point_row("v1", "segments", n, 3.0 * n, "ms") for n in (1, 10, 600)),
    *(point_row("v9", "segments", n, 2.0 * n, "ms") for n in (600, 1, 10)),
    point_row("v9", "segments", 600, 81.5, "MB"),
    point_row("none at all", "workers", 1, 0, "errors"),
]


def test_points_stand_by_unit_then_by_series() -> None:
    found = plots.panels(ROWS)
    assert list(found) == [("ms", "segments"), ("MB", "segments"), ("errors", "workers")]
    assert found["ms", "segments"] == {
        "v1": [(1, 3), (10, 30), (600, 1800)],
        "v9": [(600, 1200), (1, 2), (10, 20)],
    }


def test_every_series_is_named_and_the_bytes_stay() -> None:
    svg = plots.draw("growth", ROWS)
    assert svg == plots.draw("growth", ROWS)
    assert svg is not None
    texts = [node.text for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    for text in ("growth", "v1", "v9", "none at all", "segments", "ms", "MB", "in proportion"):
        assert text in texts
    assert plots.draw("server", [row("request / bare LiteRT", 1.4, "x")]) is None


def test_the_command_draws_the_parts_that_have_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "bench.json"
    parts = {"growth": ROWS, "server": ROWS[:1]}
    report.write_text(json.dumps({"parts": parts}), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["plots", str(report), str(tmp_path / "figures")])
    assert plots.main() == 0
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["growth.svg"]
