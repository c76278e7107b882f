"""`make audit` tells an answer of the databases from silence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.house import audit
from tests.house.audit import CLEAN, UNASKED, VULNERABLE, Findings, from_npm, from_pip_audit

FAULT = {"id": "CVE-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}


def pip_output(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
SKIPPED = {"name": "babel", "skip_reason": "Dependency not found on PyPI"}
BAD = {"name": "old", "version": "1.0", "vulns": [FAULT]}


@pytest.mark.parametrize(
    ("output", "errors", "status", "words"),
    [
        (pip_output(GOOD, GOOD), "", CLEAN, "2 of 2 packages asked, no known"),
        (pip_output(GOOD, BAD), "", VULNERABLE, "old 1.0: CVE-2026-1, fixed in 2.0"),
        # pip-audit itself ends with 0 and "No known vulnerabilities found" here
        (pip_output(SKIPPED, SKIPPED), "", UNASKED, "could not be asked (it knows none"),
        (pip_output(GOOD, SKIPPED), "", UNASKED, "not known to the database: babel"),
        (pip_output(BAD, SKIPPED), "", VULNERABLE, "not known to the database: babel"),
        (pip_output(), "", UNASKED, "0 of 0"),
        ("", "Traceback\n  x\nConnectionError: NameResolutionError(x)", UNASKED, "no connection"),
        ("", "ERROR: https://host/x is odd", UNASKED, "(ERROR: ... is odd)"),
        ("", "", UNASKED, "no answer"),
    ],
)
def test_pip_audit(output: str, errors: str, status: int, words: str) -> None:
    found = from_pip_audit(output, errors)
    assert found.status == status
    assert words in "\n".join(found.lines("lock"))


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ({"vulnerabilities": {}}, CLEAN, "7 of 7 packages asked, no known"),
        (
            {"vulnerabilities": {"left": {"range": "<2", "severity": "high"}}},
            VULNERABLE,
            "left <2: high",
        ),
        (
            {"message": "405 Method Not Allowed - POST https://host/bulk", "error": {}},
            UNASKED,
            "could not be asked (405 Method Not Allowed - POST ...).",
        ),
        ({"error": {"code": "ENOAUDIT"}}, UNASKED, "could not be asked"),
    ],
)
def test_npm_audit(answer: dict[str, Any], status: int, words: str) -> None:
    found = from_npm(json.dumps(answer), "", 7)
    assert found.status == status
    assert words in "\n".join(found.lines("npm"))


def test_every_package_of_every_lock_is_asked_about(root: Path) -> None:
    """Those of other systems and Pythons, too: pip-audit leaves out what it would not install."""
    for lock in audit.LOCKS:
        text = (root / lock).read_text()
        bare = audit.without_markers(text)
        assert " ; " in text
        assert " ; " not in bare
        assert bare.count("--hash=") == text.count("--hash=")
        pins = re.findall(r"^\S+==\S+", text, re.MULTILINE)
        assert re.findall(r"^(\S+==\S+) \\$", bare, re.MULTILINE) == pins
    asked: dict[str, list[int]] = {}
    for folder, options in audit.NPM.values():
        lock = json.loads((root / folder / "package-lock.json").read_text())
        asked.setdefault(folder, []).append(audit.npm_packages(lock, options))
    production, everything = asked["."]
    assert 0 < production < everything
    assert asked["bench"] > [0]
    locks = {path.parent.relative_to(root).as_posix() for path in root.glob("*/package-lock.json")}
    assert locks | {"."} == set(asked)


@pytest.mark.parametrize(
    ("statuses", "end", "words"),
    [
        ((CLEAN, CLEAN), CLEAN, ""),
        ((CLEAN, UNASKED), UNASKED, "this is no audit"),
        ((UNASKED, VULNERABLE), VULNERABLE, "Upgrade what is named"),
    ],
)
def test_the_worst_answer_decides(
    statuses: tuple[int, int],
    end: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = {
        CLEAN: Findings(3),
        VULNERABLE: Findings(3, known=["old 1.0: CVE-2026-1"]),
        UNASKED: Findings(silent="no connection to it"),
    }
    python, npm = (made[status] for status in statuses)
    monkeypatch.setattr(audit, "audit_python", lambda _lock: python)
    monkeypatch.setattr(audit, "audit_npm", lambda _folder, _options: npm)
    assert audit.main() == end
    assert words in capsys.readouterr().out


def test_a_missing_program_is_silence_too() -> None:
    output, errors = audit._run(["no-such-program-at-all"])
    assert from_pip_audit(output, errors).status == UNASKED
    assert "cannot be run" in errors
