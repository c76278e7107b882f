"""From a data set of sound files to a feature store, on all cores or on a Dask cluster.

Every track is one task. The results of finished tasks are kept in a hidden folder beside the store,
so that a run that was stopped goes on where it was; at the end the store is put together from them
and appears under its name in one step. A file that cannot be used costs one line in the report.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import shutil
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import resource_tracker
from pathlib import Path

import joblib
import numpy as np
import numpy.typing as npt
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from features import FeatureSpec
from features.spec import STATISTICS
from features.statistics import statistics_names

from ..datasets import PARTS, Clip, Dataset, Problem, check_clips, check_dataset
from ..datasets.clips import relative
from ..datasets.replicas import Checked, find_replicas
from ..errors import TrainingError
from ..files import digest_of, make_folder, refuse_existing, replacing
from ..processes import parallel
from .sound_features import Extracted, Recipe, extract_file
from .store_writer import About, StoredTrack, write_store

Samples = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Report:
    """How an extraction went.

    Attributes
    ----------
    n_tracks, n_excerpts : in the store; excerpts of copies count too.
    n_reused : tracks that an earlier, stopped run had done.
    skipped : {"track", "path", "reason"} of every clip that gave no features.
    replicas : pairs of tracks that are the same recording.
    splits : number of tracks of each part that the data set prescribes; empty without.
    """

    n_tracks: int
    n_excerpts: int
    n_reused: int
    skipped: list[dict[str, str]]
    replicas: list[tuple[str, str]]
    splits: dict[str, int]


def table_spec(spec: FeatureSpec) -> FeatureSpec:
    """The spec of the table of statistics.

    It is `spec` itself when that is of statistics; else all statistics with librosa's defaults, at
    the sample rate and with the excerpts of `spec`.
    """
    if spec.kind == "statistics":
        return spec
    return dataclasses.replace(
        spec,
        kind="statistics",
        statistics=tuple(STATISTICS),
        standardise=False,
        n_fft=2048,
        hop_length=512,
        n_mels=128,
        fmin=0.0,
        fmax=spec.sample_rate / 2,
        n_mfcc=20,
        n_frames=1,
    )


@contextlib.contextmanager
def _running(
    clips: Sequence[tuple[int, Clip]], recipe: Recipe, jobs: int, scheduler: str | None
) -> Iterator[Iterable[tuple[int, Extracted | str]]]:
    """Run the tasks; gives their results as they are done, in any order.

    When the block is left early, no further task is started.
    """
    if not clips:
        yield ()
        return
    paths = [clip.path.absolute() for _, clip in clips]
    tasks = (
        joblib.delayed(extract_file)(number, str(path), clip.track, recipe)
        for (number, clip), path in zip(clips, paths, strict=True)
    )
    with contextlib.ExitStack() as stack:
        if scheduler is not None:
            from .cluster import dask_cluster  # takes a second to import

            folders = sorted({str(path.parent) for path in paths if path.parent.is_dir()})
            stack.enter_context(dask_cluster(scheduler, folders))
            jobs = -1
        run = parallel(jobs, "generator_unordered")
        try:
            with _ctrl_c_waits():
                started = run(tasks)
            with warnings.catch_warnings(), contextlib.closing(started) as results:
                # joblib warns about tasks that it gives up; leaving the block early asks for that.
                warnings.filterwarnings("ignore", r"\d+ tasks", UserWarning)
                yield results
        except TerminatedWorkerError as error:
            raise TrainingError(
                "A worker process was ended from outside, most likely for lack of memory. What "
                "was done is kept: run the same command again with fewer --jobs."
            ) from error


@contextlib.contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Processes that start inside never get the terminal's Ctrl-C, this one gets it afterwards.

    This process ends them; otherwise each would print where it was interrupted.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    # Python's own helper process would lift the block when it starts; it has to be there first.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _key(clip: Clip, recipe: Recipe) -> str:
    """Name of the finished work of a clip: changes with the file and with the recipe."""
    try:
        status = clip.path.stat()
        version = [status.st_size, status.st_mtime_ns]
    except OSError:
        version = []
    table = recipe.table.id if recipe.table else None
    path = str(clip.path.absolute())
    features = [recipe.spec.id, recipe.options(), table, recipe.fingerprints]
    parts = [clip.track, path, version, features]
    return digest_of(parts)[:40]


def work_folder(out: Path) -> Path:
    """Where the finished tracks of the store `out` wait for the others."""
    return out.parent / f".{out.name}.extracting"


def extract(
    dataset: Dataset,
    recipe: Recipe,
    out: Path,
    *,
    command: str = "",
    jobs: int = -1,
    scheduler: str | None = None,
    table_path: Path | None = None,
) -> Report:
    """Extract a data set into the feature store `out`.

    Parameters
    ----------
    command : told in `store.json`.
    jobs : processes on this machine; -1 for one per core.
    scheduler : address of a Dask scheduler, whose workers then do the work.
    table_path : CSV of track statistics to write; needs `recipe.table`.

    Raises
    ------
    TrainingError : for a data set of which no honest model can be made, before or after its
        unusable files are left out; a store that exists; a cluster that does not answer.
    """
    refuse_existing(out)
    check_dataset(dataset)
    skipped = [_skip(problem, dataset, problem.reason) for problem in dataset.problems]
    clips = []
    for clip in sorted(dataset.clips, key=lambda clip: clip.track):
        if clip.track.splitlines() != [clip.track]:
            skipped.append(_skip(clip, dataset, "its name holds a line break; rename it."))
        elif _utf8(clip.track) != clip.track:
            skipped.append(_skip(clip, dataset, "its name is not valid UTF-8; rename it."))
        else:
            clips.append(clip)
    work = work_folder(out)
    files = [work / f"{_key(clip, recipe)}.npz" for clip in clips]
    todo = [(number, clip) for number, clip in enumerate(clips) if not files[number].exists()]
    n_reused = len(clips) - len(todo)
    reasons: dict[int, str] = {}
    try:
        make_folder(work)
        with _running(todo, recipe, jobs, scheduler) as results:
            for number, result in tqdm(
                results, total=len(clips), initial=n_reused, unit="song", disable=None
            ):
                if isinstance(result, str):
                    reasons[number] = result
                else:
                    result.save(files[number])
    except KeyboardInterrupt:
        done = sum(file.exists() for file in files)
        print(
            f"{done} of {len(clips)} songs are done and kept in {work}: the same command goes on "
            "from there.",
            file=sys.stderr,
        )
        raise
    finally:
        with contextlib.suppress(OSError):  # something is in it, or it was never made
            work.rmdir()
    skipped += [_skip(clips[number], dataset, reasons[number]) for number in sorted(reasons)]
    kept = [number for number in range(len(clips)) if number not in reasons]
    if reasons:
        _check_rest([clips[number] for number in kept], dataset, skipped)
    report = _put_together(
        [clips[number] for number in kept],
        [files[number] for number in kept],
        dataset,
        recipe,
        out,
        skipped=skipped,
        command=command,
        table_path=table_path,
    )
    shutil.rmtree(work)
    return dataclasses.replace(report, n_reused=n_reused)


def _check_rest(clips: list[Clip], dataset: Dataset, skipped: list[dict[str, str]]) -> None:
    try:
        check_clips(clips, dataset.folder)
    except TrainingError as error:
        first = skipped[0]
        raise TrainingError(
            f"{error} Without features: {len(skipped)}, the first is {first['path']}: "
            f"{first['reason']}"
        ) from error


def _utf8(text: str) -> str:
    """The text; parts that UTF-8 cannot hold (of foreign file names) become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _skip(clip: Clip | Problem, dataset: Dataset, reason: str) -> dict[str, str]:
    return {
        "track": _utf8(clip.track),
        "path": _utf8(relative(clip.path, dataset.folder)),
        "reason": _utf8(reason),
    }


def _put_together(
    clips: list[Clip],
    files: list[Path],
    dataset: Dataset,
    recipe: Recipe,
    out: Path,
    *,
    skipped: list[dict[str, str]],
    command: str,
    table_path: Path | None,
) -> Report:
    tracks, table = [], []
    checked = []
    n_excerpts = 0
    names = {clip.track for clip in clips}
    replicas = {(min(pair), max(pair)) for pair in dataset.replicas if names.issuperset(pair)}
    for clip, file in zip(clips, files, strict=True):
        found = Extracted.load(file)
        tracks.append(
            StoredTrack(
                track=clip.track,
                genre=clip.genre,
                group=clip.group,
                split=clip.split or "",
                seconds=found.seconds,
                path=_utf8(relative(clip.path, dataset.folder)),
            )
        )
        n_excerpts += len(found.excerpts.columns)
        table.append(found.table)
        checked.append(Checked(clip, found.seconds, None, found.digest, found.fingerprint))
    for pair in find_replicas(checked):
        replicas.add((clips[pair.first].track, clips[pair.second].track))
    splits = prescribed_splits(clips)
    write_store(
        out,
        About(
            spec=recipe.spec,
            name=dataset.name,
            licence=dataset.licence,
            citation=dataset.citation,
            command=command,
            replicas=sorted(replicas),
            skipped=skipped,
            options=recipe.options(),
        ),
        tracks,
        lambda row: Extracted.load(files[row]).excerpts,
        splits,
    )
    if table_path is not None and recipe.table is not None:
        write_table(table_path, tracks, table, recipe.table)
    return Report(
        n_tracks=len(tracks),
        n_excerpts=n_excerpts,
        n_reused=0,
        skipped=skipped,
        replicas=sorted(replicas),
        splits={part: len(names) for part, names in (splits or {}).items()},
    )


def prescribed_splits(clips: Sequence[Clip]) -> dict[str, list[str]] | None:
    """The parts that the data set prescribes, when each of them has every genre; else None.

    Clips to which it gives no part are in none.
    """
    splits = {part: [clip for clip in clips if clip.split == part] for part in PARTS}
    genres = {clip.genre for clip in clips}
    if any({clip.genre for clip in part} != genres for part in splits.values()):
        return None
    return {part: [clip.track for clip in found] for part, found in splits.items()}


# --- tables for people ------------------------------------------------------------------------


def write_table(
    path: Path, tracks: Sequence[StoredTrack], rows: Sequence[Samples], spec: FeatureSpec
) -> None:
    """Write a CSV of track statistics, one track a row.

    Raises
    ------
    TrainingError : when it cannot be written.
    """
    with (
        replacing(path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["track", "genre", "group", "seconds", *statistics_names(spec)])
        for track, row in zip(tracks, rows, strict=True):
            about = [track.track, track.genre, track.group, round(track.seconds, 3)]
            writer.writerow([*about, *(f"{value:.6g}" for value in row)])
