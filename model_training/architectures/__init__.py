"""Networks, one small file each; a name in an experiment picks the file.

Every file has `build(spec, n_genres, **options) -> keras.Model` from one segment's features
`spec.shape` to probabilities (n_genres,). Built-in layers only, so that any Keras and LiteRT can
load the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import TrainingError
from . import conv_lstm, dense_statistics, image_cnn, log_mel_cnn, lstm, mfcc_cnn, second_order

if TYPE_CHECKING:
    import keras

    from features import FeatureSpec

BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "dense_statistics": dense_statistics.build,
    "image_cnn": image_cnn.build,
    "lstm": lstm.build,
    "conv_lstm": conv_lstm.build,
    "log_mel_cnn": log_mel_cnn.build,
    "mfcc_cnn": mfcc_cnn.build,
    "second_order": second_order.build,
}
# The kinds of features that a network takes; the others take every sequence of frames.
KINDS = {
    "dense_statistics": ("statistics",),
    "log_mel_cnn": ("log_mel",),
    "mfcc_cnn": ("mfcc",),
    "second_order": ("mfcc",),
}
SEQUENCES = ("mfcc", "log_mel")


def require_known(name: str) -> None:
    """Refuse a name that no network has.

    Raises
    ------
    TrainingError : naming those that there are.
    """
    if name not in BUILDERS:
        raise TrainingError(f"[architecture] name: {name!r} is not one of {', '.join(BUILDERS)}.")


def build(name: str, spec: FeatureSpec, n_genres: int, options: dict[str, Any]) -> keras.Model:
    """The untrained network.

    Raises
    ------
    TrainingError : for an unknown name or option, or features of a kind that it does not take.
    """
    require_known(name)
    if spec.kind not in (kinds := KINDS.get(name, SEQUENCES)):
        raise TrainingError(
            f"[architecture] {name} takes {' or '.join(kinds)}, but [feature_spec] kind is "
            f"{spec.kind}."
        )
    try:
        return BUILDERS[name](spec, n_genres, **options)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"[architecture] options: {error}.") from error
