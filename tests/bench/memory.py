"""What the system says of the memory of Chromium's processes; on Linux only."""

from __future__ import annotations

import os
import re
from pathlib import Path


def children(parent: int) -> list[int]:
    """All processes below one."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        below.setdefault(int(fields[1]), []).append(int(folder.name))
    found = []
    left = [parent]
    while left:
        more = below.get(left.pop(), [])
        found += more
        left += more
    return found


def most_memory(kind: str) -> float:
    """MB that the largest process of a kind took at most; "browser" is the one above all."""
    most = 0.0
    for pid in children(os.getpid()):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        # The others tell their kind.
        found = re.search(r"--type=([\w-]+)", command)
        is_browser = "--user-data-dir" in command and not found
        if found[1] == kind if found else is_browser and kind == "browser":
            most = max(most, int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6)
    return most
