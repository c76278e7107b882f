"""Pages and errors speak the language that is asked for; programs that ask for none get English."""

from __future__ import annotations

import copy
import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.asking import JSON, refused, replace
from webapp import create_app, language
from webapp.inference import FEATURE_ERRORS, FeatureError, Registry
from webapp.schema import RequestSchema
from webapp.server.bad_http import refusal

FRENCH = {"Accept-Language": "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7"}


def language_of(text: str) -> str:
    found = re.search(r'<html lang="(\w+)">', text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("query", "asked", "spoken"),
    [
        ("", None, "en"),
        ("", "fr", "fr"),
        ("", "fr-CA", "fr"),
        ("", "de, fr;q=0.5, en;q=0.1", "fr"),
        ("", "en-GB, fr;q=0.5", "en"),
        ("", "fr;q=0, de", "en"),
        ("", "de", "en"),
        ("", "*", "en"),
        ("", ";;q=", "en"),
        ("?lang=fr", None, "fr"),
        ("?lang=fr", "en", "fr"),
        ("?lang=en", "fr", "en"),
        ("?lang=de", "fr", "fr"),
        ("?lang=de", None, "en"),
        ("?lang=", "fr", "fr"),
        ("?lang=../fr", None, "en"),
    ],
)
def test_which_language_a_page_gets(
    client: FlaskClient, query: str, asked: str | None, spoken: str
) -> None:
    response = client.get(f"/{query}", headers={"Accept-Language": asked} if asked else {})
    assert language_of(response.text) == spoken
    assert response.headers["Content-Language"] == spoken
    assert "Accept-Language" in response.headers["Vary"]
    words = {"en": "What genre is your music?", "fr": "De quel genre est votre musique\u202f?"}
    assert words[spoken] in response.text


def test_the_languages_name_each_other(client: FlaskClient) -> None:
    page = client.get("/models/v1?lang=fr").text
    assert '<link rel="alternate" hreflang="en" href="/models/v1?lang=en">' in page
    assert '<link rel="alternate" hreflang="fr" href="/models/v1?lang=fr">' in page
    assert '<link rel="alternate" hreflang="x-default" href="/models/v1">' in page
    assert re.search(r'<a [^>]*lang="en" hreflang="en" href="/models/v1\?lang=en">English<', page)
    page = client.get("/").text
    assert re.search(r'<a [^>]*lang="fr" hreflang="fr" href="/\?lang=fr">Français<', page)


@pytest.mark.parametrize("path", ["/", "/nothing"])
def test_a_chosen_language_stays_on_the_links(client: FlaskClient, path: str) -> None:
    def inside(address: str) -> list[str]:
        links = re.findall(r'<a [^>]*href="(/[^"]*)"', client.get(address).text)
        return [link for link in links if not link.startswith(("/api", "/static"))]

    chosen = inside(f"{path}?lang=fr")
    assert len(chosen) >= 3
    assert [link for link in chosen if "lang=" not in link] == []
    # without a choice, only the switch names a language
    assert [link for link in inside(path) if "lang=" in link] == [f"{path}?lang=fr"]


def test_no_address_leads_to_another_host(client: FlaskClient) -> None:
    for path in ("//evil.example/x", "/\\evil.example", "/a%22%3E%3Cb%3E", "/%2Fevil.example"):
        page = client.get(path).text
        for link in re.findall(r'href="([^"]*lang=fr[^"]*)"', page):
            assert re.match(r"/[^/\\]", unescape(link)), link
        assert "<b>" not in page


@pytest.mark.parametrize(
    ("path", "status", "title", "message"),
    [
        ("/nothing", 404, "Page introuvable", "Cette page n’existe pas ici."),  # noqa: RUF001
        ("/models/v99", 404, "Page introuvable", "Versions disponibles\u202f: v1"),
        ("/models/v1/secret", 404, "Page introuvable", "La version v1 n’a pas ce fichier"),  # noqa: RUF001
    ],
)
def test_error_pages(client: FlaskClient, path: str, status: int, title: str, message: str) -> None:
    response = client.get(path, headers=FRENCH)
    assert response.status_code == status
    assert language_of(response.text) == "fr"
    assert f"<h1>{title}</h1>" in response.text
    assert message in unescape(response.text)
    assert "Revenir à vos morceaux" in response.text
    assert response.headers["Content-Language"] == "fr"
    assert "<h1>Not Found</h1>" in client.get(path).text


def test_an_internal_error_speaks_too() -> None:
    app = create_app()
    app.add_url_rule("/broken", view_func=lambda: str(1 / 0))
    response = app.test_client().get("/broken", headers=FRENCH)
    assert response.status_code == 500
    assert "<h1>Erreur interne du serveur</h1>" in response.text
    assert "Une erreur s’est produite dans le serveur." in response.text  # noqa: RUF001


def broken(body: dict[str, Any]) -> dict[str, tuple[Any, int, str]]:
    """Bodies with their status and code."""

    def changed(**values: Any) -> dict[str, Any]:
        other = copy.deepcopy(body)
        other["segments"][1].update(values)
        return other

    one_row = {"mfcc": body["segments"][0]["features"]["mfcc"][:1]}
    too_large = copy.deepcopy(body["segments"][0]["features"])
    too_large["mfcc"][2][3] = 2e6
    return {
        "empty": (b"", 400, "empty_body"),
        "no JSON": (b"{", 400, "invalid_json"),
        "a comma too many": (b'{"a": 1,}', 400, "invalid_json"),
        "no UTF-8": (b'{"feature_spec": "\xff\xfe"}', 400, "invalid_json"),
        "deep": (b"[" * 100_000, 400, "too_deep"),
        "a text": (changed(start="x"), 422, "invalid_request"),
        "negative": (changed(start=-1), 422, "invalid_request"),
        "one row": (changed(features=one_row), 422, "invalid_request"),
        "no field": ({"segments": []}, 422, "invalid_request"),
        "unknown": ({**body, "more": 1}, 422, "invalid_request"),
        "times": (changed(end=1), 422, "wrong_times"),
        "range": (changed(features=too_large), 422, "out_of_range"),
        "none": ({**body, "segments": []}, 422, "wrong_number_of_segments"),
        "spec": ({**body, "feature_spec": "other"}, 422, "wrong_spec"),
    }


ENGLISH_WORDS = re.compile(
    r"\b(the|is|of|expected|got|send|send|malformed|truncated|must|object|field|segment holds)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "case", list(broken({"segments": [{"features": {"mfcc": [[0] * 4] * 4}}] * 2}))
)
def test_json_errors(client: FlaskClient, body: dict[str, Any], url: str, case: str) -> None:
    data, status, code = broken(body)[case]
    given = (
        {"data": data, "content_type": "application/json"}
        if isinstance(data, bytes)
        else {"json": data}
    )
    english = client.post(url, **given)
    asked = client.post(url, **given, headers=FRENCH)
    chosen = client.post(f"{url}?lang=fr", **given)
    # what programs read is the same in every language
    assert refused(english, status, code) == refused(asked, status, code)
    assert asked.get_json() == chosen.get_json()
    message = asked.get_json()["error"]["message"]
    assert message != english.get_json()["error"]["message"]
    assert not ENGLISH_WORDS.search(message), message
    assert asked.headers["Content-Language"] == "fr"
    assert english.headers["Content-Language"] == "en"
    assert "Accept-Language" in asked.headers["Vary"]


def test_other_json_errors(client: FlaskClient, url: str) -> None:
    def message(response: Any) -> str:
        text: str = response.get_json()["error"]["message"]
        return text

    assert message(client.get("/api/nothing", headers=FRENCH)).startswith("Il n’y a rien")  # noqa: RUF001
    assert message(client.get("/api/v1/models/v99?lang=fr")).startswith("Cette version du modèle")
    assert "n’accepte pas" in message(client.get(url, headers=FRENCH))  # noqa: RUF001
    assert "Content-Type" in message(client.post(f"{url}?lang=fr", data=b"{}"))
    host = client.get("/api/v1/models", headers={**FRENCH, "Host": "evil.example"})
    assert "ce nom d’hôte" in message(host)  # noqa: RUF001
    origin = client.post(url, json={}, headers={**FRENCH, "Origin": "http://evil.example"})
    assert "sont refusées" in message(origin)


def test_answers_depend_on_no_language(client: FlaskClient, body: dict[str, Any], url: str) -> None:
    english, french = client.post(url, json=body), client.post(url, json=body, headers=FRENCH)
    assert english.data == french.data
    for response in (english, french, client.get("/static/js/base/text.js", headers=FRENCH)):
        assert "Content-Language" not in response.headers
        assert "Accept-Language" not in response.headers.get("Vary", "")


def test_a_report_stays_in_its_own_language(client: FlaskClient) -> None:
    response = client.get("/models/v3/report.html?lang=fr")
    assert response.status_code == 200
    assert "Content-Language" not in response.headers


def test_without_a_request_all_is_english(registry: Registry, version: str) -> None:
    assert refusal(431, 1)[0].message == "The address or the headers are too long."
    with pytest.raises(Exception, match="The body is empty"):
        RequestSchema(registry.get(version).spec, 10).parse(b"")


@pytest.mark.parametrize(
    ("place", "value", "english", "french", "reason"),
    [
        ((), [], "an object with `feature_spec`, `segments` and nothing else",
         "un objet avec `feature_spec`, `segments` et rien d’autre",  # noqa: RUF001
         "Expected `object`, got `array`"),
        (("a",), 1, "an object with `feature_spec`, `segments` and nothing else",
         "un objet avec `feature_spec`, `segments` et rien d’autre",  # noqa: RUF001
         "Object contains unknown field `a`"),
        (("feature_spec",), 1, "a text", "un texte", "Expected `str`, got `int`"),
        (("segments",), 1, "a list of segments", "une liste de segments",
         "Expected `array`, got `int`"),
        (("segments", 1), {}, "an object with `start`, `end`, `features` and nothing else",
         "un objet avec `start`, `end`, `features` et rien d’autre",  # noqa: RUF001
         "Object missing required field `start`"),
        (("segments", 1, "start"), "x", "a finite number of seconds, 0 or more",
         "un nombre fini de secondes, au moins 0", "Expected `float`, got `str`"),
        (("segments", 1, "start"), -1, "a finite number of seconds, 0 or more",
         "un nombre fini de secondes, au moins 0", "Expected `float` >= 0.0"),
        (("segments", 1, "end"), None, "a finite number of seconds", "un nombre fini de secondes",
         "Expected `float`, got `null`"),
        (("segments", 1, "features"), [], "an object with `mfcc` and nothing else",
         "un objet avec `mfcc` et rien d’autre",  # noqa: RUF001
         "Expected `object`, got `array`"),
        (("segments", 1, "features", "mfcc"), [], "a list of length 64",
         "une liste de longueur 64", "Expected `array` of length >= 64"),
        (("segments", 1, "features", "mfcc", 2), [0.0] * 3, "a list of length 64",
         "une liste de longueur 64", "Expected `array` of length >= 64"),
        (("segments", 1, "features", "mfcc", 2, 3), "x", "a finite number", "un nombre fini",
         "Expected `float`, got `str`"),
    ],
)  # fmt: skip
def test_a_request_that_does_not_fit_is_told_what_must_be_there(
    client: FlaskClient,
    body: dict[str, Any],
    url: str,
    place: tuple[Any, ...],
    value: Any,
    english: str,
    french: str,
    reason: str,
) -> None:
    sent = body
    if place:
        replace(sent, place, value)
    else:
        sent = value
    for headers, words in (({}, f"there must be {english}. "), (FRENCH, f"il faut {french}. ")):
        error = client.post(url, json=sent, headers=headers).get_json()["error"]
        assert words in error["message"]
        # the decoder's own words are for programs, so they stay English
        assert error["details"]["reason"] == reason


def test_json_that_breaks_is_told_where(client: FlaskClient, url: str) -> None:
    for headers, words in (({}, "is not JSON"), (FRENCH, "n’est pas du JSON")):  # noqa: RUF001
        error = client.post(url, data=b'{"a":1', content_type=JSON, headers=headers).get_json()
        assert words in error["error"]["message"]
        assert error["error"]["details"] == {"reason": "Input data was truncated"}
        error = client.post(url, data=b'{"a":1]', content_type=JSON, headers=headers).get_json()
        assert error["error"]["details"] == {
            "reason": "JSON is malformed: expected ',' or '}' (byte 6)"
        }


def test_an_answer_does_not_carry_back_whatever_was_sent(
    client: FlaskClient, body: dict[str, Any], url: str
) -> None:
    answer = client.post(url, json={**body, "a" * 5000: 1})
    assert len(answer.get_json()["error"]["details"]["reason"]) < 100
    assert len(answer.data) < 1000


def test_sentences_of_the_models(app: Flask) -> None:
    error = FeatureError("wrong_shape", shape="64, 64", found=(1, 2))
    assert str(error) == ("The features have another shape: expected (n >= 1, 64, 64), got (1, 2).")
    with app.test_request_context("/?lang=fr"):
        for code, sentence in FEATURE_ERRORS.items():
            assert language._(sentence, shape="64, 64", found=(1, 2)) != str(error), code
            assert not ENGLISH_WORDS.search(language._(sentence, shape="64", found=(1, 2)))


def test_every_language_has_its_catalogs() -> None:
    for name in language.LANGUAGES:
        assert bool(language.script_texts(name)) == (name != "en")
