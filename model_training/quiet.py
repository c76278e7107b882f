"""Keep the noise of TensorFlow, LiteRT and libsndfile out of the terminal.

Their libraries write straight to file descriptor 2, some before any setting of theirs is read. So
a second process, which runs this file, reads what is written there, by child processes too, and
passes everything on but noise. It outlives a crash, so no last word is lost. Python's own
`sys.stderr` bypasses it.

Only the standard library: as a process of its own this file starts in a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

# A user who sets this variable has chosen the messages: then nothing is filtered.
LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ERRORS_ONLY = "2"

# Lines that tell nothing about the work that is done. Errors stay, but for those that every
# machine without a GPU gets.
NOISE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|[IW]\d{4} [\d:.]+ +\d+ \S+:\d+\] "
    rb"|\d{4}-\d\d-\d\d [\d:.]+: [IW] "
    rb"|To enable the following instructions: "
    rb"|INFO: Created TensorFlow Lite "
    rb"|Warning: Xing stream size off "
    rb"|E\d{4} [\d:.]+ +\d+ cuda\S+\] (?:failed call to cuInit: .*(?:\(303\)|CUDA_ERROR_NO_DEVICE)"
    rb"|Unable to register cu\w+ factory)"
)
# First bytes of noise: a line that begins with any other is passed on at once, even unfinished.
FIRST = b"WITE0123456789"

# Longest wait for the last lines: a child process may still hold the descriptor.
WAIT_S = 2.0


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Filter what native code and child processes write to standard error during the block."""
    if LEVEL in os.environ:
        yield
        return
    os.environ[LEVEL] = ERRORS_ONLY
    try:
        terminal = os.dup(2)
    except OSError:  # closed
        yield
        return
    command = [sys.executable, "-S", "-E", __file__]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=terminal)
    assert watcher.stdin is not None
    os.dup2(watcher.stdin.fileno(), 2)
    watcher.stdin.close()
    before = sys.stderr
    sys.stderr = open(  # noqa: SIM115
        terminal, "w", buffering=1, encoding=before.encoding, errors=before.errors, closefd=False
    )
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stderr = before
        os.dup2(terminal, 2)
        os.close(terminal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            watcher.wait(WAIT_S)


def main() -> None:
    """Copy standard input to standard output, without the lines that are noise."""
    # Ctrl-C ends the command; its last lines still have to pass.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):
        rest = b""
        while chunk := os.read(0, 65536):
            *lines, rest = (rest + chunk).split(b"\n")
            passed = [line + b"\n" for line in lines if not NOISE.match(line)]
            if rest and rest[0] not in FIRST:
                passed.append(rest)
                rest = b""
            _write(b"".join(passed))
        if not NOISE.match(rest):
            _write(rest)


def _write(content: bytes) -> None:
    while content:
        content = content[os.write(1, content) :]


if __name__ == "__main__":
    main()
