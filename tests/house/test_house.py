"""Rules for all tracked files, for trained versions and for the locks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest

LOCKS = ("requirements-serve", "requirements-quick", "requirements", "requirements-dev")
NOT_OURS = {".git", ".venv", "node_modules", "runtime", "__pycache__", "test-results"}
CODE = {".py", ".js", ".mjs", ".ts", ".css", ".html", ".md", ".toml"}
MOST_LINES = 500
MOST_BYTES_PER_VERSION = 10 * 1000 * 1000

# Put together here, so that this file passes its own test.
REGISTRY_HOSTS = [
    rf"{name}\.{end}"
    for name, end in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "(org|com)"),
        ("yarnpkg", "com"),
        ("debian", "org"),
        ("ubuntu", "com"),
    )
]
MACHINE_PATHS = [r"(?<![\w.<])/(?:root|work|tmp|home|Users)/\w"]
# Patterns of common kinds of keys and passwords.
SECRETS = [
    "-----BEGIN (?:[A-Z]+ )*" + "PRIVATE KEY",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\b(?:gh[pousr]|github_pat|glpat|xox[abprs]|sk|hf|npm|pypi)[_-][A-Za-z0-9_-]{24,}",
    r"\b(?i:password|passwd|secret_key|api_?key|token)\b['\"]? ?[:=] ?['\"][^'\"\s{<]{12,}['\"]",
]
LEFT_OVER = [rf"\b{first}{second}\b" for first, second in (("TO", "DO"), ("FIX", "ME"))]


def tracked(root: Path) -> list[Path]:
    """All files of the project; without git, all that no tool has made."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=True
        ).stdout
        paths = [root / name for name in listed.split("\0") if name]
    else:
        paths = list(walk(root))
    return sorted(path for path in set(paths) if path.is_file())


def walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in NOT_OURS or path.name.endswith("_cache") or path.suffix == ".pyc":
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


def findings(text: str, patterns: list[str]) -> list[str]:
    return [match[0] for match in re.finditer("|".join(patterns), text)]


@pytest.fixture(scope="module")
def texts(root: Path) -> dict[str, str]:
    """Every file of the project as text; bytes that are no UTF-8 are left out."""
    return {
        str(path.relative_to(root)): path.read_bytes().decode("utf-8", errors="ignore")
        for path in tracked(root)
    }


@pytest.mark.parametrize(
    "patterns",
    [REGISTRY_HOSTS, MACHINE_PATHS, LEFT_OVER, SECRETS],
    ids=["hosts", "paths", "left over", "secrets"],
)
def test_no_file_holds_a_forbidden_pattern(texts: dict[str, str], patterns: list[str]) -> None:
    assert [
        f"{name}: {word}" for name, text in texts.items() for word in findings(text, patterns)
    ] == []
    assert len(texts) > 50


def test_the_patterns_themselves() -> None:
    host = "files." + "pythonhosted" + ".org"
    assert findings(f"see https://{host}/packages", REGISTRY_HOSTS)
    assert findings("cd /ro" + "ot/project", MACHINE_PATHS)
    assert findings("'/tm" + "p/x'", MACHINE_PATHS)
    assert not findings("/api/v1/models, static/wo" + "rk/x, ../shared/data", MACHINE_PATHS)
    key = "ghp_" + "a1" * 18
    assert findings(f"token: {key}", SECRETS)
    assert findings('API_KEY = "' + "s" * 20 + '"', SECRETS)
    assert findings("-----BEGIN OPENSSH " + "PRIVATE KEY-----", SECRETS)
    assert not findings("npm-run, ssl_certificate_key, token: 'text', pypi_x", SECRETS)
    assert not findings("pypi, npm, Debian's packages, mastodon", REGISTRY_HOSTS + LEFT_OVER)


def test_no_file_is_too_long(root: Path) -> None:
    long = {}
    for path in tracked(root):
        # Reports of versions are written by a program.
        if "trained_models" in path.parts:
            continue
        if path.suffix in CODE or path.name == "Makefile":
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > MOST_LINES:
                long[str(path.relative_to(root))] = lines
    assert long == {}


def test_trained_versions_are_small(root: Path) -> None:
    cards = list(root.glob("trained_models/*/model.json"))
    assert cards
    for card in cards:
        size = sum(path.stat().st_size for path in card.parent.rglob("*") if path.is_file())
        assert size <= MOST_BYTES_PER_VERSION, f"{card.parent.name} has {size:,} bytes"


# --- locks ------------------------------------------------------------------------------------


def read_lock(path: Path) -> dict[str, tuple[str, str, int]]:
    """Name -> version, marker, number of hashes."""
    found: dict[str, tuple[str, str, int]] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"([a-z0-9-]+)==(\S+?)(?: ; (.+?))? \\", line):
            name = match[1]
            assert name not in found, f"{path.name} names {name} twice"
            found[name] = (match[2], match[3] or "", 0)
        elif re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line):
            version, marker, hashes = found[name]
            found[name] = (version, marker, hashes + 1)
        else:
            assert re.match(r" *#", line), f"{path.name} holds {line!r}"
    return found


def wanted(path: Path) -> set[str]:
    """Names in an .in file, those of the files it includes too."""
    names: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            names |= wanted(path.with_name(line[3:].strip()))
        elif match := re.match(r"[A-Za-z0-9_-]+", line):
            names.add(match[0].lower().replace("_", "-"))
    return names


def test_larger_locks_hold_the_smaller_ones(root: Path) -> None:
    serve, quick, full, dev = (read_lock(root / f"{name}.txt") for name in LOCKS)
    for smaller, larger in ((serve, quick), (serve, full), (quick, dev), (full, dev)):
        assert set(smaller) < set(larger)
        for name, (version, _, _) in smaller.items():
            assert larger[name][0] == version, name
    # the larger lock keeps a marker or drops it: another one could leave the package out
    for name, (_, marker, _) in (full | quick).items():
        assert dev[name][1] in (marker, ""), name


@pytest.mark.parametrize("name", LOCKS)
def test_each_lock_is_complete_and_pins_by_hash(root: Path, name: str) -> None:
    lock = read_lock(root / f"{name}.txt")
    assert [package for package, (_, _, hashes) in lock.items() if hashes == 0] == []
    assert wanted(root / f"{name}.in") <= set(lock)


def test_locks_hold_what_their_purpose_needs(root: Path) -> None:
    serve, quick, full, _ = (read_lock(root / f"{name}.txt") for name in LOCKS)
    assert not {"tensorflow", "keras", "playwright"} & set(quick)
    assert {"flask", "librosa", "tensorflow", "numpy", "jinja2", "gunicorn"} <= set(full)
    assert not {"tensorflow", "keras", "librosa", "scikit-learn"} & set(serve)
    # under the GPL: no part of what is served, or of what serves it
    assert "mutagen" in full
    assert "mutagen" not in set(quick) | set(serve)
    assert serve["gunicorn"][1] == "sys_platform != 'win32'"
    assert serve["waitress"][1] == "sys_platform == 'win32'"
    # Python 3.13 dropped modules that librosa's reader of old formats imports
    for name in ("audioop-lts", "standard-aifc", "standard-sunau"):
        assert full[name][1] == "python_full_version >= '3.13'"


@pytest.mark.parametrize("folder", [".", "bench"])
def test_npm_lock_pins_by_hash_and_names_no_address(root: Path, folder: str) -> None:
    packages = json.loads((root / folder / "package-lock.json").read_text())["packages"]
    ours = packages.pop("")
    package = json.loads((root / folder / "package.json").read_text())
    for kind in ("dependencies", "devDependencies"):
        pins = package.get(kind, {})
        assert ours.get(kind, {}) == pins
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", pin) for pin in pins.values())
    assert package["private"] is True
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name


def test_each_process_of_tests_has_a_cache_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "shared")
    for worker in ("gw0", "gw7"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        conftest.pytest_configure()
        assert Path(os.environ["NUMBA_CACHE_DIR"]) == Path(sys.prefix) / "numba" / worker
