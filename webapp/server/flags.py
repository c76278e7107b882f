"""Facts about a running server that all its processes see: one byte of shared memory each."""

from __future__ import annotations

import mmap

# A worker has been ready at some time.
READY = 0
# The server still answers, but it was told to stop: `/readyz` says so.
DRAINING = 1
# The server takes nothing new.
CLOSING = 2


def shared_flags() -> mmap.mmap:
    """All flags, unset; processes that are forked afterwards share them."""
    return mmap.mmap(-1, 3)
