"""Limits counted in a real Redis by two hosts of two workers; the Redis goes, and comes back."""

from __future__ import annotations

import itertools
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.webapp.redis_server import Redis, need_redis
from tests.webapp.running import Server, server

pytestmark = pytest.mark.full

URL = "/api/v1/models/v1/predictions"
LIMIT = 3
HOSTS = WORKERS = 2
# Requests of one address, half of them to each host.
ASKED = 4 * LIMIT
# Flask-Limiter looks for the Redis after 1, 2, 4, 8, 16 and 32 seconds, when a request comes.
PATIENCE = 80


@pytest.fixture
def redis() -> Iterator[Redis]:
    need_redis()
    found = Redis()
    found.start()
    yield found
    found.kill()


@pytest.fixture
def hosts(redis: Redis) -> Iterator[list[Server]]:
    settings = {
        "RATE_LIMIT": f"{LIMIT} per hour",
        "RATE_LIMIT_STORAGE": redis.url,
        "WORKERS": WORKERS,
        # X-Forwarded-For makes a new visitor
        "PROXIES": 1,
    }
    with server(**settings) as first, server(**settings) as second:
        for site in (first, second):
            site.wait_ready()
        yield [first, second]


ADDRESSES = (f"203.0.113.{number}" for number in itertools.count(1))


def ask(hosts: list[Server], at_a_time: int = 1) -> Counter[int]:
    """Statuses of the requests of a new visitor; each is refused for its body, and counted."""
    headers = {"X-Forwarded-For": next(ADDRESSES)}
    places = itertools.islice(itertools.cycle(hosts), ASKED)
    with ThreadPoolExecutor(at_a_time) as pool:
        return Counter(pool.map(lambda site: site.ask("POST", URL, {}, headers)[0], places))


TOGETHER = Counter({422: LIMIT, 429: ASKED - LIMIT})


def check_alone(seen: Counter[int]) -> None:
    assert set(seen) <= {422, 429}
    # each host has at least one worker that counts, and two at most
    assert HOSTS * LIMIT <= seen[422] <= HOSTS * WORKERS * LIMIT


def wait_until_together(hosts: list[Server]) -> None:
    end = time.monotonic() + PATIENCE
    in_a_row = 0
    while in_a_row < 5:
        seen = ask(hosts)
        assert set(seen) <= {422, 429}
        in_a_row = in_a_row + 1 if seen == TOGETHER else 0
        assert time.monotonic() < end, seen
        time.sleep(0.3)


def test_workers_and_hosts_count_together(hosts: list[Server]) -> None:
    assert not any("counts by itself" in site.output for site in hosts)
    assert ask(hosts) == TOGETHER
    assert ask(hosts, at_a_time=ASKED) == TOGETHER


@pytest.mark.parametrize("at_a_time", [1, ASKED])
def test_while_the_redis_is_gone_each_worker_counts_alone(
    hosts: list[Server], redis: Redis, at_a_time: int
) -> None:
    assert ask(hosts) == TOGETHER
    redis.kill()
    for _ in range(3):
        check_alone(ask(hosts, at_a_time))
    redis.start()
    wait_until_together(hosts)


def test_a_redis_that_says_nothing_holds_nobody_up(hosts: list[Server], redis: Redis) -> None:
    assert ask(hosts) == TOGETHER
    redis.signal(signal.SIGSTOP)
    try:
        for at_a_time in (1, ASKED):
            started = time.monotonic()
            check_alone(ask(hosts, at_a_time))
            # a second for each worker that finds out, or looks whether it is back
            assert time.monotonic() - started < 15
    finally:
        redis.signal(signal.SIGCONT)
    wait_until_together(hosts)
