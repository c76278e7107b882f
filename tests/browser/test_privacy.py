"""Only the numbers of a song leave the browser."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from .site import HOST, Recorder, Site
from .sounds import write
from .visit import Visit


@pytest.fixture
def recorder(site: Site) -> Iterator[Recorder]:
    relay = Recorder(site.port)
    yield relay
    relay.close()


def traces(file: Path) -> dict[str, list[bytes]]:
    """Return byte strings that would be sent with the file, its sound or its name."""
    content = file.read_bytes()
    samples, _ = soundfile.read(file, dtype="float32", always_2d=True)
    sounds = [samples.astype("<f4").tobytes(), (samples * 32767).astype("<i2").tobytes()]
    places = np.linspace(0.1, 0.9, 40)
    size, piece = len(content), 65_536
    starts = (0, (size - piece) // 2, size - piece) if size > 3 * piece else ()
    pieces = b"".join(content[start:][:piece] for start in starts) or content
    known_by = hashlib.sha256(pieces)
    return {
        "fingerprint": [known_by.digest()[:16], known_by.hexdigest()[:16].encode()],
        "file": [content[int(p * len(content)) :][:16] for p in places],
        "sound": [sound[int(p * len(sound)) & ~3 :][:16] for sound in sounds for p in places],
        "name": [
            part.encode() for part in (file.name, file.stem, "Geheim", "secret", str(file.parent))
        ],
    }


@pytest.mark.parametrize(
    "kept", [False, True], ids=["without-service-worker", "with-service-worker"]
)
def test_only_numbers_leave(
    visit: Callable[..., Visit],
    recorder: Recorder,
    shared_songs: list[Path],
    tmp_path: Path,
    kept: bool,
):
    name = "Geheimer Titel - My secret song (Künstlerin)"
    files = [
        write(tmp_path / f"{name}{suffix}", 20, 44100, channels=2, seed=seed)
        for seed, suffix in enumerate((".wav", ".mp3", ".ogg"))
    ]
    (tmp_path / f"{name}.txt.mp3").write_text("a letter that is no song but must stay here as well")
    files += shared_songs[:2]
    visitor = visit(recorder.url, service_worker=kept)
    requested: list[str] = []
    # only the context reports requests of a service worker
    visitor.page.context.on("request", lambda request: requested.append(request.url))
    visitor.opened()
    if kept:
        visitor.page.wait_for_selector("#kept:not([hidden])", state="attached")
        visitor.page.reload()
        visitor.wait_for_engine("ready")
        assert visitor.page.evaluate("navigator.serviceWorker.controller.state") == "activated"
    visitor.choose([*files, tmp_path / f"{name}.txt.mp3"])
    for file in files:
        visitor.wait_for(file.name, "done")
    visitor.wait_for(f"{name}.txt.mp3", "failed")
    # Their fingerprints are taken when they come a second time.
    visitor.choose(files)
    visitor.page.wait_for_selector("#listed", state="visible")
    for song in visitor.page.locator("article.song[data-state=done]").all():
        if song.locator(".song-body").is_hidden():
            song.locator(".song-toggle").click()
        song.locator(".sent summary").click()
        song.locator(".sent-json").wait_for()
        song.locator(".segment").first.click()
    shown = visitor.page.locator(".sent-bytes").evaluate_all(
        "all => all.map((b) => +b.dataset.bytes)"
    )

    # requests that the browser reports: only to our own origin and to blobs of the page
    assert len(requested) > 20
    assert [
        url for url in requested if not url.startswith((recorder.url, f"blob:{recorder.url}"))
    ] == []

    # requests that reach the server
    requests = recorder.requests()
    posts = [(line, body) for line, body in requests if body or not line.startswith("GET ")]
    assert {line for line, _ in posts} == {"POST /api/v1/models/v1/predictions HTTP/1.1"}
    # The browser itself repeats a request if a connection that it reuses is cut: count it once.
    bodies = list(dict.fromkeys(body for _, body in posts))
    assert len(shown) == len(files)
    assert sorted(len(body) for body in bodies) == sorted(shown)
    for body in bodies:
        sent = json.loads(body)
        assert sent.keys() == {"feature_spec", "segments"}
        for segment in sent["segments"]:
            assert segment.keys() == {"start", "end", "features"}
            assert np.array(segment["features"]["mfcc"]).dtype.kind in "fi"
    everything = recorder.sent
    assert b'"feature_spec"' in everything
    for file in files:
        for kind, strings in traces(file).items():
            for string in strings:
                # strings of silence or padding occur by chance: leave them out
                if len(set(string)) > 3:
                    assert string not in everything, f"{kind} of {file.name}"
    assert b"a letter that is no song" not in everything
    assert b"cookie" not in everything.lower()
    # the browser sends a referer only when it looks for an update of the service worker
    worker = f"referer: {recorder.url}/sw.js\r\n".encode()
    assert b"referer" not in everything.lower().replace(worker, b"")


def test_the_page_shows_exactly_the_sent_request(
    visit: Callable[..., Visit], recorder: Recorder, tmp_path: Path
):
    visitor = visit(recorder.url).opened()
    file = write(tmp_path / "shown.flac", 20, 22050)
    visitor.finish([file])
    song = visitor.song("shown.flac")
    song.locator(".sent summary").click()
    (body,) = [body for _, body in recorder.requests() if body]
    assert song.locator(".sent-bytes").inner_text() == f"{len(body):,} bytes"
    assert song.locator(".file-bytes").inner_text() == f"{file.stat().st_size:,} bytes"
    with visitor.page.expect_download() as download:
        song.locator(".sent-download").click()
    assert download.value.path().read_bytes() == body
    first = json.loads(body)["segments"][0]
    text = song.locator(".sent-json").inner_text()
    assert json.dumps(first["features"]["mfcc"][63]) in text
    # nothing is stored on the computer
    assert visitor.page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert visitor.page.context.cookies() == []
    assert visitor.page.evaluate("async () => (await indexedDB.databases()).length") == 0


def test_worker_cannot_reach_another_host(here: Visit, site: Site):
    with socket.create_server((HOST, 0)) as elsewhere:
        elsewhere.settimeout(1)
        foreign = f"http://{HOST}:{elsewhere.getsockname()[1]}/"
        for place in (here.page.workers[0], here.page):
            here.expected_complaints = ("Content Security Policy", "Fetch API cannot load")
            answer = place.evaluate(
                "async (url) => { const blocked = new Promise((resolve) => self.addEventListener("
                "'securitypolicyviolation', (e) => resolve(e.effectiveDirective), { once: true }));"
                " const error = await fetch(url, { mode: 'no-cors' })"
                ".then(() => 'sent', (e) => e.name);"
                " return [error, await blocked]; }",
                foreign,
            )
            assert answer == ["TypeError", "connect-src"]
        with pytest.raises(TimeoutError):
            elsewhere.accept()
        # a request to the page's own server works, so the policy has stopped the other one
        works = "(url) => fetch(url).then((response) => response.status)"
        assert here.page.workers[0].evaluate(works, f"{site.url}/healthz") == 200


def test_policy_is_sent_with_the_worker_and_every_file(here: Visit, site: Site):
    urls = here.page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    urls += here.page.workers[0].evaluate(
        "performance.getEntriesByType('resource').map((entry) => entry.name)"
    )
    urls = {url for url in urls if url.startswith("http")} | {
        site.url + "/",
        site.url + "/models/v1",
    }
    assert any("/js/analysis/analysis_worker.js" in url for url in urls)
    assert any(url.endswith(".wasm") for url in urls)
    for url in sorted(urls):
        if urllib.parse.urlsplit(url).path.endswith("/predictions"):  # answers POST alone
            continue
        with urllib.request.urlopen(url) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy, url
            assert "connect-src 'self'" in policy, url
            assert "'unsafe-inline'" not in policy
            assert "'unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")


def test_page_takes_less_than_300_kb_without_the_runtime(visit: Callable[..., Visit], site: Site):
    # A warm page also names what other tests have imported into it.
    page = visit(site.url).opened().page
    urls = page.evaluate(
        "[location.href, ...performance.getEntriesByType('resource').map((entry) => entry.name)]"
    )
    own = {url for url in urls if url.startswith("http") and "/runtime/" not in url}
    total = 0
    for url in own:
        if "/predictions" not in url and "features.zip" not in url:
            with urllib.request.urlopen(url) as response:
                total += len(gzip.compress(response.read()))
    assert total < 300_000
