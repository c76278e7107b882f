"""The archive of numpy that the browser loads: what is in it, and who can read it."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from webapp import numpy_archive
from webapp.node import NodeError
from webapp.numpy_archive import MODULES, make, repack
from webapp.runtime import PYODIDE_DIR, RUNTIME_DIR, RuntimeFiles

pytestmark = pytest.mark.full

# Names and sizes of the files that the page's script finds.
READ = """
import { readFileSync } from 'node:fs';
const [script, archive] = process.argv.slice(1);
const { filesOf } = await import(script);
const files = [...filesOf(new Uint8Array(readFileSync(archive)))];
console.log(JSON.stringify(files.map(({ name, content }) => [name, content.length])));
"""


def served() -> Path:
    return RUNTIME_DIR / RuntimeFiles.load().archive


def small_wheel(**sources: str) -> bytes:
    """Make a wheel of all listed modules, empty where nothing else is given."""
    modules = MODULES.split()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        for name in modules:
            package = any(other.startswith(f"{name}.") for other in modules)
            path = name.replace(".", "/")
            source = sources.get(name.replace(".", "_"), "")
            wheel.writestr(f"{path}/__init__.py" if package else f"{path}.py", source)
        wheel.writestr("numpy/tests/test_all.py", "syntax error")
        wheel.writestr("numpy-1.dist-info/licenses/LICENSE.txt", "do what you like")
        wheel.writestr("numpy-1.dist-info/METADATA", "Name: numpy")
        wheel.writestr("numpy-1.dist-info/RECORD", "")
    return buffer.getvalue()


def test_the_archive_holds_bytecode_libraries_and_licences_only() -> None:
    with tarfile.open(served()) as archive:
        entries = archive.getmembers()
    names = [entry.name for entry in entries]
    libraries = {Path(name).suffix for name in names if not name.startswith("numpy/licenses/")}
    assert libraries == {".pyc", ".so"}
    assert {(entry.mtime, entry.uid, entry.gid, entry.mode) for entry in entries} == {
        (0, 0, 0, 0o644)
    }
    assert len([name for name in names if "/licenses/" in name]) >= 15
    assert not [name for name in names if "/tests/" in name or "f2py" in name]
    # longer ones take two fields, and the page's script reads one
    assert max(map(len, names)) <= 100


def test_the_page_reads_the_archive_as_tarfile_does(root: Path) -> None:
    script = root / "static" / "js" / "analysis" / "tar.js"
    command = ["node", "--input-type=module", "-e", READ, str(script), str(served())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    with tarfile.open(served()) as archive:
        assert json.loads(done.stdout) == [[entry.name, entry.size] for entry in archive]


def test_the_same_wheel_gives_the_same_archive() -> None:
    wheel = small_wheel(numpy_version="KINDS = {'a', 'b', 'c', 'd'}\n")
    assert repack(wheel) == repack(wheel)
    with tarfile.open(fileobj=io.BytesIO(repack(wheel))) as archive:
        names = archive.getnames()
    assert "numpy/version.pyc" in names
    assert "numpy/ma/__init__.pyc" in names
    assert "numpy/licenses/LICENSE.txt" in names
    assert not [name for name in names if "RECORD" in name or "tests" in name]


def test_a_wheel_without_a_listed_module_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("numpy/__init__.py", "")
    with pytest.raises(KeyError, match="numpy"):
        repack(buffer.getvalue())


def test_pyodide_compiles_and_says_what_is_wrong(tmp_path: Path) -> None:
    wheel, target = tmp_path / "numpy.whl", tmp_path / "numpy.tar"
    wheel.write_bytes(small_wheel(numpy_version="def broken(:\n"))
    with pytest.raises(NodeError, match="SyntaxError"):
        make(wheel, PYODIDE_DIR, target)
    assert not target.exists()
    wheel.write_bytes(small_wheel())
    make(wheel, PYODIDE_DIR, target)
    with tarfile.open(target) as archive:
        assert "numpy/version.pyc" in archive.getnames()


def test_without_node_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeError, match=r"Node\.js does not start"):
        make(tmp_path / "numpy.whl", PYODIDE_DIR, tmp_path / "numpy.tar")


def test_a_slow_node_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_archive, "TIMEOUT", 0.01)
    with pytest.raises(NodeError, match="not finished"):
        make(tmp_path / "numpy.whl", PYODIDE_DIR, tmp_path / "numpy.tar")
