"""make installs once, again when a lock changed, and no more than a target needs."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

# A fake Python: it logs what it is asked to do, makes environments by copying itself, and passes
# questions (-c) on to the real one.
PYTHON = """#!/bin/sh
real='{real}'
test "$1" != -B || shift
case "$1 $2" in
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; echo venv >> "$LOG";;
    "-m pip") for last in "$@"; do :; done; echo "pip $last" >> "$LOG"
        test ! -e "$FAIL" || exit 1;;
    "-m webapp.preflight") ;;
    "-m "*) shift; echo "$*" >> "$LOG"
        case "$*" in "ruff check") test ! -e "broken style";; esac;;
    "-c "*) case "$2" in *"import pip"*) test ! -e broken;; *) exec "$real" "$@";; esac;;
esac
"""
# Options of pytest: up to four processes, each with whole files of tests.
PROCESSES = "--numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder"
# A fake npm: it logs its options, and installs a fake TypeScript.
NPM = """#!/bin/sh
folder=.
for option; do
    case "$option" in
        --ignore-scripts|--no-*|--loglevel=*) ;;
        *) told="$told $option";;
    esac
    test "$option" != bench || folder=bench
done
mkdir -p $folder/node_modules/.bin
printf '#!/bin/sh\\necho "tsc $*" >> "$LOG"\\n' > $folder/node_modules/.bin/tsc
chmod +x $folder/node_modules/.bin/tsc
echo "npm$told" >> "$LOG"
"""
NODE = """#!/bin/sh
echo "node $*" >> "$LOG"
test ! -e "broken script"
"""
SCRIPT_TESTS = "node --test --test-reporter=spec tests/js/room/some.test.js"


class Clone:
    """The files that make reads, with a fake Python, node and npm that log their calls."""

    def __init__(self, tmp_path: Path, root: Path) -> None:
        self.folder = tmp_path / "clone"
        self.tools = tmp_path / "bin"
        self.log = tmp_path / "log"
        self.fail = tmp_path / "fail"
        self.folder.mkdir()
        self.tools.mkdir()
        for path in [root / "Makefile", root / "package-lock.json", *root.glob("requirements*")]:
            shutil.copy(path, self.folder)
        (self.folder / "bench").mkdir()
        shutil.copy(root / "bench/package-lock.json", self.folder / "bench")
        (self.folder / "tests/js/room").mkdir(parents=True)
        (self.folder / "tests/js/room/some.test.js").touch()
        tools = {"python3": PYTHON.format(real=sys.executable), "npm": NPM, "node": NODE}
        for name, text in tools.items():
            path = self.tools / name
            path.write_text(text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def make(self, *arguments: str, status: int = 0) -> list[str]:
        """Run make; return the log of the fake programs."""
        self.log.write_text("")
        environment = {name: os.environ[name] for name in ("HOME",) if name in os.environ}
        environment |= {"PATH": f"{self.tools}:/usr/bin:/bin", "LOG": str(self.log)}
        environment |= {"FAIL": str(self.fail)}
        make = shutil.which("make")
        assert make, "make is needed"
        done = subprocess.run(
            [make, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return self.log.read_text().splitlines()


@pytest.fixture
def clone(tmp_path: Path, root: Path) -> Clone:
    return Clone(tmp_path, root)


def test_serve_installs_the_lean_lock_once(clone: Clone) -> None:
    assert clone.make("serve") == [
        "venv",
        "pip requirements-serve.txt",
        "npm ci --omit=dev",
        "webapp.runtime",
        "webapp",
    ]
    assert clone.make("serve") == ["webapp.runtime", "webapp"]


def test_serve_hands_its_options_on(clone: Clone) -> None:
    done = clone.make("serve", "MODEL=v2", "PORT=5050")
    assert done[-1] == "webapp --model v2 --port 5050"


def test_keras_installs_everything_and_lean_needs_nothing_then(clone: Clone) -> None:
    assert "pip requirements.txt" in clone.make("serve", "ENGINE=keras")
    assert clone.make("serve") == ["webapp.runtime", "webapp"]
    assert clone.make("serve", "ENGINE=keras") == ["webapp.runtime", "webapp --engine keras"]


def test_changed_lock_is_installed_again(clone: Clone) -> None:
    clone.make("serve")
    with (clone.folder / "requirements-serve.txt").open("a") as file:
        file.write("# changed\n")
    assert clone.make("serve") == ["pip requirements-serve.txt", "webapp.runtime", "webapp"]


def test_changed_npm_lock_is_installed_again(clone: Clone) -> None:
    clone.make("serve")
    with (clone.folder / "package-lock.json").open("a") as file:
        file.write("\n")
    assert clone.make("serve") == ["npm ci --omit=dev", "webapp.runtime", "webapp"]


def test_failed_install_is_tried_again(clone: Clone) -> None:
    clone.fail.touch()
    assert clone.make("serve", status=2) == ["venv", "pip requirements-serve.txt"]
    clone.fail.unlink()
    assert clone.make("serve")[0] == "pip requirements-serve.txt"


def test_broken_environment_is_made_anew(clone: Clone) -> None:
    clone.make("serve")
    (clone.folder / "broken").touch()
    assert clone.make("serve")[:2] == ["venv", "pip requirements-serve.txt"]


def test_test_checks_everything_and_serve_needs_nothing_then(clone: Clone) -> None:
    done = clone.make("test", "ARGS=-k mel")
    assert done[:3] == ["venv", "pip requirements-dev.txt", "npm ci"]
    # side by side, so in any order
    assert sorted(done[3:7]) == ["mypy", "ruff check", "ruff format --check", "tsc --build"]
    assert done[7:] == [
        SCRIPT_TESTS,
        "webapp.runtime",
        "tests.browser.install_browser",
        f"pytest {PROCESSES} -k mel",
    ]
    assert clone.make("serve") == ["webapp.runtime", "webapp"]


def test_quick_needs_its_lock_only_and_takes_any_larger_one(clone: Clone) -> None:
    checks = [
        "mypy --cache-dir=.mypy_cache/quick --disable-error-code=import-not-found"
        " --no-warn-unused-ignores",
        SCRIPT_TESTS,
        f"pytest {PROCESSES} -m not full tests/features tests/house tests/inference tests/webapp",
        "ruff check",
        "ruff format --check",
        "tsc --build",
    ]
    done = clone.make("quick")
    assert done[:4] == ["venv", "pip requirements-quick.txt", "npm ci", "webapp.runtime"]
    assert sorted(done[4:]) == checks
    assert sorted(clone.make("quick")) == sorted([*checks, "webapp.runtime"])
    assert clone.make("serve") == ["webapp.runtime", "webapp"]
    assert "pip requirements-dev.txt" in clone.make("lint")
    with (clone.folder / "requirements-quick.txt").open("a") as file:
        file.write("# changed\n")
    assert clone.make("quick")[0] == "pip requirements-quick.txt"


def test_a_failing_check_fails_quick_and_the_others_still_run(clone: Clone) -> None:
    clone.make("quick")
    (clone.folder / "broken style").touch()
    assert any(line.startswith("pytest ") for line in clone.make("quick", status=2))


def test_a_failing_test_of_the_scripts_fails_test_and_quick(clone: Clone) -> None:
    (clone.folder / "broken script").touch()
    assert clone.make("test", status=2)[-1] == SCRIPT_TESTS
    assert SCRIPT_TESTS in clone.make("quick", status=2)


def test_train_demo_installs_everything_and_hands_its_options_on(clone: Clone) -> None:
    assert clone.make("train-demo", "PORT=5050", "FOLDER=my demo") == [
        "venv",
        "pip requirements.txt",
        "npm ci --omit=dev",
        "webapp.runtime",
        "model_training.demo --folder my demo --port 5050",
    ]
    assert clone.make("train-demo") == ["webapp.runtime", "model_training.demo"]


def test_train_demo_needs_nothing_of_the_site_when_it_does_not_serve(clone: Clone) -> None:
    assert clone.make("train-demo", "SERVE=0") == [
        "venv",
        "pip requirements.txt",
        "model_training.demo --no-serve",
    ]


def test_lock_compiles_the_largest_first_and_the_others_from_it(clone: Clone) -> None:
    done = [line for line in clone.make("lock", "UPGRADE=1") if line.startswith("uv ")]
    assert [re.search(r"(\S+) --output-file", line)[1] for line in done] == [  # type: ignore[index]
        "requirements-dev.in",
        "requirements.in",
        "requirements-quick.in",
        "requirements-serve.in",
    ]
    assert ["-c requirements-dev.txt" in line for line in done] == [False, True, True, True]
    for line in done:
        for option in ("--universal", "--generate-hashes", "--no-emit-index-url", "--upgrade"):
            assert option in line


def test_bench_measures_and_installs_its_peers_which_serve_does_without(clone: Clone) -> None:
    done = ["webapp.runtime", "tests.browser.install_browser", "bench"]
    clone.make("serve")
    assert clone.make("bench")[-4:] == ["npm ci --prefix bench", *done]
    assert clone.make("bench") == done
    assert clone.make("serve") == ["webapp.runtime", "webapp"]


def test_audit_needs_the_tools_but_no_browser(clone: Clone) -> None:
    assert clone.make("audit") == ["venv", "pip requirements-dev.txt", "tests.house.audit"]
    assert clone.make("audit") == ["tests.house.audit"]


def test_translations_need_what_the_site_needs(clone: Clone) -> None:
    assert clone.make("translations") == ["venv", "pip requirements-serve.txt", "webapp.catalogs"]


def test_clean_removes_what_was_installed(clone: Clone) -> None:
    before = sorted(path.name for path in clone.folder.iterdir())
    clone.make("serve")
    clone.make("clean")
    assert sorted(path.name for path in clone.folder.iterdir()) == before


def test_help_is_the_default_and_names_every_target(clone: Clone, root: Path) -> None:
    done = subprocess.run(["make"], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    described = set(re.findall(r"^make ([\w-]+)", done.stdout, re.MULTILINE))
    assert described == {
        "serve", "train-demo", "test", "quick", "lint", "bench", "audit", "runtime",
        "translations", "lock", "clean",
    }  # fmt: skip
    rules = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    assert described <= rules


def test_bytecode_is_kept_where_the_environment_wants_none(root: Path, tmp_path: Path) -> None:
    make = shutil.which("make")
    assert make, "make is needed"
    rules = tmp_path / "rules"
    rules.write_text('include Makefile\nshow:\n\t@"$(SHOWN)" -c "$$SHOW"\n')
    done = subprocess.run(
        [make, "--no-print-directory", "-f", str(rules), "show", f"SHOWN={sys.executable}"],
        cwd=root,
        env=os.environ
        | {
            "PYTHONDONTWRITEBYTECODE": "1",
            "SHOW": "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1:] == [f"False {root / '.venv/bytecode'}"], done.stderr
