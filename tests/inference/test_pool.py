"""The pool of interpreters: threads for each call, and how many are lent at a time."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from webapp.inference import engines
from webapp.inference.engines import _Pool, processors

WAIT_S = 10


class Made(NamedTuple):
    """Stands for an interpreter with so many threads."""

    number: int
    threads: int


def pool_of(threads: int, calls: int) -> tuple[_Pool, list[Made]]:
    made = [Made(0, threads)]

    def make(number: int) -> Made:
        made.append(Made(len(made), number))
        return made[-1]

    return _Pool(make, made[0], threads, calls), made


def test_a_call_alone_gets_all_threads_and_those_beside_it_one_each() -> None:
    pool, made = pool_of(threads=4, calls=3)
    for _ in range(2):
        with pool.lend() as alone, pool.lend() as second, pool.lend() as third:
            assert [each.threads for each in (alone, second, third)] == [4, 1, 1]
    # the same three served again
    assert len(made) == 3


def test_a_call_beside_another_gets_one_thread_even_when_the_first_has_ended() -> None:
    pool, _made = pool_of(threads=4, calls=3)
    with contextlib.ExitStack() as second:
        with pool.lend():
            second.enter_context(pool.lend())
        with pool.lend() as third:
            assert third.threads == 1
    with pool.lend() as alone:
        assert alone.threads == 4


@pytest.mark.parametrize(("threads", "calls"), [(1, 1), (1, 3), (4, 2)])
def test_no_interpreter_is_lent_twice_nor_more_than_may_be(threads: int, calls: int) -> None:
    pool, made = pool_of(threads, calls)
    lock, out, most = threading.Lock(), set(), 0
    # each round waits for as many calls as may run: with fewer at a time it would time out
    meeting = threading.Barrier(calls)

    def call(_number: int) -> None:
        nonlocal most
        with pool.lend() as interpreter:
            with lock:
                assert interpreter not in out
                out.add(interpreter)
                most = max(most, len(out))
            meeting.wait(WAIT_S)
            with lock:
                out.remove(interpreter)

    with ThreadPoolExecutor(4 * calls) as threads_of_calls:
        list(threads_of_calls.map(call, range(20 * calls)))
    assert most == calls
    # one interpreter with one thread for each call, and the one with all threads
    assert len(made) <= calls + (threads > 1)


def test_a_fault_gives_everything_back() -> None:
    makes: Iterator[Made | MemoryError] = iter([MemoryError("no room"), Made(1, 1)])

    def make(_threads: int) -> Made:
        found = next(makes)
        if isinstance(found, MemoryError):
            raise found
        return found

    pool = _Pool(make, Made(0, 2), 2, 2)
    with pool.lend() as alone:
        with pytest.raises(MemoryError), pool.lend():
            pass
        with pytest.raises(ZeroDivisionError), pool.lend():
            raise ZeroDivisionError
        with pool.lend() as second:
            assert (alone, second) == (Made(0, 2), Made(1, 1))
    with pool.lend() as alone:
        assert alone == Made(0, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000\n", 8),
        ("100000 100000\n", 1),
        ("50000 100000\n", 1),
        ("250000 100000\n", 3),
        ("1600000 100000\n", 8),
        ("nonsense", 8),
        (None, 8),
    ],
)
def test_a_containers_share_of_processors_counts(
    text: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpu.max"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(engines, "CPU_SHARE", path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    assert processors() == expected
