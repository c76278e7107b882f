"""The peer of the page's start: a page of nothing but `loadPyodide` and `import numpy`.

Its server hands out the same files as the site, compressed in the same way, but numpy as the wheel
that Pyodide's lock names.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import tempfile
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from webapp.assets import FOREVER, TYPES
from webapp.runtime import (
    RUNTIME_DIR,
    RuntimeFiles,
    default_cache_dir,
    fetch_wheel,
    official_sources,
)

PAGE = b"""<!doctype html>
<title>bare</title>
<script type="module">
  import { loadPyodide } from './pyodide.mjs';
  const url = location.href;
  const start = async () => {
    const python = await loadPyodide({
      indexURL: url, lockFileURL: `${url}pyodide-lock.json`, packages: ['numpy'], stdout() {},
    });
    python.runPython('import numpy');
    return performance.now();
  };
  globalThis.bare = start();
</script>
"""
# Milliseconds from the address to numpy; the script may not have run yet.
READY = """async () => {
  while (!globalThis.bare) await new Promise((resolve) => { setTimeout(resolve, 5); });
  return globalThis.bare;
}"""


class _Files(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path, *arguments: Any):
        self.folder = folder
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with the page, or with a file in its smallest form that the browser takes."""
        name = self.path.lstrip("/")
        path = next(
            (each / name for each in (RUNTIME_DIR, self.folder) if (each / name).is_file()), None
        )
        if name and path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = PAGE if path is None else path.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header(
            "Content-Type",
            "text/html" if path is None else TYPES.get(path.suffix, "application/zip"),
        )
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        if path is not None:
            self.send_header("Cache-Control", FOREVER)
            packed = path.with_name(f"{name}.gz")
            if packed.is_file() and "gzip" in self.headers.get("Accept-Encoding", ""):
                content = packed.read_bytes()
                self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def bare_site() -> Iterator[str]:
    """Serve the bare page on this computer; yields its address."""
    listing = RuntimeFiles.load()
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder) / listing.wheel
        fetch_wheel(listing, default_cache_dir(), wheel, official_sources(listing), lambda _: None)
        handler = functools.partial(_Files, Path(folder))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}/"
            server.shutdown()
