"""Find Chromium for the browser tests, or install it: `python -m tests.browser.install_browser`.

It also unpacks nginx and Redis for the tests that need them, where they are missing, and installs
Firefox and WebKitGTK where apt-get may.

The variable MUSICLASSIFY_CHROMIUM names the program to use. The command ends with a sentence and
exit status 2 when there is no browser and none can be installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.webapp import balancers, redis_server

from .engines import installed

VARIABLE = "MUSICLASSIFY_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPS = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
)
MAC_FOLDERS = (Path("/Applications"), Path.home() / "Applications")
ADVICE = f"install Chromium or Chrome, or name its program in {VARIABLE}"


class BrowserMissing(Exception):
    """No browser is installed and none can be; the text says how to get one."""


def find() -> Path | None:
    """Return the program of Chromium or Chrome, or None.

    Raises
    ------
    BrowserMissing : the program that MUSICLASSIFY_CHROMIUM names does not run.
    """
    if named := os.environ.get(VARIABLE):
        if not runs(Path(named)):
            raise BrowserMissing(f"{VARIABLE} names {named}, which does not run.")
        return Path(named)
    on_path = [Path(program) for name in NAMES if (program := shutil.which(name))]
    apps = [folder / app for folder in MAC_FOLDERS for app in MAC_APPS]
    windows = [
        Path(base) / "Google/Chrome/Application/chrome.exe"
        for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        if (base := os.environ.get(name))
    ]
    for path in [*on_path, *apps, *windows]:
        if path.exists() and runs(path):
            return path
    playwrights = playwright_browser()
    return playwrights if playwrights and runs(playwrights) else None


def runs(path: Path) -> bool:
    """Return whether a browser starts: the stub of a snap, for example, exists but does not."""
    if sys.platform == "win32":
        return path.is_file()  # chrome.exe opens a window when it is asked for its version
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def playwright_browser() -> Path | None:
    """Return the program of the Chromium that Playwright has installed, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def install() -> Path:
    """Install Chromium with the system's packages or else with Playwright; return its program.

    Raises
    ------
    BrowserMissing : neither way worked.
    """
    failures = []
    for words, commands in ways():
        print(f"Chromium for the browser tests: {words} ...", flush=True)
        for command in commands:
            done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                failures.append(f"`{' '.join(command)}` ended with {done.returncode}")
                break
        else:
            if browser := find():
                return browser
            failures.append(f"{words} gave no Chromium that runs")
    raise BrowserMissing(f"No browser for the tests ({'; '.join(failures)}): {ADVICE}.")


def ways() -> list[tuple[str, list[list[str]]]]:
    """Return the ways to install Chromium on this computer: a description and commands for each."""
    found = []
    if apt := apt_get():
        commands = [[*apt, "update"], [*apt, "install", "-y", "--no-install-recommends"]]
        commands[1] += ["chromium", "fonts-dejavu-core"]
        found.append(("installing the system's package chromium", commands))
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    found.append(("letting Playwright download it", [playwright]))
    return found


def apt_get() -> list[str] | None:
    """Return the words before a task of apt-get; None where it may not install packages."""
    if not shutil.which("apt-get") or (prefix := becoming_root()) is None:
        return None
    return [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]


def becoming_root() -> list[str] | None:
    """Return the words before a command that run it as root; None when root needs a password."""
    if not hasattr(os, "geteuid"):
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        done = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if done.returncode == 0:
            return ["sudo", "-n"]
    return None


def main() -> int:
    """Run the command line; return its exit status."""
    try:
        path = find() or install()
    except BrowserMissing as problem:
        print(problem, file=sys.stderr)
        return 2
    print(f"Browser for the tests: {path}")
    apt = apt_get()
    update = [*apt, "update"] if apt else None
    balancers.unpack_nginx(update)
    redis_server.unpack_redis(update)
    if apt:
        installed.install(apt)
    return 0


if __name__ == "__main__":
    sys.exit(main())
