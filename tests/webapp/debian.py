"""Packages of Debian for tests, unpacked without installing: a service would start at once."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path


def unpack(packages: Sequence[str], folder: Path, update: list[str] | None) -> None:
    """Unpack packages into a folder, all of them or none; nothing is said where apt cannot.

    Parameters
    ----------
    update : the command that brings apt's lists up to date; None where that is not allowed.
    """
    with tempfile.TemporaryDirectory() as place:
        for command in ([], update):
            if command is None or (command and subprocess.run(command, check=False).returncode):
                break
            subprocess.run(
                ["apt-get", "-qq", "download", *packages],
                cwd=place, check=False, capture_output=True,
            )  # fmt: skip
            found = [*Path(place).glob("*.deb")]
            if len(found) == len(packages):
                for package in found:
                    subprocess.run(["dpkg-deb", "-x", package, folder], check=False)
                return
