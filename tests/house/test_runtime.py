"""The browser's runtime: every way in which its wheel can come, fail to come or be wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from webapp import runtime
from webapp.node import NodeError
from webapp.runtime import RuntimeFiles, RuntimeProblem, assemble, verify
from webapp.wheel_sources import PythonPackage, ReleaseFolder, Source

pytestmark = pytest.mark.full

WHEEL = "numpy-1.2.3-cp314-cp314-wasm32.whl"
WHEEL_BYTES = os.urandom(300_000)
ARCHIVE = "numpy-1.2.3.tar"
CORE = {
    "pyodide.mjs": b"export const version = '1'\n",
    "pyodide.asm.mjs": b"export default 1\n",
    "pyodide.asm.wasm": b"\0asm" + bytes(1000),
    "python_stdlib.zip": b"PK" + bytes(500),
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def archive_of(wheel: bytes) -> bytes:
    return b"archive of " + wheel


def repack(wheel: Path, pyodide: Path, target: Path) -> None:
    """Stand for Node, which takes seconds: `test_numpy_archive.py` has the real one."""
    assert (pyodide / "pyodide.mjs").is_file()
    target.write_bytes(archive_of(wheel.read_bytes()))


class Shelf(BaseHTTPRequestHandler):
    """A host that behaves as the first part of the path says."""

    asked: ClassVar[list[str]]
    closing: threading.Event
    package: bytes

    def do_GET(self) -> None:
        self.asked.append(self.path)
        manner = self.path.split("/")[1]
        if manner == "good":
            self._answer(WHEEL_BYTES)
        elif manner == "corrupted":
            self._answer(WHEEL_BYTES[:-1] + bytes([WHEEL_BYTES[-1] ^ 1]))
        elif manner == "truncated":
            self._answer(WHEEL_BYTES[: len(WHEEL_BYTES) // 2], announced=len(WHEEL_BYTES))
        elif manner == "huge":
            self._answer(bytes(1 << 20), times=40)
        elif manner == "garbage":
            self.wfile.write(b"please log in\r\n\r\n")
        elif manner == "cut":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"400\r\nhalf a chunk")
        elif manner == "silent":
            self.closing.wait(20)
        elif manner == "trickling":
            self.send_response(200)
            self.end_headers()
            while not self.closing.wait(0.02):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    break
        elif manner == "index" and self.path.endswith(".whl"):
            self._answer(self.package)
        elif manner == "index":
            link = b'<a href="/index/carrier-1.0-py3-none-any.whl">carrier-1.0-py3-none-any.whl</a>'
            self._answer(link, kind="text/html")
        else:
            self.send_error(404)

    def _answer(
        self,
        body: bytes,
        kind: str = "application/octet-stream",
        announced: int | None = None,
        times: int = 1,
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(announced or len(body) * times))
        self.end_headers()
        try:
            for _ in range(times):
                self.wfile.write(body)
        except OSError:
            pass  # the client has seen enough

    def log_message(self, format: str, *args: object) -> None:
        pass


class Place:
    """The folders of one test, and the host that it downloads from."""

    def __init__(self, tmp_path: Path, url: str, handler: type[Shelf]) -> None:
        self.url = url
        self.handler = handler
        self.pyodide = tmp_path / "node_modules" / "pyodide"
        self.folder = tmp_path / "static" / "runtime"
        self.cache = tmp_path / "cache"
        self.said: list[str] = []
        self.pyodide.mkdir(parents=True)
        lock = {"packages": {"numpy": {"file_name": WHEEL, "sha256": sha256(WHEEL_BYTES)}}}
        core = {**CORE, "pyodide-lock.json": json.dumps(lock).encode()}
        for name, data in core.items():
            (self.pyodide / name).write_bytes(data)
        files = {name: sha256(data) for name, data in core.items()}
        files[ARCHIVE] = sha256(archive_of(WHEEL_BYTES))
        self.listing = RuntimeFiles("0.0.1", "1.2.3", files, WHEEL, sha256(WHEEL_BYTES))

    @property
    def asked(self) -> list[str]:
        return self.handler.asked

    def release(self, manner: str) -> ReleaseFolder:
        return ReleaseFolder(f"{self.url}/{manner}", timeout=0.5, deadline=1.0)

    def package(self, requirement: str = "carrier==1.0") -> PythonPackage:
        options = ("--no-index", "--find-links", f"{self.url}/index/", "--retries", "0")
        return PythonPackage(requirement, "carrier/pyodide", "1 MB", options)

    def assemble(self, *sources: Source, repack: runtime.Repack = repack) -> None:
        say = self.said.append
        assemble(self.folder, self.pyodide, self.cache, sources, self.listing, repack, say)

    def assert_complete(self) -> None:
        assert verify(self.folder, self.listing) == []
        assert sorted(path.name for path in self.folder.iterdir()) == sorted(self.listing.files)
        assert (self.folder / ARCHIVE).read_bytes() == archive_of(WHEEL_BYTES)


def carrier(folder: Path, wheel_bytes: bytes) -> bytes:
    """Make a Python package that carries the wheel, as a wheel of its own."""
    path = folder / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"carrier/pyodide/{WHEEL}", wheel_bytes)
        about = "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\nRequires-Python: <3\n"
        archive.writestr("carrier-1.0.dist-info/METADATA", about)
        archive.writestr("carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("carrier-1.0.dist-info/RECORD", "")
    return path.read_bytes()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    class Handler(Shelf):
        asked: ClassVar[list[str]] = []
        closing = threading.Event()
        package = carrier(tmp_path, WHEEL_BYTES)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Place(tmp_path, f"http://127.0.0.1:{server.server_port}", Handler)
    Handler.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_first_source_gives_the_wheel_and_the_second_is_not_asked(place: Place) -> None:
    place.assemble(place.release("good"), place.package())
    place.assert_complete()
    assert place.asked == [f"/good/{WHEEL}"]
    assert (place.cache / WHEEL).read_bytes() == WHEEL_BYTES


def test_second_time_nothing_is_fetched_or_written(place: Place) -> None:
    place.assemble(place.release("good"))
    before = {path: path.stat().st_mtime_ns for path in place.folder.iterdir()}
    place.said.clear()
    place.assemble()
    assert place.asked == [f"/good/{WHEEL}"]
    assert {path: path.stat().st_mtime_ns for path in place.folder.iterdir()} == before
    assert place.said == ["The browser's Python runtime is in place."]


def test_another_clone_takes_the_wheel_from_the_cache(place: Place) -> None:
    place.assemble(place.release("good"))
    shutil.rmtree(place.folder)
    place.assemble()
    place.assert_complete()
    assert len(place.asked) == 1


def test_damaged_cache_is_noticed_and_fetched_again(place: Place) -> None:
    place.cache.mkdir()
    (place.cache / WHEEL).write_bytes(WHEEL_BYTES[:-1])
    place.assemble(place.release("good"))
    place.assert_complete()
    assert (place.cache / WHEEL).read_bytes() == WHEEL_BYTES
    assert any("damaged" in line for line in place.said)


def test_wheel_put_into_the_cache_by_hand_needs_no_network(place: Place) -> None:
    place.cache.mkdir()
    (place.cache / WHEEL).write_bytes(WHEEL_BYTES)
    place.assemble()
    place.assert_complete()
    assert place.asked == []


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("absent", "HTTP 404"),
        ("corrupted", "sha256 differs"),
        ("truncated", "sha256 differs"),
        ("huge", "far too large"),
        ("garbage", "please log in"),
        ("cut", "IncompleteRead"),
        ("silent", "no answer for 0.5 s"),
        ("trickling", "not finished after 1 s"),
    ],
)
def test_a_bad_first_source_is_named_and_the_second_asked(
    place: Place, manner: str, reason: str
) -> None:
    started = time.monotonic()
    place.assemble(place.release(manner), place.package())
    assert time.monotonic() - started < 15
    place.assert_complete()
    assert any(reason in line for line in place.said)
    assert any(path.endswith(".whl") for path in place.asked if path.startswith("/index/"))


def test_no_source_answers(place: Place) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nobody = ReleaseFolder(f"http://127.0.0.1:{port}/full", timeout=0.5)
    missing = place.package("carrier==9.9")
    with pytest.raises(RuntimeProblem) as caught:
        place.assemble(nobody, missing)
    message = str(caught.value)
    for part in (nobody.base_url, "refused", "carrier==9.9", WHEEL, str(place.cache)):
        assert part in message
    assert place.listing.wheel_sha256 in message
    # a later try finds neither a half archive nor a poisoned cache
    assert not (place.folder / ARCHIVE).exists()
    assert not place.cache.exists()
    place.assemble(place.release("good"))
    place.assert_complete()


def test_package_with_another_wheel_is_refused(place: Place, tmp_path: Path) -> None:
    place.handler.package = carrier(tmp_path, b"something else")
    with pytest.raises(RuntimeProblem, match="sha256 differs"):
        place.assemble(place.package())
    assert not (place.folder / ARCHIVE).exists()


def test_package_without_the_wheel_is_refused(place: Place) -> None:
    source = place.package()
    elsewhere = PythonPackage(source.requirement, "elsewhere", source.size, source.pip_options)
    with pytest.raises(RuntimeProblem, match="does not hold"):
        place.assemble(elsewhere)


def test_other_archive_than_listed_is_refused(place: Place) -> None:
    def other(wheel: Path, pyodide: Path, target: Path) -> None:
        target.write_bytes(b"something else")

    with pytest.raises(RuntimeProblem, match="not the expected file: its sha256 is"):
        place.assemble(place.release("good"), repack=other)
    assert not (place.folder / ARCHIVE).exists()
    place.assemble()
    place.assert_complete()


def test_a_compilation_that_fails_is_told(place: Place) -> None:
    def fail(wheel: Path, pyodide: Path, target: Path) -> None:
        raise NodeError("Node.js does not start: no such file")

    with pytest.raises(RuntimeProblem, match=r"could not be compiled .*: Node\.js does not start"):
        place.assemble(place.release("good"), repack=fail)
    assert not (place.folder / ARCHIVE).exists()


def test_a_good_archive_is_not_made_again(place: Place) -> None:
    place.assemble(place.release("good"))
    (place.folder / "pyodide.mjs").unlink()
    shutil.rmtree(place.cache)
    place.assemble()
    place.assert_complete()
    assert len(place.asked) == 1


def test_tampered_file_is_reported_and_repaired(place: Place) -> None:
    place.assemble(place.release("good"))
    for name in place.listing.files:
        path = place.folder / name
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        assert verify(place.folder, place.listing) == [
            f"{name} is not the expected file (its sha256 differs)"
        ]
        place.assemble()
        place.assert_complete()


def test_missing_files_are_reported(place: Place) -> None:
    assert verify(place.folder, place.listing) == [
        f"{name} is missing" for name in place.listing.files
    ]


def test_files_of_an_earlier_version_are_removed(place: Place) -> None:
    place.folder.mkdir(parents=True)
    (place.folder / "numpy-0.9.whl").write_bytes(b"old")
    place.assemble(place.release("good"))
    place.assert_complete()


def test_other_npm_package_than_listed_is_refused(place: Place) -> None:
    (place.pyodide / "pyodide.mjs").write_bytes(b"export const version = '2'\n")
    with pytest.raises(RuntimeProblem, match=r"pyodide\.mjs is not the file .* `npm ci`"):
        place.assemble(place.release("good"))
    assert not (place.folder / "pyodide.mjs").exists()


def test_wheel_must_be_the_one_of_pyodides_own_lock(place: Place) -> None:
    lock = {"packages": {"numpy": {"file_name": WHEEL, "sha256": "0" * 64}}}
    (place.pyodide / "pyodide-lock.json").write_text(json.dumps(lock))
    with pytest.raises(RuntimeProblem, match="npm ci"):
        place.assemble(place.release("good"))
    assert place.asked == []


def test_without_npm_ci_the_message_says_so(place: Place, tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem, match="run `npm ci` first"):
        assemble(place.folder, tmp_path / "none", place.cache, (), place.listing)


def test_folder_that_cannot_be_written(place: Place) -> None:
    # a file where the folder's parent should be: that stops root, too
    place.folder.parent.parent.mkdir(parents=True, exist_ok=True)
    place.folder.parent.write_text("in the way")
    with pytest.raises(RuntimeProblem, match="cannot be written"):
        place.assemble(place.release("good"))


def test_cache_that_cannot_be_written_costs_nothing_else(place: Place) -> None:
    place.cache.write_text("in the way")
    place.assemble(place.release("good"))
    place.assert_complete()


def test_two_at_once_do_not_disturb_each_other(place: Place) -> None:
    failures: list[Exception] = []

    def work() -> None:
        try:
            place.assemble(place.release("good"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    place.assert_complete()


def listed(files: dict[str, str]) -> str:
    wheel = {"name": "a.whl", "sha256": "0"}
    return json.dumps({"pyodide": "1", "numpy": "1", "wheel": wheel, "files": files})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"pyodide": "1"}',
        '{"pyodide": "1", "numpy": "1", "files": []}',
        '{"pyodide": "1", "numpy": "1", "files": {"numpy-1.tar": "0"}}',
        listed({"a.mjs": "0"}),
        listed({"../a": "0", "numpy-1.tar": "0"}),
    ],
)
def test_damaged_list_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runtime_files.json"
    path.write_text(text)
    with pytest.raises(RuntimeProblem, match="git"):
        RuntimeFiles.load(path)


def test_updating_the_list_makes_the_tracked_one(tmp_path: Path) -> None:
    path = tmp_path / "runtime_files.json"
    runtime.update_list(runtime.PYODIDE_DIR, path)
    assert path.read_bytes() == runtime.LIST_FILE.read_bytes()


def test_tracked_list_goes_with_package_json(root: Path) -> None:
    listing = RuntimeFiles.load()
    package = json.loads((root / "package.json").read_text())
    assert package["dependencies"]["pyodide"] == listing.pyodide
    assert f"numpy-{listing.numpy}-" in listing.wheel
    assert listing.archive in listing.files
    names = [source.name for source in runtime.official_sources(listing)]
    assert f"v{listing.pyodide}/full" in names[0]
    assert "open-webui==0.12.4" in names[1]


def test_real_runtime_is_in_place_and_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    assert verify() == []
    copy = tmp_path / "runtime"
    shutil.copytree(runtime.RUNTIME_DIR, copy)
    for name in RuntimeFiles.load().files:
        with (copy / name).open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)[0]
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last ^ 0x80]))
    assert len(verify(copy)) == len(RuntimeFiles.load().files)


def test_command_needs_nothing_but_python_and_checks_quickly(root: Path) -> None:
    # -S: no site-packages, as on a machine where nothing is installed yet
    command = [sys.executable, "-S", "-m", "webapp.runtime", "--check"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_cache_folder_follows_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert runtime.default_cache_dir() == tmp_path / "musiclassify"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert runtime.default_cache_dir() == tmp_path / ".cache" / "musiclassify"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert runtime.default_cache_dir() == tmp_path / "Local" / "musiclassify"
