"""`robustness`: disturbed log-mel against disturbed samples, and real copies of songs."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
import soundfile
import soxr

from features import FeatureSpec
from features.mel import mel_edges
from features.segments import excerpt_log_mel
from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.sound.audio import decode, load_audio
from model_training.stores.store import open_store
from model_training.stores.tracks import Tracks, cut, of_equal_length
from model_training.studies import robustness
from model_training.studies.prediction import load_predictor, predict_file
from model_training.studies.robustness import (
    CLEAN,
    COPIES,
    DISTURBANCES,
    measure_disturbances,
    measure_store,
)
from model_training.versions import open_version
from tests.browser.sounds import band, write

from ..cards import V1, lines_within, v1_card, write_gtzan

SPEC = FeatureSpec()
RATE = SPEC.sample_rate
CENTRES = mel_edges(SPEC.n_mels, SPEC.fmin, SPEC.fmax)[1:-1]
Samples = npt.NDArray[np.float32]


def tracks_of(*excerpts: npt.NDArray[np.float32]) -> Tracks:
    """Tracks of one excerpt each, of any lengths."""
    columns = np.array([len(log_mel) for log_mel in excerpts])
    n = len(excerpts)
    return Tracks(
        names=[f"track {number}" for number in range(n)],
        labels=np.arange(n) % 2,
        groups=["group"] * n,
        genres=("chaabi", "gnawa"),
        values=np.concatenate(excerpts),
        excerpt_track=np.arange(n),
        excerpt_first=np.cumsum(columns) - columns,
        excerpt_columns=columns,
        excerpt_start_s=np.zeros(n),
        collection=np.zeros(n, np.int64),
    )


def excerpt(tracks: Tracks, number: int = 0) -> npt.NDArray[np.float32]:
    first = tracks.excerpt_first[number]
    return tracks.values[first : first + tracks.excerpt_columns[number]]


# --- the same done to samples -------------------------------------------------------------------


def filtered(samples: Samples, amplitude: Callable[[Any], Any]) -> Samples:
    spectrum = np.fft.rfft(samples.astype(np.float64))
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(spectrum * amplitude(hz), len(samples)).astype(np.float32)


def low_pass(samples: Samples, cutoff: float) -> Samples:
    # designed far above the sound's rate, where a digital filter is like an analogue one
    sections = scipy.signal.butter(20, cutoff, fs=16 * RATE, output="sos")

    def amplitude(hz: Any) -> Any:
        return np.abs(scipy.signal.sosfreqz(sections, worN=hz, fs=16 * RATE)[1])

    return filtered(samples, amplitude)


def tilt(samples: Samples, top_db: float) -> Samples:
    line = np.linspace(-top_db, top_db, SPEC.n_mels)
    return filtered(samples, lambda hz: 10 ** (np.interp(hz, CENTRES, line) / 20))


def noise(samples: Samples, snr_db: float) -> Samples:
    deviation = samples.std(dtype=np.float64) / 10 ** (snr_db / 20)
    drawn = np.random.default_rng(5).normal(0, deviation, len(samples))
    return (samples + drawn).astype(np.float32)


def speed(samples: Samples, rate: float) -> Samples:
    return soxr.resample(samples, 100_000 * rate, 100_000)[: SPEC.excerpt_samples]


ON_SAMPLES: dict[str, Callable[[Samples], Samples]] = {
    "low-pass 4 kHz": lambda samples: low_pass(samples, 4000),
    "low-pass 6 kHz": lambda samples: low_pass(samples, 6000),
    "tilt +6 dB": lambda samples: tilt(samples, 6),
    "tilt -6 dB": lambda samples: tilt(samples, -6),
    "level -20 dB": lambda samples: samples / np.float32(10),
    "noise 20 dB SNR": lambda samples: noise(samples, 20),
    "speed +5 %": lambda samples: speed(samples, 1.05),
    "speed -5 %": lambda samples: speed(samples, 0.95),
}


@pytest.fixture(scope="module")
def sounds(shared_songs: list[Path]) -> list[Samples]:
    """Half minutes: a band, and recordings where there are some."""
    second_half = slice(SPEC.excerpt_samples, 2 * SPEC.excerpt_samples)
    songs = [load_audio(path, RATE)[second_half] for path in shared_songs[2:6]]
    return [band(30, RATE), *(song for song in songs if len(song) > 10 * RATE)]


@pytest.mark.parametrize("name", DISTURBANCES)
def test_log_mel_is_disturbed_as_the_sound_would_be(name: str, sounds: list[Samples]) -> None:
    for sound in sounds:
        log_mel = excerpt_log_mel(sound, SPEC)
        made = excerpt(DISTURBANCES[name](tracks_of(log_mel), SPEC))
        real = excerpt_log_mel(ON_SAMPLES[name](sound), SPEC)
        if name.startswith("speed"):
            # The stored columns end up to one column before the sound does.
            assert 0 <= len(real) - len(made) <= 1
            real = real[: len(made)]
            both = min(len(real), len(log_mel))
            before = np.corrcoef(log_mel[:both].ravel(), real[:both].ravel())[0, 1]
            # Interpolation between columns of 77.6 ms and between bands is smoother than beats and
            # partials: correlations are 0.966 to 0.981 on the band and on recordings.
            assert np.corrcoef(made.ravel(), real.ravel())[0, 1] > 0.96 > before + 0.15
        elif name.startswith("noise"):
            # Two draws of noise agree in mean and deviation over time only. 387 columns that
            # flutter by 4 dB have a mean within 0.3 dB; the largest of 116 differs by below 1 dB.
            difference = made.mean(axis=0) - real.mean(axis=0)
            assert abs(difference.mean()) < 0.2
            assert np.abs(difference).max() < 1
            flutter = made.std(axis=0) - real.std(axis=0)
            assert abs(flutter.mean()) < 0.2
            assert np.abs(flutter).max() < 1
        else:
            # A band has one gain in log-mel, but the filter changes within its width (0.1 dB in
            # the mean). Sound that rises from below the floor of 80 dB is unknown (0.4 dB for an
            # upward tilt, where 19 % of a recording lie there).
            most = {"low-pass": 0.15, "tilt": 0.5, "level": 0.01}[name.split()[0]]
            assert np.abs(made - real).mean() < most
            if not name.startswith("level"):
                assert np.abs(log_mel - real).mean() > 2.5 * most


def test_noise_alone_flutters_like_noise() -> None:
    """The first second is loud, and the rest far below its noise: only noise is left there."""
    sound = np.zeros(30 * RATE, dtype=np.float32)
    sound[:RATE] = band(1, RATE)
    made = excerpt(DISTURBANCES["noise 20 dB SNR"](tracks_of(excerpt_log_mel(sound, SPEC)), SPEC))
    real = excerpt_log_mel(noise(sound, 20), SPEC)
    flutter, expected = made[20:].std(axis=0), real[20:].std(axis=0)
    # A band's triangle weighs its bins unequally; a distribution of the same variance stands in for
    # them and dips deeper (7 % in the mean). Deviations of 367 columns are known to 4 % each.
    assert flutter.mean() == pytest.approx(expected.mean(), rel=0.12)
    assert np.abs(flutter / expected - 1).max() < 0.3
    # wider bands hold more bins, so they flutter less
    assert flutter[-10:].mean() < 0.6 * flutter[:10].mean()
    # the power of the loud second is taken from 14 windows, which weigh it unevenly
    assert made[20:].mean() == pytest.approx(real[20:].mean(), abs=0.5)


# --- tracks --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ragged() -> Tracks:
    """Three excerpts of two tracks, not referenced to their maxima."""
    rng = np.random.default_rng(2)
    pieces = [rng.uniform(-75, -3, (n, SPEC.n_mels)).astype(np.float32) for n in (387, 64, 100)]
    found = tracks_of(*pieces)
    return dataclasses.replace(
        found.take([0, 2]),
        excerpt_track=np.array([0, 0, 1]),
        excerpt_first=found.excerpt_first,
        excerpt_columns=found.excerpt_columns,
        excerpt_start_s=np.array([0.0, 30.0, 0.0]),
    )


@pytest.mark.parametrize("name", DISTURBANCES)
def test_excerpts_stay_excerpts(name: str, ragged: Tracks) -> None:
    before = ragged.values.copy()
    found = DISTURBANCES[name](ragged, SPEC)
    columns = {"speed +5 %": [368, 64, 95], "speed -5 %": [387, 67, 105]}.get(name, [387, 64, 100])
    assert found.excerpt_columns.tolist() == columns
    assert found.excerpt_first.tolist() == [0, columns[0], columns[0] + columns[1]]
    assert found.excerpt_track.tolist() == [0, 0, 1]
    assert (found.names, found.genres) == (ragged.names, ragged.genres)
    assert found.labels.tolist() == ragged.labels.tolist()
    assert found.values.shape == (sum(columns), SPEC.n_mels)
    assert found.values.dtype == np.float32
    for number in range(3):
        assert excerpt(found, number).max() == 0
        assert excerpt(found, number).min() >= -SPEC.top_db
    np.testing.assert_array_equal(ragged.values, before)
    # a track is changed in the same way when it stands alone
    alone = DISTURBANCES[name](ragged.take([1]), SPEC)
    np.testing.assert_array_equal(excerpt(alone), excerpt(found, 2))


def test_digital_silence_stays_silent() -> None:
    log_mel = excerpt_log_mel(band(20, RATE), SPEC)
    log_mel[128:192] = -79.84375  # the lowest step of a store
    tracks = tracks_of(log_mel, np.zeros((70, SPEC.n_mels), np.float32))
    for name in ("low-pass 4 kHz", "tilt +6 dB", "tilt -6 dB", "level -20 dB"):
        found = DISTURBANCES[name](tracks, SPEC)
        assert np.ptp(excerpt(found)[128:192]) == 0
        assert np.ptp(excerpt(found, 1)) == 0
        assert len(cut(found, SPEC)[0]) == len(cut(tracks, SPEC)[0]) == 4
    found = DISTURBANCES["noise 20 dB SNR"](tracks, SPEC)
    assert excerpt(found)[128:192].std() > 1
    # noise 20 dB below silence is silent
    assert np.ptp(excerpt(found, 1)) == 0


def test_no_excerpt_gets_shorter_than_a_segment() -> None:
    spec = FeatureSpec(n_frames=387)
    tracks = tracks_of(excerpt_log_mel(band(30, RATE), spec))
    found = DISTURBANCES["speed +5 %"](tracks, spec)
    assert found.excerpt_columns.tolist() == [387]
    # repeated, as the site repeats a short sound
    np.testing.assert_array_equal(found.values[368:], found.values[:19])


def test_shares_of_tracks() -> None:
    tones = np.full((4, 64, SPEC.n_mels), -60, np.float32)
    for number, loudest in enumerate((20, 100, 20, 100)):
        tones[number, :, loudest] = 0
        tones[number, :, 50] = -20
    tracks = of_equal_length(
        list("abcd"), np.array([0, 1, 0, 0]), list("abcd"), ("low", "high"), tones
    )

    def predict(asked: Tracks) -> npt.NDArray[np.float64]:
        loudest = asked.values.reshape(4, -1, SPEC.n_mels).mean(axis=1).argmax(axis=1)
        return np.eye(2)[(loudest > 80).astype(int)]

    rows = {row["name"]: row for row in measure_disturbances(predict, tracks, SPEC)}
    assert list(rows) == [CLEAN, *DISTURBANCES]
    assert rows[CLEAN] == {"name": CLEAN, "accuracy": 0.75, "difference": 0.0, "changed": 0.0}
    # band 100 lies at 5 kHz, so both high tones change their answer; one of them was right
    assert rows["low-pass 4 kHz"] == {
        "name": "low-pass 4 kHz", "accuracy": 0.75, "difference": 0.0, "changed": 0.5,
    }  # fmt: skip
    assert [rows[name]["changed"] for name in DISTURBANCES] == [0.5] + 7 * [0]
    json.dumps(list(rows.values()))


def test_statistics_cannot_be_disturbed() -> None:
    spec = FeatureSpec(kind="statistics", statistics=("rms",), standardise=False)
    tracks = of_equal_length(["a"], np.array([0]), ["a"], ("x",), np.ones((1, 1, 2), np.float32))
    with pytest.raises(TrainingError, match="give sound files"):
        measure_disturbances(lambda asked: np.ones((1, 1)), tracks, spec)


# --- stores --------------------------------------------------------------------------------------


def test_a_store_is_asked_about_its_validation_tracks_only(
    tmp_path: Path,
    watch_loading: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, out = write_gtzan(tmp_path), tmp_path / "found" / "robustness.json"
    lists = folder / "splits"
    tracks = (lists / "valid_filtered.txt").read_text().splitlines()
    (lists / "valid_filtered.txt").write_text("\n".join(tracks[:3]))
    opened: list[str] = []
    watch_loading(opened.extend)
    assert check("v1", "--data", folder, "--out", out) == 0
    printed = capsys.readouterr().out
    assert opened == open_store(folder).split("validation")
    assert len(opened) == 3
    found = json.loads(out.read_text())
    assert found["version"] == "v1"
    assert found["tracks"] == 3
    rows = {row["name"]: row for row in found["disturbances"]}
    assert rows["level -20 dB"]["changed"] == 0
    assert "A change of level cannot change anything here" in printed
    for name in DISTURBANCES:
        row = next(line for line in printed.splitlines() if line.startswith(name))
        assert row.split()[-1] == f"{rows[name]['changed']:.1%}"
        assert row.split()[-3] == f"{rows[name]['accuracy']:.1%}"
    assert lines_within(printed)


def test_a_version_trained_on_the_validation_tracks_is_refused(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = v1_card()
    options = card["training"]["options"] | {"train_on": "train+validation"}
    card["training"] = card["training"] | {"options": options}
    shutil.copytree(V1.parent, tmp_path / "v1")
    (tmp_path / "v1" / "model.json").write_text(json.dumps(card))
    out = tmp_path / "robustness.json"
    assert check("v1", "--data", store, "--out", out, models=tmp_path) == 2
    said = capsys.readouterr().err
    assert "v1 was trained on the validation tracks too" in said
    assert "`show v1`" in said
    assert "sound files" in said
    assert not out.exists()


def test_genres_in_another_order(store: Path) -> None:
    opened = open_store(store)
    genres = tuple(reversed(opened.genres))
    # answers "chaabi" always, the last genre of this card
    predictor: Any = SimpleNamespace(
        card=SimpleNamespace(
            genres=genres, spec=SPEC, version="v9", to_json=lambda: {"training": {}}
        ),
        predict=lambda features: SimpleNamespace(aggregate=np.array([0.1, 0.2, 0.7])),
    )
    truth = [opened.genre_of[track] for track in opened.split("validation")]
    row = measure_store(predictor, opened)[0]
    assert row["accuracy"] == round(truth.count("chaabi") / len(truth), 4)


# --- songs ---------------------------------------------------------------------------------------


def check(*words: str | Path, models: Path = V1.parents[1]) -> int:
    return main(["robustness", *map(str, words), "--models", str(models)])


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("songs") / "song.flac", 12, 44100, channels=2, seed=3)


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_what_they_say(name: str, song: Path, tmp_path: Path) -> None:
    # at the rate of the features, where white noise is white to the end
    sound = decode(song).mono().resampled(RATE) if name.startswith("noise") else decode(song)
    path = robustness.write_copy(name, sound, tmp_path, RATE)
    copy, info = decode(path), soundfile.info(path)
    original, changed = sound.mono().samples[:, 0], copy.mono().samples[:, 0]
    # no delay, no padding: segments are matched by time
    assert len(changed) == len(original)
    matched = scipy.signal.correlate(changed, original)
    assert matched.argmax() == len(original) - 1
    if name.startswith("mp3"):
        assert info.format == "MP3"
        assert copy.sample_rate == 44100
        bits_per_s = 8 * path.stat().st_size / info.duration
        assert bits_per_s == pytest.approx({"64": 64000, "128": 128000}[name[4:-1]], rel=0.05)
    elif name.startswith("stereo"):
        assert (copy.sample_rate, copy.samples.shape[1]) == (44100, 2)
        np.testing.assert_allclose(changed, original, atol=1e-3)
    elif name.startswith("level"):
        np.testing.assert_allclose(changed, original / 10, atol=1e-3)
    else:
        noise = changed - original
        snr = 10 * np.log10(original.var() / noise.var())
        assert snr == pytest.approx(20, abs=0.2)
        bands = np.abs(np.fft.rfft(noise)[1:] ** 2).reshape(2, -1).mean(axis=1)
        assert bands[0] == pytest.approx(bands[1], rel=0.05)


def test_a_mono_song_of_another_rate_becomes_stereo(tmp_path: Path) -> None:
    sound = decode(write(tmp_path / "mono.wav", 6, 16000))
    copy = decode(robustness.write_copy("stereo 44.1k", sound, tmp_path, RATE))
    assert (copy.sample_rate, copy.samples.shape[1]) == (44100, 2)
    assert copy.seconds == pytest.approx(6, abs=0.01)


def test_songs_against_their_copies(
    song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    surround, out = tmp_path / "music" / "many.wav", tmp_path / "robustness.json"
    surround.parent.mkdir()
    write(surround, 6, 22050, channels=6, seed=1)
    assert check("v1", surround.parent, song, "--out", out) == 0
    printed = capsys.readouterr().out
    found = json.loads(out.read_text())
    assert (found["songs"], found["segments"], found["failed"]) == (2, 3, [])
    assert [detail["file"] for detail in found["details"]] == [str(surround), str(song)]
    total = 0
    for number, name in enumerate(COPIES):
        copies = [detail["copies"][number] for detail in found["details"]]
        unchanged = sum(copy["unchanged"] for copy in copies)
        total += unchanged
        kept = [copy["winner"] for copy in copies], [x["winner"] for x in found["details"]]
        assert found["copies"][number] == {
            "name": name,
            "segments_unchanged": round(unchanged / 3, 4),
            "songs_unchanged": round(np.mean([a == b for a, b in zip(*kept, strict=True)]), 4),
        }
    assert found["segments_unchanged"] == round(total / 15, 4)
    predictor = load_predictor(open_version(V1.parents[1], "v1"))
    name, made = "noise 20 dB", found["details"][1]["copies"][-1]
    answer = predict_file(robustness.write_copy(name, decode(song), tmp_path, RATE), predictor)
    clean = predict_file(song, predictor)
    same = np.equal(answer.prediction.winners, clean.prediction.winners)
    assert made == {"name": name, "unchanged": same.sum(), "winner": answer.prediction.winner}
    assert "song.flac" in printed
    assert f"Over all copies {total / 15:.1%} of 3 segments keep their winner." in printed
    assert lines_within(printed)


def test_segments_are_matched_by_time() -> None:
    def answer(segments: dict[float, str]) -> Any:
        times = [(start, start + 5) for start in segments]
        prediction = SimpleNamespace(winners=list(segments.values()))
        return SimpleNamespace(times=times, prediction=prediction)

    clean = answer({0.0: "jazz", 4.966: "jazz", 9.932: "rock", 30.0: "jazz"})
    assert robustness.unchanged_segments(clean, clean) == 4
    # one is missing, one has another winner, one is new
    copy = answer({4.966: "jazz", 9.932: "jazz", 14.898: "rock", 30.0: "jazz"})
    assert robustness.unchanged_segments(clean, copy) == 2


def test_a_song_that_loses_a_winner_is_marked(
    song: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = robustness.measure_song

    def fooled(path: Path, predictor: Any) -> dict[str, Any]:
        found = measured(path, predictor)
        found["copies"][0] |= {"winner": "polka", "unchanged": 1}
        return found

    monkeypatch.setattr(robustness, "measure_song", fooled)
    assert check("v1", song) == 0
    rows = capsys.readouterr().out.splitlines()
    assert "song.flac" in rows[2]
    assert rows[2].split()[2] == "50%*"
    assert rows[-2].split()[2] == "0.0%"


def test_a_file_that_gets_no_answer_costs_one_line(
    song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent, out = tmp_path / "silent.wav", tmp_path / "robustness.json"
    soundfile.write(silent, np.zeros(44100), 22050)
    assert check("v1", silent, song, tmp_path / "nowhere.mp3", "--out", out) == 2
    printed, err = capsys.readouterr()
    assert "song.flac" in printed
    assert f"{silent}: The sound is silent" in err
    assert err.endswith("error: 2 of 3 files got no answer; see above.\n")
    found = json.loads(out.read_text())
    assert len(found["failed"]) == 2
    assert found["songs"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["v1"], "Name sound files or folders of them, or a feature store"),
        (["v1", "{song}", "--data", "{empty}"], "Name sound files or folders of them, or"),
        (["v99", "{song}"], "There is no model version 'v99'"),
        (["v1", "{empty}"], "holds no sound files"),
        (["v1", "{empty}/nowhere.mp3"], "No song got an answer"),
        (["v1", "--data", "{empty}"], "no feature store there"),
        (["v2", "--data", "{store}"], "v2 does not know the genre 'chaabi' of the store"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_2(
    words: list[str],
    sentence: str,
    song: Path,
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "robustness.json"
    places = {"song": song, "store": store, "empty": tmp_path / "empty"}
    places["empty"].mkdir()
    assert check(*(word.format(**places) for word in words), "--out", out) == 2
    assert sentence in capsys.readouterr().err
    assert not out.exists()


def test_without_ffmpeg_and_with_one_that_fails(
    song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = decode(song)
    monkeypatch.setitem(COPIES, "mp3 64k", ("mp3", "-c:a no_such_encoder"))
    with pytest.raises(TrainingError, match=r"mp3 64k: ffmpeg fails .*no_such_encoder"):
        robustness.write_copy("mp3 64k", sound, tmp_path, RATE)
    monkeypatch.setattr(robustness, "ffmpeg", lambda: None)
    with pytest.raises(TrainingError, match="install it"):
        robustness.write_copy("level -20 dB", sound, tmp_path, RATE)
