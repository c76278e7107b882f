"""The service worker, which keeps the page for times when the server does not answer.

Its script is `static/js/sw.js` with the list of files to keep in front of it: when a file changes,
the list does, and the browser installs the changed script.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for

from . import assets, place
from .language import LANGUAGES, PARAMETER
from .runtime import RUNTIME_DIR, RuntimeFiles

bp = Blueprint("offline", __name__)

SCRIPT = "js/sw.js"
# Header that tells the service worker that a page is ours, and which version of the files it needs.
VERSION_HEADER = "MusiClassify-Version"
NAMED = ("pages.index", "offline.instead")


@bp.get("/sw.js")
def service_worker() -> Response:
    """Serve the service worker beside the page: it governs the folder that it comes from."""
    script = (assets.STATIC / SCRIPT).read_text(encoding="utf-8")
    text = f"const SITE = {json.dumps(contents(), indent=2)};\n\n{script}"
    response = Response(text, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(hashlib.sha256(text.encode()).hexdigest()[:12])
    response.make_conditional(request)
    return response


@bp.get("/offline")
def instead() -> Response:
    """Serve the page that the service worker shows in place of those that it does not keep."""
    # it is shown under the address of the other page
    links = {"in_language": lambda name: f"?{PARAMETER}={name}"}
    response = make_response(render_template("offline.html", **links))
    response.headers["Cache-Control"] = "no-cache"
    return response


def contents() -> dict[str, Any]:
    """Addresses that the service worker keeps, and the versions that name its caches."""
    version = assets.page_version()
    languages = ["", *(f"?{PARAMETER}={name}" for name in LANGUAGES)]
    files = [
        url_for("assets.page_file", version=version, name=name)
        if name.endswith(".js")
        else assets.asset(name)
        for name in assets.page_files()
        if name != SCRIPT
    ]
    return {
        "root": url_for("pages.index"),
        "keptAs": place.kept_as(),
        "version": version,
        "versionHeader": VERSION_HEADER,
        "pages": [url_for("pages.index") + query for query in languages],
        "instead": [url_for("offline.instead") + query for query in languages],
        "languageParameter": PARAMETER,
        "files": [*files, assets.features_url()],
        "folder": url_for("assets.page_file", version=version, name=""),
        "runtimeVersion": assets.runtime_version(),
        "runtime": [assets.runtime_url() + name for name in RuntimeFiles.load().files],
    }


def stored_megabytes() -> int:
    """About how many megabytes the browser keeps, unpacked."""
    runtime = [RUNTIME_DIR / name for name in RuntimeFiles.load().files]
    sizes = [path.stat().st_size for path in [*assets.page_files().values(), *runtime]]
    snapshot = assets.find_snapshot()
    return round((sum(sizes) + (snapshot.size if snapshot else 0)) / 1e6)


@bp.app_context_processor
def _helpers() -> dict[str, Any]:
    return {"stored_megabytes": stored_megabytes}


@bp.after_app_request
def name_version(response: Response) -> Response:
    """Set the header with the version of the page."""
    if request.endpoint in NAMED and response.status_code == 200:
        response.headers[VERSION_HEADER] = assets.page_version()
    return response
