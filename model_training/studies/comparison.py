"""Versions side by side, and whether one is really better: McNemar's test on the same tracks."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from webapp.inference import Card, Predictor
from webapp.inference.card import CardError
from webapp.inference.sections import compared, sections

from ..errors import TrainingError
from ..paths import TEST_TABLE
from ..reporting.words import interval, words
from ..stores.store import Store
from ..stores.tracks import Tracks, cut, features_at
from .prediction import load_predictor

# Columns of the table, under the names that `templates/_words.html` has for them.
COLUMNS = (
    "track",
    "segment",
    "macro_f1",
    "calibration_error",
    "n_parameters",
    "megabytes",
    "milliseconds",
)


@dataclasses.dataclass(frozen=True)
class Answers:
    """Answers of a version for test tracks.

    Attributes
    ----------
    genres : in the order of the card.
    tracks : names.
    truth, winners : genre and answer of each track.
    probabilities : float64 (n_tracks, n_genres), calibrated soft vote.
    """

    genres: tuple[str, ...]
    tracks: list[str]
    truth: list[str]
    winners: list[str]
    probabilities: npt.NDArray[np.float64]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each track (n_tracks,) got its genre."""
        return np.array(self.truth) == np.array(self.winners)


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two versions on the same tracks.

    Attributes
    ----------
    b, c : tracks that only the first, only the second got right.
    p : of McNemar's exact test, or None when `refused` says why there is none.
    adjusted : p after Holm's correction for the number of pairs.
    """

    first: str
    second: str
    b: int = 0
    c: int = 0
    p: float | None = None
    adjusted: float | None = None
    refused: str = ""


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> tuple[int, int, float]:
    """Tracks that only one of two versions got right (b, c), and how likely so uneven a split is.

    McNemar, "Note on the sampling error of the difference between correlated proportions", 1947,
    in its exact form: b of b + c is binomial with 1/2 when both are equally good. Two-sided.
    """
    b, c = int((first & ~second).sum()), int((second & ~first).sum())
    return b, c, float(binomtest(b, b + c, 0.5).pvalue) if b + c else 1.0


def holm(p: Sequence[float]) -> list[float]:
    """Correct p values for being many (Holm, "A simple sequentially rejective test", 1979)."""
    adjusted = [0.0] * len(p)
    largest = 0.0
    for done, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - done) * p[index]))
        adjusted[index] = largest
    return adjusted


def kept_answers(card: Card) -> Answers:
    """The answers kept beside a version.

    Raises
    ------
    TrainingError : for a version that keeps none, and for a file that is damaged.
    """
    if TEST_TABLE not in card.files:
        raise TrainingError(
            f"{card.version} keeps no {TEST_TABLE} with its answers; give the store of its test "
            "tracks with --data"
        )
    path = card.folder / TEST_TABLE
    try:
        header, *rows = csv.reader(io.StringIO(card.read(TEST_TABLE).decode("utf-8")))
        if header != ["track", "genre", "winner", *card.genres]:
            raise TrainingError(f"{path}: its columns are not the card's genres.")
        tracks, truth, winners = ([row[column] for row in rows] for column in range(3))
        probabilities = np.array([[float(cell) for cell in row[3:]] for row in rows])
        probabilities = probabilities.reshape(len(rows), len(card.genres))
    except (CardError, IndexError, ValueError) as error:
        raise TrainingError(
            f"{path}: not a list of answers ({error}); export the version anew."
        ) from error
    return Answers(card.genres, tracks, truth, winners, probabilities)


def load_tracks(card: Card, store: Store, names: list[str]) -> Tracks:
    """Tracks of a feature store, as a version wants them; labels are those of its genres.

    Raises
    ------
    TrainingError : when the store does not fit the version, or a track's genre is none of its own.
    """
    if unknown := sorted({store.genre_of[name] for name in names} - set(card.genres)):
        raise TrainingError(
            f"{card.version} does not know the genre {unknown[0]!r} of the store ({store.name}); "
            f"it knows {', '.join(card.genres)}."
        )
    return store.load(card.spec, names).relabelled(card.genres)


def soft_votes(predictor: Predictor, tracks: Tracks) -> npt.NDArray[np.float64]:
    """A version's answers (n_tracks, n_genres), in the order of its card's genres."""
    spec = predictor.card.spec
    first, track = cut(tracks, spec)
    return np.array(
        [
            predictor.predict(features_at(tracks, first[track == row], spec)).aggregate
            for row in range(len(tracks))
        ]
    )


def compute_answers(card: Card, store: Store, names: list[str] | None = None) -> Answers:
    """Ask a version about test tracks of a feature store: all, or those named.

    Raises
    ------
    TrainingError : when the store does not fit the version, or the model cannot be run.
    """
    tracks = load_tracks(card, store, store.split("test") if names is None else names)
    votes = soft_votes(load_predictor(card), tracks)
    return Answers(
        card.genres,
        tracks.names,
        [tracks.genres[label] for label in tracks.labels],
        [card.genres[winner] for winner in votes.argmax(axis=1)],
        votes,
    )


def answers_of(card: Card, store: Store | None) -> Answers:
    """The kept answers of a version, or new ones from a store.

    Raises
    ------
    TrainingError : when there is neither, or when the card was measured on other test tracks.
    """
    if store is None or TEST_TABLE in card.files:
        return kept_answers(card)
    answers = compute_answers(card, store)
    test = card.metrics["test"]
    told = test["n_tracks"], test["track"]["accuracy"]["value"]
    found = len(answers.tracks), float(answers.right.mean())
    # Rounding, and one track on the edge.
    if told[0] != found[0] or abs(told[1] - found[1]) > 1.5 / found[0]:
        raise TrainingError(
            f"{card.version} gets {found[1]:.1%} of the {found[0]} test tracks of the store "
            f"({store.name}) right, but its card says {told[1]:.1%} of {told[0]}; "
            "that is another test set"
        )
    return answers


def _refusal(first: Answers, second: Answers) -> str:
    """Why two versions cannot be paired; empty when they can."""
    # A version may know further genres: what it calls so is wrong.
    for genres, other in ((first.genres, second.truth), (second.genres, first.truth)):
        if unknown := sorted(set(other) - set(genres)):
            return f"one of them does not know the genre {unknown[0]} of the other's test"
    if set(first.tracks) != set(second.tracks):
        common = len(set(first.tracks) & set(second.tracks))
        return (
            f"they were tested on different tracks ({len(first.tracks)} and "
            f"{len(second.tracks)}, {common} of them in both)"
        )
    truth = dict(zip(second.tracks, second.truth, strict=True))
    for track, genre in zip(first.tracks, first.truth, strict=True):
        if truth[track] != genre:
            return f"{track} is {genre} for one and {truth[track]} for the other"
    return ""


def pair_up(cards: Sequence[Card], store: Store | None) -> list[Pair]:
    """McNemar's test between every two versions, or why there is none."""
    answers: dict[str, Answers] = {}
    missing: dict[str, str] = {}
    for card in cards:
        try:
            answers[card.version] = answers_of(card, store)
        except TrainingError as error:
            missing[card.version] = str(error).rstrip(".")
    pairs = []
    for first, second in itertools.combinations([card.version for card in cards], 2):
        lacking = [missing[version] for version in (first, second) if version in missing]
        if why := "; ".join(lacking) or _refusal(answers[first], answers[second]):
            pairs.append(Pair(first, second, refused=why))
            continue
        one, other = answers[first], answers[second]
        place = {track: row for row, track in enumerate(other.tracks)}
        order = [place[track] for track in one.tracks]
        pairs.append(Pair(first, second, *mcnemar(one.right, other.right[order])))
    adjusted = iter(holm([pair.p for pair in pairs if pair.p is not None]))
    return [
        pair if pair.p is None else dataclasses.replace(pair, adjusted=next(adjusted))
        for pair in pairs
    ]


def table_headers() -> list[str]:
    """The head of the table of versions."""
    return ["version", *(words().short[column] for column in COLUMNS)]


def table_row(card: Card) -> list[str]:
    """A version's line under `table_headers`; a dash where its card is silent."""
    told = compared(card.to_json())
    return [
        card.version,
        interval(told.test.accuracy),
        interval(told.test.segment) if told.test.segment else "-",
        _number(told.test.macro_f1, ".3f"),
        _number(told.test.calibration_error, ".3f"),
        _number(told.n_parameters, ","),
        f"{(card.folder / 'model.tflite').stat().st_size / 1e6:.1f}",
        _number(told.milliseconds, ".1f"),
    ]


def f1_by_genre(cards: Sequence[Card]) -> dict[str, list[float]]:
    """F1 of every version by genre; empty when their genres differ or one card lacks it."""
    found = [
        {genre.name: genre.f1 for genre in sections(card.to_json()).per_genre} for card in cards
    ]
    if not found[0] or any(set(other) != set(found[0]) for other in found):
        return {}
    return {genre: [f1[genre] for f1 in found] for genre in found[0]}


def p_value(p: float | None) -> str:
    """A p value as people write it."""
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def comparison_html(cards: Sequence[Card], pairs: Sequence[Pair]) -> str:
    """The comparison as one self-contained page, plots side by side."""
    from markupsafe import Markup

    from ..reporting import plots
    from ..reporting.report import figures, pages

    told = {card.version: sections(card.to_json()) for card in cards}
    accuracies = plots.accuracies({version: found.accuracy.test for version, found in told.items()})
    template = pages().get_template("comparison.html.jinja")
    return template.render(
        cards=[card.to_json() for card in cards],
        headers=table_headers(),
        rows=[table_row(card) for card in cards],
        accuracies=Markup(accuracies),
        f1=f1_by_genre(cards),
        pairs=[
            {**dataclasses.asdict(pair), "p": p_value(pair.p), "adjusted": p_value(pair.adjusted)}
            for pair in pairs
        ],
        figures={version: figures(found) for version, found in told.items()},
    )
