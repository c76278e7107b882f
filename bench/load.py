"""Many requests at a time: rate, latency and failures, by wrk on loopback.

wrk keeps some connections open and sends the next request on each as soon as the last is answered.
It runs on the same processors as the server, which would be a little faster alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.site import HOST

from .client import body_of
from .setting import point_row, row, running_site

SCRIPT = Path(__file__).with_name("post.lua")
VERSION = "v9"
WORKERS = (1, 2)
CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)
SECONDS = 4
WARM_UP_SECONDS = 1
MISSING = "not measured: wrk is missing; install the system's package wrk (apt-get install wrk)"


def wrk(url: str, body: Path, connections: int, seconds: int) -> dict[str, Any]:
    """Figures of wrk for some connections and seconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", str(SCRIPT), url, "--", str(body)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    if shutil.which("wrk") is None:
        return [row("load", MISSING, "")]
    rows = []
    x = "requests at a time"
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "request.json"
        body.write_bytes(body_of(VERSION))
        for workers in WORKERS:
            series = f"{VERSION}, {workers} worker{'s' if workers > 1 else ''}"
            failed = 0
            with running_site(MODEL=VERSION, WORKERS=workers) as site:
                url = f"http://{HOST}:{site.port}/api/v1/models/{VERSION}/predictions"
                wrk(url, body, 4 * workers, WARM_UP_SECONDS)
                for connections in CONNECTIONS:
                    found = wrk(url, body, connections, SECONDS)
                    rate = found["requests"] / found["seconds"]
                    failed += found["failed"]
                    rows.append(point_row(series, x, connections, rate, "requests/s", 1))
                    for part in ("p50", "p99"):
                        milliseconds = found[f"{part}_ms"]
                        rows.append(
                            point_row(f"{series}, {part}", x, connections, milliseconds, "ms", 1)
                        )
            rows.append(row(f"{series}: failed requests in all", failed, "", 0))
    return rows
