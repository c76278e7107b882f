"""The pages for people; everything they say about a model comes from its card."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for

from features import FeatureSpec, downmix
from features.statistics import statistics_names

from . import assets, charts, language, numbers, place
from .api import find
from .errors import RequestError
from .genres import colour_classes
from .inference import Card, CardError
from .inference.sections import compared, sections
from .language import _
from .state import Site, site

bp = Blueprint("pages", __name__)

for shown in (numbers.percent, numbers.decimal, numbers.figure, numbers.interval):
    bp.add_app_template_filter(shown)

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
        cards=[card.to_json() for card in here.registry.cards.values()],
        specs={version: card.spec for version, card in here.registry.cards.items()},
        config=config(),
        texts=language.script_texts(language.language()),
    )


@bp.get("/models/<version>")
def model(version: str) -> Response:
    """Show everything that is known about a version, and a table of all versions."""
    card = find(version)
    told = sections(card.to_json())
    return _page(
        "model.html",
        card=card.to_json(),
        colours=colour_classes(card.genres),
        sections=told,
        roc=charts.roc(told.roc, card.genres),
        false_alarms=charts.FALSE_ALARMS,
        reliability=charts.reliability(told.reliability),
        history=charts.history(told.history),
        names=number_names(card.spec),
        downloads=[name for name in card.files if name in DOWNLOADS],
        models=summaries(site()),
        texts=language.script_texts(language.language()),
    )


@bp.get("/models/<version>/<name>")
def download(version: str, name: str) -> Response:
    """Hand out the report of a version, or another file beside its model.

    It is a download because the report holds its own styles, which the policy of this site forbids;
    the report is made to be opened without a site.
    """
    card = find(version)
    if name not in DOWNLOADS or name not in card.files:
        raise RequestError(
            404,
            "not_found",
            _(
                "Version %(version)s has no such file. Its page lists those it has.",
                version=version,
            ),
        )
    try:
        content = card.read(name)
    except CardError as error:
        current_app.logger.error("%s of %s is not handed out: %s", name, version, error)
        raise RequestError(
            503,
            "file_unavailable",
            _(
                "%(name)s of version %(version)s was changed after it was made; the server's log "
                "says more.",
                name=name,
                version=version,
            ),
        ) from error
    response = Response(content, content_type=f"{DOWNLOADS[name]}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{version}-{name}"'
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(card.files[name])
    response.make_conditional(request)
    return response


def config() -> dict[str, Any]:
    """Data for the page's scripts, as JSON inside the page."""
    here = site()
    return {
        "root": url_for("pages.index"),
        "keptAs": place.kept_as(),
        "pageVersion": assets.page_version(),
        "featuresUrl": assets.features_url(),
        "runtimeUrl": assets.runtime_url(),
        "numpy": assets.numpy_archive(),
        "snapshot": assets.snapshot_address(),
        "filesToLoad": assets.count_analysis_files(),
        "maxMinutes": here.settings.max_minutes,
        "maxWholeMinutes": here.settings.max_whole_minutes,
        "streamMinutes": here.settings.stream_minutes,
        "mix": {"blockSeconds": downmix.BLOCK_S, "oppositeDb": downmix.OPPOSITE_DB},
        "maxSegments": here.settings.max_segments,
        "maxBodyBytes": here.settings.max_body_bytes,
        "selected": here.selected,
        "models": [answering(card) for card in here.registry.cards.values()],
    }


def answering(card: Card) -> dict[str, Any]:
    """Data that the page's scripts need to ask a version."""
    return {
        "version": card.version,
        "title": card.title,
        "pageUrl": language.to(url_for("pages.model", version=card.version)),
        "predictUrl": url_for("api.predict", version=card.version),
        "featureSpec": card.spec.to_json(),
        "shape": list(card.spec.shape),
        "numberNames": number_names(card.spec),
        "segmentSeconds": card.spec.segment_s,
        "genres": list(card.genres),
        "tellsUnfamiliar": card.unfamiliar_threshold is not None,
        "embedding": {
            "size": card.embedding.size,
            "url": url_for("api.show_embedding", version=card.version),
            "modelSha256": card.files["model.tflite"],
        }
        if card.embedding
        else None,
    }


def number_names(spec: FeatureSpec) -> list[str]:
    """Names of the numbers of a segment, for kinds whose numbers have names."""
    return statistics_names(spec) if spec.kind == "statistics" else []


def summaries(here: Site) -> list[dict[str, Any]]:
    """Every version in brief, newest last, and whether it is selected or recommended here."""
    return [
        {
            "version": card.version,
            "title": card.title,
            "spec": card.spec,
            "compared": compared(card.to_json()),
            "recommended": card.version == here.recommended,
            "selected": card.version == here.selected,
        }
        for card in here.registry.cards.values()
    ]


def _page(template: str, **context: Any) -> Response:
    response = make_response(render_template(template, **context))
    response.headers["Cache-Control"] = "no-cache"
    return response
