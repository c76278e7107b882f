"""Networks, one small file each; a name in an experiment picks the file.

Every file has `build(spec, n_genres, **options) -> keras.Model` from MFCC (n_frames, n_mfcc) to
probabilities (n_genres,). Built-in layers only, so that any Keras and LiteRT can load the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import TrainingError
from . import mfcc_cnn

if TYPE_CHECKING:
    import keras

    from features import FeatureSpec

BUILDERS = {"mfcc_cnn": mfcc_cnn.build}


def build(name: str, spec: FeatureSpec, n_genres: int, options: dict[str, Any]) -> keras.Model:
    """The untrained network.

    Raises
    ------
    TrainingError : for an unknown name or option.
    """
    if name not in BUILDERS:
        raise TrainingError(f"[architecture] name: {name!r} is not one of {', '.join(BUILDERS)}.")
    try:
        return BUILDERS[name](spec, n_genres, **options)
    except TypeError as error:
        raise TrainingError(f"[architecture] options: {error}.") from error
