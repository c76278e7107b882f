"""Sound files: decoding, resampling, writing.

libsndfile (through `soundfile`) reads wav, flac, ogg, opus, mp3, aiff, au and caf; what it cannot
read goes to ffmpeg, when there is one: m4a, aac, wma, webm, and the sound of videos. So does what
libsndfile would read in part (see `lengths`). Samples are float32 within [-1, 1] as far as the file
keeps to that; nothing here normalises.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import mmap
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from features.downmix import downmix

from ..errors import TrainingError
from ..files import replacing
from .kinds import HOPELESS, PLAIN_SUFFIXES, Content, Kind, kind_of
from .lengths import (
    TOLERANCE_S,
    flac_seconds,
    flac_songs,
    mp3_frames,
    mp4_songs,
    ogg_songs,
    plain_samples,
    plain_songs,
)

Samples = npt.NDArray[np.float32]
Source = bytes | str | Path | io.BytesIO

# Longest that ffmpeg may take for one file; an hour of music takes seconds.
FFMPEG_TIMEOUT_S = 600
GET_FFMPEG = "install it, or the Python package imageio-ffmpeg."
CONVERT = "convert it to flac or mp3 with the program that made it."
DAMAGED = "is not readable sound: damaged, or of another kind than its name says."
JOINED = "is {count} files joined into one; all of them are heard."
# A longer one (30 days) is a mark that the length is not known.
MOST_TOLD_S = 30 * 86400.0
# Bytes of a plain sample.
SAMPLE_BYTES = {
    **{"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3},
    **{"PCM_32": 4, "FLOAT": 4, "DOUBLE": 8},
}


class AudioFileError(TrainingError):
    """A sound file that cannot be used; `str()` names the file and says why.

    Attributes
    ----------
    code : "missing", "unreadable", "empty", "no_sound" (a video without a sound track)
        or "no_ffmpeg" (nothing installed here reads all of this file).
    reason : the sentence without the file's name.
    """

    def __init__(self, path: Path, code: str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.code = code
        self.reason = reason

    def __reduce__(self) -> tuple[type[AudioFileError], tuple[Path, str, str]]:
        """Exceptions of worker processes come back pickled."""
        return AudioFileError, (self.path, self.code, self.reason)


@dataclasses.dataclass(frozen=True)
class Remark:
    """What is wrong with a file of which all is heard nevertheless.

    Attributes
    ----------
    code : "joined" or "wrong_length".
    reason : the end of a sentence that begins with the file.
    """

    code: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Sound:
    """Decoded sound: samples float32 (n, n_channels) at sample_rate Hz; a remark on its file."""

    samples: Samples
    sample_rate: int
    remark: Remark | None = None

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def mono(self) -> Sound:
        """The channels as one, as the page mixes them: see `features.downmix`."""
        if self.samples.shape[1] == 1:
            return self
        return Sound(downmix(self.samples, self.sample_rate)[:, np.newaxis], self.sample_rate)

    def resampled(self, sample_rate: int) -> Sound:
        """The same sound at another rate, as `librosa.resample` does it (soxr, high quality)."""
        if sample_rate == self.sample_rate:
            return self
        n_samples = math.ceil(len(self.samples) * (sample_rate / self.sample_rate))
        samples = soxr.resample(self.samples, self.sample_rate, sample_rate, quality="HQ")
        missing = max(n_samples - len(samples), 0)
        samples = np.pad(samples[:n_samples], ((0, missing), (0, 0)))
        return Sound(samples.astype(np.float32, copy=False), sample_rate)


@functools.cache
def ffmpeg() -> str | None:
    """The ffmpeg to use: of the search path, else the one of the package imageio-ffmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        return None
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:  # the package without its program
        return None


def decode(path: Path) -> Sound:
    """All samples of a sound file, at its own rate and with its own channels.

    Raises
    ------
    AudioFileError : naming the file and the reason.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a sound file." if path.is_dir() else "there is no such file."
        raise AudioFileError(path, "missing", what)
    if not os.access(path, os.R_OK):
        raise AudioFileError(path, "unreadable", "may not be read; check its permissions.")
    if not path.stat().st_size:
        raise AudioFileError(path, "empty", "the file is empty (0 bytes).")
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise AudioFileError(path, "unreadable", f"cannot be read ({error}).") from error
    with content:
        sound = _decode(path, content)
    if not len(sound.samples):
        raise AudioFileError(path, "empty", "holds no sound (0 samples).")
    return sound


def _decode(path: Path, content: Content) -> Sound:
    kind = kind_of(content, path.name)
    if kind.reason in HOPELESS:
        raise AudioFileError(path, "unreadable", str(kind.refusal))
    starts: Sequence[int] = ()
    if kind.name == "ogg":
        starts = ogg_songs(content)
    elif kind.name == "flac":
        starts = flac_songs(content)
    elif kind.name == "mp4":
        starts = mp4_songs(content)
    else:
        starts = plain_songs(content, kind.name, kind.start)
    if len(starts) > 1:
        ends = [*starts[1:], len(content)]
        return _joined(path, kind, content, list(zip(starts, ends, strict=True)))
    # Names written by another system may be no text; as bytes they can be opened all the same.
    name = path if os.name == "nt" else os.fsencode(path)
    return _read_plain(name, content, kind) or _read_coded(path, name, content, kind)


def _joined(path: Path, kind: Kind, content: Content, files: Sequence[tuple[int, int]]) -> Sound:
    """Files behind one another: at the rate of the first, with as many channels as any has."""
    sounds = []
    failure = None
    for bounds in files:
        try:
            sounds.append(_part(path, kind, content, bounds))
        except AudioFileError as error:
            if error.code == "no_ffmpeg":
                raise
            failure = error
    if not sounds:
        assert failure is not None
        raise failure
    rate = sounds[0].sample_rate
    most = max(sound.samples.shape[1] for sound in sounds)
    parts = []
    for sound in (sound.resampled(rate) for sound in sounds):
        if sound.samples.shape[1] != most:
            sound = Sound(np.repeat(sound.mono().samples, most, axis=1), rate)
        parts.append(sound.samples)
    reason = JOINED.format(count=len(files))
    if failure is not None:
        reason = f"is {len(files)} files joined into one, of which {len(sounds)} can be heard."
    return Sound(np.concatenate(parts), rate, Remark("joined", reason))


def _part(path: Path, kind: Kind, content: Content, bounds: tuple[int, int]) -> Sound:
    """One of the files that were joined: its first byte and its last, not its own any more."""
    part = content[slice(*bounds)]
    source = io.BytesIO(part)
    plain = _read_plain(source, part, dataclasses.replace(kind, start=0))
    return plain or _read(source) or _decode_with_ffmpeg(path, kind, bounds)


def _read(source: Source) -> Sound | None:
    """All that libsndfile reads; None if that is nothing."""
    if isinstance(source, io.BytesIO):
        source.seek(0)
    try:
        samples, sample_rate = soundfile.read(source, dtype="float32", always_2d=True)
    except (soundfile.SoundFileRuntimeError, MemoryError, OSError, TypeError, ValueError):
        # MemoryError: the header tells more samples than fit, and none are there.
        return None
    return Sound(samples, int(sample_rate))


def _info(source: Source) -> Any:
    """What libsndfile tells of a file's header; None if it knows no such kind."""
    if isinstance(source, io.BytesIO):
        source.seek(0)
    try:
        return soundfile.info(source)
    except (soundfile.SoundFileRuntimeError, OSError, TypeError, ValueError):
        return None


def _compared(sound: Sound, told: float | None) -> Sound:
    """The sound of a file, with a remark where its header tells another length."""
    if told is None or told > MOST_TOLD_S or abs(told - sound.seconds) <= TOLERANCE_S:
        return sound
    if told > sound.seconds:
        there = f"only {sound.seconds:.2f} s are there: it was cut short, or is damaged."
    else:
        there = f"it holds {sound.seconds:.2f} s; all of it is heard."
    return dataclasses.replace(
        sound, remark=Remark("wrong_length", f"its header tells {told:.2f} s, and {there}")
    )


def _read_plain(source: Source, content: Content, kind: Kind) -> Sound | None:
    """Plain samples, as many as there are; None for others, and where libsndfile reads them all."""
    found = plain_samples(content, kind.name, kind.start)
    info = _info(source)
    if found is None or info is None:
        return None
    frame = SAMPLE_BYTES.get(info.subtype, 0) * info.channels
    if not frame:
        return None
    missed = (found.end - found.start) // frame - info.frames
    if missed <= (TOLERANCE_S * info.samplerate if info.frames else 0):
        sound = _read(source)
        return sound and _compared(sound, found.told / frame / info.samplerate)
    whole = content[found.start : found.start + (missed + info.frames) * frame]
    samples, rate = soundfile.read(
        io.BytesIO(whole),
        dtype="float32",
        always_2d=True,
        **{"format": "RAW", "subtype": info.subtype, "channels": info.channels},
        **{"samplerate": info.samplerate, "endian": "LITTLE" if found.little else "BIG"},
    )
    return _compared(Sound(samples, int(rate)), info.duration)


def _read_coded(path: Path, name: Source, content: Content, kind: Kind) -> Sound:
    """Other sound: by libsndfile, where that reads all of it, else by ffmpeg."""
    info = _info(name)
    if info is not None and info.format == "MP3":
        return _read_mp3(path, name, content, kind, info)
    told = None if info is None else float(info.duration)
    sound = _read(name)
    if sound is None:
        return _compared(_decode_with_ffmpeg(path, kind), told)
    there = flac_seconds(content, kind.start) if kind.name == "flac" else 0.0
    if there <= sound.seconds + TOLERANCE_S:
        return _compared(sound, told)
    return _compared(_decode_rest(path, kind, sound, there), told)


def _read_mp3(path: Path, name: Source, content: Content, kind: Kind, info: Any) -> Sound:
    """What libsndfile takes for an mp3, where it can be one."""
    frames = mp3_frames(content) if kind.name == "" else None
    if frames is None:
        # The first bytes, or that no frames follow one another, tell of another kind.
        try:
            return _decode_with_ffmpeg(path, kind)
        except AudioFileError:
            if kind.name or (sound := _read(name)) is None:
                raise
            return sound
    told = float(info.duration) if frames.headers else None  # otherwise libsndfile guesses
    sound = _read(name)
    if sound is None:
        return _compared(_decode_with_ffmpeg(path, kind), told)
    if not frames.changes and frames.seconds <= sound.seconds + TOLERANCE_S:
        return _compared(sound, told)
    heard = _compared(_decode_rest(path, kind, sound, frames.seconds), told)
    if frames.headers > 1:
        remark = Remark("joined", JOINED.format(count=frames.headers))
    elif frames.changes:
        reason = "changes its channels or its rate in the middle; all of it is heard."
        remark = Remark("joined", reason)
    elif not frames.headers:
        reason = f"has no header with its length; all of its {heard.seconds:.2f} s are heard."
        remark = Remark("wrong_length", reason)
    else:
        return heard
    return dataclasses.replace(heard, remark=remark)


def _decode_rest(path: Path, kind: Kind, sound: Sound, there: float) -> Sound:
    """All `there` seconds of a file of which libsndfile reads only `sound`."""
    if ffmpeg() is None:
        reason = (
            f"holds {there:.2f} s, of which {sound.seconds:.2f} s can be read without ffmpeg: "
            f"{GET_FFMPEG}"
        )
        raise AudioFileError(path, "no_ffmpeg", reason)
    return _decode_with_ffmpeg(path, kind)


def _decode_with_ffmpeg(path: Path, kind: Kind, part: tuple[int, int] | None = None) -> Sound:
    """What ffmpeg reads of a file, or of the bytes from `part[0]` to `part[1]`."""
    program = ffmpeg()
    if program is None:
        raise _without_ffmpeg(path, kind)
    # `file:` and the list of protocols keep names like "http:x" and playlists off the network.
    place = f"file:{path}"
    if part is not None:
        place = f"subfile,,start,{part[0]},end,{part[1]},,:{place}"
    source = ["-protocol_whitelist", "file,pipe,subfile", "-i", place]
    # Sun's AU can be written to a pipe, and its header holds rate and channels.
    target = ["-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    command = [program, "-nostdin", "-v", "error", *source, *target]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=FFMPEG_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        reason = f"ffmpeg did not finish it within {FFMPEG_TIMEOUT_S} s."
        raise AudioFileError(path, "unreadable", reason) from None
    message = done.stderr.decode("utf-8", errors="replace").strip()
    if "matches no streams" in message:
        raise AudioFileError(path, "no_sound", kind.refusal or "has no sound track.")
    sound = _read(io.BytesIO(done.stdout)) if done.stdout else None
    if not done.returncode and sound is not None:
        return sound
    # ffmpeg's last line that is about the file, not about what it stopped doing
    why = message.splitlines()[0].rpartition("] ")[2] if message else "ffmpeg gives no reason"
    why = why.removeprefix(f"{place}: ").rstrip(".")
    if kind.reason == "coded":
        reason = f"this is {kind.name}, which ffmpeg could not decode ({why}): {CONVERT}"
    else:
        reason = kind.refusal or f"is not readable sound ({why})."
    raise AudioFileError(path, "unreadable", reason)


def _without_ffmpeg(path: Path, kind: Kind) -> AudioFileError:
    """Why a file that libsndfile does not read cannot be read."""
    if kind.refusal:
        return AudioFileError(path, "unreadable", kind.refusal)
    if kind.reason == "coded":
        reason = f"this is {kind.name}, which needs ffmpeg: {GET_FFMPEG}"
        return AudioFileError(path, "no_ffmpeg", reason)
    if path.suffix.lower() not in PLAIN_SUFFIXES:
        reason = f"{path.suffix.lower() or 'this'} files need ffmpeg: {GET_FFMPEG}"
        return AudioFileError(path, "no_ffmpeg", reason)
    if kind.name:
        reason = f"is damaged, or coded in a way that needs ffmpeg: {GET_FFMPEG}"
        return AudioFileError(path, "no_ffmpeg", reason)
    return AudioFileError(path, "unreadable", DAMAGED)


def load_audio(path: Path, sample_rate: int) -> Samples:
    """Mono samples (n,) at `sample_rate`, as `librosa.load(path, sr=sample_rate)` gives them.

    Values that are not finite are handed on; `features` refuses them.

    Raises
    ------
    AudioFileError : naming the file and the reason.
    """
    return decode(path).mono().resampled(sample_rate).samples[:, 0]


def write_wav(path: Path, sound: Sound) -> None:
    """Write 16-bit wav: first beside its place, then renamed, so that it is whole or not there.

    16-bit sources come out bit for bit; louder than full scale is clipped.

    Raises
    ------
    TrainingError : when the file cannot be written.
    """
    steps = np.clip(np.rint(np.nan_to_num(sound.samples) * 32768.0), -32768, 32767)
    with replacing(path) as unfinished:
        try:
            soundfile.write(
                unfinished, steps.astype(np.int16), sound.sample_rate, "PCM_16", format="WAV"
            )
        except soundfile.SoundFileRuntimeError as error:
            raise OSError(str(error)) from error
