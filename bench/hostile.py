"""Bad requests, by malice or by mistake: an endless mixture, the same each time."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import hypothesis
from hypothesis import strategies as st

from tests.webapp.conftest import request_of
from tests.webapp.test_fuzz import anything, apply, changes
from webapp.inference import Registry

from .setting import ROOT

# Most requests go to these versions: the features of one are lists of lists, of the other one list.
VERSIONS = ("v1", "v2")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW")
PATHS = (
    "/", "/models/v1", "/models/v1/report.html", "/models/v1/model.tflite", "/api/v1/models",
    "/api/v1/models/v1", "/api/openapi.json", "/healthz", "/readyz", "/metrics", "/offline",
    "/sw.js", "/features.zip", "/static/js/songs/queue.js", "/static/runtime/pyodide-lock.json",
    "/nothing",
)  # fmt: skip
NAMES = (
    "..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2f..%2f", "....//....//", "v1%2f..%2fv2",
    "v1%00", "%00", "v1%0d%0aSet-Cookie:a=b", "v1%5c..", "%c0%ae%c0%ae", "%ff%fe", "%E2%80%AEv1",
    "%f0%9f%8e%b5", "v1;a=b", "v1%20", "V1", "v1.", "v1%2e", "-v1", "v0", "v" + "9" * 30,
    "%25252e", "%uff0e", "{{7*7}}", "${jndi:ldap://x}", "<script>", "'%20OR%201=1--", "model.json",
    "index.json", "a" * 200, "%41" * 1000, "a/" * 500,
)  # fmt: skip
NUMBERS = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "9" * 5000, "1e-99999",
    "-0",
    "0x10", "01", "+1", ".5", "1.", "1e", "--1", "1_000", "18446744073709551616", "1e38", "null",
    "true", '"1"', "[]", "{}", "[[[[]]]]", "1e9999999999999999999", "1\u0661",
)  # fmt: skip
TYPES = (
    "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
    "multipart/form-data; boundary=x", "application/xml", "application/json; charset=utf-16",
    "application/json; charset=\xff", "application/json;;;=", "application/json, application/json",
    "a" * 4000, "application/octet-stream", "application/vnd.api+json", "APPLICATION/JSON",
)  # fmt: skip
HEADERS = (
    "Host: evil.example", "Host: ", "Host: localhost\r\nHost: evil.example", "Host: [::1",
    "Host: localhost:99999999", "Origin: http://evil.example", "Origin: null", "Origin: http://[",
    "Sec-Fetch-Site: cross-site", "Accept-Language: " + "fr;q=x," * 500,
    "Accept-Language: \xff\xfe",
    "If-None-Match: " + '"a",' * 1000, "If-Modified-Since: yesterday", "Range: bytes=-1",
    "Range: bytes=" + "0-1," * 900, "Range: bytes=99999999999999999999-",
    "Cookie: " + "a=b; " * 800,
    "X-Request-ID: " + "f" * 5000, "X-Forwarded-For: " + "1.2.3.4, " * 200, "Expect: 200-maybe",
    "Upgrade: websocket\r\nConnection: Upgrade",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
    "Accept: " + "a/b;q=0.1," * 400, "Accept-Encoding: *;q=\xe9", "Content-Length: -1",
    "Content-Length: 1e3", "Content-Length: 99999999999999999999", "Content-Length: 5, 6",
    "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: \x0bchunked", "A\x00B: c", " folded: x", "name with space: x", ": empty",
    "\r\n".join(f"X-{n}: y" for n in range(200)), "X-HTTP-Method-Override: DELETE",
)  # fmt: skip


class Case(NamedTuple):
    """Bytes for one connection, whose sending side is closed after them."""

    kind: str
    data: bytes
    # whether the client resets the connection at once, before any answer
    leaves: bool = False


def head(method: str, path: str, *headers: str) -> bytes:
    """The head of a request, with a Host header if none is given."""
    given = [name for name in headers if name]
    if not any(name.lower().startswith("host:") for name in given):
        given.insert(0, "Host: localhost")
    lines = [f"{method} {path} HTTP/1.1", "Connection: close", *given, "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def post(version: str, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    """A whole prediction request."""
    return (
        head(
            "POST",
            f"/api/v1/models/{version}/predictions",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            *headers,
        )
        + body
    )


class Cases:
    """Endless cases of every kind, always the same ones."""

    def __init__(self) -> None:
        self.random = random.Random(6)
        cards = Registry.load(ROOT / "trained_models").cards
        self.values = {version: request_of(cards[version].spec, 1) for version in VERSIONS}
        self.bodies = {version: json.dumps(x).encode() for version, x in self.values.items()}
        self.good = json.dumps(request_of(cards["v1"].spec, 3, seed=1)).encode()
        zeros = b"0" * 2**20
        packer = zlib.compressobj(9, wbits=31)
        self.bomb = b"".join(packer.compress(zeros) for _ in range(256)) + packer.flush()
        self.kinds: tuple[Callable[[], Iterator[Case]], ...] = (
            self.made_up, self.damaged, self.noise, self.numbers, self.deep, self.keys, self.names,
            self.types, self.codings, self.chunks, self.lengths, self.headers, self.methods,
            self.wrong_http, self.left,
        )  # fmt: skip

    def pick(self, *choices: Any) -> Any:
        """Pick one of these."""
        return self.random.choice(choices)

    def made_up(self) -> Iterator[Case]:
        """JSON that hypothesis makes up: a good body with some changes, or anything at all."""
        for seed in itertools.count():
            found: list[Case] = []

            @hypothesis.seed(seed)
            @hypothesis.settings(
                max_examples=400,
                deadline=None,
                database=None,
                suppress_health_check=list(hypothesis.HealthCheck),
                phases=[hypothesis.Phase.generate],
            )
            @hypothesis.given(st.sampled_from(VERSIONS), changes() | st.none(), anything)
            def make(version: str, edits: Any, value: Any) -> None:
                if edits is not None:
                    value = self.values[version]
                    for edit in edits:
                        value = apply(value, *edit)
                body = json.dumps(value).encode()
                found.append(Case("made up by hypothesis", post(version, body)))  # noqa: B023

            make()
            yield from found

    def damaged(self) -> Iterator[Case]:
        """A good body with bytes removed, added or changed; or cut off."""
        while True:
            version = self.pick(*VERSIONS)
            body = bytearray(self.bodies[version])
            for _ in range(self.random.randint(1, 5)):
                at = self.random.randrange(len(body))
                junk = self.pick(
                    b"", b"[", b"}", b'"', b"NaN", b"\\u", b"e99", b"\x00", b"\xff", b","
                )
                body[at : at + self.random.randint(0, 3)] = junk
            if self.random.random() < 0.2:
                del body[self.random.randrange(len(body)) :]
            yield Case("damaged JSON", post(version, bytes(body)))

    def noise(self) -> Iterator[Case]:
        """Bytes that are neither JSON nor UTF-8."""
        while True:
            data = self.random.randbytes(self.random.randint(0, 3000))
            yield Case("random bytes", post(self.pick(*VERSIONS), data))

    def numbers(self) -> Iterator[Case]:
        """Numbers that JSON or float32 does not have, and other values in their place."""
        while True:
            version = self.pick(*VERSIONS)
            body = self.bodies[version].decode()
            numbers = list(re.finditer(r"-?\d+\.\d+", body))
            place = self.pick(*numbers)
            number = self.pick(*NUMBERS)
            changed = body[: place.start()] + number + body[place.end() :]
            yield Case("numbers", post(version, changed.encode()))

    def deep(self) -> Iterator[Case]:
        """Nested lists and objects."""
        while True:
            depth = self.pick(10, 100, 500, 999, 1000, 1001, 5000, 100_000)
            opened, closed = self.pick((b"[", b"]"), (b'{"segments":', b"}"), (b'[{"a":', b"}]"))
            inner = self.pick(b"", opened * depth + b"1" + closed * depth, opened * depth)
            body = self.pick(
                inner,
                b'{"feature_spec": ' + inner + b"}",
                b'{"feature_spec": "x", "segments": [{"start": 0, "end": 1, "features": ' + inner,
            )
            yield Case("deep JSON", post(self.pick(*VERSIONS), body))

    def keys(self) -> Iterator[Case]:
        """Repeated, unknown and very many keys, and the spec of another version."""
        while True:
            version = self.pick(*VERSIONS)
            body, other = self.bodies[version], self.bodies[self.pick(*VERSIONS)]
            many = (
                b"{" + b",".join(b'"%d":1' % n for n in range(self.pick(10, 1000, 20_000))) + b"}"
            )
            twice = body.replace(b'"segments"', b'"segments": [], "segments"', 1)
            again = body[:-1] + b", " + body[1:]
            empty = b'{"feature_spec": "x", "segments": [' + b"{}," * self.pick(9, 50_000) + b"{}]}"
            unknown = body[:-1] + b', "\\ud83d\\ude00": 1, "__proto__": {}}'
            bodies = (many, twice, again, empty, unknown, other, b"null", b"[]", b'""', b"0", b"")
            yield Case("keys and specs", post(version, self.pick(*bodies)))

    def names(self) -> Iterator[Case]:
        """Names of versions and files that lead out of their folder."""
        while True:
            name = self.pick(
                *NAMES, "%" + self.random.randbytes(1).hex() * self.random.randint(1, 9)
            )
            path = self.pick(
                f"/api/v1/models/{name}", f"/models/{name}", f"/models/v1/{name}",
                f"/static/{name}",
                f"/static/page/{name}/x.js", f"/static/runtime/{name}/x", f"/{name}", f"//{name}//",
            )  # fmt: skip
            body = self.bodies["v2"]
            asked = self.pick(head("GET", path), post(name, body))
            yield Case("names of versions and files", asked)

    def types(self) -> Iterator[Case]:
        """Content types other than JSON."""
        while True:
            kind = self.pick(*TYPES)
            yield Case("content types", post("v2", self.bodies["v2"], kind=kind))

    def codings(self) -> Iterator[Case]:
        """Compressed bodies: good, cut off, damaged, and 256 MB of one byte in 250 kB."""
        good = gzip.compress(self.bodies["v2"])
        twice = gzip.compress(gzip.compress(self.bodies["v2"]))
        while True:
            data = self.pick(
                good, good[:-9], good[:20], good + good, good + b"junk",
                twice, b"", self.bodies["v2"],
                self.bomb, gzip.compress(self.bomb), self.random.randbytes(300), b"\x1f\x8b",
            )  # fmt: skip
            coding = self.pick(
                "gzip", "gzip", "gzip", "x-gzip", "deflate", "br", "gzip, gzip", "zstd"
            )
            yield Case("compressed", post("v2", data, f"Content-Encoding: {coding}"))

    def chunks(self) -> Iterator[Case]:
        """Chunked bodies, right and wrong."""
        while True:
            body = self.pick(self.bodies["v2"], b"[" * 5000, b"")
            size = self.random.randint(1, 2000)
            parts = [body[at : at + size] for at in range(0, len(body), size)]
            framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
            framed = self.pick(
                framed + b"0\r\n\r\n", framed, framed + b"0\r\nTrailer: x\r\n\r\n", framed[:-7],
                b"fffffffffffffffff\r\n" + body, b"-5\r\nhello\r\n0\r\n\r\n",
                b"zz\r\nx\r\n0\r\n\r\n",
                b"5;" + b"a" * 9000 + b"\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n",
                b"3\r\nhello\r\n0\r\n\r\n",
            )  # fmt: skip
            yield Case(
                "chunked",
                head("POST", "/api/v1/models/v2/predictions", "Content-Type: application/json",
                     "Transfer-Encoding: chunked") + framed,
            )  # fmt: skip

    def lengths(self) -> Iterator[Case]:
        """Bodies shorter and longer than announced, and larger than the limit."""
        limit = 48 * 2**20
        for number in itertools.count():
            body = self.bodies["v2"]
            announced: int = self.pick(len(body) + 1, len(body) * 2, limit, limit + 1, 2**40, 5, 0)
            if number % 400 == 0:
                body, announced = b"[" * (limit + 1), limit + 1
            yield Case(
                "announced lengths",
                head("POST", "/api/v1/models/v2/predictions", "Content-Type: application/json",
                     f"Content-Length: {announced}") + body,
            )  # fmt: skip

    def headers(self) -> Iterator[Case]:
        """Headers that are wrong, long, many or contradict each other."""
        while True:
            chosen = self.random.sample(HEADERS, self.random.randint(1, 2))
            method, path = self.pick(
                ("GET", self.pick(*PATHS)), ("POST", "/api/v1/models/v2/predictions")
            )
            yield Case("headers", head(method, path, *chosen) + self.pick(b"", b"hello"))

    def methods(self) -> Iterator[Case]:
        """Every method on every address, with a query of anything."""
        while True:
            query = self.pick(
                "", "?lang=" + "x" * 50, "?v=%00", "?" + "a=b&" * 500, "?%ff", "?lang=fr"
            )
            path = self.pick(*PATHS) + query
            sent = head(self.pick(*METHODS), path) + self.pick(b"", self.random.randbytes(30))
            yield Case("methods and addresses", sent)

    def wrong_http(self) -> Iterator[Case]:
        """Bytes that are not HTTP."""
        while True:
            good = head("GET", self.pick(*PATHS))
            broken = bytearray(good)
            for _ in range(self.random.randint(1, 4)):
                at = self.random.randrange(len(broken))
                broken[at : at + self.random.randint(0, 2)] = self.random.randbytes(1)
            yield Case(
                "wrong HTTP",
                self.pick(
                    bytes(broken), bytes(broken), good[: self.random.randrange(len(good))],
                    self.random.randbytes(self.random.randint(1, 500)), b"\x16\x03\x01\x02\x00\x01",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    b"GET http://evil.example/ HTTP/1.1\r\n\r\n",
                    b"GET / HTTP/0.9\r\n\r\n", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
                    b"\r\n" * 1000, b"GET\r\n\r\n", b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + good, good * 20,
                ),
            )  # fmt: skip

    def left(self) -> Iterator[Case]:
        """Clients that reset their connection in the middle of a request or before its answer."""
        while True:
            sent = post("v1", self.bodies["v1"])
            yield Case("left", sent[: self.pick(0, 30, len(sent) // 2, len(sent))], leaves=True)

    def mixed(self) -> Iterator[Case]:
        """One of every kind in turn."""
        yield from itertools.chain.from_iterable(zip(*(kind() for kind in self.kinds), strict=True))
