"""Three excerpts of a song against the whole of it: how often the answer is the same."""

from __future__ import annotations

import dataclasses
import functools
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import binomtest
from tqdm import tqdm

from features import AudioError
from features.own_genres import TeachingError
from features.segments import excerpt_bounds, listened_bounds
from webapp.inference import FeatureError, Prediction, Predictor

from ..errors import TrainingError
from ..sound.audio import load_audio
from ..terminal import width
from .prediction import predict_samples

# A winner that leads by less may as well be the second.
CLEAR_LEAD = 0.1


@dataclasses.dataclass(frozen=True)
class Pair:
    """Both answers for one song."""

    path: Path
    whole: Prediction
    excerpts: Prediction

    @property
    def lead(self) -> float:
        """Probability of the whole song's winner beyond that of the second."""
        second, first = np.sort(self.whole.aggregate)[-2:]
        return float(first - second)

    @property
    def same(self) -> bool:
        """Whether both have one winner."""
        return self.whole.winner == self.excerpts.winner

    def text(self) -> str:
        """The song on one line."""
        answers = " / ".join(
            f"{answer.winner} {answer.aggregate.max():.1%}"
            for answer in (self.whole, self.excerpts)
        )
        return f"{self.path}: {answers}{'' if self.same else ' DIFFERENT'}; lead {self.lead:.3f}"


def hear_both(
    files: Iterable[Path],
    predictor: Predictor,
    tell: Callable[[str], object],
    show: Callable[[Pair], object],
) -> list[Pair]:
    """Answer songs of more than three excerpts in both ways; each is decoded once.

    Parameters
    ----------
    tell : gets a line for each file without two answers.
    show : gets each pair as it comes.
    """
    pairs = []
    for path in tqdm(list(files), unit="file", disable=None, leave=False):
        try:
            pair = _pair(path, predictor)
        except (TrainingError, AudioError, FeatureError, TeachingError, OSError) as error:
            tell(str(error) if str(path) in str(error) else f"{path}: {error}")
            continue
        if pair is None:
            tell(f"{path}: no more than three excerpts, left out.")
            continue
        pairs.append(pair)
        show(pair)
    return pairs


def _pair(path: Path, predictor: Predictor) -> Pair | None:
    spec = predictor.card.spec
    samples = load_audio(path, spec.sample_rate)
    if listened_bounds(len(samples), spec) == excerpt_bounds(len(samples), spec):
        return None
    answer = functools.partial(predict_samples, samples, predictor, path)
    return Pair(path, answer(listen="whole").prediction, answer(listen="excerpts").prediction)


def share(pairs: Sequence[Pair]) -> str:
    """How many pairs have one winner, with the 95 % interval of that share."""
    if not pairs:
        return "none"
    same = sum(pair.same for pair in pairs)
    found = binomtest(same, len(pairs)).proportion_ci(0.95, "wilson")
    return f"{same} of {len(pairs)}, {same / len(pairs):.1%} [{found.low:.1%}, {found.high:.1%}]"


def summary(pairs: Sequence[Pair]) -> str:
    """The shares of all songs, and of those whose whole-song winner has a clear lead."""
    clear = [pair for pair in pairs if pair.lead >= CLEAR_LEAD]
    distance = np.median(
        [np.abs(pair.whole.aggregate - pair.excerpts.aggregate).max() for pair in pairs]
    )
    text = (
        f"same winner: {share(pairs)}; where the whole song's winner leads by {CLEAR_LEAD} or "
        f"more: {share(clear)} (95 % intervals, Wilson). Largest difference of a song's "
        f"probabilities, median: {distance:.3f}."
    )
    return textwrap.fill(text, width())
