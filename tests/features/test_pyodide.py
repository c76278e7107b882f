"""The same files give the same numbers in the browser's Python: real Pyodide, run by Node.

Features, and sounds made from features, come from `features.browser`, as on the page.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features import (
    AUDIO_ERRORS,
    AudioError,
    FeatureSpec,
    SegmentStream,
    browser,
    build_request,
    mfcc,
)
from features.inversion import Inversion, invert, log_mel, read_request
from features.own_genres_file import FILE_ERRORS
from features.segments import excerpt_bounds, extract_segments, segment_times
from features.spec import STATISTICS
from webapp.numpy_archive import MODULES
from webapp.runtime import RUNTIME_DIR, RuntimeFiles

from .lessons import content_of, make_lesson

pytestmark = pytest.mark.full

# Raw MFCC in dB units span tens to hundreds; the wasm build rounds sums in another order.
TOLERANCE = 5e-3
# For the rounded features in requests, by kind. Largest differences seen: one step of rounding, and
# for statistics 3e-4 (MFCC means).
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
# How the long sound is fed in parts: where it is cut, and the most segments of a request.
FED: dict[str, Any] = {"cuts": [40 * SAMPLE_RATE, 93 * SAMPLE_RATE], "most": 7}
# The request that is turned back into a sound.
INVERTED = "recommended-long"
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


# Songs of own genres, some genres of too few to tell how they vary, and how they are learned.
LESSON = make_lesson([12, 9, 3, 1], size=128, seed=11, apart=0.5)
OWN: dict[str, dict[str, Any]] = {
    "own": {"mode": "own"},
    "beside": {"mode": "beside"},
    "folders": {"mode": "own", "folders": [f"artist {row % 4}" for row in range(len(LESSON.z))]},
    "added": {"mode": "own"},
    "spelled": {"mode": "beside", "names": ["Hip-Hop", "hiphop", "شعبي", "e\u200d\u0301", "é"] * 5},
    # copies, of which a covariance could hardly be made
    "copies": {"mode": "own", "names": ["a"] * 12 + ["b"] * 13},
}
# Texts that are no files of own genres, as a part and how often it is repeated, and their codes.
NOT_DEFINITE = {
    "format": 1, "version": "v10", "feature_spec": "spec", "model_sha256": "0", "size": 2,
    "mode": "own", "genres": [{"name": "a", "songs": 1, "mean": [0, 0], "recognised": None}],
    "covariance": [1, 1, 1], "shrinkage": 1, "temperature": 1, "threshold": 1,
}  # fmt: skip
LOADED = {
    "many lists": ("[", 1_000_000, "no_file"),
    "many objects": ('{"a":', 100_000, "no_file"),
    "not definite": (json.dumps(NOT_DEFINITE), 1, "damaged"),
}


def taught_embeddings(name: str) -> np.ndarray:
    rows = np.arange(len(LESSON.z))
    if name == "copies":
        rows = rows % 2 + rows // 12
    return LESSON.embeddings[rows].astype(np.float32)


def taught_request(name: str) -> dict[str, Any]:
    request = {
        "model": content_of(LESSON.model), "modelSha256": "f" * 64, "featureSpec": "spec",
        "names": LESSON.names, "folders": [""] * len(LESSON.names), "base": None, **OWN[name],
    }  # fmt: skip
    if name == "added":
        base = browser.teach(Embeddings("own"), json.dumps(taught_request("own")))
        assert base["type"] == "taught"
        request["base"] = base["file"]
    return request


class Embeddings:
    """Those of a lesson, as Pyodide hands them to Python."""

    def __init__(self, name: str):
        self.values = taught_embeddings(name)

    def to_memoryview(self) -> memoryview:
        return self.values.ravel().data


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, root: Path) -> tuple[dict[str, Any], Path]:
    """Run all cases in one Node process: its answers.json, and the folder of its other files."""
    folder = tmp_path_factory.mktemp("pyodide")
    cases = []
    for name, sound in {**SOUNDS, **REFUSED}.items():
        sound.astype("<f4").tofile(folder / f"{name}.samples")
        for setting, options in SETTINGS.items():
            if name in MFCC_SOUNDS:
                case = {"name": f"mfcc-{setting}-{name}", "work": "mfcc", "options": options}
                cases.append({**case, "samples": f"{name}.samples"})
        for key, spec in SPECS.items():
            case = {"name": f"{key}-{name}", "work": "extract", "options": spec.to_json()}
            cases.append({**case, "samples": f"{name}.samples"})
    recommended = SPECS["recommended"].to_json()
    fed = {"spec": recommended, "cuts": FED["cuts"], "most": FED["most"]}
    inverted = {"spec": recommended, "body": f"{INVERTED}.json"}
    for work, options in (("feed", fed), ("invert", inverted)):
        cases.append({"name": work, "work": work, "samples": "long.samples", "options": options})
    for name in OWN:
        taught_embeddings(name).astype("<f4").tofile(folder / f"own-{name}.samples")
        case = {"name": f"own-{name}", "work": "own", "samples": f"own-{name}.samples"}
        cases.append({**case, "options": taught_request(name)})
    for name, (text, times, _) in LOADED.items():
        case = {"name": f"load-{name}", "work": "load", "samples": "one-sample.samples"}
        cases.append({**case, "options": {"text": text, "times": times}})
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


def test_numpys_archive_has_what_is_imported_and_nothing_else(
    answers: tuple[dict[str, Any], Path],
) -> None:
    """After all cases of this file: every feature, every refusal, inversion and own genres."""
    told, _ = answers
    found = told["modules"]
    imported = [name for name in found["imported"] if name.partition(".")[0] == "numpy"]
    assert imported == MODULES.split()
    # what the archive leaves out would stand here, even where numpy itself gets along without; this
    # one is for those who distribute numpy with libraries of their own
    missing = [name for name in found["missing"] if name.partition(".")[0] == "numpy"]
    assert missing == ["numpy._distributor_init_local"]


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
    bounds = excerpt_bounds(len(SOUNDS[name]), spec)
    assert told["cases"][f"{key}-{name}"] == {
        "type": "extracted",
        "nSegments": request.n_segments,
        "repeated": request.repeated,
        "skipped": request.skipped,
        "narrow": request.narrow,
        "pieces": [list(times) for times in segment_times(bounds, spec)],
        "progress": progress,
    }
    there = json.loads((folder / f"{key}-{name}.json").read_text(encoding="utf-8"))
    assert len(there["segments"]) == request.n_segments
    assert_alike(there, json.loads(request.body), spec)


def assert_alike(there: dict[str, Any], here: dict[str, Any], spec: FeatureSpec) -> None:
    """Compare two requests: times are the same, numbers nearly."""
    assert there["feature_spec"] == here["feature_spec"] == spec.id
    for mine, theirs in zip(here["segments"], there["segments"], strict=True):
        assert (theirs["start"], theirs["end"]) == (mine["start"], mine["end"])
        np.testing.assert_allclose(
            np.array(theirs["features"][spec.kind]),
            np.array(mine["features"][spec.kind]),
            rtol=0,
            atol=10.0**-spec.decimals + SENT_TOLERANCE[spec.kind],
        )


@pytest.mark.parametrize("key", SPECS)
@pytest.mark.parametrize("code", REFUSED)
def test_refusals_are_equal(answers: tuple[dict[str, Any], Path], code: str, key: str) -> None:
    told, _ = answers
    progress: list[list[int]] = []
    with pytest.raises(AudioError) as caught:
        build_request(REFUSED[code], SPECS[key], lambda *at: progress.append(list(at)))
    assert told["cases"][f"{key}-{code}"] == {
        "type": "refused",
        "code": code,
        "message": str(caught.value),
        "progress": progress,
    }
    assert caught.value.code == code
    assert str(caught.value) == AUDIO_ERRORS[code]


def test_a_song_bit_by_bit_is_equal(answers: tuple[dict[str, Any], Path]) -> None:
    told, folder = answers
    spec = SPECS["recommended"]
    stream = SegmentStream(spec)
    requests, pieces = [], []
    parts = np.split(SOUNDS["long"], FED["cuts"])
    for number, part in enumerate(parts):
        known = len(stream.bounds)
        stream.feed(part, last=number == 2)
        pieces.append([list(times) for times in segment_times(stream.bounds[known:], spec)])
        while number and (request := stream.take(FED["most"])):
            requests.append(request)
    assert [each.n_segments for each in requests] == [7, 5, 1]
    assert told["cases"]["feed"] == {
        "requests": [
            {
                "nSegments": each.n_segments,
                "repeated": each.repeated,
                "skipped": each.skipped,
                "narrow": each.narrow,
            }
            for each in requests
        ],
        "pieces": pieces,
        "gaps": [],
    }
    bodies = json.loads((folder / "feed.json").read_text(encoding="utf-8"))
    for there, here in zip(bodies, requests, strict=True):
        assert_alike(there, json.loads(here.body), spec)


def test_made_sounds_are_alike(answers: tuple[dict[str, Any], Path]) -> None:
    """Phases drift apart by rounding, so the spectra are compared, not the samples."""
    told, folder = answers
    spec = SPECS["recommended"]
    segments = read_request((folder / f"{INVERTED}.json").read_text(encoding="utf-8"), spec)
    here = invert(segments, spec)
    there = np.fromfile(folder / "invert.f32", dtype="<f4")
    begun, *blocks, made = told["cases"]["invert"]["steps"]
    n_blocks = Inversion(segments, spec).n_blocks
    assert begun == {"type": "begun", "nSamples": len(here), "nBlocks": n_blocks}
    assert len(blocks) == n_blocks
    assert {block["type"] for block in blocks} == {"block"}
    assert made["type"] == "made"
    assert there.shape == here.shape
    assert np.abs(there).max() == pytest.approx(np.abs(here).max(), abs=1e-5)
    silent = round(segments[0].start * spec.sample_rate)
    assert not there[:silent].any()
    for mine, theirs in zip(
        extract_segments(here, spec), extract_segments(there, spec), strict=True
    ):
        found = np.corrcoef(
            log_mel(mine.values, spec).ravel(), log_mel(theirs.values, spec).ravel()
        )
        assert found[0, 1] > 0.99


def assert_near(there: Any, here: Any) -> None:
    """Compare plain data: the same, but numbers to a thousandth."""
    assert type(there) is type(here) or {type(there), type(here)} <= {int, float}
    if isinstance(here, dict):
        # Pyodide makes None undefined, which JSON leaves out
        here = {key: value for key, value in here.items() if value is not None}
        assert {key for key in there if there[key] is not None} == here.keys()
        for key, value in here.items():
            assert_near(there[key], value)
    elif isinstance(here, list):
        assert len(there) == len(here)
        if here and all(type(each) in {int, float} for each in here):
            np.testing.assert_allclose(there, here, rtol=1e-3, atol=1e-6)
        else:
            for mine, theirs in zip(here, there, strict=True):
                assert_near(theirs, mine)
    elif isinstance(here, float):
        assert there == pytest.approx(here, rel=1e-3, abs=1e-6)
    else:
        assert there == here


@pytest.mark.parametrize("name", OWN)
def test_own_genres_are_equal(answers: tuple[dict[str, Any], Path], name: str) -> None:
    _, folder = answers
    found = json.loads((folder / f"own-{name}.json").read_text(encoding="utf-8"))
    request = taught_request(name)
    taught = browser.teach(Embeddings(name), json.dumps(request))
    assert taught["type"] == "taught"
    asked = json.dumps({"model": request["model"], "file": taught["file"]})
    told = browser.tell_own(Embeddings(name), asked)
    laid = browser.lay_out(Embeddings(name), json.dumps(request["model"]))
    assert told["type"] == "told"
    assert laid["type"] == "laidOut"
    assert_near(json.loads(found["taught"].pop("file")), json.loads(taught["file"]))
    there = np.array(found["told"].pop("probabilities"))
    np.testing.assert_allclose(there, told["probabilities"], rtol=0, atol=1e-3)
    for key in ("points", "places"):
        values = laid["points"] if key == "points" else laid["places"]
        np.testing.assert_allclose(found["laid"].pop(key), values, rtol=0, atol=1e-3)
    here = {"taught": {**taught}, "told": {**told}, "laid": {**laid}}
    for each, key in (("taught", "file"), ("told", "probabilities"), ("laid", "points")):
        del here[each][key]
    del here["laid"]["places"]
    assert_near(found, json.loads(json.dumps(here)))


@pytest.mark.parametrize("name", LOADED)
def test_a_file_of_anything_leaves_python_alive(
    answers: tuple[dict[str, Any], Path], name: str
) -> None:
    told, _ = answers
    code = LOADED[name][2]
    refused = {"type": "refused", "code": code, "message": FILE_ERRORS[code]}
    assert told["cases"][f"load-{name}"] == refused
