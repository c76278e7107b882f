"""Own genres: learning and answering 200 songs, in the browser and beside scikit-learn; the map.

Made-up embeddings of the size that v10 gives, in eight genres. scikit-learn does the same two steps
with the same arrays: LinearDiscriminantAnalysis with automatic shrinkage, fit and predict_proba.
`learn` does more: it leaves every example out, fits the temperature and the threshold. In the
browser the page's own engine is asked, from its call to its answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.sync_api import Page
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from features.own_genres import ModelGenres, answer
from features.teaching import learn

from .setting import ROOT, chromium, median_row, row, running_site

VERSION = "v10"
N_SONGS, N_GENRES, N_MAP = 200, 8, 2000
# Imports the page's engine under its address, gives it a task, and measures until its answer.
ASK = """async ({ method, values, text }) => {
  const { Engine } = await import(window.benchEngine);
  if (!window.bench) {
    window.bench = new Engine(JSON.parse(document.getElementById('config').textContent));
    window.bench.start();
    await window.bench.loadOwn('').catch(() => {});
  }
  const start = performance.now();
  const told = await window.bench[method](Float32Array.from(values), text);
  return { took: performance.now() - start, file: told.file };
}"""


def measure(rounds: int) -> list[dict[str, Any]]:
    """Rows of the table."""
    known = json.loads((ROOT / "trained_models" / VERSION / "embedding.json").read_text())
    model = ModelGenres.from_json(known)
    rng = np.random.default_rng(1)
    labels = np.arange(N_SONGS) % N_GENRES
    means = rng.normal(size=(N_GENRES, model.size))
    embeddings = (means[labels] + rng.normal(size=(N_SONGS, model.size))) * model.scale + model.mean
    names = [f"genre {label}" for label in labels]
    z = model.place(embeddings)
    priors = np.full(N_GENRES, 1 / N_GENRES)

    def peer() -> None:
        lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=priors)
        lda.fit(z, labels).predict_proba(z)

    def ours() -> None:
        answer(learn(embeddings, names, model).own, model, embeddings)

    own = learn(embeddings, names, model).own
    ways: dict[str, Callable[[], object]] = {
        "scikit-learn: fit and answers": peer,
        "CPython: learn and answers": ours,
        "CPython: answers alone": lambda: answer(own, model, embeddings),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, work in ways.items():
            began = time.perf_counter()
            work()
            times[name].append(1000 * (time.perf_counter() - began))
    # The first round is for caches.
    rows = [median_row(name, found[1:], "ms", 1) for name, found in times.items()]
    ratio = np.median(
        np.divide(times["CPython: learn and answers"][1:], times[next(iter(ways))][1:])
    )
    rows.append(row("CPython / scikit-learn", float(ratio), "x", 2))
    return rows + _in_the_browser(known, embeddings, names, rounds)


def _in_the_browser(
    known: dict[str, Any], embeddings: np.ndarray, names: list[str], rounds: int
) -> list[dict[str, Any]]:
    many = np.tile(embeddings, (N_MAP // N_SONGS, 1))
    many = many + np.random.default_rng(2).normal(size=many.shape) * 0.1
    with running_site(MODEL=VERSION) as site, chromium() as browser:
        page = browser.new_page()
        page.goto(site.url)
        page.wait_for_selector("#engine[data-state=ready]", timeout=120_000)
        return _ask(page, known, embeddings, many, names, rounds)


def _ask(
    page: Page,
    known: dict[str, Any],
    embeddings: np.ndarray,
    many: np.ndarray,
    names: list[str],
    rounds: int,
) -> list[dict[str, Any]]:
    page.evaluate(
        "() => { window.benchEngine = [...document.querySelectorAll('link[rel=modulepreload]')]"
        ".find(({ href }) => href.endsWith('/analysis/engine.js')).href; }"
    )
    card = json.loads((ROOT / "trained_models" / VERSION / "model.json").read_text())
    request = {
        "model": known,
        "modelSha256": card["files"]["model.tflite"],
        "featureSpec": card["feature_spec"]["id"],
        "mode": "own",
        "names": names,
        "folders": [""] * len(names),
        "base": None,
    }
    teach = {"method": "teach", "values": embeddings.ravel().tolist(), "text": json.dumps(request)}
    file = page.evaluate(ASK, teach)["file"]
    tell = teach | {"method": "tellOwn", "text": json.dumps({"model": known, "file": file})}
    lay = {"method": "layOut", "values": many.ravel().tolist(), "text": json.dumps(known)}
    tasks = {
        f"browser: learn {N_SONGS} songs": teach,
        f"browser: answer {N_SONGS} songs": tell,
        f"browser: lay out {N_MAP:,} songs": lay,
    }
    return [
        median_row(name, [page.evaluate(ASK, task)["took"] for _ in range(rounds)], "ms", 0)
        for name, task in tasks.items()
    ]
