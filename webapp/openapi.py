"""`/api/openapi.json`: the API in OpenAPI 3.1, with the limits of the running site."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from .api import EMBEDDING_PARAMETER
from .errors import json_response
from .inference.card import UNFAMILIAR_METHOD
from .inference.embedding import LARGEST_SIZE, SMALLEST_SIZE
from .pages import DOWNLOADS
from .schema import JSON_TYPE, LARGEST
from .state import Site, site

bp = Blueprint("openapi", __name__)

Json = dict[str, Any]

NUMBER: Json = {"type": "number"}
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
PROBABILITY: Json = {"type": "number", "minimum": 0, "maximum": 1}
PROBABILITIES: Json = {
    "type": "array",
    "items": PROBABILITY,
    "description": "One per genre, in the order of `genres`; they sum to 1.",
}
POSITIVE: Json = {"type": "number", "exclusiveMinimum": 0}
EMBEDDING: Json = {
    "type": "array",
    "items": NUMBER,
    "minItems": SMALLEST_SIZE,
    "maxItems": LARGEST_SIZE,
    "description": f"Only where the request asks for it with {EMBEDDING_PARAMETER}=1: as many "
    "numbers as the card's `embedding.size`. That of the song is the mean of its segments'.",
}
HTML: Json = {"text/html": {"schema": TEXT}}


def ref(name: str) -> Json:
    """Reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def obj(**properties: Json) -> Json:
    """Schema of an object with exactly these keys."""
    return {**open_obj(**properties), "additionalProperties": False}


def open_obj(**properties: Json) -> Json:
    """Schema of an object with at least these keys."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def optional(schema: Json, **properties: Json) -> Json:
    """Schema of an object that may have these keys too."""
    return {**schema, "properties": {**schema["properties"], **properties}}


def one_of(*texts: str) -> Json:
    """Schema of a text that is one of these."""
    return {"type": "string", "enum": list(texts)}


def array(items: Json, **limits: int) -> Json:
    """Schema of a list."""
    return {"type": "array", "items": items, **limits}


def _features(here: Site) -> Json:
    shapes = {}
    for schema in here.schemas.values():
        values: Json = {**NUMBER, "minimum": -LARGEST, "maximum": LARGEST}
        for length in reversed(schema.shape):
            values = array(values, minItems=length, maxItems=length)
        # several versions may share a shape
        shapes[schema.kind, schema.shape] = obj(**{schema.kind: values})
    return {
        "anyOf": list(shapes.values()),
        "description": "One key, the spec's kind, with n_frames lists of n_coefficients numbers "
        "(statistics: one flat list), computed as the version's feature spec says, none beyond "
        f"{LARGEST:.0f} on either side of 0.",
    }


def _model_schemas() -> Json:
    common: Json = {
        "version": TEXT,
        "title": TEXT,
        "created": TEXT,
        "genres": array(TEXT, minItems=2),
        "feature_spec": ref("FeatureSpec"),
        "licence": {},
    }
    size: Json = {"type": "integer", "minimum": SMALLEST_SIZE, "maximum": LARGEST_SIZE}
    return {
        "FeatureSpec": open_obj(
            id=TEXT,
            kind=one_of("mfcc", "log_mel", "statistics"),
            n_frames=COUNT,
            n_coefficients=COUNT,
            decimals=COUNT,
        ),
        "ModelSummary": open_obj(
            **common,
            accuracy=open_obj(value=PROBABILITY, low=PROBABILITY, high=PROBABILITY),
            n_test_tracks=COUNT,
            elsewhere={
                "anyOf": [{"type": "null"}, ref("Elsewhere")],
                "description": "How good it is on a collection that it was not trained on, asked "
                "of a sister network that never heard that collection; null where that was not "
                "measured. Not to be held against another version's `accuracy`.",
            },
        ),
        "Elsewhere": open_obj(
            value=PROBABILITY,
            low=PROBABILITY,
            high=PROBABILITY,
            n_tracks={"type": "integer", "minimum": 1},
            of={**TEXT, "description": "The collection that was asked about."},
            by={**TEXT, "description": "How it was measured."},
        ),
        "ModelList": obj(
            selected=TEXT, recommended=TEXT, models=array(ref("ModelSummary"), minItems=1)
        ),
        "ModelCard": optional(
            open_obj(
                **common,
                architecture={},
                training={},
                metrics={"type": "object"},
                calibration=open_obj(temperature=NUMBER),
                unfamiliar={
                    "anyOf": [
                        {"type": "null"},
                        open_obj(method={"const": UNFAMILIAR_METHOD}, threshold=POSITIVE),
                    ],
                    "description": "How the version tells songs unlike its training music; null "
                    "when it does not.",
                },
                latency={},
                intended_use={},
                files={"type": "object", "additionalProperties": TEXT},
            ),
            embedding={
                "anyOf": [
                    {"type": "null"},
                    open_obj(layer=TEXT, size=size, decimals=COUNT),
                ],
                "description": "The embedding that the version gives of songs; missing or null "
                "when it gives none.",
            },
        ),
        "Embedding": open_obj(
            format={"const": 1},
            version=TEXT,
            size=size,
            standardisation=open_obj(mean=array(NUMBER), scale=array(POSITIVE)),
            genres=array(
                open_obj(name=TEXT, songs={**COUNT, "minimum": 1}, mean=array(NUMBER)), minItems=2
            ),
            covariance={
                **array(NUMBER),
                "description": "Of standardised embeddings within genres: the upper triangle, row "
                "by row, with the diagonal.",
            },
            spread={
                **POSITIVE,
                "description": "Squared distances of songs that were not trained on are so many "
                "times larger.",
            },
        ),
    }


def _schemas(here: Site) -> Json:
    segment = obj(
        start={"type": "number", "minimum": 0, "description": "Seconds."},
        end={"type": "number", "description": "Seconds; after `start`."},
        features=_features(here),
    )
    unfamiliar = obj(
        score={
            **NUMBER,
            "description": "Mean over the segments: the larger, the less the song is like the "
            "music that the version was trained on. Each version has its own scale.",
        },
        threshold=POSITIVE,
        flag={
            "type": "boolean",
            "description": "Whether the score is above the threshold. The genre is then only the "
            "closest one, and its probability says little.",
        },
    )
    votes = {
        "type": "object",
        "additionalProperties": COUNT,
        "description": "Segments won by each genre.",
    }
    error = obj(
        status={"type": "integer", "minimum": 400, "maximum": 599},
        code={"type": "string", "pattern": "^[a-z][a-z_]*$"},
        message=TEXT,
        details={
            "type": "object",
            "description": "Where it helps: `path` and `expected`, limits, and as `reason` the "
            "decoder's own words, always English.",
        },
    )
    return {
        **_model_schemas(),
        "Error": obj(error=error),
        "PredictionRequest": obj(
            feature_spec={
                **one_of(*{schema.spec.id: 0 for schema in here.schemas.values()}),
                "description": "The `id` of the version's feature spec.",
            },
            segments=array(segment, minItems=1, maxItems=here.settings.max_segments),
        ),
        "Prediction": obj(
            version=TEXT,
            genres=array(TEXT, minItems=2),
            segments=array(
                optional(
                    obj(start=NUMBER, end=NUMBER, genre=TEXT, probabilities=PROBABILITIES),
                    embedding=EMBEDDING,
                )
            ),
            aggregate=optional(
                obj(
                    genre=TEXT,
                    probabilities=PROBABILITIES,
                    votes=votes,
                    unfamiliar={
                        "anyOf": [{"type": "null"}, unfamiliar],
                        "description": "Null when the version does not judge it.",
                    },
                ),
                embedding=EMBEDDING,
            ),
        ),
        "Health": obj(status={"const": "ok"}),
        "Ready": obj(status={"const": "ready"}, model=TEXT),
    }


def _json(name: str, description: str) -> Json:
    return {"description": description, "content": {JSON_TYPE: {"schema": ref(name)}}}


def _operation(
    summary: str,
    ok: Json,
    *errors: int,
    parameters: Json | None = None,
    query: Json | None = None,
    **more: Any,
) -> Json:
    described = {
        400: "Not JSON, no gzip where the header says so, an incomplete body, another value of "
        f"{EMBEDDING_PARAMETER} than 1 or a version without an embedding, or a host name that this "
        "site does not answer to",
        403: "A request from a page of another site",
        404: "No such model version, or one without what was asked for",
        413: "The body is too large",
        415: "Not application/json in UTF-8, or compressed in another way than with gzip; the "
        "Accept-Encoding header then names what is taken",
        422: "JSON that does not fit the version's feature spec or the limits",
        429: "More predictions than this server gives to one address; see Retry-After",
        503: "The model is not ready or cannot be used",
    }
    operation: Json = {"summary": summary, "responses": {"200": ok}, **more}
    for status in (400, *errors):
        operation["responses"][str(status)] = _json("Error", described[status])
    if parameters:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": schema}
            for name, schema in parameters.items()
        ]
        operation["parameters"] += [query] if query else []
    return operation


def _page(summary: str, *errors: int, ok: Json | None = None, **more: Any) -> Json:
    ok = ok or {"description": "A page", "content": HTML}
    operation = _operation(summary, ok, **more)
    for status in (400, *errors):
        operation["responses"][str(status)] = {"description": "A page saying why", "content": HTML}
    return operation


def document(here: Site) -> Json:
    """The whole OpenAPI document of a site."""
    models = "/api/v1/models"
    version = {"version": one_of(*here.registry.cards)}
    embedded = [name for name, card in here.registry.cards.items() if card.embedding]
    embedding = {
        "name": EMBEDDING_PARAMETER,
        "in": "query",
        "required": False,
        "schema": one_of("1"),
        "description": "Adds the embedding of each segment and of the song to the answer of a "
        f"version that gives one: {', '.join(embedded) or 'none here'}.",
    }
    body = {
        "required": True,
        "description": f"At most {here.settings.max_body_bytes} bytes. May be compressed with gzip "
        "and sent with the header `Content-Encoding: gzip`: one member, and the limit holds for it "
        "as it is sent and as it is unpacked.",
        "content": {JSON_TYPE: {"schema": ref("PredictionRequest")}},
    }
    text = {"description": "Prometheus text format", "content": {"text/plain": {"schema": TEXT}}}
    this = open_obj(openapi=TEXT, info={"type": "object"}, paths={"type": "object"})
    described_here = {"description": "This document", "content": {JSON_TYPE: {"schema": this}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "MusiClassify",
            "version": "1",
            "description": "Genres of music from features that the client extracts; sound is never "
            "sent. Requests are neither kept nor logged.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": here.settings.path or "/"}],
        "paths": {
            "/": {"get": _page("The page that classifies songs")},
            "/models/{version}": {
                "get": _page("What is known about a version", 404, parameters=version)
            },
            "/models/{version}/{name}": {
                "get": _page(
                    f"Download {', '.join(DOWNLOADS)} of a version that has it",
                    404, 503,
                    ok={
                        "description": "The file",
                        "content": {kind: {"schema": TEXT} for kind in DOWNLOADS.values()},
                    },
                    parameters=version | {"name": one_of(*DOWNLOADS)},
                )
            },
            models: {"get": _operation("List the versions", _json("ModelList", "All versions"))},
            f"{models}/{{version}}": {
                "get": _operation(
                    "Show a model card",
                    _json("ModelCard", "The card"),
                    404,
                    parameters=version,
                )
            },
            f"{models}/{{version}}/embedding": {
                "get": _operation(
                    "Show where the genres of a version lie among the embeddings of songs",
                    _json("Embedding", "The version's embedding.json"),
                    404,
                    # all of them answer 404 where none has one
                    parameters={"version": one_of(*(embedded or here.registry.cards))},
                )
            },
            f"{models}/{{version}}/predictions": {
                "post": _operation(
                    "Classify the segments of one song",
                    _json("Prediction", "Genre of each segment and of the whole song"),
                    403, 404, 413, 415, 422, 429, 503,
                    parameters=version,
                    query=embedding,
                    requestBody=body,
                )
            },
            "/api/openapi.json": {"get": _operation("Describe the API", described_here)},
            "/offline": {
                "get": _page("What the service worker keeps to show while the server is away")
            },
            "/healthz": {"get": _operation("Is the process alive?", _json("Health", "It is"))},
            "/readyz": {
                "get": _operation("Has the model answered?", _json("Ready", "It has"), 503)
            },
            "/metrics": {"get": _operation("Counts and times", text)},
        },
        "components": {"schemas": _schemas(here)},
    }  # fmt: skip


@bp.get("/api/openapi.json")
def show() -> Response:
    """Serve the document."""
    return json_response(document(site()))
