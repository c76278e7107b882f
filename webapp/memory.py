"""Memory that was freed: for all threads, and back to the system before and after large requests.

Without this, glibc gives each thread an arena of its own, whose free memory is of no use to others,
and keeps what lies free between things in use. Other C libraries have nothing to set here.
"""

from __future__ import annotations

import ctypes
import functools

# of glibc's malloc.h
M_ARENA_MAX = -8


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


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):
        # on Windows None names no library
        return None
    return library if hasattr(library, "malloc_trim") else None
