"""How much of a request has arrived, read from its bytes as they come."""

from __future__ import annotations

import re

# Bytes of the largest head that is waited for; gunicorn refuses smaller ones already.
LARGEST_HEAD = 2**18

LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r$", re.I | re.M)
CODING = re.compile(rb"^transfer-encoding[ \t]*:[ \t]*(.*?)[ \t]*\r$", re.I | re.M)
EXPECT = re.compile(rb"^expect[ \t]*:[ \t]*100-continue[ \t]*\r$", re.I | re.M)


class Arrival:
    """Counts the bytes of one request, to find its end; gunicorn judges whether it is valid.

    Parameters
    ----------
    largest_body : bytes of a body beyond which the rest is not waited for.

    Attributes
    ----------
    size : bytes so far.
    in_body : whether the head is complete.
    expects : whether the client waits for "100 Continue" before it sends the body.
    cut : whether the request is answered without its rest, so that its connection must end then:
        the body is too large, or the client has stalled.
    """

    def __init__(self, largest_body: int) -> None:
        self.largest_body = largest_body
        self.size = 0
        self.in_body = False
        self.expects = False
        self.cut = False
        self._head = bytearray()
        # bytes that are missing of the body, or of the chunk and its line end
        self._left = 0
        self._chunked = False
        # the beginning of a line of a chunked body: a chunk's size, or a trailer
        self._line = bytearray()
        # whether the last chunk has come, so that only trailers follow
        self._trailing = False

    def take(self, data: bytes) -> bool:
        """Note further bytes; True when a thread need not wait for more."""
        self.size += len(data)
        if self.in_body:
            return self._body(data)
        searched = max(0, len(self._head) - 3)
        self._head += data
        end = self._head.find(b"\r\n\r\n", searched)
        if end < 0:
            return len(self._head) > LARGEST_HEAD
        head, rest = bytes(self._head[: end + 2]), bytes(self._head[end + 4 :])
        self.in_body = True
        self._head.clear()
        lengths, codings = LENGTH.findall(head), CODING.findall(head)
        self.expects = EXPECT.search(head) is not None
        if codings:
            if lengths or len(codings) > 1 or codings[0].lower() != b"chunked":
                return True  # gunicorn refuses it
            self._chunked = True
            return self._body(rest)
        if len(lengths) != 1:
            return True  # no body, or gunicorn refuses it
        self._left = int(lengths[0])
        self.cut = self._left > self.largest_body
        return self.cut or self._body(rest)

    def _body(self, data: bytes) -> bool:
        if not self._chunked:
            self._left -= len(data)
            return self._left <= 0
        # sizes and line ends of tiny chunks may take as much again as the body
        self.cut = self.size > 2 * self.largest_body + LARGEST_HEAD
        return self.cut or self._chunks(data)

    def _chunks(self, data: bytes) -> bool:
        at = 0
        while at < len(data):
            if self._left:
                taken = min(self._left, len(data) - at)
                self._left -= taken
                at += taken
                continue
            end = data.find(b"\n", at) + 1
            self._line += data[at : end or len(data)]
            at = end or len(data)
            if len(self._line) > LARGEST_HEAD:
                return True  # gunicorn refuses it
            if not end:
                continue
            line = bytes(self._line).strip()
            self._line.clear()
            if self._trailing:
                if not line:
                    return True
                continue
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                return True  # gunicorn refuses it
            self._trailing = size == 0
            self._left = size + 2 if size > 0 else 0
        return False
