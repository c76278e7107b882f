"""The same files give the same numbers in the browser's Python: real Pyodide, run by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features import AudioError, FeatureSpec, build_request, mfcc
from features.spec import STATISTICS
from webapp.runtime import RUNTIME_DIR, RuntimeFiles

pytestmark = pytest.mark.full

# Raw MFCC in dB units span tens to hundreds; the wasm build rounds sums in another order.
TOLERANCE = 5e-3
# What is sent, by kind; the worst seen is a step of rounding, 3e-4 (MFCC means) for statistics.
SENT_TOLERANCE = {"mfcc": TOLERANCE, "log_mel": 1e-3, "statistics": 1e-3}
SAMPLE_RATE = 22050
RUNNER = Path(__file__).with_name("pyodide_runner.mjs")


def _sounds() -> dict[str, np.ndarray]:
    random = np.random.default_rng(20)

    def time(seconds: float) -> np.ndarray:
        return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE

    tone = 0.5 * np.sin(2 * np.pi * 440 * time(6))
    tones = sum(0.2 * np.sin(2 * np.pi * f * time(7)) for f in (55, 261.63, 1318.5, 6271.9))
    noise = random.uniform(-1, 1, 6 * SAMPLE_RATE)
    click = np.zeros(8 * SAMPLE_RATE)
    click[100_003] = 1.0
    seconds = time(9)
    chirp = 0.8 * np.sin(2 * np.pi * (20 * seconds + (10_500 - 20) / 18 * seconds**2))
    music = sum(
        np.sin(2 * np.pi * f * time(95)) * (1 + np.sin(2 * np.pi * (0.3 + n) * time(95)))
        for n, f in enumerate((110, 220.5, 1760, 4186))
    )
    half = np.concatenate([noise, np.zeros(40 * SAMPLE_RATE), 0.3 * noise])
    sounds = {
        "tone": tone,
        "tones": tones,
        "noise": noise,
        "silence-and-click": click,
        "chirp": chirp,
        "clipped": np.clip(6 * chirp, -1, 1),
        "over-full-scale": 40 * tones,
        "very-quiet": 1e-4 * noise,
        "offset": 0.7 + 0.01 * tone,
        "square": np.sign(tone),
        "one-sample": np.array([0.5]),
        "shorter-than-a-window": chirp[:1500],
        "odd-length": chirp[:110_503],
        "one-segment-less-a-sample": noise[: 64 * 1711 - 1712],
        "long": 0.1 * music + 0.01 * random.normal(size=len(music)),
        "silence-inside": half,
    }
    return {name: np.asarray(sound, dtype=np.float32) for name, sound in sounds.items()}


SOUNDS = _sounds()
REFUSED = {
    "empty": np.zeros(0, dtype=np.float32),
    "silent": np.zeros(SAMPLE_RATE, dtype=np.float32),
    "not_finite": np.full(SAMPLE_RATE, np.nan, dtype=np.float32),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "librosas": {},
    "recommended": {"n_mfcc": 64, "hop_length": 1711, "n_mels": 116, "fmax": 8012.168965763913},
    "odd": {"sample_rate": 16000, "n_fft": 1000, "hop_length": 317, "n_mels": 37, "fmin": 91.5},
    "no-floor": {"n_mfcc": 40, "top_db": None},
}
SPECS = {
    "recommended": FeatureSpec(),
    "raw": FeatureSpec(
        standardise=False, hop_length=512, n_mels=128, fmax=11025.0, n_mfcc=20, decimals=4
    ),
    "log-mel": FeatureSpec(
        kind="log_mel", hop_length=512, n_mels=128, fmax=11025.0, n_frames=215, decimals=4
    ),
    "statistics": FeatureSpec(
        kind="statistics", statistics=tuple(STATISTICS), standardise=False, hop_length=512,
        n_mels=128, fmax=11025.0, n_mfcc=20, n_frames=215, decimals=6,
    ),
}  # fmt: skip
MFCC_SOUNDS = [name for name in SOUNDS if name not in ("long", "silence-inside")]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, root: Path) -> tuple[dict[str, Any], Path]:
    """Everything that Pyodide computed, by one Node process: what it tells, and the folder."""
    folder = tmp_path_factory.mktemp("pyodide")
    cases = []
    for name, sound in {**SOUNDS, **REFUSED}.items():
        sound.astype("<f4").tofile(folder / f"{name}.samples")
        for setting, options in SETTINGS.items():
            if name in MFCC_SOUNDS:
                case = {"name": f"mfcc-{setting}-{name}", "work": "mfcc", "options": options}
                cases.append({**case, "samples": f"{name}.samples"})
        for key, spec in SPECS.items():
            case = {"name": f"{key}-{name}", "work": "request", "options": spec.to_json()}
            cases.append({**case, "samples": f"{name}.samples"})
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    node = shutil.which("node")
    assert node, "Node.js is needed: `make test` says how to get it"
    done = subprocess.run(
        [node, RUNNER, RUNTIME_DIR, root / "features", folder],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "answers.json").read_text(encoding="utf-8")), folder


def test_it_was_the_served_runtime(answers: tuple[dict[str, Any], Path]) -> None:
    told, _ = answers
    listing = RuntimeFiles.load()
    assert told["pyodide"] == listing.pyodide
    assert told["python"] == {
        "platform": "emscripten",
        "numpy": listing.numpy,
        "features": "/site/features/__init__.py",
    }


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", MFCC_SOUNDS)
def test_mfcc_are_equal(answers: tuple[dict[str, Any], Path], name: str, setting: str) -> None:
    told, folder = answers
    case = f"mfcc-{setting}-{name}"
    here = mfcc(SOUNDS[name], **SETTINGS[setting])
    there = np.fromfile(folder / f"{case}.f32", dtype="<f4").reshape(told["cases"][case]["shape"])
    assert there.shape == here.shape
    assert np.isfinite(there).all()
    np.testing.assert_allclose(there, here, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("key", SPECS)
@pytest.mark.parametrize("name", SOUNDS)
def test_requests_are_equal(answers: tuple[dict[str, Any], Path], name: str, key: str) -> None:
    told, folder = answers
    spec = SPECS[key]
    progress: list[list[int]] = []
    request = build_request(SOUNDS[name], spec, lambda done, total: progress.append([done, total]))
    assert told["cases"][f"{key}-{name}"] == {
        "n_segments": request.n_segments,
        "repeated": request.repeated,
        "skipped": request.skipped,
        "progress": progress,
    }
    here = json.loads(request.body)
    there = json.loads((folder / f"{key}-{name}.json").read_text(encoding="utf-8"))
    assert there["feature_spec"] == here["feature_spec"] == spec.id
    assert len(there["segments"]) == len(here["segments"]) == request.n_segments
    for mine, theirs in zip(here["segments"], there["segments"], strict=True):
        assert (theirs["start"], theirs["end"]) == (mine["start"], mine["end"])
        np.testing.assert_allclose(
            np.array(theirs["features"][spec.kind]),
            np.array(mine["features"][spec.kind]),
            rtol=0,
            atol=10.0**-spec.decimals + SENT_TOLERANCE[spec.kind],
        )


@pytest.mark.parametrize("code", REFUSED)
def test_refusals_are_equal(answers: tuple[dict[str, Any], Path], code: str) -> None:
    told, _ = answers
    for key, spec in SPECS.items():
        with pytest.raises(AudioError) as caught:
            build_request(REFUSED[code], spec)
        assert caught.value.code == code
        assert told["cases"][f"{key}-{code}"] == {"error": code, "message": str(caught.value)}
