"""Memory that was freed goes back to the system, where the C library can do that."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import time

import pytest

from tests.webapp.running import ROOT
from webapp import memory

# Small pieces, of which the last of all stays: by itself glibc keeps what is below it.
PROGRAM = """
import ctypes
from pathlib import Path
from webapp import memory

def resident():
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024

memory.share()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
pieces = [libc.malloc(ctypes.c_size_t(64 * 1024)) for _ in range(1000)]
for piece in pieces:
    ctypes.memset(piece, 1, 64 * 1024)
full = resident()
for piece in pieces[:-1]:
    libc.free(piece)
freed = resident()
memory.give_back()
print(full - freed, full - resident())
"""


@pytest.mark.skipif(memory._glibc() is None, reason="glibc alone has malloc_trim")
def test_free_memory_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    by_itself, given_back = map(float, done.stdout.split())
    assert by_itself < 10
    assert given_back > 50


@pytest.mark.parametrize("fault", [OSError, TypeError, None])
def test_other_libraries_are_left_alone(
    fault: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_name: None) -> object:
        if fault:
            raise fault
        return object()

    memory._glibc.cache_clear()
    monkeypatch.setattr(ctypes, "CDLL", load)
    try:
        assert memory._glibc() is None
        memory.give_back()
        memory.share()
    finally:
        memory._glibc.cache_clear()


def test_free_memory_goes_back_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now, given_back = [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(memory, "give_back", lambda: given_back.append(now[0]))
    tidying = memory.Tidying()
    for second in range(150):
        now[0] = 1000.0 + second
        tidying.check()
    assert given_back == [1060.0, 1120.0]
