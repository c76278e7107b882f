"""A page of plain http in the home network: what browsers withhold from it is said, and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .pages import ELSEWHERE
from .site import Site
from .sounds import write
from .visit import Visit

WHY = (
    "Browsers decode songs bit by bit only for pages of https or localhost, "
    "and this page has come over plain http."
)


def test_plain_http_is_named_where_it_is_the_reason(
    visit: Callable[..., Visit], make_site: Callable[..., Site], tmp_path: Path
):
    site = make_site(TRUSTED_HOSTS=f"{ELSEWHERE},127.0.0.1", STREAM_MINUTES=1, MAX_WHOLE_MINUTES=2)
    visitor = visit(f"http://{ELSEWHERE}:{site.port}")
    page = visitor.page
    # Browsers warn of headers that they ignore over plain http.
    visitor.expected_complaints = ("Cross-Origin-Opener-Policy",)
    page.goto(visitor.url)
    assert page.evaluate("isSecureContext || 'AudioDecoder' in window") is False
    assert page.is_hidden("#record")
    assert "gives it no microphone" in page.inner_text("#plain-http")

    damaged = tmp_path / "damaged.mp3"
    damaged.write_bytes(b"\xff\xfb\x90\x64" + b"\x01" * 5000)
    long = write(tmp_path / "long.mp3", 130, 16000)
    middling = write(tmp_path / "middling.mp3", 70, 16000)
    plain = write(tmp_path / "long.wav", 130, 16000)
    visitor.choose([damaged, long, middling, plain])
    visitor.wait_for(long.name, "failed")
    status = visitor.status(long.name)
    assert status.startswith(f"{WHY} It is too long to be decoded at once (2:10);")
    assert status.endswith(
        "Open this page by https, or as localhost on the computer that serves it, "
        "or cut the song into parts, please."
    )
    visitor.wait_for(damaged.name, "failed")
    assert "cannot be decoded" in visitor.status(damaged.name)
    # One that can be decoded at once is, and plain samples need no decoder.
    for song in (middling, plain):
        visitor.wait_for(song.name, "done")


def test_nothing_of_it_is_said_on_localhost(here: Visit):
    assert here.page.is_hidden("#plain-http")
