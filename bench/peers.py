"""Extraction in the browser against its peers: essentia.js, Meyda, and native librosa.

Every library has a worker of its own in one page of headless Chromium and computes 20 MFCC of the
same sound with the same parameters; librosa has one thread of CPython. They differ in this: Meyda
has its own mel scale, log(1 + x) of amplitudes instead of decibels and an unscaled DCT; Essentia
has no floor of 80 dB below the loudest frame, and scales its triangles otherwise. Both get padded
sound, so that their frames are librosa's. Times include copies into and out of WebAssembly. A
correlation is the mean of those of coefficients 1 to 19 with librosa's, each over time.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import json
import socketserver
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

import librosa
import numpy as np
from playwright.sync_api import Page

from features import FeatureSpec
from tests.browser.sounds import band
from webapp import features_zip
from webapp.inference import Registry
from webapp.runtime import RUNTIME_DIR, RuntimeFiles

from .setting import ROOT, SONG_S, chromium, median_row, point_row, row

RATE = 22050
MEYDA_ROUNDS = 3
# Seconds of sound of the curves; longer sounds than AT_ONCE_S are extracted bit by bit only.
AT_ONCE_S = 1800
LENGTHS = (10, 30, 60, 180, 600, 1800, 3600, 7200)
FOLDERS = {
    "/runtime/": ROOT / "static/runtime",
    "/peers/": ROOT / "bench/node_modules",
    "/bench/": ROOT / "bench",
    "/static/": ROOT / "static",
}
ARCHIVE = RUNTIME_DIR / RuntimeFiles.load().archive
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
# A sound reaches the page as text that one message can hold, and is repeated to the wanted length.
WORK = """async ({library, sound, seconds, rate, rounds, spec, quiet}) => {
  const bytes = Uint8Array.from(atob(sound), (letter) => letter.charCodeAt(0));
  const part = new Float32Array(bytes.buffer);
  const samples = new Float32Array(seconds * rate);
  for (let i = 0; i < samples.length; i += part.length) {
    samples.set(part.subarray(0, samples.length - i), i);
  }
  const worker = new Worker('/bench/peers_worker.js', { type: 'module' });
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => { if (!('done' in data)) resolve(data); };
    worker.onerror = (event) => reject(new Error(event.message || 'the worker did not start'));
    worker.postMessage({ library, samples, rounds, spec, quiet }, [samples.buffer]);
  });
  worker.terminate();
  if (answer.error) throw new Error(answer.error);
  if (answer.numbers) {
    const found = new Uint8Array(answer.numbers.buffer);
    let text = '';
    for (let i = 0; i < found.length; i += 32768) {
      text += String.fromCharCode(...found.subarray(i, i + 32768));
    }
    answer.numbers = btoa(text);
  }
  return answer;
}"""


class _Files(http.server.BaseHTTPRequestHandler):
    """Serves an empty page, the runtime, features/ and the peers."""

    def __init__(self, features: bytes, *arguments: Any):
        self.features = features
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with a file."""
        kind, content = "text/html", b"<!doctype html><title>benchmark</title>"
        if self.path == "/features.zip":
            kind, content = "application/zip", self.features
        if self.path == "/numpy.tar":
            kind, content = "application/x-tar", ARCHIVE.read_bytes()
        for place, folder in FOLDERS.items():
            if self.path.startswith(place):
                path = (folder / self.path[len(place) :]).resolve()
                if not path.is_file():
                    self.send_error(404)
                    return
                kind, content = (
                    TYPES.get(path.suffix, "application/octet-stream"),
                    path.read_bytes(),
                )
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


@contextlib.contextmanager
def file_server() -> Iterator[str]:
    """Serve the files on this computer; yields the address."""
    handler = functools.partial(_Files, features_zip.build().content)
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def in_worker(
    page: Page, library: str, sound: np.ndarray, seconds: int, rounds: int, spec: FeatureSpec,
    *, quiet: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Times in ms, growth of the heap in bytes, and numbers, of `sound` repeated to `seconds`."""
    text = base64.b64encode(sound.astype("<f4").tobytes()).decode()
    options = {"library": library, "sound": text, "seconds": seconds, "rate": RATE}
    options |= {"rounds": rounds, "spec": json.dumps(spec.to_json()), "quiet": quiet}
    answer: dict[str, Any] = page.evaluate(WORK, options)
    if answer["numbers"]:
        answer["numbers"] = np.frombuffer(base64.b64decode(answer["numbers"]), dtype="<f4")
    return answer


def _librosa(samples: np.ndarray) -> np.ndarray:
    found: np.ndarray = librosa.feature.mfcc(
        y=samples, sr=RATE, n_mfcc=20, n_fft=2048, hop_length=512, n_mels=128, fmax=RATE / 2
    )
    return found.T


def _correlation(found: np.ndarray, expected: np.ndarray) -> float:
    frames = found.reshape(-1, 20)
    count = min(len(frames), len(expected))
    pairs = (np.corrcoef(frames[:count, k], expected[:count, k])[0, 1] for k in range(1, 20))
    return float(np.mean(list(pairs)))


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    spec = Registry.load(ROOT / "trained_models").cards["v9"].spec
    sound = band(SONG_S, RATE)
    expected = _librosa(sound)
    native = []
    for _ in range(rounds):
        started = time.perf_counter()
        _librosa(sound)
        native.append((time.perf_counter() - started) * 1e3)
    middle = statistics.median(native)
    rows = [median_row(f"librosa native, 20 MFCC, {SONG_S} s, one thread", native, "ms", 1)]
    with chromium() as browser, file_server() as url:
        page = browser.new_page()
        page.set_default_timeout(0)
        page.goto(url)

        def run(library: str, times: int, **options: Any) -> dict[str, Any]:
            return in_worker(page, library, sound, SONG_S, times, spec, **options)

        # The first round fills the caches of filters, as the first song does on the page.
        own = run("mfcc", rounds)
        essentia = run("essentia", rounds)
        meyda = run("meyda", min(rounds, MEYDA_ROUNDS))
        for title, answer in (
            ("features/ in Chromium", own),
            ("essentia.js", essentia),
            ("Meyda", meyda),
        ):
            rows.append(median_row(f"{title}, 20 MFCC", answer["times"], "ms", 1))
            agrees = _correlation(answer["numbers"], expected)
            rows.append(row(f"{title}: correlation with librosa", agrees, "", 6))
        took = statistics.median(own["times"])
        rows += [
            row("features/ in Chromium / librosa native", took / middle, "x", 2),
            row("essentia.js / features/", statistics.median(essentia["times"]) / took, "x", 1),
            row("Meyda / features/", statistics.median(meyda["times"]) / took, "x", 1),
        ]
        silent = run("request", rounds, quiet=True)
        told = run("request", rounds)
        alone = run("segments", rounds)
        rows += [
            median_row("flagship's spec, segments alone", alone["times"], "ms", 1),
            median_row("flagship's spec, segments and JSON", told["times"], "ms", 1),
            median_row("... without messages of progress", silent["times"], "ms", 1),
        ]
        rows += _growth(page, spec)
    return rows


def _growth(page: Page, spec: FeatureSpec) -> list[dict[str, Any]]:
    """Time, and memory beyond the samples, of longer and longer songs, each in a fresh worker."""
    rows = []
    minute = band(60, RATE)
    for library, title in (("request", "at once"), ("stream", "bit by bit")):
        for seconds in LENGTHS:
            if library == "request" and seconds > AT_ONCE_S:
                continue
            answer = in_worker(page, library, minute, seconds, 1, spec)
            # Bit by bit, Python never has all samples in memory.
            held = seconds * RATE * 4 if library == "request" else 0
            mb = max(0.0, (answer["heap"] - held) / 1e6)
            took = answer["times"][0] / 1e3
            rows += [
                point_row(f"features and JSON, {title}", "seconds", seconds, took, "s"),
                point_row(f"heap beyond the samples, {title}", "seconds", seconds, mb, "MB", 1),
            ]
    return rows
