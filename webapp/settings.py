"""Settings as data: each is a field here, an environment variable and a line in the docs."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
PREFIX = "MUSICLASSIFY_"
# Not ours: in this folder prometheus_client adds up the numbers of several processes. It reads the
# variable when it is imported, so `webapp.server` sets it before.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class StartError(Exception):
    """The site cannot start; the text is a sentence for people that says what to do."""


class Setting(NamedTuple):
    """A setting as docs and tests see it."""

    name: str
    default: Any
    type: str
    help: str

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return PREFIX + self.name


class _Parser(NamedTuple):
    expects: str
    parse: Callable[[str], Any]


def _whole(low: int, high: int) -> _Parser:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return _Parser(f"a whole number from {low} to {high}", parse)


def _one_of(*names: str) -> _Parser:
    def parse(text: str) -> str:
        if text.lower() not in names:
            raise ValueError
        return text.lower()

    return _Parser(f"one of {', '.join(names)}", parse)


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip().lower() for word in text.split(",") if word.strip())
    if not words:
        raise ValueError
    return words


_LIMIT = re.compile(
    r"[1-9]\d{0,8} *(/|per) *([1-9]\d{0,4} *)?(second|minute|hour|day|month|year)s?", re.IGNORECASE
)


def _limits(text: str) -> str:
    limits = [limit.strip() for limit in re.split("[;,]", text)]
    if not all(map(_LIMIT.fullmatch, limits)):
        raise ValueError
    return "; ".join(limits)


# Letters, digits and . _ ~ - only; a hyphen or a dot begins no word of it.
_PATH = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._~-]*)*")
# A proxy may take the path away, so it must not look like an address of the site itself.
OWN_WORDS = ("api", "models", "static")


def _path(text: str) -> str:
    path = f"/{text.strip('/')}" if text.strip("/") else ""
    if not _PATH.fullmatch(path) or path.split("/")[1:2] in ([word] for word in OWN_WORDS):
        raise ValueError
    return path


_TEXT = _Parser("text", str)
_FOLDER_OF_ADDRESS = _Parser(
    f"a path such as /music, whose first word is not {' or '.join(OWN_WORDS)}", _path
)
_FOLDER = _Parser("a folder", lambda text: Path(text).expanduser().resolve())
_WORDS = _Parser("a list with commas", _words)
_LIMITS = _Parser("limits such as 60 per minute; 1000 per hour", _limits)


def _setting(default: Any, parser: _Parser, help: str) -> Any:
    return dataclasses.field(default=default, metadata={"parser": parser, "help": help})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Values of all settings of one site."""

    model: str | None = _setting(
        None, _TEXT, "Version to start with; without it a terminal asks, else the recommended one."
    )
    engine: str = _setting(
        "litert", _one_of("litert", "keras"), "Runs the models: LiteRT, or Keras with TensorFlow."
    )
    models_dir: Path = _setting(  # noqa: RUF009
        REPOSITORY / "trained_models", _FOLDER, "Folder with one folder per trained version."
    )
    host: str = _setting("127.0.0.1", _TEXT, "Address that `python -m webapp` listens on.")
    port: int = _setting(5000, _whole(1, 65535), "Port that `python -m webapp` listens on.")
    path: str = _setting(
        "",
        _FOLDER_OF_ADDRESS,
        "Path of the site under its name, as `/music` for https://host/music/.",
    )
    workers: int = _setting(1, _whole(1, 64), "Processes; each loads its own models.")
    threads: int = _setting(4, _whole(1, 64), "Requests that one process answers at a time.")
    # the default is an hour of music in segments of three seconds
    max_segments: int = _setting(1200, _whole(1, 100_000), "Most segments in one request.")
    max_body_mb: int = _setting(48, _whole(1, 1024), "Largest request body, in MiB.")
    max_minutes: int = _setting(
        180, _whole(1, 600), "Longest song that the page takes, in minutes."
    )
    stream_minutes: int = _setting(
        15, _whole(1, 600), "Longer songs are decoded and sent bit by bit, in minutes."
    )
    # decoded at once, an hour takes a gigabyte of the browser's memory
    max_whole_minutes: int = _setting(
        60, _whole(1, 600), "Longest song of a kind that is only decoded at once, in minutes."
    )
    trusted_hosts: tuple[str, ...] = _setting(
        ("localhost", "127.0.0.1", "[::1]"),
        _WORDS,
        "Names this site answers to, without port; any other Host header is refused.",
    )
    proxies: int = _setting(
        0, _whole(0, 10), "Proxies in front whose X-Forwarded-For and -Proto are believed."
    )
    rate_limit: str | None = _setting(
        None,
        _LIMITS,
        "Predictions that one address may ask for: `60 per minute; 1000 per hour`.",
    )
    rate_limit_storage: str = _setting(
        "memory://", _TEXT, "Where they are counted: `memory://` in each process, or a Redis."
    )
    log_level: str = _setting(
        "warning",
        _one_of("debug", "info", "warning", "error"),
        "`info` writes one line per request: method, route, status, time, version, segments, id.",
    )
    log_format: str = _setting(
        "text", _one_of("text", "json"), "`json` writes one JSON object a line, for programs."
    )
    drain_seconds: int = _setting(
        0, _whole(0, 600), "Seconds of service after SIGTERM, in which /readyz answers 503."
    )

    @property
    def max_body_bytes(self) -> int:
        """Largest request body, in bytes."""
        return self.max_body_mb * 1024 * 1024

    @classmethod
    def read(
        cls, overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Take the defaults, then the environment, then `overrides` by upper-case name.

        Text is parsed, other overrides are taken as they are. An empty variable counts as unset.

        Raises
        ------
        StartError : for a value that does not fit its setting, or an override without a setting.
        """
        environ = os.environ if environ is None else environ
        overrides = dict(overrides or {})
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            name = field.name.upper()
            value = overrides.pop(name, environ.get(PREFIX + name, "").strip() or None)
            if isinstance(value, str):
                parser = field.metadata["parser"]
                try:
                    value = parser.parse(value)
                except ValueError:
                    raise StartError(
                        f"{PREFIX}{name} is {value!r}; it must be {parser.expects}."
                    ) from None
            if value is not None:
                values[field.name] = value
        if overrides:
            raise StartError(f"There is no setting named {', '.join(sorted(overrides))}.")
        return cls(**values)


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(
        field.name.upper(), field.default, field.metadata["parser"].expects, field.metadata["help"]
    )
    for field in dataclasses.fields(Settings)
)
