"""The WSGI server on Windows, where gunicorn does not run: waitress."""

from __future__ import annotations

from http import HTTPStatus

import waitress
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from .bad_http import refusal
from .plan import CANNOT_START, Plan


class OwnErrorTask(ErrorTask):  # type: ignore[misc]
    """Answers malformed HTTP, which never reaches the app, in the app's own way."""

    # set by `serve`
    largest_body: int

    def execute(self) -> None:
        """Write the answer."""
        error, headers, body = refusal(self.request.error.code, self.largest_body)
        self.status = f"{error.status} {HTTPStatus(error.status).phrase}"
        self.response_headers.extend(headers.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def serve(plan: Plan) -> int:
    """Serve until Ctrl-C; returns the exit status."""
    app = plan.load()
    if app is None:
        return CANNOT_START
    largest = plan.settings.max_body_bytes
    OwnErrorTask.largest_body = largest
    HTTPChannel.error_task_class = OwnErrorTask
    server = waitress.create_server(
        app,
        host=plan.settings.host,
        port=plan.settings.port,
        threads=plan.settings.threads,
        # bodies stay in memory: waitress would write larger ones to a temporary file
        inbuf_overflow=2 * largest,
        ident="MusiClassify",
        # waitress would drop the headers of proxies before the app reads them
        clear_untrusted_proxy_headers=not plan.settings.proxies,
        # above the app's limit, so that the app's own answer comes first
        max_request_body_size=2 * largest,
    )
    plan.greet()
    server.run()
    return 0
