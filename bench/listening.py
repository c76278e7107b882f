"""Excerpts that are cut out of files against the same ones of the whole songs, by codec.

Both are decoded by Chromium; the features are made of them in CPython. aac is written once as usual
and once without noise substitution (PNS), with which a decoder fills bands with noise of its own.
"""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from features import FeatureSpec
from features.segments import excerpt_features, listened_bounds
from tests.browser import sounds
from tests.browser.visit import Visit
from webapp.inference import Registry

from .setting import ROOT, chromium, row, running_site

VERSION = "v9"
SONG_S = 200
# Name of the kind, suffix, rate in Hz, what ffmpeg is told.
KINDS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "mp3": (".mp3", 44100, ("-q:a", "2")),
    "mp3, 48 kHz": (".mp3", 48000, ("-b:a", "192k")),
    "aac": (".aac", 44100, ()),
    "aac without PNS": (".aac", 44100, ("-aac_pns", "0")),
    "m4a": (".m4a", 44100, ()),
    "m4a without PNS": (".m4a", 44100, ("-aac_pns", "0")),
    "flac": (".flac", 44100, ()),
    "flac, 48 kHz": (".flac", 48000, ()),
    "ogg": (".ogg", 44100, ("-c:a", "libvorbis")),
    "ogg, 48 kHz": (".ogg", 48000, ("-c:a", "libvorbis")),
    "opus": (".opus", 48000, ("-c:a", "libopus")),
    "wav": (".wav", 44100, ()),
}
INPUT = """() => {
  const input = document.createElement('input');
  input.type = 'file';
  input.id = 'cut';
  document.body.append(input);
}"""
BOTH = """async ([bounds, sampleRate]) => {
  const { decodeCut } = await import('/static/js/sound/excerpts.js');
  const { decode } = await import('/static/js/sound/decode.js');
  const { mix } = JSON.parse(document.getElementById('config').textContent);
  const [file] = document.getElementById('cut').files;
  const { signal } = new AbortController();
  const how = { sampleRate, patienceMs: 60000, mix, signal };
  const cut = await decodeCut(file, how, async () => bounds);
  const whole = await decode(file, { sampleRate, maxMinutes: 60, mix });
  const parts = bounds.map(([from, to]) => whole.samples.subarray(from, to));
  const same = await new Blob(parts).arrayBuffer();
  return [cut.samples, new Float32Array(same)].map((samples) => {
    const view = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    let text = '';
    for (let i = 0; i < view.length; i += 32768) {
      text += String.fromCharCode(...view.subarray(i, i + 32768));
    }
    return btoa(text);
  });
}"""


def write(path: Path, rate: int, how: tuple[str, ...]) -> Path:
    """Write a song of the band in stereo."""
    sound = np.stack([sounds.band(SONG_S, rate, seed) for seed in (0, 1)], axis=1)
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "f32le", "-ar", str(rate),
        "-ac", "2", "-i", "pipe:0", *how, str(path),
    ]  # fmt: skip
    subprocess.run(command, input=sound.tobytes(), check=True)
    return path


def features(samples: npt.NDArray[np.float32], spec: FeatureSpec) -> npt.NDArray[np.float32]:
    """The features (n_segments, *spec.shape) of full excerpts, one behind the other."""
    excerpts = samples.reshape(-1, spec.excerpt_samples)
    return np.array([values for one in excerpts for _, values in excerpt_features(one, spec)])


def measure(_rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    spec = Registry.load(ROOT / "trained_models").cards[VERSION].spec
    bounds = listened_bounds(SONG_S * spec.sample_rate, spec)
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_site(MODEL=VERSION) as site,
        chromium() as browser,
    ):
        page = Visit(browser.new_context().new_page(), site.url).opened().page
        page.evaluate(INPUT)
        for kind, (suffix, rate, how) in KINDS.items():
            path = write(Path(folder) / f"song{suffix}", rate, how)
            page.set_input_files("#cut", path)
            cut, whole = (
                np.frombuffer(base64.b64decode(text), np.float32)
                for text in page.evaluate(BOTH, [bounds, spec.sample_rate])
            )
            of_cut, of_whole = features(cut, spec), features(whole, spec)
            away = np.abs(of_cut - of_whole)
            rows += [
                row(f"{kind}: samples differ by at most", float(np.abs(cut - whole).max()), "", 8),
                row(f"{kind}: MFCC differ by at most", float(away.max()), "", 6),
                row(f"{kind}: largest MFCC", float(np.abs(of_whole).max()), "", 1),
            ]
    return rows
