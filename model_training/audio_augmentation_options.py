"""How augmented copies of a clip differ from it: the table [audio_augmentation] of an experiment.

Apart from `audio_augmentation`, which does the work, because reading an experiment must not load
the libraries that change sound.
"""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True, kw_only=True)
class AudioAugmentation:
    """Random changes of the sound of a clip's copies; zero switches one off.

    Attributes
    ----------
    probability : each of `speed`, `stretch`, `pitch` and `gain_db` touches a copy with this
        probability.
    speed : played faster or slower by up to this share, the pitch moving along, as a tape does.
    stretch : faster or slower by up to this share at the same pitch.
    pitch : higher or lower by up to this many semitones at the same speed.
    gain_db : louder or softer by up to this many dB. Log-mel and MFCC are relative to the loudest
        value and do not change; statistics such as `rms` do.
    noise, low_pass : probability that white noise 10 to 40 dB below the sound is added, that
        everything above 3 to 8 kHz is cut off.

    Raises
    ------
    ValueError : for a value out of range; the message names it.
    """

    probability: float = 0.5
    speed: float = 0.06
    stretch: float = 0.1
    pitch: float = 2.0
    gain_db: float = 6.0
    noise: float = 0.3
    low_pass: float = 0.3

    def __post_init__(self) -> None:
        for field, most in (
            ("probability", 1.0),
            ("speed", 0.5),
            ("stretch", 0.5),
            ("pitch", 12.0),
            ("gain_db", 40.0),
            ("noise", 1.0),
            ("low_pass", 1.0),
        ):
            value = getattr(self, field)
            # NaN fails every comparison, so it is refused too.
            if not (math.isfinite(value) and 0 <= value <= most):
                raise ValueError(f"{field}: {value!r} must be from 0 to {most:g}")
