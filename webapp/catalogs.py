"""The catalogs and the sources: `python -m webapp.catalogs` writes into them what the sources say.

`messages.po` holds the texts of templates and Python, as `babel.cfg` says; `scripts.po` those of
static/js; both hold the sentences of `REFUSALS`. Translations stay, texts that are gone go, and a
second run changes nothing: catalogs carry no dates and no line numbers.
"""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import write_po

from features import AUDIO_ERRORS
from features.inversion import INVERSION_ERRORS
from features.own_genres import TEACHING_ERRORS
from features.own_genres_file import FILE_ERRORS

from . import language, script_texts
from .inference import FEATURE_ERRORS
from .settings import REPOSITORY

DOMAINS = ("messages", "scripts")
FOLDERS = ("templates", "webapp")
SCRIPTS = REPOSITORY / "static" / "js"
# Of the header, what says something; the rest differs from run to run or is nobody's.
LEFT_OUT = tuple(
    f'"{name}:'.encode()
    for name in (
        "Project-Id-Version", "Report-Msgid-Bugs-To", "POT-Creation-Date", "PO-Revision-Date",
        "Last-Translator", "Language-Team", "Generated-By",
    )
)  # fmt: skip
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
WIDTH = 100
# Tables of sentences by code, by the domain that says them and by their file.
REFUSALS = {
    "messages": {"webapp/inference/predictor.py": FEATURE_ERRORS},
    "scripts": {
        "features/segments.py": AUDIO_ERRORS,
        "features/inversion.py": INVERSION_ERRORS,
        "features/own_genres.py": TEACHING_ERRORS,
        "features/own_genres_file.py": FILE_ERRORS,
    },
}

Found = list[tuple[str, int, str | tuple[str, ...]]]


class TextError(ValueError):
    """A text that no catalog can hold; `str()` names its place."""


def sources(domain: str) -> Catalog:
    """All texts of a domain, without translations.

    Raises
    ------
    TextError : for a text that is not written out, or that stands alone here and as one of a count
        there.
    """
    found = Catalog(charset="utf-8")
    texts: Found = [
        (name, 0, sentence)
        for name, sentences in REFUSALS[domain].items()
        for sentence in sentences.values()
    ]
    texts += _messages() if domain == "messages" else _scripts()
    for name, line, text in texts:
        known = found.get(text if isinstance(text, str) else text[0])
        if known is not None and known.id != text:
            raise TextError(f"{name}:{line}: {known.id!r} is said otherwise elsewhere")
        found.add(text, locations=[(name, line)])
    return found


def updated(name: str, domain: str) -> Catalog:
    """The catalog of a language as it has to be: the texts of the sources, translated so far."""
    catalog = language.catalog(name, domain)
    catalog.update(sources(domain), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.fuzzy = False
    return catalog


def written(catalog: Catalog) -> bytes:
    """The file of a catalog."""
    file = io.BytesIO()
    write_po(file, catalog, width=WIDTH, include_lineno=False)
    lines = file.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(LEFT_OUT))


def place(name: str, domain: str) -> Path:
    """Where the catalog of a language lies."""
    return language.FOLDER / name / "LC_MESSAGES" / f"{domain}.po"


def _messages() -> Found:
    with (REPOSITORY / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file, "babel.cfg")  # type: ignore[no-untyped-call]

    def ours(folder: str | Path) -> bool:
        parts = Path(folder).relative_to(REPOSITORY).parts
        return not parts or (parts[0] in FOLDERS and parts[-1] != "__pycache__")

    return [
        (name.replace("\\", "/"), line, text)
        for name, line, text, _comments, _context in extract_from_dir(
            REPOSITORY, methods, options, KEYWORDS, directory_filter=ours
        )
    ]


def _scripts() -> Found:
    found: Found = []
    for path in sorted(SCRIPTS.rglob("*.js")):
        name = path.relative_to(REPOSITORY).as_posix()
        for line, function, texts in script_texts.calls(path.read_text(encoding="utf-8")):
            if texts is None:
                raise TextError(f"{name}:{line}: {function}() takes texts that are written out")
            found.append((name, line, texts if len(texts) > 1 else texts[0]))
    return found


def missing(catalog: Catalog) -> list[str]:
    """English texts that have no translation yet, or not for every count."""
    without = []
    for message in catalog:
        said = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and not all(said):
            without.append(message.id if isinstance(message.id, str) else message.id[0])
    return without


def main() -> None:
    """Run the command line."""
    for name in language.LANGUAGES:
        if name == "en":
            continue
        for domain in DOMAINS:
            catalog = updated(name, domain)
            path = place(name, domain)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written(catalog))
            without = missing(catalog)
            print(f"{name}/{domain}.po: {len(catalog)} texts, {len(without)} not translated")
            for text in without:
                print(f"  {text}")


if __name__ == "__main__":
    main()
