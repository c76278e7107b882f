"""GTZAN as a feature store of log-mel columns, with the fault-filtered split.

The folder holds

- `logmel30s.npz`: `level` uint8 (n_tracks, 128, n_columns), `track` and `genre` (n_tracks,),
  `range_db` float32 (n_tracks,): dB below the clip's maximum is
  `-range_db * (1 - (level + 0.5) / 256)`. It is librosa's 128-band Slaney log-mel at 22,050 Hz,
  n_fft 2048, hop 512, `top_db` 80, at every 3.34th frame: one column every 77.6 ms.
- `splits/{train,valid,test}_filtered.txt`: one `genre/track.wav` per line (Kereliuk, Sturm and
  Larsen, "Deep learning and music adversaries", 2015).
- `artists.csv` (`track,artist,...`) and `replicas.json` (`[track, track, correlation]`).

GTZAN (Tzanetakis and Cook, "Musical genre classification of audio signals", 2002) has 10 genres of
100 clips of 30 s. Its clips carry no permission of their owners: research use.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features import FeatureSpec
from features.mel import mel_edges

from ..errors import TrainingError

NAME = "GTZAN, fault-filtered split"
LICENCE = "GTZAN's clips carry no permission of their owners; data and models are for research use."
STORED_BANDS = 128
# One stored column every 77.6 ms, to the sample.
STORED_SPEC = {"sample_rate": 22050, "n_fft": 2048, "hop_length": 1711, "fmin": 0.0, "top_db": 80.0}
SPLITS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt"}
TEST_SPLIT = "test_filtered.txt"


@dataclasses.dataclass(frozen=True)
class Tracks:
    """Tracks of one split.

    Attributes
    ----------
    names : (n,) such as `blues.00000`.
    labels : int64 (n,), index into `genres`.
    log_mel : float32 (n, n_columns, n_mels), dB below the clip's maximum.
    genres : sorted names.
    """

    names: list[str]
    labels: npt.NDArray[np.int64]
    log_mel: npt.NDArray[np.float32]
    genres: tuple[str, ...]


def check_spec(spec: FeatureSpec) -> None:
    """Refuse a spec whose log-mel the store does not hold.

    Raises
    ------
    TrainingError : naming the parameter that differs.
    """
    for name, stored in STORED_SPEC.items():
        if getattr(spec, name) != stored:
            raise TrainingError(
                f"feature_spec: {name} = {getattr(spec, name)} but the store holds {stored}."
            )
    edges = mel_edges(STORED_BANDS, 0.0, 11025.0)
    if spec.n_mels > STORED_BANDS or not np.isclose(spec.fmax, edges[spec.n_mels + 1]):
        raise TrainingError(
            "feature_spec: n_mels and fmax must be the first bands of the stored 128: for "
            f"n_mels = {min(spec.n_mels, STORED_BANDS)} take "
            f"fmax = {edges[min(spec.n_mels, STORED_BANDS) + 1]!r}."
        )


def read_split(folder: Path, file_name: str) -> list[str]:
    """Track names of one split file, in its order."""
    try:
        lines = (folder / "splits" / file_name).read_text(encoding="utf-8").split()
    except OSError as error:
        raise TrainingError(
            f"{folder}: no splits/{file_name}; point --data at the feature store of GTZAN."
        ) from error
    return [line.split("/")[-1].removesuffix(".wav") for line in lines]


def read_artists(folder: Path) -> dict[str, str]:
    """Artist by track name, for the tracks where it is known."""
    with (folder / "artists.csv").open(encoding="utf-8", newline="") as file:
        return {row["track"]: row["artist"] for row in csv.DictReader(file) if row["artist"]}


def read_replicas(folder: Path) -> list[tuple[str, str]]:
    """Pairs of tracks that are (nearly) the same recording."""
    pairs = json.loads((folder / "replicas.json").read_text(encoding="utf-8"))
    return [(first, second) for first, second, *_ in pairs]


def load(folder: Path, spec: FeatureSpec, split_file: str) -> Tracks:
    """Load the tracks of one split file; tracks that the store lacks are left out.

    Raises
    ------
    TrainingError : when the store is missing, a split is empty, or the spec does not fit.
    """
    check_spec(spec)
    path = folder / "logmel30s.npz"
    if not path.is_file():
        raise TrainingError(f"{path}: not there; point --data at the feature store of GTZAN.")
    names = read_split(folder, split_file)
    with np.load(path) as store:
        row_of = {str(track): row for row, track in enumerate(store["track"])}
        rows = [row_of[name] for name in names if name in row_of]
        if not rows:
            raise TrainingError(f"{path}: holds none of the tracks of splits/{split_file}.")
        genre = store["genre"]
        genres = tuple(sorted({str(name) for name in genre}))
        level = store["level"][rows][:, : spec.n_mels].transpose(0, 2, 1)
        range_db = store["range_db"][rows][:, None, None]
    return Tracks(
        names=[name for name in names if name in row_of],
        labels=np.array([genres.index(str(genre[row])) for row in rows], dtype=np.int64),
        log_mel=(-range_db * (1 - (level + np.float32(0.5)) / np.float32(256))).astype(np.float32),
        genres=genres,
    )


def segments(tracks: Tracks, spec: FeatureSpec) -> npt.NDArray[np.float32]:
    """The segments that the site would cut: log-mel (n, n_segments, n_frames, n_mels)."""
    count = tracks.log_mel.shape[1] // spec.n_frames
    used = tracks.log_mel[:, : count * spec.n_frames]
    return used.reshape(len(used), count, spec.n_frames, -1)
