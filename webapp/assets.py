"""Everything static: files by content hash, the browser's Python runtime and features.zip.

A URL with the right `?v=<hash>` or inside a versioned folder never changes its content and is
cached for good; every other URL is asked again each time and answered with 304 if unchanged.

Scripts are served in a folder that is named after the version of the whole page. They import each
other by relative URLs, so an open page goes on with scripts of its own version while files change.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import mimetypes
import posixpath
import re
from pathlib import Path
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, request, send_file, url_for
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from . import compression, copies, features_zip, language, snapshot, vendor
from .inference.card import CARD_NAME
from .runtime import LIST_FILE, RUNTIME_DIR, RuntimeFiles, RuntimeProblem, verify
from .settings import REPOSITORY, StartError
from .state import site

bp = Blueprint("assets", __name__)

STATIC = REPOSITORY / "static"
TEMPLATES = REPOSITORY / "templates"
EXTENSION = "musiclassify_features_zip"
# Digits of a hash in addresses and tags.
SHORT = 12
FOREVER = "public, max-age=31536000, immutable"
# Written out, since Windows and old mime.types files name other types.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".zip": "application/zip",
}

# Imports of a script; comments that name types have no "from".
IMPORT = re.compile(r" from '(\.{1,2}/[^']+)';").findall

_hashes: dict[Path, tuple[tuple[int, int], str]] = {}
# The newest version of the page, and the hashes of its files by their names.
_newest: tuple[str, dict[str, str]] = ("", {})


def asset(name: str) -> str:
    """URL of a file in static/ that changes with its content.

    The URL of a script changes with any file of the page. A missing file gets its plain URL: the
    page then lacks a picture or a style, but it is shown.
    """
    path = _vendored(name) or STATIC / name
    if path.suffix == ".js" and path.is_file():
        return url_for("assets.page_file", version=page_version(), name=name)
    version = file_hash(path) if path.is_file() else None
    return url_for("assets.static_file", name=name, v=version)


def page_files() -> dict[str, Path]:
    """Files that pages load, by name: those of static/ without the runtime, and the libraries."""
    found = {}
    for path in sorted(STATIC.rglob("*")):
        if path.suffix in TYPES and not path.is_relative_to(RUNTIME_DIR) and path.is_file():
            found[path.relative_to(STATIC).as_posix()] = path
    libraries = {f"vendor/{name}": script.file for name, script in vendor.SCRIPTS.items()}
    return found | {name: path for name, path in libraries.items() if path.is_file()}


def imported(name: str) -> list[str]:
    """URLs of all scripts that a script of static/ imports, directly or through others.

    A page that lists them lets the browser fetch all at once, not each after its importer.
    """
    return [asset(each) for each in _imports(name, page_version())]


@functools.lru_cache(maxsize=8)
def _imports(name: str, _version: str) -> tuple[str, ...]:
    files = page_files()
    found = [name]
    for each in found:
        text = files[each].read_text(encoding="utf-8") if each in files else ""
        names = (posixpath.normpath(f"{posixpath.dirname(each)}/{other}") for other in IMPORT(text))
        found += [other for other in dict.fromkeys(names) if other in files and other not in found]
    return tuple(found[1:])


def page_version() -> str:
    """Hash of everything that a page is made of, except the runtime.

    That is the files it loads, the texts it shows and the cards of the models.
    """
    global _newest
    if "page_version" not in g:
        made_of = [
            *sorted(TEMPLATES.rglob("*.html")),
            *sorted(language.FOLDER.rglob("*.po")),
            *(card.folder / CARD_NAME for card in site().registry.cards.values()),
        ]
        files = {name: file_hash(path) for name, path in page_files().items()}
        lines = [f"{name} {digest}" for name, digest in files.items()]
        lines += [f"{path.name} {file_hash(path)}" for path in made_of if path.is_file()]
        g.page_version = _short_hash("\n".join([*lines, _short_hash(_features().content)]).encode())
        _newest = (g.page_version, files)
    return cast(str, g.page_version)


def runtime_version() -> str:
    """Hash of the list of runtime files; the start has compared the files with the list."""
    return file_hash(LIST_FILE)


def runtime_url() -> str:
    """Folder URL of the browser's Python runtime; it changes with any file in it."""
    return f"{url_for('assets.static_file', name='runtime')}/{runtime_version()}/"


def numpy_archive() -> dict[str, str]:
    """URL and checksum of numpy's archive, as the page's scripts fetch it."""
    listing = RuntimeFiles.load()
    digest = base64.b64encode(bytes.fromhex(listing.files[listing.archive])).decode()
    return {"url": runtime_url() + listing.archive, "integrity": f"sha256-{digest}"}


def find_snapshot() -> snapshot.Snapshot | None:
    """The snapshot from which Python starts, if there is a good one."""
    return snapshot.find(RUNTIME_DIR, _runtime_files().values(), _features().digest)


def snapshot_address() -> dict[str, str | int] | None:
    """What the page's scripts need of the snapshot; None where there is none.

    Its URL has its own hash, and no other address depends on it: hosts may have different ones.
    """
    found = find_snapshot()
    if found is None:
        return None
    url = url_for("assets.snapshot_file", digest=found.sha256)
    return {"url": url, "bytes": found.size, "table": found.table}


def features_url() -> str:
    """URL of the zip of the features package."""
    return url_for("assets.features_file", v=_short_hash(_features().content))


def count_analysis_files() -> int:
    """Number of files that the page's analysis loads: the runtime's, and the features package."""
    return len(_runtime_files()) + 1


def file_hash(path: Path) -> str:
    """Short hash of a file's content, computed anew only when size or time of the file change.

    Raises
    ------
    FileNotFoundError : for a missing file.
    """
    stat = path.stat()
    stamp = (stat.st_mtime_ns, stat.st_size)
    known = _hashes.get(path)
    if known is None or known[0] != stamp:
        known = _hashes[path] = (stamp, _short_hash(path.read_bytes()))
    return known[1]


def check_runtime() -> None:
    """Refuse to start when the runtime or a library of the page is missing or was changed.

    Raises
    ------
    StartError : with the problems and the commands that repair them.
    """
    try:
        problems = verify()
    except RuntimeProblem as error:
        raise StartError(str(error)) from error
    if problems:
        raise StartError(
            "The browser's Python runtime in static/runtime is not complete: "
            f"{'; '.join(problems)}. Run `make serve` or `python -m webapp.runtime`."
        )
    # of 38 MB, so the first visitor does not wait for it; a bad one is no reason not to start
    listed = RuntimeFiles.load().files.values()
    snapshot.find(RUNTIME_DIR, listed, features_zip.build().digest)
    if problems := vendor.problems():
        raise StartError(
            f"The page's libraries are not complete: {'; '.join(problems)}. Run `make serve` or "
            "`npm ci`."
        )


@bp.get("/static/<path:name>")
def static_file(name: str) -> Response:
    """Serve a file of static/."""
    path = _vendored(name) or _inside(STATIC, name)
    return _send(path, file_hash(path), forever=request.args.get("v") == file_hash(path))


@bp.get("/static/page/<version>/<path:name>")
def page_file(version: str, name: str) -> Response:
    """Serve a file of static/ under the page's version; other versions are gone: 404."""
    path = _vendored(name) or _inside(STATIC, name)
    newest, files = _newest
    # computing the version takes longer than sending a file, so it is not done for each of them
    if (version != newest or files.get(name) != file_hash(path)) and version != page_version():
        raise NotFound
    return _send(path, file_hash(path), forever=True)


@bp.get("/static/runtime/<version>/<name>")
def runtime_file(version: str, name: str) -> Response:
    """Serve a file of the runtime under its version."""
    if version != runtime_version():
        raise NotFound
    return _send_copied(_inside(RUNTIME_DIR, name), _runtime_files()[name])


@bp.get("/static/snapshot/<digest>")
def snapshot_file(digest: str) -> Response:
    """Serve the snapshot of Python's memory; those of other hosts are not here: 404."""
    found = find_snapshot()
    if found is None or digest != found.sha256:
        raise NotFound
    return _send_copied(RUNTIME_DIR / snapshot.NAME, found.sha256)


@bp.get("/features.zip")
def features_file() -> Response:
    """Serve the features package for the browser's Python."""
    content = _features().content
    tag = _short_hash(content)
    return _send(io.BytesIO(content), tag, forever=request.args.get("v") == tag)


@bp.record_once
def _build(state: object) -> None:
    app: Flask = state.app  # type: ignore[attr-defined]
    app.extensions[EXTENSION] = features_zip.build()


def _features() -> features_zip.FeaturesZip:
    return cast(features_zip.FeaturesZip, current_app.extensions[EXTENSION])


def _short_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:SHORT]


def _vendored(name: str) -> Path | None:
    script = (
        vendor.SCRIPTS.get(name.removeprefix("vendor/")) if name.startswith("vendor/") else None
    )
    return script.file if script else None


def _inside(folder: Path, name: str) -> Path:
    joined = safe_join(str(folder), name)
    path = folder if joined is None else Path(joined)
    if (
        path.is_relative_to(RUNTIME_DIR)
        and path.relative_to(RUNTIME_DIR).as_posix() not in _runtime_files()
    ):
        # a stray file: only listed ones were compared with their sha256
        raise NotFound
    try:
        there = path.is_file()
    except OSError:
        # a name that no file system takes
        there = False
    if not there:
        raise NotFound
    return path


@functools.cache
def _runtime_files() -> dict[str, str]:
    return RuntimeFiles.load().files


def _send_copied(path: Path, digest: str) -> Response:
    """Send a file for good, compressed where it has copies."""
    found = copies.find(path, digest)
    coding = compression.wanted(found)
    response = _send(path, digest[:SHORT], forever=True, copy=found.get(coding))
    return compression.named(response, coding) if found else response


def _send(
    content: Path | io.BytesIO, tag: str, *, forever: bool, copy: Path | None = None
) -> Response:
    name = content.name if isinstance(content, Path) else "features.zip"
    kind = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
    response = send_file(
        copy or content,
        mimetype=kind or "application/octet-stream",
        download_name=name,
        etag=tag,
        conditional=True,
    )
    response.headers["Cache-Control"] = FOREVER if forever else "no-cache"
    return response
