"""The real server under high load for long: requests, errors, memory of the workers.

`python -m bench soak` takes 30 minutes, or SOAK_MINUTES; `python -m bench.soak --minutes 5` prints
the same rows. All traffic stays on this computer.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from features import build_request
from tests.browser import sounds
from tests.browser.site import HOST, Site
from tests.webapp.running import children
from webapp.inference import Registry

from .setting import ROOT, SONG_S, point_row, row, running_site

VERSIONS = ("v9", "v1")
EVERY_S = 10.0
WORKERS = 2
POINTS = 30
# Of these the medians of each minute are fitted, after all caches have filled.
LAST_MINUTES = 40


class Sample(NamedTuple):
    """State of one worker: memory in MB, open files, threads."""

    rss: float
    pss: float
    files: int
    threads: int


class Load:
    """Clients in threads until `stop` is set; counts what they saw."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.stop = threading.Event()
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        # seconds by kind of request
        self.longest: dict[str, float] = {}
        self.lock = threading.Lock()
        cards = Registry.load(ROOT / "trained_models").cards
        self.bodies = {
            version: build_request(
                sounds.band(SONG_S, cards[version].spec.sample_rate), cards[version].spec
            ).body.encode()
            for version in VERSIONS
        }
        self.answers = {version: self._first(version) for version in VERSIONS}

    def _first(self, version: str) -> bytes:
        with contextlib.closing(self.connect()) as connection:
            status, answer = self.post(connection, version, self.bodies[version])
        assert status == 200, answer
        return answer

    def connect(self) -> http.client.HTTPConnection:
        """A new connection."""
        return http.client.HTTPConnection(HOST, self.site.port, timeout=60)

    def post(
        self, connection: http.client.HTTPConnection, version: str, body: bytes
    ) -> tuple[int, bytes]:
        """Ask for a prediction."""
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"/api/v1/models/{version}/predictions", body, headers)
        response = connection.getresponse()
        return response.status, response.read()

    def count(self, kind: str, error: str | None = None, since: float | None = None) -> None:
        """Count a finished request; `error` tells what was wrong with it, if anything."""
        took = 0.0 if since is None else time.monotonic() - since
        with self.lock:
            self.counts[kind] += 1
            self.longest[kind] = max(took, self.longest.get(kind, 0.0))
            if error:
                self.errors[f"{kind}: {error}"] += 1

    def valid(self, connection: http.client.HTTPConnection, version: str, kind: str) -> None:
        """Send a whole song; its answer must be that of the first time."""
        begun = time.monotonic()
        status, answer = self.post(connection, version, self.bodies[version])
        right = status == 200 and answer == self.answers[version]
        self.count(kind, None if right else f"status {status}", begun)

    def kept(self) -> Iterator[None]:
        """Send songs to both versions in turn on one connection."""
        with contextlib.closing(self.connect()) as connection:
            for version in itertools.cycle(VERSIONS):
                self.valid(connection, version, "songs, kept connection")
                yield

    def fresh(self) -> Iterator[None]:
        """Send songs, each on a new connection."""
        for version in itertools.cycle(VERSIONS):
            with contextlib.closing(self.connect()) as connection:
                self.valid(connection, version, "songs, new connection")
            yield

    def wrong(self) -> Iterator[None]:
        """Send bad requests, and ask for pages between them."""
        good = self.bodies["v9"]
        posts: list[tuple[str, bytes, int]] = [
            ("v9", good[: len(good) // 2], 400),
            ("v9", b"[" * 100_000, 400),
            ("v9", good.replace(b"[[", b"[[NaN,", 1), 400),
            ("v9", b'{"feature_spec": "other", "segments": []}', 422),
            ("v1", b"{}", 422),
            ("v0", good, 404),
        ]
        gets = ["/", "/models/v9", "/nothing", "/metrics", "/api/openapi.json", "/healthz"]
        for (version, body, expected), path in zip(
            itertools.cycle(posts), itertools.cycle(gets), strict=False
        ):
            with contextlib.closing(self.connect()) as connection:
                begun = time.monotonic()
                status, _ = self.post(connection, version, body)
                error = None if status == expected else f"{expected} is {status}"
                self.count("refused", error, begun)
                begun = time.monotonic()
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                right = response.status == (404 if path == "/nothing" else 200)
                self.count("pages", None if right else f"status {response.status}", begun)
            yield

    def aborted(self) -> Iterator[None]:
        """Leave in the middle of a request, or before its answer."""
        body = self.bodies["v1"]
        head = self._head(len(body))
        for part in itertools.cycle((len(body) // 3, len(body), 0)):
            with socket.create_connection((HOST, self.site.port), timeout=60) as connection:
                connection.sendall(head + body[:part])
            self.count("aborted")
            # without a pause these would be nearly all of the load
            time.sleep(0.2)
            yield

    def slow(self) -> Iterator[None]:
        """Send songs that take some seconds to arrive."""
        body = self.bodies["v9"]
        step = len(body) // 40 + 1
        while True:
            with socket.create_connection((HOST, self.site.port), timeout=60) as connection:
                connection.sendall(self._head(len(body)))
                for start in range(0, len(body), step):
                    connection.sendall(body[start : start + step])
                    time.sleep(0.05)
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                right = answer.status == 200 and answer.read() == self.answers["v9"]
                self.count("slow", None if right else f"status {answer.status}")
            yield

    def _head(self, length: int) -> bytes:
        return (
            "POST /api/v1/models/v9/predictions HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n"
        ).encode()

    def run(self, client: Callable[[], Iterator[None]]) -> None:
        """Run a kind of client until the end, also after errors."""
        while not self.stop.is_set():
            try:
                for _ in client():
                    if self.stop.is_set():
                        return
            except (OSError, http.client.HTTPException) as error:
                self.count(client.__name__, type(error).__name__)


def look(pid: int) -> Sample:
    """A worker's memory in MB, its open files and its threads."""
    folder = Path(f"/proc/{pid}")
    rollup = dict(
        line.split(":", 1) for line in (folder / "smaps_rollup").read_text().splitlines()[1:]
    )
    return Sample(
        rss=int(rollup["Rss"].split()[0]) * 1024 / 1e6,
        pss=int(rollup["Pss"].split()[0]) * 1024 / 1e6,
        files=len(list((folder / "fd").iterdir())),
        threads=len(list((folder / "task").iterdir())),
    )


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    return soak(default_minutes())


def soak(minutes: float) -> list[dict[str, Any]]:
    """Rows of so many minutes."""
    with running_site(WORKERS=WORKERS, THREADS=4) as site:
        load = Load(site)
        workers = _workers(site)
        clients = [load.kept] * 4 + [load.fresh, load.wrong, load.aborted] + [load.slow] * 2
        threads = [threading.Thread(target=load.run, args=(client,)) for client in clients]
        samples: list[tuple[float, int, dict[int, Sample]]] = []
        started = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            while (passed := time.monotonic() - started) < minutes * 60:
                time.sleep(min(EVERY_S, max(0.0, minutes * 60 - passed)))
                seen = {
                    pid: look(pid) for pid in workers if Path(f"/proc/{pid}/smaps_rollup").exists()
                }
                passed = time.monotonic() - started
                samples.append((passed, sum(load.counts.values()), seen))
        finally:
            load.stop.set()
            for thread in threads:
                thread.join()
        lost = len(set(workers) - set(_workers(site)))
    return _rows(minutes, load, samples, lost)


def _workers(site: Site) -> list[int]:
    assert site._process is not None
    deadline = time.monotonic() + 20
    while len(found := children(site._process.pid)) < WORKERS and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _rows(
    minutes: float, load: Load, samples: list[tuple[float, int, dict[int, Sample]]], lost: int
) -> list[dict[str, Any]]:
    total = sum(load.counts.values())
    rows = [
        row("time", minutes, "min", 1),
        row("requests", total, ""),
        row("requests per second", total / (minutes * 60), "1/s", 1),
        *(row(f"of these, {kind}", count, "") for kind, count in sorted(load.counts.items())),
        *(
            row(f"longest answer, {kind}", took, "s", 2)
            for kind, took in sorted(load.longest.items())
            if took
        ),
        row("errors", sum(load.errors.values()), ""),
        *(row(f"of these, {kind}", count, "") for kind, count in load.errors.most_common(8)),
        row("workers that ended", lost, ""),
    ]
    largest = [
        (passed, count, Sample(*map(max, zip(*seen.values(), strict=True))))
        for passed, count, seen in samples
        if seen
    ]
    for percent in (10, 50, 100):
        _, _, at = largest[max(0, round(len(largest) * percent / 100) - 1)]
        rows += [
            row(f"largest worker at {percent} %, resident", at.rss, "MB", 1),
            row(f"largest worker at {percent} %, proportional", at.pss, "MB", 1),
            row(f"open files at {percent} %", at.files, ""),
            row(f"threads at {percent} %", at.threads, ""),
        ]
    minutes_rss: dict[int, list[float]] = {}
    for passed, _, at in largest:
        minutes_rss.setdefault(int(passed // 60), []).append(at.rss)
    # The last one may be a second long.
    medians = [float(np.median(of)) for minute, of in minutes_rss.items() if minute < int(minutes)]
    last = medians[-LAST_MINUTES:]
    if len(last) > 2:
        rise = float(np.polyfit(range(len(last)), last, 1)[0]) * (len(last) - 1)
        rows.append(
            row(f"straight line through the last {len(last)} minutes, resident", rise, "MB", 2)
        )
    # the first requests fill buffers and load the second model
    late = largest[len(largest) // 5 :]
    if len(late) > 2:
        thousands = [count / 1000 for _, count, _ in late]
        slope = float(np.polyfit(thousands, [at.rss for _, _, at in late], 1)[0])
        rows.append(row("growth, resident, after a fifth", slope, "MB per 1,000 requests", 3))
    for passed, _, at in largest[:: max(1, len(largest) // POINTS)]:
        rows.append(
            point_row("largest worker, resident", "minutes", round(passed / 60), at.rss, "MB", 1)
        )
    return rows


def default_minutes() -> float:
    """SOAK_MINUTES, or 30 if this part was asked for by name, or 2 among all parts."""
    return float(os.environ.get("SOAK_MINUTES") or (30 if "soak" in sys.argv else 2))


def main() -> None:
    """Run this part alone."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    print(json.dumps(soak(parser.parse_args().minutes), indent=1))


if __name__ == "__main__":
    main()
