"""Two hosts behind nginx, then behind haproxy: what clients notice when a host dies or stops.

After 10 s one host is killed, after 25 s it is started again, after 32 s the other one is told to
stop. Balancers and hosts run the files of docs/deploy, all on this computer.
"""

from __future__ import annotations

import contextlib
import http.client
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from features import build_request
from tests.browser import sounds
from tests.webapp.balancers import NAME, Balancer, free_ports
from webapp.inference import Registry

from .hosts import WebHost, missing
from .setting import ROOT, SONG_S, row

VERSION = "v9"
CLIENTS = 6
# Seconds between the beginnings of two requests of a client.
EVERY_S = 0.3
KILL_S, START_S, STOP_S, END_S = 10.0, 25.0, 32.0, 40.0
PHASES = (
    ("both run", 0.0, KILL_S),
    ("a is dead", KILL_S, START_S),
    ("a is back", START_S, STOP_S),
    ("b stops", STOP_S, END_S),
)


class Seen(NamedTuple):
    """One request, as its client saw it."""

    at: float
    seconds: float
    fault: str | None
    request_id: str


class Visitor(threading.Thread):
    """A client that keeps its connection and never asks twice."""

    def __init__(self, number: int, balancer: Balancer, body: bytes, answer: bytes) -> None:
        super().__init__()
        self.number = number
        self.balancer = balancer
        self.body = body
        self.answer = answer
        self.seen: list[Seen] = []
        self.started_at = 0.0

    def run(self) -> None:
        """Ask at a steady pace until the end."""
        connection = self.balancer.connect()
        due = self.number * EVERY_S / CLIENTS
        while due < END_S:
            time.sleep(max(0.0, self.started_at + due - time.monotonic()))
            at = time.monotonic() - self.started_at
            fault, request_id = self.ask(connection)
            passed = time.monotonic() - self.started_at
            self.seen.append(Seen(at, passed - at, fault, request_id))
            if fault:
                connection.close()
                connection = self.balancer.connect()
            due = max(due + EVERY_S, passed)
        connection.close()

    def ask(self, connection: http.client.HTTPSConnection) -> tuple[str | None, str]:
        """Send a song; returns what went wrong, if anything, and the request's id."""
        try:
            connection.request(
                "POST",
                f"/api/v1/models/{VERSION}/predictions",
                self.body,
                {"Content-Type": "application/json", "Host": NAME},
            )
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, ""
        request_id = response.headers.get("X-Request-ID", "")
        if response.status != 200:
            return f"status {response.status}", request_id
        return (None if answer == self.answer else "another answer"), request_id


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    card = Registry.load(ROOT / "trained_models").cards[VERSION]
    bodies = [
        build_request(sounds.band(SONG_S - 10 * number, card.spec.sample_rate), card.spec)
        for number in range(CLIENTS)
    ]
    rows = []
    for program in ("nginx", "haproxy"):
        if hint := missing(program):
            rows.append(row(program, hint, ""))
            continue
        rows += _run(program, [body.body.encode() for body in bodies])
    return rows


def _run(program: str, bodies: list[bytes]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
        folder, ports = Path(name), free_ports()
        # nginx's workers run as the user nobody, and must be able to enter the folder
        folder.chmod(0o755)
        hosts = {who: WebHost(ports[who], folder / f"{who}.log") for who in ("a", "b")}
        for host in hosts.values():
            host.start()
            ends.callback(host.kill)
        for host in hosts.values():
            host.wait_ready()
        balancer = Balancer(program, folder, ports)
        ends.callback(balancer.stop)
        balancer.start()
        # haproxy uses a host after two good answers
        time.sleep(2)
        visitors = [
            Visitor(number, balancer, body, _expected(hosts["b"], body))
            for number, body in enumerate(bodies)
        ]
        started = time.monotonic()
        for visitor in visitors:
            visitor.started_at = started
            visitor.start()

        def wait(second: float) -> None:
            time.sleep(max(0.0, started + second - time.monotonic()))

        wait(KILL_S)
        hosts["a"].kill()
        wait(START_S)
        hosts["a"].start()
        hosts["a"].wait_ready()
        ready_after = time.monotonic() - started - START_S
        wait(STOP_S)
        hosts["b"].stop()
        for visitor in visitors:
            visitor.join()
        status = hosts["b"].process.wait(30) if hosts["b"].process else None
        balancer.stop()
        seen = sorted(one for visitor in visitors for one in visitor.seen)
        tried = {line["request_id"]: _tried(line, ports) for line in balancer.lines()}
    return [
        {**one, "what": f"{program}: {one['what']}"}
        for one in [*_rows(seen, tried), row("a is ready again after", ready_after, "s", 1)]
    ] + [row(f"{program}: exit status of the host that was stopped", str(status), "")]


def _expected(host: WebHost, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=60)
    headers = {"Content-Type": "application/json", "Host": NAME}
    connection.request("POST", f"/api/v1/models/{VERSION}/predictions", body, headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 200, answer
    return answer


def _tried(line: dict[str, Any], ports: dict[str, int]) -> list[str]:
    """The hosts that got a request, in turn; the last one answered."""
    names = {f"127.0.0.1:{ports[who]}": who for who in ("a", "b")}
    if "retries" in line:
        # haproxy names the last host only; "+" marks a retry on another host
        again = int(str(line["retries"]).lstrip("+"))
        last = str(line["host"])
        return ["b" if last == "a" else "a"] * again + [last]
    return [names.get(host.strip(), host.strip()) for host in str(line["host"]).split(",")]


def _rows(seen: list[Seen], tried: dict[str, list[str]]) -> list[dict[str, Any]]:
    faults = Counter(one.fault for one in seen if one.fault)
    rows = [
        row("requests", len(seen), ""),
        row("errors that clients saw", sum(faults.values()), ""),
        *(row(f"of these, {kind}", count, "") for kind, count in faults.most_common()),
        row("requests that a second host answered", sum(len(t) > 1 for t in tried.values()), ""),
    ]
    for name, begin, end in PHASES:
        part = [one for one in seen if begin <= one.at < end]
        by = Counter(tried.get(one.request_id, ["none"])[-1] for one in part)
        shares = ", ".join(f"{who} {100 * n / len(part):.0f} %" for who, n in sorted(by.items()))
        times = [one.seconds * 1e3 for one in part]
        rows += [
            row(f"answered by, {name}", shares, ""),
            row(f"median time, {name}", statistics.median(times), "ms", 0),
            row(f"longest time, {name}", max(times), "ms", 0),
        ]
    dead = [
        one.at - KILL_S
        for one in seen
        if KILL_S <= one.at < START_S and "a" in tried.get(one.request_id, [])
    ]
    rows += [
        row("requests that still went to the dead host first", len(dead), ""),
        row("of these, in the first five seconds", sum(at < 5 for at in dead), ""),
        row("the last of the first five seconds, after", _last(dead, 5), "s", 2),
        row("the very last one, after", _last(dead, START_S), "s", 2),
    ]
    return rows


def _last(times: list[float], within: float) -> float:
    return max((at for at in times if at < within), default=0.0)
