"""Draw the curves of a benchmark's report: `python -m bench.plots bench.json docs/figures`.

Each part that has `point_row`s gets one SVG, with one panel for each pair of unit and x axis. The
same report gives the same bytes.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

# Okabe and Ito's colours, which colour-blind people can tell apart; markers do so in grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = "os^Dv<>"
# An axis is logarithmic when its largest value is at least so many times its smallest.
DECADES = 30
# Least distance of ticks, as a share of the axis.
TICK_ROOM = 0.07
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "musiclassify",
    "text.parse_math": False,
    "font.size": 9,
    # white, so that figures can be read on a dark page, too
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.edgecolor": "#888888",
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8,
}

# Points (x, y) of each series.
Panel = dict[str, list[tuple[float, float]]]


def panels(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], Panel]:
    """The points among `rows` by (unit, x), then by series; in the order of the rows."""
    found: dict[tuple[str, str], Panel] = {}
    for row in rows:
        if "series" in row:
            panel = found.setdefault((row["unit"], row["x"]), {})
            panel.setdefault(row["series"], []).append((float(row["at"]), float(row["value"])))
    return found


def draw(title: str, rows: Iterable[dict[str, Any]]) -> str | None:
    """The curves of one part as SVG; None when it has none."""
    found = panels(rows)
    if not found:
        return None
    with matplotlib.rc_context(STYLE):
        across = min(2, len(found))
        down = math.ceil(len(found) / across)
        figure = Figure(figsize=(4.4 * across, 3.3 * down))
        grid = figure.subplots(down, across, squeeze=False).ravel()
        for axes, ((unit, x), panel) in zip(grid, found.items(), strict=False):
            _draw_panel(axes, panel)
            axes.set_xlabel(x)
            axes.set_ylabel(unit)
        for axes in grid[len(found) :]:
            axes.set_axis_off()
        figure.suptitle(title)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _draw_panel(axes: Axes, panel: Panel) -> None:
    for number, (series, points) in enumerate(panel.items()):
        places, values = zip(*sorted(points), strict=True)
        axes.plot(
            places,
            values,
            label=series,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            linestyle="-" if number < len(COLOURS) else "--",
        )
    places, values = zip(*(point for points in panel.values() for point in points), strict=True)
    logarithmic = _logarithmic(places), _logarithmic(values)
    if logarithmic[0]:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(_spread(places)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    elif all(place.is_integer() for place in places):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if logarithmic[1]:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    else:
        axes.set_ylim(bottom=min(0.0, *values), top=max(*values, 0.0) * 1.08 or 1.0)
    if all(logarithmic):
        _draw_proportion(axes, next(iter(panel.values())))
    axes.legend()


def _draw_proportion(axes: Axes, points: list[tuple[float, float]]) -> None:
    """Draw the line of growth in proportion, through the last point."""
    limits = axes.get_xlim(), axes.get_ylim()
    place, value = max(points)
    ends = limits[0]
    axes.plot(
        ends,
        [value * end / place for end in ends],
        color="#888888",
        linestyle=":",
        linewidth=1,
        label="in proportion",
        zorder=1,
    )
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def _logarithmic(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) / min(values) >= DECADES


def _spread(places: Iterable[float]) -> list[float]:
    """Places of points that have room for a tick on a logarithmic axis."""
    ordered = sorted(set(places))
    room = TICK_ROOM * math.log(ordered[-1] / ordered[0])
    kept = [ordered[-1]]
    for place in reversed(ordered[:-1]):
        if math.log(kept[-1] / place) >= room:
            kept.append(place)
    return kept[::-1]


def _plain(value: float, _position: object) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def main() -> int:
    """Write the figures of a report."""
    parser = argparse.ArgumentParser(prog="python -m bench.plots", description=__doc__)
    parser.add_argument("report", type=Path, help="the JSON of python -m bench")
    parser.add_argument("folder", type=Path, help="where the figures go")
    options = parser.parse_args()
    parts = json.loads(options.report.read_text(encoding="utf-8"))["parts"]
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, rows in parts.items():
        if svg := draw(name, rows):
            path = options.folder / f"{name}.svg"
            path.write_text(svg, encoding="utf-8")
            print(f"written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
