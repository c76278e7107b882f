"""The features package as one file: the very scripts that training uses, for the browser's Python.

Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass

from .settings import REPOSITORY

FEATURES = REPOSITORY / "features"


@dataclass(frozen=True)
class FeaturesZip:
    """The package, packed.

    Attributes
    ----------
    content : bytes of the zip.
    digest : sha256 of the scripts, whatever packed them.
    """

    content: bytes
    digest: str


def build() -> FeaturesZip:
    """Zip features/*.py; the same files always give the same bytes."""
    buffer = io.BytesIO()
    digest = hashlib.sha256()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(FEATURES.rglob("*.py")):
            name, content = path.relative_to(FEATURES.parent).as_posix(), path.read_bytes()
            # the fixed date is the earliest that a zip can hold
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return FeaturesZip(buffer.getvalue(), digest.hexdigest())
