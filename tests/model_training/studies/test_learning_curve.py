"""`learning-curve`: accuracy against the number of training tracks, on a small store."""

import json

from model_training.__main__ import main


def test_a_learning_curve_grows(dense, store, tmp_path, never_the_test):
    out = tmp_path / "curve"
    assert main(["learning-curve", str(dense), "--data", str(store), "--out", str(out)]) == 0
    points = json.loads((out / "learning_curve.json").read_text())["points"]
    counts = [point["n_tracks"] for point in points]
    assert counts == sorted(counts)
    assert counts[0] == 6
    assert counts[-1] == 18
    assert {"value", "low", "high"} == points[0]["validation"].keys()
    assert (out / "learning_curve.svg").read_text().startswith("<svg")
