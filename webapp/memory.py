"""Memory that was freed: for all threads, and back to the system.

It goes back around large requests, and once a minute. Without this, glibc gives each thread an
arena of its own, whose free memory is of no use to others, and keeps what lies free between things
in use. Other C libraries have nothing to set here.
"""

from __future__ import annotations

import ctypes
import functools
import time

# of glibc's malloc.h
M_ARENA_MAX = -8
# Seconds. Small requests leave a few pages between things in use, which add up over hours.
EVERY = 60.0


def share() -> None:
    """Let threads that begin from now on take memory from one arena.

    They would not wait for each other: Python runs one at a time.
    """
    if library := _glibc():
        library.mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """Return free memory to the system; takes some milliseconds."""
    if library := _glibc():
        # 0: keep no room at the end of the heap either
        library.malloc_trim(0)


class Tidying:
    """Gives free memory back from time to time, for a loop that calls `check` often."""

    def __init__(self) -> None:
        self._due = time.monotonic() + EVERY

    def check(self) -> None:
        """Give it back if it is time to."""
        now = time.monotonic()
        if now >= self._due:
            give_back()
            self._due = now + EVERY


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):
        # on Windows None names no library
        return None
    return library if hasattr(library, "malloc_trim") else None
