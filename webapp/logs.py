"""The log of the running site: sentences for people, or one JSON object a line.

`LOG_FORMAT=json` turns every line into an object with `time`, `level`, `event`, `pid`, the fields
of the event and, in requests, `request_id`. No song, address, query or body is ever written. Of an
exception only type and place are: its text may quote input.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
from flask import g, has_request_context
from flask.logging import default_handler, has_level_handler

if TYPE_CHECKING:
    from .settings import Settings

log = logging.getLogger("webapp")
# Starts and ends of processes: always written in JSON, in text from the level info on.
life = logging.getLogger("webapp.life")


class JsonFormatter(logging.Formatter):
    """One JSON object for a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The object of a record: its event, or its sentence as a `message`."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        entry: dict[str, Any] = {
            "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "message"),
            "pid": record.process,
        }
        if has_request_context() and "request_id" in g:
            entry["request_id"] = g.request_id
        fields = getattr(record, "fields", None)
        entry |= {"message": record.getMessage()} if fields is None else fields
        if record.exc_info and record.exc_info[0]:
            entry["what"] = record.exc_info[0].__name__
            entry["where"] = places(record.exc_info[2])
        return msgspec.json.encode(entry).decode()


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to the standard error of the moment, which tests and `libraries_silent` replace."""

    aside: TextIO | None = None

    @property
    def stream(self) -> TextIO:
        return self.aside or sys.stderr

    @stream.setter
    def stream(self, _value: object) -> None:
        pass

    def handleError(self, record: logging.LogRecord) -> None:
        """When the disk is full, go on without the line."""
        if isinstance(sys.exc_info()[1], OSError):
            _flush(self.stream)
        else:
            super().handleError(record)


_json_handler = _Handler()
_json_handler.setFormatter(JsonFormatter())


def configure(settings: Settings) -> None:
    """Let the logger of the site write as the settings say."""
    log.setLevel(settings.log_level.upper())
    if settings.log_format == "json":
        log.removeHandler(default_handler)
        log.addHandler(_json_handler)
        life.setLevel(logging.INFO)
        return
    log.removeHandler(_json_handler)
    life.setLevel(logging.NOTSET)
    if not has_level_handler(log):
        log.addHandler(default_handler)


def is_json() -> bool:
    """Whether lines are JSON objects here."""
    return _json_handler in log.handlers


def event(name: str, **fields: Any) -> dict[str, Any]:
    """The `extra` of a log call whose JSON is an event with these fields."""
    return {"event": name, "fields": fields}


def say(text: str, name: str, **fields: Any) -> None:
    """Tell the person who started the site: print the sentence, or write it as an event."""
    if is_json():
        life.info(text, extra=event(name, **fields))
    else:
        _print(text, sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except OSError:
        _flush(stream)


def _flush(stream: TextIO) -> None:
    """Write Python's buffer of a stream, or drop it when the disk is full.

    Otherwise Python would try again at the end, and fail with an exit status of its own.
    """
    with contextlib.suppress(OSError, ValueError):
        try:
            stream.flush()
        except OSError:
            kept, nowhere = os.dup(stream.fileno()), os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            stream.flush()
            os.dup2(kept, stream.fileno())
            os.close(kept)
            os.close(nowhere)


def let_go() -> None:
    """Empty the standard streams at the end, whether or not the disk takes what libraries wrote."""
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)


def complain(text: str, name: str = "cannot_start") -> None:
    """Say on the standard error what is wrong: the sentence, or an event with it."""
    if is_json():
        life.error(text, extra=event(name, message=text))
    else:
        _print(text, sys.stderr)


def places(trace: TracebackType | None) -> list[str]:
    """Lines that an exception passed, outermost first: `file:line function`."""
    return [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(trace)]


@contextlib.contextmanager
def libraries_silent(silent: bool = True) -> Iterator[None]:
    """Hide lines that LiteRT and TensorFlow write to the standard error while they load."""
    if not silent:
        yield
        return
    _flush(sys.stderr)
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with open(kept, "w", encoding="utf-8", closefd=False) as aside:
            _json_handler.aside = aside
            yield
    finally:
        _json_handler.aside = None
        _flush(sys.stderr)
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
