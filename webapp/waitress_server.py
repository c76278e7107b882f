"""The WSGI server for Windows, where gunicorn does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import waitress

from .loading import load
from .serving import CANNOT_START

if TYPE_CHECKING:
    from .serving import Plan


def serve(plan: Plan) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    app = load(plan)
    if app is None:
        return CANNOT_START
    largest = plan.settings.max_body_bytes
    server = waitress.create_server(
        app,
        host=plan.settings.host,
        port=plan.settings.port,
        threads=plan.settings.threads,
        # bodies stay in memory: waitress would write larger ones to a temporary file
        inbuf_overflow=2 * largest,
        # beyond ours, so that our own JSON answer comes first
        max_request_body_size=2 * largest,
    )
    print(plan.greeting, flush=True)
    server.run()
    return 0
