"""Synthetic songs of a small band, in every format."""

from __future__ import annotations

import functools
import io
import math
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
BEAT_S = 0.5


def band(seconds: float, sample_rate: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return chords, a bass and drums; float32 (n,), within [-1, 1]."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    beat = (time / BEAT_S).astype(int)
    since = (time - beat * BEAT_S).astype(np.float32)
    chord = (beat // 4) % len(CHORDS)
    root = 110 * 2 ** (rng.integers(12) / 12)
    sound = np.zeros(len(time), np.float32)
    for voice in np.array(CHORDS).T:
        tone = _phase(np.cumsum((root * 2 * 2 ** (voice / 12))[chord]) / sample_rate)
        sound += sum(np.sin(n * tone) / np.float32(n**1.5) for n in range(1, 6))
    sound *= np.exp(-2 * since)
    sound += np.float32(0.8) * np.sin(_phase(root / 2 * time))
    hits = rng.standard_normal(len(time), np.float32) * (1 + beat % 2).astype(np.float32)
    sound += hits * np.exp(-40 * since)
    found: npt.NDArray[np.float32] = np.float32(0.6) * sound / np.abs(sound).max()
    return found


def _phase(turns: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the angle of `turns` in float32; below one turn, so that it stays accurate.

    The sine of float32 is several times faster in numpy than that of float64.
    """
    return (2 * np.pi * (turns - np.floor(turns))).astype(np.float32)


def write(
    path: Path, seconds: float, sample_rate: int, *, channels: int = 1, seed: int = 0,
    subtype: str | None = None,
) -> Path:  # fmt: skip
    """Write a song of the band to `path`; the format follows from the suffix."""
    if path.suffix == ".m4a":
        return _with_ffmpeg(path, _band(seconds, sample_rate, channels, seed), sample_rate)
    path.write_bytes(_file(path.suffix, seconds, sample_rate, channels, seed, subtype))
    return path


# Several tests ask for the same songs.
@functools.lru_cache(maxsize=32)
def _file(
    suffix: str, seconds: float, sample_rate: int, channels: int, seed: int, subtype: str | None
) -> bytes:
    sound = _band(seconds, sample_rate, channels, seed)
    kind = {".opus": "OGG"}.get(suffix, suffix[1:].upper())
    subtype = "OPUS" if suffix == ".opus" else subtype
    content = io.BytesIO()
    # in blocks, because the Vorbis encoder of libsndfile overflows its stack on long ones
    with soundfile.SoundFile(
        content, "w", samplerate=sample_rate, channels=channels, format=kind, subtype=subtype
    ) as file:
        for start in range(0, len(sound), sample_rate):
            file.write(sound[start : start + sample_rate])
    return content.getvalue()


# Four minutes of stereo at 44,100 Hz are 85 MB.
@functools.lru_cache(maxsize=4)
def _band(
    seconds: float, sample_rate: int, channels: int, seed: int, step: int = 1
) -> npt.NDArray[np.float32]:
    return np.stack([band(seconds, sample_rate, seed + step * c) for c in range(channels)], axis=1)


def write_long(path: Path, seconds: float, sample_rate: int, *, channels: int = 2) -> Path:
    """Write a long song to `path`, whose minutes come from four bands in turn."""
    minutes = [_band(60, sample_rate, channels, seed, step=10) for seed in range(4)]
    left = round(seconds * sample_rate)
    with soundfile.SoundFile(path, "w", samplerate=sample_rate, channels=channels) as file:
        for number in range(math.ceil(seconds / 60)):
            # louder and softer, so that no two minutes are quite the same
            sound = minutes[number % 4] * (0.5 + (number * 7 % 10) / 20)
            for start in range(0, min(left, len(sound)), sample_rate):
                file.write(sound[start : min(start + sample_rate, left)])
            left -= len(sound)
    return path


def hiss(path: Path, seconds: float, sample_rate: int = 22050) -> Path:
    """Write white noise, which is no music, to `path`."""
    sound = np.random.default_rng(0).normal(scale=0.1, size=round(seconds * sample_rate))
    soundfile.write(path, sound.astype(np.float32), sample_rate)
    return path


def _with_ffmpeg(path: Path, sound: npt.NDArray[np.float32], sample_rate: int) -> Path:
    # Imported here, because only the largest lock has it and quick tests need no .m4a.
    import imageio_ffmpeg

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "f32le",
        "-ar", str(sample_rate), "-ac", str(sound.shape[1]), "-i", "pipe:0",
        "-c:a", "aac", str(path),
    ]  # fmt: skip
    subprocess.run(command, input=sound.tobytes(), check=True)
    return path
