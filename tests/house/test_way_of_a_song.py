"""The way of a song in CONTRIBUTING.md: its functions exist, and its number of moves is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

MOST_MOVES = 90
MOST_INTO_APP = 8
# A file of static/js, a function, class or method, and a remark if there is one.
LINE = re.compile(r"(?P<indent> *)(?P<file>[\w/]+\.js) (?P<name>[\w.#]+)(?:, .+)?")


@pytest.fixture(scope="module")
def section(root: Path) -> str:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition("### The way of a song\n")[2].partition("\n### ")[0]


@pytest.fixture(scope="module")
def steps(section: str) -> list[tuple[int, str, str]]:
    """Depth, file and name of each line but the headings."""
    lines = [
        line
        for line in section.split("```")[1].splitlines()
        if line and not re.match(r"\d\. ", line)
    ]
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return [(len(match["indent"]) // 2, match["file"], match["name"]) for match in found if match]


def moves(steps: list[tuple[int, str, str]]) -> Iterator[tuple[str, str]]:
    """From which file to which a song passes, for every indented line."""
    above: list[str] = []
    for depth, file, _ in steps:
        assert depth <= len(above), f"{file} stands below nothing"
        del above[depth:]
        if above:
            yield above[-1], file
        above.append(file)


def is_there(script: str, name: str) -> bool:
    """Whether a script has a function, a class, or a method of a class."""
    first, _, method = name.partition(".")
    if not re.search(rf"^(?:export )?(?:async )?(?:function|class|const) {first}\b", script, re.M):
        return False
    body = script.partition(f"class {first}")[2].partition("\n}\n")[0]
    return not method or bool(
        re.search(rf"^  (?:async |static |get |set )*{re.escape(method)}(?:\(| = )", body, re.M)
    )


def test_all_that_it_names_is_there(root: Path, steps: list[tuple[int, str, str]]) -> None:
    missing = []
    for _, file, name in steps:
        path = root / "static/js" / file
        if not path.exists() or not is_there(path.read_text(encoding="utf-8"), name):
            missing.append(f"{file} {name}")
    assert missing == []


def test_it_is_as_long_as_it_says(section: str, steps: list[tuple[int, str, str]]) -> None:
    found = list(moves(steps))
    assert all(start != end for start, end in found)
    assert f"{len(found)} times a song passes" in section.replace("\n", " ")
    assert len(found) <= MOST_MOVES
    assert sum(end == "app.js" for _, end in found) <= MOST_INTO_APP


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("first", True),
        ("Second", True),
        ("Second.#third", True),
        ("Second.fourth", True),
        ("Second.sixth", True),
        ("Second.fifth", False),
        ("third", False),
        ("fir", False),
    ],
)
def test_names_are_looked_up(name: str, there: bool) -> None:
    script = (
        "export const first = () => 1;\nexport class Second {\n  #third() {\n    third();\n  }\n\n"
        "  async fourth(a) {\n  }\n\n  sixth = () => {};\n}\n\nfunction fifth() {\n}\n"
    )
    assert is_there(script, name) is there
