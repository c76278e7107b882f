"""Answers to long songs: the server answers each request, and the whole song, as the table says.

tests/js/server/requests.test.js combines the answers of the same table as the page does. Its
probabilities and scores have few digits, so answers are not rounded before the page takes the mean;
with more digits the last one may differ by one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from webapp.inference.aggregation import judge_familiarity, soft_vote, vote_counts
from webapp.inference.predictor import Prediction

TABLE = Path(__file__).resolve().parents[1] / "data" / "long_songs.json"
SONGS: list[dict[str, Any]] = json.loads(TABLE.read_text())


def aggregate(song: dict[str, Any], requests: list[dict[str, Any]]) -> dict[str, Any]:
    """The server's answer to the pieces of some requests of a song."""
    genres = tuple(song["genres"])
    probabilities = np.concatenate([request["probabilities"] for request in requests])
    winners = probabilities.argmax(axis=1)
    mean = soft_vote(probabilities)
    unfamiliar = None
    if song["threshold"] is not None:
        scores = np.concatenate([request["scores"] for request in requests])
        unfamiliar = judge_familiarity(scores, song["threshold"])
    found: dict[str, Any] = Prediction(
        genres=genres,
        probabilities=probabilities,
        winners=[genres[index] for index in winners],
        aggregate=mean,
        winner=genres[int(mean.argmax())],
        votes=vote_counts(winners, genres),
        unfamiliar=unfamiliar,
    ).to_json((0.0, 5.0) for _ in winners)["aggregate"]
    return found


@pytest.mark.parametrize("song", SONGS, ids=[song["name"] for song in SONGS])
def test_the_server_answers_as_the_table_says(song: dict[str, Any]) -> None:
    for request, answer in zip(song["requests"], song["answers"], strict=True):
        found = aggregate(song, [request])
        score = found["unfamiliar"] and found["unfamiliar"]["score"]
        assert {"votes": found["votes"], "score": score} == answer
    assert aggregate(song, song["requests"]) == song["expected"]
