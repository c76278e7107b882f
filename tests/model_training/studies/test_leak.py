"""`leak`: a split by segment beside one by track, on a small store."""

import json

from model_training.__main__ import main


def test_the_leak_splits_by_track_and_by_segment(
    experiment_file, store, tmp_path, never_the_test, capsys
):
    out = tmp_path / "leak"
    words = ["leak", str(experiment_file), "--data", str(store), "--out", str(out)]
    assert main(words) == 0
    result = json.loads((out / "leak.json").read_text())
    by_track, by_segment = result["by_track"], result["by_segment"]
    assert by_track["segments_of_trained_recordings"] == 0
    assert by_segment["segments_of_trained_recordings"] > 0.9
    assert by_track["n_segments"] == by_segment["n_segments"]
    assert by_track["n_training_segments"] == by_segment["n_training_segments"]
    assert "split by segment" in capsys.readouterr().out
