"""The snapshot of Python's memory: when it is good, when it is made again, and what is in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from webapp import features_zip, runtime, snapshot
from webapp.copies import LIST_NAME
from webapp.node import NodeError
from webapp.runtime import RUNTIME_DIR, RuntimeFiles
from webapp.snapshot import NAME, RECORD_NAME, Snapshot, find, make

pytestmark = pytest.mark.full

LISTED = ("1", "2")
FEATURES = features_zip.build()


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture
def installed(tmp_path: Path) -> tuple[Path, RuntimeFiles]:
    """Return a copy of the installed runtime, and its list."""
    folder = tmp_path / "runtime"
    shutil.copytree(RUNTIME_DIR, folder)
    return folder, RuntimeFiles.load()


def found(folder: Path, listing: RuntimeFiles) -> Snapshot | None:
    return find(folder, listing.files.values(), FEATURES.digest)


def test_the_same_files_give_the_same_snapshot(installed: tuple[Path, RuntimeFiles]) -> None:
    folder, listing = installed
    before = found(folder, listing)
    assert before is not None
    assert not make(folder, listing.archive, listing.files.values(), FEATURES, write)
    (folder / NAME).unlink()
    assert found(folder, listing) is None
    assert make(folder, listing.archive, listing.files.values(), FEATURES, write)
    assert found(folder, listing) == before


def test_nothing_of_this_computer_is_in_it(root: Path) -> None:
    content = (RUNTIME_DIR / NAME).read_bytes()
    for told in (root, Path.home() / ".cache", shutil.which("node")):
        for coding in ("utf-8", "utf-16-le", "utf-32-le"):
            assert str(told).encode(coding) not in content


@pytest.mark.parametrize(
    "text",
    [None, "", "[]", "{}", '{"of": "0"}', '{"of": "0", "sha256": "0", "size": 1, "table": 1}'],
)
def test_a_record_that_is_not_of_these_files_counts_for_nothing(
    installed: tuple[Path, RuntimeFiles], text: str | None
) -> None:
    folder, listing = installed
    record = folder / RECORD_NAME
    record.unlink()
    if text is not None:
        record.write_text(text)
    assert found(folder, listing) is None


def test_another_runtime_needs_another_snapshot(installed: tuple[Path, RuntimeFiles]) -> None:
    folder, listing = installed
    assert find(folder, [*listing.files.values(), "0" * 64], FEATURES.digest) is None


def test_other_features_need_another_snapshot(installed: tuple[Path, RuntimeFiles]) -> None:
    folder, listing = installed
    assert find(folder, listing.files.values(), "0" * 64) is None


def test_a_changed_byte_is_seen(installed: tuple[Path, RuntimeFiles]) -> None:
    folder, listing = installed
    with (folder / NAME).open("r+b") as file:
        file.seek(1 << 20)
        byte = file.read(1)[0]
        file.seek(1 << 20)
        file.write(bytes([byte ^ 1]))
    assert found(folder, listing) is None


def test_a_half_runtime_gives_none_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "pyodide.mjs").write_text("export {};")
    with pytest.raises(NodeError, match=r"pyodide\.asm\.mjs"):
        make(tmp_path, "numpy.tar", LISTED, FEATURES, write)
    assert not (tmp_path / NAME).exists()


def test_without_node_the_installation_goes_on(
    installed: tuple[Path, RuntimeFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, listing = installed
    (folder / RECORD_NAME).unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    runtime.write_snapshot(folder, listing, said.append)
    (line,) = said
    assert line.startswith("The page will start more slowly")
    assert "Node.js does not start" in line


def test_a_slow_node_is_given_up(
    installed: tuple[Path, RuntimeFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, listing = installed
    (folder / RECORD_NAME).unlink()
    monkeypatch.setattr(snapshot, "TIMEOUT", 0.01)
    with pytest.raises(NodeError, match="not finished"):
        make(folder, listing.archive, listing.files.values(), FEATURES, write)


def test_putting_the_runtime_together_leaves_the_snapshot(
    installed: tuple[Path, RuntimeFiles],
) -> None:
    folder, listing = installed
    names = {path.name for path in folder.iterdir()}
    assert {NAME, f"{NAME}.gz", f"{NAME}.br", RECORD_NAME, LIST_NAME} <= names
    (folder / "pyodide.mjs").unlink()
    runtime.assemble(folder, listing=listing)
    assert {path.name for path in folder.iterdir()} == names
    assert found(folder, listing) is not None
