"""Libraries that the page loads, served from their npm packages.

Their addresses begin with `/static/vendor/`. A file is served only while its sha256 is the one that
stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .runtime import ROOT, sha256_of

NODE_MODULES = ROOT / "node_modules"


@dataclass(frozen=True)
class Script:
    """A file of an npm package.

    Attributes
    ----------
    path : inside node_modules.
    sha256 : hex digest of its content.
    """

    path: str
    sha256: str

    @property
    def file(self) -> Path:
        """Path of the file."""
        return NODE_MODULES / self.path


# Files by the names under which they are served. An update in package.json needs new digests here.
SCRIPTS = {
    "mediabunny.js": Script(
        "mediabunny/dist/bundles/mediabunny.min.mjs",
        "fa696c53494b6b09a8b310ec51e3c44a59e79513234fb832255a38c686162009",
    ),
    "wavesurfer.js": Script(
        "wavesurfer.js/dist/wavesurfer.esm.js",
        "079f3b142f37737f975b03ea8fd18652a316dc2120a2629aeca0844a0c08f2b1",
    ),
    "wavesurfer-regions.js": Script(
        "wavesurfer.js/dist/plugins/regions.esm.js",
        "f3b9a81f56d0301affbeb5693dc9c43527efd6e97e534f17329192a7ce7fc4d4",
    ),
}


def problems() -> list[str]:
    """One sentence for each script that is missing or differs; empty when all is well."""
    found = []
    for script in SCRIPTS.values():
        try:
            if sha256_of(script.file) != script.sha256:
                found.append(f"{script.path} is not the expected file (its sha256 differs)")
        except OSError:
            found.append(f"{script.path} is missing")
    return found
