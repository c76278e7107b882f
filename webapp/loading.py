"""Creates the app for a server and makes its model answer once, or says why that fails."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import create_app
from .inference import EngineError
from .settings import StartError
from .state import site_of

if TYPE_CHECKING:
    from flask import Flask

    from .serving import Plan


def load(plan: Plan) -> Flask | None:
    """Return the app, ready to answer; None after its fault was printed."""
    try:
        app = create_app({"REGISTRY": plan.registry})
        with libraries_silent(plan.settings.log_level in ("warning", "error")):
            site_of(app).warm_up()
    except (StartError, EngineError) as error:
        print(error, file=sys.stderr, flush=True)
        return None
    return app


@contextlib.contextmanager
def libraries_silent(silent: bool = True) -> Iterator[None]:
    """Hide what LiteRT and TensorFlow write straight to the standard error while they load."""
    if not silent:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
