"""`make audit`: asks the databases of known vulnerabilities about every pinned package.

pip-audit says "no known vulnerabilities" of packages that it could not ask about, too. Here the
exit status is 0 only if all were asked about and none is known to be vulnerable. It is 1 when one
is, and 2 when a database did not answer for all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements-serve.txt", "requirements.txt", "requirements-dev.txt")
# asked in this order, until one knows the packages
SERVICES = ("pypi", "osv")
# name in the output -> folder of the npm lock, options of `npm audit`
NPM = {
    "npm, what the site loads": (".", ["--omit=dev"]),
    "npm, with development": (".", []),
    "npm, what the benchmark compares with": ("bench", []),
}
SECONDS = 300
CLEAN, VULNERABLE, UNASKED = 0, 1, 2


@dataclasses.dataclass
class Findings:
    """The answer of a database.

    Attributes
    ----------
    packages : how many it was asked about.
    known : one line for each known vulnerability.
    unasked : names of packages that it does not know.
    silent : why it did not answer at all; empty if it did.
    """

    packages: int = 0
    known: list[str] = dataclasses.field(default_factory=list)
    unasked: list[str] = dataclasses.field(default_factory=list)
    silent: str = ""

    @property
    def status(self) -> int:
        """The exit status that follows."""
        if self.known:
            return VULNERABLE
        return UNASKED if self.silent or self.unasked or not self.packages else CLEAN

    def lines(self, what: str) -> list[str]:
        """The findings in words; `what` was looked at."""
        if self.silent:
            return [f"{what}: the database of vulnerabilities could not be asked ({self.silent})."]
        asked = self.packages - len(self.unasked)
        found = len(self.known) or "no"
        told = [
            f"{what}: {asked} of {self.packages} packages asked, {found} known vulnerabilities."
        ]
        if self.unasked:
            told.append(f"  not known to the database: {', '.join(self.unasked)}")
        return told + [f"  {line}" for line in self.known]


def without_markers(lock: str) -> str:
    """Remove the markers: pip-audit leaves out packages that this system would not install."""
    return re.sub(r"^(\S+==\S+) ; .*? \\$", r"\1 \\", lock, flags=re.MULTILINE)


def from_pip_audit(output: str, errors: str) -> Findings:
    """Read what `pip-audit --format json` wrote."""
    try:
        dependencies = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Findings(silent=_last_line(errors))
    found = Findings(packages=len(dependencies))
    for package in dependencies:
        if "skip_reason" in package:
            found.unasked.append(package["name"])
        for fault in package.get("vulns", []):
            fixed = ", ".join(fault.get("fix_versions", [])) or "no version yet"
            found.known.append(
                f"{package['name']} {package['version']}: {fault['id']}, fixed in {fixed}"
            )
    if found.packages and len(found.unasked) == found.packages:
        return Findings(silent="it knows none of the packages")
    return found


def from_npm(output: str, errors: str, packages: int) -> Findings:
    """Read what `npm audit --json` wrote."""
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        return Findings(silent=_last_line(errors))
    if "vulnerabilities" not in answer:
        reason = str(answer.get("message") or answer.get("error") or "no answer")
        # without the address that was asked
        return Findings(silent=re.sub(r"https?://\S+", "...", reason).splitlines()[0])
    found = Findings(packages=packages)
    for name, fault in sorted(answer["vulnerabilities"].items()):
        found.known.append(f"{name} {fault.get('range', '')}: {fault.get('severity', 'unknown')}")
    return found


def npm_packages(lock: Mapping[str, Any], options: Sequence[str]) -> int:
    """How many packages of the npm lock are looked at."""
    entries = [entry for name, entry in lock["packages"].items() if name]
    return sum(not (options and entry.get("dev")) for entry in entries)


def _last_line(errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    said = lines[-1] if lines else "no answer"
    if "NameResolutionError" in said or "ConnectionError" in said or "ConnectTimeout" in said:
        return "no connection to it"
    return re.sub(r"https?://\S+", "...", said)[:200]


def _run(command: Sequence[str], folder: str = ".") -> tuple[str, str]:
    try:
        done = subprocess.run(
            command, cwd=ROOT / folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {SECONDS} s"
    except OSError as error:
        return "", f"{command[0]} cannot be run: {error.strerror}"
    return done.stdout, done.stderr


def audit_python(lock: str) -> Findings:
    """Ask about every package of a lock."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / lock
        path.write_text(without_markers(text), encoding="utf-8")
        silent = []
        for service in SERVICES:
            options = ["--require-hashes", "--disable-pip", "--format", "json"]
            options += ["--progress-spinner", "off", "--vulnerability-service", service]
            command = [sys.executable, "-m", "pip_audit", "-r", str(path), *options]
            found = from_pip_audit(*_run(command))
            if not found.silent:
                return found
            silent.append(f"{service}: {found.silent}")
    return Findings(silent="; ".join(silent))


def audit_npm(folder: str, options: Sequence[str]) -> Findings:
    """Ask about every package of the npm lock in a folder."""
    lock = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf-8"))
    command = [shutil.which("npm") or "npm", "audit", "--package-lock-only", "--json", *options]
    return from_npm(*_run(command, folder), npm_packages(lock, options))


def main() -> int:
    """Ask about all; returns the exit status."""
    asked: list[tuple[str, Callable[[], Findings]]] = [
        *((lock, functools.partial(audit_python, lock)) for lock in LOCKS),
        *((name, functools.partial(audit_npm, *where)) for name, where in NPM.items()),
    ]
    statuses = set()
    for what, ask in asked:
        found = ask()
        statuses.add(found.status)
        print("\n".join(found.lines(what)), flush=True)
    if VULNERABLE in statuses:
        print("Upgrade what is named, or say in docs/security.md why it does no harm here.")
        return VULNERABLE
    if UNASKED in statuses:
        print("Not everything could be asked about: this is no audit. Try again elsewhere.")
        return UNASKED
    return CLEAN


if __name__ == "__main__":
    sys.exit(main())
