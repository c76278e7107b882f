"""Sources as the tests of this folder read them: who imports whom, and circles."""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# `import ... from '...'`, `export ... from '...'`, `import '...'` and `await import('...')`; types
# in comments, `import('...').Song`, are no imports: comments are taken away before.
SCRIPT_IMPORT = re.compile(
    r"""^(?:import|export)\b(?:[^;='"(]*?\bfrom\s*|\s*)['"]([^'"]+)['"]"""
    r"""|\bimport\(\s*['"]([^'"]+)['"]""",
    re.MULTILINE,
)
COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*", re.MULTILINE | re.DOTALL)


def module_of(path: Path, root: Path) -> str:
    """Dotted name of a Python file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Every imported name, in full, with its line."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module or "").split(".")] if node.module else base
            for alias in node.names:
                # `from webapp import inference` names a module, `from flask import Flask` does not:
                # both are judged by their beginning
                yield node.lineno, ".".join([*base, alias.name])


def script_imports(source: str, name: str) -> Iterator[tuple[int, str]]:
    """Every script that a script imports, with its line; paths start where that of `name` does."""
    # line breaks stay, so that lines keep their numbers
    bare = COMMENT.sub(lambda found: "\n" * found[0].count("\n"), source)
    for found in SCRIPT_IMPORT.finditer(bare):
        other = found[1] or found[2]
        line = bare.count("\n", 0, found.start()) + 1
        yield line, posixpath.normpath(posixpath.join(posixpath.dirname(name), other))


def is_standard(name: str) -> bool:
    """Whether a dotted name belongs to Python's own library."""
    return name.split(".")[0] in sys.stdlib_module_names


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other; a node that reaches itself is one, too."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        left = [start]
        while left:
            more = graph[left.pop()] - seen
            seen |= more
            left += more
        return seen

    all_reached = {node: reached(node) for node in graph}
    found = {
        tuple(sorted(other for other in there if node in all_reached[other]))
        for node, there in all_reached.items()
        if node in there
    }
    return sorted(map(list, found))
