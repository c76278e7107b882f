"""Versions with chosen answers, and cards that hold all that a card can hold."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_training.judging.evaluation import evaluate
from model_training.paths import TEST_TABLE
from webapp.inference import Card

V1 = Path(__file__).resolve().parents[2] / "trained_models" / "v1" / "model.json"
GENRES = ("chaabi", "gnawa", "malhun")
MODEL_FILES = ("model.keras", "model.tflite")


def v1_card() -> dict[str, Any]:
    card: dict[str, Any] = json.loads(V1.read_text(encoding="utf-8"))
    return card


def full_card(genres: Sequence[str] = GENRES, per_genre: int = 20) -> dict[str, Any]:
    """A card with everything that an export writes, measured on made-up answers."""
    rng = np.random.default_rng(0)
    n, names = len(genres), tuple(genres)
    labels = np.repeat(np.arange(n), per_genre)
    segments = np.repeat(np.arange(len(labels)), 6)
    noise = rng.dirichlet(np.ones(n), len(segments))
    probabilities = 0.4 * np.eye(n)[labels[segments]] + 0.6 * noise
    report = evaluate(probabilities, segments, labels, names, 1.0)
    card = v1_card()
    loss = np.geomspace(2.5, 0.5, 30)
    card["genres"] = list(names)
    card["metrics"] = {"validation": report, "test": report}
    card["training"]["note"] = "Trained on a coarser time grid than the original."
    card["training"]["export_command"] = "python -m model_training export runs/a --version v1"
    card["architecture"]["options"] = {"units": [64, 32]}
    card["training"]["history"] = {
        "loss": loss.tolist(),
        "val_loss": (loss + 0.3).tolist(),
        "accuracy": (1 / (1 + loss)).tolist(),
        "val_accuracy": (0.8 / (1 + loss)).tolist(),
    }
    return card


def probabilities_for(winners: Sequence[str], genres: Sequence[str]) -> np.ndarray:
    chosen = np.array([list(genres).index(winner) for winner in winners])
    return np.where(np.eye(len(genres), dtype=bool)[chosen], 0.6, 0.4 / (len(genres) - 1))


def write_version(
    models: Path,
    version: str,
    truth: dict[str, str],
    winners: Sequence[str],
    genres: Sequence[str] = GENRES,
) -> Card:
    """A version that keeps these answers for the tracks of `truth`; its networks are fake."""
    folder = models / version
    folder.mkdir(parents=True)
    answers = probabilities_for(winners, genres)
    labels = np.array([list(genres).index(genre) for genre in truth.values()])
    track = np.arange(len(labels))
    report = evaluate(answers, track, labels, tuple(genres), 1.0)
    with (folder / TEST_TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["track", "genre", "winner", *genres])
        for (name, genre), winner, row in zip(truth.items(), winners, answers, strict=True):
            writer.writerow([name, genre, winner, *row])
    for name in MODEL_FILES:
        (folder / name).write_bytes(name.encode())
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (*MODEL_FILES, TEST_TABLE)
    }
    card = v1_card() | {"version": version, "genres": list(genres), "files": files}
    card["metrics"] = {"test": report}
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")
    return Card(folder)


def write_gtzan(folder: Path) -> Path:
    """A store in GTZAN's layout: two test tracks of each of v1's genres, noise of many shapes."""
    (folder / "splits").mkdir()
    rng = np.random.default_rng(1)
    tracks = [f"{genre}.0000{number}" for genre in v1_card()["genres"] for number in range(2)]
    shapes = np.cumsum(rng.normal(0, 9, (len(tracks), 128, 1)), axis=1)
    level = 140 + shapes + rng.normal(0, 25, (len(tracks), 128, 387))
    np.savez(
        folder / "logmel30s.npz",
        level=np.clip(level, 0, 255).astype(np.uint8),
        track=np.array(tracks),
        genre=np.array([track.split(".")[0] for track in tracks]),
        range_db=np.full(len(tracks), 80, np.float32),
    )
    listed = "".join(f"{track.split('.')[0]}/{track}.wav\n" for track in tracks)
    for split in ("train", "valid", "test"):
        (folder / "splits" / f"{split}_filtered.txt").write_text(listed)
    (folder / "artists.csv").write_text("track,artist,title\n")
    (folder / "replicas.json").write_text("[]")
    return folder


def lines_within(text: str, columns: int = 100) -> bool:
    return max(map(len, text.splitlines())) <= columns
