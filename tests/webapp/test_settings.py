from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.webapp.running import PYTHON, program
from webapp.settings import SETTINGS, Settings, StartError

NAMES = [setting.name for setting in SETTINGS]


def test_every_setting_is_documented(root: Path) -> None:
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert [name for name in NAMES if f"MUSICLASSIFY_{name}" not in text] == []


@pytest.mark.full
def test_help_names_every_setting() -> None:
    with program(*PYTHON, "-m", "webapp", "--help") as command:
        assert command.end() == 0
        for setting in SETTINGS:
            assert f"MUSICLASSIFY_{setting.name} " in command.output
            assert setting.help in command.output


def test_defaults_need_no_environment() -> None:
    settings = Settings.read(environ={})
    assert (settings.model, settings.engine, settings.host, settings.port) == (
        None,
        "litert",
        "127.0.0.1",
        5000,
    )
    assert settings.max_body_bytes == 48 * 1024 * 1024
    for setting in SETTINGS:
        assert getattr(settings, setting.name.lower()) == setting.default


def test_overrides_win_over_the_environment() -> None:
    environ = {"MUSICLASSIFY_PORT": "8000", "MUSICLASSIFY_THREADS": "2", "MUSICLASSIFY_MODEL": " "}
    settings = Settings.read({"PORT": 9000}, environ)
    assert (settings.port, settings.threads, settings.model) == (9000, 2, None)


def test_values_are_parsed(tmp_path: Path) -> None:
    settings = Settings.read(
        environ={
            "MUSICLASSIFY_ENGINE": "Keras",
            "MUSICLASSIFY_MODELS_DIR": str(tmp_path),
            "MUSICLASSIFY_TRUSTED_HOSTS": "Music.example, localhost,",
            "MUSICLASSIFY_LOG_LEVEL": "INFO",
        }
    )
    assert settings.engine == "keras"
    assert settings.models_dir == tmp_path.resolve()
    assert settings.trusted_hosts == ("music.example", "localhost")
    assert settings.log_level == "info"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "abc", "a whole number from 1 to 65535"),
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("PORT", "65536", "a whole number from 1 to 65535"),
        ("THREADS", "1.5", "a whole number from 1 to 64"),
        ("WORKERS", "-1", "a whole number from 1 to 64"),
        ("MAX_SEGMENTS", "0", "a whole number from 1 to 100000"),
        ("MAX_BODY_MB", "much", "a whole number from 1 to 1024"),
        ("MAX_MINUTES", "0", "a whole number from 1 to 600"),
        ("ENGINE", "torch", "one of litert, keras"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("TRUSTED_HOSTS", ",,", "a list with commas"),
    ],
)
def test_wrong_values_are_named(name: str, value: str, expected: str) -> None:
    with pytest.raises(StartError) as error:
        Settings.read(environ={f"MUSICLASSIFY_{name}": value})
    assert str(error.value) == f"MUSICLASSIFY_{name} is {value!r}; it must be {expected}."


def test_an_unknown_override_is_refused() -> None:
    with pytest.raises(StartError, match="no setting named MODLE"):
        Settings.read({"MODLE": "v1"}, {})


def test_the_list_is_complete() -> None:
    fields = [field.name.upper() for field in dataclasses.fields(Settings)]
    assert fields == NAMES
    assert all(setting.help.endswith(".") or "`" in setting.help for setting in SETTINGS)
