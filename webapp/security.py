"""Headers on every response, and requests that other sites must not make.

A service on localhost is reachable from every page that the visitor's browser has open: foreign
names (DNS rebinding) and POSTs of foreign pages are refused, and no CORS header is ever sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint, request
from werkzeug.datastructures import Headers
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wsgi import get_host

from .errors import RequestError
from .language import _
from .state import site

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

bp = Blueprint("security", __name__)

# The hash of the styles that wavesurfer.js writes as text; no others are allowed. When the library
# or the height in static/js/timeline/waveform.js changes, the browser's console names the new hash.
WAVEFORM_STYLES = "'sha256-GDz2FZP0i7VZaDhs1mgc43IRUXU2xajPIjvThHvZvbs='"


def _policy(script_src: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {script_src}",
            "worker-src 'self'",
            "connect-src 'self'",
            f"style-src 'self' {WAVEFORM_STYLES}",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            # text becomes a script's address or markup only as static/js/base/trusted.js allows it
            "require-trusted-types-for 'script'",
            "trusted-types musiclassify default",
        ]
    )


CONTENT_SECURITY_POLICY = _policy("'self'")
# Pyodide compiles WebAssembly, and only this worker may; a worker obeys its own script's policy.
ANALYSIS_WORKER = "/js/analysis/analysis_worker.js"
ANALYSIS_POLICY = _policy("'self' 'wasm-unsafe-eval'")
FEATURES_OFF = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture",
    "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope", "hid",
    "identity-credentials-get", "idle-detection", "local-fonts", "magnetometer", "midi", "payment",
    "picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(
        ["microphone=(self)", *(f"{name}=()" for name in FEATURES_OFF)]
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-DNS-Prefetch-Control": "off",
}
# For answers whose route says nothing about caches.
UNKEPT = {"Cache-Control": "no-store"}
# Only for visitors who came by TLS: plain HTTP may not send it.
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}

# a name, an IPv4 address or an IPv6 address in brackets, and a port
HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?", re.ASCII)


class SecurityHeaders:
    """WSGI layer around the whole app, so that no response can miss the headers."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with the headers added."""

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            merged = Headers(headers)
            for name, value in HEADERS.items():
                merged.set(name, value)
            if environ.get("PATH_INFO", "").endswith(ANALYSIS_WORKER):
                merged.set("Content-Security-Policy", ANALYSIS_POLICY)
            for name, value in UNKEPT.items():
                merged.setdefault(name, value)
            if environ["wsgi.url_scheme"] == "https":
                for name, value in HTTPS_ONLY.items():
                    merged.set(name, value)
            return start_response(status, merged.to_wsgi_list(), exc_info)

        return self.app(environ, start)


def behind(app: WSGIApplication, proxies: int) -> ProxyFix:
    """Take the visitor's address and scheme from the headers of trusted proxies.

    The host stays the one of `Host`, which proxies pass on: a visitor could send any other header
    that one of the proxies does not replace.
    """
    return ProxyFix(app, x_for=proxies, x_proto=proxies, x_host=0, x_port=0, x_prefix=0)


@bp.before_app_request
def check_host() -> None:
    """Refuse requests to host names that are not among the trusted ones."""
    trusted = site().settings.trusted_hosts
    environ = request.environ
    host = environ.get("HTTP_HOST")
    if host is None and environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        # a very old program, not a browser
        host = get_host(environ)
    found = HOST.fullmatch((host or "").lower())
    if (
        found is None
        or int(found[2] or 0) > 65535
        or not ("*" in trusted or found[1] in trusted)
        or not _names(environ, found[0])
    ):
        raise RequestError(
            400,
            "untrusted_host",
            _(
                "This site does not answer to this host name. Use one that it knows, or add the "
                "name to the setting MUSICLASSIFY_TRUSTED_HOSTS."
            ),
        )


@bp.before_app_request
def check_origin() -> None:
    """Refuse posts from pages of other sites, and loads into such pages."""
    fetch_site = request.headers.get("Sec-Fetch-Site", "same-origin")
    foreign = fetch_site not in ("same-origin", "none")
    if request.method in ("GET", "HEAD", "OPTIONS"):
        # links may lead here; loads as picture, script or request may not
        foreign = foreign and request.headers.get("Sec-Fetch-Mode") in ("no-cors", "cors")
    else:
        foreign = foreign or not _is_ours(request.headers.get("Origin"))
    if foreign:
        raise RequestError(
            403,
            "cross_origin",
            _(
                "Requests from pages of other sites are refused. Open this site itself, or call "
                "the API from a program that is not a web page."
            ),
        )


def _names(environ: WSGIEnvironment, host: str) -> bool:
    """Whether the target of the request is a path, or an address on the host of the Host header."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI") or "/"
    if target.startswith("/") or target == "*":
        return True
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host


def _is_ours(origin: str | None) -> bool:
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        # not a URL, as "http://["
        return False
    # without a trusted proxy nobody tells whether something in front of this site speaks TLS
    schemes = (request.scheme,) if site().settings.proxies else ("http", "https")
    return parts.scheme in schemes and parts.netloc.lower() == request.host.lower()
