"""Measure speed and size, side by side with the peer in one run: `python -m tests.bench [part...]`.

Prints a table and writes the same numbers as JSON. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Native librosa is the peer of one thread in the browser, so it gets one thread too; numpy reads
# these when it is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

Rows = list[dict[str, Any]]


def page(rounds: int) -> Rows:
    """The page in Chromium."""
    from . import page as part

    return part.measure(rounds)


def long(rounds: int) -> Rows:
    """Songs of two hours: memory of the page, time to the first answers and to the whole."""
    from . import long as part

    return part.measure()


def queue(rounds: int) -> Rows:
    """Two hundred songs in one queue, not remembered and remembered."""
    from . import queue as part

    return part.measure()


def server(rounds: int) -> Rows:
    """The server's answer against bare LiteRT."""
    from . import server as part

    return part.measure(rounds)


def agreement(rounds: int) -> Rows:
    """Chromium's decoding against librosa's, on songs under free licences."""
    from . import agreement as part

    return part.measure()


def extraction(rounds: int) -> Rows:
    """Songs per second of extract, against librosa's own loop."""
    from . import extraction as part

    return part.measure(rounds)


def inversion(rounds: int) -> Rows:
    """What comes back of songs from their sent numbers, against librosa's way."""
    from . import inversion as part

    return part.measure()


def failover(rounds: int) -> Rows:
    """Two hosts behind nginx and behind haproxy; one is killed under load."""
    from . import failover as part

    return part.measure()


def soak(rounds: int) -> Rows:
    """High load for long: errors, and the memory of the workers."""
    from . import soak as part

    return part.measure(part.default_minutes())


PARTS: dict[str, Callable[[int], Rows]] = {
    "page": page,
    "long": long,
    "queue": queue,
    "server": server,
    "agreement": agreement,
    "extraction": extraction,
    "inversion": inversion,
    "failover": failover,
    "soak": soak,
}


def main() -> int:
    """Run the parts that were asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of: {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=7, help="medians are of this many (7)")
    parser.add_argument("--out", type=Path, default=Path("test-results/bench.json"))
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        print(f"error: no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        return 2
    if options.rounds < 1:
        print("error: --rounds must be at least 1")
        return 2
    report: dict[str, Any] = {
        "machine": {
            "system": platform.system(),
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
        },
        "rounds": options.rounds,
        "parts": {},
    }
    for name in options.parts or PARTS:
        print(f"\n{name}: {PARTS[name].__doc__}", flush=True)
        rows = PARTS[name](options.rounds)
        report["parts"][name] = rows
        width = max((len(row["what"]) for row in rows), default=0)
        for row in rows:
            print(f"  {row['what']:<{width}}  {row['value']:>10} {row['unit']}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
