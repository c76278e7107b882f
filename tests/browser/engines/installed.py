"""Firefox and WebKitGTK as they are installed, and how Debian's packages bring them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from .engine import Engine

# Package -> the program of it that is needed, or the library of GStreamer, which decodes for
# WebKitGTK.
PACKAGES = {
    "Firefox": {"firefox-esr": "firefox-esr"},
    "WebKitGTK": {
        "webkit2gtk-driver": "WebKitWebDriver",
        "xvfb": "Xvfb",
        "gstreamer1.0-plugins-base": "libgstogg.so",
        "gstreamer1.0-plugins-good": "libgstisomp4.so",
        "gstreamer1.0-plugins-bad": "libgstopusparse.so",
        "gstreamer1.0-libav": "libgstlibav.so",
    },
}
NAMES = tuple(PACKAGES)
LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


def missing(name: str) -> list[str]:
    """Return the packages that an engine lacks."""
    return [package for package, part in PACKAGES[name].items() if not _found(part)]


def install(apt: list[str]) -> None:
    """Install what the engines lack; what cannot be installed is told when the tests end.

    Parameters
    ----------
    apt : the words before a task of apt-get.
    """
    lacking = {name: packages for name in NAMES if (packages := missing(name))}
    if not lacking:
        return
    subprocess.run([*apt, "update"], check=False)
    for name, packages in lacking.items():
        print(f"{name} for the tests: installing {', '.join(packages)} ...", flush=True)
        command = [*apt, "install", "-y", "--no-install-recommends", *packages]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)


def start(name: str) -> Engine:
    """Start an engine; skip the test where it is not installed; fail where all must be tried."""
    if packages := missing(name):
        said = f"the page in {name} was not tried: install {', '.join(packages)}"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    with warnings.catch_warnings():
        # Of their libraries, about each other and about themselves.
        warnings.simplefilter("ignore")
        return _started(name)


def _started(name: str) -> Engine:
    # Imported here, because their libraries are there only on Linux.
    if name == "Firefox":
        from .firefox import Firefox

        return Firefox(_program("firefox-esr"))
    from .webkit import WebKitGTK

    return WebKitGTK(_program("WebKitWebDriver"))


def _program(name: str) -> str:
    program = shutil.which(name)
    assert program
    return program


def _found(part: str) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    if not part.endswith(".so"):
        return shutil.which(part) is not None
    patterns = (f"gstreamer-1.0/{part}", f"*/gstreamer-1.0/{part}")
    return any(any(Path(folder).glob(pattern)) for folder in LIBRARIES for pattern in patterns)
