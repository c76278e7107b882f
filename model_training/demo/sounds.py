"""Synthetic sounds of four "genres": easy to tell apart, with a style of its own per artist.

Samples are float32 (n,) within [-1, 1] at SAMPLE_RATE.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from numpy.random import Generator

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating]

SAMPLE_RATE = 22050
TAKES = 2
MINOR = np.array([0, 3, 7, 10, 12, 15, 19])
MAJOR = np.array([0, 4, 7, 11, 12, 16, 19])


def _time(seconds: float) -> Floats:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _add(sound: Floats, event: Floats, start: float) -> None:
    """Mix an event into the sound at `start` seconds, as far as it fits."""
    first = round(start * SAMPLE_RATE)
    room = sound[first : first + len(event)]
    room += event[: len(room)]


def _band(noise: Floats, centre: float, octaves: float) -> Floats:
    """Noise around `centre` Hz, `octaves` wide."""
    spectrum = np.fft.rfft(noise)
    frequency = np.maximum(np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE), 1.0)
    spectrum *= np.exp(-((np.log2(frequency / centre) / octaves) ** 2))
    band: Floats = np.fft.irfft(spectrum, len(noise))
    return band / (np.abs(band).max() + 1e-9)


def drone(seconds: float, artist: Generator, take: Generator) -> Floats:
    """Long tones that swell and beat slowly."""
    time = _time(seconds)
    n_tones, rate = int(artist.integers(4, 9)), artist.uniform(0.05, 0.25)
    root = artist.uniform(60, 160) * 2 ** (take.integers(-3, 4) / 12)
    sound = np.zeros(len(time))
    for number in range(1, n_tones + 1):
        beat = take.uniform(-0.6, 0.6)
        swell = 1 + 0.6 * np.sin(2 * np.pi * rate * number**0.5 * time + take.uniform(0, 7))
        sound += swell / number * np.sin(2 * np.pi * (root * number + beat) * time)
    return sound


def pulse(seconds: float, artist: Generator, take: Generator) -> Floats:
    """A drum and a rattle at a steady tempo."""
    sound = np.zeros(round(seconds * SAMPLE_RATE))
    step = 60 / artist.uniform(95, 160) / 2 * take.uniform(0.9, 1.1)
    deep = artist.uniform(45, 80)
    rattle = artist.uniform(4000, 7000)
    pattern = take.uniform(0, 1, 8) < 0.55
    pattern[0] = True
    hit = _time(0.25)
    drum = np.exp(-hit * 18) * np.sin(2 * np.pi * (deep * hit + 12 * (1 - np.exp(-hit * 30))))
    upbeat = take.uniform(0, step)
    for number in range(int((seconds - upbeat) / step)):
        start = upbeat + number * step
        if pattern[number % len(pattern)]:
            _add(sound, take.uniform(0.7, 1) * drum, start)
        else:
            shake = _time(0.06)
            noise = _band(take.normal(size=len(shake)), rattle, 0.6) * np.exp(-shake * 60)
            _add(sound, take.uniform(0.2, 0.5) * noise, start)
    return sound


def arpeggio(seconds: float, artist: Generator, take: Generator) -> Floats:
    """Plucked notes of broken chords, up and down."""
    sound = np.zeros(round(seconds * SAMPLE_RATE))
    chord = MINOR if artist.uniform() < 0.5 else MAJOR
    step = 1 / artist.uniform(5, 9) * take.uniform(0.9, 1.1)
    decay, bright = artist.uniform(4, 9), artist.uniform(0.4, 0.8)
    root = 220 * 2 ** ((artist.integers(-4, 8) + take.integers(-2, 3)) / 12)
    note = _time(0.7)
    order = np.concatenate([np.arange(len(chord)), np.arange(len(chord) - 2, 0, -1)])
    shift = 0
    for number in range(int(seconds / step)):
        if number % len(order) == 0:
            shift = int(take.choice([-5, -2, 0, 0, 3, 5]))
        pitch = root * 2 ** ((chord[order[number % len(order)]] + shift) / 12)
        tone = sum(
            bright**harmonic * np.sin(2 * np.pi * pitch * harmonic * note)
            for harmonic in range(1, 6)
        )
        _add(sound, take.uniform(0.6, 1) * np.exp(-note * decay) * tone, number * step)
    return sound


def burst(seconds: float, artist: Generator, take: Generator) -> Floats:
    """Gusts of noise, high and low, with silence between."""
    sound = np.zeros(round(seconds * SAMPLE_RATE))
    centre, width = artist.uniform(900, 3500), artist.uniform(0.4, 1.2)
    gap = artist.uniform(0.05, 0.4)
    start = take.uniform(0, gap)
    while start < seconds:
        length = take.uniform(0.15, 0.9)
        gust = _time(length)
        noise = _band(take.normal(size=len(gust)), centre * 2 ** take.uniform(-1, 1), width)
        _add(sound, noise * np.sin(np.pi * gust / length) ** 0.5, start)
        start += length + take.uniform(0.5, 1.5) * gap
    return sound


GENRES: dict[str, Callable[[float, Generator, Generator], Floats]] = {
    "arpeggios": arpeggio,
    "bursts": burst,
    "drones": drone,
    "pulses": pulse,
}


def make(genre: str, seconds: float, artist: int, take: int) -> Samples:
    """One clip (n,); the same arguments give the same clip."""
    number = list(GENRES).index(genre)
    style = np.random.default_rng([number, artist])
    details = np.random.default_rng([number, artist, take])
    sound = GENRES[genre](seconds, style, details)
    sound = sound / np.abs(sound).max() * details.uniform(0.25, 0.9)
    sound += 10 ** details.uniform(-4, -3) * details.normal(size=len(sound))
    return np.clip(sound, -1, 1).astype(np.float32)


def write_genres(folder: Path, artists: int, seconds: float) -> None:
    """Write TAKES clips of every artist: `<folder>/<genre>/artist 1/take 1.flac`."""
    for genre in GENRES:
        for artist in range(1, artists + 1):
            place = folder / genre / f"artist {artist}"
            place.mkdir(parents=True)
            for take in range(1, TAKES + 1):
                sound = make(genre, seconds, artist, take)
                soundfile.write(place / f"take {take}.flac", sound, SAMPLE_RATE)


def write_new(folder: Path, artist: int, seconds: float) -> None:
    """Write one clip of every genre by `artist`, who must have no other clips."""
    folder.mkdir(parents=True)
    for genre in GENRES:
        sound = make(genre, seconds, artist, 1)
        soundfile.write(folder / f"new {genre}.flac", sound, SAMPLE_RATE)
