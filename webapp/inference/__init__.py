"""From features to an answer, without Flask: cards, registry, engines, calibration, votes."""

from .card import Card, CardError
from .engines import EngineError
from .predictor import FEATURE_ERRORS, FeatureError, Prediction, Predictor, Predictors
from .registry import Registry, UnknownVersion

__all__ = [
    "FEATURE_ERRORS",
    "Card",
    "CardError",
    "EngineError",
    "FeatureError",
    "Prediction",
    "Predictor",
    "Predictors",
    "Registry",
    "UnknownVersion",
]
