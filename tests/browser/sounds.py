"""Sounds that the tests make themselves: a small band, in every format."""

from __future__ import annotations

import functools
import math
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
BEAT_S = 0.5


def band(seconds: float, sample_rate: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Chords, a bass and drums; float32 (n,), within [-1, 1]."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    beat = (time / BEAT_S).astype(int)
    since = time - beat * BEAT_S
    chords = np.array(CHORDS)[(beat // 4) % len(CHORDS)]
    root = 110 * 2 ** (rng.integers(12) / 12)
    sound = np.zeros(len(time))
    for voice in range(3):
        phase = 2 * np.pi * root * 2 * np.cumsum(2 ** (chords[:, voice] / 12)) / sample_rate
        # Overtones as powers: a sine of its own for each would take most of the time.
        turn = np.exp(1j * phase)
        overtone, tone = np.ones_like(turn), np.zeros(len(time))
        for n in range(1, 6):
            overtone *= turn
            tone += overtone.imag / n**1.5
        sound += tone * np.exp(-2 * since)
    sound += 0.8 * np.sin(2 * np.pi * root / 2 * time)
    sound += rng.normal(size=len(time)) * np.exp(-40 * since) * (1 + beat % 2)
    return (0.6 * sound / np.abs(sound).max()).astype(np.float32)


def write(
    path: Path, seconds: float, sample_rate: int, *, channels: int = 1, seed: int = 0,
    subtype: str | None = None,
) -> Path:  # fmt: skip
    """Write a band to `path`; the format follows from its suffix."""
    sound = np.stack([band(seconds, sample_rate, seed + c) for c in range(channels)], axis=1)
    if path.suffix == ".m4a":
        return _with_ffmpeg(path, sound, sample_rate)
    kind = {".opus": "OGG", ".mp3": "MP3"}.get(path.suffix)
    subtype = "OPUS" if path.suffix == ".opus" else subtype
    # in blocks: the library's Vorbis encoder overflows its stack on long ones
    with soundfile.SoundFile(
        path, "w", samplerate=sample_rate, channels=channels, format=kind, subtype=subtype
    ) as file:
        for start in range(0, len(sound), sample_rate):
            file.write(sound[start : start + sample_rate])
    return path


def write_long(path: Path, seconds: float, sample_rate: int, *, channels: int = 2) -> Path:
    """Write minutes of four bands in turn to `path`."""
    minutes = [_minute(sample_rate, channels, seed) for seed in range(4)]
    left = round(seconds * sample_rate)
    with soundfile.SoundFile(path, "w", samplerate=sample_rate, channels=channels) as file:
        for number in range(math.ceil(seconds / 60)):
            # louder and softer, so that no two minutes are quite the same
            sound = minutes[number % 4] * (0.5 + (number * 7 % 10) / 20)
            for start in range(0, min(left, len(sound)), sample_rate):
                file.write(sound[start : min(start + sample_rate, left)])
            left -= len(sound)
    return path


# Four of stereo at 44,100 Hz are 85 MB.
@functools.lru_cache(maxsize=4)
def _minute(sample_rate: int, channels: int, seed: int) -> npt.NDArray[np.float32]:
    return np.stack([band(60, sample_rate, seed + 10 * c) for c in range(channels)], axis=1)


def hiss(path: Path, seconds: float, sample_rate: int = 22050) -> Path:
    """Write white noise, which is no music, to `path`."""
    sound = np.random.default_rng(0).normal(scale=0.1, size=round(seconds * sample_rate))
    soundfile.write(path, sound.astype(np.float32), sample_rate)
    return path


def _with_ffmpeg(path: Path, sound: npt.NDArray[np.float32], sample_rate: int) -> Path:
    # Only the largest lock has it; quick tests make sounds without it.
    import imageio_ffmpeg

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "f32le",
        "-ar", str(sample_rate), "-ac", str(sound.shape[1]), "-i", "pipe:0",
        "-c:a", "aac", str(path),
    ]  # fmt: skip
    subprocess.run(command, input=sound.tobytes(), check=True)
    return path
