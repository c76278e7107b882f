"""Compressed copies of the large files that the browser loads, made together with the runtime.

Brotli at its better levels takes seconds for Pyodide's WebAssembly: too long while a visitor waits.
The checksums in `compressed.json` beside the copies tell good ones from those of other versions.
Without a good copy a file is served as it is.

Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from . import node

LIST_NAME = "compressed.json"
# HTTP's name of each coding and the ending of its copies, the best coding first.
ENDINGS = {"br": ".br", "gzip": ".gz"}
# Compressed already: unpacking would cost more than it saves.
LEAVE = (".zip",)
# Python has no Brotli of its own; Node.js is there anyway, for npm. Level 11 would save a tenth
# more and take ten times as long.
BROTLI = """
const zlib = require('zlib');
const read = [];
process.stdin.on('data', (chunk) => read.push(chunk)).on('end', () => {
  const content = Buffer.concat(read);
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = zlib.constants;
  process.stdout.write(zlib.brotliCompressSync(content, { params: {
    [BROTLI_PARAM_QUALITY]: 9, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: content.length,
  } }));
});
"""

Write = Callable[[Path, bytes], None]


def brotli(content: bytes) -> bytes | None:
    """Compress with Node.js; None where that is missing or fails."""
    try:
        return node.run("-e", BROTLI, timeout=120, given=content) or None
    except node.NodeError:
        return None


def is_copy(name: str, names: list[str]) -> bool:
    """Whether a file is a copy of one of `names`, or the list of copies."""
    return name == LIST_NAME or any(
        name.endswith(end) and name.removesuffix(end) in names for end in ENDINGS.values()
    )


def make(folder: Path, names: list[str], write: Write) -> bool:
    """Make the copies of files in `folder` that are missing.

    Parameters
    ----------
    folder : where the files are, and the copies will be.
    names : the files.
    write : writes bytes to a path, all of them or none.

    Returns
    -------
    Whether there was anything to do.

    Raises
    ------
    OSError : a file cannot be read or written.
    """
    known = _read(folder)
    made: dict[str, dict[str, str]] = {}
    done = False
    for name in names:
        if name.endswith(LEAVE):
            continue
        content = (folder / name).read_bytes()
        digest = _sha256(content)
        entry = known.get(name, {})
        if entry.get("of") != digest or any(
            coding in entry and not _is(folder / (name + end), entry[coding])
            for coding, end in ENDINGS.items()
        ):
            done = True
            entry = {"of": digest}
            for coding, compress in (("gzip", _gzip), ("br", brotli)):
                packed = compress(content)
                if packed is not None and len(packed) < len(content):
                    write(folder / (name + ENDINGS[coding]), packed)
                    entry[coding] = _sha256(packed)
        made[name] = entry
    if not done and made == known:
        return False
    write(folder / LIST_NAME, json.dumps(made, indent=1).encode() + b"\n")
    find.cache_clear()
    return True


@functools.cache
def find(path: Path, digest: str) -> dict[str, Path]:
    """Good copies of a file, by their coding, the best first.

    Parameters
    ----------
    path : the file.
    digest : hex sha256 that it has.
    """
    entry = _read(path.parent).get(path.name, {})
    if entry.get("of") != digest:
        return {}
    copies = {coding: path.with_name(path.name + end) for coding, end in ENDINGS.items()}
    return {
        coding: copy
        for coding, copy in copies.items()
        if coding in entry and _is(copy, entry[coding])
    }


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _is(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(folder: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads((folder / LIST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: entry for name, entry in found.items() if isinstance(entry, dict)}
