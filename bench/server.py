"""One request of three minutes, against bare LiteRT on the same batch.

Also the parts of the request's time, and one batched forward pass against `predict` of Keras for
each segment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from tests.browser.chain import values
from webapp.inference import Card, Predictor
from webapp.inference.engines import LiteRTEngine, processors
from webapp.schema import RequestSchema
from webapp.settings import Settings

from .client import Client, body_of, card_of, timed
from .keras_predict import keras_times
from .setting import median_row, row, running_site

# Requests in a round: one is short, and many have a steady median.
REPEAT = 8
VERSIONS = ("v9", "v10", "v1")


def measure(rounds: int) -> list[dict[str, Any]]:
    """The rows of this part."""
    return [found for version in VERSIONS for found in _measure(version, rounds)]


def bare_litert(card: Card, batch: npt.NDArray[np.float32]) -> Callable[[], object]:
    """LiteRT without our code: the whole batch in, one call, the answers out."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(
        model_content=card.read("model.tflite"), num_threads=min(4, processors())
    )
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, batch.shape)
    interpreter.allocate_tensors()
    outputs = [each["index"] for each in interpreter.get_output_details()]

    def run() -> object:
        interpreter.set_tensor(place, batch)
        interpreter.invoke()
        return [interpreter.get_tensor(output) for output in outputs]

    return run


def _measure(version: str, rounds: int) -> list[dict[str, Any]]:
    card, body = card_of(version), body_of(version)
    batch = values(json.loads(body))
    engine = LiteRTEngine(card)
    predictor = Predictor(card, engine)
    schema = RequestSchema(card.spec, Settings.read({}).max_segments)
    times, features = schema.parse(body)
    prediction = predictor.predict(features)
    spans = [(each.start, each.end) for each in times]
    actions: dict[str, Callable[[], object]] = {
        "bare": bare_litert(card, batch),
        "engine": lambda: engine.run(batch),
        "parse": lambda: schema.parse(body),
        "predict": lambda: predictor.predict(features),
        "answer": lambda: msgspec.json.encode(prediction.to_json(spans)),
    }
    with running_site(MODEL=version) as site:
        client = Client(site.port, version)
        actions["request"] = lambda: client.ask(body)
        found: dict[str, list[float]] = {name: [] for name in actions}
        # in turn, so that other work on the machine falls on all of them
        for _ in range(rounds):
            for name, action in actions.items():
                found[name] += timed(action, REPEAT)
        client.close()
    keras = keras_times(version, batch, rounds)
    middle = {name: float(np.median(each)) for name, each in found.items()}
    rest = middle["request"] - sum(middle[name] for name in ("parse", "predict", "answer"))
    by_segment = float(np.median(keras["by_segment"]))
    request = f"{version}: request with {len(batch)} segments"
    return [
        median_row(request, found["request"], "ms", 2),
        median_row(f"{version}:   of it parsing and checking", found["parse"], "ms", 2),
        median_row(f"{version}:   of it the prediction", found["predict"], "ms", 2),
        median_row(f"{version}:   of it the answer's JSON", found["answer"], "ms", 2),
        row(f"{version}:   of it HTTP, client, all else", rest, "ms", 2),
        median_row(f"{version}: bare LiteRT, the same batch", found["bare"], "ms", 2),
        row(f"{version}: request / bare LiteRT", middle["request"] / middle["bare"], "x", 2),
        median_row(f"{version}: our LiteRT engine", found["engine"], "ms", 2),
        median_row(f"{version}: Keras predict for each segment", keras["by_segment"], "ms", 1),
        median_row(f"{version}: Keras predict at once", keras["at_once"], "ms", 1),
        median_row(f"{version}: our Keras engine", keras["engine"], "ms", 1),
        row(
            f"{version}: Keras predict for each segment / our LiteRT engine",
            by_segment / middle["engine"],
            "x",
            1,
        ),
    ]
