"""Tunes that differ from one another, as sound files of any kind and in any layout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import soundfile

NOTE_S = 0.3
# Formats that libsndfile writes; ffmpeg writes the others.
FORMATS = {
    ".aiff": "AIFF", ".flac": "FLAC", ".mp3": "MP3", ".ogg": "OGG", ".wav": "WAV",
}  # fmt: skip


def tune(
    seconds: float, sample_rate: int = 22050, *, seed: int = 0, channels: int = 1
) -> npt.NDArray[np.float32]:
    """Random notes of random loudness: float32 (n, channels), within [-1, 1]."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    note = (time / NOTE_S).astype(int)
    pitch = 110 * 2 ** (rng.integers(0, 36, (note.max(initial=0) + 1, channels)) / 12)
    loudness = rng.uniform(0.1, 1, pitch.shape)
    phase = 2 * np.pi * np.cumsum(pitch[note], axis=0) / sample_rate
    sound = sum(np.sin(n * phase) / n for n in range(1, 5)) * loudness[note]
    sound += 0.001 * rng.normal(size=sound.shape)
    return (0.4 * sound).astype(np.float32)


def write(path: Path, sound: npt.NDArray[np.float32], sample_rate: int = 22050) -> Path:
    """Write samples (n, channels); the format follows from the name's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind := FORMATS.get(path.suffix):
        soundfile.write(path, sound, sample_rate, format=kind)
    elif path.suffix == ".opus":
        soundfile.write(path, sound, sample_rate, format="OGG", subtype="OPUS")
    else:
        ffmpeg(
            *("-f", "f32le", "-ar", str(sample_rate), "-ac", str(sound.shape[1])),
            *("-i", "pipe:0", f"file:{path}"),
            stdin=sound.tobytes(),
        )
    return path


def ffmpeg(*words: str, stdin: bytes = b"") -> None:
    """Run ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *words]
    subprocess.run(command, input=stdin, check=True)


def write_tune(path: Path, seconds: float = 6.0, *, seed: int = 0) -> Path:
    """Write a mono tune."""
    return write(path, tune(seconds, seed=seed))


def write_genres(folder: Path, genres: dict[str, int], seconds: float = 6.0) -> Path:
    """A folder per genre with so many different wav files."""
    seed = 0
    for genre, count in genres.items():
        for number in range(count):
            write_tune(folder / genre / f"song {number}.wav", seconds, seed=seed)
            seed += 1
    return folder
