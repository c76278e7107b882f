"""Notebooks are tracked without outputs, which change with each run and hold a machine's paths."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .test_house import MOST_LINES, tracked

# All that nbformat 4.5 asks for; a run adds counts, outputs, and the Python that ran it.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def faults(notebook: dict[str, Any]) -> list[str]:
    """What a notebook holds that belongs to one run of it."""
    found = []
    if (notebook["nbformat"], notebook["nbformat_minor"]) != (4, 5):
        found.append("is no nbformat 4.5")
    if notebook["metadata"] != METADATA:
        found.append(f"tells more of a kernel than {METADATA}")
    names = [cell["id"] for cell in notebook["cells"]]
    if len(set(names)) < len(names):
        found.append("has an id twice")
    for name, cell in zip(names, notebook["cells"], strict=True):
        if not re.fullmatch("[a-z]+(-[a-z]+)*", name):
            found.append(f"{name}: is an id that a program drew; give it a name")
        if cell["metadata"]:
            found.append(f"{name}: has metadata")
        if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"]):
            found.append(f"{name}: has outputs")
    return found


def test_notebooks_are_as_written(root: Path) -> None:
    paths = [path for path in tracked(root) if path.suffix == ".ipynb"]
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        notebook = json.loads(text)
        assert faults(notebook) == [], path
        # As Jupyter writes it, so that a change shows what was changed.
        assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        lines = [line for cell in notebook["cells"] for line in cell["source"]]
        assert len(lines) <= MOST_LINES
        # Links to files beside the notebook.
        for link in re.findall(r"\]\((\.[^)#]*)", "".join(lines)):
            assert (path.parent / link).is_file(), link


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"outputs": [{"output_type": "stream", "text": []}]}, "run: has outputs"),
        ({"execution_count": 3}, "run: has outputs"),
        ({"metadata": {"collapsed": True}}, "run: has metadata"),
        ({"id": "3f2a9c1b"}, "3f2a9c1b: is an id that a program drew; give it a name"),
    ],
)
def test_the_rules_themselves(change: dict[str, Any], fault: str) -> None:
    cell: dict[str, Any] = {
        **{"id": "run", "cell_type": "code", "metadata": {}},
        **{"outputs": [], "execution_count": None, "source": []},
    }
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": METADATA, "cells": [cell]}
    assert faults(notebook) == []
    assert faults({**notebook, "cells": [{**cell, **change}]}) == [fault]
    assert faults({**notebook, "cells": [cell, cell]}) == ["has an id twice"]
    assert faults({**notebook, "metadata": {}}) == [f"tells more of a kernel than {METADATA}"]
