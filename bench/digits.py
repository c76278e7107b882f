"""Decimals of features: how many winners change when fewer are sent, and how many bytes are saved.

The reference is features that are not rounded. Versions v1 and v9 judge songs that the tests make,
and the recordings of the part `agreement` where they are there.
"""

from __future__ import annotations

import gzip
from typing import Any

import librosa
import numpy as np

from features import AudioError, FeatureSpec, Segment, extract_segments
from features.segments import request_json
from tests.browser.sounds import band
from webapp.inference import Predictors, Registry

from .setting import ROOT, SONG_S, row

# Songs under free licences, where they lie beside the repository.
SONGS = ROOT.parent / "shared" / "data" / "audio"
VERSIONS = ("v1", "v9")
DECIMALS = range(5)
SYNTHETIC = 12


def _songs(rate: int) -> list[np.ndarray]:
    found = [librosa.load(path, sr=rate, mono=True)[0] for path in sorted(SONGS.glob("*.ogg"))]
    return found + [band(SONG_S, rate, seed) for seed in range(SYNTHETIC)]


def _segments(songs: list[np.ndarray], spec: FeatureSpec) -> list[list[Segment]]:
    found = []
    for song in songs:
        try:
            found.append(extract_segments(song, spec))
        except AudioError:
            continue
    return found


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    registry = Registry.load(ROOT / "trained_models")
    predictors = Predictors(registry)
    rows: list[dict[str, Any]] = []
    for version in VERSIONS:
        spec = registry.cards[version].spec
        predictor = predictors.get(version)
        songs = _segments(_songs(spec.sample_rate), spec)
        exact = [predictor.predict(np.stack([s.values for s in song])) for song in songs]
        n = sum(map(len, songs))
        rows.append(row(f"{version}: songs", len(songs), ""))
        rows.append(row(f"{version}: segments", n, ""))
        for decimals in DECIMALS:
            changed, verdicts, moved, lead = 0, 0, 0.0, 0.0
            for song, known in zip(songs, exact, strict=True):
                values = np.stack([s.values for s in song]).astype(np.float64)
                answer = predictor.predict(np.round(values, decimals).astype(np.float32))
                other = np.array(known.winners) != np.array(answer.winners)
                changed += int(other.sum())
                best = np.sort(known.probabilities, axis=1)
                lead = max(lead, float((best[:, -1] - best[:, -2])[other].max(initial=0.0)))
                verdicts += _verdict(known.probabilities) != _verdict(answer.probabilities)
                moved = max(moved, float(np.abs(known.probabilities - answer.probabilities).max()))
            # The first of the bands is as long as the song of the other parts.
            text = request_json(songs[-SYNTHETIC], _with_decimals(spec, decimals)).encode()
            name = f"{version}, {decimals} decimals"
            rows += [
                row(f"{name}: segments with another winner", changed, f"of {n}"),
                row(f"{name}: largest lead of a winner that lost it", lead, "", 6),
                row(f"{name}: songs with another winner", verdicts, f"of {len(songs)}"),
                row(f"{name}: largest change of a probability", moved, "", 6),
                row(f"{name}: request", len(text), "bytes"),
                row(f"{name}: request, gzip", len(gzip.compress(text, 6)), "bytes"),
            ]
    return rows


def _verdict(probabilities: np.ndarray) -> int:
    return int(probabilities.mean(axis=0).argmax())


def _with_decimals(spec: FeatureSpec, decimals: int) -> FeatureSpec:
    content = {**spec.to_json(), "decimals": decimals}
    del content["id"]
    return FeatureSpec.from_json(content)
