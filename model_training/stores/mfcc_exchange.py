"""Between feature stores and the MFCC JSON of the first MusiClassify (`datasets.mfcc_json`)."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from features import FeatureSpec

from ..datasets import Clip, check_clips
from ..datasets.folder import LICENCE
from ..datasets.mfcc_json import MfccPieces, read, write
from ..errors import TrainingError
from ..files import refuse_existing
from .extraction import Report
from .levels import to_levels
from .store import open_store
from .store_writer import About, Excerpts, StoredTrack, write_store
from .tracks import cut, features_at


def require_mfcc(spec: FeatureSpec) -> None:
    """Refuse a spec whose features are no MFCC.

    Raises
    ------
    TrainingError : naming the kind.
    """
    if spec.kind != "mfcc":
        raise TrainingError(
            f"feature_spec: MFCC JSON holds MFCC, not {spec.kind}; choose an experiment or version "
            'with kind = "mfcc".'
        )


def import_mfcc_json(
    path: Path, spec: FeatureSpec, segments_per_track: int | None, out: Path, command: str = ""
) -> Report:
    """Make a feature store of an MFCC JSON file.

    Every piece becomes an excerpt of the smooth log-mel that has its MFCC, in dB below the loudest
    value of its track, as the site hears an excerpt. The store is 8-bit and `top_db` deep, so MFCC
    come out of it again to within a few tenths, but for values that lay deeper.

    Parameters
    ----------
    segments_per_track : pieces that each song was cut in; the file does not say.

    Raises
    ------
    TrainingError : for a wrong file, a spec that it does not fill, or a store that exists.
    """
    refuse_existing(out)
    require_mfcc(spec)
    pieces = read(path, segments_per_track)
    _, n_frames, n_mfcc = pieces.mfcc.shape
    for name, there in (("n_frames", n_frames), ("n_mfcc", n_mfcc)):
        if getattr(spec, name) > there:
            raise TrainingError(
                f"feature_spec: {name} = {getattr(spec, name)}, but the pieces of {path} have "
                f"{there}; take an experiment with {there} or fewer."
            )
    rows = np.arange(len(pieces.tracks))
    runs = [list(run) for _, run in itertools.groupby(rows, key=lambda row: pieces.tracks[row])]
    piece_s = n_frames * spec.hop_length / spec.sample_rate
    clips = [
        Clip(track, path, pieces.genres[pieces.labels[run[0]]], track)
        for run in runs
        for track in [pieces.tracks[run[0]]]
    ]
    check_clips(clips, path)

    def excerpts(number: int) -> Excerpts:
        run = runs[number]
        chosen = MfccPieces(
            pieces.mfcc[run], pieces.labels[run], pieces.genres, [pieces.tracks[row] for row in run]
        )
        log_mel = chosen.to_log_mel(spec.n_mels)
        return Excerpts(
            values=to_levels(log_mel - log_mel.max(), spec.top_db).reshape(-1, spec.n_mels),
            start=np.arange(len(run)) * piece_s,
            columns=np.full(len(run), n_frames, dtype=np.int32),
            copy=np.zeros(len(run), dtype=np.int16),
        )

    write_store(
        out,
        About(spec=spec, name=path.stem, licence=LICENCE, citation="", command=command),
        [
            StoredTrack(clip.track, clip.genre, clip.group, "", len(run) * piece_s, path.name)
            for clip, run in zip(clips, runs, strict=True)
        ],
        excerpts,
    )
    return Report(
        n_tracks=len(runs), n_excerpts=len(rows), n_reused=0, skipped=[], replicas=[], splits={}
    )


def export_mfcc_json(store: Path, spec: FeatureSpec, path: Path) -> int:
    """Write the segments that the site would cut of a store's tracks; returns their number.

    Augmented copies are left out.

    Raises
    ------
    TrainingError : for a spec whose features are no MFCC or not in the store, or a file that
        cannot be written.
    """
    require_mfcc(spec)
    opened = open_store(store)
    tracks = opened.load(spec, sorted(opened.groups))
    first, track = cut(tracks, spec)
    pieces = MfccPieces(
        features_at(tracks, first, spec),
        tracks.labels[track].astype(np.int64),
        tracks.genres,
        [tracks.names[row] for row in track],
    )
    write(path, pieces)
    return len(first)
