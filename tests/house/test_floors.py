"""Rooms import downwards only; `floors.py` says which floor each stands on."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterator
from pathlib import Path

import pytest

from .floors import BUILDINGS, REST, SITE, Building
from .reading import circles, imports, module_of, script_imports


@dataclasses.dataclass(frozen=True)
class Import:
    """One import of a file of a building; `name` and `other` are paths in it."""

    name: str
    line: int
    other: str


def imports_within(building: Building, root: Path) -> Iterator[Import]:
    """All imports from file to file of a building."""
    folder = root / building.folder
    names = {path.relative_to(folder).as_posix() for path in folder.rglob(f"*{building.ending}")}
    for name in sorted(names):
        source = (folder / name).read_text(encoding="utf-8")
        if building.ending == ".js":
            found = script_imports(source, name)
        else:
            module, package = module_of(folder / name, folder.parent), folder.name
            found = (
                (line, _file_of(other, names))
                for line, other in imports(source, module, name.endswith("__init__.py"))
                if other.split(".")[0] == package
            )
        for line, other in found:
            if other in names and other != name:
                yield Import(name, line, other)


def _file_of(module: str, names: set[str]) -> str:
    """The file of `module`: `a.b.c` is a file, or something in the file of `a.b`."""
    parts = module.split(".")[1:]
    for end in range(len(parts), -1, -1):
        path = "/".join(parts[:end])
        for name in (f"{path}.py", posixpath.join(path, "__init__.py")):
            if name in names:
                return name
    return ""


def refusal(building: Building, name: str, other: str) -> str | None:
    """Why a file may not import another one; None when it may."""
    here, there = building.room(name), building.room(other)
    if here == there:
        return None
    floors = {room: building.floor(room) for room in (here, there)}
    if unknown := [room for room, floor in floors.items() if floor is None]:
        return f"{unknown[0]} stands on no floor; give it one in tests/house/floors.py"
    if (floors[here] or 0) > (floors[there] or 0):
        return None
    where = "on one floor with" if floors[here] == floors[there] else "below"
    told = [file if room == REST else room for room, file in ((here, name), (there, other))]
    return f"{told[0]} stands {where} {told[1]}, and rooms import from floors below only"


def sentences(building: Building, root: Path) -> list[str]:
    """A sentence for each wrong import of a building."""
    return [
        f"{building.folder}/{each.name}:{each.line} imports {each.other}: {reason}."
        for each in imports_within(building, root)
        if (reason := refusal(building, each.name, each.other))
    ]


@pytest.mark.parametrize("building", BUILDINGS, ids=lambda building: building.folder)
def test_rooms_import_downwards_only(building: Building, root: Path) -> None:
    assert sentences(building, root) == []
    assert len(list(imports_within(building, root))) > 50


@pytest.mark.parametrize("building", BUILDINGS, ids=lambda building: building.folder)
def test_every_room_has_one_floor(building: Building, root: Path) -> None:
    named = [room for floor in building.floors for room in floor]
    assert sorted(named) == sorted(set(named))
    assert set(named) == building.rooms(root)


@pytest.mark.parametrize("building", BUILDINGS, ids=lambda building: building.folder)
def test_no_file_imports_itself_by_way_of_others(building: Building, root: Path) -> None:
    graph: dict[str, set[str]] = {}
    for each in imports_within(building, root):
        graph.setdefault(each.name, set()).add(each.other)
        graph.setdefault(each.other, set())
    assert circles(graph) == []


@pytest.mark.parametrize(
    ("name", "other", "may"),
    [
        ("api.py", "server/plan.py", False),
        ("__main__.py", "server/command.py", True),
        ("server/plan.py", "logs.py", True),
        ("server/plan.py", "server/command.py", True),
        ("inference/card.py", "settings.py", False),
        ("inference/__init__.py", "api.py", False),
    ],
)
def test_the_server_starts_the_site(name: str, other: str, may: bool) -> None:
    assert (refusal(SITE, name, other) is None) == may


PYTHON = Building("house", ".py", (("errors",), ("low",), ("left", "right"), (REST,)))
SCRIPT = Building("house/js", ".js", (("base",), ("low",), ("app",)))


@pytest.mark.parametrize(
    ("name", "source", "sentence"),
    [
        ("low/a.py", "from ..errors import Mistake", None),
        ("low/a.py", "import numpy as np\nfrom . import b", None),
        ("top.py", "from .left.a import x\nfrom . import other", None),
        ("low/a.py", "\nfrom ..left.a import x", "house/low/a.py:2 imports left/a.py: low stands"),
        ("low/a.py", "def f():\n    from house import left", ":2 imports left/__init__.py: low"),
        (
            "low/a.py",
            "if TYPE_CHECKING:\n    from ..top import X",
            ":2 imports top.py: low stands below top.py, and rooms import from floors below only.",
        ),
        ("left/a.py", "import house.right.a", "left stands on one floor with right"),
        ("errors.py", "from .low import a", "errors stands below low"),
        ("low/a.py", "from ..new.a import x", "new stands on no floor; give it one in tests/house"),
        ("new/a.py", "from ..errors import x", "new stands on no floor"),
    ],
)
def test_the_rules_for_python(name: str, source: str, sentence: str | None, tmp_path: Path) -> None:
    files = ("__init__", "errors", "top", "other", "low/a", "low/b", "left/a", "right/a", "new/a")
    write(tmp_path / "house", [f"{file}.py" for file in (*files, "left/__init__")], name, source)
    check(sentences(PYTHON, tmp_path), sentence)


@pytest.mark.parametrize(
    ("name", "source", "sentence"),
    [
        ("app.js", "import { a } from './low/a.js';", None),
        ("low/a.js", "/** @param {import('../app.js').App} app */", None),
        ("low/a.js", "import { t } from '../base/t.js';\nimport x from '../../vendor/x.js';", None),
        ("low/a.js", "// import '../app.js'", None),
        (
            "low/a.js",
            "/*\n * words\n */\nimport {\n  a, b,\n} from '../app.js';",
            "house/js/low/a.js:4 imports app.js: low stands below app",
        ),
        ("low/a.js", "\nimport '../app.js';", ":2 imports app.js: low stands below app"),
        ("base/t.js", "export { a } from '../low/a.js';", "imports low/a.js: base stands below"),
        ("base/t.js", "f();\nawait import('../app.js');", ":2 imports app.js: base stands below"),
    ],
)
def test_the_rules_for_scripts(
    name: str, source: str, sentence: str | None, tmp_path: Path
) -> None:
    write(tmp_path / "house" / "js", ["app.js", "low/a.js", "base/t.js"], name, source)
    check(sentences(SCRIPT, tmp_path), sentence)


def test_a_circle_of_rooms_cannot_close(tmp_path: Path) -> None:
    """On any floors, one of the two imports leads up or stays on its floor."""
    for floors in ((("a",), ("b",)), (("b",), ("a",)), (("a", "b"),)):
        write(tmp_path / "house", ["a/x.py", "b/x.py"], "a/x.py", "from ..b import x")
        write(tmp_path / "house", ["b/x.py"], "b/x.py", "from ..a import x")
        assert sentences(Building("house", ".py", floors), tmp_path)


def write(folder: Path, names: list[str], name: str, source: str) -> None:
    """Write empty files, and one with a source."""
    for each in (*names, name):
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_text(source if each == name else "", encoding="utf-8")


def check(found: list[str], sentence: str | None) -> None:
    assert len(found) == (sentence is not None)
    assert sentence is None or sentence in found[0]
