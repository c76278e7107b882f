"""JavaScript is checked as strictly as Python: all of it, without a way around the checks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.house.test_house import tracked


def project(path: Path) -> dict[str, Any]:
    """A file of TypeScript's options: JSON with comments on lines of their own."""
    text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    options: dict[str, Any] = json.loads(text)
    return options


def files_of(types: Path, name: str, key: str) -> set[str]:
    return {
        (types / each).resolve().relative_to(types.parents[1]).as_posix()
        for each in project(types / f"{name}.json").get(key, [])
    }


def test_no_script_is_left_out(root: Path) -> None:
    types = root / "tests/types"
    references = project(root / "tsconfig.json")["references"]
    projects = {path.stem for path in types.glob("*.json")} - {"common"}
    assert {Path(each["path"]).stem for each in references} == projects
    # the page's project has all of static/js but for what runs in workers
    assert "static/js/**/*" in files_of(types, "page", "include")
    elsewhere = files_of(types, "worker", "files") | files_of(types, "service_worker", "files")
    assert files_of(types, "page", "exclude") <= elsewhere
    patterns = [
        pattern
        for name in ("tests", "bench", "webapp")
        for pattern in files_of(types, name, "include")
        if pattern.split("/")[0] == name
    ]
    for path in tracked(root):
        name = path.relative_to(root).as_posix()
        if path.suffix in {".js", ".mjs"} and not name.startswith("static/js/"):
            assert any(path in root.glob(pattern) for pattern in patterns), name


def test_nothing_is_kept_from_the_check(root: Path) -> None:
    found = []
    scripts = [path for path in tracked(root) if path.suffix in {".js", ".mjs"}]
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        around = re.findall(r"@ts-\w+", text)
        # tests may use `any`, to give a class only a part of what it takes
        if not path.is_relative_to(root / "tests"):
            around += re.findall(r"[{<(|] ?(?:any|\*)(?:\[\])? ?[})>|,]", text)
        found += [f"{path.relative_to(root)}: {word}" for word in around]
    assert found == []
    assert len(scripts) > 50


def test_options_stay_strict(root: Path) -> None:
    options = project(root / "tests/types/common.json")["compilerOptions"]
    assert options["strict"] is True
    assert options["checkJs"] is True
    for path in (root / "tests/types").glob("*.json"):
        own = project(path).get("compilerOptions", {})
        weak = {name for name, value in own.items() if name.startswith("no") and value is False}
        assert not weak | ({"strict", "checkJs"} & own.keys() if path.stem != "common" else set())
