"""Figures of a model's report as SVG text: no display, no state, the same bytes for the same data.

Every function takes plain numbers, or what `webapp.inference.sections` and `curves` tell of a card,
and returns one `<svg>` element, ready to stand inside an HTML page or in a file of its own. Its
colours are the custom properties of the site's `tokens.css`, so figures follow the page into dark
mode; alone, they show the light ones.
"""

from __future__ import annotations

import functools
import hashlib
import html
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from webapp.inference.curves import MEAN, Bin, Learning, Roc
from webapp.inference.sections import Genre, Measured

TOKENS = Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css"
# Drawn in colours that mean a token and nothing else; `_inline` puts the token in their place.
MARKS = {
    name: f"#00fe{number:02x}"
    for number, name in enumerate(
        ("ink", "quiet", "line", "line-strong", "surface", "accent", "accent-ink", "heat", "warn")
    )
}
LONGEST_LABEL = 24
LONGEST_TITLE = 18
PANELS_PER_ROW = 5


@functools.cache
def _page_colours() -> dict[str, str]:
    """CSS colour of each mark: its token, or the light colour where there is no style sheet."""
    css = TOKENS.read_text(encoding="utf-8")
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css.partition("@media")[0]))
    return {mark: f"var(--{name}, {light[name]})" for name, mark in MARKS.items()}


def _style() -> Any:
    return {
        # Text stays text: small, searchable, in the page's own typeface.
        "svg.fonttype": "none",
        "svg.hashsalt": "musiclassify",
        "text.parse_math": False,
        "font.size": 9,
        "figure.facecolor": MARKS["surface"],
        "figure.constrained_layout.use": True,
        "axes.facecolor": "none",
        "axes.edgecolor": MARKS["line-strong"],
        "axes.labelcolor": MARKS["quiet"],
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.titlesize": 9,
        "grid.color": MARKS["line"],
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "text.color": MARKS["ink"],
        "xtick.color": MARKS["line-strong"],
        "ytick.color": MARKS["line-strong"],
        "xtick.labelcolor": MARKS["quiet"],
        "ytick.labelcolor": MARKS["quiet"],
        "lines.linewidth": 1.6,
    }


class _Drawing:
    """A figure in our style; `svg` is its text once the `with` block has ended."""

    def __init__(self, description: str, width: float, height: float):
        self._description = description
        self._size = width, height
        self._context = matplotlib.rc_context()
        self.svg = ""

    def __enter__(self) -> _Drawing:
        self._context.__enter__()
        # Whatever a matplotlibrc on this machine says.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_style())
        self.figure = Figure(figsize=self._size)
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            if error[0] is None:
                out = io.StringIO()
                with warnings.catch_warnings():
                    # The page's typeface has the letters that matplotlib's lacks.
                    warnings.filterwarnings("ignore", "Glyph .* missing from font")
                    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
                    self.figure.savefig(out, format="svg", metadata=nothing)
                self.svg = _inline(out.getvalue(), self._description)
        finally:
            self._context.__exit__(*error)


def _inline(svg: str, description: str) -> str:
    """Make matplotlib's file an element that can stand many times in one page.

    Prolog, style sheet and unused ids go, used ids become the figure's own, colours become the
    page's. Only tags are touched, never text: matplotlib escapes `<` in text and `>` in values.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    page = _page_colours()
    own = "f" + hashlib.sha256((description + svg).encode()).hexdigest()[:8]
    used = set(re.findall(r'(?:xlink:href="|url\()#([\w.-]+)', svg))

    def tag(match: re.Match[str]) -> str:
        text = re.sub(r"#00fe[0-9a-f]{2}", lambda m: page[m[0]], match[0])
        text = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans, sans-serif)", text)
        text = re.sub(
            r' id="([\w.-]+)"', lambda m: f' id="{own}{m[1]}"' if m[1] in used else "", text
        )
        text = re.sub(r'xlink:href="#', f'href="#{own}', text).replace("url(#", f"url(#{own}")
        text = re.sub(r' transform="rotate\(-0 [^"]*"| xmlns:xlink="[^"]*"', "", text)
        # A hundredth of a point is finer than any screen.
        text = re.sub(r"(\.\d\d)\d+", r"\1", text)
        return re.sub(r"\s+", " ", text)

    svg = re.sub(r"<[^>]+>", tag, svg)
    svg = re.sub(r">\s+<", "><", svg).strip()
    label = html.escape(_clean(description))
    width = re.search(r' width="([^"]*)"', svg)
    natural = width[1] if width else "auto"
    return svg.replace(
        "<svg",
        f'<svg role="img" aria-label="{label}" '
        f'style="--natural: {natural}; stroke-linejoin: round; stroke-linecap: butt"',
        1,
    )


def _clean(text: str) -> str:
    """Without characters that no XML file may hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _short(name: str, longest: int = LONGEST_LABEL) -> str:
    name = _clean(name)
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _percent_axes(axes: Axes, *names: str) -> None:
    for name in names:
        axis = axes.xaxis if name == "x" else axes.yaxis
        axis.set_major_formatter(lambda share, _: f"{round(100 * share, 2):g}%")


def confusion_matrix(matrix: Sequence[Sequence[int]], genres: Sequence[str]) -> str:
    """Tracks (rows: true genre, columns: answer), shaded by their share of the row."""
    n = len(genres)
    cell = 0.46 if n <= 16 else 0.34
    description = f"Confusion matrix of {n} genres: true genre in rows, answer in columns."
    longest = max(len(_short(genre)) for genre in genres)
    size = 0.6 + cell * n
    with _Drawing(description, size + 0.08 * longest, size + 0.065 * longest) as drawing:
        axes = drawing.figure.subplots()
        axes.set(xlim=(0, n), ylim=(n, 0), aspect="equal")
        for row, counts in enumerate(matrix):
            total = max(1, sum(counts))
            for column, count in enumerate(counts):
                if not count:
                    continue
                share = count / total
                axes.add_patch(
                    # Around the middle neither dark nor light figures could be read.
                    Rectangle(
                        (column + 0.03, row + 0.03),
                        0.94,
                        0.94,
                        color=MARKS["heat"],
                        linewidth=0,
                        alpha=round(0.08 + 0.76 * share if share <= 0.5 else 0.5 + share / 2, 2),
                    )
                )
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    str(count),
                    ha="center",
                    va="center_baseline",
                    color=MARKS["accent-ink" if share > 0.5 else "ink"],
                    weight="bold" if row == column else "normal",
                )
        axes.set_xticks([i + 0.5 for i in range(n)], [_short(g) for g in genres], rotation=45)
        for label in axes.get_xticklabels():
            label.set(ha="left", rotation_mode="anchor")
        axes.set_yticks([i + 0.5 for i in range(n)], [_short(genre) for genre in genres])
        axes.tick_params(length=0, labelcolor=MARKS["ink"], top=True, labeltop=True)
        axes.tick_params(bottom=False, labelbottom=False)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.set_ylabel("is")
        axes.set_xlabel("called")
    return drawing.svg


def roc_curves(curves: Sequence[Roc]) -> str:
    """One-vs-rest ROC curves, one small panel for each genre; the mean is left out."""
    curves = [curve for curve in curves if curve.key != MEAN]
    columns = min(PANELS_PER_ROW, len(curves))
    rows = -(-len(curves) // columns)
    description = "One-vs-rest ROC curves of " + ", ".join(curve.key for curve in curves) + "."
    with _Drawing(description, 0.5 + 1.5 * columns, 0.4 + 1.85 * rows) as drawing:
        grid = drawing.figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, curve in zip(grid.flat, curves, strict=False):
            x, y = zip(*curve.points, strict=True)
            axes.plot([0, 1], [0, 1], color=MARKS["line-strong"], linewidth=0.8, linestyle=":")
            axes.fill_between(x, y, color=MARKS["accent"], alpha=0.12, lw=0)
            axes.plot(x, y, color=MARKS["accent"])
            area = f"\nAUC {curve.area:.3f}" if curve.area is not None else ""
            axes.set_title(_short(curve.key, LONGEST_TITLE) + area)
            axes.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
            axes.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
            axes.xaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_major_formatter("{x:g}")
        for axes in grid.flat[len(curves) :]:
            axes.set_visible(False)
        drawing.figure.supxlabel("false positive rate", color=MARKS["quiet"], size=9)
        drawing.figure.supylabel("true positive rate", color=MARKS["quiet"], size=9)
    return drawing.svg


def genre_f1(genres: Sequence[Genre]) -> str:
    """A bar of F1 for each genre, with marks for its precision and recall."""
    places = range(len(genres))
    description = "F1 per genre: " + ", ".join(f"{genre.name} {genre.f1:.2f}" for genre in genres)
    with _Drawing(description, 5.0, 1.1 + 0.3 * len(genres)) as drawing:
        axes = drawing.figure.subplots()
        values = [genre.f1 for genre in genres]
        axes.barh(places, values, height=0.62, color=MARKS["accent"], alpha=0.32, label="F1")
        for label, shares, marker, filled in (
            ("precision", [genre.precision for genre in genres], "o", True),
            ("recall", [genre.recall for genre in genres], "D", False),
        ):
            axes.plot(
                shares,
                places,
                marker,
                markersize=5,
                color=MARKS["accent"],
                markerfacecolor=MARKS["accent"] if filled else MARKS["surface"],
                label=label,
                clip_on=False,
            )
        for place, value in zip(places, values, strict=True):
            axes.text(1.03, place, f"{value:.2f}", va="center_baseline")
        axes.set_yticks(places, [_short(genre.name) for genre in genres])
        axes.tick_params(axis="y", length=0, labelcolor=MARKS["ink"])
        axes.set(xlim=(0, 1), ylim=(len(genres) - 0.4, -0.6))
        axes.grid(False, axis="y")
        axes.spines["left"].set_visible(False)
        drawing.figure.legend(loc="outside upper left", ncols=3, labelcolor=MARKS["quiet"])
    return drawing.svg


def reliability_diagram(bins: Sequence[Bin]) -> str:
    """Accuracy against confidence, and below how many tracks each point stands for."""
    description = "Reliability: " + "; ".join(
        f"at {each.confidence:.0%} confidence {each.accuracy:.0%} right" for each in bins
    )
    confidence = [each.confidence for each in bins]
    accuracy = [each.accuracy for each in bins]
    with _Drawing(description, 4.2, 4.8) as drawing:
        above, below = drawing.figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        above.plot([0, 1], [0, 1], color=MARKS["line-strong"], linewidth=1, linestyle=":")
        above.vlines(confidence, confidence, accuracy, color=MARKS["warn"], linewidth=1)
        above.plot(confidence, accuracy, color=MARKS["accent"])
        sizes = [12 + 240 * each.share for each in bins]
        above.scatter(confidence, accuracy, sizes, color=MARKS["accent"], zorder=3)
        above.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="right")
        shares = [each.share for each in bins]
        below.bar(confidence, shares, width=0.045, color=MARKS["accent"], alpha=0.45)
        below.set(xlabel="confidence of the answer", ylabel="share of tracks")
        _percent_axes(above, "x", "y")
        _percent_axes(below, "y")
    return drawing.svg


def training_history(curves: Sequence[Learning]) -> str:
    """Loss and accuracy of every epoch, in training and on validation tracks, a panel each."""
    names = [curve.key.replace("_", " ") for curve in curves]
    description = f"{', '.join(names).capitalize()} of every epoch."
    columns = min(2, len(curves))
    rows = -(-len(curves) // columns)
    with _Drawing(description, 4.2 * columns if columns > 1 else 6.2, 2.9 * rows) as drawing:
        grid = drawing.figure.subplots(rows, columns, squeeze=False)
        for axes, curve, name in zip(grid.flat, curves, names, strict=False):
            for label, values in curve.lines.items():
                colour, dashes = ("accent", "-") if label == "training" else ("warn", "--")
                epochs = range(1, len(values) + 1)
                axes.plot(epochs, values, dashes, color=MARKS[colour], label=label)
            axes.set(xlabel="epoch", ylabel=name)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend(labelcolor=MARKS["quiet"])
            if curve.is_share:
                _percent_axes(axes, "y")
        for axes in grid.flat[len(curves) :]:
            axes.set_visible(False)
    return drawing.svg


def accuracies(versions: Mapping[str, Measured]) -> str:
    """Accuracy with its 95 % interval per track and, where known, per segment, for each version."""
    description = "Accuracy per track: " + "; ".join(
        f"{name} {test.accuracy.value:.1%}, {test.accuracy.low:.1%} to {test.accuracy.high:.1%}"
        for name, test in versions.items()
    )
    tests = list(versions.values())
    kinds = (
        ("track", [test.accuracy for test in tests], -0.12, "o", "accent", True),
        ("segment", [test.segment for test in tests], 0.16, "D", "warn", False),
    )
    with _Drawing(description, 6.8, 1.2 + 0.46 * len(tests)) as drawing:
        axes = drawing.figure.subplots()
        for kind, measured, shift, marker, colour, filled in kinds:
            found = [(place + shift, share) for place, share in enumerate(measured) if share]
            if not found:
                continue
            axes.errorbar(
                [share.value for _, share in found],
                [place for place, _ in found],
                xerr=[
                    [share.value - share.low for _, share in found],
                    [share.high - share.value for _, share in found],
                ],
                fmt=marker,
                markersize=5,
                capsize=3,
                linewidth=1.4 if filled else 0.9,
                color=MARKS[colour],
                markerfacecolor=MARKS[colour] if filled else MARKS["surface"],
                label=f"per {kind}",
            )
        axes.set_yticks(range(len(tests)), [_short(name) for name in versions])
        axes.tick_params(axis="y", length=0, labelcolor=MARKS["ink"])
        axes.set(ylim=(len(tests) - 0.5, -0.5), xlabel="accuracy")
        axes.grid(False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
        _percent_axes(axes, "x")
        drawing.figure.legend(loc="outside upper left", ncols=2, labelcolor=MARKS["quiet"])
    return drawing.svg


def learning_curve(points: Sequence[Mapping[str, Any]]) -> str:
    """Accuracy over the number of training tracks, as the command `learning_curve` measures it.

    Each of `points` holds `n_tracks` and the intervals (`value`, `low`, `high`) `validation` and,
    where measured, `training`.
    """
    description = "Accuracy on validation tracks: " + "; ".join(
        f"{point['validation']['value']:.1%} after {point['n_tracks']} training tracks"
        for point in points
    )
    with _Drawing(description, 6.2, 3.2) as drawing:
        axes = drawing.figure.subplots()
        for key, colour, dashes in (("training", "accent", "-"), ("validation", "warn", "--")):
            found = [(point["n_tracks"], point[key]) for point in points if point.get(key)]
            if not found:
                continue
            numbers = [number for number, _ in found]
            axes.fill_between(
                numbers,
                [accuracy["low"] for _, accuracy in found],
                [accuracy["high"] for _, accuracy in found],
                color=MARKS[colour],
                alpha=0.14,
                linewidth=0,
            )
            values = [accuracy["value"] for _, accuracy in found]
            axes.plot(numbers, values, f"o{dashes}", markersize=4, color=MARKS[colour], label=key)
        axes.set(xlabel="training tracks", ylabel="accuracy", xlim=(0, None))
        axes.legend(labelcolor=MARKS["quiet"])
        _percent_axes(axes, "y")
    return drawing.svg
