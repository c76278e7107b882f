"""Memory of Chromium's processes, as Linux tells it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.webapp.running import children


def most_memory(kind: str) -> float:
    """Most MB that the largest process of a kind had at a time; "browser" is their parent."""
    most = 0.0
    for pid in children(os.getpid()):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        # The command line of every process but the parent has its kind.
        found = re.search(r"--type=([\w-]+)", command)
        is_browser = "--user-data-dir" in command and not found
        if found[1] == kind if found else is_browser and kind == "browser":
            most = max(most, int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)
    return most
