"""A site under a path: every address it makes leads into it, and nothing of its page is shared."""

from __future__ import annotations

import itertools
import json
import re
from html import unescape
from typing import Any
from urllib.parse import urljoin

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.test_offline import contents
from tests.webapp.test_pages import config_of
from webapp import create_app
from webapp.inference import Registry
from webapp.place import kept_as
from webapp.security import ANALYSIS_POLICY, CONTENT_SECURITY_POLICY, HEADERS
from webapp.server.plan import Plan
from webapp.settings import Settings, StartError

LINK = re.compile(r'(?:href|src)="(/[^"]*)"')
WORKER = "js/analysis/analysis_worker.js"


@pytest.fixture(scope="module")
def music_app() -> Flask:
    return create_app({"PATH": "/music", "TESTING": True})


@pytest.fixture
def music(music_app: Flask) -> FlaskClient:
    return music_app.test_client()


def contents_of(client: FlaskClient) -> dict[str, Any]:
    found = re.match(r"const SITE = (\{.*?\n\});\n", client.get("/music/sw.js").text, re.S)
    assert found
    listed: dict[str, Any] = json.loads(found[1])
    return listed


@pytest.mark.parametrize(
    "address",
    ["", "?lang=fr", "models/v1", "models/v1?lang=fr", "offline", "offline?lang=fr", "nothing"],
)
def test_every_link_leads_into_the_site(music: FlaskClient, address: str) -> None:
    found = LINK.findall(music.get(f"/music/{address}").text)
    links = {unescape(link) for link in found}
    assert len(links) > 4
    assert {link for link in links if not link.startswith("/music/")} == set()
    # a page that is not there has no other language either
    there = {link for link in links if "/nothing" not in link}
    assert {link: status for link in there if (status := music.get(link).status_code) != 200} == {}


def test_the_switch_of_languages_stays_on_the_page(music: FlaskClient) -> None:
    page = music.get("/music/models/v1?lang=en").text
    assert 'href="/music/models/v1?lang=fr"' in page
    assert '<link rel="alternate" hreflang="x-default" href="/music/models/v1">' in page


def test_scripts_and_the_service_worker_are_told_addresses_in_the_site(
    music: FlaskClient,
) -> None:
    page, worker = music.get("/music/").text, contents_of(music)
    told = re.findall(r'"(/[^"]*)"', page[page.index('id="config"') : page.index("</script>")])
    listed = [*worker["pages"], *worker["instead"], *worker["files"], *worker["runtime"]]
    assert len(told) > 10
    assert len(listed) > 100
    assert {each for each in [*told, *listed] if not each.startswith("/music/")} == set()
    for address in listed:
        assert music.get(address).status_code == 200, address
    assert worker["root"] == "/music/"


def test_the_manifest_leads_to_its_own_site(client: FlaskClient, music: FlaskClient) -> None:
    for site, root in ((client, "/"), (music, "/music/")):
        (address,) = re.findall(r'rel="manifest" href="([^"]*)"', site.get(root).text)
        manifest = site.get(address).get_json(force=True)
        assert urljoin(address, manifest["start_url"]) == root
        for icon in manifest["icons"]:
            assert site.get(urljoin(address, icon["src"])).status_code == 200


def test_the_path_alone_leads_to_the_page_and_keeps_the_query(music: FlaskClient) -> None:
    for query in ("", "?lang=fr&x=//evil.example"):
        response = music.get(f"/music{query}")
        assert response.status_code == 308
        assert response.headers["Location"] == f"/music/{query}"
        for name, value in HEADERS.items():
            assert response.headers[name] == value


def test_a_proxy_may_take_the_path_away(music: FlaskClient) -> None:
    assert music.get("/readyz").status_code == music.get("/music/readyz").status_code == 200
    assert music.get("/").text == music.get("/music/").text
    for address in ("/musical/", "/music/music/", "/Music/"):
        assert music.get(address).status_code == 404


def test_only_the_analysis_may_compile(music: FlaskClient) -> None:
    folder = contents_of(music)["folder"]
    for name, policy in ((WORKER, ANALYSIS_POLICY), ("js/app.js", CONTENT_SECURITY_POLICY)):
        assert music.get(f"{folder}{name}").headers["Content-Security-Policy"] == policy


def test_programs_are_told_where_the_api_is(client: FlaskClient, music: FlaskClient) -> None:
    assert client.get("/api/openapi.json").get_json()["servers"] == [{"url": "/"}]
    document = music.get("/music/api/openapi.json").get_json()
    assert document["servers"] == [{"url": "/music"}]
    assert music.get("/music/api/v1/models").get_json()["selected"]
    error = music.get("/music/api/nothing").get_json()["error"]
    assert "/music/api/openapi.json" in error["message"]


def test_a_site_at_the_top_keeps_its_things_under_the_names_it_always_had(
    client: FlaskClient,
) -> None:
    assert config_of(client)["root"] == contents(client)["root"] == "/"
    assert config_of(client)["keptAs"] == contents(client)["keptAs"] == "musiclassify"


def test_no_site_takes_the_things_of_another_for_its_own() -> None:
    """Whatever is kept has a name that begins with the site's and a hyphen."""
    names = []
    for path in ("", "/music", "/music/old", "/music/music", "/music-old", "/music.old", "/old"):
        with create_app({"PATH": path}).test_request_context():
            names.append(kept_as())
    for one, other in itertools.permutations(names, 2):
        assert not f"{one}-page".startswith(f"{other}-")


def test_the_start_tells_the_whole_address(registry: Registry) -> None:
    for path, url in (("", "http://127.0.0.1:5000/"), ("/music", "http://127.0.0.1:5000/music/")):
        assert Plan(Settings(path=path), registry, "v1").url == url


@pytest.mark.parametrize(
    ("text", "path"),
    [("/", ""), ("music", "/music"), ("/music/", "/music"), ("/a/b-c_d.e~f/", "/a/b-c_d.e~f")],
)
def test_paths_may_be_written_in_several_ways(text: str, path: str) -> None:
    assert Settings.read(environ={"MUSICLASSIFY_PATH": text}).path == path


@pytest.mark.parametrize(
    "text",
    ["/a//b", "/a/../b", "/.a", "/-a", "/a b", "/ä", "/a?b", "https://x/a", "/api", "/static/a"],
)
def test_other_paths_are_refused(text: str) -> None:
    with pytest.raises(StartError, match=r"MUSICLASSIFY_PATH is .* must be a path such as /music"):
        Settings.read(environ={"MUSICLASSIFY_PATH": text})
