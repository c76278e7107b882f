"""State of a running site: settings, models and the chosen version; nothing about visitors."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import cast

from flask import Flask, current_app

from .choice import recommended
from .inference import Card, Predictors, Registry
from .schema import RequestSchema
from .settings import Settings

EXTENSION = "musiclassify"


@dataclasses.dataclass
class Site:
    """Everything that requests share; safe under threads."""

    settings: Settings
    registry: Registry
    predictors: Predictors
    selected: str
    schemas: dict[str, RequestSchema]
    ready: bool = False
    # whether the server is about to stop and waits for load balancers to turn away
    leaving: Callable[[], bool] = lambda: False
    _warming: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    @property
    def recommended(self) -> str:
        """The version to take when nobody chooses."""
        return recommended(self.registry)

    @property
    def card(self) -> Card:
        """Card of the version chosen at start."""
        return self.registry.get(self.selected)

    def warm_up(self) -> bool:
        """Load the selected version and predict once; False while another thread is at it.

        Raises
        ------
        EngineError : when the model cannot be loaded or does not answer sensibly.
        """
        if self.ready:
            return True
        if not self._warming.acquire(blocking=False):
            return False
        try:
            if not self.ready:
                self.predictors.get(self.selected).warm_up()
                self.ready = True
        finally:
            self._warming.release()
        return True


def attach(app: Flask, site: Site) -> None:
    """Make `site` the one of this app."""
    app.extensions[EXTENSION] = site


def site_of(app: Flask) -> Site:
    """The site of `app`."""
    return cast(Site, app.extensions[EXTENSION])


def site() -> Site:
    """The site of the current request."""
    return site_of(current_app)
