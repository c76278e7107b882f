"""`predict`: files to answers, with exactly the numbers of the site."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from features import build_request
from model_training.__main__ import main
from model_training.sound.audio import load_audio
from model_training.studies.prediction import answer_text, load_predictor, predict_file
from model_training.versions import open_version
from tests.browser.sounds import hiss, write
from tests.small_models import SMALL
from webapp import create_app
from webapp.inference import Registry

from .. import music
from ..cards import V1, lines_within

MODELS = V1.parents[1]


def predict(*words: str | Path, models: Path = MODELS) -> int:
    return main(["predict", *map(str, words), "--models", str(models)])


def site_answer(models: Path, version: str, path: Path) -> Any:
    """The site's answer for a file, with features made as in the browser."""
    spec = Registry.load(models).get(version).spec
    body = build_request(load_audio(path, spec.sample_rate), spec).body
    app = create_app({"TESTING": True, "MODELS_DIR": str(models)})
    response = app.test_client().post(
        f"/api/v1/models/{version}/predictions", data=body, content_type="application/json"
    )
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to lose its beginning; of another rate than the features, in stereo."""
    return write(tmp_path_factory.mktemp("songs") / "song.flac", 97, 44100, channels=2, seed=3)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("songs") / "short.wav", 2, 22050)


def test_same_numbers_as_the_site(
    song: Path, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(song, short, "--json", "--version", "v1") == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for path, answer in zip((song, short), answers, strict=True):
        site = site_answer(MODELS, "v1", path)
        assert answer.pop("file") == str(path)
        assert answer.pop("repeated") == (path == short)
        assert answer.pop("skipped") == (30.0 if path == song else 0.0)
        assert answer.pop("narrow") is False
        assert answer == site
    assert [len(answer["segments"]) for answer in answers] == [13, 1]


def test_three_excerpts_have_the_numbers_of_the_whole_song(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = write(tmp_path / "long.flac", 200, 22050, seed=4)
    assert predict(long, short, "--json", "--version", "v1") == 0
    whole, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert "listened" not in whole
    assert predict(long, short, "--json", "--version", "v1", "--listen", "excerpts") == 0
    three, all_of_it = map(json.loads, capsys.readouterr().out.splitlines())
    assert (three["listened"], all_of_it["listened"]) == ("excerpts", "whole")
    kept = [
        segment
        for segment in whole["segments"]
        if any(start <= segment["start"] < start + 30 for start in (30, 90, 150))
    ]
    assert [segment["start"] for segment in three["segments"]] == [s["start"] for s in kept]
    for found, wanted in zip(three["segments"], kept, strict=True):
        np.testing.assert_allclose(found["probabilities"], wanted["probabilities"], atol=1e-5)
    assert predict(long, short, "--version", "v1", "--listen", "excerpts") == 0
    text = capsys.readouterr().out
    assert text.count("of three half minutes of 200 s") == 1


def test_unknown_way_to_listen_is_refused(short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        predict(short, "--listen", "half")
    assert ended.value.code == 2
    assert "--listen" in capsys.readouterr().err


def test_sound_that_ends_at_4_khz_gets_a_remark(tmp_path: Path) -> None:
    path = tmp_path / "telephone.wav"
    soundfile.write(path, music.tune(6, seed=1, sample_rate=8000), 8000)
    answer = predict_file(path, load_predictor(open_version(MODELS, "v1")))
    assert answer.narrow
    assert "half of the sound is missing: nothing above 4 kHz" in answer_text(answer)


def test_a_request_is_parsed_once(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = []
    parse = json.loads

    def counted(text: Any, **options: Any) -> Any:
        if "segments" in (content := parse(text, **options)):
            requests.append(content)
        return content

    predictor = load_predictor(open_version(MODELS, "v1"))
    monkeypatch.setattr(json, "loads", counted)
    predict_file(short, predictor)
    assert len(requests) == 1


def test_same_numbers_as_the_site_for_every_kind_of_features(
    small_models: Path, song: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = set()
    for version, (spec, _, _) in SMALL.items():
        assert predict(song, "--json", "--model", version, models=small_models) == 0
        answer = json.loads(capsys.readouterr().out)
        site = site_answer(small_models, version, song)
        assert {key: answer[key] for key in site} == site
        kinds.add(spec.kind)
    assert kinds == {"mfcc", "log_mel", "statistics"}


def test_keras_answers_like_litert(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aggregates = []
    for engine in ("litert", "keras"):
        assert predict(song, "--json", "--version", "v1", "--engine", engine) == 0
        aggregates.append(json.loads(capsys.readouterr().out)["aggregate"]["probabilities"])
    np.testing.assert_allclose(aggregates[0], aggregates[1], atol=1e-4)


def test_one_line_tells_the_genre(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(song, "--version", "v1") == 0
    out = capsys.readouterr().out
    site = site_answer(MODELS, "v1", song)["aggregate"]
    best = max(site["probabilities"])
    assert out.startswith(f"{song}: {site['genre']} {best:.1%}, ")
    assert out.endswith(f"; {site['votes'][site['genre']]} of 13 segments say {site['genre']}\n")
    assert out.count("\n") == 1


def test_segments_and_what_was_left_out(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(song, "--version", "v1", "--segments") == 0
    _, note, header, *rows = capsys.readouterr().out.splitlines()
    segments = site_answer(MODELS, "v1", song)["segments"]
    assert note == "  the first 30 s are left out, as intros mislead"
    assert header.split() == ["segment", "is", "sure", "from", "(s)", "to", "(s)"]
    assert [row.split() for row in rows] == [
        [
            segment["genre"],
            f"{max(segment['probabilities']):.1%}",
            f"{segment['start']:.1f}",
            f"{segment['end']:.1f}",
        ]
        for segment in segments
    ]
    assert lines_within("\n".join(rows))


def test_a_short_sound_gets_a_weak_answer(short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(short) == 0
    assert "a weak answer" in capsys.readouterr().out


def test_an_unfamiliar_sound_is_told_to_be_one(
    doubting_models: Path, song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = hiss(tmp_path / "rain.wav", 20)
    assert predict(noise, song, "--version", "doubting", models=doubting_models) == 0
    first, why, of_song = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{noise}: not sure, closest to ")
    site = site_answer(doubting_models, "doubting", noise)["aggregate"]["unfamiliar"]
    assert why == (
        "  unlike the music that the model was trained on: score "
        f"{site['score']:.4g}, doubt begins above {site['threshold']:.4g}"
    )
    assert of_song.startswith(f"{song}: ")
    assert "not sure" not in of_song
    assert predict(noise, "--json", "--version", "doubting", models=doubting_models) == 0
    assert json.loads(capsys.readouterr().out)["aggregate"]["unfamiliar"] == site


def test_files_that_cannot_be_read_cost_one_line_each(
    song: Path, short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes, empty, silent = (tmp_path / name for name in ("notes.txt", "empty.wav", "silent.wav"))
    notes.write_text("no sound")
    empty.touch()
    soundfile.write(silent, np.zeros(44100), 22050)
    bad = [tmp_path / "nowhere.mp3", notes, empty, silent]
    assert predict(*bad[:3], short, *bad[3:], song, "--json") == 2
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == [str(short), str(song)]
    lines = [line for line in err.splitlines() if not line.startswith("INFO")]
    assert [line.split(": ")[0] for line in lines] == [*map(str, bad), "error"]
    assert lines[-1] == "error: 4 of 6 files got no answer; see above."
    assert "silent" in lines[3]


def test_the_recommended_version_answers(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("v1", "v2"):
        shutil.copytree(V1.parent, tmp_path / version)
        card = json.loads(V1.read_text(encoding="utf-8")) | {"version": version}
        (tmp_path / version / "model.json").write_text(json.dumps(card), encoding="utf-8")
    (tmp_path / "index.json").write_text('{"recommended": "v1"}')
    assert predict(short, "--json", models=tmp_path) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "v1"
    (tmp_path / "index.json").write_text('{"recommended": "v2"}')
    assert predict(short, "--json", models=tmp_path) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "v2"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--version", "v99"], "There is no model version 'v99'"),
        (["--models", "{empty}"], "no version there"),
        (["--models", "{changed}"], "model.tflite differs from the sha256"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_2(
    words: list[str],
    sentence: str,
    short: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"empty": tmp_path / "empty", "changed": tmp_path / "changed"}
    places["empty"].mkdir()
    shutil.copytree(V1.parent, places["changed"] / "v1")
    (places["changed"] / "v1" / "model.tflite").write_bytes(b"other")
    version = [] if "--models" in words and "{empty}" in words else ["--version", "v1"]
    assert main(["predict", str(short), *version, *(word.format(**places) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert sentence in err
