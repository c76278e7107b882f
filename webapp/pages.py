"""The pages for people; everything they say about a model comes from its card."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, url_for

from . import assets
from .api import find
from .state import site

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> Response:
    """Show the page that classifies songs."""
    here = site()
    models = [
        {
            **card.summary(),
            "recommended": card.version == here.recommended,
            "selected": card.version == here.selected,
        }
        for card in here.registry.cards.values()
    ]
    return _page("index.html", models=models, selected=here.card.to_json(), config=config())


@bp.get("/models/<version>")
def model(version: str) -> Response:
    """Show what is known about a version."""
    card = find(version)
    return _page("model.html", card=card.to_json(), summary=card.summary())


def config() -> dict[str, Any]:
    """What the page's scripts need to know, as JSON inside the page."""
    here = site()
    card = here.card
    return {
        "predictUrl": url_for("api.predict", version=card.version),
        "featuresUrl": assets.features_url(),
        "runtimeUrl": assets.runtime_url(),
        "featureSpec": card.spec.to_json(),
        "genres": list(card.genres),
        "maxMinutes": here.settings.max_minutes,
        "maxSegments": here.settings.max_segments,
        "maxBodyBytes": here.settings.max_body_bytes,
    }


def _page(template: str, **context: Any) -> Response:
    response = make_response(render_template(template, **context))
    response.headers["Cache-Control"] = "no-cache"
    return response
