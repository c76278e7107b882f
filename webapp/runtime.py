"""Put together the Python runtime that the browser loads: `python -m webapp.runtime`.

The folder `static/runtime/` holds Pyodide's core, which npm installs, and numpy, which npm does
not have: an archive that `numpy_archive.py` makes of its wheel. Every file, and the wheel, must
have the sha256 that the tracked list `webapp/runtime_files.json` names; for the wheel that is also
the one in Pyodide's own lock file. The wheel comes from a per-user cache, else from the first of
its sources that has it.

Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import copies, features_zip, numpy_archive, snapshot
from .node import NodeError
from .wheel_sources import PythonPackage, ReleaseFolder, Source, SourceError

ROOT = Path(__file__).resolve().parent.parent
LIST_FILE = ROOT / "webapp" / "runtime_files.json"
RUNTIME_DIR = ROOT / "static" / "runtime"
PYODIDE_DIR = ROOT / "node_modules" / "pyodide"

Say = Callable[[str], None]
# Makes the archive of a wheel: wheel, folder of Pyodide, archive.
Repack = Callable[[Path, Path, Path], None]


class RuntimeProblem(Exception):
    """The runtime cannot be put together; the text says why and what to do."""


@dataclass(frozen=True)
class RuntimeFiles:
    """The tracked list: versions, files and their sha256; the numpy wheel and its sha256."""

    pyodide: str
    numpy: str
    files: dict[str, str]
    wheel: str
    wheel_sha256: str

    @property
    def archive(self) -> str:
        """File name of the archive that is made of the wheel."""
        return archive_name(self.numpy)

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
            wheel = data["wheel"]
            listing = cls(
                str(data["pyodide"]),
                str(data["numpy"]),
                files,
                str(wheel["name"]),
                str(wheel["sha256"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RuntimeProblem(
                f"{path} cannot be read: {error!r}. Restore it from git."
            ) from error
        plain = all(Path(name).name == name for name in (*files, listing.wheel))
        if not plain or listing.archive not in files:
            raise RuntimeProblem(
                f"{path} must name plain files, one of them {listing.archive}. Restore it from git."
            )
        return listing


def archive_name(numpy: str) -> str:
    """File name of the archive of a version of numpy."""
    return f"numpy-{numpy}.tar"


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


def _write(path: Path, content: bytes) -> None:
    with _replacing(path) as file:
        file.write(content)


def _is(path: Path, digest: str) -> bool:
    """Whether a file is there and has this sha256."""
    try:
        return sha256_of(path) == digest
    except OSError:
        return False


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


def fetch_wheel(
    listing: RuntimeFiles, cache: Path, target: Path, sources: Sequence[Source], say: Say
) -> None:
    """Bring the verified wheel to `target`, from the cache or else from the first good source.

    Raises
    ------
    RuntimeProblem : no source has it.
    """
    wheel, digest = listing.wheel, listing.wheel_sha256
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
    repack: Repack = numpy_archive.make,
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
    repack : makes the archive of the wheel.
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
            if name == listing.archive:
                if not _is(folder / name, digest):
                    _make_archive(listing, folder / name, pyodide, cache, sources, repack, say)
            elif not _copy_verified(pyodide / name, folder / name, digest):
                raise RuntimeProblem(
                    f"{pyodide / name} is not the file of Pyodide {listing.pyodide}: "
                    "run `npm ci` and try again."
                )
        # files of an earlier version; hidden ones may be another run's temporary files
        for path in folder.iterdir():
            names = [*listing.files, snapshot.NAME]
            known = path.name in (*names, snapshot.RECORD_NAME) or copies.is_copy(path.name, names)
            if not known and not path.name.startswith("."):
                path.unlink()
    except OSError as error:
        raise RuntimeProblem(f"{folder} cannot be written: {error}.") from error
    if problems := verify(folder, listing):
        raise RuntimeProblem(f"{folder} changed while it was written: {'; '.join(problems)}.")
    say("The browser's Python runtime is complete.")


def _make_archive(
    listing: RuntimeFiles,
    target: Path,
    pyodide: Path,
    cache: Path | None,
    sources: Sequence[Source] | None,
    repack: Repack,
    say: Say,
) -> str:
    """Make the archive of the verified wheel; return its sha256, which is the listed one if any."""
    with tempfile.TemporaryDirectory(prefix="musiclassify-") as folder:
        wheel, archive = Path(folder) / listing.wheel, Path(folder) / target.name
        fetch_wheel(
            listing,
            cache or default_cache_dir(),
            wheel,
            official_sources(listing) if sources is None else sources,
            say,
        )
        say(f"  {target.name}: compiling it ...")
        try:
            repack(wheel, pyodide, archive)
        except NodeError as error:
            raise RuntimeProblem(
                f"numpy could not be compiled for the browser: {error}."
            ) from error
        digest = sha256_of(archive)
        if listing.files.get(target.name, digest) != digest:
            raise RuntimeProblem(
                f"numpy compiled for the browser is not the expected file: its sha256 is {digest}. "
                "Run `npm ci` and try again."
            )
        _copy_verified(archive, target, digest)
    return digest


def write_snapshot(
    folder: Path = RUNTIME_DIR, listing: RuntimeFiles | None = None, say: Say = print
) -> None:
    """Make the snapshot of a complete `folder`, or say why there is none: the page gets along.

    Raises
    ------
    RuntimeProblem : it cannot be written.
    """
    listing = listing or RuntimeFiles.load()
    try:
        listed, features = listing.files.values(), features_zip.build()
        if snapshot.make(folder, listing.archive, listed, features, _write):
            say("A snapshot of its memory is made: the page starts faster with it.")
    except NodeError as error:
        say(f"The page will start more slowly, as its memory could not be written down: {error}.")
    except OSError as error:
        raise RuntimeProblem(f"{folder} cannot be written: {error}.") from error


def compress(
    folder: Path = RUNTIME_DIR, listing: RuntimeFiles | None = None, say: Say = print
) -> None:
    """Make the missing compressed copies of a complete `folder`.

    Raises
    ------
    RuntimeProblem : they cannot be written.
    """
    names = list((listing or RuntimeFiles.load()).files)
    if (folder / snapshot.NAME).is_file():
        names.append(snapshot.NAME)
    try:
        if copies.make(folder, names, _write):
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
    if found != (listing.wheel, listing.wheel_sha256):
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
    listing = RuntimeFiles(version, numpy["version"], files, numpy["file_name"], numpy["sha256"])
    with tempfile.TemporaryDirectory(prefix="musiclassify-") as folder:
        archive = Path(folder) / listing.archive
        files[archive.name] = _make_archive(
            listing, archive, pyodide, None, None, numpy_archive.make, print
        )
    content = {
        "pyodide": version,
        "numpy": listing.numpy,
        "wheel": {"name": listing.wheel, "sha256": listing.wheel_sha256},
        "files": files,
    }
    text = json.dumps(content, indent=2)
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
            write_snapshot()
            compress()
    except RuntimeProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # as a shell counts Ctrl-C; all files written so far are whole
    return 0


if __name__ == "__main__":
    sys.exit(main())
