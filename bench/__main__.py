"""Measure speed and size, each beside its peer in the same run: `python -m bench [part...]`.

Prints a table and writes the same numbers as JSON. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

# Native librosa is compared with one thread in the browser, so it gets one thread, too. numpy reads
# these variables when it is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

# Modules beside this one and what they measure; each has `measure(rounds)`.
PARTS = {
    "page": "the page in Chromium",
    "start": "from an address to a page that is ready, against bare Pyodide with numpy",
    "long": "songs of two hours: memory of the page, time to the first answers and to the whole",
    "queue": "two hundred songs in one queue, not remembered and remembered",
    "excerpts": "two hundred songs in one queue: three excerpts of each against whole songs",
    "listening": "excerpts cut out of files against the same ones of whole songs, by codec",
    "queues": "queues of 1 to 500 short songs: time and memory; what long lists cost the page",
    "among": "fifty songs beside 450 answered ones, against fifty alone",
    "server": "the server's answer against bare LiteRT, the forward pass against Keras",
    "load": "many requests at a time: rate and latency, by wrk",
    "growth": "requests of 1 to 600 segments: time and the worker's memory",
    "container": "the site in a container: size, memory, time to ready",
    "footprint": "the requirements for serving alone: installed size, memory, time to ready",
    "agreement": "Chromium's decoding against librosa's, on songs under free licences",
    "extraction": "songs per second of extract, against librosa's own loop",
    "inversion": "what comes back of songs from their sent numbers, against librosa's way",
    "teaching": "own genres: learning and answering beside scikit-learn, and in Chromium; the map",
    "songs_map": "the map of two thousand songs: time to the picture, and what is felt on it",
    "peers": "extraction in Chromium against essentia.js, Meyda and librosa; 10 s to 2 h of sound",
    "digits": "how many decimals the answers need",
    "failover": "two hosts behind nginx and behind haproxy; one is killed under load",
    "fuzz": "tens of thousands of bad requests: statuses, hangs, memory",
    "slow": "hundreds of slow clients, and good ones beside them",
    "soak": "high load for long: errors, and the memory of the workers",
}


def main() -> int:
    """Run the named parts, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
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
        print(f"\n{name}: {PARTS[name]}", flush=True)
        # Imported here: each part needs libraries of its own.
        part = importlib.import_module(f".{name}", __package__)
        rows: list[dict[str, Any]] = part.measure(options.rounds)
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
