"""What a run's folder says of it: `run.json`, which `training/runs.py` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..datasets.clips import Part
from ..errors import TrainingError
from ..files import read_json

# Keys of a record that `export` needs.
NEEDED = {"data_digest", "seed", "temperature", "unfamiliar", "validation"}


def load_run(run: Path) -> dict[str, Any]:
    """Read a run's record.

    Raises
    ------
    TrainingError : when the folder is no finished run.
    """
    try:
        record = read_json(run / "run.json")
    except (OSError, ValueError) as error:
        raise TrainingError(f"{run}: no finished run there ({error}).") from error
    experiment = record.get("experiment") if isinstance(record, dict) else None
    if not isinstance(experiment, dict):
        raise TrainingError(f"{run}/run.json: not a run's record.")
    sections = {"distillation", "unfamiliar", "embedding"}
    if not (record.keys() >= NEEDED and sections <= experiment.keys()):
        raise TrainingError(f"{run}: made by an older release; train again.")
    return record


def parts_trained_on(record: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts of the split that a run was trained on."""
    return ("train",) if record["validation"] else ("train", "validation")
