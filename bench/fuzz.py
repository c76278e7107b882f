"""Tens of thousands of bad requests to the real server, over sockets: its answers and its memory.

`python -m bench fuzz` sends FUZZ_REQUESTS of them (40,000), the same ones each time. At the same
time one client sends good requests and compares the answers. All traffic stays on this computer.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import re
import socket
import struct
import threading
import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from tests.browser.site import HOST, Site
from tests.webapp.running import children

from .hostile import Case, Cases
from .setting import point_row, row, running_site
from .soak import look

# Seconds that any request may take, from connecting to the end of the answer.
DEADLINE_S = 20.0
CLIENTS = 4
POINTS = 20


class Answer(NamedTuple):
    """Outcome of a case: a status, or the fault that came instead."""

    status: int | str
    seconds: float


def send(port: int, case: Case) -> Answer:
    """Send a case and read the answer to its end."""
    started = time.monotonic()
    received = b""
    try:
        with socket.create_connection((HOST, port), timeout=DEADLINE_S) as connection:
            # a server that refuses early does not read everything
            with contextlib.suppress(ConnectionError):
                connection.sendall(case.data)
                if case.leaves:
                    # closing now resets the connection instead of ending it
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return Answer("left", time.monotonic() - started)
                connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while part := connection.recv(65536):
                    received = (received + part) if len(received) < 64 else received
                    if time.monotonic() - started > DEADLINE_S:
                        raise TimeoutError
    except TimeoutError:
        return Answer("hang", time.monotonic() - started)
    except OSError as error:
        return Answer(type(error).__name__, time.monotonic() - started)
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", received)
    # "100 Continue" comes before the answer itself
    if found and found[1] == b"100":
        found = re.search(rb"\r\n\r\nHTTP/1\.[01] (\d{3}) ", received) or found
    status: int | str = int(found[1]) if found else "closed without a word"
    return Answer(status, time.monotonic() - started)


class Fuzz:
    """Clients in threads that send all cases; counts what they saw."""

    def __init__(self, site: Site, cases: Cases, total: int) -> None:
        self.site = site
        self.cases = cases
        self.left = itertools.islice(cases.mixed(), total)
        self.answers: list[tuple[str, Answer]] = []
        self.good: list[float] = []
        self.wrong: Counter[str] = Counter()
        self.memory: list[tuple[int, float]] = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.expected = self.ask()[1]

    def ask(self) -> tuple[int, bytes]:
        """Send a good request."""
        connection = http.client.HTTPConnection(HOST, self.site.port, timeout=DEADLINE_S)
        with contextlib.closing(connection):
            connection.request(
                "POST",
                "/api/v1/models/v1/predictions",
                self.cases.good,
                {"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            return response.status, response.read()

    def client(self) -> None:
        """Send cases until none is left."""
        while True:
            with self.lock:
                case = next(self.left, None)
            if case is None:
                return
            answer = send(self.site.port, case)
            with self.lock:
                self.answers.append((case.kind, answer))

    def visitor(self) -> None:
        """Send good requests, five a second."""
        while not self.over.wait(0.2):
            started = time.monotonic()
            try:
                seen = self.ask()
            except (OSError, http.client.HTTPException) as error:
                self.wrong[type(error).__name__] += 1
                continue
            self.good.append(time.monotonic() - started)
            if seen != (200, self.expected):
                self.wrong[f"status {seen[0]}"] += 1

    def watch(self, worker: int) -> None:
        """Note the memory of the worker twice a second."""
        while not self.over.wait(0.5):
            self.memory.append((len(self.answers), look(worker).rss))

    def run(self) -> float:
        """Send everything; returns the seconds that it took."""
        assert self.site._process is not None
        (worker,) = children(self.site._process.pid)
        beside = [
            threading.Thread(target=self.visitor),
            threading.Thread(target=self.watch, args=(worker,)),
        ]
        clients = [threading.Thread(target=self.client) for _ in range(CLIENTS)]
        started = time.monotonic()
        for thread in (*beside, *clients):
            thread.start()
        for thread in clients:
            thread.join()
        seconds = time.monotonic() - started
        self.over.set()
        for thread in beside:
            thread.join()
        if children(self.site._process.pid) != [worker]:
            self.wrong["another worker"] += 1
        return seconds


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    total = int(os.environ.get("FUZZ_REQUESTS", "40000"))
    with running_site(WORKERS=1) as site:
        cases = Cases()
        fuzz = Fuzz(site, cases, total)
        seconds = fuzz.run()
        after = fuzz.ask()
        log = site.log.read_text(errors="replace")
    statuses = Counter(str(answer.status) for _, answer in fuzz.answers)
    kinds = Counter((kind, str(answer.status)) for kind, answer in fuzz.answers)
    server_errors = sum(count for status, count in statuses.items() if status.startswith("5"))
    requests = [at for at, _ in fuzz.memory]
    rss = [value for _, value in fuzz.memory]
    # in the first quarter models are loaded and the largest bodies arrive
    late = [n for n, at in enumerate(requests) if at > total / 4]
    slope = np.polyfit([requests[n] for n in late], [rss[n] for n in late], 1)[0] * 1000
    step = max(1, len(rss) // POINTS)
    return [
        row("requests", len(fuzz.answers), ""),
        row("requests per second", len(fuzz.answers) / seconds, "1/s", 0),
        row("answers of 5xx", server_errors, ""),
        row("hangs, beyond 20 s", statuses["hang"], ""),
        row("longest answer", max(answer.seconds for _, answer in fuzz.answers), "s", 2),
        *(row(f"status {status}", count, "") for status, count in sorted(statuses.items())),
        *(row(f"{kind}: {status}", count, "") for (kind, status), count in sorted(kinds.items())),
        row("good requests beside them", len(fuzz.good), ""),
        row("of these, with another answer than before", sum(fuzz.wrong.values()), ""),
        *(row(f"of these, {what}", count, "") for what, count in fuzz.wrong.items()),
        row("good requests, median", float(np.median(fuzz.good)) * 1000, "ms", 1),
        row("good requests, 99 of 100 within", float(np.percentile(fuzz.good, 99)) * 1000, "ms", 1),
        row(
            "a good request afterwards",
            "the same" if after == (200, fuzz.expected) else "other",
            "",
        ),
        row("memory of the worker, after a quarter", rss[late[0]], "MB", 1),
        row("memory of the worker, at the end", rss[-1], "MB", 1),
        row("memory of the worker, most", max(rss), "MB", 1),
        row("memory per 1,000 requests, after the first quarter", slope, "MB", 3),
        row("lines in the log beside the start", len(log.splitlines()) - 2, ""),
        *(
            point_row("memory of the worker", "thousand bad requests", at / 1000, value, "MB", 1)
            for at, value in list(zip(requests, rss, strict=True))[step - 1 :: step]
        ),
    ]
