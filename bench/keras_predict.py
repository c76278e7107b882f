"""Keras on one batch, in a process of its own: TensorFlow's threads would disturb the others.

`python -m bench.keras_predict VERSION BATCH.npy ROUNDS` prints milliseconds as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .client import card_of, timed
from .setting import ROOT


def keras_times(
    version: str, batch: npt.NDArray[np.float32], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of `predict` for each segment (`by_segment`) and for all (`at_once`).

    The key `engine` has those of the site's own Keras engine.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batch.npy"
        np.save(path, batch)
        command = [sys.executable, "-m", __name__, version, str(path), str(rounds)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(version: str, path: str, rounds: int) -> None:
    """Measure and print."""
    import keras

    from webapp.inference.engines import KerasEngine

    batch = np.load(path)
    card = card_of(version)
    model = keras.models.load_model(card.folder / "model.keras", compile=False)
    engine = KerasEngine(card)

    def by_segment() -> None:
        for segment in batch:
            model.predict(segment[None], verbose=0)

    found = {
        "by_segment": timed(by_segment, rounds),
        "at_once": timed(lambda: model.predict(batch, verbose=0), rounds),
        "engine": timed(lambda: engine.run(batch), rounds),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
