"""Sound files: decoding, resampling, writing.

libsndfile (through `soundfile`) reads wav, flac, ogg, opus, mp3 and aiff; what it cannot read goes
to ffmpeg, when there is one: m4a, aac, wma, webm, and the sound of videos. Samples are float32
within [-1, 1] as far as the file keeps to that; nothing here normalises.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ..errors import TrainingError
from ..files import replacing

Samples = npt.NDArray[np.float32]

# Read by libsndfile alone, and those that need ffmpeg.
PLAIN_SUFFIXES = frozenset(
    {".aif", ".aiff", ".au", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav"}
)
FFMPEG_SUFFIXES = frozenset({".aac", ".m4a", ".m4b", ".mka", ".mp4", ".webm", ".wma"})
SUFFIXES = PLAIN_SUFFIXES | FFMPEG_SUFFIXES

# Longest that ffmpeg may take for one file; an hour of music takes seconds.
FFMPEG_TIMEOUT_S = 600
GET_FFMPEG = "install it, or the Python package imageio-ffmpeg."
DAMAGED = "is not readable sound: damaged, or of another kind than its name says."


class AudioFileError(TrainingError):
    """A sound file that cannot be used; `str()` names the file and says why.

    Attributes
    ----------
    code : "missing", "unreadable", "empty", "no_sound" (a video without a sound track) or
        "no_ffmpeg" (nothing installed here reads this format).
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
class Sound:
    """Decoded sound: samples float32 (n, n_channels) at sample_rate Hz."""

    samples: Samples
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def mono(self) -> Sound:
        """The mean of all channels, as one."""
        if self.samples.shape[1] == 1:
            return self
        # Channel by channel: over so short an axis, numpy's mean takes ten times as long, which is
        # half the time of reading a song.
        total = self.samples[:, :1].copy()
        for channel in range(1, self.samples.shape[1]):
            total += self.samples[:, channel : channel + 1]
        return Sound(total / np.float32(self.samples.shape[1]), self.sample_rate)

    def resampled(self, sample_rate: int) -> Sound:
        """The same sound at another rate, as `librosa.resample` does it (soxr, high quality)."""
        if sample_rate == self.sample_rate:
            return self
        n_samples = math.ceil(len(self.samples) * (sample_rate / self.sample_rate))
        samples = soxr.resample(self.samples, self.sample_rate, sample_rate, quality="HQ")
        missing = max(n_samples - len(samples), 0)
        samples = np.pad(samples[:n_samples], ((0, missing), (0, 0)))
        return Sound(samples.astype(np.float32, copy=False), sample_rate)


def is_hidden(path: Path) -> bool:
    """Whether a name is hidden or a system's own (such as macOS' copies of attributes)."""
    return path.name.startswith(".") or path.name == "__MACOSX"


def sound_files(folder: Path, *, deep: bool = True) -> Iterator[Path]:
    """Sound files in a folder, sorted, by their names' endings; nothing hidden.

    With `deep`, those of all folders below too; links to folders below are not followed.
    """
    for entry in sorted(folder.iterdir()):
        if is_hidden(entry):
            continue
        if entry.is_dir():
            if deep and not entry.is_symlink():
                yield from sound_files(entry)
        elif entry.suffix.lower() in SUFFIXES:
            yield entry


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
    # Names written by another system may be no text; as bytes they can be opened all the same.
    name = path if os.name == "nt" else os.fsencode(path)
    try:
        samples, sample_rate = soundfile.read(name, dtype="float32", always_2d=True)
    except (soundfile.SoundFileRuntimeError, OSError, TypeError, ValueError):
        sound = _decode_with_ffmpeg(path)
    else:
        sound = Sound(samples, int(sample_rate))
    if not len(sound.samples):
        raise AudioFileError(path, "empty", "holds no sound (0 samples).")
    return sound


def _decode_with_ffmpeg(path: Path) -> Sound:
    program = ffmpeg()
    if program is None:
        if path.suffix.lower() in PLAIN_SUFFIXES:
            raise AudioFileError(path, "unreadable", DAMAGED)
        raise AudioFileError(
            path,
            "no_ffmpeg",
            f"{path.suffix.lower() or 'this'} files need ffmpeg: {GET_FFMPEG}",
        )
    # `file:` and the list of protocols keep names like "http:x" and playlists off the network.
    source = ["-protocol_whitelist", "file,pipe", "-i", f"file:{path}"]
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
        raise AudioFileError(path, "no_sound", "has no sound track.")
    if done.returncode or not done.stdout:
        # ffmpeg's last line that is about the file, not about what it stopped doing
        why = message.splitlines()[0].rpartition("] ")[2] if message else "ffmpeg gives no reason"
        why = why.removeprefix(f"file:{path}: ").rstrip(".")
        raise AudioFileError(path, "unreadable", f"is not readable sound ({why}).")
    samples, sample_rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32", always_2d=True)
    return Sound(samples, int(sample_rate))


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
