"""Content security policy, process isolation and rate limits in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .site import Site
from .sounds import write
from .visit import Visit

# code that a script of an attacker could try first
ATTEMPTS = {
    "markup": "document.createElement('div').innerHTML = '<img src=x onerror=alert(1)>'",
    "a script beside allowed markup": "document.createElement('div').innerHTML = "
    "'<style></style><div class=\"a\"></div><script>1</script>'",
    "an event handler in allowed markup": "document.createElement('div').innerHTML = "
    "'<style></style><div onclick=\"alert(1)\"></div>'",
    "a frame from text": "document.createElement('iframe').srcdoc = '<p>x'",
    "a worker by a plain address": "new Worker('/static/js/analysis/analysis_worker.js')",
    "a script of another site": "globalThis[Symbol.for('musiclassify.trusted')]"
    ".createScriptURL('https://evil.example/x.js')",
    "another policy": "trustedTypes.createPolicy('mine', { createHTML: (text) => text })",
    "a script by a plain address": "document.createElement('script').src = '/static/js/app.js'",
    "text as a program": "eval('1')",
    "text as a function": "new Function('1')",
    "webassembly on the page": "new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))",
}

# Chromium allows programs of text while evaluate() runs code, so the attempt waits for a timeout.
RUN_LATER = (
    "async () => { await new Promise((resolve) => setTimeout(resolve, 1)); "
    "try { CODE; return 'done'; } catch (e) { return e.name; } }"
)


@pytest.mark.parametrize("code", ATTEMPTS.values(), ids=ATTEMPTS)
def test_text_becomes_no_script_and_no_markup(here: Visit, code: str) -> None:
    here.expected_complaints = ("Content Security Policy", "Trusted", "trusted")
    outcome = here.page.evaluate(RUN_LATER.replace("CODE", code))
    assert outcome in ("TypeError", "EvalError", "CompileError"), outcome


def test_the_worker_may_compile_webassembly_but_not_evaluate_text(here: Visit) -> None:
    here.expected_complaints = ("Content Security Policy", "Trusted")
    worker = here.page.workers[0]
    webassembly = RUN_LATER.replace("CODE", ATTEMPTS["webassembly on the page"])
    assert worker.evaluate(webassembly) == "done"
    for what in ("text as a program", "text as a function"):
        assert worker.evaluate(RUN_LATER.replace("CODE", ATTEMPTS[what])) == "EvalError"


def test_the_page_shares_its_process_with_no_other_site(here: Visit) -> None:
    assert here.page.evaluate("crossOriginIsolated")
    assert here.page.workers[0].evaluate("crossOriginIsolated")


def test_a_queue_waits_as_long_as_the_server_asks(
    visit: Callable[..., Visit], make_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = make_site(RATE_LIMIT="2 per 2 seconds", LOG_LEVEL="info")
    visitor = visit(site.url).opened()
    visitor.expected_complaints = ("429",)
    files = [write(tmp_path / f"{number}.wav", 6, 22050, seed=number) for number in range(4)]
    visitor.finish(files)
    log = site.log.read_text()
    assert log.count("predictions 200") == len(files)
    assert log.count("predictions 429") >= 1


def test_a_long_rate_limit_is_shown_to_the_visitor(here: Visit, tmp_path: Path) -> None:
    here.expected_complaints = ("429",)
    answer = json.dumps({"error": {"status": 429, "code": "x", "message": "Ask in an hour."}})
    headers = {"Retry-After": "3600"}
    here.page.route(
        "**/predictions", lambda route: route.fulfill(status=429, headers=headers, body=answer)
    )
    here.choose([write(tmp_path / "later.wav", 6, 22050)])
    here.wait_for("later.wav", "failed")
    assert "busy: Ask in an hour." in here.status("later.wav")
