"""A teacher's tags: read, placed in time, learned beside the genre."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from features import FeatureSpec
from model_training.errors import TrainingError
from model_training.experiment import (
    Augmentation,
    Collection,
    Distillation,
    Experiment,
    load_experiment,
    parse_experiment,
)
from model_training.judging.answers import predict_outputs
from model_training.stores.gtzan_store import GtzanStore
from model_training.training import ensemble
from model_training.training.augmentation import AugmentedTracks, Crops
from model_training.training.distillation import TeacherTags, load_teacher, teacher_digest
from model_training.training.network import fit

OPTIONS = Distillation(teacher="teacher.npz", weight=0.5, window_s=3.0, hop_s=1.0)
SPEC = FeatureSpec()
TAUGHT = parse_experiment('title = "Taught"', Path("taught.toml"))
TAUGHT = dataclasses.replace(TAUGHT, feature_spec=SPEC, distillation=OPTIONS)


def of(options: Distillation, *collections: Collection) -> Experiment:
    """`TAUGHT` with other options, of several stores."""
    return dataclasses.replace(TAUGHT, distillation=options, data=collections)


@pytest.fixture
def tracks(store):
    opened = GtzanStore(store)
    return opened.load(SPEC, opened.split("train"))


def write_tags(folder: Path, names: list[str], n_windows: int = 28, **changes) -> None:
    """Two tags; the first is the window's number over 100, the second always 0.5."""
    window = np.tile(np.arange(n_windows), len(names))
    tags = np.stack([window / 100, np.full(len(window), 0.5)], axis=1)
    content = {"track": np.repeat(names, n_windows), "window": window, "tags": tags} | changes
    np.savez(folder / "teacher.npz", **content)


def ramp(n_tracks: int = 2) -> TeacherTags:
    values = np.tile(np.arange(10, dtype=np.float32)[None, :, None] / 100, (n_tracks, 1, 1))
    return TeacherTags(values.astype(np.float32), np.array([True, False]), np.ones(n_tracks), 3.0)


def test_tags_are_those_of_the_windows_within_the_segment():
    # Windows that lie between second 2 and 7 begin between 2 and 4: their middle is number 3.
    tags, known = ramp().during(np.array([0, 1]), np.array([2.0, 2.5]), np.array([7.0, 7.5]))
    np.testing.assert_allclose(tags[:, 0], [0.03, 0.035], atol=1e-6)
    np.testing.assert_array_equal(known, [1, 0])


def test_segments_shorter_than_a_window_and_beyond_the_last_have_tags_too():
    rows, start = np.array([0, 0]), np.array([4.0, 50.0])
    tags, _ = ramp().during(rows, start, start + 1)
    np.testing.assert_allclose(tags[:, 0], [0.04, 0.09], atol=1e-6)


def test_windows_of_one_track_may_lie_further_apart():
    spaced = dataclasses.replace(ramp(), hop_s=np.array([1.0, 2.0]), known=np.array([True, True]))
    rows, start = np.array([0, 1]), np.array([4.0, 4.0])
    tags, _ = spaced.during(rows, start, start + 3)
    np.testing.assert_allclose(tags[:, 0], [0.04, 0.02], atol=1e-6)


def test_no_tags_for_copies_whose_time_is_not_known():
    tags, known = ramp().during(np.array([0]), np.array([np.nan]), np.array([np.nan]))
    assert np.isfinite(tags).all()
    assert known.tolist() == [0]


def test_crops_know_their_seconds():
    crops = Crops(np.array([0]), start=np.array([10.0]), rate=np.array([1.5]))
    start_s, end_s = crops.span(SPEC)
    column_s = 1711 / 22050
    np.testing.assert_allclose([start_s[0], end_s[0]], [10 * column_s, (10 + 96) * column_s])


def test_reading_finds_each_track_and_fills_missing_last_windows(tracks, tmp_path):
    write_tags(tmp_path, [tracks.names[3], "nobody.00000", tracks.names[0]])
    with np.load(tmp_path / "teacher.npz") as file:
        content = dict(file)
    # The last track lacks its last window, as clips differ by a window in length.
    np.savez(tmp_path / "teacher.npz", **{key: value[:-1] for key, value in content.items()})
    teacher = load_teacher(tmp_path, TAUGHT, tracks)
    assert teacher is not None
    assert teacher.n_tags == 2
    assert np.flatnonzero(teacher.known).tolist() == [0, 3]
    np.testing.assert_allclose(teacher.values[3, :, 0], np.arange(28) / 100, atol=1e-6)
    np.testing.assert_allclose(teacher.values[0, 26:, 0], 0.26, atol=1e-6)
    assert (teacher.values[1] == 0).all()


def test_no_teacher_no_tags(tracks, tmp_path):
    assert load_teacher(tmp_path, of(Distillation()), tracks) is None
    unheard = of(dataclasses.replace(OPTIONS, weight=0.0))
    assert load_teacher(tmp_path, unheard, tracks) is None
    assert teacher_digest(tmp_path, unheard) is None


def test_another_teacher_is_another_recipe(tracks, tmp_path):
    with pytest.raises(TrainingError, match="beside the data"):
        teacher_digest(tmp_path, TAUGHT)
    write_tags(tmp_path, tracks.names[:1])
    first = teacher_digest(tmp_path, TAUGHT)
    write_tags(tmp_path, tracks.names[:2])
    assert first != teacher_digest(tmp_path, TAUGHT)


def test_unusable_tags_are_refused(tracks, tmp_path):
    with pytest.raises(TrainingError, match="not there"):
        load_teacher(tmp_path, TAUGHT, tracks)
    for content in (b"", b"PK no archive", b"no archive"):
        (tmp_path / "teacher.npz").write_bytes(content)
        with pytest.raises(TrainingError, match="damaged"):
            load_teacher(tmp_path, TAUGHT, tracks)
    with (tmp_path / "teacher.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(TrainingError, match="damaged"):
        load_teacher(tmp_path, TAUGHT, tracks)
    write_tags(tmp_path, ["nobody.00000"])
    with pytest.raises(TrainingError, match="none of the training tracks"):
        load_teacher(tmp_path, TAUGHT, tracks)
    write_tags(tmp_path, tracks.names[:1], tags=np.full((28, 2), 1.5))
    with pytest.raises(TrainingError, match="between 0 and 1"):
        load_teacher(tmp_path, TAUGHT, tracks)
    for wrong in (
        {"tags": np.full((27, 2), 0.5)},
        {"tags": np.full((28, 0), 0.5)},
        {"tags": np.full((28, 2), np.nan)},
        {"window": np.arange(28) + 0.5},
        {"window": np.arange(28) - 1},
        {"window": np.arange(28) * 10**12},
        {"window": np.int64(3)},
    ):
        write_tags(tmp_path, tracks.names[:1], **wrong)
        with pytest.raises(TrainingError, match="do not fit together"):
            load_teacher(tmp_path, TAUGHT, tracks)
    for windows in ([0, 1, 3, 3], [1, 2, 3, 1], [0, 1, 2, 2]):
        changes: dict[str, Any] = {
            "window": np.array(windows),
            "tags": np.full((len(windows), 2), 0.5),
        }
        write_tags(tmp_path, tracks.names[:1], track=[tracks.names[0]] * len(windows), **changes)
        with pytest.raises(TrainingError, match="lacks a window between others, or has one twice"):
            load_teacher(tmp_path, TAUGHT, tracks)
    table = FeatureSpec(
        kind="statistics", statistics=("rms",), standardise=False, n_frames=64
    )  # fmt: skip
    with pytest.raises(TrainingError, match="statistics have none"):
        load_teacher(tmp_path, dataclasses.replace(TAUGHT, feature_spec=table), tracks)


def test_windows_may_be_told_by_their_seconds(tracks, tmp_path):
    names = tracks.names[:2]
    write_tags(tmp_path, names)
    with np.load(tmp_path / "teacher.npz") as file:
        content = dict(file)
    content["start"] = content.pop("window") * 2.0
    np.savez(tmp_path / "teacher.npz", **content)
    teacher = load_teacher(tmp_path, TAUGHT, tracks)
    assert teacher is not None
    assert teacher.hop_s.tolist() == [2.0] * len(tracks)
    np.testing.assert_allclose(teacher.values[0, :, 0], np.arange(28) / 100, atol=1e-6)
    for wrong in (content["start"] ** 1.1, -content["start"]):
        np.savez(tmp_path / "teacher.npz", **content | {"start": wrong})
        with pytest.raises(TrainingError, match="evenly spaced"):
            load_teacher(tmp_path, TAUGHT, tracks)


def test_mixed_tags_count_only_when_both_are_known(tracks, tmp_path):
    write_tags(tmp_path, tracks.names[:9])
    teacher = load_teacher(tmp_path, TAUGHT, tracks)
    targets = np.eye(3, dtype=np.float32)[tracks.labels]

    def batch(mixup: float):
        return AugmentedTracks(
            tracks, targets, SPEC, Augmentation(), batch_size=18, crops_per_track=1, mixup=mixup,
            seed=1, teacher=teacher,
        )[0]  # fmt: skip

    features, (genres, tags), (every, known) = batch(0.0)
    assert features.shape == (18, 64, 64)
    assert genres.shape == (18, 3)
    assert tags.shape == (18, 2)
    assert every.tolist() == [1] * 18
    assert known.sum() == 9
    np.testing.assert_allclose(tags[known == 1, 1], 0.5, atol=1e-6)
    _, (_, mixed), (_, both) = batch(0.3)
    assert 0 < both.sum() < 9
    np.testing.assert_allclose(mixed[both == 1, 1], 0.5, atol=1e-6)


def test_a_student_learns_the_tags_and_loses_their_head(tracks, tmp_path, experiment_file):
    write_tags(tmp_path, tracks.names)
    experiment = load_experiment(experiment_file)
    experiment = dataclasses.replace(experiment, distillation=OPTIONS)
    spec = experiment.feature_spec
    teacher = load_teacher(tmp_path, experiment, tracks)
    seen: list[keras.Model] = []

    class Watch(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            seen.append(self.model)

    model, history = fit(experiment, tracks, 1, teacher=teacher, verbose=0, callbacks=[Watch()])
    assert isinstance(model.output, keras.KerasTensor)
    assert model.output_shape == (None, 3)
    assert history.keys() == {"loss", "accuracy", "tags_loss"}
    assert history["tags_loss"][-1] < history["tags_loss"][0]
    assert len(history["accuracy"]) == experiment.training.epochs
    # Both heads share the layers below them.
    outputs, _ = predict_outputs(seen[0], tracks, spec)
    assert outputs[1].shape[1] == 2
    np.testing.assert_allclose(predict_outputs(model, tracks, spec)[0][0], outputs[0], atol=1e-6)


def test_a_student_learns_the_answers_of_its_elders(tracks, experiment_file, monkeypatch):
    experiment = load_experiment(experiment_file)
    # Nothing but the elders' answers is left of the target.
    options = Distillation(elders=2, elders_weight=1.0)
    experiment = dataclasses.replace(experiment, distillation=options)
    seeds: list[int] = []
    taught: list[Any] = []

    def watched(*arguments, **options):
        seeds.append(arguments[2])
        taught.append(options.get("elders"))
        return fit(*arguments, **options)

    monkeypatch.setattr(ensemble, "fit", watched)
    (member,), history = ensemble.fit_members(experiment, tracks, 1, data=Path())
    assert len(set(seeds)) == 3
    assert seeds[-1] == 1
    assert taught[:2] == [None, None]
    assert history.keys() == {"loss", "accuracy"}
    batch = AugmentedTracks(
        tracks, np.zeros((len(tracks), 3), np.float32), experiment.feature_spec, Augmentation(),
        batch_size=6, crops_per_track=1, mixup=0.0, seed=1, elders=taught[2], elders_weight=0.75,
    )[0]  # fmt: skip
    told = keras.ops.convert_to_numpy(taught[2](batch[0]))
    np.testing.assert_allclose(batch[1], 0.75 * told, atol=1e-5)
    np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-5)
    assert member.output_shape == (None, 3)


def test_a_share_of_more_than_all_is_refused():
    with pytest.raises(ValueError, match="at most 1"):
        Distillation(elders=2, elders_weight=1.5)
