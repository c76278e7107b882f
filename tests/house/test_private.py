"""Private members of libraries that the project uses, and why: any release may change them.

After an update of a library, passing tests are enough for everything else. For the names listed
here read its changelog: a private member may keep its name and do something else.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = ("features", "webapp", "model_training", "bench")
# Names with an underscore: where they belong, and why they are used.
PRIVATE = {
    "gunicorn": {
        "gunicorn.workers.gthread.ThreadWorker._keepalive_after": (
            "gives up on unread bodies after 64 kB; ours have arrived and are read to their end"
        ),
    },
    "keras": {
        "keras.Model._flatten_layers": "the only list of all layers, nested ones too",
        "keras.src": "the module of built-in layers tells them from those of other packages",
    },
    "keras_tuner": {
        "keras_tuner.oracles.HyperbandOracle._get_num_brackets": "the number of trials to come",
        "keras_tuner.oracles.HyperbandOracle._get_num_rounds": "the number of trials to come",
        "keras_tuner.oracles.HyperbandOracle._get_size": "the number of trials to come",
    },
    "mutagen": {
        "mutagen.mp4.MP4Tags._failed_atoms": (
            "the atoms that are written as they were; it has no other way to write a genre's number"
        ),
    },
}
# Names with an underscore that Python itself documents.
PYTHONS = {"_exit"}
# gunicorn documents settings, hooks and `BaseApplication`, but no member of these classes, with or
# without an underscore. Class of ours -> its base in gunicorn, then classes of objects that it uses
# -> members that are overridden or used.
GUNICORN = {
    "SiteWorker": {
        "gunicorn.workers.gthread.ThreadWorker": {
            "_keepalive_after": "see PRIVATE",
            "accept": "connections whose requests are gathered; the oldest go when there are many",
            "alive": "whether the end has begun",
            "app": "our `Server`",
            "cfg": "for new connections",
            "enqueue_req": "begins a request: it is gathered before a thread gets it",
            "finish_request": "ends a request: the rest of its answer is handed out",
            "handle": "time-outs of the thread that answers",
            "handle_error": "malformed HTTP is answered in the app's own way",
            "handle_exit": "waits for no connection that says nothing",
            "handle_quit": "set as a handler again after loading",
            "handle_request": "ends connections whose body was not waited for",
            "init_signals": "ends at once while the model loads",
            "keepalived_conns": "the oldest of them goes when there is no room",
            "load_wsgi": "the moment after loading",
            "log": "errors inside",
            "murder_keepalived": "closes the oldest of them",
            "notify": "the main loop's regular call, for connections whose time is over",
            "nr_conns": "counts connections; the main loop waits at the end until it is 0",
            "poller": "the main loop's selector",
            "set_accept_enabled": "at the end all waiting connections are taken",
            "sockets": "the listeners",
            "wsgi": "the app, to count errors",
        },
        "gunicorn.workers.gthread.TConn": {
            "close": "closes without waiting for the client",
            "data_ready": "tells the thread not to wait for data",
            "parser": "reads what is left of a body",
            "sock": "a socket of our class",
            "timeout": "lets a kept connection go at once",
        },
    },
    "Connection": {
        "gunicorn.workers.gthread.TConn": {
            "parser": "its unreader holds bytes that follow a request",
            "sock": "a socket of our class",
        },
    },
    "SiteArbiter": {
        "gunicorn.arbiter.Arbiter": {
            "APP_LOAD_ERROR": "the exit status of a worker that could not load",
            "WORKERS": "whether any worker lives",
            "app": "our `Server`",
            "handle_hup": "ends with the terminal",
            "handle_int": "lets running requests finish",
            "handle_term": "waits for load balancers",
            "manage_workers": "the main loop's regular call; stops when no worker can load",
            "stop": "tells the workers that nothing new is taken",
            "worker_age": "whether a worker was started",
        },
    },
    "SiteLogger": {
        "gunicorn.glogging.Logger": {
            "error_log": "filtered and formatted",
            "setup": "the moment to do that",
        },
    },
}


def sources(root: Path, rooms: tuple[str, ...]) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((root / room).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def defined(tree: ast.AST) -> Iterator[str]:
    """Names that a source defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Private names that a source uses, and texts that name a private package, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, alias.name) for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            package, found, _ = node.value.partition(".src.")
            if found and package.isidentifier():
                yield node.lineno, "src"


def mentions(tree: ast.AST, own: bool) -> Iterator[str]:
    """Members that a class defines, declares or uses: its own, or those of other objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if (ast.unparse(node.value) in ("self", "super()")) == own:
                yield node.attr
        elif own and isinstance(node, ast.FunctionDef):
            yield node.name
        elif own and isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def resolve(name: str) -> object:
    """The object of a dotted name: a module, or something in one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        place, _, last = name.rpartition(".")
        return getattr(resolve(place), last)


def members(of: object) -> set[str]:
    """Members of a module or class, those that methods set on `self` too."""
    found = set(dir(of))
    for each in of.__mro__[:-1] if inspect.isclass(of) else ():
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(each)))
        except OSError:  # a class that tells another module than its own
            continue
        found |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node) == f"self.{node.attr}"
        }
    return found


def test_private_names_of_libraries_are_known(root: Path) -> None:
    trees = list(sources(root, ROOMS))
    known = {name.rpartition(".")[2] for names in PRIVATE.values() for name in names}
    ours = {name for _, tree in trees for name in defined(tree)}
    uses = [(path, *use) for path, tree in trees for use in used(tree)]
    assert [
        f"{path}:{line} uses {name}, which is private to a library and may change in any release: "
        "do without it, or name it with the reason in PRIVATE."
        for path, line, name in uses
        if name not in ours | known | PYTHONS
    ] == []
    assert known - {name for _, _, name in uses} - ours == set(), "used no more"


FULL = pytest.mark.full


@pytest.mark.parametrize(
    "library",
    [
        "gunicorn",
        pytest.param("keras", marks=FULL),
        pytest.param("keras_tuner", marks=FULL),
        pytest.param("mutagen", marks=FULL),
    ],
)
def test_private_names_are_there(library: str) -> None:
    assert PRIVATE[library]
    for name, reason in PRIVATE[library].items():
        assert name.startswith(f"{library}.")
        assert reason
        place, _, last = name.rpartition(".")
        assert last in members(resolve(place)), f"{name} is gone; it was used: {reason}"


def test_every_member_of_gunicorn_is_known(root: Path) -> None:
    classes = {
        node.name: node
        for _, tree in sources(root, ("webapp/server",))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    for name, bases in GUNICORN.items():
        for number, (base, reasons) in enumerate(bases.items()):
            mentioned = set(mentions(classes[name], own=number == 0))
            theirs = {member for member in members(resolve(base)) if not member.startswith("__")}
            assert sorted(mentioned & theirs) == sorted(reasons), (
                f"{name} uses other members of {base} than GUNICORN lists: list them with the "
                "reason, or take them out."
            )
            assert all(reasons.values())


def test_the_reader_itself() -> None:
    tree = ast.parse(
        "from a import _b, c\n"
        "class D(E):\n"
        "    own: int\n"
        "    def _f(self):\n"
        "        self._g = c._h\n"
        "        return 'keras.src.layers'\n"
    )
    assert list(used(tree)) == [(1, "_b"), (5, "_g"), (5, "_h"), (6, "src")]
    assert set(defined(tree)) == {"D", "own", "_f", "_g"}
    assert set(mentions(tree, own=True)) == {"own", "_f", "_g"}
    assert set(mentions(tree, own=False)) == {"_h"}
