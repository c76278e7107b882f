"""Signal processing that the browser and training share: numpy and the standard library only."""

from .mel import dct_matrix, mel_spectrogram, mfcc, power_to_db
from .segments import (
    AUDIO_ERRORS,
    AudioError,
    FeatureRequest,
    Segment,
    build_request,
    coefficients,
    extract_segments,
)
from .spec import FeatureSpec
from .stream import SegmentStream

__all__ = [
    "AUDIO_ERRORS",
    "AudioError",
    "FeatureRequest",
    "FeatureSpec",
    "Segment",
    "SegmentStream",
    "build_request",
    "coefficients",
    "dct_matrix",
    "extract_segments",
    "mel_spectrogram",
    "mfcc",
    "power_to_db",
]
