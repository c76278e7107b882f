"""From the features of a song to its answer, for site and command line alike."""

from __future__ import annotations

import dataclasses
import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .aggregation import Unfamiliar, judge_familiarity, mean_embedding, soft_vote, vote_counts
from .calibration import calibrate
from .card import Card
from .engines import ENGINES, Engine, EngineError
from .registry import Registry

# Decimals of probabilities in JSON; their sum over all genres stays within 1e-5 of 1.
DECIMALS = 6
# Digits of unfamiliarity scores in JSON: each model has its own scale, and float32 holds seven.
SIGNIFICANT_DIGITS = 6


# Why a model cannot judge features, by code; `webapp/catalogs.py` brings these sentences into the
# catalog of the site.
FEATURE_ERRORS = {
    "wrong_shape": "The features have another shape: expected (n >= 1, %(shape)s), got %(found)s.",
    "not_finite": "Every value of the features must be finite.",
    "too_large": (
        "The features are too large: the network overflows. Compute them as the feature_spec says."
    ),
}


class FeatureError(ValueError):
    """Features that a model cannot judge; `str()` says why.

    Attributes
    ----------
    code : one of `FEATURE_ERRORS`.
    values : what its sentence names.
    """

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(FEATURE_ERRORS[code] % values)
        self.code = code
        self.values = values


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The answer for one song.

    Attributes
    ----------
    genres : names, in the order of all probabilities.
    probabilities : float64 (n_segments, n_genres), calibrated; rows sum to one.
    winners : genre of each segment.
    aggregate : float64 (n_genres,), the soft vote; sums to one.
    winner : genre of the song.
    votes : how many segments each genre wins.
    unfamiliar : how far the song is from the training music; None for a version that does not
        judge it.
    embeddings : float32 (n_segments, size); None for a version that gives none.
    """

    genres: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]
    winners: list[str]
    aggregate: npt.NDArray[np.float64]
    winner: str
    votes: dict[str, int]
    unfamiliar: Unfamiliar | None
    embeddings: npt.NDArray[np.float32] | None = None

    def to_json(
        self, times: Iterable[tuple[float, float]], embedding_decimals: int | None = None
    ) -> dict[str, Any]:
        """`segments` and `aggregate` as the API writes them; `times` are starts and ends.

        Embeddings are left out unless `embedding_decimals` says how to round them.
        """
        rows = _rounded(self.probabilities)
        found: dict[str, Any] = {
            "segments": [
                {"start": start, "end": end, "genre": genre, "probabilities": row}
                for (start, end), genre, row in zip(times, self.winners, rows, strict=True)
            ],
            "aggregate": {
                "genre": self.winner,
                "probabilities": _rounded(self.aggregate),
                "votes": self.votes,
                "unfamiliar": None
                if self.unfamiliar is None
                else {
                    "score": _significant(self.unfamiliar["score"]),
                    "threshold": _significant(self.unfamiliar["threshold"]),
                    "flag": self.unfamiliar["flag"],
                },
            },
        }
        if self.embeddings is not None and embedding_decimals is not None:
            embeddings = _rounded(self.embeddings, embedding_decimals)
            for segment, embedding in zip(found["segments"], embeddings, strict=True):
                segment["embedding"] = embedding
            mean = mean_embedding(self.embeddings)
            found["aggregate"]["embedding"] = _rounded(mean, embedding_decimals)
        return found


def _rounded(values: npt.NDArray[np.floating[Any]], decimals: int = DECIMALS) -> Any:
    # float32 that is rounded and then listed has further digits
    return np.round(values.astype(np.float64, copy=False), decimals).tolist()


def _significant(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


class Predictor:
    """One loaded model version; safe to call from several threads."""

    def __init__(self, card: Card, engine: Engine):
        self.card = card
        self._engine = engine

    def predict(self, features: npt.NDArray[np.float32]) -> Prediction:
        """Answer for float32 (n_segments, *spec.shape).

        Raises
        ------
        FeatureError : for another shape, for no segment, and for values that are not finite or so
            large that the network overflows.
        """
        spec, genres = self.card.spec, self.card.genres
        if features.shape[1:] != spec.shape or not len(features):
            shape = ", ".join(map(str, spec.shape))
            raise FeatureError("wrong_shape", shape=shape, found=features.shape)
        if not np.isfinite(features).all():
            raise FeatureError("not_finite")
        outputs = self._engine.run(features)
        raw, scores, embeddings = outputs
        if not all(output is None or np.isfinite(output).all() for output in outputs):
            raise FeatureError("too_large")
        probabilities = calibrate(raw, self.card.temperature)
        aggregate = soft_vote(probabilities)
        winners = probabilities.argmax(axis=1)
        threshold = self.card.unfamiliar_threshold
        return Prediction(
            genres=genres,
            probabilities=probabilities,
            winners=[genres[index] for index in winners],
            aggregate=aggregate,
            winner=genres[int(aggregate.argmax())],
            votes=vote_counts(winners, genres),
            unfamiliar=None
            if scores is None or threshold is None
            else judge_familiarity(scores, threshold),
            embeddings=embeddings,
        )

    def warm_up(self) -> None:
        """Predict once, so that the first visitor does not wait for lazy start-up work.

        Raises
        ------
        EngineError : when not even silence gets a finite answer.
        """
        spec = self.card.spec
        try:
            self.predict(np.zeros((1, *spec.shape), dtype=np.float32))
        except FeatureError as error:
            raise EngineError(
                f"{self.card.version}: the model's answers are not finite; export it again"
            ) from error


class Predictors:
    """Loaded versions, at most `capacity` at a time; the longest unused one goes first."""

    def __init__(
        self,
        registry: Registry,
        engine: str = "litert",
        capacity: int = 2,
        threads: int | None = None,
    ):
        """Remember where to load from, and the engines' threads; nothing is loaded yet.

        Raises
        ------
        EngineError : for an unknown engine.
        """
        if engine not in ENGINES:
            raise EngineError(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
        self._registry = registry
        self._make: Callable[[Card], Engine] = functools.partial(ENGINES[engine], threads=threads)
        self._capacity = capacity
        self._loaded: OrderedDict[str, Predictor] = OrderedDict()
        # called after a version was loaded: with its name, the seconds, and the versions that were
        # dropped for it
        self.on_load: Callable[[str, float, list[str]], None] = lambda *_: None
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}

    def _lookup(self, version: str) -> Predictor | None:
        with self._lock:
            if version in self._loaded:
                self._loaded.move_to_end(version)
            return self._loaded.get(version)

    def get(self, version: str) -> Predictor:
        """The predictor of a version, loaded when needed.

        Raises
        ------
        UnknownVersion : for one that is not there.
        EngineError : when its model cannot be loaded.
        """
        card = self._registry.get(version)
        if found := self._lookup(version):
            return found
        with self._lock:
            gate = self._loading.setdefault(version, threading.Lock())
        with gate:  # two visitors at once load it once; other versions are not held up
            if found := self._lookup(version):
                return found
            started = time.perf_counter()
            predictor = Predictor(card, self._make(card))
            seconds = time.perf_counter() - started
            gone = []
            with self._lock:
                self._loaded[version] = predictor
                while len(self._loaded) > self._capacity:
                    gone.append(self._loaded.popitem(last=False)[0])
            self.on_load(version, seconds, gone)
            return predictor
