"""Whether answers survive what happens to music: on stored log-mel, and on real sound.

`DISTURBANCES` change log-mel in dB, so that all tracks of a store can be asked in seconds;
`test_robustness.py` compares each with the same change made to samples.
`COPIES` are made of sound files by ffmpeg and go the whole way of the site.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from features import FeatureSpec
from features.mel import count_frames, mel_bank, mel_edges
from features.segments import FLAT_DB
from webapp.inference import Predictor

from ..errors import TrainingError
from ..sound.audio import FFMPEG_TIMEOUT_S, GET_FFMPEG, Sound, decode, ffmpeg
from ..sound.listing import sound_files
from ..stores import levels
from ..stores.store import Store
from ..stores.tracks import Floats, Tracks
from .comparison import load_tracks, soft_votes
from .prediction import SongAnswer, predict_file

Wide = npt.NDArray[np.float64]
# The log-mel (n_columns, n_mels) of one excerpt in dB to its disturbed log-mel, referenced to
# anything; the generator belongs to the excerpt.
Change = Callable[[Wide, FeatureSpec, Generator], Wide]
Disturbance = Callable[[Tracks, FeatureSpec], Tracks]

CLEAN = "clean"
SEED = 20
# Of a Butterworth filter; 120 dB per octave, as steep as what encoders and resamplers cut off.
LOW_PASS_ORDER = 20
# Squared correlation of a bin of white noise with the next ones under a Hann window, whose
# transform is 1/2 in its own bin and 1/4 in each neighbour: (2/3)^2 and (1/6)^2.
HANN_CORRELATION = {1: 4 / 9, 2: 1 / 36}


def _centres(spec: FeatureSpec) -> Wide:
    return mel_edges(spec.n_mels, spec.fmin, spec.fmax)[1:-1]


@functools.lru_cache(maxsize=4)
def _bin_weights(spec: FeatureSpec) -> Wide:
    """Weights of the FFT bins in the mel bands: (n_fft // 2 + 1, n_mels)."""
    bank = mel_bank(spec.sample_rate, spec.n_fft, spec.n_mels, spec.fmin, spec.fmax)
    return bank.apply(np.eye(spec.n_fft // 2 + 1, dtype=np.float32)).astype(np.float64)


def _equalised(log_mel: Wide, spec: FeatureSpec, gain_db: Wide) -> Wide:
    """Add `gain_db` (n_mels,) to all frames; values at the floor stay there.

    Their true level is unknown: in recordings it mostly lies farther below than any gain here
    reaches. So digital silence stays silent, too.
    """
    lowest_step = levels.step_db(spec.top_db) - spec.top_db
    return np.where(log_mel <= lowest_step, -np.inf, log_mel + gain_db)


def _low_pass(log_mel: Wide, spec: FeatureSpec, rng: Generator, *, cutoff_hz: float) -> Wide:
    """Butterworth low-pass: in each band its mean over a flat spectrum."""
    hz = np.arange(spec.n_fft // 2 + 1) * (spec.sample_rate / spec.n_fft)
    passed = 1 / (1 + (hz / cutoff_hz) ** (2 * LOW_PASS_ORDER))
    weights = _bin_weights(spec)
    tiny = np.finfo(np.float64).tiny
    share = (passed @ weights + tiny) / (weights.sum(axis=0) + tiny)
    return _equalised(log_mel, spec, 10 * np.log10(share))


def _tilt(log_mel: Wide, spec: FeatureSpec, rng: Generator, *, top_db: float) -> Wide:
    """A straight line over the mel bands: `-top_db` at the lowest, `top_db` at the highest."""
    return _equalised(log_mel, spec, np.linspace(-top_db, top_db, spec.n_mels))


def _level(log_mel: Wide, spec: FeatureSpec, rng: Generator) -> Wide:
    """Unchanged: log-mel is relative to the excerpt's maximum, so a level leaves it as it is.

    Only copies of the sound itself show its effects: parts fall below the floor of silence, and
    16-bit files round more coarsely.
    """
    return log_mel


def _noise(log_mel: Wide, spec: FeatureSpec, rng: Generator, *, snr_db: float) -> Wide:
    """White noise up to half the sample rate, `snr_db` below the excerpt's mean power.

    Slaney's bands have equal areas, so the same power per Hz is the same in every band; and the
    triangles sum to one, so a frame's power is the sum of bands times half their widths (what lies
    above fmax is left out). A band is a sum over few FFT bins: sound plus Gaussian noise has a
    noncentral chi-squared distribution, with twice as many degrees of freedom as the band has
    independent bins. Frames are drawn independently, as if they did not overlap. Sound below the
    first band, such as a constant offset, has no part in the mean power.
    """
    edges = mel_edges(spec.n_mels, spec.fmin, spec.fmax)
    power = 10 ** (log_mel / 10)
    mean_power = (power @ (edges[2:] - edges[:-2]) / 2).mean()
    density = mean_power / (spec.sample_rate / 2) / 10 ** (snr_db / 10)
    weights = _bin_weights(spec)
    correlated = weights.copy()
    for distance, correlation in HANN_CORRELATION.items():
        correlated[distance:] += correlation * weights[:-distance]
        correlated[:-distance] += correlation * weights[distance:]
    variance = np.maximum((weights * correlated).sum(axis=0), np.finfo(np.float64).tiny)
    freedom = 2 * np.maximum(weights.sum(axis=0) ** 2 / variance, 1)
    scale = density / freedom
    return 10 * np.log10(scale * rng.noncentral_chisquare(freedom, power / scale))


def _between(values: Wide, position: npt.NDArray[np.floating[Any]]) -> Wide:
    """Rows at fractional positions (n,), between the rows (m, width) on both sides."""
    low = np.minimum(position.astype(np.int64), max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    return values[low] + (position - low)[:, None] * (values[high] - values[low])


def _speed(log_mel: Wide, spec: FeatureSpec, rng: Generator, *, rate: float) -> Wide:
    """Played `rate` times as fast: a band takes its value from the frequency divided by `rate`.

    Bands that would come from above fmax repeat the last one. An excerpt is cut where the site
    would begin another; one that gets shorter than a segment is repeated to fill it, as there.
    """
    longest = max(count_frames(spec.excerpt_samples, spec.hop_length), len(log_mel))
    columns = min(int((len(log_mel) - 1) / rate) + 1, longest)
    centres = _centres(spec)
    bands = np.interp(centres / rate, centres, np.arange(spec.n_mels))
    changed = _between(_between(log_mel, np.arange(columns) * rate).T, bands).T
    if columns < spec.n_frames <= len(log_mel):
        changed = changed[np.arange(spec.n_frames) % columns]
    return changed


def _disturb(change: Change, tracks: Tracks, spec: FeatureSpec) -> Tracks:
    if spec.kind == "statistics":
        raise TrainingError(
            "Statistics hold no log-mel to disturb; give sound files to measure robustness on."
        )
    excerpts: list[Floats] = []
    for excerpt, track in enumerate(tracks.excerpt_track):
        first = tracks.excerpt_first[excerpt]
        log_mel = tracks.values[first : first + tracks.excerpt_columns[excerpt]]
        if log_mel.std(dtype=np.float64) >= FLAT_DB:
            # Noise depends on the track alone, not on those before it.
            number = excerpt - int(np.searchsorted(tracks.excerpt_track, track))
            rng = np.random.default_rng([SEED, zlib.crc32(tracks.names[track].encode()), number])
            changed = change(log_mel.astype(np.float64), spec, rng)
            log_mel = np.maximum(changed - changed.max(), -spec.top_db).astype(np.float32)
        excerpts.append(log_mel)
    columns = np.array([len(log_mel) for log_mel in excerpts], dtype=np.int64)
    return Tracks(
        names=tracks.names,
        labels=tracks.labels,
        groups=tracks.groups,
        genres=tracks.genres,
        values=np.concatenate(excerpts),
        excerpt_track=tracks.excerpt_track,
        excerpt_first=np.cumsum(columns) - columns,
        excerpt_columns=columns,
        excerpt_start_s=tracks.excerpt_start_s,
        collection=tracks.collection,
    )


def _disturbances(changes: Mapping[str, Change]) -> dict[str, Disturbance]:
    return {name: functools.partial(_disturb, change) for name, change in changes.items()}


# Each makes disturbed `Tracks` of `Tracks` and their spec: dB below the excerpt's new maximum,
# floored at top_db. The same tracks give the same result; digital silence stays as it is.
# Raises TrainingError for statistics.
DISTURBANCES: dict[str, Disturbance] = _disturbances(
    {
        "low-pass 4 kHz": functools.partial(_low_pass, cutoff_hz=4000.0),
        "low-pass 6 kHz": functools.partial(_low_pass, cutoff_hz=6000.0),
        "tilt +6 dB": functools.partial(_tilt, top_db=6.0),
        "tilt -6 dB": functools.partial(_tilt, top_db=-6.0),
        "level -20 dB": _level,
        "noise 20 dB SNR": functools.partial(_noise, snr_db=20.0),
        "speed +5 %": functools.partial(_speed, rate=1.05),
        "speed -5 %": functools.partial(_speed, rate=0.95),
    }
)


def measure_disturbances(
    predict: Callable[[Tracks], npt.NDArray[np.floating[Any]]], tracks: Tracks, spec: FeatureSpec
) -> list[dict[str, Any]]:
    """How many tracks are right when disturbed, ready for a model card.

    Parameters
    ----------
    predict : the answers (n_tracks, n_genres) for tracks, in the order of `tracks.genres`.

    Returns
    -------
    For the clean tracks and each of `DISTURBANCES`: `name`, `accuracy`, its `difference` to that of
    the clean tracks, and `changed`, the share of tracks with another winner than when clean.

    Raises
    ------
    TrainingError : for statistics, which hold no log-mel.
    """
    clean = predict(tracks).argmax(axis=1)
    right = float((clean == tracks.labels).mean())
    rows = [{"name": CLEAN, "accuracy": round(right, 4), "difference": 0.0, "changed": 0.0}]
    for name, disturbance in DISTURBANCES.items():
        winners = predict(disturbance(tracks, spec)).argmax(axis=1)
        accuracy = float((winners == tracks.labels).mean())
        rows.append(
            {
                "name": name,
                "accuracy": round(accuracy, 4),
                "difference": round(accuracy - right, 4),
                "changed": round(float((winners != clean).mean()), 4),
            }
        )
    return rows


def measure_store(predictor: Predictor, store: Store) -> list[dict[str, Any]]:
    """`measure_disturbances` of a version on the validation tracks of a store, never on its test.

    Raises
    ------
    TrainingError : when the store does not fit the version, when the version was trained on its
        validation tracks, or for statistics.
    """
    card = predictor.card
    options = card.to_json()["training"].get("options") or {}
    if options.get("train_on") == "train+validation":
        raise TrainingError(
            f"{card.version} was trained on the validation tracks too, so they say nothing about "
            f"it. `show {card.version}` has its disturbances on held-out and test tracks; or give "
            "sound files."
        )
    tracks = load_tracks(card, store, store.split("validation"))
    return measure_disturbances(lambda asked: soft_votes(predictor, asked), tracks, card.spec)


# File type of each copy, and the arguments with which ffmpeg makes it. White noise has the sample
# rate of the features, so that all of it is heard; nearly all mp3 files have 44.1 kHz.
COPIES: dict[str, tuple[str, str]] = {
    "mp3 64k": ("mp3", "-ar 44100 -c:a libmp3lame -b:a 64k"),
    "mp3 128k": ("mp3", "-ar 44100 -c:a libmp3lame -b:a 128k"),
    "stereo 44.1k": ("wav", "-ar 44100 -ac 2"),
    "level -20 dB": ("wav", "-af volume=-20dB"),
    "noise 20 dB": (
        "wav",
        "-filter_complex anoisesrc=color=white:seed=20:sample_rate={noise_rate}:"
        "amplitude={amplitude},aresample={rate}[noise];"
        "[0:a][noise]amix=inputs=2:duration=first:normalize=0",
    ),
}


def write_copy(name: str, sound: Sound, folder: Path, noise_rate: int) -> Path:
    """Write the copy `name` of a sound, of one or two channels, into `folder`.

    ffmpeg notes in an mp3 how many samples its encoder has added, and decoders drop them, so
    copies neither come later than the song nor are longer.

    Raises
    ------
    TrainingError : without ffmpeg, or when it fails.
    """
    program = ffmpeg()
    if program is None:
        raise TrainingError(f"Copies of songs are made by ffmpeg: {GET_FFMPEG}")
    kind, words = COPIES[name]
    # Without a constant offset, which nobody hears; ffmpeg's white noise is uniform within
    # +-amplitude, and a third of the amplitude's square is its power.
    power = float(sound.mono().samples.var(dtype=np.float64))
    amplitude = f"{np.sqrt(3 * power / 100):.8f}"
    told = words.format(noise_rate=noise_rate, amplitude=amplitude, rate=sound.sample_rate)
    source = ["-f", "f32le", "-ar", str(sound.sample_rate), "-ac", str(sound.samples.shape[1])]
    path = folder / f"{list(COPIES).index(name)}.{kind}"
    command = [program, "-v", "error", *source, "-i", "pipe:0", *told.split(), f"file:{path}"]
    try:
        subprocess.run(
            command,
            input=np.ascontiguousarray(sound.samples, dtype="<f4").tobytes(),
            capture_output=True,
            check=True,
            timeout=FFMPEG_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise TrainingError(f"{name}: ffmpeg took longer than {FFMPEG_TIMEOUT_S} s.") from None
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode("utf-8", errors="replace").strip() or "it gives no reason"
        raise TrainingError(f"{name}: ffmpeg fails ({why.splitlines()[0]}).") from error
    return path


def unchanged_segments(clean: SongAnswer, copy: SongAnswer) -> int:
    """Segments of `clean` whose winner is the same in the copy at the same time.

    Segments begin at the same samples in both, whatever their length; one that the copy lacks
    counts as changed.
    """
    winners = {
        start: winner
        for (start, _), winner in zip(copy.times, copy.prediction.winners, strict=True)
    }
    return sum(
        winners.get(start) == winner
        for (start, _), winner in zip(clean.times, clean.prediction.winners, strict=True)
    )


def measure_song(path: Path, predictor: Predictor) -> dict[str, Any]:
    """A song against its copies, each by the whole chain of the site, ready for JSON.

    Raises
    ------
    TrainingError : for a song that gets no answer, and for copies that cannot be made.
    """
    sound = decode(path)
    if sound.samples.shape[1] > 2:
        sound = sound.mono()
    clean = predict_file(path, predictor)
    copies = []
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIES:
            try:
                made = write_copy(name, sound, Path(folder), predictor.card.spec.sample_rate)
                answer = predict_file(made, predictor)
            except TrainingError as error:
                raise TrainingError(f"{path}, as a copy: {error}") from error
            copies.append(
                {
                    "name": name,
                    "unchanged": unchanged_segments(clean, answer),
                    "winner": answer.prediction.winner,
                }
            )
    return {
        "file": str(path),
        "winner": clean.prediction.winner,
        "segments": len(clean.times),
        "copies": copies,
    }


def summarise(songs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Shares over all songs of `measure_song`: of segments and songs that keep their winner."""
    segments = sum(song["segments"] for song in songs)
    rows = []
    for number, name in enumerate(COPIES):
        copies = [song["copies"][number] for song in songs]
        same = [copy["winner"] == song["winner"] for song, copy in zip(songs, copies, strict=True)]
        rows.append(
            {
                "name": name,
                "segments_unchanged": round(sum(c["unchanged"] for c in copies) / segments, 4),
                "songs_unchanged": round(sum(same) / len(songs), 4),
            }
        )
    unchanged = sum(copy["unchanged"] for song in songs for copy in song["copies"])
    return {
        "songs": len(songs),
        "segments": segments,
        "segments_unchanged": round(unchanged / (segments * len(COPIES)), 4),
        "copies": rows,
    }


def find_songs(paths: Sequence[Path]) -> list[Path]:
    """The files among `paths` and all sound files in the folders among them.

    Raises
    ------
    TrainingError : for a folder without any.
    """
    songs = []
    for path in paths:
        found = list(sound_files(path)) if path.is_dir() else [path]
        if not found:
            raise TrainingError(f"{path}: holds no sound files.")
        songs += found
    return songs
