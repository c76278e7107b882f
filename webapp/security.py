"""Headers on every response, and requests that other sites must not make.

A service on localhost is reachable from every page that the visitor's browser has open: foreign
names (DNS rebinding) and foreign pages' POSTs are refused, and no CORS header is ever sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint, request
from werkzeug.datastructures import Headers
from werkzeug.wsgi import get_host

from .errors import RequestError
from .language import _
from .state import site

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

bp = Blueprint("security", __name__)

# wavesurfer.js writes its styles as text; exactly these are allowed. The browser's console names
# the hash when the library or the height in static/js/waveform.js changes.
WAVEFORM_STYLES = "'sha256-GDz2FZP0i7VZaDhs1mgc43IRUXU2xajPIjvThHvZvbs='"

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        # Pyodide compiles WebAssembly; no script may be made from text
        "script-src 'self' 'wasm-unsafe-eval'",
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
    ]
)
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
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


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
            return start_response(status, merged.to_wsgi_list(), exc_info)

        return self.app(environ, start)


@bp.before_app_request
def check_host() -> None:
    """Answer only to the names this site was told."""
    trusted = site().settings.trusted_hosts
    # empty when the header has characters that no host name has
    host = get_host(request.environ).lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if "*" not in trusted and name not in trusted:
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
    """Refuse what a page of another site wants to post."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    fetch_site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    if fetch_site not in ("same-origin", "none") or not _is_ours(origin):
        raise RequestError(
            403,
            "cross_origin",
            _(
                "Requests from pages of other sites are refused. Open this site itself, or call "
                "the API from a program that is not a web page."
            ),
        )


def _is_ours(origin: str | None) -> bool:
    if origin is None:
        return True
    try:
        # the scheme is not compared: a proxy may speak TLS for us
        return urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:
        # no URL at all, as "http://["
        return False
