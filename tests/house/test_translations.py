"""The catalogs hold every text of the sources, translated and with its placeholders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from webapp import catalogs, language, script_texts

NAMES = [name for name in language.LANGUAGES if name != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|%|\{\w+\}")
TAG = re.compile(r"</?\w+[^>]*>")
# Breaches of French typography, which does not apply to code, addresses and headers.
CODE = re.compile(r"`[^`]*`|Content-Type: \S+|https?://\S+|'[^\w\s]'")
WRONG_TYPE = re.compile(
    r"'|\.\.\.|\"|(?<![\u202f:])[;?!](?!\w)|(?<!\u202f):(?!\w)|«(?!\u202f)|(?<!\u202f)»"
)

SCRIPT = r"""
import { t, tn } from './text.js';
// t('in a comment')
/* tn('in a', 'comment') */
const re = /t\('in a regex'\)['"`]/g; const d = a / b / c; s.replace(/[/'"]/g, '');
class A { #t; m() { this.t('a method'); return /'/.test(s) ? t("dq \"x\" \u2019") : t('it\'s'); } }
const z = `${a ? `, ${t('in {n}', { n: tn('{n} song', '{n} songs', c(1)) })}` : ''} it's ${t('b')}`
t('long ' +
  'text', { a: f(')') });
t(`plain`); const fn = (t) => t * 2; export function tn(one, many) {} set('no'); at('no');
t('outer', { a: t('inner') },);
"""


def both(name: str) -> list[tuple[str, Catalog]]:
    return [(domain, language.catalog(name, domain)) for domain in catalogs.DOMAINS]


def texts(message: Message, of: str) -> list[str]:
    value = getattr(message, of)
    return [value] if isinstance(value, str) else list(value)


def messages(name: str) -> list[tuple[str, Message]]:
    return [(domain, each) for domain, catalog in both(name) for each in catalog if each.id]


@pytest.mark.parametrize("domain", catalogs.DOMAINS)
@pytest.mark.parametrize("name", NAMES)
def test_catalogs_are_what_the_sources_say(name: str, domain: str) -> None:
    """`make translations` would change nothing."""
    there = {str(each.id) for each in language.catalog(name, domain) if each.id}
    said = {str(each.id) for each in catalogs.sources(domain) if each.id}
    assert sorted(said - there) == [], "new texts: run make translations, and translate them"
    assert sorted(there - said) == [], "texts that are gone: run make translations"
    written = catalogs.written(catalogs.updated(name, domain))
    assert written == catalogs.place(name, domain).read_bytes(), "run make translations"
    assert len(said) > 30


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_translated_for_every_count(name: str) -> None:
    for domain, catalog in both(name):
        assert catalogs.missing(catalog) == [], domain
        for message in catalog:
            if message.pluralizable:
                assert len(texts(message, "string")) == catalog.num_plurals, message.id


@pytest.mark.parametrize("name", NAMES)
def test_no_translation_is_a_guess(name: str) -> None:
    for domain, catalog in both(name):
        assert not catalog.fuzzy, domain
        assert not catalog.obsolete, domain
        assert [message.id for message in catalog if message.id and message.fuzzy] == []


@pytest.mark.parametrize("name", NAMES)
def test_placeholders_and_tags_stay(name: str) -> None:
    wrong = []
    for domain, message in messages(name):
        for original, said in zip(texts(message, "id"), texts(message, "string"), strict=True):
            for pattern in (PLACEHOLDER, TAG):
                if sorted(pattern.findall(original)) != sorted(pattern.findall(said)):
                    wrong.append(f"{domain}: {original} -> {said}")
    assert wrong == []


def test_french_typography() -> None:
    wrong = []
    for domain, message in messages("fr"):
        for said in texts(message, "string"):
            plain = TAG.sub("", CODE.sub("", said))
            if found := WRONG_TYPE.search(plain):
                wrong.append(f"{domain}: {found[0]!r} in {said}")
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_the_page_translates_the_refusals_of_its_python(root: Path, name: str) -> None:
    script = (root / "static/js/analysis/engine.js").read_text()
    assert "fromPython(data.message)" in script
    tables = catalogs.REFUSALS["scripts"]
    assert [len(sentences) for sentences in tables.values()] == [3, 2, 6, 5]
    for sentences in tables.values():
        for sentence in sentences.values():
            assert language.script_texts(name)[sentence]


def test_scripts_are_read_as_javascript_is() -> None:
    found = [(call.function, call.texts) for call in script_texts.calls(SCRIPT)]
    assert found == [
        ("t", ('dq "x" \u2019',)),
        ("t", ("it's",)),
        ("t", ("in {n}",)),
        ("tn", ("{n} song", "{n} songs")),
        ("t", ("b",)),
        ("t", ("long text",)),
        ("t", ("plain",)),
        ("t", ("outer",)),
        ("t", ("inner",)),
    ]


@pytest.mark.parametrize("call", ["t(name)", "t(`a ${b}`)", "t('a' + b)", "tn('a', b, n)", "t()"])
def test_texts_that_are_not_written_out_are_told(call: str) -> None:
    (found,) = script_texts.calls(f"const a = {call};\n")
    assert found.texts is None


@pytest.mark.parametrize("source", ["a = 'x\n", "a = `x", "a = `${b`", "/* x"])
def test_scripts_that_do_not_end_are_refused(source: str) -> None:
    with pytest.raises(ValueError, match="without an end"):
        list(script_texts.calls(source))


def test_a_text_is_singular_or_counted_and_always_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.js").write_text("t('{n} song'); tn('{n} song', '{n} songs', n);")
    monkeypatch.setattr(catalogs, "SCRIPTS", tmp_path)
    monkeypatch.setitem(catalogs.REFUSALS, "scripts", {})
    monkeypatch.setattr(catalogs, "REPOSITORY", tmp_path)
    with pytest.raises(catalogs.TextError, match=r"a\.js:1"):
        catalogs.sources("scripts")
    (tmp_path / "a.js").write_text("\nt(name);")
    with pytest.raises(catalogs.TextError, match=r"a\.js:2.*written out"):
        catalogs.sources("scripts")


def test_an_update_drops_unused_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "SCRIPTS", tmp_path)
    monkeypatch.setitem(catalogs.REFUSALS, "scripts", {})
    monkeypatch.setattr(catalogs, "REPOSITORY", tmp_path)
    monkeypatch.setattr(language, "FOLDER", tmp_path / "translations")
    (tmp_path / "a.js").write_text("t('one'); t('two');")
    place = catalogs.place("fr", "scripts")
    place.parent.mkdir(parents=True)
    place.write_bytes(
        b'# A glossary.\nmsgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
        b'msgid "one"\nmsgstr "un"\n\nmsgid "gone"\nmsgstr "parti"\n'
    )
    first = catalogs.updated("fr", "scripts")
    assert [(each.id, each.string) for each in first if each.id] == [("one", "un"), ("two", None)]
    assert catalogs.missing(first) == ["two"]
    place.write_bytes(catalogs.written(first))
    assert place.read_bytes().startswith(b"# A glossary.\n")
    assert b"Date" not in place.read_bytes()
    assert catalogs.written(catalogs.updated("fr", "scripts")) == place.read_bytes()
