"""Figures: well-formed alone and within a page, the same bytes always, and true to the data."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pytest

from model_training.reporting import plots
from webapp.inference.card import Interval
from webapp.inference.curves import Bin, Learning, Roc
from webapp.inference.sections import Genre, Measured

SVG = "{http://www.w3.org/2000/svg}"
GENRES = ["blues", "disco", "jazz"]
MATRIX = [[7, 0, 3], [1, 14, 0], [0, 0, 0]]
ROC = {
    "blues": Roc("blues", [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], 1.0),
    "disco": Roc("disco", [(0.0, 0.0), (0.5, 0.7), (1.0, 1.0)], None),
}
PER_GENRE = [
    Genre(0.5, 1.0, 0.667, 3, name="blues"),
    Genre(0.0, 0.0, 0.0, 2, name="jazz"),
]
BINS = [Bin(0.35, 0.5, 0.25), Bin(0.9, 0.8, 0.75)]
ACCURACY = {"value": 0.66, "low": 0.6, "high": 0.72}
SHARE = Interval(0.66, 0.6, 0.72)


def measured(segment: Interval | None) -> Measured:
    return Measured("test", 50, SHARE, segment, None, None, None, {})


FIGURES: dict[str, tuple[Callable[[], str], list[str]]] = {
    "confusion_matrix": (
        lambda: plots.confusion_matrix(MATRIX, GENRES),
        [*GENRES, "7", "14", "is", "called"],
    ),
    "roc_curves": (
        lambda: plots.roc_curves(list(ROC.values())),
        ["blues", "AUC 1.000", "disco", "false positive rate"],
    ),
    "genre_f1": (lambda: plots.genre_f1(PER_GENRE), ["blues", "jazz", "0.67", "0.00", "recall"]),
    "reliability_diagram": (
        lambda: plots.reliability_diagram(BINS),
        ["confidence of the answer", "share of tracks", "100%"],
    ),
    "training_history": (
        lambda: plots.training_history(
            [
                Learning("loss", {"training": [3.0, 2.0]}),
                Learning("tags_loss", {"training": [0.3, 0.2]}),
                Learning("accuracy", {"validation": [0.2, 0.4]}),
            ]
        ),
        ["loss", "tags loss", "accuracy", "epoch", "training", "validation", "40%"],
    ),
    "accuracies": (
        lambda: plots.accuracies({"v1": measured(None), "v2": measured(SHARE)}),
        ["v1", "v2", "per track", "per segment"],
    ),
    "learning_curve": (
        lambda: plots.learning_curve(
            [
                {"n_tracks": 20, "validation": ACCURACY, "training": ACCURACY},
                {"n_tracks": 40, "validation": ACCURACY},
            ]
        ),
        ["training tracks", "validation"],
    ),
}
each = pytest.mark.parametrize("name", FIGURES)


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


@each
def test_is_one_element_that_needs_nothing_else(name: str) -> None:
    make, words = FIGURES[name]
    svg = make()
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert len(root.get("aria-label", "")) > 15
    assert set(words) <= set(texts(svg))
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    assert "<style" not in svg
    assert "<!--" not in svg


@each
def test_ids_are_all_used_and_all_there(name: str) -> None:
    svg = FIGURES[name][0]()
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(re.findall(r'(?:href="|url\()#([\w.-]+)', svg))


@each
def test_colours_are_the_page_s(name: str) -> None:
    svg = FIGURES[name][0]()
    used = set(re.findall(r"var\((--[\w-]+), (#[0-9a-f]{6})\)", svg))
    light = plots.TOKENS.read_text(encoding="utf-8").partition("@media")[0]
    assert len({token for token, _ in used}) > 3
    for token, colour in used:
        assert f"{token}: {colour};" in light
    assert re.findall(r"(?<!, )#[0-9a-f]{6}(?=[;\"])", svg) == []


@each
def test_same_data_same_bytes_whatever_is_set_on_this_machine(name: str) -> None:
    make, _ = FIGURES[name]
    first = make()
    with matplotlib.rc_context({"font.size": 31, "lines.linewidth": 9, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert make() == first
        assert dict(matplotlib.rcParams) == before


def test_other_processes_make_the_same_bytes_without_a_display(root: Path) -> None:
    code = (
        "import sys; from model_training.reporting import plots; "
        "from webapp.inference.curves import Roc; "
        f"sys.stdout.write(plots.roc_curves({list(ROC.values())!r})); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == plots.roc_curves(list(ROC.values()))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</scrip…"),
        ("--><b>&amp;", "--><b>&amp;"),
        ("$\\frac{a}{b}$", "$\\frac{a}{b}$"),
        ('" id="x" onload="y', '" id="x" onload="y'),
        ("شعبي 音楽", "شعبي 音楽"),
        ("two\nlines\x1b", "two lines "),
        ("a" * 60, "a" * 23 + "…"),
    ],
)
def test_any_name_is_text_and_nothing_more(name: str, shown: str) -> None:
    for svg in (
        plots.confusion_matrix([[1, 2], [3, 4]], [name, "other"]),
        plots.genre_f1([Genre(1.0, 1.0, 1.0, 5, name=name)]),
        plots.accuracies({name: measured(None)}),
        plots.roc_curves([dataclasses.replace(ROC["blues"], key=name)]),
    ):
        assert any(text[:17] == shown[:17] for text in texts(svg))
        assert "<script" not in svg
        assert "<b>" not in svg
        assert not ET.fromstring(svg).attrib.keys() & {"id", "onload"}


def test_empty_cells_stay_empty_and_full_ones_are_strongest() -> None:
    svg = plots.confusion_matrix(MATRIX, GENRES)
    assert "0" not in texts(svg)
    shades = [
        float(shade) for shade in re.findall(r"fill: var\(--heat[^;]*; opacity: ([\d.]+)", svg)
    ]
    # 7 of 10, 3 of 10, 1 of 15, 14 of 15
    assert sorted(shades, reverse=True) == [shades[3], shades[0], shades[1], shades[2]]
    assert len(shades) == 4


def points_of(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)]


def lines(svg: str, token: str) -> list[list[tuple[float, float]]]:
    return [
        points_of(element.get("d", ""))
        for element in ET.fromstring(svg).iter(f"{SVG}path")
        if re.match(rf"fill: none;.* stroke: var\(--{token},", element.get("style", ""))
    ]


def test_a_perfect_genre_touches_the_upper_left_corner() -> None:
    perfect, other = lines(plots.roc_curves(list(ROC.values())), "accent")
    (left, bottom), corner, (right, top) = perfect
    assert corner == (left, top)
    assert left < right
    assert top < bottom  # SVG counts downwards
    middle = other[1]
    assert middle[0] - other[0][0] == pytest.approx((right - left) / 2, abs=0.02)
    assert other[0][1] - middle[1] == pytest.approx(0.7 * (bottom - top), abs=0.02)


def test_training_and_validation_are_told_apart() -> None:
    losses = Learning("loss", {"training": [3.0, 2.0, 1.0], "validation": [3.0, 3.5, 4.0]})
    svg = plots.training_history([losses])
    training, validation = lines(svg, "accent")[0], lines(svg, "warn")[0]
    assert training[0] == validation[0]
    assert training[-1][1] > training[0][1]
    assert validation[-1][1] < validation[0][1]


def test_many_genres_fit() -> None:
    genres = [f"genre {number}" for number in range(40)]
    matrix = [[int(row == column) for column in range(40)] for row in range(40)]
    svg = plots.confusion_matrix(matrix, genres)
    assert set(genres) <= set(texts(svg))
    curves = [dataclasses.replace(ROC["disco"], key=genre) for genre in [*genres[:7], "macro"]]
    # the mean gets no panel
    assert len(lines(plots.roc_curves(curves), "accent")) == 7
