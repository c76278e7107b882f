"""Splits of a data set: by track and by group, stratified by genre, never by segment.

A *group* is an artist, an album or a recording; all its tracks stay in one part. Replicas (nearly
identical tracks) join the groups they lie in. A *part* is train, validation or test.
"""

from __future__ import annotations

import collections
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..datasets import PARTS, Clip
from ..errors import TrainingError
from ..files import replacing_folder, write_json, write_text

# All tracks for training, in a store that is read beside others which hold the test.
TRAIN_ONLY = "none"
BY = ("group", "track", TRAIN_ONLY)
FOLDER = "splits"
ABOUT = "split.json"
# Groups with several genres can make the first try leave a genre out.
TRIES = 100

SEGMENT_REFUSAL = (
    "A split by segment is refused: pieces of one recording would lie on both sides, and the "
    "numbers would come out 8 to 15 points higher than what new music gets. Split by group (an "
    "artist or album stays whole) or, where artists are unknown, by track."
)


def merge_groups(
    groups: Mapping[str, str], replicas: Iterable[tuple[str, str]] = ()
) -> dict[str, str]:
    """Join the groups of tracks that are the same recording.

    Parameters
    ----------
    groups : group of every track.
    replicas : pairs of tracks; those with an unknown track are left aside.

    Returns
    -------
    Group of every track; joined groups carry the first of their names.
    """
    parent = {group: group for group in groups.values()}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    for first, second in replicas:
        if first in groups and second in groups:
            low, high = sorted((root(groups[first]), root(groups[second])))
            parent[high] = low
    return {track: root(group) for track, group in groups.items()}


def _check_share(name: str, share: float) -> None:
    if not 0 < share < 1:
        raise TrainingError(f"--{name} {share:g}: must be a share between 0 and 1, such as 0.2.")


def _check_genres(labels: Sequence[str], groups: Sequence[str]) -> None:
    """Refuse what no split can serve; the message names the genre."""
    tracks = collections.Counter(labels)
    if len(tracks) < 2:
        found = f"only {next(iter(tracks))!r}" if tracks else "none"
        raise TrainingError(f"A split needs at least two genres, and there is {found}.")
    groups_of: dict[str, set[str]] = collections.defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        groups_of[label].add(group)
    for genre in sorted(tracks):
        if tracks[genre] < len(PARTS):
            raise TrainingError(
                f"The genre {genre!r} has {_count(tracks[genre], 'track')}, but each of train, "
                "validation and test needs at least one: add recordings or leave the genre out."
            )
        if len(groups_of[genre]) < len(PARTS):
            raise TrainingError(
                f"The genre {genre!r} has {_count(len(groups_of[genre]), 'group')} "
                f"({', '.join(sorted(groups_of[genre]))}), but a group stays whole and each of "
                "train, validation and test needs one: add recordings of other artists or albums, "
                "or split --by track and say so beside the result."
            )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _assign(
    order: Sequence[str],
    contents: Mapping[str, Mapping[str, int]],
    shares: Mapping[str, float],
    sizes: Mapping[str, int],
) -> dict[str, str]:
    """Part of every group: one after the other to the part that misses its genres most.

    A genre with as many groups left as parts without it goes to one of those parts.
    """
    have: dict[str, collections.Counter[str]] = {part: collections.Counter() for part in shares}
    left = collections.Counter(genre for group in order for genre in contents[group])
    chosen = {}
    for group in order:
        candidates = list(shares)
        for genre in contents[group]:
            lacking = [part for part in candidates if not have[part][genre]]
            if lacking and left[genre] <= sum(not have[part][genre] for part in shares):
                candidates = lacking

        def need(part: str, content: Mapping[str, int] = contents[group]) -> float:
            return sum(
                count * (shares[part] * sizes[genre] - have[part][genre]) / sizes[genre] ** 2
                for genre, count in content.items()
            )

        part = max(candidates, key=need)
        have[part].update(contents[group])
        left.subtract(contents[group].keys())
        chosen[group] = part
    return chosen


def split_tracks(
    names: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[str],
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 1,
) -> dict[str, list[str]]:
    """Deal tracks out to train, validation and test: stratified by genre, groups whole.

    Parameters
    ----------
    names, labels, groups : (n,) track, genre and group (after `merge_groups`) of each.
    validation, test : wanted shares of every genre; large groups move them.
    seed : decides among equals.

    Returns
    -------
    Tracks of each part, in the order of `names`.

    Raises
    ------
    TrainingError : when a share is no share, or a genre cannot be in every part.
    """
    _check_share("validation", validation)
    _check_share("test", test)
    if validation + test >= 1:
        raise TrainingError(
            f"--validation {validation:g} and --test {test:g} leave nothing to train on."
        )
    _check_genres(labels, groups)
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    sizes = collections.Counter(labels)
    contents: dict[str, collections.Counter[str]] = {}
    for label, group in zip(labels, groups, strict=True):
        contents.setdefault(group, collections.Counter())[label] += 1
    rng = np.random.default_rng(seed)
    genres_of = dict(zip(names, labels, strict=True))
    group_of = dict(zip(names, groups, strict=True))
    refusal = None
    for trial in range(TRIES):
        order = [sorted(contents)[i] for i in rng.permutation(len(contents))]
        if trial == 0:
            # Large groups first: small ones then even out the shares.
            order.sort(key=lambda group: -contents[group].total())
        part_of = _assign(order, contents, shares, sizes)
        splits = {
            part: [name for name in names if part_of[group_of[name]] == part] for part in shares
        }
        try:
            check_split(splits, genres_of, group_of)
        except TrainingError as error:
            refusal = refusal or error
        else:
            return splits
    assert refusal is not None
    raise refusal


def why_no_split(clips: Sequence[Clip], replicas: Iterable[tuple[str, str]]) -> str | None:
    """Why `split` would refuse a store of these clips, with its own shares; None when it would not.

    Parameters
    ----------
    clips : with groups, and where the data set has one, the split that is taken as it is.
    replicas : pairs of tracks that are the same recording.
    """
    if any(clip.split for clip in clips):
        return None
    genre_of = {clip.track: clip.genre for clip in clips}
    groups = merge_groups({clip.track: clip.group for clip in clips}, replicas)
    names = sorted(genre_of)
    try:
        split_tracks(names, [genre_of[name] for name in names], [groups[name] for name in names])
    except TrainingError as error:
        return str(error)
    return None


def check_split(
    splits: Mapping[str, Sequence[str]], genres_of: Mapping[str, str], groups: Mapping[str, str]
) -> None:
    """Refuse a split that tests on what it trained on, or leaves a genre out of a part.

    Parameters
    ----------
    splits : tracks of each part.
    genres_of, groups : genre and group (after `merge_groups`) of every track.

    Raises
    ------
    TrainingError : naming the track, the group or the genre, and what to do.
    """
    for part, tracks in splits.items():
        if unknown := [track for track in tracks if track not in genres_of]:
            raise TrainingError(f"{unknown[0]!r} of the {part} part is not in the data set.")
    check_apart(splits, groups)
    genres = {genres_of[track] for tracks in splits.values() for track in tracks}
    for part, tracks in splits.items():
        if missing := sorted(genres - {genres_of[track] for track in tracks}):
            raise TrainingError(
                f"The split leaves the genre {missing[0]!r} out of the {part} part, because groups "
                "stay whole: add recordings of other artists, choose other shares, or leave the "
                "genre out."
            )


def check_apart(splits: Mapping[str, Sequence[str]], groups: Mapping[str, str]) -> None:
    """Refuse a split in which a track or a group is in two parts.

    Parameters
    ----------
    splits : tracks of each part.
    groups : group (after `merge_groups`) of every track.

    Raises
    ------
    TrainingError : naming the track or the group, and what to do.
    """
    part_of: dict[str, str] = {}
    part_of_group: dict[str, tuple[str, str]] = {}
    for part, tracks in splits.items():
        for track in tracks:
            if track not in groups:
                raise TrainingError(f"{track!r} of the {part} part is not in the data set.")
            if track in part_of:
                where = "twice in" if part_of[track] == part else f"in {part_of[track]} and in"
                raise TrainingError(f"The track {track!r} is {where} {part}; give it one part.")
            part_of[track] = part
            other, beside = part_of_group.setdefault(groups[track], (part, track))
            if other != part:
                raise TrainingError(
                    f"The group {groups[track]!r} is on two sides: {beside!r} is in {other}, "
                    f"{track!r} in {part}; keep a group on one side."
                )


def group_folds(
    labels: Sequence[Any] | npt.NDArray[Any], groups: Sequence[str], k: int, seed: int
) -> list[npt.NDArray[np.int64]]:
    """Rows of the test part of each of k folds: stratified by genre, groups whole.

    Parameters
    ----------
    labels, groups : (n,) genre (name or number) and group (after `merge_groups`) of every track.
    k : number of folds.

    Raises
    ------
    TrainingError : when k is no number of folds, or a genre has fewer groups than folds.
    """
    if k < 2:
        raise TrainingError(f"{k} folds: cross-validation needs at least 2.")
    labels = np.asarray(labels)
    groups_of = {
        genre: {groups[row] for row in np.flatnonzero(labels == genre).tolist()}
        for genre in np.unique(labels).tolist()
    }
    fewest = min(groups_of, key=lambda genre: len(groups_of[genre]))
    if len(groups_of[fewest]) < k:
        raise TrainingError(
            f"The genre {fewest!r} has {_count(len(groups_of[fewest]), 'group')}, too few for {k} "
            "folds in which a group stays whole: take fewer folds or add recordings of other "
            "artists."
        )
    # Processes that extract features import this module too, and need no scikit-learn.
    from sklearn.model_selection import StratifiedGroupKFold

    folds = StratifiedGroupKFold(n_splits=k, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Fewer tracks of a genre than folds was refused above.
        warnings.filterwarnings("ignore", message="The least populated class")
        rows = [
            test.astype(np.int64)
            for _, test in folds.split(np.zeros(len(labels)), labels, np.asarray(groups))
        ]
    for test in rows:
        trained = set(np.delete(labels, test).tolist())
        check_fold(
            groups_of.keys() - trained,
            "another seed or fewer folds, or add recordings of other artists",
        )
    return rows


def check_fold(missing: Iterable[Any], advice: str) -> None:
    """Refuse a fold that would train without some genres.

    Parameters
    ----------
    missing : names of these genres.
    advice : what to take instead.

    Raises
    ------
    TrainingError : when there is one, with the advice.
    """
    if genres := sorted(missing):
        raise TrainingError(f"A fold would train without the genre {genres[0]!r}: take {advice}.")


def write_splits(
    store: Path, splits: Mapping[str, Sequence[str]], about: Mapping[str, Any], overwrite: bool
) -> None:
    """Write `splits/<part>.txt`, one track a line, and how they were made (`split.json`).

    Raises
    ------
    TrainingError : when there are splits already, unless `overwrite`, or they cannot be written.
    """
    target = store / FOLDER
    if target.exists() and not overwrite:
        raise TrainingError(
            f"{target}: there already; results that used it would no longer be comparable. Add "
            "--overwrite to replace it."
        )
    with replacing_folder(target, overwrite=overwrite) as made:
        for part, tracks in splits.items():
            write_text(made / f"{part}.txt", "".join(f"{track}\n" for track in tracks))
        write_json(made / ABOUT, dict(about))
