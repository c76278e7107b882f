"""Sound files to 16-bit wav: whole, trimmed, or cut in pieces; one file or a tree of folders.

A file appears under its name only when it is complete, so a run that was stopped can be started
again and goes on where it was. A file that cannot be read is counted and named, and the others go
on.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from ..errors import TrainingError
from ..files import replacing_folder
from .audio import Sound, decode, write_wav
from .kinds import SUFFIXES
from .listing import LeftOut, sound_files

SAMPLE_RATES = range(1000, 384001)


@dataclasses.dataclass(frozen=True)
class Job:
    """One file to make: `target` is a wav file, or the folder of the pieces."""

    source: Path
    target: Path


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of a job.

    Attributes
    ----------
    job : what was to be done.
    written : number of files written.
    failure : why it could not be done; None when it was, or had been before.
    """

    job: Job
    written: int = 0
    failure: str | None = None


def convert(
    path: Path,
    out: Path,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    overwrite: bool = False,
    jobs: int | None = None,
    left_out: LeftOut | None = None,
) -> list[Outcome]:
    """Make 16-bit wav of a file, or of all sound files of a tree.

    Parameters
    ----------
    out : for a tree the folder that mirrors it; for a file a folder or a name ending in .wav.
    sample_rate : in Hz; None keeps each file's own.
    mono : mix all channels to one.
    overwrite : make files anew that are there already.
    jobs : threads; None for one per core.
    left_out : gets the number of files of the tree that are no sound by name.

    Raises
    ------
    TrainingError : when there is nothing to convert, or the result would lie on its source.
    """
    if sample_rate is not None and sample_rate not in SAMPLE_RATES:
        raise TrainingError(
            f"--sample-rate: {sample_rate} Hz is outside of {SAMPLE_RATES.start} to "
            f"{SAMPLE_RATES.stop - 1} Hz."
        )

    def one(job: Job) -> int:
        sound = decode(job.source)
        sound = sound.mono() if mono else sound
        write_wav(job.target, sound.resampled(sample_rate) if sample_rate else sound)
        return 1

    return _run(_plan(path, out, ".wav", left_out), one, overwrite, jobs)


def segment(
    path: Path,
    out: Path,
    seconds: float,
    *,
    keep_rest: bool = False,
    overwrite: bool = False,
    jobs: int | None = None,
    left_out: LeftOut | None = None,
) -> list[Outcome]:
    """Cut a file, or all sound files of a tree, in pieces of equal length.

    Each file becomes a folder of its pieces, so that a data set made of them knows which belong
    together.

    Parameters
    ----------
    out : folder that mirrors the tree.
    seconds : length of a piece.
    keep_rest : keep what is left at the end too, though it is shorter.
    overwrite, jobs, left_out : as in `convert`.

    Raises
    ------
    TrainingError : when there is nothing to cut, or the length makes no sense.
    """
    if not 0 < seconds < float("inf"):
        raise TrainingError(f"--seconds: {seconds:g} must be more than zero.")

    def one(job: Job) -> int:
        pieces = cut(decode(job.source), seconds, keep_rest)
        if not pieces:
            raise TrainingError(f"is shorter than {seconds:g} s; --keep-rest keeps it as it is.")
        digits = max(2, len(str(len(pieces) - 1)))
        with replacing_folder(job.target, overwrite=True) as folder:
            for number, piece in enumerate(pieces):
                write_wav(folder / f"{job.source.stem}.{number:0{digits}d}.wav", piece)
        return len(pieces)

    return _run(_plan(path, out, "", left_out), one, overwrite, jobs)


def cut(sound: Sound, seconds: float, keep_rest: bool = False) -> list[Sound]:
    """Pieces of equal length; with `keep_rest` a shorter one at the end, if anything is left."""
    length = max(round(seconds * sound.sample_rate), 1)
    starts = range(0, len(sound.samples), length)
    pieces = [Sound(sound.samples[at : at + length], sound.sample_rate) for at in starts]
    return pieces if keep_rest else [piece for piece in pieces if len(piece.samples) == length]


def trim(
    source: Path, out: Path, start: float, end: float | None = None, *, overwrite: bool = False
) -> Sound:
    """Keep the part of a file from `start` to `end` (seconds; None: to its end) as 16-bit wav.

    Raises
    ------
    TrainingError : for a part that is not in the file, a target that is there already, or a file
        that cannot be read or written.
    """
    if out.suffix.lower() != ".wav":
        raise TrainingError(f"{out}: name a file that ends in .wav; other formats are not written.")
    if out.exists() and not overwrite:
        raise TrainingError(f"{out}: is there already; --overwrite replaces it.")
    if start < 0 or (end is not None and end <= start):
        raise TrainingError(f"Nothing lies between {start:g} s and {end:g} s; end after the start.")
    sound = decode(source)
    if start >= sound.seconds or (end is not None and end > sound.seconds + 0.5 / 1000):
        raise TrainingError(
            f"{source}: lasts {sound.seconds:.2f} s; the part from {start:g} s to "
            f"{'its end' if end is None else f'{end:g} s'} is not in it."
        )
    first = round(start * sound.sample_rate)
    last = None if end is None else round(end * sound.sample_rate)
    part = Sound(sound.samples[first:last], sound.sample_rate)
    write_wav(out, part)
    return part


def _plan(path: Path, out: Path, suffix: str, left_out: LeftOut | None) -> list[Job]:
    """One job for each source; two sources never share a target."""
    if path.is_file():
        named = suffix and out.suffix.lower() == suffix
        jobs = [Job(path, out if named else out / f"{path.stem}{suffix}")]
    elif path.is_dir():
        if out.is_file():
            raise TrainingError(f"{out}: is a file; name a folder for the result of a folder.")
        if out.resolve() == path.resolve():
            raise TrainingError(f"{out}: is the source itself; name another folder.")
        jobs = list(_mirror(path, out, suffix, left_out))
    else:
        raise TrainingError(f"{path}: not there; name a sound file or a folder.")
    if not jobs:
        raise TrainingError(
            f"{path}: holds no sound file (aac, aiff, flac, m4a, mp3, ogg, opus, wav, wma and "
            f"{len(SUFFIXES) - 9} more kinds by name)."
        )
    for job in jobs:
        if job.target.resolve() == job.source.resolve():
            raise TrainingError(f"{job.target}: is the source itself; name another file.")
    return jobs


def _mirror(path: Path, out: Path, suffix: str, left_out: LeftOut | None) -> Iterator[Job]:
    # The folder of results may lie inside of the source: its files are no sources.
    sources = [
        source
        for source in sound_files(path, left_out=left_out)
        if not source.resolve().is_relative_to(out.resolve())
    ]
    names = collections.Counter(source.with_suffix("") for source in sources)
    for source in sources:
        # song.mp3 beside song.flac
        stem = source.name if names[source.with_suffix("")] > 1 else source.stem
        yield Job(source, out / source.relative_to(path).parent / f"{stem}{suffix}")


def _run(
    plan: Sequence[Job], one: Callable[[Job], int], overwrite: bool, jobs: int | None
) -> list[Outcome]:
    """Do the jobs in threads (decoders leave Python's lock alone), with a progress bar."""

    def attempt(job: Job) -> Outcome:
        if job.target.exists() and not overwrite:
            return Outcome(job)
        try:
            return Outcome(job, written=one(job))
        except TrainingError as error:
            return Outcome(job, failure=getattr(error, "reason", str(error)))

    threads = jobs if jobs is not None and jobs > 0 else os.cpu_count()
    # Leaving the block waits for what is under way, so Ctrl-C leaves no unfinished file.
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        try:
            return list(tqdm(pool.map(attempt, plan), total=len(plan), unit="file", disable=None))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
