"""Where a request ends, however its bytes are cut."""

from __future__ import annotations

import pytest

from webapp.server.arrival import LARGEST_HEAD, Arrival

LARGEST = 100
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"\r\n",
        HEAD + b"content-LENGTH : 5 \r\n\r\n12345",
        HEAD + b"Content-Length: 0\r\n\r\n",
        CHUNKED + b"5\r\n12345\r\n0\r\n\r\n",
        CHUNKED + b"a;b=c\r\n0123456789\r\n1\r\n\n\r\n0\r\nTrailer: x\r\n\r\n",
    ],
)
def test_a_request_is_complete_with_its_last_byte(request_: bytes, step: int) -> None:
    arrival = Arrival(LARGEST)
    parts = [request_[at : at + step] for at in range(0, len(request_), step)]
    assert [arrival.take(part) for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (arrival.size, arrival.in_body, arrival.cut) == (len(request_), True, False)


@pytest.mark.parametrize(
    ("sent", "cut"),
    [
        (HEAD + b"Content-Length: 101\r\n\r\n", True),
        (CHUNKED + b"1\r\n1\r\n" * 50_000, True),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", False),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", False),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", False),
        (CHUNKED + b"zz\r\n", False),
        (CHUNKED + b"5;" + b"a" * LARGEST_HEAD, False),
        (b"a" * (LARGEST_HEAD + 1), False),
    ],
)
def test_nothing_more_is_awaited_of_a_request_that_is_refused(sent: bytes, cut: bool) -> None:
    arrival = Arrival(LARGEST)
    assert arrival.take(sent)
    assert arrival.cut == cut


def test_a_client_may_wait_to_be_asked_for_its_body() -> None:
    arrival = Arrival(LARGEST)
    assert not arrival.take(HEAD + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
    assert arrival.expects
    assert arrival.take(b"12345")
