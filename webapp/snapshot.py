"""The snapshot of Python's memory from which the browser starts, made by `snapshot.mjs`.

It has numpy and the features package imported, lies beside the runtime and is not tracked: another
computer may make other bytes. Its record has its sha256 and a hash of all that it was made of. The
page starts Python anew where there is no good snapshot, so a missing one is no fault.

Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from . import node
from .features_zip import FeaturesZip

NAME = "python.snapshot"
RECORD_NAME = "snapshot.json"
SCRIPT = Path(__file__).with_suffix(".mjs")
ANALYSIS = Path(__file__).resolve().parent.parent / "static" / "js" / "analysis"
# What decides on its content, beside the listed files of the runtime.
SCRIPTS = (SCRIPT, ANALYSIS / "snapshot.js", ANALYSIS / "tar.js")
# Seconds. It takes three on a slow machine.
TIMEOUT = 300

Write = Callable[[Path, bytes], None]


@dataclass(frozen=True)
class Snapshot:
    """A good snapshot.

    Attributes
    ----------
    sha256 : of the file.
    size : of the file, in bytes.
    table : number of functions in the table of the Python that wrote it.
    """

    sha256: str
    size: int
    table: int


def make(
    folder: Path, archive: str, listed: Iterable[str], features: FeaturesZip, write: Write
) -> bool:
    """Make the snapshot unless there is a good one.

    Parameters
    ----------
    folder : the runtime.
    archive : name of numpy's archive in it.
    listed : sha256 of the runtime's files.
    features : the features package.
    write : writes bytes to a path, all of them or none.

    Returns
    -------
    Whether there was anything to do.

    Raises
    ------
    NodeError : Node.js is missing, or the work fails.
    OSError : a file cannot be written.
    """
    made_of = _made_of(listed, features.digest)
    if _read(folder, made_of):
        return False
    with tempfile.TemporaryDirectory(prefix="musiclassify-") as place:
        target, package = Path(place) / NAME, Path(place) / "features.zip"
        package.write_bytes(features.content)
        paths = (str(SCRIPT), f"{folder.resolve()}/", archive, str(package), str(target))
        told = node.run(*paths, timeout=TIMEOUT)
        try:
            table = int(json.loads(told)["table"])
            content = target.read_bytes()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise node.NodeError(f"Node.js made none: {error}") from error
    write(folder / NAME, content)
    found = Snapshot(hashlib.sha256(content).hexdigest(), len(content), table)
    record = {"of": made_of, **asdict(found)}
    write(folder / RECORD_NAME, json.dumps(record, indent=1).encode() + b"\n")
    return True


def find(folder: Path, listed: Iterable[str], features: str) -> Snapshot | None:
    """The snapshot of a runtime; None unless it is whole and made of these files.

    Parameters
    ----------
    folder : the runtime.
    listed : sha256 of the runtime's files.
    features : digest of the features package.
    """
    try:
        return _read(folder, _made_of(listed, features))
    except OSError:
        return None


def _read(folder: Path, made_of: str) -> Snapshot | None:
    try:
        record = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
        if record.pop("of") != made_of:
            return None
        found = Snapshot(str(record["sha256"]), int(record["size"]), int(record["table"]))
        stat = (folder / NAME).stat()
        same = _sha256(folder / NAME, stat.st_mtime_ns, stat.st_size) == found.sha256
        return found if same else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@functools.lru_cache(maxsize=2)
def _sha256(path: Path, _time: int, _size: int) -> str:
    # a worker that holds all of it at once stays that large
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _made_of(listed: Iterable[str], features: str) -> str:
    scripts = (hashlib.sha256(path.read_bytes()).hexdigest() for path in SCRIPTS)
    parts = [*listed, features, *scripts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
