"""Node.js, which runs Pyodide's Python at install and packs with Brotli.

Standard library only: this module runs before anything else is installed.
"""

from __future__ import annotations

import subprocess


class NodeError(Exception):
    """Node.js is missing, or its work fails; the text says why."""


def run(*arguments: str, timeout: float, given: bytes = b"") -> bytes:
    """Run Node.js; return what it prints.

    Parameters
    ----------
    timeout : in seconds.
    given : its standard input.

    Raises
    ------
    NodeError : it does not start, is not finished in time, or fails, with the last line of its
        complaint.
    """
    try:
        done = subprocess.run(
            ["node", *arguments], input=given, capture_output=True, timeout=timeout
        )
    except OSError as error:
        raise NodeError(f"Node.js does not start: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise NodeError(f"Node.js was not finished after {timeout} s") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise NodeError(lines[-1] if lines else f"Node.js ended with {done.returncode}")
    return done.stdout
