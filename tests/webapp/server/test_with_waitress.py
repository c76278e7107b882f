"""The server of Windows, which runs here, too."""

from __future__ import annotations

import http.client
import json
from typing import Any

from tests.webapp.packing import check_packed
from tests.webapp.running import PYTHON, free_port, program, raw
from tests.webapp.server.clients import post_head
from webapp.security import HEADERS


def test_waitress_serves_it_where_gunicorn_does_not_run(
    url: str, body: dict[str, Any], recommended: str
) -> None:
    code = (
        "import sys; from webapp.server import plan, with_waitress; "
        "sys.exit(with_waitress.serve(plan.prepare()))"
    )
    port = free_port()
    with program(*PYTHON, "-c", code, PORT=port) as site:
        site.expect(rf"model {recommended} is ready: http://127\.0\.0\.1:{port}/")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        data = json.dumps(body)
        connection.request("POST", url, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 200
        assert response.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
        response.read()
        connection.request("POST", url, iter([data.encode()]), {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
        check_packed(connection, url, data.encode())
        connection.close()
        for wrong, status, error in (
            (b"GET /api HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n", 400, "malformed_http"),
            (b"GET / HTTP/1.1\r\nA: " + b"a" * 2**19 + b"\r\n\r\n", 431, "headers_too_large"),
            (post_head(url, f"Content-Length: {2**30}"), 413, "body_too_large"),
        ):
            head, _, content = raw(port, wrong).partition(b"\r\n\r\n")
            assert int(head.split()[1]) == status
            for name, value in HEADERS.items():
                assert f"{name}: {value}".lower().encode() in head.lower()
            assert json.loads(content)["error"]["code"] == error
        site.interrupt()
        assert site.end(10) == 0
        assert "Traceback" not in site.output
