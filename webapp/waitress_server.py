"""The WSGI server for Windows, where gunicorn does not run."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
import waitress
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from .errors import error_body, http_error
from .loading import load
from .schema import JSON_TYPE
from .security import HEADERS, UNKEPT
from .serving import CANNOT_START

if TYPE_CHECKING:
    from .serving import Plan


class OwnErrorTask(ErrorTask):  # type: ignore[misc]
    """Answers what never reaches the app, in the app's own way: malformed HTTP."""

    def execute(self) -> None:
        """Write the answer."""
        error = http_error(self.request.error.code)
        body = msgspec.json.encode(error_body(error))
        self.status = f"{error.status} {HTTPStatus(error.status).phrase}"
        self.response_headers.extend([("Content-Type", JSON_TYPE), *(HEADERS | UNKEPT).items()])
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def serve(plan: Plan) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    HTTPChannel.error_task_class = OwnErrorTask
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
        ident="MusiClassify",
        # it would drop what the proxies say before the app takes it
        clear_untrusted_proxy_headers=not plan.settings.proxies,
        # beyond ours, so that our own JSON answer comes first
        max_request_body_size=2 * largest,
    )
    plan.greet()
    server.run()
    return 0
