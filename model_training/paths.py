"""Where things lie when nobody says otherwise."""

from __future__ import annotations

from pathlib import Path

MODELS = Path("trained_models")
RUNS = Path("runs")
