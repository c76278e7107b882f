"""Run the cells of a notebook as Jupyter does, without Jupyter, and print as JSON what they show.

A program of its own, so that a notebook proves that it finds everything in a fresh Python.
`python notebook_cells.py NOTEBOOK '{"VERSION": "v3"}' shares song` changes the line that gives
`VERSION` its value, runs the cells, and tells the values of `shares` and `song` at the end.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt


def main(notebook: str, changes: str, *names: str) -> None:
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    code = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    for name, value in json.loads(changes).items():
        # a name is given its value in one cell, at the beginning of a line
        found = [key for key in code if re.search(rf"^{name} = ", code[key], re.MULTILINE)]
        (key,) = found
        code[key] = re.sub(rf"^{name} = .*$", f"{name} = {value!r}", code[key], flags=re.MULTILINE)
    shared: dict[str, Any] = {"__name__": "__main__"}
    shown = {name: _run(name, source, shared) for name, source in code.items()}
    print(
        json.dumps(
            {"cells": shown, "values": {name: shared[name] for name in names}}, default=_plain
        )
    )


def _run(name: str, source: str, shared: dict[str, Any]) -> dict[str, Any]:
    """What a cell prints, the HTML of its last value, and the titles in each of its figures."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(tree, name, "exec"), shared)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), shared)
        else:
            value = None
    figures = []
    for number in plt.get_fignums():
        figure = plt.figure(number)
        figure.canvas.draw()
        figures.append([axes.get_title() for axes in figure.axes if axes.has_data()])
    plt.close("all")
    html = value._repr_html_() if hasattr(value, "_repr_html_") else ""
    return {"text": out.getvalue(), "html": html, "figures": figures}


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
