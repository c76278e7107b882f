"""`teach`: own genres from a folder of songs for each."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from features import build_request
from features.own_genres import ModelGenres
from features.own_genres_file import OwnGenresFile, write_own_genres
from features.teaching import learn
from model_training.__main__ import main
from model_training.errors import TrainingError
from model_training.sound.audio import load_audio
from model_training.studies.folder_teaching import Example, named_songs
from model_training.versions import open_version
from webapp import create_app

from ..cards import lines_within
from ..own_music import (
    MODELS,
    VERSION,
    content,
    error_lines,
    predict,
    sound,
    teach,
    write_lessons,
    write_songs,
)

KEYS = [
    *("format", "version", "feature_spec", "model_sha256", "size", "mode", "genres"),
    *("covariance", "shrinkage", "temperature", "threshold"),
]


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lessons(tmp_path_factory.mktemp("lessons"))


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """One song of each of two genres."""
    write_songs(tmp_path / "few" / "Band", "band", range(1))
    write_songs(tmp_path / "few" / "tune", "tune", range(1))
    return tmp_path / "few"


def test_the_file_holds_the_keys_of_the_contract(lessons: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    assert teach(lessons, "--out", out) == 0
    found = content(out)
    card = open_version(MODELS, VERSION)
    assert list(found) == KEYS
    assert found["format"] == 1
    assert found["version"] == VERSION
    assert found["feature_spec"] == card.spec.id
    assert found["model_sha256"] == card.files["model.tflite"]
    assert found["size"] == 128
    assert found["mode"] == "own"
    assert len(found["covariance"]) == 128 * 129 // 2
    assert [(genre["name"], genre["songs"]) for genre in found["genres"]] == [
        ("Band", 12),
        ("tune", 12),
    ]
    for genre in found["genres"]:
        assert list(genre) == ["name", "songs", "mean", "recognised"]
        assert len(genre["mean"]) == 128
        assert list(genre["recognised"]) == ["value", "low", "high"]
    assert not list(tmp_path.glob(".*"))


def test_the_same_songs_give_the_same_bytes(lessons: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("one.json", "two.json"):
        assert teach(lessons, "--out", tmp_path / name) == 0
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("mode", ["own", "beside"])
def test_it_learns_what_the_answers_of_the_site_teach(
    mode: str, lessons: Path, tmp_path: Path
) -> None:
    card = open_version(MODELS, VERSION)
    client = create_app({"TESTING": True, "MODELS_DIR": str(MODELS)}).test_client()
    address = f"/api/v1/models/{VERSION}/predictions?embedding=1"
    embeddings, names, folders = [], [], []
    for path in sorted(lessons.rglob("*.wav")):
        body = build_request(load_audio(path, card.spec.sample_rate), card.spec).body
        response = client.post(address, data=body, content_type="application/json")
        embeddings.append(response.get_json()["aggregate"]["embedding"])
        genre, *below = path.relative_to(lessons).parts
        names.append(genre)
        folders.append(below[0] if len(below) > 1 else "")
    model = ModelGenres.from_json(
        client.get(f"/api/v1/models/{VERSION}/embedding").get_json(force=True)
    )
    assert set(folders) == {"artist 0", "artist 1", ""}

    def text(folders: list[str] | None) -> str:
        own = learn(embeddings, names, model, "own" if mode == "own" else "beside", folders).own
        sha256 = card.files["model.tflite"]
        return write_own_genres(OwnGenresFile(VERSION, card.spec.id, sha256, own))

    out = tmp_path / "mine.json"
    assert teach(lessons, "--out", out, "--mode", mode) == 0
    assert out.read_text(encoding="utf-8") == text(folders)
    # Artists' folders count.
    assert text(folders) != text(None)


def test_names_of_songs_are_in_the_file_only_if_wanted(few: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    assert teach(few, "--out", out) == 0
    assert "wav" not in out.read_text(encoding="utf-8")
    assert teach(few, "--out", out, "--names", "--overwrite") == 0
    found = content(out)
    assert list(found) == [*KEYS, "songs"]
    assert found["songs"] == [
        {"name": "band 0.wav", "genre": "Band"},
        {"name": "tune 0.wav", "genre": "tune"},
    ]
    assert predict(few / "tune" / "tune 0.wav", "--own-genres", out) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="others refuse names that are no Unicode")
def test_names_that_are_no_text_are_written_out(few: Path, tmp_path: Path) -> None:
    song = few / "tune" / "tune 0.wav"
    song.rename(song.with_name(b"caf\xe9.wav".decode("utf-8", "surrogateescape")))
    out = tmp_path / "mine.json"
    assert teach(few, "--out", out, "--names") == 0
    assert content(out)["songs"][1]["name"] == "caf\\udce9.wav"


def test_more_names_than_a_file_holds_are_refused() -> None:
    examples = [Example(Path(f"{number:06} {'x' * 200}.wav"), "tune", "") for number in range(5000)]
    with pytest.raises(TrainingError, match=r"names of 5,000 songs are too much.* leave --names"):
        named_songs(examples)


# --- what it says -----------------------------------------------------------------------------


def test_people_are_told_how_well_each_genre_is_recognised(
    lessons: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    songs = shutil.copytree(lessons, tmp_path / "songs")
    write_songs(songs / "rain", "rain", range(3))
    # Two of the band's songs among rain: the genres overlap.
    write_songs(songs / "weather", "rain", range(10, 13))
    write_songs(songs / "weather", "band", range(2))
    (misfiled,) = write_songs(songs / "Band", "tune", range(40, 41))
    out = tmp_path / "my genres.json"
    assert teach(songs, "--out", out) == 0
    said = capsys.readouterr().out
    table, _, rest = said.partition("\n\n")
    header, *rows = (line.split("  ") for line in table.splitlines())
    told = [[cell.strip() for cell in row if cell] for row in rows]
    assert [cell.strip() for cell in header if cell] == [
        *("genre", "songs", "recognised", "80% interval", "taken for"),
    ]
    genres = {genre["name"]: genre for genre in content(out)["genres"]}
    assert [row[:2] for row in told] == [
        ["Band", "13"],
        ["rain", "3"],
        ["tune", "12"],
        ["weather", "5"],
    ]
    by_name = {row[0]: row for row in told}
    share = genres["tune"]["recognised"]
    assert by_name["tune"][2:4] == [
        f"{round(share['value'] * 12)} of 12",
        f"{share['low']:.0%} to {share['high']:.0%}",
    ]
    assert by_name["rain"][2] == "too few to say"
    assert genres["rain"]["recognised"] is None
    assert by_name["weather"][4] == "Band 40%"
    assert "weather overlaps Band: 40% of its songs are taken for it when left out.\n" in rest
    assert f"{misfiled}: filed under Band, but sounds like tune (" in rest
    assert rest.count("misfiled") == 1
    assert "Each song was left out with those of its folder" in rest
    assert f"Shrinkage {content(out)['shrinkage']:.2f}: " in rest
    assert lines_within("\n".join(line for line in said.splitlines() if str(tmp_path) not in line))


def test_the_next_command_can_be_pasted(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my genres.json"
    assert teach(few, "--out", out) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert words[:3] == ["python", "-m", "model_training"]
    song = str(few / "tune" / "tune 0.wav")
    assert main([song if word == "song.mp3" else word for word in words[3:]]) == 0
    assert capsys.readouterr().out.startswith(f"{song}: tune ")


def test_a_song_that_cannot_be_read_costs_a_line(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("broken.mp3", "also broken.wav"):
        (few / "tune" / name).write_bytes(b"no sound")
    soundfile.write(few / "Band" / "silence.wav", np.zeros(44100), 22050)
    out = tmp_path / "mine.json"
    assert teach(few, "--out", out) == 0
    said = capsys.readouterr()
    names = ["Band/silence.wav", "tune/also broken.wav", "tune/broken.mp3"]
    assert [line.split(": ")[0] for line in error_lines(said.err)] == [
        str(few / name) for name in names
    ]
    assert "3 of 5 songs could not be read and taught nothing; see above." in said.out
    assert [genre["songs"] for genre in content(out)["genres"]] == [1, 1]


def test_what_is_no_song_of_a_genre_is_named(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_songs(few, "rain", range(1))
    (few / "covers").mkdir()
    (few / "covers" / "cover.jpg").touch()
    assert teach(few, "--out", tmp_path / "mine.json") == 0
    lines = error_lines(capsys.readouterr().err)
    assert lines[0].startswith(f"{few / 'covers'}: the folder holds no sound file")
    assert lines[1].startswith(f"{few / 'rain 0.wav'}: lies beside the genre folders")
    assert lines[2:] == ["Left out, as no sound by name: 1 .jpg."]


def test_two_spellings_are_one_genre(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    songs = tmp_path / "songs"
    write_songs(songs / "Hip-Hop", "band", range(2))
    write_songs(songs / "hip hop", "band", range(2, 4))
    write_songs(songs / "tune", "tune", range(2))
    for mode in ("own", "beside"):
        out = tmp_path / f"{mode}.json"
        assert teach(songs, "--out", out, "--mode", mode) == 0
        assert [(genre["name"], genre["songs"]) for genre in content(out)["genres"]] == [
            ("Hip-Hop", 4),
            ("tune", 2),
        ]
        assert error_lines(capsys.readouterr().err)[-1] == (
            f"{songs / 'hip hop'}: another spelling of Hip-Hop, so taken as the same genre."
        )
    # Beside the model's genres, it takes the place of its hiphop.
    assert predict(songs / "tune" / "tune 0.wav", "--own-genres", out, "--json") == 0
    genres = json.loads(capsys.readouterr().out)["own"]["genres"]
    assert genres[:2] == ["Hip-Hop", "tune"]
    assert "jazz" in genres
    assert "hiphop" not in genres


def test_one_sound_under_two_genres_is_named(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = few / "Band" / "band 0.wav"
    again, other = few / "Band" / "copy.wav", few / "tune" / "other.wav"
    for copy in (again, other):
        shutil.copy(first, copy)
    assert teach(few, "--out", tmp_path / "mine.json") == 0
    assert error_lines(capsys.readouterr().err) == [
        f"{again}: the same sound as {first}, which counts twice.",
        f"{other}: the same sound as {first}, which is filed under Band.",
    ]


def test_one_genre_stands_beside_those_of_the_model(few: Path, tmp_path: Path) -> None:
    shutil.rmtree(few / "tune")
    out = tmp_path / "mine.json"
    assert teach(few, "--out", out, "--mode", "beside") == 0
    assert content(out)["mode"] == "beside"


# --- what it refuses --------------------------------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The one sentence with which `teach` ends."""
    assert teach(*words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return error_lines(said.err)[-1].removeprefix("error: ")


def test_a_version_without_an_embedding_cannot_learn(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.json"
    assert refused(capsys, few, "--out", out, "--version", "v1") == (
        "v1 gives no embedding, so no genres can be learned with it. Choose with --version one "
        "that does: v10."
    )
    shutil.copytree(MODELS / "v1", tmp_path / "models" / "v1")
    # The recommended one, as no other is named.
    words = [few, "--out", out, "--models", tmp_path / "models"]
    assert main(["teach", *map(str, words)]) == 2
    assert f"None of {tmp_path / 'models'} do." in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_is_there_is_replaced_only_on_request(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.json"
    out.write_text("precious")
    # Before any work: the folder is not even looked for.
    assert refused(capsys, tmp_path / "nowhere", "--out", out) == (
        f"{out}: exists already; choose another --out, or replace it with --overwrite."
    )
    assert "is a folder" in refused(capsys, few, "--out", few, "--overwrite")
    (few / "tune" / "tune 0.wav").write_bytes(b"no sound")
    refused(capsys, few, "--out", out, "--overwrite")
    assert out.read_text() == "precious"
    assert not list(tmp_path.glob(".*"))


def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song = few / "tune" / "tune 0.wav"
    assert "cannot be written" in refused(capsys, "nowhere", "--out", song / "mine.json")


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        ([], "holds no sound; expected one folder per genre"),
        (
            ["gnawa"],
            "One genre alone tells nothing apart: .*beside the model's \\(--mode beside\\)",
        ),
        (["gnawa", "Gna-wa"], "One genre alone tells nothing apart"),
        (["gnawa", "x" * 61], "x{61}: A genre's name has at most 60 characters"),
        (["gnawa", "\u200b"], "A genre needs a name"),
        ([f"genre {number}" for number in range(101)], "More than 100 genres cannot be learned"),
    ],
    ids=["no songs", "one genre", "one in two spellings", "long name", "no name", "too many"],
)
def test_folders_that_teach_nothing_are_refused_before_any_sound_is_read(
    folders: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    songs, out = tmp_path / "songs", tmp_path / "mine.json"
    songs.mkdir()
    for name in folders:
        (songs / name).mkdir()
        (songs / name / "song.wav").write_bytes(b"read by nobody")
    said = refused(capsys, songs, "--out", out)
    assert said.startswith(str(songs))
    with pytest.raises(TrainingError, match=sentence):
        raise TrainingError(said)
    assert not out.exists()


def test_a_folder_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, tmp_path / "nowhere", "--out", tmp_path / "mine.json")
    assert said.startswith(f"{tmp_path / 'nowhere'}: is no folder")


def test_a_genre_without_a_readable_song_is_refused(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.json"
    (few / "silence").mkdir()
    soundfile.write(few / "silence" / "silence.wav", np.zeros_like(sound("tune", 0)), 22050)
    assert refused(capsys, few, "--out", out) == (
        "None of the songs of silence can be read; see above. Mend them, or take the folder away."
    )
    (few / "broken").mkdir()
    (few / "broken" / "song.mp3").write_bytes(b"no sound")
    assert "songs of broken, silence can be read" in refused(capsys, few, "--out", out)
    assert not out.exists()
    assert not list(tmp_path.glob(".*"))
