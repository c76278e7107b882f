"""docs/security.md names the tests and files that show what it says; they are there."""

from __future__ import annotations

import re
from pathlib import Path


def test_its_tests_and_files_are_there(root: Path) -> None:
    text = (root / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/.-]+\.(?:py|js|service))(?:::(\w+))?`", text)
    assert len(named) > 30
    for name, test in named:
        path = next((p for p in (root / name, root / "tests" / name) if p.is_file()), None)
        assert path, f"there is no {name}"
        if test:
            assert f"def {test}(" in path.read_text(encoding="utf-8"), f"{name} has no {test}"


def test_its_settings_and_targets_are_there(root: Path) -> None:
    text = (root / "docs" / "security.md").read_text(encoding="utf-8")
    running = (root / "docs" / "running.md").read_text(encoding="utf-8")
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for name in set(re.findall(r"MUSICLASSIFY_\w+", text)):
        assert f"`{name}`" in running
    for target in set(re.findall(r"`make (\w+)", text)):
        assert f"\n{target}:" in makefile
