"""Each room imports only what it may: read from the source, so no import can hide in a branch."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .reading import circles, imports, is_standard, module_of

ROOMS = ("features", "webapp", "model_training", "bench", "tests")
ENGINES = {"ai_edge_litert", "keras", "tensorflow"}
# Modules that run before anything is installed.
BARE = {
    "webapp.copies",
    "webapp.features_zip",
    "webapp.node",
    "webapp.numpy_archive",
    "webapp.preflight",
    "webapp.runtime",
    "webapp.settings",
    "webapp.snapshot",
    "webapp.wheel_sources",
}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def refusal(module: str, name: str) -> str | None:
    """Why `module` may not import `name`; None when it may."""
    if is_standard(name):
        return None
    top = name.split(".")[0]
    tests = within(module, "tests.model_training")
    if top == "bench" and not (within(module, "bench") or within(module, "tests.bench")):
        return "bench/ measures the others, and only its tests import it"
    if top == "mutagen" and not within(module, "model_training.tags") and not tests:
        return "mutagen is under the GPL: only model_training/tags needs it"
    if within(module, "features"):
        return None if top in {"numpy", "features"} else "features/ has numpy only"
    if within(module, "webapp.inference"):
        allowed = top in {"numpy", "msgspec", "features", *ENGINES} or within(
            name, "webapp.inference"
        )
        return None if allowed else "webapp/inference/ knows no site"
    if module in BARE:
        bare = any(within(name, other) for other in BARE)
        return None if bare else "runs before anything is installed"
    if within(module, "webapp"):
        if top in {"model_training", "tests", "librosa", *ENGINES}:
            return "the site asks webapp.inference, and never trains"
        return None
    if within(module, "model_training"):
        if top == "tests" or (top == "webapp" and not within(name, "webapp.inference")):
            return "of the site, training may use webapp.inference only"
        return None
    return None


def room_files(root: Path) -> list[Path]:
    return sorted(path for room in ROOMS for path in root.glob(f"{room}/**/*.py"))


def test_every_room_keeps_its_rules(root: Path) -> None:
    found = []
    seen = 0
    for path in room_files(root):
        module = module_of(path, root)
        source = path.read_text(encoding="utf-8")
        for line, name in imports(source, module, path.name == "__init__.py"):
            seen += 1
            if reason := refusal(module, name):
                found.append(f"{path.relative_to(root)}:{line} imports {name}: {reason}")
    assert found == []
    assert seen > 100


@pytest.mark.parametrize("room", ["features", "bench"])
def test_no_file_imports_itself_by_way_of_others(root: Path, room: str) -> None:
    """Imports inside functions and for types count, too; `test_floors` checks the other rooms."""
    paths = {module_of(path, root): path for path in sorted(root.glob(f"{room}/**/*.py"))}
    graph = {}
    for module, path in paths.items():
        names = imports(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
        # `from .card import Card` names the module or something in it
        hits = {(name if name in paths else name.rpartition(".")[0]) for _, name in names}
        graph[module] = hits & paths.keys()
    assert circles(graph) == []


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "d"}, "e": set()}
    assert circles(graph) == [["b", "c"], ["d"]]


def test_importing_the_site_imports_nothing_heavy_yet(root: Path) -> None:
    tree = ast.parse((root / "webapp" / "__init__.py").read_text(encoding="utf-8"))
    at_once = ast.Module([node for node in tree.body if not isinstance(node, ast.If)], [])
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    at_once.body = [node for node in at_once.body if not isinstance(node, functions)]
    names = [name for _, name in imports(ast.unparse(at_once), "webapp", True)]
    assert [name for name in names if not is_standard(name)] == []


@pytest.mark.parametrize(
    ("module", "is_package", "source", "refused"),
    [
        ("features.mel", False, "import numpy as np, math", []),
        ("features.mel", False, "import scipy.fft", ["scipy.fft"]),
        ("features.mel", False, "def f():\n    from librosa import load", ["librosa.load"]),
        ("features", True, "from .mel import mfcc", []),
        ("features.mel", False, "from webapp.inference import Card", ["webapp.inference.Card"]),
        ("webapp.inference.card", False, "from .engine import Engine", []),
        (
            "webapp.inference.card",
            False,
            "from ..settings import Settings",
            ["webapp.settings.Settings"],
        ),
        ("webapp.inference", True, "from .. import api", ["webapp.api"]),
        ("webapp.inference.card", False, "from flask import abort", ["flask.abort"]),
        ("webapp.inference.engines", False, "def f():\n    import tensorflow", []),
        ("webapp.api", False, "from model_training import export", ["model_training.export"]),
        ("webapp.api", False, "import keras", ["keras"]),
        ("model_training.tags.id3", False, "from mutagen.id3 import ID3", []),
        ("model_training.commands.predict", False, "import mutagen", ["mutagen"]),
        ("webapp.api", False, "from .inference import Registry\nimport flask", []),
        ("webapp.runtime", False, "import flask", ["flask"]),
        ("webapp.preflight", False, "from .settings import Settings", []),
        ("webapp.preflight", False, "from .factory import build_app", ["webapp.factory.build_app"]),
        ("model_training.versions", False, "from webapp.inference import Registry", []),
        ("model_training.versions", False, "from webapp import inference", []),
        ("model_training.versions", False, "from webapp import create_app", ["webapp.create_app"]),
        ("model_training.versions", False, "import webapp.settings", ["webapp.settings"]),
        ("webapp.api", False, "from bench import setting", ["bench.setting"]),
        ("tests.webapp.test_bodies", False, "from bench.memory import x", ["bench.memory.x"]),
        ("tests.bench.test_growth", False, "from bench.growth import fit", []),
        ("bench.growth", False, "from tests.browser import sounds\nfrom .client import timed", []),
    ],
)
def test_the_rules_themselves(
    module: str, is_package: bool, source: str, refused: list[str]
) -> None:
    names = [name for _, name in imports(source, module, is_package)]
    assert [name for name in names if refusal(module, name)] == refused
