"""`extract`: stores hold the site's features, wherever computed; a bad file costs one line."""

import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import distributed
import numpy as np
import pytest

from features import FeatureSpec, coefficients, extract_segments
from features.segments import excerpt_bounds
from features.statistics import statistics, statistics_names
from model_training.__main__ import main
from model_training.datasets import open_dataset
from model_training.errors import TrainingError
from model_training.sound.audio import load_audio
from model_training.stores import cluster as cluster_module
from model_training.stores import extraction
from model_training.stores.cluster import dask_cluster
from model_training.stores.extraction import extract, table_spec
from model_training.stores.sound_features import Recipe, excerpts_of
from model_training.stores.store import ExtractedStore, open_store
from model_training.stores.tracks import cut, features_at

from .. import music

SPEC = FeatureSpec()
STATISTICS = ("rms", "spectral_centroid", "mfcc")


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genres of four songs, of several formats, rates and lengths."""
    folder = tmp_path_factory.mktemp("songs")
    seed = 0
    for genre in ("chaabi", "gnawa", "malhun"):
        for number, suffix in enumerate((".wav", ".mp3", ".flac", ".ogg")):
            rate = (22050, 44100, 48000, 22050)[number]
            sound = music.tune(6 + seed / 2, rate, seed=seed, channels=1 + number % 2)
            music.write(folder / genre / f"song {number}{suffix}", sound, rate)
            seed += 1
    return folder


@pytest.fixture(scope="module")
def extracted(songs: Path, experiment_file: Path, tmp_path_factory) -> Path:
    """The store of `songs` with a copy of each, made in this process."""
    out = tmp_path_factory.mktemp("stores") / "songs"
    assert main([*words(songs, experiment_file, out), "--copies", "1"]) == 0
    return out


def words(songs: Path, experiment: Path, out: Path) -> list[str]:
    """The command with one process, unless --jobs or --scheduler follow."""
    source = ["extract", "folder", str(songs), "--spec", str(experiment)]
    return [*source, "--out", str(out), "--jobs", "1"]


def arrays_of(store: Path) -> dict[str, np.ndarray]:
    with np.load(store / "features.npz") as arrays:
        return dict(arrays)


def assert_equal_stores(first: Path, second: Path) -> None:
    assert (first / "tracks.csv").read_bytes() == (second / "tracks.csv").read_bytes()
    for name, array in arrays_of(first).items():
        np.testing.assert_array_equal(array, arrays_of(second)[name], err_msg=name)


# --- what is stored ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mfcc", "log_mel"])
def test_training_gets_the_features_that_the_site_computes(songs, extracted, kind):
    store = open_store(extracted)
    spec = dataclasses.replace(SPEC, kind=kind)
    names = sorted(store.groups)
    tracks = store.load(spec, names)
    first, track = cut(tracks, spec)
    stored = features_at(tracks, first, spec)
    for row, name in enumerate(names):
        heard = extract_segments(load_audio(songs / name, spec.sample_rate), spec)
        mine = stored[track == row]
        assert len(mine) == len(heard) >= 1
        # 8 bits of 80 dB are steps of 0.31 dB, a few hundredths of a segment's deviation.
        error = np.abs(mine - np.stack([segment.values for segment in heard]))
        assert error.max() < 0.1
        assert error.mean() < 0.02


def test_statistics_are_stored_as_they_are(songs, tmp_path):
    toml = tmp_path / "table.toml"
    toml.write_text(
        'title = "Table"\n[feature_spec]\nkind = "statistics"\nstandardise = false\n'
        f"statistics = {json.dumps(STATISTICS)}\nn_mfcc = 13\n"
    )
    assert main(words(songs, toml, tmp_path / "store")) == 0
    store = ExtractedStore(tmp_path / "store")
    names = sorted(store.groups)
    tracks = store.load(store.spec, names)
    for row, name in enumerate(names):
        heard = extract_segments(load_audio(songs / name, SPEC.sample_rate), store.spec)
        mine = tracks.values[tracks.excerpt_track == row]
        np.testing.assert_array_equal(mine, np.stack([segment.values for segment in heard]))
    assert arrays_of(tmp_path / "store")["excerpt_start"].max() >= SPEC.segment_s


def test_the_store_says_where_it_comes_from(songs, extracted, experiment_file):
    about = json.loads((extracted / "store.json").read_text())
    assert about["command"].startswith("python -m model_training extract folder")
    assert about["genres"] == ["chaabi", "gnawa", "malhun"]
    assert (about["n_tracks"], about["n_excerpts"]) == (12, 24)
    assert about["name"] == songs.name
    assert about["copies"]["n"] == 1
    assert about["copies"]["augmentation"]["pitch"] == 2.0
    assert FeatureSpec.from_json(about["feature_spec"]).n_mfcc == 20
    assert set(about["libraries"]) >= {"python", "numpy", "soxr"}
    with (extracted / "tracks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "track": "chaabi/song 1.mp3",
        "genre": "chaabi",
        "group": "chaabi/song 1.mp3",
        "split": "",
        "seconds": "6.5",
        "path": "chaabi/song 1.mp3",
    }
    assert not (extracted / "splits").exists()
    assert [path.name for path in extracted.parent.iterdir()] == [extracted.name]


def test_only_training_reads_copies(extracted):
    store = open_store(extracted)
    names = sorted(store.groups)
    alone, both = store.load(SPEC, names), store.load(SPEC, names, copies=True)
    assert len(alone.excerpt_track) == 12
    assert len(both.excerpt_track) == 24
    copies = arrays_of(extracted)["excerpt_copy"]
    assert copies.tolist() == [0, 1] * 12
    lengths = both.excerpt_columns.reshape(12, 2)
    assert (lengths[:, 0] != lengths[:, 1]).any()


def test_a_long_song_is_heard_as_on_the_site():
    sound = music.tune(170, seed=5)[:, 0]
    excerpts = excerpts_of(sound, SPEC)
    assert excerpts.start.tolist() == [30.0, 60.0, 90.0, 120.0, 150.0]
    assert excerpts.columns.tolist() == [387, 387, 387, 387, 258]
    assert excerpts.values.dtype == np.uint8
    # A limit takes evenly spread excerpts, and a limit of one the middle.
    assert excerpts_of(sound, SPEC, max_excerpts=1).start.tolist() == [90.0]
    assert excerpts_of(sound, SPEC, max_excerpts=2).start.tolist() == [60.0, 120.0]
    assert excerpts_of(sound, SPEC, max_excerpts=9).start.tolist() == excerpts.start.tolist()
    one = excerpts_of(sound, SPEC, max_excerpts=1)
    np.testing.assert_array_equal(one.values, excerpts.values[2 * 387 : 3 * 387])


def test_silent_excerpts_are_left_out_and_short_sounds_repeated():
    sound = music.tune(75, seed=6)[:, 0]
    first, last = excerpt_bounds(len(sound), SPEC)[1]
    sound[first:last] = 0
    assert excerpts_of(sound, SPEC).start.tolist() == [0.0, 60.0]
    short = excerpts_of(music.tune(1, seed=7)[:, 0], SPEC)
    assert short.columns.tolist() == [SPEC.n_frames + 1]
    level = short.values[: SPEC.n_frames].astype(np.float32)
    log_mel = -np.float32(SPEC.top_db) * (1 - (level + np.float32(0.5)) / np.float32(256))
    heard = extract_segments(music.tune(1, seed=7)[:, 0], SPEC)
    assert np.abs(coefficients(log_mel, SPEC) - heard[0].values).max() < 0.1


def test_max_excerpts_and_a_table_of_statistics(songs, experiment_file, tmp_path, capsys):
    more = ["--max-excerpts", "1", "--statistics-csv", str(tmp_path / "songs.csv")]
    assert main([*words(songs, experiment_file, tmp_path / "store"), *more]) == 0
    assert "statistics of 12 tracks" in capsys.readouterr().out
    spec = table_spec(dataclasses.replace(SPEC, n_mfcc=20))
    assert (spec.hop_length, spec.n_mels, spec.fmax) == (512, 128, 11025.0)
    with (tmp_path / "songs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[4:] == statistics_names(spec)
    assert [row["track"] for row in rows] == sorted(open_store(tmp_path / "store").groups)
    for row in rows[::5]:
        expected = statistics(load_audio(songs / row["track"], spec.sample_rate), spec)
        found = np.array([float(row[name]) for name in statistics_names(spec)])
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert json.loads((tmp_path / "store" / "store.json").read_text())["max_excerpts"] == 1


# --- processes and clusters -------------------------------------------------------------------


def test_processes_give_the_same_store(songs, extracted, experiment_file, tmp_path):
    out = tmp_path / "store"
    assert main([*words(songs, experiment_file, out), "--copies", "1", "--jobs", "2"]) == 0
    assert_equal_stores(out, extracted)


def local_cluster(**options) -> distributed.LocalCluster:
    # Any free port, also for its page: another cluster may run on this machine.
    return distributed.LocalCluster(threads_per_worker=1, dashboard_address=":0", **options)


@pytest.fixture(scope="module")
def cluster():
    with local_cluster(n_workers=2, processes=True) as local:
        yield local.scheduler_address


def test_a_cluster_of_two_workers_gives_the_same_store(
    songs, extracted, experiment_file, cluster, tmp_path
):
    out = tmp_path / "store"
    more = ["--copies", "1", "--scheduler", cluster]
    assert main([*words(songs, experiment_file, out), *more]) == 0
    assert_equal_stores(out, extracted)
    with distributed.Client(cluster, set_as_default=False) as client:
        assert len(client.scheduler_info()["workers"]) == 2
        tasks = client.run_on_scheduler(
            lambda dask_scheduler: sum(
                prefix.state_counts["memory"] + prefix.state_counts["released"]
                for prefix in dask_scheduler.task_prefixes.values()
            )
        )
    assert tasks > 0


def test_a_worker_that_does_not_see_the_music_is_named(cluster, tmp_path):
    with (
        pytest.raises(TrainingError, match=f"does not see {tmp_path}/elsewhere.*same path"),
        dask_cluster(cluster, [str(tmp_path / "elsewhere")]),
    ):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://host:port"])
def test_a_scheduler_that_does_not_answer(
    songs, experiment_file, tmp_path, address, capsys, monkeypatch
):
    monkeypatch.setattr(cluster_module, "TIMEOUT_S", 1)
    started = time.monotonic()
    assert main([*words(songs, experiment_file, tmp_path / "store"), "--scheduler", address]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: --scheduler {address}: no Dask scheduler answers there")
    assert message.count("\n") == 1
    assert time.monotonic() - started < 10
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_goes_away_is_told():
    def lose(local: distributed.LocalCluster) -> None:
        with dask_cluster(local.scheduler_address, []):
            local.close()
            for _ in range(1200):
                time.sleep(0.05)

    with (
        local_cluster(n_workers=1, processes=False) as local,
        pytest.raises(TrainingError, match=r"went away in the middle.*done is kept"),
    ):
        lose(local)


# --- stopped and gone on ----------------------------------------------------------------------


def interrupted(command: list[str], root: Path, work: Path, n_done: int) -> str:
    """Send Ctrl-C to all processes, as a terminal does, after `n_done` songs; the message."""
    running = subprocess.Popen(
        [sys.executable, "-m", "model_training", *command],
        cwd=root,
        text=True,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while len(done_in(work)) < n_done and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    if work.exists():
        os.killpg(running.pid, signal.SIGINT)
    message = running.communicate(timeout=300)[1]
    assert running.returncode == 130, message
    assert "Traceback" not in message
    return message


def done_in(work: Path) -> list[Path]:
    return list(work.glob("[!.]*.npz"))


def test_a_stopped_run_goes_on_where_it_was(
    songs, extracted, experiment_file, tmp_path, root, capsys
):
    out = tmp_path / "store"
    work = extraction.work_folder(out)
    # With copies, songs take long enough for the run to be stopped in the middle.
    command = [*words(songs, experiment_file, out), "--copies", "4"]
    message = interrupted([*command, "--jobs", "2"], root, work, 2)
    done = len(done_in(work))
    assert 2 <= done < 12
    assert f"{done} of 12 songs are done and kept in {work}" in message
    assert not out.exists()
    assert main(command) == 0
    assert f"{done} done by an earlier run" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [out]
    # The clips themselves are those of a run that nobody stopped.
    alone, whole = open_store(extracted), open_store(out)
    names = sorted(alone.groups)
    np.testing.assert_array_equal(alone.load(SPEC, names).values, whole.load(SPEC, names).values)


def test_only_unchanged_files_are_taken_over(songs, tmp_path, monkeypatch):
    folder = shutil.copytree(songs, tmp_path / "songs")
    out = tmp_path / "store"

    def run(recipe: Recipe) -> extraction.Report:
        return extract(open_dataset("folder", folder), recipe, out, jobs=1)

    def stop(*arguments) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(extraction, "write_store", stop)
        for recipe in (Recipe(SPEC), Recipe(SPEC, copies=1)):
            with pytest.raises(KeyboardInterrupt):
                run(recipe)
    assert not out.exists()
    # A changed file is done anew, and each recipe has a work folder of its own.
    music.write_tune(folder / "gnawa" / "song 0.wav", 7.0, seed=99)
    assert run(Recipe(SPEC)).n_reused == 11
    shutil.rmtree(out)
    # The work folders are removed once the store is complete.
    assert [path.name for path in tmp_path.iterdir()] == ["songs"]
    assert run(Recipe(SPEC)).n_reused == 0


# --- bad files, bad words ---------------------------------------------------------------------


def test_bad_files_cost_a_line_each(songs, extracted, experiment_file, tmp_path, capsys):
    folder = shutil.copytree(songs, tmp_path / "songs")
    (folder / "gnawa" / "broken.wav").write_bytes(b"RIFF but nothing else")
    (folder / "gnawa" / "empty.flac").write_bytes(b"")
    (folder / "gnawa" / "two\nlines.wav").write_bytes(b"")
    music.write(folder / "gnawa" / "silent.wav", np.zeros((30000, 1), np.float32))
    (folder / "cover.jpg").write_bytes(b"\xff\xd8")
    music.write_tune(folder / "beside.wav")
    out = tmp_path / "store"
    assert main([*words(folder, experiment_file, out), "--copies", "1"]) == 0
    told = capsys.readouterr().out
    skipped = {entry["track"]: entry["reason"] for entry in open_skipped(out)}
    assert set(skipped) == {
        "beside.wav",
        "gnawa/broken.wav",
        "gnawa/empty.flac",
        "gnawa/silent.wav",
        "gnawa/two\nlines.wav",
    }
    assert "this is a text" in skipped["gnawa/broken.wav"]
    assert "silent" in skipped["gnawa/silent.wav"]
    assert "line break" in skipped["gnawa/two\nlines.wav"]
    for reason in skipped.values():
        assert reason in told
    assert "12 tracks, 24 excerpts, 5 skipped" in told
    assert_equal_stores(out, extracted)


def open_skipped(store: Path) -> list[dict[str, str]]:
    return json.loads((store / "store.json").read_text())["skipped"]


def test_names_that_no_text_file_holds_are_skipped(songs, experiment_file, tmp_path, capsys):
    folder = shutil.copytree(songs, tmp_path / "songs")
    shutil.copy(songs / "gnawa" / "song 0.wav", os.fsencode(folder / "gnawa") + b"/\xff.wav")
    assert main(words(folder, experiment_file, tmp_path / "store")) == 0
    assert "gnawa/\\udcff.wav: its name is not valid UTF-8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"gnawa": 4}, "one genre only"),
        ({"gnawa": 4, "chaabi": 2}, "chaabi has 2 clips"),
        ({}, "holds no sound"),
    ],
)
def test_data_of_which_no_model_can_be_made(counts, message, experiment_file, tmp_path, capsys):
    folder = tmp_path / "songs"
    folder.mkdir()
    music.write_genres(folder, counts, seconds=1.0)
    assert main(words(folder, experiment_file, tmp_path / "store")) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [folder]


def test_too_many_bad_files_are_an_error_that_names_one(experiment_file, tmp_path, capsys):
    folder = music.write_genres(tmp_path / "songs", {"gnawa": 3, "chaabi": 3}, seconds=5.0)
    (folder / "chaabi" / "song 1.wav").write_bytes(b"RIFF but nothing else")
    assert main(words(folder, experiment_file, tmp_path / "store")) == 2
    message = capsys.readouterr().err
    assert "chaabi has 2 clips" in message
    assert "chaabi/song 1.wav: this is a text or another document" in message
    assert not (tmp_path / "store").exists()
    # The good songs need not be done again once the bad one is mended.
    music.write_tune(folder / "chaabi" / "song 1.wav", 5.0, seed=50)
    assert main(words(folder, experiment_file, tmp_path / "store")) == 0
    assert "5 done by an earlier run" in capsys.readouterr().out


def test_a_recording_under_two_names_stays_on_one_side(songs, experiment_file, tmp_path, capsys):
    folder = shutil.copytree(songs, tmp_path / "songs")
    shutil.copy(songs / "gnawa" / "song 0.wav", folder / "gnawa" / "copy.wav")
    sound = music.tune(6 + 4 / 2, seed=4, channels=1)
    music.write(folder / "gnawa" / "quiet.mp3", sound * 0.3)
    assert main(words(folder, experiment_file, tmp_path / "store")) == 0
    pair, alike = ["gnawa/copy.wav", "gnawa/song 0.wav"], ["gnawa/copy.wav", "gnawa/quiet.mp3"]
    about = json.loads((tmp_path / "store" / "store.json").read_text())
    assert about["replicas"] == [alike, pair] or about["replicas"] == [pair, alike]
    assert "the same recording, kept on one side of a split: gnawa/copy" in capsys.readouterr().out
    assert main(["split", str(tmp_path / "store")]) == 0
    store = open_store(tmp_path / "store")
    parts = [set(store.split(part)) & {*pair, *alike} for part in ("train", "validation", "test")]
    assert sorted(map(len, parts)) == [0, 0, 3]
    more = ["--no-fingerprints"]
    assert main([*words(folder, experiment_file, tmp_path / "other"), *more]) == 0
    about = json.loads((tmp_path / "other" / "store.json").read_text())
    assert about["replicas"] == [pair]


def test_a_split_that_the_data_set_prescribes_comes_along(songs, experiment_file, tmp_path, capsys):
    lines = ["path,label,group,split"]
    for genre in ("chaabi", "gnawa", "malhun"):
        for number, part in ((0, "train"), (1, "train"), (2, "validation"), (3, "test")):
            file = next((songs / genre).glob(f"song {number}.*"))
            lines.append(f"{file},{genre},,{part}")
    manifest = tmp_path / "songs.csv"
    manifest.write_text("\n".join(lines) + "\n")
    command = ["extract", "manifest", str(manifest), "--spec", str(experiment_file)]
    assert main([*command, "--out", str(tmp_path / "store")]) == 0
    assert "as the data set prescribes: 6 train, 3 validation, 3 test" in capsys.readouterr().out
    store = open_store(tmp_path / "store")
    assert [Path(name).stem for name in store.split("test")] == ["song 3"] * 3
    assert json.loads((tmp_path / "store" / "splits" / "split.json").read_text())["by"] == (
        "data set"
    )
    # One genre without a test clip: the prescription is incomplete, so none is written.
    manifest.write_text("\n".join([*lines[:-1], lines[-1].replace(",test", ",")]) + "\n")
    assert main([*command, "--out", str(tmp_path / "incomplete")]) == 0
    assert "next: python -m model_training split" in capsys.readouterr().out
    assert not (tmp_path / "incomplete" / "splits").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--jobs", "0"], "--jobs 0: must be 1 or more"),
        (["--max-excerpts", "0"], "--max-excerpts 0: must be at least 1"),
        (["--copies", "-1"], "--copies -1: must be at least 0"),
        (["--segments-per-track", "3"], "only mfcc-json"),
        (["--subset", "small"], "folder has no option --subset"),
    ],
)
def test_wrong_words_are_named(songs, experiment_file, tmp_path, more, message, capsys):
    assert main([*words(songs, experiment_file, tmp_path / "store"), *more]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_never_written_over(songs, extracted, experiment_file, capsys):
    before = (extracted / "store.json").read_bytes()
    assert main(words(songs, experiment_file, extracted)) == 2
    assert "exists already" in capsys.readouterr().err
    assert (extracted / "store.json").read_bytes() == before


def test_a_place_that_cannot_be_written(songs, experiment_file, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(words(songs, experiment_file, tmp_path / "file" / "store")) == 2
    assert "cannot be written" in capsys.readouterr().err
