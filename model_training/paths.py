"""Default folders, and the names of files that several packages share."""

from __future__ import annotations

from pathlib import Path

MODELS = Path("trained_models")
RUNS = Path("runs")

# In a run's folder, beside the numbers of `cross-validate`.
CROSS_VALIDATION = "cross_validation.json"
# Beside the numbers of `elsewhere`.
ELSEWHERE = "elsewhere.json"
# Likewise, beside those of `teaching`.
TEACHING = "teaching.json"
# In a version's folder, beside the card: every test track's answer, and the report.
TEST_TABLE = "test.csv"
REPORT_NAME = "report.html"
