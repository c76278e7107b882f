"""Sound files to answers, the way of the site: its features, its rounding, its model, its vote."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features import AudioError, build_request
from features.inversion import read_request
from features.own_genres import TeachingError
from features.segments import Listen, excerpt_bounds, listened_bounds
from webapp.inference import Card, EngineError, FeatureError, Prediction, Predictor, Registry
from webapp.inference.engines import ENGINES

from ..errors import TrainingError
from ..sound.audio import load_audio
from ..terminal import table
from ..versions import open_version
from .own_genres import MOST_GENRES, OwnAnswer, OwnJudge


@dataclasses.dataclass(frozen=True)
class SongAnswer:
    """The answer for one file.

    Attributes
    ----------
    times : start and end of each segment, in seconds.
    repeated : the sound was shorter than one segment and repeated to fill it: a weak answer.
    skipped : seconds left out at the start.
    narrow : half of the sound is missing: it ends at 4 kHz.
    own : the answer in own genres, if that was asked.
    listened : "excerpts" for three of them, "whole" for all, also where excerpts were asked for but
        the song has no more than three; None where nothing was asked for.
    seconds : of the whole song.
    """

    path: Path
    prediction: Prediction
    times: list[tuple[float, float]]
    repeated: bool
    skipped: float
    narrow: bool = False
    own: OwnAnswer | None = None
    listened: Listen | None = None
    seconds: float = 0.0

    def to_json(self, card: Card) -> dict[str, Any]:
        """The answer in the form of the site's API, with the path of the file."""
        return {
            "file": str(self.path),
            "version": card.version,
            "genres": list(self.prediction.genres),
            **self.prediction.to_json(self.times),
            "repeated": self.repeated,
            "skipped": self.skipped,
            "narrow": self.narrow,
            **({"listened": self.listened} if self.listened else {}),
            **({"own": self.own.to_json()} if self.own else {}),
        }


def choose(models: Path, version: str | None) -> Card:
    """The card of a version; without a name that of the recommended one.

    Raises
    ------
    TrainingError : when it is not there or not valid.
    """
    version = version or Registry.load(models).recommended
    if version is None:
        raise TrainingError(f"{models}: no version there; export one, or name another --models.")
    return open_version(models, version)


def load_predictor(card: Card, engine: str = "litert") -> Predictor:
    """The loaded model of a version.

    Raises
    ------
    TrainingError : when it cannot be loaded.
    """
    try:
        return Predictor(card, ENGINES[engine](card))
    except EngineError as error:
        raise TrainingError(str(error)) from error


def predict_file(
    path: Path, predictor: Predictor, judge: OwnJudge | None = None, listen: Listen = "whole"
) -> SongAnswer:
    """The answer for one file, in own genres, too, where there is a `judge` of them.

    Parameters
    ----------
    listen : to the whole song, or to its `listened_bounds`.

    Raises
    ------
    TrainingError : naming the file and why there is none.
    """
    samples = load_audio(path, predictor.card.spec.sample_rate)
    try:
        return predict_samples(samples, predictor, path, judge, listen)
    except (AudioError, FeatureError, TeachingError) as error:
        raise TrainingError(f"{path}: {error}") from error


def predict_samples(
    samples: npt.NDArray[np.float32],
    predictor: Predictor,
    path: Path,
    judge: OwnJudge | None = None,
    listen: Listen = "whole",
) -> SongAnswer:
    """The answer for a sound (n,) at the version's sample rate, called `path`; see `predict_file`.

    Raises
    ------
    AudioError, FeatureError, TeachingError : why there is none.
    """
    spec = predictor.card.spec
    request = build_request(samples, spec, listen=listen)
    # Through its JSON, as the site gets it: rounded.
    segments = read_request(request.body, spec)
    prediction = predictor.predict(np.array([segment.values for segment in segments]))
    times = [(segment.start, segment.end) for segment in segments]
    own = judge.answer(prediction) if judge else None
    facts = request.repeated, request.skipped, request.narrow
    listened: Listen | None = None
    if listen == "excerpts":
        bounds = listened_bounds(len(samples), spec)
        listened = "whole" if bounds == excerpt_bounds(len(samples), spec) else "excerpts"
    seconds = len(samples) / spec.sample_rate
    return SongAnswer(path, prediction, times, *facts, own, listened, seconds)


def answer_text(answer: SongAnswer, segments: bool = False) -> str:
    """An answer for the terminal: one line, notes, and a table of all segments if asked for.

    The answer in own genres comes first; the line of the model's follows.
    """
    found = answer.prediction
    best = found.aggregate.argsort()[::-1][:MOST_GENRES]
    shares = ", ".join(f"{found.genres[i]} {found.aggregate[i]:.1%}" for i in best)
    doubt = found.unfamiliar is not None and found.unfamiliar["flag"]
    leads = f"{answer.path}: "
    if answer.own:
        leads += f"{answer.own.text()}\n  of the model's genres: "
    lines = [
        f"{leads}{'not sure, closest to ' if doubt else ''}{shares}; "
        f"{found.votes[found.winner]} of {len(found.winners)} segments say {found.winner}"
    ]
    if found.unfamiliar is not None and doubt:
        score, threshold = found.unfamiliar["score"], found.unfamiliar["threshold"]
        lines.append(
            f"  unlike the music that the model was trained on: score {score:.4g}, doubt begins "
            f"above {threshold:.4g}"
        )
    if answer.listened == "excerpts":
        lines.append(f"  of three half minutes of {answer.seconds:.0f} s")
    if answer.repeated:
        lines.append("  shorter than one segment and repeated to fill it: a weak answer")
    if answer.narrow:
        lines.append("  half of the sound is missing: nothing above 4 kHz, as on the telephone")
    if segments:
        if answer.skipped:
            lines.append(f"  the first {answer.skipped:g} s are left out, as intros mislead")
        rows = [
            [f"  {winner}", f"{row.max():.1%}", f"{start:.1f}", f"{end:.1f}"]
            for (start, end), winner, row in zip(
                answer.times, found.winners, found.probabilities, strict=True
            )
        ]
        lines.append(table(["  segment is", "sure", "from (s)", "to (s)"], rows))
    return "\n".join(lines)
