"""The headers of every kind of answer, compared with a list written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp import create_app
from webapp.assets import STATIC, find_snapshot, page_version, runtime_version

# Those that the OWASP Secure Headers Project names. Clear-Site-Data is for the end of a session,
# and there are none.
EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-DNS-Prefetch-Control": "off",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "worker-src": "'self'",
    "connect-src": "'self'",
    "style-src": "'self' 'sha256-GDz2FZP0i7VZaDhs1mgc43IRUXU2xajPIjvThHvZvbs='",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "font-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "musiclassify default",
}
WASM = {"script-src": "'self' 'wasm-unsafe-eval'"}
STALE = {"no-store", "no-cache", "public, max-age=31536000, immutable"}
# of each route, one address
ADDRESSES = {
    "/": "/",
    "/models/<version>": "/models/v1",
    "/models/<version>/<name>": "/models/v1/report.html",
    "/offline": "/offline",
    "/sw.js": "/sw.js",
    "/features.zip": "/features.zip",
    "/healthz": "/healthz",
    "/readyz": "/readyz",
    "/metrics": "/metrics",
    "/api/openapi.json": "/api/openapi.json",
    "/api/v1/models": "/api/v1/models",
    "/api/v1/models/<version>": "/api/v1/models/v1",
    "/api/v1/models/<version>/embedding": "/api/v1/models/v1/embedding",
    "/api/v1/models/<version>/predictions": "/api/v1/models/v1/predictions",
    "/static/<path:name>": "/static/img/favicon.svg",
    "/static/page/<version>/<path:name>": "/static/page/{page}/js/app.js",
    "/static/runtime/<version>/<name>": "/static/runtime/{runtime}/pyodide.asm.wasm",
    "/static/snapshot/<digest>": "/static/snapshot/{snapshot}",
}
FAULTS = (
    "/nothing",
    "/api/nothing",
    "/models/v999",
    "/api/v1/models/v999",
    "/static/nothing.js",
    "/static/../webapp/security.py",
    "/static/page/000000000000/js/app.js",
    "/static/runtime/000000000000/pyodide.mjs",
    "/static/snapshot/000000000000",
)


@pytest.fixture(scope="module")
def versions(app: Flask) -> dict[str, str]:
    with app.test_request_context():
        snapshot = find_snapshot()
        assert snapshot
        return {
            "page": page_version(),
            "runtime": runtime_version(),
            "snapshot": snapshot.sha256,
        }


def check(headers: Any, **differs: str) -> None:
    """Every header is there, once, and as it is written above."""
    for name, value in EXPECTED.items():
        assert headers.getlist(name) == [value], name
    (policy,) = headers.getlist("Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules == POLICY | differs
    (features,) = headers.getlist("Permissions-Policy")
    assert "microphone=(self)" in features
    for off in ("camera", "geolocation", "payment", "usb", "display-capture"):
        assert f"{off}=()" in features
    assert headers["Cache-Control"] in STALE
    names = {name.lower() for name in headers.keys()}  # noqa: SIM118
    assert not {"set-cookie", "strict-transport-security", "x-powered-by"} & names
    assert not [name for name in names if name.startswith("access-control")]


def test_every_route_is_in_the_table(app: Flask) -> None:
    assert {rule.rule for rule in app.url_map.iter_rules()} == set(ADDRESSES)


@pytest.mark.parametrize("address", [*ADDRESSES.values(), *FAULTS])
def test_every_answer_has_them(client: FlaskClient, versions: dict[str, str], address: str) -> None:
    path = address.format(**versions)
    statuses = set()
    for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE", "FOO"):
        response = client.open(path, method=method)
        check(response.headers)
        statuses.add(response.status_code)
    for headers in ({"Host": "evil.example"}, {"Range": "bytes=999999999-"}):
        response = client.get(path, headers=headers)
        check(response.headers)
        statuses.add(response.status_code)
    response = client.post(path, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403
    check(response.headers)
    assert statuses <= {200, 206, 400, 404, 405, 415, 416}
    if address in ADDRESSES.values():
        assert statuses & {200, 415}, "no good answer was looked at"


def test_unchanged_files_have_them_too(client: FlaskClient) -> None:
    first = client.get("/static/img/favicon.svg")
    again = client.get("/static/img/favicon.svg", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    check(again.headers)


def test_only_the_analysis_may_compile_webassembly(
    client: FlaskClient, versions: dict[str, str]
) -> None:
    scripts = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("js/**/*.js"))
    assert "js/analysis/analysis_worker.js" in scripts
    assert len(scripts) > 40
    for name in scripts:
        for folder in ("/static", f"/static/page/{versions['page']}"):
            response = client.get(f"{folder}/{name}")
            assert response.mimetype == "text/javascript"
            check(response.headers, **(WASM if name == "js/analysis/analysis_worker.js" else {}))


def test_internal_errors_have_them() -> None:
    app = create_app()
    app.add_url_rule("/api/broken", "first", view_func=lambda: str(1 / 0))
    app.add_url_rule("/broken", "second", view_func=lambda: str(1 / 0))
    for path in ("/api/broken", "/broken"):
        response = app.test_client().get(path)
        assert response.status_code == 500
        check(response.headers)
        assert response.headers["Cache-Control"] == "no-store"


def test_answers_are_not_cached_unless_their_route_says_so() -> None:
    app = create_app()

    def stream() -> Iterator[str]:
        yield "text"

    app.add_url_rule("/plain", "plain", view_func=lambda: "text")
    app.add_url_rule("/stream", "stream", view_func=lambda: app.response_class(stream()))
    for path in ("/plain", "/stream"):
        response = app.test_client().get(path)
        check(response.headers)
        assert response.headers["Cache-Control"] == "no-store"
