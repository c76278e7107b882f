"""Where the site lies under its host name: at the top, or under a path (the setting `PATH`).

All addresses of the site are made by `url_for`, which puts the path in front of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .state import site

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NAME = "musiclassify"


class UnderPath:
    """WSGI layer that answers under a path.

    A proxy may pass addresses on as they are, or without the path. So checks of a host itself, as
    of `/readyz`, need not know the path either.

    Parameters
    ----------
    path : of the site, as `/music`.
    """

    def __init__(self, app: WSGIApplication, path: str) -> None:
        self.app = app
        self.path = path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer; the path alone leads to the page, whose address ends with a slash."""
        asked = environ.get("PATH_INFO", "")
        if asked == self.path:
            query = environ.get("QUERY_STRING", "")
            # without scheme and host, which only proxies know for sure
            place = f"{self.path}/{'?' if query else ''}{query}"
            start_response("308 Permanent Redirect", [("Location", place), ("Content-Length", "0")])
            return []
        if asked.startswith(f"{self.path}/"):
            environ["PATH_INFO"] = asked[len(self.path) :]
        environ["SCRIPT_NAME"] = self.path
        return self.app(environ, start_response)


def kept_as() -> str:
    """Beginning of the names of all that the page keeps in the browser.

    Sites under one host name share the browser's storage there, so each has its own. No name of a
    site begins with that of another and a hyphen, which is what follows.
    """
    path = site().settings.path
    return f"{NAME}:{path}/" if path else NAME
