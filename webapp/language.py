"""English and French: the language of a request, and the catalogs.

Templates and scripts are written in English. `webapp/translations/fr` holds two catalogs in the
format of gettext: `messages.po` for templates and Python, `scripts.po` for the page's scripts. The
site reads these very files; nothing is compiled.
"""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Blueprint, Flask, Response, has_request_context, request
from flask_babel import Babel, Domain, get_locale, gettext

bp = Blueprint("language", __name__)

FOLDER = Path(__file__).resolve().parent / "translations"
# Each name in its own language, as its speakers look for it.
LANGUAGES = {"en": "English", "fr": "Français"}
PARAMETER = "lang"


def language() -> str:
    """Language of the running request: from `?lang=`, else from the browser, else English."""
    wanted = request.args.get(PARAMETER, "")
    if wanted in LANGUAGES:
        return wanted
    # sorted, the best first; werkzeug's best_match would take "fr" for "en-GB, fr;q=0.5"
    for tag, quality in request.accept_languages:
        name = tag.partition("-")[0].lower()
        if quality > 0 and name in LANGUAGES:
            return name
    return "en"


def catalog(name: str, domain: str) -> Catalog:
    """The catalog of a language, `messages` or `scripts`; empty for English."""
    path = FOLDER / name / "LC_MESSAGES" / f"{domain}.po"
    if not path.is_file():
        return Catalog(Locale(name))
    with path.open("rb") as file:
        return read_po(file, locale=name, domain=domain, abort_invalid=True)


@functools.cache
def script_texts(name: str) -> dict[str, str | list[str]]:
    """Translations of the scripts' texts, by the English ones: a text, or those of one and many."""
    return {
        message.id if isinstance(message.id, str) else message.id[0]: message.string
        if isinstance(message.string, str)
        else list(message.string)
        for message in catalog(name, "scripts")
        if message.id and message.string
    }


@functools.cache
def _translations(name: str) -> Translations | NullTranslations:
    compiled = io.BytesIO()
    write_mo(compiled, catalog(name, "messages"))
    compiled.seek(0)
    return Translations(compiled)


class _Domain(Domain):  # type: ignore[misc]
    def get_translations(self) -> Translations | NullTranslations:
        locale = get_locale()
        return _translations(locale.language) if locale else NullTranslations()


class _Babel(Babel):  # type: ignore[misc]
    @functools.cached_property
    def domain_instance(self) -> Domain:
        return _Domain(domain=self.domain)


def to(path: str, fragment: str = "") -> str:
    """A link inside the site, with the language that was chosen by `?lang=`, if any."""
    wanted = request.args.get(PARAMETER)
    query = f"?{urlencode({PARAMETER: wanted})}" if wanted in LANGUAGES else ""
    return f"{path}{query}{fragment}"


def own_path() -> str:
    """Path of the page of this request, without a query."""
    # two slashes at the beginning would lead to another host
    return f"{request.script_root}/{quote(request.path.lstrip('/'))}"


def in_language(name: str) -> str:
    """Link to the page of this request in a language."""
    rest = {key: value for key, value in request.args.items() if key != PARAMETER}
    return f"{own_path()}?{urlencode({**rest, PARAMETER: name})}"


def _(text: str, **values: object) -> str:
    """A text in the language of the request; in English outside of requests, as at start."""
    if has_request_context():
        return str(gettext(text, **values))
    return text % values if values else text


def N_(text: str) -> str:
    """Mark a text for the catalogs; `_` translates it later."""
    return text


def attach(app: Flask) -> None:
    """Make the app speak both languages."""
    _Babel(app, locale_selector=language)
    helpers: dict[str, Any] = {
        "to": to, "own_path": own_path, "in_language": in_language, "language": language,
        "languages": LANGUAGES,
    }  # fmt: skip
    app.jinja_env.globals.update(helpers)


@bp.after_app_request
def tell(response: Response) -> Response:
    """Set the headers that name the language, and that it depends on the browser's."""
    page = response.mimetype == "text/html" and "Content-Disposition" not in response.headers
    if page or response.status_code >= 400:
        response.content_language.add(language())
        response.vary.add("Accept-Language")
    return response
