"""A real site behind a real nginx with `docs/deploy/nginx.conf`, at the top and under a path."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.webapp import balancers
from tests.webapp.balancers import NAME, Balancer, free_ports, need_nginx
from tests.webapp.running import Server
from tests.webapp.test_place import LINK

pytestmark = pytest.mark.full

# Longest until nginx has kept a file.
KEPT_S = 20


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


class Front:
    """nginx, which passes everything on to one site."""

    def __init__(self, balancer: Balancer) -> None:
        self.balancer = balancer
        self.origin = f"https://{NAME}:{balancer.port}"
        self._connection = balancer.connect()

    def close(self) -> None:
        self._connection.close()

    def ask(self, path: str, body: Any = None, **headers: str) -> Answer:
        told = {"Content-Type": "application/json", **headers} if body is not None else headers
        sent = None if body is None else json.dumps(body)
        self._connection.request("GET" if body is None else "POST", path, sent, told)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return Answer(
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            content.decode(errors="replace"),
        )


@contextmanager
def in_front(folder: Path, change: Callable[[str], str] = str, **settings: Any) -> Iterator[Front]:
    """Start a site and nginx in front of it."""
    need_nginx()
    site = Server("--model", "v1", TRUSTED_HOSTS=f"{NAME},127.0.0.1", PROXIES=1, **settings)
    # both hosts of the file are this one
    ports = {**free_ports(), "a": site.port, "b": site.port}
    balancer = Balancer("nginx", folder, ports, change)
    try:
        site.expect("is ready")
        balancer.start()
        front = Front(balancer)
        yield front
        front.close()
    finally:
        balancer.stop()
        site.close()


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with in_front(tmp_path_factory.mktemp("top")) as front:
        yield front


def under_music(text: str) -> str:
    """The file of nginx for a path, changed as its comment says."""
    changed, count = re.subn(r"location (/|/static/) {", r"location /music\1 {", text)
    assert count == 2
    return changed


def keep_path(text: str) -> str:
    """The file as it is: it passes on every address, so the setting alone is enough."""
    return text


def take_path(text: str) -> str:
    """The same, but nginx takes the path away, as many proxies do."""
    return under_music(text).replace(
        "location /music/ {\n        proxy_pass http://musiclassify;",
        "location /music/ {\n        proxy_pass http://musiclassify/;",
    )


@pytest.fixture(scope="module", params=[under_music, keep_path, take_path])
def music(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    with in_front(tmp_path_factory.mktemp("music"), request.param, PATH="/music") as front:
        yield front


def test_a_page_at_any_port_may_ask_for_predictions(
    top: Front, body: dict[str, Any], url: str
) -> None:
    assert top.balancer.port != 443
    answer = top.ask(url, body, Origin=top.origin, **{"Sec-Fetch-Site": "same-origin"})
    assert answer.status == 200
    assert json.loads(answer.text)["version"] == "v1"


def test_pages_of_other_ports_and_schemes_may_not(
    top: Front, body: dict[str, Any], url: str
) -> None:
    for origin in (f"https://{NAME}", f"https://{NAME}:1", top.origin.replace("https", "http")):
        assert top.ask(url, body, Origin=origin).status == 403


def test_other_names_are_refused(top: Front) -> None:
    assert top.ask("/", Host=f"evil.example:{top.balancer.port}").status == 400


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_what_is_not_for_visitors_is_hidden(top: Front, music: Front, path: str) -> None:
    assert top.ask(path).status == 404
    assert music.ask(f"/music{path}").status == 404


def test_under_a_path_every_link_leads_into_it(music: Front) -> None:
    links: set[str] = set()
    for path in ("/music/", "/music/?lang=fr", "/music/models/v1", "/music/offline"):
        answer = music.ask(path)
        assert answer.status == 200
        links |= {link.replace("&amp;", "&") for link in LINK.findall(answer.text)}
    assert len(links) > 100
    assert {link for link in links if not link.startswith("/music/")} == set()
    assert {link: status for link in links if (status := music.ask(link).status) != 200} == {}


def test_the_path_alone_leads_to_the_page(music: Front) -> None:
    answer = music.ask("/music")
    assert answer.status in (301, 308)
    assert answer.headers["location"] in ("/music/", f"{music.origin}/music/")


def test_under_a_path_predictions_are_answered(
    music: Front, body: dict[str, Any], url: str
) -> None:
    assert music.ask(f"/music{url}", body, Origin=music.origin).status == 200
    assert json.loads(music.ask("/music/healthz").text) == {"status": "ok"}


def test_under_a_path_only_the_analysis_may_compile(music: Front) -> None:
    found = re.search(r'"folder": "([^"]+)"', music.ask("/music/sw.js").text)
    assert found
    for name, allowed in (("js/analysis/analysis_worker.js", True), ("js/app.js", False)):
        policy = music.ask(found[1] + name).headers["content-security-policy"]
        assert ("'wasm-unsafe-eval'" in policy) is allowed


def test_without_nginx_tests_are_skipped_aloud_and_fail_where_all_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(balancers, "find", lambda _program: None)
    for ci, outcome in (("", pytest.skip.Exception), ("true", pytest.fail.Exception)):
        monkeypatch.setenv("CI", ci)
        with pytest.raises(outcome, match="behind nginx was not tried: install the package nginx"):
            need_nginx()


def test_nginx_keeps_files_that_never_change(top: Front) -> None:
    (style,) = re.findall(r'href="(/static/css/base[^"]*)"', top.ask("/").text)
    before = len(list(top.balancer.lines()))
    first = top.ask(style).text
    hosts: list[str] = []
    deadline = time.monotonic() + KEPT_S
    # The file is kept, and a line written, a moment after the answer is out.
    while "" not in hosts:
        assert time.monotonic() < deadline, hosts
        assert top.ask(style).text == first
        time.sleep(0.1)
        hosts = [line["host"] for line in list(top.balancer.lines())[before:]]
    assert hosts[0].startswith("127.0.0.1:")
