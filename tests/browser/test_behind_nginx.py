"""Two sites under one name behind nginx leave what the browser keeps of the other one alone."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.webapp.balancers import HOST, NAME, Balancer, free_ports, need_nginx

from . import install_browser
from .lessons import file_under
from .pages import ELSEWHERE, FLAGS
from .site import Site
from .sounds import write
from .test_offline import kept
from .visit import GONE, Visit

# All that a browser keeps of the sites under this name.
STORED = """async () => ({
  caches: (await caches.keys()).map((name) => name.replace(/-[0-9a-f]+$/, '')).sort(),
  databases: (await indexedDB.databases()).map(({ name }) => name).sort(),
  texts: Object.keys(localStorage).sort(),
  workers: (await navigator.serviceWorker.getRegistrations())
    .map(({ scope }) => new URL(scope).pathname).sort(),
})"""
# The names that a site at the top of its host has had from the beginning.
AT_TOP = {
    "caches": ["musiclassify-page", "musiclassify-runtime"],
    "databases": ["musiclassify"],
    "texts": ["musiclassify-own-genres", "musiclassify-remember"],
    "workers": ["/"],
}
UNDER_MUSIC = {
    "caches": ["musiclassify:/music/-page", "musiclassify:/music/-runtime"],
    "databases": ["musiclassify:/music/"],
    "texts": ["musiclassify:/music/-own-genres", "musiclassify:/music/-remember"],
    "workers": ["/music/"],
}


def stored(visitor: Visit) -> dict[str, list[str]]:
    """Return the names of all that the browser keeps."""
    found: dict[str, list[str]] = visitor.page.evaluate(STORED)
    return found


BOTH = {kind: sorted([*AT_TOP[kind], *UNDER_MUSIC[kind]]) for kind in AT_TOP}


def second_site(port: int) -> Callable[[str], str]:
    """Return the change in nginx.conf that docs/deploy.md tells for a second site."""

    def change(text: str) -> str:
        upstream = f"upstream musiclassify_music {{ server {HOST}:{port}; }}\n"
        location = "location /music/ { proxy_pass http://musiclassify_music; }"
        assert text.count("    location / {") == 1
        return upstream + text.replace("    location / {", f"    {location}\n    location / {{")

    return change


def fingerprint(certificate: Path) -> str:
    """Return the name by which Chromium is told to believe a certificate."""
    key = subprocess.run(
        ["openssl", "x509", "-in", certificate, "-pubkey", "-noout"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    der = base64.b64decode(b"".join(key.splitlines()[1:-1]))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Balancer]:
    """Start a site at the top, one under /music, and nginx in front of both."""
    need_nginx()
    common: dict[str, Any] = {"MODEL": "v10", "TRUSTED_HOSTS": f"{NAME},{HOST}", "PROXIES": 1}
    top = Site(tmp_path / "top.txt", **common)
    music = Site(tmp_path / "music.txt", PATH="/music", **common)
    folder = tmp_path / "nginx"
    folder.mkdir()
    ports = {**free_ports(), "a": top.port, "b": top.port}
    balancer = Balancer("nginx", folder, ports, second_site(music.port))
    try:
        top.start()
        music.start()
        balancer.start()
        yield balancer
    finally:
        balancer.stop()
        music.stop()
        top.stop()


@pytest.fixture
def tab(browser: Browser, nginx: Balancer, tmp_path: Path) -> Iterator[Callable[[str], Visit]]:
    """Return a function that makes a tab for a path; all are of one profile, which knows nginx."""
    flags = [flag.replace(ELSEWHERE, NAME) for flag in FLAGS]
    flags.append(
        f"--ignore-certificate-errors-spki-list={fingerprint(nginx.folder / 'musiclassify.crt')}"
    )
    context = browser.browser_type.launch_persistent_context(
        tmp_path / "profile", executable_path=install_browser.find(), args=flags
    )

    def make(path: str) -> Visit:
        visitor = Visit(context.new_page(), f"https://{NAME}:{nginx.port}{path}")
        visitor.expected_complaints = (*GONE, "503")
        return visitor

    yield make
    context.close()


def use(visitor: Visit, song: Path) -> None:
    """Open a site, let the browser keep it and its list, and put a song under an own genre."""
    visitor.opened()
    kept(visitor)
    visitor.page.check("#remember")
    visitor.finish([song])
    file_under(visitor, song.name, "Lullaby")
    path = visitor.page.evaluate("location.pathname")
    name = f"musiclassify:{path}" if path != "/" else "musiclassify"
    visitor.page.wait_for_function(
        "(key) => localStorage.getItem(key)?.includes('Lullaby')", arg=f"{name}-own-genres"
    )


def forget(visitor: Visit) -> None:
    """Erase the list of a site, and the page itself."""
    visitor.page.click("#erase")
    visitor.page.get_by_text("Erased: nothing is remembered any more").wait_for()
    visitor.page.click("#kept button")
    visitor.page.get_by_text("Removed. Your next visit keeps it again.").wait_for()


def test_two_sites_under_one_name_leave_each_other_alone(
    tab: Callable[[str], Visit], nginx: Balancer, tmp_path: Path
):
    sounds = {name: write(tmp_path / f"{name}.wav", 12, 22050) for name in ("top", "under", "late")}
    top, music = tab("/"), tab("/music/")
    use(top, sounds["top"])
    assert stored(top) == AT_TOP
    use(music, sounds["under"])
    assert stored(music) == BOTH
    assert music.page.locator("article.song").count() == 1
    place = f"{music.url.removesuffix('/')}/"
    assert [line for line in music.asked if place not in line and "blob:" not in line] == []

    # without a server: the list comes back, and a song waits
    nginx.stop()
    music.opened()
    music.wait_for("under.wav", "done")
    music.choose([sounds["late"]])
    music.song("late.wav").get_by_text("Waiting for the server").wait_for()
    other = tab("/music/models/v10")
    other.page.goto(other.url)
    other.page.get_by_role("heading", name="The server does not answer").wait_for()
    other.page.click("text=Back to your songs")
    other.page.wait_for_selector("#songs", state="attached")
    assert other.page.url == place
    other.page.close()
    nginx.start()
    music.wait_for("late.wav", "done")

    forget(top)
    assert stored(music) == UNDER_MUSIC
    use(top, sounds["top"])
    forget(music)
    assert stored(top) == AT_TOP
    top.page.reload()
    top.wait_for("top.wav", "done")
    for visitor in (top, music, other):
        visitor.check_console()
