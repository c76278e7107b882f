"""MusiClassify's site: `create_app()` is the one way in.

Nothing heavy is imported here, so that `python -m webapp.runtime` works before Flask is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(test_config: Mapping[str, Any] | None = None) -> Flask:
    """Create the site as a WSGI application.

    Settings are their defaults, then the environment (`MUSICLASSIFY_<NAME>`), then `test_config`
    by name (`{"MODEL": "v1"}`). Models are loaded when the first request needs them, never here:
    a model loaded before a fork hangs in the child.

    Raises
    ------
    webapp.settings.StartError : for a wrong setting, an unknown version, no valid model or an
        incomplete browser runtime; its text says what to do. Under `flask run` it is a
        `click.ClickException` with the same text.
    """
    from .factory import build_app

    return build_app(test_config or {})
