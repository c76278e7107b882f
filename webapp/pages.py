"""The pages for people; everything they say about a model comes from its card."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for

from features import FeatureSpec
from features.statistics import statistics_names

from . import assets, language
from .api import find
from .errors import RequestError
from .inference import CardError
from .state import Site, site

bp = Blueprint("pages", __name__)

# Files of a version that its page offers, and their types.
DOWNLOADS = {
    "report.html": "text/html",
    "test.csv": "text/csv",
    "experiment.toml": "application/toml",
}


@bp.get("/")
def index() -> Response:
    """Show the page that classifies songs."""
    here = site()
    return _page(
        "index.html",
        selected=here.card.to_json(),
        spec=here.card.spec,
        n_models=len(here.registry.cards),
        config=config(),
        texts=language.script_texts(language.language()),
    )


@bp.get("/models/<version>")
def model(version: str) -> Response:
    """Show what is known about a version, and all versions beside it."""
    card = find(version)
    return _page(
        "model.html",
        card=card.to_json(),
        parameters=parameters(card.spec),
        names=number_names(card.spec),
        downloads=[name for name in card.files if name in DOWNLOADS],
        models=summaries(site()),
    )


@bp.get("/models/<version>/<name>")
def download(version: str, name: str) -> Response:
    """Hand out the report of a version, or another file beside its model.

    As a download: the report holds its styles itself, which the policy of this site forbids, and
    it is made to be opened without one.
    """
    card = find(version)
    if name not in DOWNLOADS or name not in card.files:
        raise RequestError(
            404, "not_found", f"Version {version} has no such file. Its page lists those it has."
        )
    try:
        content = card.read(name)
    except CardError as error:
        current_app.logger.error("%s of %s is not handed out: %s", name, version, error)
        raise RequestError(
            503,
            "file_unavailable",
            f"{name} of version {version} was changed after it was made; the server's log says "
            "more.",
        ) from error
    response = Response(content, content_type=f"{DOWNLOADS[name]}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{version}-{name}"'
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(card.files[name])
    response.make_conditional(request)
    return response


def config() -> dict[str, Any]:
    """What the page's scripts need to know, as JSON inside the page."""
    here = site()
    card = here.card
    return {
        "pageVersion": assets.page_version(),
        "predictUrl": url_for("api.predict", version=card.version),
        "featuresUrl": assets.features_url(),
        "runtimeUrl": assets.runtime_url(),
        "featureSpec": card.spec.to_json(),
        "shape": list(card.spec.shape),
        "numberNames": number_names(card.spec),
        "segmentSeconds": card.spec.segment_s,
        "genres": list(card.genres),
        "tellsUnfamiliar": card.unfamiliar_threshold is not None,
        "maxMinutes": here.settings.max_minutes,
        "maxSegments": here.settings.max_segments,
        "maxBodyBytes": here.settings.max_body_bytes,
    }


def number_names(spec: FeatureSpec) -> list[str]:
    """What each number of a segment is, for kinds whose numbers have names."""
    return statistics_names(spec) if spec.kind == "statistics" else []


def parameters(spec: FeatureSpec) -> dict[str, Any]:
    """The parameters of a spec that matter for its kind, and the numbers that follow from them."""
    shown = spec.to_json()
    if spec.kind == "log_mel" or (spec.kind == "statistics" and "mfcc" not in spec.statistics):
        del shown["n_mfcc"]
    if spec.kind == "statistics":
        shown["numbers_per_piece"] = shown.pop("n_coefficients")
    return shown


def summaries(here: Site) -> list[dict[str, Any]]:
    """Every version in brief, newest last, with what this site does with it."""
    return [
        {
            **card.summary(),
            "spec": card.spec,
            "latency": card.to_json()["latency"],
            "recommended": card.version == here.recommended,
            "selected": card.version == here.selected,
        }
        for card in here.registry.cards.values()
    ]


def _page(template: str, **context: Any) -> Response:
    response = make_response(render_template(template, **context))
    response.headers["Cache-Control"] = "no-cache"
    return response
