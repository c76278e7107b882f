"""The scripts that a page tells the browser to fetch at once: all that its first script imports."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest
from flask import Flask

from webapp import assets

# `import ... from '...'`, `export ... from '...'` and `import '...'`; not `import('...')`, which
# loads a script only when it is needed.
STATEMENT = re.compile(
    r"^(?:import|export)\b(?:[^;='\"(]*?\bfrom\s*|\s*)['\"]([^'\"]+)['\"]", re.MULTILINE
)


def closure(scripts: Path, name: str, found: set[str]) -> set[str]:
    """Names of all scripts that a script imports, at any remove."""
    for other in STATEMENT.findall((scripts / name).read_text(encoding="utf-8")):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
        if path not in found:
            found.add(path)
            closure(scripts, path, found)
    return found


@pytest.mark.parametrize(
    ("name", "least"), [("app.js", 40), ("analysis/start_worker.js", 2), ("model.js", 5)]
)
def test_a_page_preloads_every_script_that_it_will_import(
    app: Flask, root: Path, name: str, least: int
) -> None:
    scripts = root / "static" / "js"
    with app.test_request_context():
        urls = assets.imported(f"js/{name}")
    listed = [url.partition("/js/")[2] for url in urls]
    expected = closure(scripts, name, {name}) - {name}
    assert len(expected) >= least
    assert len(listed) == len(set(listed))
    assert set(listed) == expected
