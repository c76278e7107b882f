"""`teaching`: a genre left out of training is taught by examples, on a small store."""

import json

import numpy as np
import pytest

from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.studies.teaching import EXAMPLES, draw_examples

from ..conftest import GENRES
from .conftest import STATISTICS


def teach(experiment, store, out, *more):
    words = ["teaching", str(experiment), "--data", str(store), "--out", str(out)]
    return main([*words, *more])


def test_each_genre_is_left_out_and_taught(
    teachable, store, tmp_path, never_the_test, capsys, monkeypatch
):
    from model_training.training.ensemble import fit_whole

    trained = []

    def watched(experiment, tracks, *arguments, **options):
        trained.append(tracks)
        return fit_whole(experiment, tracks, *arguments, **options)

    monkeypatch.setattr("model_training.studies.teaching.fit_whole", watched)
    assert teach(teachable, store, tmp_path / "teaching") == 0
    result = json.loads((tmp_path / "teaching" / "teaching.json").read_text())
    assert [tracks.genres for tracks in trained] == [
        tuple(name for name in GENRES if name != left_out) for left_out in GENRES
    ]
    for left_out, tracks in zip(GENRES, trained, strict=True):
        assert {name.split(".")[0] for name in tracks.names} == set(GENRES) - {left_out}
        own = [tracks.genres[label] for label in tracks.labels]
        assert own == [name.split(".")[0] for name in tracks.names]
        # Whole folds: the recording that is there twice is on one side.
        assert len({"chaabi.00000", "chaabi.00001"} & set(tracks.names)) in (0, 2)
    taught = result["taught"]
    assert taught["draws"] == 5
    assert list(taught["by_genre"]) == list(GENRES)
    for name in ("balanced_accuracy", "recall", "precision"):
        values = [genre[name] for genre in taught["by_genre"].values()]
        assert all(0 <= value <= 1 for value in values)
        assert taught[name] == pytest.approx(np.mean(values), abs=1e-4)
    assert taught["examples"] == max(part["examples"] for part in taught["by_genre"].values()) == 1
    part = json.loads((tmp_path / "teaching" / "genre-2.json").read_text())
    assert part["recipe"]["left_out"] == "gnawa"
    assert len(part["draws"]) == len(part["n_asked"]) == 5
    # The mean level alone tells these genres.
    assert taught["balanced_accuracy"] > 0.5
    assert "of its songs found by 1 examples" in capsys.readouterr().out


def test_a_stopped_study_goes_on(teachable, store, tmp_path, monkeypatch, capsys):
    from model_training.training.ensemble import fit_whole

    calls = []

    def counted(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit_whole(*arguments, **options)

    monkeypatch.setattr("model_training.studies.teaching.fit_whole", counted)
    out = tmp_path / "teaching"
    assert teach(teachable, store, out) == 130
    assert [path.name for path in out.iterdir()] == ["genre-1.json"]
    assert teach(teachable, store, out) == 0
    assert len(calls) == 4
    assert teach(teachable, store, out, "--seed", "2") == 2
    assert "another experiment or seed" in capsys.readouterr().err


def test_weights_chosen_on_validation_get_a_fold_of_their_own(teachable, store, tmp_path, capsys):
    teachable.write_text(teachable.read_text().replace("epochs", 'keep = "best"\nepochs'))
    assert teach(teachable, store, tmp_path / "t", "--folds", "2") == 2
    assert "--folds must be at least 3 here" in capsys.readouterr().err
    assert teach(teachable, store, tmp_path / "t") == 0
    part = json.loads((tmp_path / "t" / "genre-1.json").read_text())
    assert part["n_training_tracks"] < 8


def test_without_an_embedding_there_is_nothing_to_teach(dense, store, tmp_path, capsys):
    assert teach(dense, store, tmp_path / "t") == 2
    assert "name its layer in [embedding] layer" in capsys.readouterr().err
    assert "[embedding]" not in STATISTICS


def drawn(songs, seed=0):
    """A draw of songs given as (genre, group), and the same songs."""
    genres = sorted({genre for genre, _ in songs})
    labels = np.array([genres.index(genre) for genre, _ in songs])
    groups = [group for _, group in songs]
    return draw_examples(labels, groups, genres, np.random.default_rng(seed)), labels, groups


@pytest.mark.parametrize("seed", range(5))
def test_no_artist_is_both_an_example_and_asked(seed):
    rng = np.random.default_rng(seed)
    # Some artists are in two genres.
    songs = [(genre, f"artist {rng.integers(0, 30)}") for genre in "abc" for _ in range(30)]
    draw, labels, groups = drawn(songs, seed)
    assert not {groups[row] for row in draw.examples} & {groups[row] for row in draw.asked}
    for genre in range(3):
        assert 1 <= draw.count(labels, genre) <= EXAMPLES
        assert (labels[draw.asked] == genre).sum() >= 15
    assert len(set(draw.examples)) == len(draw.examples)


def test_at_most_half_of_a_genre_are_examples():
    songs = [("a", f"{n}") for n in range(40)] + [("b", f"{n}b") for n in range(7)]
    draw, labels, _ = drawn(songs)
    assert [draw.count(labels, genre) for genre in (0, 1)] == [EXAMPLES, 3]
    assert len(draw.asked) == 34
    # A large group is asked, whole.
    songs = [("a", "large")] * 30 + [("a", "x"), ("a", "y"), ("b", "1"), ("b", "2")]
    draw, labels, groups = drawn(songs)
    assert [draw.count(labels, genre) for genre in (0, 1)] == [2, 1]
    assert sum(groups[row] == "large" for row in draw.asked) == 30


def test_a_genre_of_one_artist_cannot_be_parted():
    with pytest.raises(TrainingError, match="'b' in the first fold cannot be parted"):
        drawn([("a", "1"), ("a", "2"), ("b", "3"), ("b", "3")])
