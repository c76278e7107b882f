"""The JSON API, version 1: models and predictions. `/api/openapi.json` describes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from .access_log import note
from .bodies import LARGE, Body, read_body
from .errors import RequestError, engine_errors, json_response
from .inference import FEATURE_ERRORS, FeatureError, UnknownVersion
from .inference.embedding import EMBEDDING_NAME
from .language import _
from .memory import give_back
from .metrics import metrics
from .schema import JSON_TYPE, Times
from .state import site

if TYPE_CHECKING:
    from .inference import Card, Prediction

bp = Blueprint("api", __name__, url_prefix="/api/v1/models")

# of predictions; with the value 1 the answer has embeddings too
EMBEDDING_PARAMETER = "embedding"


@bp.get("")
def list_models() -> Response:
    """List the served versions."""
    here = site()
    return json_response(
        {
            "selected": here.selected,
            "recommended": here.recommended,
            "models": [card.summary() for card in here.registry.cards.values()],
        }
    )


@bp.get("/<version>")
def show_model(version: str) -> Response:
    """Show the whole card of a version."""
    return json_response(find(version).to_json())


@bp.get("/<version>/embedding")
def show_embedding(version: str) -> Response:
    """Show where the genres of a version lie among the embeddings of songs."""
    card = find(version)
    if card.embedding_file is None:
        raise no_embedding(404, version)
    response = Response(card.embedding_file, mimetype=JSON_TYPE)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(card.files[EMBEDDING_NAME])
    response.make_conditional(request)
    return response


@bp.post("/<version>/predictions")
def predict(version: str) -> Response:
    """Classify the segments of one song in one batched pass."""
    here = site()
    card = find(version)
    note(version=card.version)
    decimals = embedding_decimals(card)
    times, features = here.schemas[card.version].parse(read_json_body())
    if (request.content_length or 0) > LARGE:
        # the body, before the model needs memory
        give_back()
    note(segments=len(times))
    with engine_errors(card.version):
        predictor = here.predictors.get(card.version)
        # the clock starts here: the first request of a version also loads its model
        started = time.perf_counter()
        try:
            prediction = predictor.predict(features)
        except FeatureError as error:
            message = _(FEATURE_ERRORS[error.code], **error.values)
            raise RequestError(422, "out_of_range", message) from error
        seconds = time.perf_counter() - started
    numbers = metrics()
    numbers.prediction_seconds.labels(card.version).observe(seconds)
    numbers.segments.labels(card.version).observe(len(times))
    return json_response(answer(card, times, prediction, decimals), cache="no-store")


def answer(
    card: Card, times: list[Times], prediction: Prediction, decimals: int | None = None
) -> dict[str, Any]:
    """The JSON of a prediction, with embeddings of so many `decimals` if given."""
    return {
        "version": card.version,
        "genres": list(prediction.genres),
        **prediction.to_json(((time.start, time.end) for time in times), decimals),
    }


def embedding_decimals(card: Card) -> int | None:
    """How embeddings are rounded in the answer to this request; None when it asks for none.

    Raises
    ------
    RequestError : 400 for another value than 1, and for a version that gives none.
    """
    values = request.args.getlist(EMBEDDING_PARAMETER)
    if not values:
        return None
    if values != ["1"]:
        raise RequestError(
            400,
            "bad_embedding",
            _("Ask for embeddings with embedding=1, once, or leave the parameter out."),
        )
    if card.embedding is None:
        raise no_embedding(400, card.version)
    return card.embedding.decimals


def no_embedding(status: int, version: str) -> RequestError:
    """The refusal of a request for what a version without an embedding does not have."""
    return RequestError(
        status,
        "no_embedding",
        _(
            "Version %(version)s gives no embedding. Ask one whose card has the key embedding.",
            version=version,
        ),
        {"available": [name for name, card in site().registry.cards.items() if card.embedding]},
    )


def find(version: str) -> Card:
    """The card of a served version.

    Raises
    ------
    RequestError : 404, naming the served versions.
    """
    try:
        return site().registry.get(version)
    except UnknownVersion as error:
        # `version` may be anything: the answer does not carry it back
        raise RequestError(
            404,
            "unknown_model",
            _(
                "There is no such model version. Available: %(versions)s.",
                versions=", ".join(error.available),
            ),
            {"available": error.available},
        ) from None


def read_json_body() -> Body:
    """Read the body of a JSON request.

    Raises
    ------
    RequestError : 415 for another type or coding; 400 for a body that does not arrive whole, and
        for a gzip body that cannot be unpacked.
    werkzeug.exceptions.RequestEntityTooLarge : for more than MAX_BODY_MB, also without a length or
        once unpacked.
    """
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != JSON_TYPE or charset not in ("utf-8", "utf8"):
        raise RequestError(
            415,
            "wrong_content_type",
            _("Send JSON in UTF-8 with the header Content-Type: application/json."),
            {"accepted": [JSON_TYPE]},
        )
    return read_body(site().settings.max_body_bytes)
