"""The choice of a version: on a real terminal, and without one."""

from __future__ import annotations

import io
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask.cli
import pytest
from flask.testing import FlaskCliRunner

from tests.webapp.judged import add_elsewhere
from tests.webapp.running import PYTHON, Program, Server, free_port, program, server
from webapp import choice, create_app
from webapp.inference import Registry
from webapp.settings import StartError

pytestmark = pytest.mark.full

PROMPT = r"Number or name \[a2\]: $"


@pytest.fixture
def three(copy_models: Callable[..., Path]) -> Path:
    return copy_models("a1", "a2", "a10", recommended="a2")


def selected(site: Server) -> str:
    site.wait_ready()
    answer: dict[str, Any] = json.loads(site.ask("GET", "/api/v1/models")[2])
    assert answer["recommended"] == "a2"
    return str(answer["selected"])


@pytest.mark.parametrize(
    ("typed", "version"),
    [("\r", "a2"), ("1\r", "a1"), ("3\r", "a10"), ("a10\r", "a10"), (" a1 \r", "a1")],
)
def test_a_terminal_is_asked(three: Path, typed: str, version: str) -> None:
    with server(terminal=True, MODELS_DIR=three) as site:
        site.expect(PROMPT)
        site.type(typed)
        assert selected(site) == version
        site.interrupt()
        assert site.end(10) == 0


def test_the_question_tells_the_accuracy_of_each_card(three: Path) -> None:
    registry = Registry.load(three)
    with server(terminal=True, MODELS_DIR=three) as site:
        site.expect(PROMPT)
        for version, card in registry.cards.items():
            summary = card.summary()
            accuracy = summary["accuracy"]
            (line,) = re.findall(rf"^ +\d+  {version} .*$", site.output, re.M)
            assert card.title in line
            assert ", ".join(card.genres) in site.output
            value, low, high = (100 * accuracy[name] for name in ("value", "low", "high"))
            assert f"{value:.1f} % ({low:.1f} to {high:.1f}) of {summary['n_test_tracks']}" in line
        marked = [line for line in site.output.splitlines() if "(recommended)" in line]
        assert len(marked) == 1
        assert marked[0].split()[:2] == ["2", "a2"]
        assert "test songs right (95 % interval)" in site.output


def test_many_versions_stay_readable(copy_models: Callable[..., Path]) -> None:
    names = [f"v{number}" for number in range(1, 12)]
    folder = copy_models(*names, recommended="v9")
    for number, name in enumerate(names):
        card = json.loads((folder / name / "model.json").read_text())
        card["title"] = "A network with a title of many words " * (number % 3) + "end"
        accuracy = {"value": 0.05 + 0.08 * number, "low": 0.02, "high": 0.05 + 0.09 * number}
        card["metrics"]["test"]["track"]["accuracy"] = accuracy
        if name == "v3":
            card["genres"] = ["chaabi", "gnawa"]
        (folder / name / "model.json").write_text(json.dumps(card))
    header, *lines = choice.table(Registry.load(folder))
    rows, (gap, *genres) = lines[:11], lines[11:]
    # newest last, one line each, every column under its head
    columns = re.compile(r" +(\d+)  (v\d+) +([\d.]+ % \([\d.]+ to [\d.]+\) of 290) +(\S.*)")
    found = [columns.fullmatch(row) for row in rows]
    assert [match and match.group(1, 2) for match in found] == [
        (str(number), name) for number, name in enumerate(names, start=1)
    ]
    starts = {(match.start(2), match.start(3), match.start(4)) for match in found if match}
    assert len(starts) == 1
    assert header.index("test songs right") == starts.pop()[1]
    assert [row for row in rows if row.endswith("(recommended)")] == [rows[8]]
    assert gap == ""
    # each list of genres stands once, behind all versions that know it
    others = ", ".join(name for name in names if name != "v3")
    assert [line.split(":")[0] for line in genres] == [others, "v3"]
    assert genres[1] == "v3: 2 genres (chaabi, gnawa)"


def test_elsewhere_comes_first_in_a_column_of_its_own(copy_models: Callable[..., Path]) -> None:
    folder = copy_models("v1", "v2", recommended="v1")
    card = json.loads((folder / "v2" / "model.json").read_text())
    add_elsewhere(card)
    (folder / "v2" / "model.json").write_text(json.dumps(card))
    lines = choice.table(Registry.load(folder))
    title = card["title"]
    assert lines[:7] == [
        "         elsewhere *                   test songs right (95 % interval)",
        f"  1  v1                                66.5 % (61.0 to 72.1) of 290      {title}"
        "  (recommended)",
        f"  2  v2  43.0 % (35.0 to 51.0) of 150  66.5 % (61.0 to 72.1) of 290      {title}",
        "",
        "* songs of a collection right, by a sister network that never heard it (v2: Emotify);",
        "  not to be held against another version's test songs",
        "",
    ]
    assert lines[7].startswith("All: 10 genres")


def test_a_wrong_answer_asks_again(three: Path) -> None:
    with server(terminal=True, MODELS_DIR=three) as site:
        for wrong in ("4", "0", "-1", "a3", "²"):
            site.expect(PROMPT)
            seen = len(site.output)
            site.type(f"{wrong}\r")
            site.expect(r"type a number from 1 to 3 or one of a1, a2, a10\.\n" + PROMPT)
            assert repr(wrong) in site.output[seen:]
            site.output = PROMPT_AGAIN
        site.type("a1\r")
        assert selected(site) == "a1"


PROMPT_AGAIN = "Number or name [a2]: "


@pytest.mark.parametrize("keys", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_leaving_instead_of_choosing(three: Path, keys: str) -> None:
    with leaving(three) as site:
        site.expect(PROMPT)
        # Python cannot notice a signal between writing a prompt and starting to read
        time.sleep(0.3)
        site.type(keys)
        assert site.end(10) == 0
        assert "Traceback" not in site.output
        assert "Loading" not in site.output


def leaving(three: Path) -> Any:
    """The terminal must be the program's own, so that Ctrl-C on it becomes a signal."""
    code = (
        "import fcntl, termios, runpy, sys; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        f"sys.argv = ['webapp', '--port', '{free_port()}']; "
        "runpy.run_module('webapp', run_name='__main__')"
    )
    return program(*PYTHON, "-c", code, terminal=True, MODELS_DIR=three)


def test_an_option_or_a_variable_is_not_asked_about(three: Path) -> None:
    with server("--model", "a10", terminal=True, MODELS_DIR=three) as site:
        assert selected(site) == "a10"
        assert "Number or name" not in site.output
    with server(terminal=True, MODELS_DIR=three, MODEL="a1") as site:
        assert selected(site) == "a1"
        assert "Number or name" not in site.output


def test_the_recommended_one_without_a_terminal(three: Path) -> None:
    with server(MODELS_DIR=three) as site:
        assert selected(site) == "a2"
        assert "Number or name" not in site.output


def flask_run(port: int, *options: str, terminal: bool = False, **settings: object) -> Any:
    arguments = [sys.executable, "-m", "flask", "--app", "webapp", "run", "--port", str(port)]
    return program(*arguments, *options, terminal=terminal, **settings)


def ask(port: int, path: str) -> Any:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_flask_run_asks_in_the_same_way(three: Path) -> None:
    port = free_port()
    site: Program
    with flask_run(port, terminal=True, MODELS_DIR=three) as site:
        site.expect(PROMPT)
        site.type("a10\r")
        site.expect(r"Running on http://127\.0\.0\.1:\d+")
        assert ask(port, "/readyz?mark") == {"status": "ready", "model": "a10"}
        site.interrupt()
        assert site.end(10) == 0
        # Flask's own server would write address and query of each request
        assert "readyz" not in site.output


def test_flask_run_with_the_reloader_asks_once(three: Path) -> None:
    port = free_port()
    site: Program
    with flask_run(port, "--reload", terminal=True, MODELS_DIR=three) as site:
        site.expect(PROMPT)
        site.type("a1\r")
        # the reloader runs the program a second time
        site.expect(r"Restarting with stat(?s:.)*Running on|Running on(?s:.)*Restarting with stat")
        deadline = 40
        while deadline:
            try:
                answer = ask(port, "/readyz")
                break
            except ConnectionRefusedError:
                site.read(0.25)
                deadline -= 1
        assert answer["model"] == "a1"
        assert site.output.count("Number or name") == 1


def test_flask_run_without_a_terminal(three: Path) -> None:
    port = free_port()
    with flask_run(port, MODELS_DIR=three) as site:
        site.expect(r"Running on")
        assert ask(port, "/readyz")["model"] == "a2"


def test_flask_run_says_what_is_wrong(three: Path) -> None:
    with flask_run(free_port(), MODELS_DIR=three, MODEL="b1") as site:
        assert site.end() == 1
        assert "There is no model version 'b1'. Available: a1, a2, a10." in site.output
        assert "Traceback" not in site.output


def test_other_flask_commands_do_not_ask(three: Path, runner: FlaskCliRunner) -> None:
    arguments = [sys.executable, "-m", "flask", "--app", "webapp", "routes"]
    with program(*arguments, terminal=True, MODELS_DIR=three) as command:
        assert command.end() == 0
        assert "api.predict" in command.output
        assert "Number or name" not in command.output
    # a command of the app itself, as an extension would add it
    assert "api.predict" in runner.invoke(flask.cli.routes_command).output


def test_the_environment_chooses(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSICLASSIFY_MODELS_DIR", str(three))
    monkeypatch.setenv("MUSICLASSIFY_MODEL", "a10")
    answer = create_app().test_client().get("/api/v1/models").get_json()
    assert (answer["selected"], answer["recommended"]) == ("a10", "a2")
    assert [model["version"] for model in answer["models"]] == ["a1", "a2", "a10"]


def test_an_unknown_version_is_refused_with_those_there_are(three: Path) -> None:
    with pytest.raises(StartError) as error:
        create_app({"MODELS_DIR": three, "MODEL": "../a1"})
    assert str(error.value) == "There is no model version '../a1'. Available: a1, a2, a10."


def test_a_refused_version_says_why(three: Path) -> None:
    (three / "a1" / "model.keras").unlink()
    with pytest.raises(StartError, match=r"'a1'. Available: a2, a10.*not used: model.keras"):
        create_app({"MODELS_DIR": three, "MODEL": "a1"})


def test_no_valid_model_at_all(three: Path, tmp_path: Path) -> None:
    for version in ("a1", "a2", "a10"):
        (three / version / "model.json").write_text("{}")
    with pytest.raises(StartError) as error:
        create_app({"MODELS_DIR": three})
    text = str(error.value)
    assert text.startswith(f"There is no valid model in {three}.\nNot used: a1: ")
    assert text.count("Not used:") >= 3
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StartError, match="holds no model at all"):
        create_app({"MODELS_DIR": empty})


def test_refused_folders_are_logged_once(three: Path, caplog: pytest.LogCaptureFixture) -> None:
    (three / "a1" / "model.json").write_text("{}")
    client = create_app({"MODELS_DIR": three}).test_client()
    assert caplog.text.count("Not used: a1:") == 1
    assert [m["version"] for m in client.get("/api/v1/models").get_json()["models"]] == [
        "a2",
        "a10",
    ]


class Stream(io.StringIO):
    """Input that would choose a1, or output; on a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__("a1\n")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("stdin", "stdout", "ask_here", "version"),
    [
        (True, True, True, "a1"),
        (True, True, False, "a2"),
        (True, False, True, "a2"),
        (False, True, True, "a2"),
        # a program without a console has no input at all
        (None, True, True, "a2"),
    ],
)
def test_nobody_is_asked_without_a_terminal(
    three: Path,
    monkeypatch: pytest.MonkeyPatch,
    stdin: bool | None,
    stdout: bool,
    ask_here: bool,
    version: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", None if stdin is None else Stream(stdin))
    monkeypatch.setattr(sys, "stdout", Stream(stdout))
    assert choice.resolve(Registry.load(three), None, ask_here=ask_here) == version
