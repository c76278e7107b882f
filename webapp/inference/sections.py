"""What a card says, section by section, for the page, the report and the terminal alike.

This is the one place that knows which keys of a card belong together and in which order people read
them. It holds no words: those stand in `templates/_words.html`, under the same keys.

Little of a card is checked when it is loaded, and older cards lack some parts. A part that is
missing or makes no sense is left out here, so that nobody else has to look.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from . import curves
from .card import Elsewhere, Finite, Interval, Report, Share, Sound, Unfamiliar, part

# Values by key, as the card holds them: numbers, texts, lists, and facts inside facts. Nothing is
# empty, and a share with its interval is an `Interval`.
Facts = dict[str, Any]

Count = Annotated[int, msgspec.Meta(ge=0)]

# Of the wrong answers, how many kinds are told one by one.
MOST_MISTAKES = 6


@dataclasses.dataclass(frozen=True)
class Measured:
    """How good a version is on one set of tracks.

    Attributes
    ----------
    name : "test", "validation" or "cross_validation".
    segment : accuracy of single segments.
    roc_auc : mean area under the ROC curves.
    facts : all that the card tells beside `n_tracks`, `accuracy`, tables and curves.
    """

    name: str
    n_tracks: int
    accuracy: Interval
    segment: Interval | None
    macro_f1: float | None
    roc_auc: float | None
    calibration_error: float | None
    facts: Facts


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """How often a version is right: on the test tracks first, then on others.

    Attributes
    ----------
    elsewhere : on a collection that was not trained on, where the card tells; read before all
        others, and never beside another version's.
    """

    version: str
    elsewhere: Elsewhere | None
    reports: list[Measured]
    facts: Facts

    @property
    def test(self) -> Measured:
        """On the test tracks."""
        return self.reports[0]


@dataclasses.dataclass(frozen=True)
class Mistake:
    """`count` of the `total` test tracks of the genre `true` were called `called`."""

    true: str
    called: str
    count: int
    total: int


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Test tracks by genre (rows) and answer (columns), and the most frequent mistakes."""

    genres: list[str]
    matrix: list[list[Count]]
    mistakes: list[Mistake]


class Perfect(msgspec.Struct):
    """The calibration error that answers of the same certainty measure when they mean it."""

    mean: Share
    percentile_95: Share


class Collection(msgspec.Struct):
    """How good a version's recipe is on the held-out tracks of one of its collections."""

    name: str
    n_tracks: Count
    accuracy: Interval
    calibration_error: Share
    calibration_error_if_perfect: Perfect
    flagged_share: Share | None = None


class Genre(msgspec.Struct):
    """How well a genre is told from the others; `support` test tracks are of it."""

    precision: Share
    recall: Share
    f1: Share
    support: Count
    name: str = ""
    # under its ROC curve
    area: Share | None = None


@dataclasses.dataclass(frozen=True)
class Doubt:
    """How a version tells sounds unlike its training music.

    Attributes
    ----------
    threshold : score from which it is not sure.
    held_out, test : share of the held-out and of the test tracks that it is not sure of.
    """

    threshold: float
    held_out: float | None
    test: float | None
    sounds: list[Sound]
    facts: Facts


class Disturbed(msgspec.Struct):
    """How good a version is when the sound is disturbed.

    Attributes
    ----------
    accuracy, difference : share of tracks that are right, and what it has gained since they were
        clean.
    changed : share of tracks with another winner than when clean.
    """

    name: str
    accuracy: Share
    difference: Finite
    changed: Share


class TaughtGenre(msgspec.Struct):
    """How well a genre is told from `examples` songs by a network that never learned it.

    Attributes
    ----------
    balanced_accuracy : over all genres, this one among them.
    """

    recall: Share
    precision: Share
    balanced_accuracy: Share
    examples: Count
    name: str = ""


class Taught(msgspec.Struct):
    """How well genres are told from few examples, each by a network that never learned it."""

    examples: Count
    recall: Share
    precision: Share
    balanced_accuracy: Share
    by_genre: dict[str, TaughtGenre]

    @property
    def genres(self) -> list[TaughtGenre]:
        """With their names."""
        return [msgspec.structs.replace(each, name=name) for name, each in self.by_genre.items()]


class SharedArtists(msgspec.Struct):
    """Test tracks by artists of the training data, and the accuracy on all others."""

    n_tracks: int
    accuracy_without: Interval


@dataclasses.dataclass(frozen=True)
class Learned:
    """What a version learned from, and its limits.

    Attributes
    ----------
    n_genres, n_test : how many genres it knows, how many tracks it was tested on.
    fewest, most : test tracks of a genre; None where the card does not tell.
    doubts : whether it says that it is not sure.
    """

    facts: Facts
    note: str
    n_genres: int
    n_test: int
    fewest: int | None
    most: int | None
    shared_artists: SharedArtists | None
    doubts: bool


@dataclasses.dataclass(frozen=True)
class Measuring:
    """How a version was trained and measured: in sentences, then option by option."""

    method: str
    facts: Facts


@dataclasses.dataclass(frozen=True)
class Details:
    """The rest, for those who want all of it or want to make it again.

    Attributes
    ----------
    facts : by their key: architecture, calibration, latency, feature_spec and repeat.
    files : sha256 by name.
    commands : to type in order; one may have done all of it.
    """

    facts: dict[str, Facts]
    files: dict[str, str]
    commands: list[str]


@dataclasses.dataclass(frozen=True)
class Sections:
    """A field for each section, in the order in which they are read; empty or None: left out."""

    accuracy: Accuracy
    # held-out tracks of each, where there are several
    collections: list[Collection]
    confusion: Confusion | None
    per_genre: list[Genre]
    reliability: list[curves.Bin]
    unfamiliar: Doubt | None
    # on the test tracks, and in the cross-validation
    robustness: list[tuple[Disturbed, Disturbed | None]]
    taught: Taught | None
    training: Learned
    measuring: Measuring | None
    roc: list[curves.Roc]
    history: list[curves.Learning]
    licence: str
    details: Details

    def items(self) -> Iterator[tuple[str, Any]]:
        """Keys of sections and what they hold; those that hold nothing are left out."""
        for field in dataclasses.fields(self):
            if content := getattr(self, field.name):
                yield field.name, content


@dataclasses.dataclass(frozen=True)
class Compared:
    """What versions are compared by; `milliseconds` are those of a song of three minutes."""

    test: Measured
    n_parameters: int | None
    milliseconds: float | None


def sections(card: Mapping[str, Any]) -> Sections:
    """All that a card (its JSON) says."""
    test = card["metrics"]["test"]
    per_genre = _per_genre(test["track"])
    doubt = _doubt(card)
    return Sections(
        accuracy=_accuracy(card["version"], card["metrics"]),
        collections=_collections(card["metrics"]),
        confusion=_confusion(test["track"].get("confusion_matrix"), card["genres"]),
        per_genre=per_genre,
        reliability=curves.reliability(card),
        unfamiliar=doubt,
        robustness=_robustness(card["metrics"]),
        taught=part((part(card.get("embedding"), dict[str, Any]) or {}).get("taught"), Taught),
        training=_learned(card, per_genre, doubts=doubt is not None),
        measuring=_measuring(card["training"]),
        roc=curves.roc(card),
        history=curves.history(card),
        licence=card["licence"],
        details=_details(card),
    )


def compared(card: Mapping[str, Any]) -> Compared:
    """What a card (its JSON) is compared by."""
    return Compared(
        _measured("test", card["metrics"]["test"]),
        part(card["architecture"].get("n_parameters"), int),
        part(card["latency"].get("milliseconds"), float),
    )


def facts(values: Any) -> Facts:
    """The values of a part of a card, without those that are empty; none for anything else."""
    found = _whole(values)
    return found if isinstance(found, dict) else {}


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.keys() >= {"value", "low", "high"} and (interval := part(value, Interval)):
            return interval
        inner = {key: _whole(each) for key, each in value.items()}
        return {
            key: each for key, each in inner.items() if each is not None and each not in ({}, [])
        }
    return value


def _without(values: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _measured(name: str, report: Mapping[str, Any]) -> Measured:
    """`report` is a valid `Report`."""
    track = report["track"]
    segment = part(report.get("segment"), dict[str, Any]) or {}
    areas = part(track.get("roc_auc"), dict[str, Any]) or {}
    drawn = ("per_genre", "confusion_matrix", "roc_auc", "roc", "reliability")
    return Measured(
        name=name,
        n_tracks=report["n_tracks"],
        accuracy=msgspec.convert(track["accuracy"], Interval),
        segment=part(segment.get("accuracy"), Interval),
        macro_f1=part(track.get("macro_f1"), float),
        roc_auc=part(areas.get(curves.MEAN), float),
        calibration_error=part(track.get("calibration_error"), float),
        facts=facts(
            {
                "segment_accuracy": segment.get("accuracy"),
                **_without(track, "accuracy", *drawn),
                "mean_roc_auc": areas.get(curves.MEAN),
                **_without(report, "n_tracks", "track", "segment", "disturbances", "collections"),
            }
        ),
    )


def _accuracy(version: str, metrics: Mapping[str, Any]) -> Accuracy:
    reports = {name: report for name, report in metrics.items() if part(report, Report)}
    return Accuracy(
        version,
        part(metrics.get("elsewhere"), Elsewhere),
        [
            _measured(name, reports[name])
            for name in sorted(reports, key=lambda name: name != "test")
        ],
        facts(_without(metrics, *reports, "elsewhere")),
    )


def _collections(metrics: Mapping[str, Any]) -> list[Collection]:
    report = part(metrics.get("cross_validation"), dict[str, Any]) or {}
    return part(report.get("collections"), list[Collection]) or []


def _confusion(matrix: Any, genres: Sequence[str]) -> Confusion | None:
    counts = part(matrix, list[list[Count]])
    if counts is None or {len(counts), *map(len, counts)} != {len(genres)}:
        return None
    mistakes = [
        Mistake(genres[row], genres[column], count, sum(counts[row]))
        for row in range(len(genres))
        for column, count in enumerate(counts[row])
        if count and row != column
    ]
    return Confusion(
        list(genres), counts, sorted(mistakes, key=lambda each: -each.count)[:MOST_MISTAKES]
    )


def _per_genre(track: Mapping[str, Any]) -> list[Genre]:
    areas = part(track.get("roc_auc"), dict[str, Share | None]) or {}
    return [
        msgspec.structs.replace(genre, name=name, area=areas.get(name))
        for name, genre in (part(track.get("per_genre"), dict[str, Genre]) or {}).items()
    ]


def _doubt(card: Mapping[str, Any]) -> Doubt | None:
    told = part(card["unfamiliar"], Unfamiliar)
    if told is None:
        return None
    test = part(card["metrics"]["test"].get("flagged_share"), float)
    rest = _without(card["unfamiliar"], "threshold", "flagged_share", "sounds")
    return Doubt(told.threshold, told.flagged_share, test, told.sounds, facts(rest))


def _robustness(metrics: Mapping[str, Any]) -> list[tuple[Disturbed, Disturbed | None]]:
    def rows(name: str) -> list[Disturbed]:
        report = part(metrics.get(name), dict[str, Any]) or {}
        return part(report.get("disturbances"), list[Disturbed]) or []

    studied = {row.name: row for row in rows("cross_validation")}
    return [(row, studied.get(row.name)) for row in rows("test")]


def _learned(card: Mapping[str, Any], per_genre: Sequence[Genre], doubts: bool) -> Learned:
    training, test = card["training"], card["metrics"]["test"]
    supports = [genre.support for genre in per_genre]
    keys = ("data", "n_tracks", "n_validation_tracks")
    return Learned(
        # a version that was trained on the validation tracks too has none
        facts=facts({key: training.get(key) or None for key in keys}),
        note=_text(training.get("note")),
        n_genres=len(card["genres"]),
        n_test=test["n_tracks"],
        fewest=min(supports, default=None),
        most=max(supports, default=None),
        shared_artists=part(test.get("shared_artists"), SharedArtists),
        doubts=doubts,
    )


# Keys of `training` that other sections than "measuring" and "repeat" tell.
_LEARNED = ("data", "n_tracks", "n_validation_tracks", "note")
_COMMANDS = ("cross_validation_command", "command", "export_command")


def _measuring(training: Mapping[str, Any]) -> Measuring | None:
    options = {key: value for key, value in training.items() if isinstance(value, Mapping)}
    told = Measuring(_text(training.get("method")), facts(_without(options, "libraries", "heard")))
    return told if told.method or told.facts else None


def _details(card: Mapping[str, Any]) -> Details:
    training, architecture = card["training"], card["architecture"]
    options = part(architecture.get("options"), dict[str, Any]) or {}
    plain = {key: value for key, value in training.items() if not isinstance(value, Mapping)}
    shown = {
        "architecture": {**_without(architecture, "options"), **options},
        "calibration": card["calibration"],
        "embedding": _without(part(card.get("embedding"), dict[str, Any]) or {}, "taught"),
        "latency": card["latency"],
        "feature_spec": _parameters(card["feature_spec"]),
        "repeat": {
            **_without(plain, *_LEARNED, "method", *_COMMANDS),
            "libraries": training.get("libraries"),
        },
    }
    commands = (_text(training.get(key)) for key in _COMMANDS)
    return Details(
        {key: found for key, values in shown.items() if (found := facts(values))},
        card["files"],
        list(dict.fromkeys(filter(None, commands))),
    )


def _parameters(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of a feature spec that matter for its kind."""
    statistics = spec.get("kind") == "statistics"
    uses_mfcc = (
        "mfcc" in (spec.get("statistics") or ()) if statistics else spec.get("kind") == "mfcc"
    )
    shown = dict(spec) if uses_mfcc else _without(spec, "n_mfcc")
    if statistics:
        shown["numbers_per_piece"] = shown.pop("n_coefficients", None)
    return shown
