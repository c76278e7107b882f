"""Clients that keep the server waiting, a few and hundreds, and requests that come in pieces."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import selectors
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config

from tests.webapp.server.clients import chunked, connect, hurried, post_head
from webapp.server.connection import Connection
from webapp.server.slow_clients import SlowClients


def test_stalled_requests_give_their_threads_back(url: str) -> None:
    with hurried(stall=1, longest=100) as site, contextlib.ExitStack() as open_connections:
        for sent in (post_head(url, "Content-Length: 100") + b"{", b"GET /healthz HTTP/1.1\r\nHo"):
            stalled = [open_connections.enter_context(connect(site)) for _ in range(2)]
            for connection in stalled:
                connection.sendall(sent)
            started = time.monotonic()
            assert site.ask("GET", "/healthz")[0] == 200
            assert time.monotonic() - started < 10
            for connection in stalled:
                answer = connection.makefile("rb").read()
                if sent.startswith(b"POST"):
                    assert answer.startswith(b"HTTP/1.1 400 ")
                    assert b'"code":"incomplete_body"' in answer
                else:
                    assert answer == b""


def test_unread_answers_give_their_threads_back() -> None:
    with hurried(stall=1, longest=100) as site, contextlib.ExitStack() as open_connections:
        for _ in range(2):
            connection = open_connections.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", site.port))
            # far more than the buffers of both ends hold
            connection.sendall(
                b"GET /static/runtime/pyodide.asm.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
        time.sleep(0.5)
        started = time.monotonic()
        assert site.ask("GET", "/healthz")[0] == 200
        assert time.monotonic() - started < 10


def test_trickling_requests_give_their_threads_back(url: str) -> None:
    with hurried(stall=100, longest=2) as site, contextlib.ExitStack() as open_connections:
        trickling = [open_connections.enter_context(connect(site)) for _ in range(2)]
        for connection in trickling:
            connection.sendall(post_head(url, "Content-Length: 1000"))

        def trickle(connection: socket.socket) -> int:
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 100:
                    connection.sendall(b" ")
                    sent += 1
                    time.sleep(0.2)
            return sent

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            ends = [pool.submit(trickle, connection) for connection in trickling]
            time.sleep(0.5)
            started = time.monotonic()
            assert site.ask("GET", "/healthz")[0] == 200
            assert time.monotonic() - started < 10
            assert all(end.result() < 100 for end in ends)


def test_hundreds_of_slow_clients_keep_no_thread(url: str, body: dict[str, Any]) -> None:
    """With more clients than the server keeps, the oldest are dropped and good ones answered."""
    begun = (
        b"",
        b"POST /x HTTP/1.1\r\nA: ",
        post_head(url, "Content-Length: 900000") + b"[",
        post_head(url, "Transfer-Encoding: chunked") + b"fffff\r\n[",
        b"GET /static/runtime/pyodide.asm.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    with hurried(stall=100, longest=100) as site, contextlib.ExitStack() as open_connections:
        for number in range(600):
            connection = open_connections.enter_context(connect(site))
            connection.sendall(begun[number % 5 if number % 50 < 5 else number % 4])
        for _ in range(5):
            assert site.ask("POST", url, body)[0] == 200


def test_requests_behind_each_other_on_one_connection(url: str, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    good = post_head(url, f"Content-Length: {len(data)}") + data
    pieces = post_head(url, "Transfer-Encoding: chunked") + chunked([data[:999], data[999:]])
    health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = good + health + pieces + health + good
    with hurried(stall=100, longest=100) as site:
        for step in (len(sent), 50_000, 1234):
            with connect(site) as connection:
                for at in range(0, len(sent), step):
                    connection.sendall(sent[at : at + step])
                connection.shutdown(socket.SHUT_WR)
                answers = connection.makefile("rb").read()
            assert answers.count(b"HTTP/1.1 200 OK") == 5, answers[:2000]
            assert answers.count(b'"aggregate"') == 3


class Bench:
    """`SlowClients` with connections of its own, without gunicorn's loop and threads."""

    def __init__(self, largest_body: int) -> None:
        self.poller = selectors.DefaultSelector()
        self.answered: list[Connection] = []
        self.closed: list[Connection] = []
        self.clients = SlowClients(
            self.poller, largest_body, answer=self.answered.append, close=self.closed.append
        )
        self.ours: list[socket.socket] = []

    def connect(self) -> tuple[socket.socket, Connection]:
        ours, theirs = socket.socketpair()
        conn = Connection(Config(), theirs, None, None)
        self.ours += [ours, conn.sock]
        self.clients.gather(conn)
        return ours, conn

    def step(self) -> None:
        """Do all that the main loop would do now."""
        while events := self.poller.select(0):
            for key, _ in events:
                key.data(key.fileobj)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(largest_body=1000)
    yield made
    made.poller.close()
    for each in made.ours:
        each.close()


def test_without_room_one_client_at_a_time_goes_on(bench: Bench) -> None:
    head = post_head("/", "Content-Length: 1000")
    pairs = [bench.connect() for _ in range(4)]
    for ours, _ in pairs:
        ours.sendall(head + b"a" * 900)
    bench.step()
    assert bench.clients.held > bench.clients.room
    assert bench.answered == []
    for ours, _ in reversed(pairs):
        ours.sendall(b"a" * 100)
    for number in range(4):
        bench.step()
        # a thread has answered: its bytes are held no more
        for conn in bench.answered[number:]:
            bench.clients.deliver(conn, lambda: None)
    assert sorted(map(id, bench.answered)) == sorted(id(conn) for _, conn in pairs)
    assert (bench.clients.held, bench.closed) == (0, [])


def test_an_answer_goes_out_as_its_client_takes_it(bench: Bench) -> None:
    ours, conn = bench.connect()
    ours.sendall(b"GET / HTTP/1.1\r\n\r\n")
    bench.step()
    assert bench.answered == [conn]
    bench.clients.room = 2**23
    sent = b"0123456789" * 2**18
    conn.sock.sendall(sent)
    then: list[str] = []
    bench.clients.deliver(conn, lambda: then.append("next"))
    assert then == []
    assert bench.clients.held == conn.sock.left > 0
    taken = b""
    while len(taken) < len(sent):
        taken += ours.recv(2**16)
        bench.step()
    assert taken == sent
    assert (then, bench.clients.held) == (["next"], 0)


def test_the_oldest_connection_goes_first(bench: Bench) -> None:
    (_, first), (_, second) = bench.connect(), bench.connect()
    assert bench.clients.drop_oldest()
    assert bench.clients.drop_oldest()
    assert bench.closed == [first, second]
    assert not bench.clients.drop_oldest()
